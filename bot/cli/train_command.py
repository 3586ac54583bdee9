"""`understudy train`: a version of a group's model, learnt now, promoted if it is better."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import dataclass

from bot.cli.choosing import UsageError
from bot.cli.sample import expect_group, find_group
from bot.config import Config
from bot.paths import Paths
from storage.groups import Group
from storage.lock import hold
from storage.store import Store


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What the command line says. "" and 0 leave `preset` and `minutes` to the settings."""

    group: str
    preset: str
    minutes: float
    fresh: bool
    resume: bool
    as_json: bool


def train(options: TrainOptions, config: Config, paths: Paths) -> None:
    """Train and say how it went. Raises UsageError."""
    config = _overridden(config, options)
    expect_group(paths, options.group)
    with hold(paths.data):
        group = asyncio.run(_group(paths, options.group))
        # Seconds of torch: not for a group that is not there, nor in an event loop, in which
        # Ctrl-C would wait for them.
        importlib.import_module("bot.learning.watch")
        asyncio.run(_train(group, options, config, paths))


def _overridden(config: Config, options: TrainOptions) -> Config:
    settings = config.model_dump()
    settings["model"]["preset"] = options.preset or settings["model"]["preset"]
    settings["train"]["max_minutes"] = options.minutes or settings["train"]["max_minutes"]
    try:
        return Config.model_validate(settings)
    except ValueError:
        raise UsageError(
            f"--preset {options.preset}, --minutes {options.minutes}: allowed are auto, tiny, "
            "small, base, large, lad-gpt; and no less than 0 minutes"
        ) from None


async def _group(paths: Paths, name: str) -> Group:
    async with Store(paths.database) as store:
        return await find_group(store, name)


async def _train(group: Group, options: TrainOptions, config: Config, paths: Paths) -> None:
    from bot.learning.watch import train

    async with Store(paths.database) as store:
        await train(
            *(store, group, paths, config),
            start="fresh" if options.fresh else "auto",
            resume=options.resume,
            as_json=options.as_json,
        )
