"""Rules of the scheduler: who is served when. No tensors here."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pytest

from lm.engine.request import Finished, Piece, Request, Scored
from lm.engine.sampling import Sampling
from lm.engine.scheduler import EngineFull, Scheduler
from lm.engine.steps import Decode, Prefill, Sampled, Score
from lm.engine.table import Chore, SlotTable

SAMPLED = 77


def make(
    slots: int = 3, chunk: int = 4, queue: int = 8, spare: int = 0, ragged: bool = False
) -> tuple[Scheduler, SlotTable]:
    table = SlotTable(slots, spare)
    return Scheduler(table, chunk, queue, ragged=ragged), table


def request(
    chat: Hashable, length: int, max_tokens: int = 2, deadline: float | None = None
) -> Request:
    sampling = Sampling(max_tokens=max_tokens)
    return Request(chat, range(length), sampling=sampling, deadline=deadline)


def run(scheduler: Scheduler, now: float = 0.0, sampled: Sequence[int | None] = ()) -> str:
    """Carry out one step and write down what it was."""
    step = scheduler.decide(now)
    if isinstance(step, Prefill):
        said = [f"{slot.index}: {slot.length}+{len(tokens)}" for slot, tokens in step.chunks]
        scheduler.prefilled(step)
        return "prefill " + ", ".join(said)
    if isinstance(step, Score):
        scheduler.scored(step, [float(sum(each)) for each in step.sequences])
        return f"score {len(step.sequences)}"
    if isinstance(step, Decode):
        rows = [row for each in step.candidates for row in each.rows]
        more = [f"+{len(row.pending)}" if len(row.pending) > 1 else "" for row in rows]
        tokens = sampled or [SAMPLED] * len(step.candidates)
        scheduler.decoded(step, [Sampled(token, -1.0) for token in tokens], now)
        said = [f"{row.slot.index}{each}" for row, each in zip(rows, more, strict=True)]
        return "decode " + ",".join(said)
    return "nothing"


def ended(scheduler: Scheduler) -> list[Finished]:
    return [each for each in scheduler.take_events() if isinstance(each, Finished)]


def drain(scheduler: Scheduler) -> tuple[list[str], list[Finished]]:
    steps, finished = [], []
    while scheduler.busy:
        steps.append(run(scheduler))
        finished += ended(scheduler)
    return steps, finished


def test_prefill_leaves_the_last_tokens_to_the_decode() -> None:
    """A prompt is prefilled in chunks; what fits into the last one is computed with the decode."""
    scheduler, _ = make()
    scheduler.submit(request("a", 10), 0.0)
    steps, finished = drain(scheduler)
    assert steps == ["prefill 0: 0+4", "prefill 0: 4+4", "decode 0+2", "decode 0"]
    assert [(f.tokens, f.reason) for f in finished] == [([SAMPLED] * 2, "length")]


def test_a_prompt_of_one_token_needs_no_prefill() -> None:
    """It is decoded at once."""
    scheduler, _ = make()
    scheduler.submit(request("a", 1), 0.0)
    assert drain(scheduler)[0] == ["decode 0", "decode 0"]


def test_chunks_and_decodes_alternate() -> None:
    """A long prompt holds up running replies by small chunks; it joins when it is ready."""
    scheduler, _ = make(chunk=16)
    scheduler.submit(request("a", 1, max_tokens=6), 0.0)
    run(scheduler)
    scheduler.submit(request("b", 10), 0.0)
    assert drain(scheduler)[0] == [
        "prefill 1: 0+4", "decode 0", "prefill 1: 4+4", "decode 0", "decode 1+2",
        "decode 0,1", "decode 0", "decode 0",
    ]  # fmt: skip


def test_requests_are_served_in_order() -> None:
    """With one slot, three chats are served one after the other."""
    scheduler, _ = make(slots=1)
    ids = [scheduler.submit(request(chat, 2), 0.0) for chat in "abc"]
    assert [f.id for f in drain(scheduler)[1]] == ids


def test_a_chats_second_request_waits_for_its_first() -> None:
    """Two requests of one chat never share a step; another chat is not held up by them."""
    scheduler, table = make()
    first, second = (scheduler.submit(request("a", 2, max_tokens=3), 0.0) for _ in range(2))
    other = scheduler.submit(request("b", 2, max_tokens=1), 0.0)
    steps, finished = drain(scheduler)
    assert [f.id for f in finished] == [other, first, second]
    assert all(step != "decode 0,2" for step in steps)
    slot = table.of("a")
    assert slot is not None
    assert slot.index == 0


def test_a_reply_counts_as_speaking() -> None:
    """A chat whose reply has just ended keeps its slot before one that only asked later."""
    scheduler, table = make(slots=2)
    scheduler.submit(request("a", 1, max_tokens=5), 0.0)
    scheduler.submit(request("b", 1, max_tokens=1), 0.0)
    drain(scheduler)
    scheduler.warm("c", [1])
    drain(scheduler)
    assert [table.of(chat) is not None for chat in "abc"] == [True, False, True]


def test_what_a_slot_has_of_a_prompt_is_not_computed_again() -> None:
    """The next prompt of a chat prefills behind the common prefix; stats say how much was there."""
    scheduler, table = make(chunk=99)
    scheduler.submit(request("a", 5, max_tokens=3), 0.0)
    drain(scheduler)
    slot = table.of("a")
    assert slot is not None
    assert slot.tokens == [0, 1, 2, 3, 4, SAMPLED, SAMPLED]  # the last one was never computed
    said = Request("a", [0, 1, 2, 3, 4, SAMPLED, 8, 9], sampling=Sampling(max_tokens=1))
    scheduler.submit(said, 0.0)
    steps, (finished,) = drain(scheduler)
    assert steps == ["decode 0+2"]
    assert (finished.stats.cached_tokens, finished.stats.prompt_tokens) == (6, 8)


def test_the_last_token_is_always_computed() -> None:
    """The same prompt again needs no prefill, and still one decode for its scores."""
    scheduler, _ = make(chunk=99)
    for _ in range(2):
        scheduler.submit(request("a", 5, max_tokens=1), 0.0)
        steps, (finished,) = drain(scheduler)
    assert steps == ["decode 0"]
    assert finished.stats.cached_tokens == 4


def test_warming_waits_for_requests() -> None:
    """A chat is warmed, in chunks, only while no request needs the processor."""
    scheduler, _ = make()
    scheduler.warm("w", range(6))
    scheduler.submit(request("a", 2, max_tokens=1), 0.0)
    assert run(scheduler) == "decode 0+2"
    assert run(scheduler) == "prefill 1: 0+4"
    scheduler.submit(request("b", 1, max_tokens=1), 0.0)
    assert run(scheduler) == "decode 2"
    assert run(scheduler) == "prefill 1: 4+2"
    scheduler.submit(Request("w", [*range(6), 50], sampling=Sampling(max_tokens=1)), 0.0)
    assert run(scheduler) == "decode 1"


def test_a_newer_warm_replaces_a_waiting_one() -> None:
    """Only the newest context of a chat is computed."""
    scheduler, table = make()
    scheduler.warm("a", [1, 2, 3])
    scheduler.warm("a", [1, 2, 9])
    assert drain(scheduler)[0] == ["prefill 0: 0+3", "nothing"]
    slot = table.of("a")
    assert slot is not None
    assert slot.tokens == [1, 2, 9]


def test_an_old_warm_does_not_undo_a_request() -> None:
    """A request is newer than a warm-up of its chat that still waits."""
    scheduler, table = make()
    scheduler.warm("a", [0])
    scheduler.submit(request("a", 3), 0.0)
    drain(scheduler)
    slot = table.of("a")
    assert slot is not None
    assert slot.tokens == [0, 1, 2, SAMPLED]


def test_waiting_warm_ups_are_bounded() -> None:
    """Of too many, the oldest is lost."""
    scheduler, table = make(queue=2)
    for chat in "abc":
        scheduler.warm(chat, [1])
    drain(scheduler)
    assert [table.of(chat) is not None for chat in "abc"] == [False, True, True]


def test_the_queue_is_bounded() -> None:
    """One request too many is refused and leaves no trace; admitted ones do not count."""
    scheduler, _ = make(slots=1, queue=2)
    for chat in "ab":
        scheduler.submit(request(chat, 2), 0.0)
    with pytest.raises(EngineFull, match="queue = 2"):
        scheduler.submit(request("c", 2), 0.0)
    run(scheduler)
    scheduler.submit(request("c", 2), 0.0)
    assert len(drain(scheduler)[1]) == 3


def test_deadlines_end_waiting_and_running_requests() -> None:
    """At its deadline a request ends with what it has, wherever it is."""
    scheduler, _ = make(slots=1)
    running = scheduler.submit(request("a", 1, max_tokens=9, deadline=5.0), 1.0)
    waiting = scheduler.submit(request("b", 1, max_tokens=9, deadline=6.0), 2.0)
    assert run(scheduler, 3.0) == run(scheduler, 4.5) == "decode 0"
    assert run(scheduler, 6.0) == "nothing"
    a, b = ended(scheduler)
    assert (b.id, b.tokens, b.reason, b.stats.queued_s) == (waiting, [], "deadline", 4.0)
    assert (a.id, a.tokens, a.reason) == (running, [SAMPLED] * 2, "deadline")
    assert (a.stats.queued_s, a.stats.prefill_s, a.stats.decode_s) == (2.0, 0.0, 3.0)
    assert not scheduler.busy


def test_cancelled_requests_end_at_once() -> None:
    """Waiting or running, a cancelled request is handed out with what it has, once."""
    scheduler, _ = make(slots=1)
    a, b = (scheduler.submit(request(chat, 1, max_tokens=9), 0.0) for chat in "ab")
    run(scheduler)
    for identity in (a, b, b, 12345):
        scheduler.cancel(identity, 0.0)
    assert scheduler.busy  # there is something to hand out
    assert [(f.id, f.tokens, f.reason) for f in ended(scheduler)] == [
        (a, [SAMPLED], "cancelled"), (b, [], "cancelled"),
    ]  # fmt: skip
    assert not scheduler.busy


def test_a_stop_token_ends_a_reply_and_is_not_part_of_it() -> None:
    """The reply is what came before; the last step of max_tokens may stop as well."""
    scheduler, _ = make()
    stopping = Request("a", [1], stop=frozenset({5, 6}), sampling=Sampling(max_tokens=2))
    scheduler.submit(stopping, 0.0)
    run(scheduler, sampled=[9])
    run(scheduler, sampled=[6])
    (finished,) = ended(scheduler)
    assert (finished.tokens, finished.reason, finished.stats.new_tokens) == ([9], "stop", 1)


def test_an_error_ends_its_request_and_empties_its_slot() -> None:
    """Numbers that are none end one request; its slot is zeroed, its neighbours go on."""
    scheduler, table = make()
    for chat in "ab":
        scheduler.submit(request(chat, 1, max_tokens=3), 0.0)
    run(scheduler)
    run(scheduler, sampled=[None, 5])
    (finished,) = ended(scheduler)
    assert (finished.tokens, finished.reason) == ([SAMPLED], "error")
    assert table.of("a") is None
    assert table.chores == [Chore("zero", 0)]
    assert drain(scheduler)[1][0].tokens == [SAMPLED, 5, SAMPLED]


def test_forgetting_takes_everything_of_a_chat() -> None:
    """Its requests are cancelled, its warm-up and its slot are gone; others stay."""
    scheduler, table = make(slots=2)
    for chat in "aab":
        scheduler.submit(request(chat, 1), 0.0)
    run(scheduler)
    scheduler.warm("a", [1])
    scheduler.forget("a", 0.0)
    assert [f.reason for f in ended(scheduler)] == ["cancelled", "cancelled"]
    assert table.chores == [Chore("zero", 0)]
    steps, (finished,) = drain(scheduler)
    assert steps == ["decode 1"]
    assert finished.reason == "length"


def test_short_prompts_are_computed_together() -> None:
    """As many as fit into one chunk, padded to the longest of them; the shortest come first."""
    scheduler, _ = make(slots=4, chunk=8)
    for chat, length in zip("abcd", (5, 3, 2, 2), strict=True):
        scheduler.submit(request(chat, length, max_tokens=1), 0.0)
    assert drain(scheduler)[0] == [
        "decode 2+2,3+2", "prefill 0: 0+4, 1: 0+2", "decode 0,1",
    ]  # fmt: skip


def test_long_prompts_are_computed_together() -> None:
    """Those that do not fit with their first tokens are prefilled side by side."""
    scheduler, _ = make(slots=4, chunk=9, spare=8)
    for chat in "ab":
        several = Request(chat, range(4), sampling=Sampling(max_tokens=1), best_of=3)
        scheduler.submit(several, 0.0)
    assert drain(scheduler)[0] == ["prefill 0: 0+3, 1: 0+3", "decode 0,1,4,5,6,7"]


@pytest.mark.parametrize(("chunk", "ragged"), [(24, False), (9, True)])
def test_rows_that_branch_off_come_with_the_prompt(chunk: int, ragged: bool) -> None:
    """Where all rows fit into a chunk, padded or not, one step does it all."""
    scheduler, table = make(chunk=chunk, spare=5, ragged=ragged)
    rules = Sampling(max_tokens=2, seed=5)
    several = Request("a", range(4), sampling=rules, best_of=3, guidance=0.5, neutral=9)
    scheduler.submit(several, 0.0)
    assert run(scheduler) == "decode 0+4,3,4,5,6,7"
    slot = table.of("a")
    assert slot is not None
    assert slot.tokens == [0, 1, 2, 3]
    assert run(scheduler) == "decode 0,3,4,5,6,7"


def test_prompts_that_can_be_finished_hold_up_no_other() -> None:
    """One that cannot has the turn after them, however many come that can."""
    scheduler, _ = make(slots=9, chunk=8, spare=8)
    scheduler.submit(Request("b", range(7), sampling=Sampling(max_tokens=1), best_of=3), 0.0)
    steps = []
    for chat in range(4):
        scheduler.submit(request(chat, 3, max_tokens=1), 0.0)
        steps.append(run(scheduler))
    assert steps == ["decode 1+3", "prefill 0: 0+6", "decode 0,9,10", "decode 2+3,3+3"]


def test_a_flood_of_long_prompts_holds_up_no_warm_chat() -> None:
    """A short prompt that comes behind long ones is computed before them."""
    scheduler, _ = make(chunk=32)
    for chat in "ab":
        scheduler.submit(request(chat, 100, max_tokens=1), 0.0)
    assert run(scheduler) == "prefill 0: 0+32"
    scheduler.submit(request("c", 5, max_tokens=1), 0.0)
    assert [run(scheduler) for _ in range(2)] == ["decode 2+5", "prefill 0: 32+32"]


def test_replies_to_one_prompt_share_it() -> None:
    """best_of and guidance: the prompt is computed once; rows branch off it and are given back."""
    scheduler, table = make(chunk=9, spare=5)
    rules = Sampling(max_tokens=2, seed=5)
    several = Request("a", range(4), sampling=rules, best_of=3, guidance=0.5, neutral=9)
    scheduler.submit(several, 0.0)
    assert run(scheduler) == "prefill 0: 0+3"
    step = scheduler.decide(0.0)
    assert isinstance(step, Decode)
    assert [each.seed for each in step.candidates] == [5, 6, 7]
    first = step.candidates[0]
    assert first.guide is not None
    assert (first.row.slot, first.guide.slot.base) == (table.of("a"), table.of("a"))
    assert (first.row.tokens[-1], first.guide.tokens[-1], table.spares()) == (3, 9, 0)
    for _ in range(2):  # each candidate's own row and its guide's
        assert run(scheduler) == "decode 0,3,4,5,6,7"
    (finished,) = ended(scheduler)
    assert [(r.tokens, r.reason, r.log_prob) for r in finished.replies] == [
        ([SAMPLED] * 2, "length", -2.0)
    ] * 3
    assert (finished.stats.new_tokens, table.spares(), scheduler.busy) == (6, 5, False)


def test_a_reply_that_ends_leaves_the_others_their_rows() -> None:
    """Replies of one request end by themselves; the request ends with the last."""
    scheduler, table = make(spare=1)
    rules = Sampling(max_tokens=3)
    scheduler.submit(Request("a", [1], frozenset({7}), sampling=rules, best_of=2), 0.0)
    run(scheduler, sampled=[5, 7])
    assert table.spares() == 1
    assert run(scheduler) == "decode 0"
    assert run(scheduler) == "decode 0"
    (finished,) = ended(scheduler)
    assert [(r.tokens, r.reason) for r in finished.replies] == [
        ([5, SAMPLED, SAMPLED], "length"), ([], "stop"),
    ]  # fmt: skip


def test_a_request_waits_for_its_rows() -> None:
    """Without spare slots enough it waits, and nobody passes it."""
    scheduler, _ = make(spare=1)
    for chat in "ab":
        rules = Sampling(max_tokens=1)
        scheduler.submit(Request(chat, [1], sampling=rules, best_of=2), 0.0)
    scheduler.submit(request("c", 1, max_tokens=1), 0.0)
    assert drain(scheduler)[0] == ["decode 0,3", "decode 1,2,3"]


def test_whoever_has_least_is_next() -> None:
    """A flood of one tenant's chats does not keep others waiting, and fills no queue for them."""
    scheduler, _ = make(slots=1, queue=8)
    flood = [Request(n, [1], sampling=Sampling(max_tokens=1), tenant="x") for n in range(3)]
    mine = [scheduler.submit(each, 0.0) for each in flood[:2]]
    with pytest.raises(EngineFull):
        scheduler.submit(flood[2], 0.0)
    run(scheduler)
    mine.append(scheduler.submit(flood[2], 0.0))
    other = scheduler.submit(request("other", 1, max_tokens=1), 0.0)
    assert [f.id for f in drain(scheduler)[1]] == [mine[0], other, mine[1], mine[2]]


