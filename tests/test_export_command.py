"""`understudy export`: the version that was meant, or one line that says what is wrong."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.cli.choosing import UsageError
from bot.cli.export_command import Destination, export_version, read_words
from bot.config import SamplingConfig
from bot.paths import Paths
from lm.checkpoints.versions import Versions
from lm.corpus.message import Speaker
from lm.failure import in_words
from tests import small_group


@pytest.fixture
async def paths(tmp_path: Path) -> Paths:
    """A data directory with a group whose version 2 is not promoted."""
    paths = Paths(tmp_path / "data")
    group = await small_group.make(paths.data)
    small_group.write_version(Versions(paths.models(group.id)), [Speaker(1, "Alice")], seed=1)
    return paths


async def export(number: int | None, to: Destination, paths: Paths) -> None:
    await export_version(number, to, "us", SamplingConfig(temperature=0.5), paths)


async def test_the_current_version_is_the_default(
    paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a number the current version leaves, with one that one; both are said, and a word
    on whose words they are."""
    await export(None, Destination(tmp_path / "current", "hf"), paths)
    assert "version 1 of us" in (out := capsys.readouterr().out)
    assert "carries the group's words" in out
    await export(2, Destination(tmp_path / "second", "hf"), paths)
    assert "version 2 of us" in capsys.readouterr().out
    first, second = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("current", "second")
    )
    assert first != second


async def test_replies_are_drawn_there_as_here(paths: Paths, tmp_path: Path) -> None:
    """What config.toml says of sampling goes along."""
    await export(None, Destination(tmp_path / "hf", "hf"), paths)
    generation = json.loads((tmp_path / "hf" / "generation_config.json").read_text())
    assert generation["temperature"] == 0.5
    assert generation["max_new_tokens"] == SamplingConfig().max_tokens


async def test_a_gguf_is_one_file(paths: Paths, tmp_path: Path) -> None:
    """--format gguf writes one file, smaller where its matrices are."""
    pytest.importorskip("gguf", reason="needs the package gguf")
    await export(None, Destination(tmp_path / "m.gguf", "gguf"), paths)
    await export(None, Destination(tmp_path / "q.gguf", "gguf", "q8_0"), paths)
    sizes = [(tmp_path / name).stat().st_size for name in ("m.gguf", "q.gguf")]
    assert sizes[0] > sizes[1] > 0


async def test_a_disk_that_is_full(paths: Paths, tmp_path: Path) -> None:
    """Both formats say so in words that name no counts, and leave nothing."""
    pytest.importorskip("gguf", reason="needs the package gguf")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for target in (Destination(tmp_path / "full.gguf", "gguf"), Destination(tmp_path / "f", "hf")):
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(OSError, match=r"is the disk full\?|File too large") as caught:
                await export(None, target, paths)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "requested" not in in_words(caught.value)
    assert list(tmp_path.iterdir()) == [paths.data]


async def test_a_missing_package_is_named(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package gguf, one line says which extra to install, and nothing is left."""
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(UsageError, match=r"needs the extra gguf"):
        await export(None, Destination(tmp_path / "m.gguf", "gguf"), paths)
    assert not list(tmp_path.glob("*gguf*"))


async def test_a_version_that_is_not_there(paths: Paths, tmp_path: Path) -> None:
    """The line names those that are."""
    with pytest.raises(UsageError, match=r"version 9 of us is not there; there are: 1, 2"):
        await export(9, Destination(tmp_path / "hf", "hf"), paths)


async def test_a_group_without_a_version(tmp_path: Path) -> None:
    """The line says what to do first."""
    paths = Paths(tmp_path / "data")
    await small_group.make(paths.data, model=False)
    with pytest.raises(UsageError, match="no version yet: understudy train --group us"):
        await export(None, Destination(tmp_path / "hf", "hf"), paths)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"format": ""}, "--format is missing"),
        ({"format": "onnx"}, "--format onnx: allowed are hf and gguf"),
        ({"format": "hf", "type": "f16"}, "--type f16: allowed with --format gguf"),
        ({"format": "gguf", "type": "q4"}, "--type q4: allowed with --format gguf"),
        ({"format": "hf", "target": Path("nowhere/model")}, "nowhere: no such directory"),
    ],
)
def test_impossible_destinations_are_refused(
    tmp_path: Path, given: dict[str, Any], complaint: str
) -> None:
    """Wrong options are a line with the option, its value and what is allowed."""
    with pytest.raises(UsageError, match=complaint):
        Destination(**({"target": tmp_path / "model"} | given))


def test_the_words_of_the_command() -> None:
    """[N] TARGET: a number alone is a version without a target, never a directory's name."""
    assert read_words(["out"]) == (None, Path("out"))
    assert read_words(["3", "out"]) == (3, Path("out"))
    for words in (["3"], ["x", "out"], ["-1", "out"], ["1", "2", "out"]):
        with pytest.raises(UsageError, match=f"^export {words[0]}"):
            read_words(words)
