"""benchmarks/group_life: what is replayed, and what its figures count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.group_life import script
from benchmarks.group_life.__main__ import chance_of, table
from benchmarks.group_life.figures import Figures, Said, figures, together
from benchmarks.group_life.script import Line, gaps, held_out, most_talkative, write_training


def talk(*names: str) -> list[Line]:
    return [Line(name, f"line {number}") for number, name in enumerate(names)]


def test_gaps_hold_what_the_friend_said_there() -> None:
    """Lines before anybody else has spoken answer nobody."""
    found = gaps(talk("A", "B", "A", "A", "C", "B", "A"), "A")
    assert [(gap.line.speaker, gap.friend) for gap in found] == [("B", 2), ("C", 0), ("B", 1)]
    assert found[0].words == ("line 2", "line 3")


def test_held_out_are_even_episodes_of_the_last_season(tmp_path: Path) -> None:
    """What is learnt from is never replayed; of much, whole scenes are taken evenly."""
    places = [
        f"s0{season}e0{episode}c0{scene}"
        for season in (1, 9)
        for episode in (1, 2)
        for scene in (1, 2)
    ]
    rows = [{"conversation": each, "speaker": "A", "text": each} for each in places]
    source = tmp_path / "messages.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [line.text for line in held_out(source, 10)] == ["s09e02c01", "s09e02c02"]
    assert [line.text for line in held_out(source, 1)] == ["s09e02c01"]
    write_training(source, tmp_path / "training.jsonl")
    learnt = (tmp_path / "training.jsonl").read_text()
    assert "s01e02c02" in learnt
    assert "s09" not in learnt
    assert [line.text for line in script.learnt(source)] == [
        each for each in places if each < "s09"
    ]


def test_figures_count_turns_and_messages() -> None:
    """Bursts are one turn; a hit is a turn of both; late and repeated messages are told."""
    said = [Said(0, 0, "Hi!"), Said(0, 0, "you"), Said(2, 3, "hi")]
    found = figures([1, 1, 0, 0], said)
    assert found == Figures(4, 2, 3, 2, 2, 1, stale=1, repeated=1)
    assert found.rate == 1.5
    assert found.f1 == pytest.approx(2 / 4)
    assert found.an_hour(3, 10.0) == pytest.approx(3 * 3600 / 40)
    assert together([found, found]).hits == 2


def test_chance_takes_as_many_turns_as_the_friend() -> None:
    """Being called counts: the dice have to add only the rest."""
    lines = talk(*["B", "A", "B", "B", "B", "B", "B", "B", "B", "B", "B", "A"])
    assert chance_of(lines, "A") == 20
    called = [*lines[:2], Line("B", "a?"), *lines[3:]]
    assert chance_of(called, "A") == 11


def test_a_table_ends_with_each_mode_together() -> None:
    """One line per replay, then the sums."""
    rows = [
        ("A", "auto", Figures(10, 2, 2, 2, 2, 1)),
        ("A", "chance 20", Figures(10, 2, 2, 2, 2)),
    ]
    shown = table(rows)
    assert "| all | auto | 72 | 72 | 1.00 | 1.00 | 1.00 | 0.500 | 0 | 0 |" in shown
    assert "| all | chance | 72 | 72 | 1.00 | 1.00 | 1.00 | 0.000 | 0 | 0 |" in shown
    assert shown.splitlines()[-1].startswith("| all | auto over chance |")
    assert most_talkative(talk("A", "B", "B"), 1) == ["B"]
