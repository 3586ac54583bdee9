"""Rules of a training: what it writes, compares, reports and refuses, and where it starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lm.checkpoints.versions import Versions
from lm.corpus.message import Message, Speaker
from lm.corpus.transcript import Transcript
from lm.learning import plan
from lm.learning.events import Event, Gate, Note, Plan, Progress
from lm.learning.learner import DivergedError
from lm.learning.material import divide
from lm.learning.origin import continued
from lm.learning.presets import PRESETS
from lm.learning.snapshot import SnapshotError
from lm.learning.training import Training
from tests.small_talk import CPU, QUICK, transcript


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def train(words: Transcript, models: Path, events: list[Event], **options: Any) -> int:
    options = {"preset": "tiny", "device": CPU, **options}
    return Training(words, models, events.append, **options).run()


def the(events: list[Event], kind: type[Any]) -> Any:
    """The newest event of that kind."""
    return [event for event in events if isinstance(event, kind)][-1]


def quick(monkeypatch: pytest.MonkeyPatch, **changes: float) -> None:
    """Let "tiny" mean a preset that is quicker still."""
    monkeypatch.setitem(PRESETS, "tiny", replace(QUICK, **changes))  # type: ignore[arg-type]  # mypy cannot see which fields


def test_a_training_learns_and_writes_a_candidate(tmp_path: Path) -> None:
    """Predictable talk becomes cheap; the candidate is stored, described and not promoted."""
    events: list[Event] = []
    assert train(transcript(), tmp_path, events) == 1
    versions = Versions(tmp_path)
    assert isinstance(events[0], Plan)
    assert events[0].start == "fresh"
    gate = the(events, Gate)
    assert gate.candidate < 0.8  # guessing costs eight bits a byte, letter frequencies over four
    assert (gate.current, gate.held_out, gate.better) == (None, 40, True)
    assert versions.current() is None
    meta = versions.load(1, CPU).meta
    assert (meta.parent, meta.preset, meta.messages) == (None, "tiny", 160)
    assert meta.speakers == (Speaker(1, "Ann"), Speaker(2, "Bob"))
    assert meta.cut_off == max(m.sent_at or 0 for m in transcript().messages[:160])
    assert meta.metrics["bpb"] == gate.candidate
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001"]


def test_the_gate_compares_on_the_same_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current version is judged on the held-out messages of this training."""
    quick(monkeypatch)
    versions, events = Versions(tmp_path), list[Event]()
    versions.promote(train(transcript(), tmp_path, events))
    first = the(events, Gate)
    quick(monkeypatch, matrix_lr=1e-6, lr=1e-6, min_steps=2)
    train(transcript(), tmp_path, events, start="fresh")
    second = the(events, Gate)
    assert second.current == pytest.approx(first.candidate, rel=1e-3)
    assert not second.better
    assert second.candidate > first.candidate
    assert versions.meta(2).parent == 1
    assert versions.current() == 1


