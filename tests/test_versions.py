"""Rules of the versions: numbers, promotion, rollback, pruning, and crashes in between."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lm.checkpoints.checkpoint import CheckpointError
from lm.checkpoints.meta import Meta
from lm.checkpoints.versions import Versions
from lm.corpus.tokenizer import Tokenizer
from lm.models.gpt import GPT, ModelConfig

CPU = torch.device("cpu")
TOKENIZER = Tokenizer.train([], 256, ())
CONFIG = ModelConfig(TOKENIZER.vocab_size, 1, 64, 1, 1, 64, 8, context=8)
META = Meta(0, None, CONFIG, (), {}, None, 1, "tiny", 0.0, 0, ())
MODEL = GPT(CONFIG)


def written(directory: Path, count: int) -> Versions:
    versions = Versions(directory / "models")
    assert [versions.write(MODEL, TOKENIZER, META) for _ in range(count)] == list(
        range(1, count + 1)
    )
    return versions


def test_an_empty_directory_has_no_versions(tmp_path: Path) -> None:
    """Before the first training there is nothing, and asking creates nothing."""
    versions = Versions(tmp_path / "models")
    assert versions.all() == []
    assert versions.current() is None
    assert not (tmp_path / "models").exists()


def test_a_candidate_is_not_current(tmp_path: Path) -> None:
    """Writing gives the next number, which meta carries; promotion is a second step."""
    versions = written(tmp_path, 2)
    assert versions.all() == [1, 2]
    assert versions.current() is None
    assert versions.meta(2).version == versions.load(2, CPU).meta.version == 2


def test_promotion_and_rollback(tmp_path: Path) -> None:
    """Rollback walks back through what was promoted, not through what was trained."""
    versions = written(tmp_path, 4)
    for version in (1, 3, 4):
        versions.promote(version)
    assert versions.current() == 4
    assert versions.rollback() == 3 == versions.current()
    versions.promote(2)
    assert versions.rollback() == 3
    assert versions.rollback() == 1
    with pytest.raises(CheckpointError, match="before"):
        versions.rollback()
    assert versions.current() == 1


def test_promoting_again_lists_once(tmp_path: Path) -> None:
    """A version promoted a second time moves to the front."""
    versions = written(tmp_path, 2)
    for version in (1, 2, 1, 1):
        versions.promote(version)
    assert versions.promoted() == [1, 2]


def test_only_intact_versions_are_promoted(tmp_path: Path) -> None:
    """A damaged or missing version never becomes current, by promotion or rollback."""
    versions = written(tmp_path, 3)
    versions.promote(1)
    versions.promote(2)
    for version in (1, 3):
        path = tmp_path / "models" / f"{version:04d}" / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-1])
    for attempt in (lambda: versions.promote(3), lambda: versions.promote(9), versions.rollback):
        with pytest.raises(CheckpointError):
            attempt()
    assert versions.current() == 2


def test_a_damaged_current_checkpoint_is_an_error(tmp_path: Path) -> None:
    """The caller learns of it instead of getting nothing, or something else."""
    versions = written(tmp_path, 1)
    versions.promote(1)
    (tmp_path / "models" / "0001" / "meta.json").write_text("{}")
    with pytest.raises(CheckpointError, match="0001"):
        versions.load(1, CPU)


@pytest.mark.parametrize("content", ["seven", "9\n1\n", "\xff"])
def test_a_damaged_choice_is_an_error_until_promotion(tmp_path: Path, content: str) -> None:
    """A `current` that names nothing is a CheckpointError; promoting mends it."""
    versions = written(tmp_path, 1)
    (tmp_path / "models" / "current").write_text(content, encoding="latin-1")
    with pytest.raises(CheckpointError, match="current"):
        versions.current()
    assert versions.write(MODEL, TOKENIZER, META) == 2
    assert versions.prune(keep=1) == []  # version 1 may well be the current one
    versions.promote(1)
    assert versions.current() == 1


def test_prune_keeps_what_may_be_needed(tmp_path: Path) -> None:
    """The newest, the current one and the one before it stay; remains of crashes go."""
    versions = written(tmp_path, 7)
    for version in (1, 2, 3):
        versions.promote(version)
    (tmp_path / "models" / ".0008.partial").mkdir()
    (tmp_path / "models" / ".0000.gone").mkdir()
    assert versions.prune(keep=2) == [1, 4, 5]
    assert versions.all() == [2, 3, 6, 7]
    assert versions.rollback() == 2
    names = {path.name for path in (tmp_path / "models").iterdir()}
    assert names == {"0002", "0003", "0006", "0007", "current"}


def test_numbers_are_not_reused_after_pruning(tmp_path: Path) -> None:
    """The next number is above every one there is, whatever was deleted."""
    versions = written(tmp_path, 3)
    versions.prune(keep=1)
    assert versions.write(MODEL, TOKENIZER, META) == 4


def test_a_removed_version_is_gone(tmp_path: Path) -> None:
    """Removing the current version leaves the one promoted before it in use, or none."""
    versions = written(tmp_path, 3)
    versions.promote(1)
    versions.promote(3)
    versions.remove(3)
    assert (versions.all(), versions.current()) == ([1, 2], 1)
    versions.remove(1)
    assert (versions.all(), versions.current()) == ([2], None)


def test_other_names_are_no_versions(tmp_path: Path) -> None:
    """Half-written directories and stray files are not taken for versions."""
    versions = written(tmp_path, 1)
    (tmp_path / "models" / ".0002.partial").mkdir()
    (tmp_path / "models" / "notes").mkdir()
    (tmp_path / "models" / "0009").write_text("a file")
    assert versions.all() == [1]


def test_the_version_before_is_still_known_when_the_current_is_missing(tmp_path: Path) -> None:
    """The error says what there is to promote, and promoting keeps the way back."""
    versions = written(tmp_path, 3)
    for version in (1, 3):
        versions.promote(version)
    versions.folder(3).rename(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match=r"version 3 is missing: promote another one \(1, 2"):
        versions.current()
    versions.promote(2)
    assert versions.promoted() == [2, 1]


def test_a_damaged_list_of_what_was_withdrawn_is_an_error(tmp_path: Path) -> None:
    """In one line, as all that is read of versions."""
    versions = written(tmp_path, 1)
    (tmp_path / "models" / "withdrawn").write_text("none")
    with pytest.raises(CheckpointError, match="withdrawn: not a list"):
        versions.withdrawn()
