"""`understudy train`: a version of a group's model, learnt now, promoted if it is better."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.cli.choosing import SAMPLE, UsageError, choose
from bot.cli.sample import import_sample
from bot.config import Config
from bot.paths import Paths
from storage import groups
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
    if not paths.database.exists() and options.group.casefold() != SAMPLE.casefold():
        choose([], options.group)  # says what to do first, before a data directory is made
    with hold(paths.data):
        asyncio.run(_train(options, config, paths))


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


async def _train(options: TrainOptions, config: Config, paths: Paths) -> None:
    # torch is not imported for a command line that ends in a UsageError
    from bot.learning import curve
    from bot.learning.promotion import ensure_agreed
    from bot.learning.training import Training
    from bot.learning.watch import verdict, watch
    from lm.checkpoints.versions import Versions

    async with Store(paths.database) as store:
        group = await _group(store, options.group)
        training = Training(store, group, paths, config)
        events = training.events(
            background=False, start="fresh" if options.fresh else "auto", resume=options.resume
        )
        gate, version = await watch(events, options.as_json)
        versions = Versions(paths.models(group.id))
        if gate["better"]:
            await ensure_agreed(store, group, versions, version)
            versions.promote(version)
        if not options.as_json:
            print(f"The loss curve is {curve.keep(versions, version)}")
            print(verdict(gate, version))


async def _group(store: Store, name: str) -> Group:
    """The group of that name; the sample group is imported when it is asked for."""
    known = await store.read(groups.all_groups)
    if name.casefold() == SAMPLE.casefold() and not any(g.name == SAMPLE for g in known):
        await import_sample(store)
        known = await store.read(groups.all_groups)
    return choose(known, name)