def test_a_damaged_current_version_is_no_rival(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that no longer loads cannot keep a new one out."""
    quick(monkeypatch)
    events: list[Event] = []
    Versions(tmp_path).promote(train(transcript(), tmp_path, events))
    (tmp_path / "0001" / "model.safetensors").write_bytes(b"")
    train(transcript(), tmp_path, events)
    gate = the(events, Gate)
    assert gate.current is None
    assert gate.better


def test_new_messages_are_learnt_by_going_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a current version, a training goes on from its weights: less text, better figures."""
    quick(monkeypatch)
    versions, events = Versions(tmp_path), list[Event]()
    versions.promote(train(transcript(200), tmp_path, events))
    version = train(transcript(400), tmp_path, events)
    plan, gate = the(events, Plan), the(events, Gate)
    assert plan.start == "version 1"
    assert gate.better
    assert gate.candidate < gate.current
    assert versions.meta(version).parent == 1
    assert versions.meta(version).messages == 350


def test_every_version_has_a_copy_guard_over_all_it_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going on guards what earlier versions learnt too, in the tokens of the new one."""
    quick(monkeypatch)
    secrets = {5: "the cat of my aunt is called Mr Tibbs", 250: "bury the gold behind our old barn"}
    whole = transcript(400)
    told = [replace(m, text=secrets.get(i, m.text)) for i, m in enumerate(whole.messages)]
    versions = Versions(tmp_path)
    for count in (200, 400):
        version = train(replace(whole, messages=tuple(told[:count])), tmp_path, [])
        versions.promote(version)
        found = versions.load(version, CPU)
        assert found.guard is not None
        for i, secret in secrets.items():
            assert found.guard.forbids(found.tokenizer.encode(secret)) == (i < count)
        assert not found.guard.forbids(found.tokenizer.encode("see you at 3 then"))
    assert versions.meta(2).parent == 1


def test_new_speakers_join_a_version_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who came later gets a token; the others keep theirs, in their order."""
    quick(monkeypatch)
    versions = Versions(tmp_path)
    versions.promote(train(transcript(200), tmp_path, []))
    before = transcript(400)
    said = tuple(replace(m, speaker=3) if i > 220 and i % 4 == 0 else m
                 for i, m in enumerate(before.messages))  # fmt: skip
    events: list[Event] = []
    train(Transcript("friends", (*before.speakers, Speaker(3, "Cy")), said), tmp_path, events)
    assert the(events, Plan).start == "version 1"
    assert [s.name for s in versions.meta(2).speakers] == ["Ann", "Bob", "Cy"]


def test_a_version_that_learnt_from_somebody_who_withdrew_is_not_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their words are in its weights: the next training starts from new ones."""
    quick(monkeypatch)
    versions, events = Versions(tmp_path), list[Event]()
    versions.promote(train(transcript(200), tmp_path, events))
    assert versions.meta(1).learned_from == (1, 2)
    said = tuple(replace(m, speaker=None, text="") if m.speaker == 2 else m
                 for m in transcript(400).messages)  # fmt: skip
    train(Transcript("friends", (Speaker(1, "Ann"),), said), tmp_path, events)
    assert the(events, Plan).start == "fresh"
    assert versions.meta(2).learned_from == (1,)


def test_what_does_not_get_better_starts_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When going on does not beat the current version, a fresh run gets its chance."""
    quick(monkeypatch)
    monkeypatch.setattr("lm.learning.training.mixed", lambda gpt, *_: gpt)  # n-grams would help
    events: list[Event] = []
    Versions(tmp_path).promote(train(transcript(200), tmp_path, events))
    quick(monkeypatch, lr=0.0, matrix_lr=1e-12)
    train(transcript(400), tmp_path, events)
    starts = [event.start for event in events if isinstance(event, Plan)]
    assert starts == ["fresh", "version 1", "fresh"]


def test_asked_to_go_on_it_does_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a gain it says so; with nothing to show for it, it is an error in one line."""
    quick(monkeypatch)
    monkeypatch.setattr("lm.learning.training.mixed", lambda gpt, *_: gpt)  # n-grams would help
    versions, events = Versions(tmp_path), list[Event]()
    versions.promote(train(transcript(200), tmp_path, events))
    quick(monkeypatch, lr=0.0, matrix_lr=1e-12)
    assert train(transcript(400), tmp_path, events, start="continue") == 2
    assert [event.start for event in events if isinstance(event, Plan)] == ["fresh", "version 1"]
    assert not the(events, Gate).better
    assert not [event for event in events if isinstance(event, Note)]
    resumed = Training(
        transcript(400), tmp_path, events.append, preset="tiny", device=CPU, start="continue"
    )
    told = len(events)
    with pytest.raises(SnapshotError, match="no interrupted training"):
        resumed.run(resume=True)
    assert len(events) == told  # not even a plan
    quick(monkeypatch, matrix_lr=float("nan"), min_steps=40)
    with pytest.raises(DivergedError, match="nothing was learnt"):
        train(transcript(400), tmp_path, events, start="continue")


def test_what_is_resumed_keeps_preset_and_precision_that_were_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has become busy would choose others, but not for a run that began."""
    quick(monkeypatch)
    monkeypatch.setitem(PRESETS, "small", replace(QUICK, name="small", least_epochs=1))
    monkeypatch.setitem(plan.AUTO_LEAST, "small", 0)
    monkeypatch.setattr("lm.learning.learner.SNAPSHOT_EVERY", 0.0)
    chosen: list[tuple[str, str]] = []

    def interrupted(event: Event) -> None:
        if isinstance(event, Plan):
            chosen.append((event.preset, event.precision))
        if isinstance(event, Progress) and event.step > 1:
            raise KeyboardInterrupt

    quick_half, slow_half = (1e14, torch.bfloat16), (1.0, torch.float32)
    for (speed, dtype), resume in ((quick_half, False), (slow_half, True), (slow_half, False)):
        monkeypatch.setattr("lm.learning.training.peak", lambda *_, speed=speed: speed)
        monkeypatch.setattr("lm.learning.training.precision", lambda _, dtype=dtype: dtype)
        run = Training(transcript(), tmp_path, interrupted, device=CPU)
        with pytest.raises(KeyboardInterrupt):
            run.run(resume=resume)
    assert chosen == [("small", "bfloat16"), ("small", "bfloat16"), ("tiny", "float32")]


@pytest.mark.parametrize("what", ["older messages", "somebody has agreed"])
def test_what_came_in_before_the_end_is_learnt_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Going on learns what follows; words from before that would be repeated at best."""
    quick(monkeypatch)
    whole, events = transcript(400), list[Event]()
    speakers = (*whole.speakers, Speaker(3, "Cy"))
    if what == "older messages":
        before, after = whole.messages[100:300], whole.messages[:300]
    else:
        after = tuple(replace(m, speaker=3) if i % 4 == 0 else m
                      for i, m in enumerate(whole.messages))  # fmt: skip
        before = tuple(replace(m, speaker=None, text="") if m.speaker == 3 else m
                       for m in after[:200])  # fmt: skip
    versions = Versions(tmp_path)
    versions.promote(train(Transcript("friends", whole.speakers, before), tmp_path, events))
    train(Transcript("friends", speakers, after), tmp_path, events)
    assert [event.start for event in events if isinstance(event, Plan)] == ["fresh", "fresh"]


@pytest.mark.parametrize(("had", "judged", "compared"), [(400, 50, True), (200, 60, False)])
def test_the_gate_asks_for_what_neither_has_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, had: int, judged: int, compared: bool
) -> None:
    """With older messages more is held out than was, and the current version has learnt some."""
    quick(monkeypatch)
    whole, events = transcript(1_200), list[Event]()
    versions, before = Versions(tmp_path), replace(whole, messages=whole.messages[-had:])
    versions.promote(train(before, tmp_path, events))
    train(whole, tmp_path, events)
    gate = the(events, Gate)
    assert (gate.held_out, gate.current is not None) == (judged, compared)
    assert any("no gate" in e.message for e in events if isinstance(e, Note)) != compared


def test_a_long_conversation_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session whose end was held out is learnt from there on, not all anew."""
    quick(monkeypatch)
    events: list[Event] = []
    whole = transcript(400)
    endless = tuple(replace(m, sent_at=60 * i) for i, m in enumerate(whole.messages))
    first = replace(whole, messages=endless[:200])
    Versions(tmp_path).promote(train(first, tmp_path, events))
    train(replace(whole, messages=endless), tmp_path, events)
    second = next(e for e in events[1:] if isinstance(e, Plan))
    assert second.start == "version 1"
    assert second.tokens < 0.9 * len(endless) * 8


def test_by_night_a_version_goes_on_with_its_own_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever "auto" would choose by now: another shape cannot go on from it."""
    quick(monkeypatch)
    monkeypatch.setitem(PRESETS, "small", replace(QUICK, name="small", least_epochs=1))
    events: list[Event] = []
    Versions(tmp_path).promote(train(transcript(200), tmp_path, events, preset="small"))
    train(transcript(400), tmp_path, events, preset="auto", start="continue")
    assert (the(events, Plan).start, the(events, Plan).preset) == ("version 1", "small")


def test_going_on_lets_nothing_fade(tmp_path: Path) -> None:
    """However short an epoch is: what the parent knows is to stay."""
    parent = tmp_path / "parent"
    Versions(parent).promote(train(transcript(200), parent, []))
    checkpoint = Versions(parent).load(1, CPU)
    learned = divide(transcript(400)).learned
    preset = replace(PRESETS["tiny"], weight_decay_epochs=1.0)
    origin = continued(checkpoint, preset, learned, {1, 2}, 1)
    assert origin is not None
    assert origin.preset.weight_decay(origin.batches.tokens) == 0.0


def test_a_version_names_all_whose_words_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going on keeps the names of those who have no messages left: their words are in it."""
    quick(monkeypatch)
    versions, events = Versions(tmp_path), list[Event]()
    versions.promote(train(transcript(200), tmp_path, events))
    whole = transcript(400)
    said = tuple(replace(m, speaker=None, text="") if m.speaker == 2 else m
                 for m in whole.messages)  # fmt: skip
    train(Transcript("friends", whole.speakers, said), tmp_path, events)
    assert the(events, Plan).start == "version 1"
    assert versions.meta(2).learned_from == (1, 2)


def test_time_that_is_used_up_is_not_time_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judging the current version may take all that was allowed: a second is left to learn."""
    quick(monkeypatch, min_steps=1_000_000)
    events: list[Event] = []
    train(transcript(), tmp_path, events, seconds=1e-3)
    assert 0 < the(events, Plan).seconds <= 1


def test_going_on_needs_something_to_go_on_from(tmp_path: Path) -> None:
    """Asked to continue without a version, or with nothing new, it says so."""
    with pytest.raises(ValueError, match="no current version"):
        train(transcript(), tmp_path, [], start="continue")
    Versions(tmp_path).promote(train(transcript(), tmp_path, []))
    with pytest.raises(ValueError, match="cannot be gone on from"):
        train(transcript(), tmp_path, [], start="continue")


def test_choosing_and_judging_use_different_messages() -> None:
    """Where there are enough: whole sessions each."""
    material = divide(transcript(5_000))
    chosen = {m.sent_at for s in material.choosing for m in s}
    judged = {m.sent_at for s in material.judging for m in s}
    learned = {m.sent_at for s in material.learned for m in s}
    assert not chosen & judged
    assert not learned & (chosen | judged)
    assert abs(len(chosen) - len(judged)) <= 20


def test_a_session_keeps_its_half() -> None:
    """While newer ones come: else a version would be judged on what it was chosen by."""
    chosen, judged = set[int | None](), set[int | None]()
    for count in range(5_000, 5_200, 10):
        material = divide(transcript(count))
        chosen |= {m.sent_at for s in material.choosing for m in s}
        judged |= {m.sent_at for s in material.judging for m in s}
    assert len(chosen | judged) > 300
    assert not chosen & judged


def test_one_long_session_is_shared() -> None:
    """Else three messages might decide which version is served."""
    lines = [replace(m, sent_at=1_000_000 + i) for i, m in enumerate(transcript(6_000).messages)]
    late = [replace(m, sent_at=2_000_000, text=m.text * (i > 0)) for i, m in enumerate(lines[-3:])]
    material = divide(Transcript("friends", transcript().speakers, (*lines[:-3], *late)))
    chosen, judged = (
        [m for s in part for m in s] for part in (material.choosing, material.judging)
    )
    assert abs(len(chosen) - len(judged)) <= 2
    assert judged[-3:] == late
    assert [*chosen, *judged] == [*lines[:-3], *late][-len(chosen) - len(judged) :]


@pytest.mark.parametrize("count", [0, 10, 49])
def test_too_little_is_refused(count: int, tmp_path: Path) -> None:
    """A handful of messages is a polite error that says how many are needed."""
    with pytest.raises(ValueError, match=f"{count} messages, at least 50 are needed"):
        train(transcript(count), tmp_path, [])
    assert list(tmp_path.iterdir()) == []


def test_strangers_only_are_refused(tmp_path: Path) -> None:
    """Without one speaker of five messages there is no voice to learn."""
    speakers = tuple(Speaker(i, str(i)) for i in range(60))
    crowd = Transcript("g", speakers, tuple(Message(i, "hello") for i in range(60)))
    with pytest.raises(ValueError, match="nobody said 5 messages"):
        train(crowd, tmp_path, [])


def test_one_speaker_and_fifty_messages_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The smallest transcript that is allowed trains."""
    quick(monkeypatch)
    alone = Transcript("g", (Speaker(1, "A"),), tuple(Message(1, "hm") for _ in range(50)))
    assert train(alone, tmp_path, []) == 1
