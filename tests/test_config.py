"""bot/config.py: defaults, and errors that name key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import config
from bot.config import Config, ConfigError, TelegramConfig

SHIPPED = Path(__file__).parents[1] / "config.toml"


def test_the_shipped_file_states_every_default() -> None:
    """config.toml lists every setting with the value that holds without it."""
    loaded = config.load(SHIPPED)
    assert loaded == Config()
    assert loaded.model_fields_set == set(Config.model_fields)
    for name in Config.model_fields:
        table = getattr(loaded, name)
        assert table.model_fields_set == set(type(table).model_fields), name


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[sampling]\ntemprature = 1", "sampling.temprature"),
        ("[sampling]\ntemperature = 'hot'", "'hot'"),
        ("[sampling]\ntemperature = 1e-40", "allowed are 0, and 0.01 to 10"),
        ("[engine]\nslots = 0", "engine.slots = 0"),
        ("[model]\npreset = 'huge'", "'tiny', 'small', 'base', 'large' or 'lad-gpt'"),
        ("[unknown]\nx = 1", "unknown"),
        ("[train]\nmax_minutes = inf", "train.max_minutes = inf"),
        ("[replies]\ncooldown_seconds = nan", "replies.cooldown_seconds = nan"),
        ("train = 5", "train = 5: this is a table of settings, written [train]"),
        ("[telegram]\nbase_url = 'ftp://x'", "telegram.base_url"),
        ("not toml", "config"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, text: str, named: str) -> None:
    """Key, value, and what is allowed, in one line."""
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_from_windows(tmp_path: Path) -> None:
    """Its editors put a byte order mark at the beginning."""
    path = tmp_path / "config.toml"
    path.write_text("[sampling]\ntop_k = 7\n", encoding="utf-8-sig")
    assert config.load(path).sampling.top_k == 7


def test_a_token_file_that_others_can_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token comes from a private file, or from the environment."""
    path = tmp_path / "token"
    path.write_text("123:abc\n")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        config.token(TelegramConfig(token_file=str(path)))
    path.chmod(0o600)
    assert config.token(TelegramConfig(token_file=str(path))) == "123:abc"
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", " 9:x ")
    assert config.token(TelegramConfig()) == "9:x"
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN")
    assert config.token(TelegramConfig()) is None
