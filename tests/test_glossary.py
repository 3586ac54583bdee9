"""bot/glossary.py and bot/units.py: what lm says in English, and durations, in other languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

from bot.glossary import complaint, expectation, judged, skipped
from bot.units import left, span
from bot.wording import languages, wording
from lm.corpus.message import Message, Speaker
from lm.corpus.transcript import Transcript
from lm.doctor.verdict import LEVELS
from lm.judging.floors import BIGRAM, KNESER_NEY
from lm.learning.material import divide
from lm.learning.plan import Machine, choose
from lm.learning.training import SERVED
from tests.wording_texts import ROOT

TRANSLATED = [language for language in languages() if language != "en"]
# What gives a kind of skipped entries in lm/exports, beside calls of `skip`.
KINDS_OF = ("_add", "_add_exported", "_add_item", "_kind", "_not_own_words", "_understood")


@cache
def kinds() -> set[str]:
    """Every kind that is spelled out in lm/exports."""
    found = {"not agreed"}
    for path in sorted((ROOT / "lm" / "exports").rglob("*.py")):
        found |= set(_kinds_in(path))
    return found


def _kinds_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "skip":
            yield from _spelled(node.args[0])
        elif isinstance(node, ast.FunctionDef) and node.name in KINDS_OF:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from _spelled(inner.value)


def _spelled(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*_spelled(node.body), *_spelled(node.orelse))
    elif isinstance(node, ast.Tuple):
        yield from _spelled(node.elts[0])
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


def test_every_kind_that_imports_leave_out_is_worded() -> None:
    """In each language, and no two alike. A new format's new kind has to be listed."""
    assert len(kinds()) > 10
    for language in TRANSLATED:
        say = wording(language)
        worded = {kind: skipped(kind, say) for kind in kinds()}
        assert [kind for kind, words in worded.items() if words == kind] == []
        assert len(set(worded.values())) == len(worded)
    assert skipped("of tomorrow", wording("de")) == "of tomorrow"


def test_every_verdict_is_worded() -> None:
    """The English text is the doctor's own, the others are not."""
    for _, summary in LEVELS:
        assert expectation(summary, wording("en")) == summary
        assert len({expectation(summary, wording(each)) for each in languages()}) == 5
    assert expectation("else", wording("de")) == "else"


def test_models_on_a_card_are_worded() -> None:
    """The version itself and the floors."""
    for name in (SERVED, BIGRAM, KNESER_NEY):
        assert judged(name, wording("en")) == name
        assert judged(name, wording("zh")) != name


def no_words(count: int) -> Transcript:
    """A transcript that is too short, of speakers who each say one thing."""
    return Transcript(
        group="us",
        speakers=tuple(Speaker(n, f"P{n}") for n in range(count)),
        messages=tuple(Message(n, f"word {n}", 60 * n, "c") for n in range(count)),
    )


def complaints() -> list[str]:
    """What trainings that cannot begin say, as lm says it."""
    said = []
    for count in (3, 300):
        with pytest.raises(ValueError, match="too little") as refused:
            divide(no_words(count))
        said.append(str(refused.value))
    machine = Machine(torch.device("cpu"), torch.float32, peak=1e9, memory=1.0)
    with pytest.raises(ValueError, match="memory") as refused:
        choose("small", 1_000_000, machine, 60)
    return [*said, str(refused.value)]


def test_why_nothing_was_learnt_is_worded() -> None:
    """Its figures stay; what is not known is passed on as it is."""
    spoken = [
        "training diverged at step 12: nothing was learnt yet",
        "version 3 cannot be gone on from (somebody has withdrawn): start fresh",
        "there is no current version to go on from: start fresh",
        "stopped before the end; nothing was stored",
        "the training process ended with status -9",
    ]
    for message in (*complaints(), *spoken):
        for language in TRANSLATED:
            assert complaint(message, wording(language)) not in (message, "")
    assert "300" not in complaint(complaints()[0], wording("de"))
    assert complaint(complaints()[0], wording("es")).count("3") == 1
    assert complaint("CUDA out of memory", wording("de")) == "CUDA out of memory"


def test_the_sentences_are_those_of_lm() -> None:
    """Those that no test can bring about stand in lm's code word for word."""
    sources = "".join(
        path.read_text("utf-8")
        for folder in ("lm/learning", "lm")
        for path in (ROOT / folder).glob("*.py")
    )
    for words in (
        "training diverged at step ",
        " cannot be gone on from (",
        "there is no current version to go on from: ",
        "stopped before the end; ",
    ):
        assert words in sources


def test_durations() -> None:
    """In the largest unit, or to the second; in the reader's language."""
    english, german = wording("en"), wording("de")
    assert [span(s, english) for s in (0.4, 59, 60, 7200, 90_000)] == [
        *("0 s", "59 s", "1 min", "2 h", "1 d")
    ]
    assert [left(s, english) for s in (5, 65.2, 3600)] == ["5 s", "1 min 05 s", "60 min 00 s"]
    assert span(7200, german) == "2 Std."
    assert left(65, wording("zh")) == "1 分 05 秒"
