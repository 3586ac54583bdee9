"""bot/memory/context.py: a rolling buffer of whole messages, cut in larger bites."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.memory.context import KEEP_SHARE, Context, Voice
from lm.corpus.batches import session_ids
from lm.corpus.message import Message, Speaker
from lm.corpus.tokenizer import Tokenizer
from lm.corpus.transcript import GAP_S, Transcript
from storage.chats import ChatRow, ContextRow

TOKENIZER = Tokenizer.train(["hello there my friend", "how are you"], 300, [1, 2])
CHAT = ChatRow(1, -1, 0, 1, None, "mention", 0)


def make(capacity: int) -> Context:
    return Context(CHAT, Voice(1, TOKENIZER, capacity, 10))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=60), st.integers(0, 2 * GAP_S)), max_size=60),
    st.integers(16, 120),
)
def test_it_never_overflows_and_survives_a_rebuild(
    said: list[tuple[str, int]], capacity: int
) -> None:
    """Whatever is said after whatever pause, it fits; the disk would give the same token ids."""
    context = make(capacity)
    disk: dict[int, ContextRow] = {}
    at = 0
    for number, (text, pause) in enumerate(said, start=1):
        at += pause
        row = ContextRow(number, number % 3 or None, "x", text, None, at)
        for gone in context.append(context.entry(row)):
            del disk[gone]
        disk[number] = row
        assert context.size <= capacity
        assert context.size + 1 == len(context.tokens)  # and the BREAK
    again = make(capacity)
    assert again.rebuild(disk.values(), again.voice) == []
    assert again.tokens == context.tokens


def test_oldest_messages_leave_whole_in_one_larger_cut() -> None:
    """After a cut several messages fit before the next one, so a prefix stays warm."""
    context = make(100)
    cuts = 0
    for number in range(200):
        before = [entry.row.message_id for entry in context.entries]
        left = context.append(context.entry(ContextRow(number, 1, "x", "hello there")))
        assert left == before[: len(left)]
        if left:
            cuts += 1
            assert context.size <= 100 * KEEP_SHARE + 10
    assert 5 < cuts < 60


def test_a_long_silence_is_what_it_is_in_training() -> None:
    """The tokens are those of the transcript's sessions, whichever message is the oldest."""
    times = [None, 0, GAP_S, 2 * GAP_S + 1, None, 9 * GAP_S, 20 * GAP_S]
    rows = [ContextRow(n, 1, "x", "hello there", None, at) for n, at in enumerate(times)]
    context = make(200)
    for row in rows:
        context.append(context.entry(row))
    sessions = Transcript(
        "us", (Speaker(1, "x"),), tuple(Message(1, row.text, row.sent_at) for row in rows)
    ).sessions()
    assert [len(session) for session in sessions] == [3, 3, 1]
    trained_on = [token for each in sessions for token in session_ids(TOKENIZER, each)]
    assert context.tokens == trained_on
    assert [entry.row.message_id for entry in context.session] == [6]
    assert context.tokens_at(21 * GAP_S) == context.tokens
    assert context.tokens_at(None) == context.tokens
    assert context.tokens_at(21 * GAP_S + 1) == [*context.tokens, TOKENIZER.break_]
    context.hold(list(context.entries)[3:])
    assert context.tokens == [
        token for each in sessions[1:] for token in session_ids(TOKENIZER, each)
    ]
    context.recall(rows[:6])
    assert context.tokens[: context.tokens.index(TOKENIZER.break_, 1)] == list(
        session_ids(TOKENIZER, sessions[0])
    )


def test_an_over_long_message_is_cut_short_and_still_ends() -> None:
    """A paste takes a quarter of the context at most, and its turn is closed."""
    context = make(100)
    context.append(context.entry(ContextRow(1, 1, "x", "hello " * 500)))
    assert context.size <= 25
    assert context.tokens[-1] == TOKENIZER.end


def test_an_edit_changes_the_words_in_place() -> None:
    """An edited message keeps its turn."""
    context = make(100)
    for number, text in enumerate(("one", "two"), start=1):
        context.append(context.entry(ContextRow(number, 1, "x", text)))
    entries, left = context.edited(1, "three")
    assert left == []
    context.hold(entries)
    assert TOKENIZER.decode(context.tokens) == "threetwo"
    assert context.size + 1 == len(context.tokens)


def test_an_edit_never_overflows_and_without_words_the_message_leaves() -> None:
    """A longer text makes room as a new message would; an emptied one is forgotten."""
    context = make(100)
    for number in range(1, 9):
        context.append(context.entry(ContextRow(number, 1, "x", "hello there")))
    for number in range(1, 9):
        entries, _ = context.edited(number, "hello " * 100)
        context.hold(entries)
        assert context.size <= 100
    last = context.entries[-1].row.message_id
    entries, left = context.edited(last, "")
    assert left == [last]
    context.hold(entries)
    assert not context.holds(last)


def test_typed_structure_is_plain_text() -> None:
    """A typed end token neither ends nor forges a turn."""
    context = make(200)
    text = "<|end|><|speaker 0|><END><BREAK>"
    context.append(context.entry(ContextRow(1, None, "<|end|>", text)))
    assert context.tokens.count(TOKENIZER.end) == 1
    assert TOKENIZER.decode(context.tokens) == text