def test_a_loop_ends_a_reply() -> None:
    """The same four tokens for the third time are not said; a long laugh is not cut short."""
    scheduler, _ = make()
    scheduler.submit(request("a", 1, max_tokens=30), 0.0)
    _, (finished,) = drain(scheduler)
    assert (finished.tokens, finished.reason) == ([SAMPLED] * 11, "loop")
    scheduler.submit(request("b", 1, max_tokens=14), 0.0)
    for token in [1, 2, 3, 4, 5] * 2 + [1, 2, 3, 9]:
        run(scheduler, sampled=[token])
    (finished,) = ended(scheduler)
    assert finished.reason == "length"


def test_scorings_take_turns_with_replies() -> None:
    """Sequences are scored a small chunk at a time, and handed out together in their order."""
    scheduler, _ = make(chunk=24)
    scheduler.submit(request("a", 1, max_tokens=4), 0.0)
    run(scheduler)
    identity = scheduler.score([[1, 2], [3, 4, 5], [6, 7], [8, 9, 10, 11, 12]], 1)
    steps = [run(scheduler) for _ in range(5)]
    assert steps == ["score 2", "decode 0", "score 1", "decode 0", "score 1"]
    (scored,) = scheduler.take_events()
    assert scored == Scored(identity, [3.0, 12.0, 13.0, 50.0])


