"""`understudy backup FILE` and `restore FILE`: all that a data directory knows, in one file.

A backup is made beside a running bot. A restore looks at every byte before it changes anything,
and replaces what is there only with --force.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from bot.cli.archive import DATABASE, Archive, ArchiveError, ArchiveWriter
from bot.cli.choosing import UsageError
from bot.counts import counted
from bot.memory.footprint import size
from bot.paths import Paths
from bot.privacy.erasing import finish
from lm.checkpoints import checkpoint
from lm.checkpoints.checkpoint import CheckpointError
from lm.checkpoints.versions import CURRENT, WITHDRAWN, Versions
from storage import snapshot
from storage.groups import all_groups
from storage.lock import hold
from storage.store import DatabaseError, Store, reading

ASIDE, REPLACED = ".restoring", ".replaced"
KEPT = frozenset({"lock", ASIDE, REPLACED})  # what an empty data directory may hold
GROUPS = "groups"


async def backup(target: Path, paths: Paths, as_json: bool) -> None:
    """Write a snapshot of the database and every sound version to a new file."""
    target = _place(target)
    database = target.with_name(f".{target.name}.db.partial")
    damaged: list[str] = []
    count = 0
    try:
        with ArchiveWriter(target) as archive:
            await asyncio.to_thread(database.unlink, missing_ok=True)
            await snapshot.take(paths.database, database)
            async with reading(database) as db:
                known = await all_groups(db)
            with database.open("rb") as file:
                await asyncio.to_thread(archive.add, DATABASE, file)
            for group in known:
                count += await asyncio.to_thread(_add_models, archive, paths, group.id, damaged)
    finally:
        database.unlink(missing_ok=True)
    _say_written(target, count, damaged, as_json)


def _place(target: Path) -> Path:
    """Where a new file can be, in full. UsageError where it cannot."""
    if target.is_dir():
        raise UsageError(f"{target}: this is a folder, the name of a new file is wanted")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"{target}: there is no such folder to write to")
    return target.absolute()


def _say_written(target: Path, count: int, damaged: list[str], as_json: bool) -> None:
    written = target.stat().st_size
    if as_json:
        print(json.dumps({"bytes": written, "versions": count, "left_out": damaged}))
        return
    print(f"{target}: {size(written)}, the database, {counted(count, 'version')}")
    for each in damaged:
        print(f"left out: {each}")


def _add_models(archive: ArchiveWriter, paths: Paths, group: int, damaged: list[str]) -> int:
    """Add a group's versions and which of them is current; returns how many there are."""
    folder = paths.models(group)
    versions, place = Versions(folder), f"{GROUPS}/{group}/models"
    added = []
    for version in versions.all():
        try:
            checkpoint.verify(versions.folder(version))
            with _opened(versions.folder(version)) as files:
                for name, file in files.items():
                    archive.add(f"{place}/{version:04d}/{name}", file)
        except (CheckpointError, FileNotFoundError) as error:  # damaged, or deleted just now
            damaged.append(f"version {version} of group {group}: {error}")
            continue
        added.append(version)
    for name, listed in ((CURRENT, versions.promoted), (WITHDRAWN, versions.withdrawn)):
        try:
            numbers = listed()
        except CheckpointError as error:
            damaged.append(f"group {group}: {error}")
            continue
        if name == CURRENT:
            numbers = [version for version in numbers if version in added]
        if numbers:
            lines = "".join(f"{number}\n" for number in numbers)
            archive.add(f"{place}/{name}", io.BytesIO(lines.encode()))
    return len(added)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[dict[str, IO[bytes]]]:
    """All files of a version at once: what is open can be read to its end, though it be deleted."""
    with ExitStack() as stack:
        yield {
            path.name: stack.enter_context(path.open("rb"))
            for path in sorted(folder.iterdir())
            if path.suffix in (".safetensors", ".json", ".png")
        }


