"""`understudy doctor`: what this machine and this data directory offer, and what is not in order.

It reads only, beside a running bot too, and makes nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from bot import config as configuration
from bot.cli.choosing import UsageError
from bot.config import Config, ConfigError
from bot.counts import counted
from bot.memory.current import DeviceError, pick_device
from bot.memory.footprint import engine_bytes, size, slot_bytes, spare_slots
from bot.paths import Paths
from lm.checkpoints import checkpoint
from lm.checkpoints.checkpoint import Checkpoint, CheckpointError
from lm.checkpoints.versions import Versions
from lm.device import physical_cores, precision
from lm.engine.served import served_dtype
from lm.learning.plan import parameters
from lm.native.code import native
from storage import groups, messages
from storage.groups import Group
from storage.store import DatabaseError, reading

LEAST_DISK = 1 << 30  # bytes free, below which a training may not be stored
GB = 1 << 30


@dataclass(slots=True)
class GroupState:
    """A group: its people and messages, and what its current version takes to serve.

    Bytes are those of keys and values: `slot_bytes` of one warm chat, `engine_bytes` of all the
    places that an engine has, `shelf_bytes` at most of the chats beside them. None where there is
    no version.
    """

    name: str
    speakers: int
    agreed: int
    messages: int
    versions: list[int] = field(default_factory=list)
    current: int | None = None
    parameters: int | None = None
    slot_bytes: int | None = None
    chats_per_gb: int | None = None
    engine_bytes: int | None = None
    shelf_bytes: int | None = None


@dataclass(slots=True)
class Findings:
    """Everything that the doctor looked at. `problems` are lines for a person."""

    device: str
    precision: str
    cores: int
    native: bool  # whether replies are computed by lm/native
    reply_threads: int
    training_threads: int
    data: str
    data_bytes: int
    disk_free: int
    token: str
    slots: int
    shelf: int
    groups: list[GroupState] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unread: bool = False  # whether the database cannot be read


async def examine(file: Path | None, paths: Paths, as_json: bool) -> None:
    """Look, and print. UsageError, after that, where something is not in order."""
    problems: list[str] = []
    try:
        config = configuration.load(file)
    except ConfigError as error:
        problems.append(str(error))
        config = Config()
    found = _machine(config, paths, problems)
    if paths.database.exists():
        await _data(paths, found)
    print(json.dumps(asdict(found), ensure_ascii=False) if as_json else _text(found))
    if found.problems:
        raise UsageError(counted(len(found.problems), "problem"))


def _machine(config: Config, paths: Paths, problems: list[str]) -> Findings:
    cores = physical_cores()
    try:
        device = pick_device(config.engine.device)
    except DeviceError as error:
        problems.append(str(error))
        device = torch.device("cpu")
    there = next(path for path in (paths.data, *paths.data.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < LEAST_DISK:
        problems.append(f"{size(free)} are left on the disk of {paths.data}")
    return Findings(
        device=device.type,
        precision=str(precision(device)).removeprefix("torch."),
        cores=cores,
        native=device.type == "cpu" and native(served_dtype(device)) is not None,
        reply_threads=config.engine.threads or max(1, (os.cpu_count() or 1) // 2),
        training_threads=config.train.threads or max(1, cores - 1),
        data=str(paths.data),
        data_bytes=_tree(paths.data),
        disk_free=free,
        token=_token(config, problems),
        slots=config.engine.slots,
        shelf=config.engine.shelf,
        problems=problems,
    )


def _token(config: Config, problems: list[str]) -> str:
    """Where the token comes from; the token itself is never said."""
    try:
        if configuration.token(config.telegram) is None:
            return "none: the playground is served"
    except ConfigError as error:
        problems.append(str(error))
        return "not in order"
    return config.telegram.token_file or "TELEGRAM_BOT_TOKEN"


def _tree(folder: Path) -> int:
    """Bytes of all files below a folder; one that goes meanwhile counts for nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total


async def _data(paths: Paths, found: Findings) -> None:
    try:
        async with reading(paths.database) as db:
            for group in await groups.all_groups(db):
                rows = await groups.speakers(db, group.id)
                counts = await messages.count_by_speaker(db, group.id)
                agreed = sum(row.agreed for row in rows)
                state = GroupState(group.name, len(rows), agreed, sum(counts.values()))
                await asyncio.to_thread(_serving, paths, group, state, found)
                found.groups.append(state)
    except DatabaseError as error:
        found.unread = True
        found.problems.append(str(error))


def _serving(paths: Paths, group: Group, state: GroupState, found: Findings) -> None:
    """What the group's current version takes, and which versions are damaged."""
    versions = Versions(paths.models(group.id))
    state.versions = versions.all()
    try:
        state.current = versions.current()
    except CheckpointError as error:
        found.problems.append(f"{group.name}: {error}")
    for version in state.versions:
        try:
            if version == state.current:
                _weigh(versions.load(version, torch.device("cpu")), state, found)
            else:
                checkpoint.verify(versions.folder(version))
        except CheckpointError as error:
            found.problems.append(f"{group.name}: {error}")


def _weigh(serving: Checkpoint, state: GroupState, found: Findings) -> None:
    device = torch.device(found.device)
    one = slot_bytes(serving, device)
    state.parameters = parameters(serving.meta.config)
    state.slot_bytes, state.chats_per_gb = one, GB // one
    state.engine_bytes = engine_bytes(serving, device, found.slots)
    state.shelf_bytes = found.shelf * one


def _text(found: Findings) -> str:
    lines = [
        f"device      {found.device}, {found.precision}, {found.cores} cores"
        f" (threads: {found.reply_threads} to reply, {found.training_threads} to train)",
        f"native code {_native(found)}",
        f"data        {found.data}: {size(found.data_bytes)}, {size(found.disk_free)} free",
        f"token       {found.token}",
        f"slots       {found.slots} chats warm, {spare_slots()} more for replies side by side; "
        f"{found.shelf} chats on the shelf",
    ]
    for group in found.groups:
        lines += _about(group)
    if not (found.groups or found.unread):
        lines.append("groups      none yet: understudy import FILE --group NAME")
    lines += [f"PROBLEM     {problem}" for problem in found.problems]
    return "\n".join(lines if found.problems else [*lines, "all is in order"])


def _native(found: Findings) -> str:
    if found.device != "cpu":
        return "not needed"
    if found.native:
        return "computes replies"
    return (
        "none: replies take several times longer. It needs AVX2, a C++ compiler and Python's "
        "headers (python3-dev); then scripts/setup .venv builds it"
    )


def _about(group: GroupState) -> list[str]:
    people, held = counted(group.speakers, "person", "people"), counted(group.messages, "message")
    lines = [f"group       {group.name}: {people}, {group.agreed} agreed, {held}"]
    if group.current is None:
        return [*lines, "  version   none yet"]
    listed = ", ".join(map(str, group.versions))
    lines.append(f"  version   {group.current} is current, of {listed}")
    if group.parameters is not None:
        lines.append(f"  model     {group.parameters:,} parameters")
    if group.slot_bytes is not None:
        lines.append(
            f"  memory    {group.slot_bytes:,} bytes per warm chat, {group.chats_per_gb:,} chats "
            f"per GB, {size(group.engine_bytes or 0)} for all slots, at most "
            f"{size(group.shelf_bytes or 0)} on the shelf"
        )
    return lines
