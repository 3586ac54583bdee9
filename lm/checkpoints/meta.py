"""Meta: what is known of a checkpoint beside its weights, as JSON that is checked when read."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, fields
from typing import Any

from lm.corpus.message import Speaker
from lm.models.gpt import ModelConfig
from lm.models.weights import Weights

# What a damaged or hostile file may not exceed: anything larger would exhaust memory on loading.
LIMITS = {
    "vocab_size": 1 << 18,
    "n_layers": 128,
    "d_model": 8192,
    "n_heads": 128,
    "n_kv_heads": 128,
    "head_dim": 128,
    "d_ff": 32768,
    "context": 1 << 16,
}

Point = tuple[int, float, float | None]  # step, train loss in nats per token, held-out bpb


@dataclass(frozen=True, slots=True)
class Meta:
    """A checkpoint's description.

    parent:   the version that was current when this one was trained
    speakers: those with a token of their own, in token order
    mixture:  Weights of all parts but the GPT, and of turns, flat; none where the GPT serves alone
    cut_off:  sent_at of the newest message it learned from, None where there are no times
    samples:  (name of a speaker, what that persona said at the end of the training)
    learned_from: Speaker.id of everybody whose words it learned from, with a token or without
    rival:    bits per byte of the version that was current, on the same held-out messages
    """

    version: int
    parent: int | None
    config: ModelConfig
    speakers: tuple[Speaker, ...]
    metrics: dict[str, float]
    cut_off: int | None
    messages: int
    preset: str
    seconds: float
    created_at: int
    curve: tuple[Point, ...]
    mixture: tuple[float, ...] = ()
    samples: tuple[tuple[str, str], ...] = ()
    learned_from: tuple[int, ...] = ()
    rival: float | None = None

    def to_json(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, content: bytes) -> Meta:
        """Parse and check; ValueError names the key that is wrong."""
        try:
            record = json.loads(content)
        except (ValueError, RecursionError):
            raise ValueError("meta.json: not JSON") from None
        return cls(
            version=_get(record, "version", int),
            parent=_get(record, "parent", int, type(None)),
            config=_config(_get(record, "config", dict)),
            speakers=tuple(
                Speaker(_get(s, "id", int), _get(s, "name", str))
                for s in _get(record, "speakers", list)
            ),
            metrics={k: _number(k, v) for k, v in _get(record, "metrics", dict).items()},
            cut_off=_get(record, "cut_off", int, type(None)),
            messages=_get(record, "messages", int),
            preset=_get(record, "preset", str),
            seconds=_number("seconds", _get(record, "seconds", int, float)),
            created_at=_get(record, "created_at", int),
            curve=tuple(_point(point) for point in _get(record, "curve", list)),
            # older checkpoints do not have these
            mixture=_mixture(record.get("mixture", [])),
            samples=tuple(_sample(sample) for sample in _list(record, "samples")),
            learned_from=tuple(_id(each) for each in _list(record, "learned_from")),
            rival=_rival(record.get("rival")),
        )


def _get(record: Any, key: str, *kinds: type) -> Any:
    """record[key] if it is exactly of one of `kinds`."""
    value = record.get(key) if isinstance(record, dict) else None
    if type(value) not in kinds:
        raise ValueError(f"meta.json: {key} is missing or of the wrong type")
    return value


def _list(record: dict[str, Any], key: str) -> list[Any]:
    """record[key], which older checkpoints do not have."""
    found: list[Any] = _get(record, key, list) if key in record else []
    return found


def _number(key: str, value: Any) -> float:
    if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
        raise ValueError(f"meta.json: {key} is not a finite number")
    return float(value)


def _config(record: dict[str, Any]) -> ModelConfig:
    """The model's shape within LIMITS."""
    names = {field.name for field in fields(ModelConfig)}
    if set(record) != names:
        raise ValueError("meta.json: config has other keys than a model's shape")
    for key, limit in LIMITS.items():
        if not 1 <= _get(record, key, int) <= limit:
            raise ValueError(f"meta.json: {key} = {record[key]}: allowed are 1 to {limit}")
    for key in names - set(LIMITS):
        if _number(key, record[key]) <= 0:
            raise ValueError(f"meta.json: {key} = {record[key]}: has to be above 0")
    return ModelConfig(**record)


def _id(record: Any) -> int:
    """A Speaker.id."""
    if type(record) is not int:
        raise ValueError("meta.json: learned_from holds other than whole numbers")
    return record


def _sample(record: Any) -> tuple[str, str]:
    """A speaker's name and some words."""
    if not (isinstance(record, list) and [type(part) for part in record] == [str, str]):
        raise ValueError("meta.json: samples holds other than names and words")
    return (record[0], record[1])


def _rival(record: Any) -> float | None:
    """A figure, or none."""
    return None if record is None else _number("rival", record)


def _mixture(record: Any) -> tuple[float, ...]:
    """Weights of a mixture, or none."""
    if not isinstance(record, list):
        raise ValueError("meta.json: mixture is not a list")
    weights = tuple(_number("mixture", weight) for weight in record)
    try:
        return Weights.of(weights).numbers if weights else ()
    except ValueError as error:
        raise ValueError(f"meta.json: mixture holds {error}") from None


def _point(record: Any) -> Point:
    if not isinstance(record, list) or len(record) != 3 or type(record[0]) is not int:
        raise ValueError("meta.json: curve holds something other than [step, loss, bpb]")
    step, loss, bpb = record
    return step, _number("curve", loss), None if bpb is None else _number("curve", bpb)
