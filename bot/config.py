"""config.toml: one small frozen record per table; each setting has a default.

Unknown keys and wrong types are errors that name the key, the value and what is allowed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lm.failure import Failure
from lm.privacy.blocked import LONGEST_WORD, MOST_WORDS, extra_patterns

COLDEST = 0.01  # a colder temperature takes the likeliest token, as 0 does
TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")


class ConfigError(Failure):
    """The configuration cannot be used; the message is one line for the operator."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class TelegramConfig(_Table):
    """[telegram]: which Bot API server, who administers, which chats."""

    base_url: str = Field(default="https://api.telegram.org", pattern=r"^https?://")
    token_file: str = ""
    admins: list[int] = []
    allowed_chats: list[int] = []
    messages_per_minute: int = Field(default=19, ge=0, le=1000)


class PrivacyConfig(_Table):
    """[privacy]: what becomes a placeholder beside the personal data that is always found."""

    extra_patterns: dict[str, str] = {}
    blocked_words: list[str] = Field(default=[], max_length=MOST_WORDS)
    entities: str = ""

    @field_validator("extra_patterns")
    @classmethod
    def _can_be_matched(cls, patterns: dict[str, str]) -> dict[str, str]:
        extra_patterns(patterns)
        return patterns

    @field_validator("blocked_words")
    @classmethod
    def _are_words(cls, words: list[str]) -> list[str]:
        for word in words:
            if not word.strip() or len(word) > LONGEST_WORD:
                raise ValueError(f"{word[:20]!r}: a word has 1 to {LONGEST_WORD} characters")
        return words


class TokenizerConfig(_Table):
    """[tokenizer]: how the next training cuts text."""

    kind: Literal["auto", "bpe", "word", "character"] = "auto"


class ModelConfig(_Table):
    """[model]: the shape of the next training."""

    preset: Literal["auto", "tiny", "small", "base", "large", "lad-gpt"] = "auto"


class TrainConfig(_Table):
    """[train]: what a training may take."""

    max_minutes: float = Field(default=0, ge=0)
    threads: int = Field(default=0, ge=0, le=1024)
    nice: int = Field(default=10, ge=0, le=19)
    seed: int = Field(default=1, ge=0, lt=2**63)


class SamplingConfig(_Table):
    """[sampling]: how a reply is drawn."""

    temperature: float = Field(default=1.0, ge=0, le=10)
    top_k: int = Field(default=50, ge=0, lt=2**31)
    top_p: float = Field(default=1.0, ge=1e-6, le=1)
    min_p: float = Field(default=0.05, ge=0, lt=1)
    max_tokens: int = Field(default=60, ge=1, le=1024)
    guidance: float = Field(default=0.5, ge=0, le=5)
    best_of: int = Field(default=4, ge=1, le=8)

    @field_validator("temperature")
    @classmethod
    def _can_be_divided_by(cls, temperature: float) -> float:
        if 0 < temperature < COLDEST:
            raise ValueError(f"allowed are 0, and {COLDEST} to 10")
        return temperature


class EngineConfig(_Table):
    """[engine]: where replies are computed."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(default=0, ge=0, le=1024)
    slots: int = Field(default=32, ge=1, le=4096)
    shelf: int = Field(default=64, ge=0, le=65536)


class RepliesConfig(_Table):
    """[replies]: what is answered, and at what pace."""

    fresh_seconds: int = Field(default=60, ge=1)
    typing_seconds: float = Field(default=0.3, ge=0, le=30)
    longest_pause_seconds: float = Field(default=6.0, ge=0, le=60)
    lull_seconds: float = Field(default=1.5, ge=0, le=30)
    longest_burst: int = Field(default=4, ge=1, le=10)
    cooldown_seconds: float = Field(default=3.0, ge=0)
    most_per_hour: int = Field(default=40, ge=0)


class PlaygroundTable(_Table):
    """[playground]: the local page."""

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)


class Config(_Table):
    """Everything in config.toml."""

    telegram: TelegramConfig = TelegramConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    sampling: SamplingConfig = SamplingConfig()
    engine: EngineConfig = EngineConfig()
    replies: RepliesConfig = RepliesConfig()
    playground: PlaygroundTable = PlaygroundTable()


def load(path: Path | None) -> Config:
    """Read config.toml; None or a missing default file gives the defaults. Raises ConfigError."""
    if path is None:
        return Config()
    try:
        raw = tomli.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_describe(error)}") from None


def _describe(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{key}: no such setting; config.toml of this version lists all"
    if first["type"] == "model_type":
        return f"{key} = {first['input']!r}: this is a table of settings, written [{key}]"
    return f"{key} = {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"


def token(config: TelegramConfig) -> str | None:
    """The bot's token from the environment or its file; None when neither is set.

    Raises ConfigError for what cannot be a token; the message does not quote it.
    """
    given, source = _given_token(config)
    if given and not TOKEN.fullmatch(given):
        raise ConfigError(
            f"{source}: this is no bot token (123456:letters): copy it from @BotFather again"
        )
    return given or None


def _given_token(config: TelegramConfig) -> tuple[str, str]:
    """The token as it was given, and where."""
    if config.token_file:
        path = Path(config.token_file)
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError(f"telegram.token_file = {path}: others can read it; chmod 600")
            return path.read_text(encoding="ascii", errors="replace").strip(), (
                f"telegram.token_file = {path}"
            )
        except OSError as error:
            raise ConfigError(f"telegram.token_file = {path}: {error.strerror}") from None
    return os.environ.get("TELEGRAM_BOT_TOKEN", "").strip(), "TELEGRAM_BOT_TOKEN"
