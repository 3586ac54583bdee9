"""/models: the versions of the group's model, and a card of each behind a button."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from bot.commands.administration.learning import refusal
from bot.glossary import judged
from bot.house import Buttons, House, Shown
from bot.speaking.voice.speech import defuse
from bot.units import span
from bot.updates.incoming import Incoming
from bot.wording import Wording
from lm.checkpoints.checkpoint import CheckpointError
from lm.checkpoints.meta import Meta
from lm.learning.training import SERVED

SHOWN = 12  # versions, the newest
PEOPLE = 20  # names on a card
LONGEST = 40  # characters of a name
FIGURES = 8  # of a card


async def models(house: House, heard: Incoming) -> None:
    """/models: a line and a button for each version on disk. In private for admins only."""
    if not heard.in_group and not await house.obeys(heard):
        await house.answer(heard, refusal(heard))
        return
    shown = await overview(house, heard.wording)
    await house.answer(heard, shown.text, shown.buttons)


async def pressed_version(house: House, heard: Incoming, data: str) -> str | Shown:
    """The button of a version, or 0 for the way back to all. ValueError for one that is gone."""
    number = int(data)
    if not heard.in_group and not await house.obeys(heard):
        return refusal(heard)
    await house.apply(heard.update_id)
    if number == 0:
        return await overview(house, heard.wording)
    if number not in house.current.versions.all():
        raise ValueError(f"no version {number}")
    back = (((heard.wording("all versions"), "version:0"),),)
    return Shown(await _card(house, heard.wording, number), back)


async def overview(house: House, say: Wording) -> Shown:
    """A line for each version, the newest first, and their buttons."""
    versions = house.current.versions
    numbers = versions.all()[: -SHOWN - 1 : -1]
    if not numbers:
        return Shown(say("There is no version yet."))
    serving = house.current.checkpoint.meta.version
    lines = [await asyncio.to_thread(_line, house, say, number, serving) for number in numbers]
    labels = [(f"{'▶ ' if n == serving else ''}{n}", f"version:{n}") for n in numbers]
    buttons: Buttons = [labels[start : start + 4] for start in range(0, len(labels), 4)]
    return Shown("\n".join(lines), buttons)


def _line(house: House, say: Wording, number: int, serving: int) -> str:
    try:
        meta = house.current.versions.meta(number)
    except CheckpointError:
        return say("· version {version}: damaged", version=number)
    line = say.many(
        "{mark} version {version}, {born}, {n:,} message",
        "{mark} version {version}, {born}, {n:,} messages",
        meta.messages,
        mark="▶" if number == serving else "·",
        version=number,
        born=moment(meta.created_at),
    )
    bpb = meta.metrics.get("bpb")
    if bpb is None:
        return line
    return f"{line}, {say('{bpb:.3f} bits per byte held out', bpb=bpb)}"


async def _card(house: House, say: Wording, number: int) -> str:
    try:
        meta = await asyncio.to_thread(house.current.versions.meta, number)
    except CheckpointError as error:
        return say("Version {version} is damaged: {error}.", version=number, error=error)
    agreed = {row.id for row in house.current.cast.speakers.values() if row.agreed}
    return card(meta, number == house.current.checkpoint.meta.version, agreed, say)


def card(meta: Meta, serving: bool, agreed: set[int], say: Wording) -> str:
    """A version's card: at most some thousand characters, however many people are in it.

    agreed: ids of those who may be named
    """
    lines = [_title(meta, serving, say), _birth(meta, say), _people(meta, agreed, say)]
    lines += [*_figures(meta, say), _gate(meta, say)]
    return "\n".join(line for line in lines if line)


def _title(meta: Meta, serving: bool, say: Wording) -> str:
    if serving:
        return say("▶ Version {version}, serving now", version=meta.version)
    return say("Version {version}", version=meta.version)


def _birth(meta: Meta, say: Wording) -> str:
    born = say(
        "Trained {born} in {duration} (preset {preset}, {parent})",
        born=moment(meta.created_at),
        duration=span(meta.seconds, say),
        preset=meta.preset,
        parent=say("the first one")
        if meta.parent is None
        else say("after version {version}", version=meta.parent),
    )
    learnt = say.many("On {n:,} message", "On {n:,} messages", meta.messages)
    if meta.cut_off is not None:
        learnt += say(", the newest of {date}", date=moment(meta.cut_off)[:10])
    return f"{born}\n{learnt}"


def _people(meta: Meta, agreed: set[int], say: Wording) -> str:
    """Whom it learnt from; whoever has withdrawn since is no longer named."""
    names = [defuse(each.name[:LONGEST]) for each in meta.speakers if each.id in agreed]
    more = len(meta.speakers) - len(names[:PEOPLE])
    listed = ", ".join(names[:PEOPLE])
    if not more:
        return say("Of {people}", people=listed)
    return say.many("Of {people} and {n} more", "Of {people} and {n} more", more, people=listed)


def _figures(meta: Meta, say: Wording) -> list[str]:
    """Held-out bits per byte beside those of the floors."""
    figures = {k: v for k, v in meta.metrics.items() if k not in ("bpb", "held_out")}
    figures = figures or {k: v for k, v in {SERVED: meta.metrics.get("bpb")}.items() if v}
    if not figures:
        return []
    held = int(meta.metrics.get("held_out", 0))
    title = say.many(
        "Bits per byte on {n:,} message held out (less is better):",
        "Bits per byte on {n:,} messages held out (less is better):",
        held,
    )
    best = min(figures.values())
    ranked = sorted(figures.items(), key=lambda item: item[1])[:FIGURES]
    return [title, *(f"  {v:.3f}  {judged(k, say)}{' ✓' if v == best else ''}" for k, v in ranked)]


def _gate(meta: Meta, say: Wording) -> str:
    """What the gate said: the same figure of the version that it was to replace."""
    mine = meta.metrics.get("bpb")
    if meta.rival is None or mine is None:
        return ""
    if mine < meta.rival:
        return say("The gate let it through: the version before had {bpb:.3f}.", bpb=meta.rival)
    return say("The gate held it back: the version before had {bpb:.3f}.", bpb=meta.rival)


def moment(seconds: int) -> str:
    """2026-01-31 04:00 UTC; nothing for a time that is none."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return "?"