def test_a_scoring_does_not_wait_for_all_prompts() -> None:
    """A reply is made already when it is scored: it goes before the prompts of others, by turns."""
    scheduler, _ = make(chunk=4)
    scheduler.submit(request("a", 20), 0.0)
    scheduler.score([[1, 2, 3, 4], [5, 6, 7, 8]], 1)
    steps = [run(scheduler) for _ in range(5)]
    assert steps == ["prefill 0: 0+4", "score 1", "prefill 0: 4+4", "score 1", "prefill 0: 8+4"]


def test_a_streamed_reply_comes_token_by_token() -> None:
    """Each token as it is sampled, nothing of the stop."""
    scheduler, _ = make()
    rules = Sampling(max_tokens=5)
    asked = scheduler.submit(Request("a", [1], frozenset({7}), sampling=rules, stream=True), 0.0)
    for token in (5, 6, 7):
        run(scheduler, sampled=[token])
    *pieces, finished = scheduler.take_events()
    assert pieces == [Piece(asked, [5]), Piece(asked, [6])]
    assert isinstance(finished, Finished)
    assert finished.tokens == [5, 6]


def test_peeking_says_nothing() -> None:
    """A peek ends with its first decode; its prompt stays in the slot, whole."""
    scheduler, table = make(chunk=9)
    scheduler.submit(Request("a", [1, 2, 3], peek=(4,)), 0.0)
    step = scheduler.decide(0.0)
    assert isinstance(step, Decode)
    assert step.candidates[0].row.pending == [1, 2, 3]
    scheduler.decoded(step, [Sampled(8, peeked=[0.25])], 0.0)
    (finished,) = ended(scheduler)
    assert (finished.peeked, finished.tokens, finished.reason) == ([0.25], [], "stop")
    slot = table.of("a")
    assert slot is not None
    assert slot.tokens == [1, 2, 3]


def test_who_floods_waits_for_the_others() -> None:
    """Beside a chat that had little, one that had much computes now and then only; alone again, it
    goes on as ever."""
    scheduler, _ = make(chunk=4_000, queue=16)
    scheduler.submit(request("flood", 3_001, max_tokens=90), 0.0)
    assert [run(scheduler) for _ in range(2)] == ["decode 0+3001", "decode 0"]
    for _ in range(4):
        scheduler.submit(request("calm", 1, max_tokens=9), 0.0)
    steps = [run(scheduler) for _ in range(36)]
    assert steps.count("decode 1") == 34
    assert steps.count("decode 0,1") == 2
    assert run(scheduler) == "decode 0"
