"""The database: one writer task that owns every transaction, one connection for reading.

Two coroutines on one connection would commit and roll back each other's work, so a change is a
job handed to the writer. Waiting jobs share one commit (group commit); each runs in a savepoint,
so a failing job takes back its own work only. What a job may do is in the other modules.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiosqlite

from storage.migrations import applied, migrate
from storage.schema import STEPS

Db = aiosqlite.Connection
StorageError = aiosqlite.Error  # locked, full, damaged: what was asked was not done
T = TypeVar("T")
Job = Callable[[Db], Awaitable[T]]

GROUP_COMMIT = 200  # jobs in one commit at most
LEAST_ROOM = 1 << 16  # bytes on the disk, with fewer of which SQLite cannot even read
QUEUE = 10_000  # waiting jobs at most; past that, writers wait


class DatabaseError(Exception):
    """The database cannot be used; the message is one line that names its file."""


class Store:
    """An open database. `async with Store(path) as store: await store.write(job)`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: asyncio.Queue[tuple[Job[Any] | None, asyncio.Future[Any]] | None] = (
            asyncio.Queue(QUEUE)
        )

    async def __aenter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Created here so that the words in it are the owner's alone from the first byte.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        with _naming(self._path):
            self._db = await _connect(self._path)
            try:
                await migrate(self._db)
                # Words that a killed process wrote without committing still lie in the log.
                await self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._reader = await _connect(self._path)
            except BaseException:
                await self._db.close()
                raise
        self.writer = asyncio.create_task(self._write_loop(), name="storage writer")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._jobs.put(None)
        await self.writer
        await self._reader.close()
        await self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await self._db.close()

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction: its result once that is on disk, or its error."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        await self._jobs.put((job, done))
        # Shielded: a cancelled caller must not take back what the writer has begun.
        return await asyncio.shield(done)

    async def compact(self) -> None:
        """Write the file anew and empty its log: no page keeps what was deleted."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._jobs.put((None, done))
        await asyncio.shield(done)

    async def read(self, job: Job[T]) -> T:
        """Run `job` on the reading connection, which never holds a transaction open."""
        return await job(self._reader)

    async def _write_loop(self) -> None:
        ending = False
        while not ending:
            batch = [await self._jobs.get()]
            while len(batch) < GROUP_COMMIT and not self._jobs.empty():
                batch.append(self._jobs.get_nowait())
            ending = None in batch
            items = [item for item in batch if item is not None]
            await self._commit([(job, done) for job, done in items if job is not None])
            if waiting := [done for job, done in items if job is None]:
                await self._compact(waiting)

    async def _commit(self, batch: list[tuple[Job[Any], asyncio.Future[Any]]]) -> None:
        outcomes: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
        try:
            await self._db.execute("BEGIN IMMEDIATE")
            for job, done in batch:
                outcomes.append((done, *await self._savepoint(job)))
            await self._db.commit()
        except Exception as error:  # disk full, damaged file: nobody's work was kept
            with suppress(aiosqlite.Error):
                await self._db.rollback()
            outcomes = [(done, None, error) for _, done in batch]
        for done, result, failure in outcomes:
            if done.done():
                continue
            if failure is None:
                done.set_result(result)
            else:
                done.set_exception(failure)

    async def _compact(self, waiting: list[asyncio.Future[Any]]) -> None:
        failure: Exception | None = None
        try:
            await self._db.execute("VACUUM")
            rows = await self._db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            if next(iter(rows))[0]:
                raise StorageError("somebody reads the database's log: it cannot be emptied")
        except Exception as error:
            failure = error
        for done in waiting:
            if done.done():
                continue
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)

    async def _savepoint(self, job: Job[Any]) -> tuple[Any, Exception | None]:
        await self._db.execute("SAVEPOINT job")
        try:
            result = await job(self._db)
        except Exception as error:
            await self._db.execute("ROLLBACK TO job")
            await self._db.execute("RELEASE job")
            return None, error
        await self._db.execute("RELEASE job")
        return result, None


async def _connect(path: Path) -> Db:
    db = await aiosqlite.connect(path, isolation_level=None, timeout=30)
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # what was acknowledged survives a power cut, not only a kill
            "foreign_keys = ON",
            "secure_delete = ON",  # deleted words are overwritten, not left in free pages
            "journal_size_limit = 16777216",
        ):
            await db.execute(f"PRAGMA {pragma}")
    except BaseException:
        await db.close()
        raise
    return db


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file that a database's error is about."""
    try:
        yield
    except aiosqlite.DatabaseError as error:
        full = shutil.disk_usage(path.parent).free < LEAST_ROOM
        why = "the disk is full" if full else error
        raise DatabaseError(f"{path}: the database cannot be used: {why}") from error


def _address(path: Path) -> str:
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no data yet; import an export first")
    address = f"{path.absolute().as_uri()}?mode=ro"
    log = path.with_name(f"{path.name}-wal")
    if not (log.exists() or os.access(path.parent, os.W_OK)):
        # Where nobody can write, SQLite cannot open the log's index; without a log it needs none.
        return f"{address}&immutable=1"
    return address


async def _outdated(db: Db) -> bool:
    """Whether a database is ours, and sound as far as can be seen, but of an older program."""
    try:
        return 0 < await applied(db) < len(STEPS)
    except aiosqlite.DatabaseError:
        return False


@asynccontextmanager
async def reading(path: Path) -> AsyncIterator[Db]:
    """A connection that can only read, for commands beside a running bot."""
    address = await asyncio.to_thread(_address, path)
    db = await aiosqlite.connect(address, uri=True, timeout=30)
    try:
        with _naming(path):
            yield db
    except DatabaseError as error:
        if await _outdated(db):
            raise DatabaseError(
                f"{path}: an older understudy wrote it: start the bot once, then try again"
            ) from error
        raise
    finally:
        await db.close()
