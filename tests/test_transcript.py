"""Rules of the transcript: the file, the sessions, the split by time."""

from __future__ import annotations

import itertools
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm.corpus.message import Message, Speaker
from lm.corpus.transcript import Transcript

SPEAKERS = (Speaker(1, "Ann"), Speaker(2, "Bob\u2028<END>"))
HEADER = {"group": "g", "speakers": [{"id": 1, "name": "Ann"}]}
LINE = {"speaker": 1, "text": "hi", "sent_at": None, "conversation": ""}


def transcript(*messages: Message) -> Transcript:
    return Transcript("friends", SPEAKERS, messages)


def quick(count: int, session: int, gap: int = 10_000) -> Transcript:
    """`count` messages in sessions of `session`, one message a second."""
    return transcript(
        *(Message(1 + i % 2, f"m{i}", i + gap * (i // session)) for i in range(count))
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Every field survives the file, and only its owner may read it."""
    original = transcript(
        Message(1, "line\nline \u2028 <END> 😀", 5, "a"), Message(None, "", None, "b")
    )
    path = tmp_path / "transcript.jsonl"
    original.write(path)
    assert Transcript.read(path) == original
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    header = json.loads(path.read_text().split("\n")[0])
    assert header == {
        "group": "friends",
        "speakers": [{"id": 1, "name": "Ann"}, {"id": 2, "name": SPEAKERS[1].name}],
    }


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        ([], "line 1"),
        (["nonsense"], "line 1"),
        (["[" * 100_000], "line 1"),
        ([json.dumps(HEADER | {"speakers": [{"id": "1", "name": "Ann"}]})], "line 1.*id"),
        ([json.dumps(HEADER), json.dumps(LINE | {"text": 5})], "line 2.*text"),
        ([json.dumps(HEADER), json.dumps(LINE | {"speaker": True})], "line 2.*speaker"),
        ([json.dumps(HEADER), json.dumps(LINE | {"sent_at": 1.5})], "line 2.*sent_at"),
        ([json.dumps(HEADER), json.dumps(LINE | {"text": "\ud800"})], "line 2.*surrogate"),
        ([json.dumps(HEADER), json.dumps(LINE | {"speaker": 9})], "message 1.*unlisted"),
        ([json.dumps(HEADER), json.dumps(LINE), '"secret'], "line 3"),
    ],
)
def test_a_bad_line_is_named_not_quoted(lines: list[str], where: str, tmp_path: Path) -> None:
    """What is no transcript is a ValueError that says which line, never what it holds."""
    path = tmp_path / "transcript.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=where) as caught:
        Transcript.read(path)
    assert "secret" not in str(caught.value)


def test_speakers_are_told_apart() -> None:
    """Two speakers with one id are refused."""
    with pytest.raises(ValueError, match="share an id"):
        Transcript("g", (Speaker(1, "a"), Speaker(1, "b")), ())


def test_sessions_end_at_gaps_and_conversations() -> None:
    """A silence over the limit ends a session, one of exactly the limit does not."""
    a, b, c = Message(1, "a", 0), Message(1, "b", 3600), Message(1, "c", 7201)
    d, e = Message(1, "d", None), Message(1, "e", 9999, "elsewhere")
    assert transcript(a, b, c, d, e).sessions() == [[a, b], [c, d], [e]]
    assert transcript(a, b, c).sessions(gap_s=10) == [[a], [b], [c]]
    assert transcript().sessions() == []


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_the_split_is_by_time_and_whole(lengths: list[int]) -> None:
    """The newest messages are held out: nothing lost or doubled, within the bounds."""
    messages = [
        Message(1, str(i), None, str(n)) for n, length in enumerate(lengths) for i in range(length)
    ]
    learned, held_out = transcript(*messages).split()
    assert list(itertools.chain(*learned, *held_out)) == messages
    held = sum(map(len, held_out))
    assert held <= len(messages) // 5
    assert held >= 0.8 * min(50, len(messages) // 5)
    assert all(learned)
    assert all(held_out)


def test_sessions_stay_whole_where_they_can() -> None:
    """With sessions of ordinary length, none stands on both sides."""
    learned, held_out = quick(2_000, 30).split()
    assert sum(map(len, held_out)) == 110  # 5 % are 100: twenty that are left and three of thirty
    assert learned + held_out == quick(2_000, 30).sessions()


def test_one_endless_session_is_cut() -> None:
    """Without times and with one conversation there is still something to hold out."""
    messages = [Message(1, str(i)) for i in range(1_000)]
    learned, held_out = transcript(*messages).split()
    assert (sum(map(len, learned)), sum(map(len, held_out))) == (950, 50)


def test_turns_without_words_hold_nothing_out() -> None:
    """Who has not agreed may have the last turns: there are words to judge on all the same."""
    said = [Message(1, str(i)) for i in range(1_000)]
    turns = [Message(1, "", None, str(i % 2)) for i in range(100)]
    learned, held_out = transcript(*said, *turns).split()
    assert list(itertools.chain(*learned, *held_out)) == [*said, *turns]
    assert sum(bool(m.text) for session in held_out for m in session) == 50
    (_, *words), (_, *cut) = transcript(*turns, *said).split(), transcript(*said).split()
    assert words == cut


def test_held_out_is_bounded() -> None:
    """A huge group does not hold out more than 2,000 messages, nor much less."""
    _, held_out = quick(60_000, 37).split()
    assert 1_600 <= sum(map(len, held_out)) <= 2_000
