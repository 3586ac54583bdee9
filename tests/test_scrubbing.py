"""bot/scrubbing.py and [privacy]: one scrubber for exports and live messages, as configured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Config, ConfigError, PrivacyConfig, load
from bot.importing.study import Study, read_state
from bot.scrubbing import group_scrubber, make_scrubber, spellings
from storage import groups, handles
from storage.store import Db, Store

SECRET = b"s" * 32


def test_names_of_the_group_are_known_as_handles_too() -> None:
    """Alice Smith may be @alice, @alicesmith or @alice_smith; a stranger is a placeholder."""
    assert spellings(["Alice  Smith", ""]) == {"alice smith", "alicesmith", "alice_smith", "alice"}
    scrubber = make_scrubber(PrivacyConfig(), SECRET, ["Alice Smith"])
    assert scrubber.scrub("@alice @AliceSmith @alice_smith") == "@alice @AliceSmith @alice_smith"
    assert "@mallory" not in scrubber.scrub("@mallory")


def test_the_same_settings_and_secret_give_the_same_placeholders() -> None:
    """An import today and a live message next year."""
    config = PrivacyConfig(blocked_words=["Voldemort"])
    one, other = (make_scrubber(config, SECRET, ["Alice"]) for _ in range(2))
    text = "voldemort has 07700 900123"
    assert one.scrub(text) == other.scrub(text) != text


async def test_an_import_knows_what_members_are_called(tmp_path: Path) -> None:
    """The @name of who wrote in the group's chat, the newest alone, stays in an export as well."""

    async def made(db: Db) -> int:
        group = (await groups.ensure_group(db, "us")).id
        for handle in ("old_name", "Robert_99"):
            await handles.heard(db, group, 7, handle)
        await groups.ensure_speaker(db, group, "Alice")
        return group

    async with Store(tmp_path / "db") as store:
        group = await store.write(made)
        live = await store.read(lambda db: group_scrubber(db, PrivacyConfig(), group))
        study = Study(await store.read(lambda db: read_state(db, "us")), [], {}, PrivacyConfig())
    for scrubber in (live, study.scrubber):
        said = scrubber.scrub("@robert_99 @alice @old_name")
        assert said.startswith("@robert_99 @alice [")
        assert "old_name" not in said


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('blocked_words = [" "]', "privacy.blocked_words"),
        (f'blocked_words = ["{"x" * 65}"]', "privacy.blocked_words"),
        ('blocked_words = "x"', "privacy.blocked_words"),
        ("extra_patterns = []", "privacy.extra_patterns"),
        ("extra_pattern = {}", "privacy.extra_pattern: no such setting"),
        ('extra_patterns = { badge = "(" }', "privacy.extra_patterns"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, toml: str, says: str) -> None:
    """It names the key, when the file is read and not when the first message comes."""
    path = tmp_path / "config.toml"
    path.write_text(f"[privacy]\n{toml}\n")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_extra_patterns_work_as_configured() -> None:
    """The kind is the operator's word."""
    pytest.importorskip("re2", reason="google-re2 is not installed")
    config = Config.model_validate({"privacy": {"extra_patterns": {"badge": "B[0-9]{6}"}}})
    assert (
        make_scrubber(config.privacy, SECRET, [])
        .scrub("mine is B123456")
        .startswith("mine is [badge ")
    )


def test_names_found_by_spacy_become_placeholders(tmp_path: Path) -> None:
    """People and places, but not the group's own; what spaCy finds is spaCy's business."""
    spacy = pytest.importorskip("spacy", reason="the ner extra is not installed")
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "PERSON", "pattern": "Mallory"},
            {"label": "PERSON", "pattern": "Alice"},
            {"label": "GPE", "pattern": "Paris"},
        ]
    )
    nlp.to_disk(tmp_path / "pipeline")
    config = PrivacyConfig(entities=str(tmp_path / "pipeline"))
    said = make_scrubber(config, SECRET, ["Alice"]).scrub("Mallory saw Alice in Paris")
    assert said.startswith("[person ")
    assert "saw Alice in [place " in said


def test_a_pipeline_that_is_not_there_is_one_line() -> None:
    """Whether the package or the pipeline is missing."""
    with pytest.raises(ConfigError, match=r"privacy\.entities: "):
        make_scrubber(PrivacyConfig(entities="xx_no_such_pipeline"), SECRET, [])