async def restore(source: Path, paths: Paths, force: bool, as_json: bool) -> None:
    """Put a backup's content into a data directory: an empty one, or with `force` any."""
    archive = await asyncio.to_thread(Archive, source)
    with hold(paths.data):
        if not paths.database.exists():  # a restore was killed
            await asyncio.to_thread(_put_back, paths)
        there = sorted({path.name for path in paths.data.iterdir()} - KEPT)
        if there and not force:
            raise UsageError(
                f"{paths.data} is not empty ({', '.join(there[:3])}): choose another --data "
                "directory, or replace what is there with --force"
            )
        free = shutil.disk_usage(paths.data).free
        if archive.size > free:
            raise ArchiveError(f"{source}: holds {size(archive.size)}, the disk has {size(free)}")
        aside = paths.data / ASIDE
        try:
            versions = await _prepare(archive, aside)
            asked, refused = await _carried(paths.database, aside / DATABASE)
            await _erase(Paths(aside))
            await asyncio.to_thread(_replace, paths, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    if as_json:
        print(
            json.dumps(
                {
                    "bytes": archive.size,
                    "versions": versions,
                    "forgotten": asked,
                    "withdrawn": refused,
                }
            )
        )
        return
    print(f"{paths.data}: restored the database, {counted(versions, 'version')}")
    print(_of_forgotten(asked))
    if refused:
        print(f"{refused} withdrew since: nothing of theirs is learnt")


def _of_forgotten(asked: int | None) -> str:
    """What became of people who asked to be forgotten after the backup was made."""
    if asked is None:
        return (
            "no sound database was here before, so whoever withdrew or asked to be forgotten after "
            "the backup was made is in it again: understudy forget NAME --group GROUP removes them"
        )
    people = counted(asked, "person", "people")
    return f"{people} asked to be forgotten since the backup was made: nothing of them is restored"


async def _prepare(archive: Archive, aside: Path) -> int:
    """Everything laid out beside, and found to be sound; the number of versions."""
    await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)
    await asyncio.to_thread(archive.extract, aside)
    await snapshot.check(aside / DATABASE)
    async with reading(aside / DATABASE) as db:
        known = await all_groups(db)
    count = 0
    for group in known:
        versions = Versions(Paths(aside).models(group.id))
        for version in versions.all():
            await asyncio.to_thread(checkpoint.verify, versions.folder(version))
            count += 1
        versions.promoted()  # CheckpointError where the list is none
    return count


async def _carried(before: Path, restored: Path) -> tuple[int | None, int]:
    """Requests to be forgotten that the restored database does not know, and people who have
    withdrawn since; None: nobody can tell.
    """
    try:
        refused = await snapshot.carry_refusals(before, restored)
        return await snapshot.carry_forgettings(before, restored), refused
    except (FileNotFoundError, DatabaseError):
        return None, 0


async def _erase(paths: Paths) -> None:
    """Whoever asked to be forgotten is not put back: neither their words nor what saw them."""
    async with Store(paths.database) as store:
        for group in await store.read(all_groups):
            await finish(store, group, paths)


def _replace(paths: Paths, aside: Path) -> None:
    """The old database goes first and the new one comes last. What fails is taken back."""
    old = paths.data / REPLACED
    shutil.rmtree(old, ignore_errors=True)
    old.mkdir(mode=0o700)
    try:
        for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", GROUPS):
            with contextlib.suppress(FileNotFoundError):
                (paths.data / name).rename(old / name)
        for name in (GROUPS, DATABASE):
            with contextlib.suppress(FileNotFoundError):  # no group has a model
                (aside / name).rename(paths.data / name)
    except OSError:
        _put_back(paths)
        raise
    checkpoint.sync(paths.data)
    shutil.rmtree(old)


def _put_back(paths: Paths) -> None:
    """What a restore that came to nothing, or was killed, had moved away is where it was."""
    old = paths.data / REPLACED
    for moved in sorted(old.iterdir()) if old.exists() else ():
        shutil.rmtree(paths.data / moved.name, ignore_errors=True)
        moved.rename(paths.data / moved.name)
