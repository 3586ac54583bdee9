"""`understudy backup` and `restore`: all of it comes back, nothing else gets in."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bot.cli.archive import DATABASE, MANIFEST, Archive, ArchiveError
from bot.paths import Paths
from lm.checkpoints.versions import Versions
from storage import forgetting, groups, messages, snapshot
from storage.lock import hold
from storage.messages import MessageRow
from storage.store import DatabaseError, Db, Store, reading
from tests import small_group
from tests.backstage import CPU
from tests.test_forgetting import WORDS, left_behind
from tests.test_main import Cli, cli

__all__ = ["cli"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A group with two versions, of which the first is current."""
    folder = tmp_path / "home"
    asyncio.run(small_group.make(folder))
    versions = Versions(Paths(folder).models(1))
    speakers = list(versions.meta(1).speakers)
    small_group.write_version(versions, speakers, seed=1)
    return folder


def content(data: Path) -> dict[str, object]:
    """What a data directory knows: the database's words and the models' bytes."""

    async def dump() -> list[str]:
        async with reading(Paths(data).database) as db:
            return [line async for line in db.iterdump()]

    models = Paths(data).models(1)
    files = {str(p.relative_to(models)): p.read_bytes() for p in models.rglob("*") if p.is_file()}
    return {"database": asyncio.run(dump()), **files}


def test_everything_comes_back(cli: Cli, data: Path, tmp_path: Path) -> None:
    """Words, versions, which one is current; the owner's alone; the version can be served."""
    written = cli("backup", tmp_path / "all.zip", "--json", "--data", data).json
    assert written == {
        "bytes": os.stat(tmp_path / "all.zip").st_size,
        "versions": 2,
        "left_out": [],
    }
    assert os.stat(tmp_path / "all.zip").st_mode & 0o077 == 0
    done = cli("restore", tmp_path / "all.zip", "--json", "--data", tmp_path / "new").json
    assert (done["versions"], done["forgotten"]) == (2, None)
    assert content(tmp_path / "new") == content(data)
    versions = Versions(Paths(tmp_path / "new").models(1))
    assert versions.load(versions.current() or 0, CPU).meta.version == 1
    assert all(p.stat().st_mode & 0o077 == 0 for p in (tmp_path / "new").rglob("*"))
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_only_into_an_empty_directory(cli: Cli, data: Path, tmp_path: Path) -> None:
    """Or with --force over what is there; never into one that a bot runs on."""
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0
    assert "exists already" in cli("backup", tmp_path / "all.zip", "--data", data).complaint()
    before = content(data)
    assert "is not empty" in cli("restore", tmp_path / "all.zip", "--data", data).complaint()
    assert content(data) == before
    Versions(Paths(data).models(1)).remove(2)
    with hold(data):
        line = cli("restore", tmp_path / "all.zip", "--force", "--data", data).complaint()
    assert "in use by another understudy" in line
    assert cli("restore", tmp_path / "all.zip", "--force", "--data", data).status == 0
    assert content(data) == before
    assert not list(data.glob(".*"))


async def test_made_while_the_bot_writes(data: Path, tmp_path: Path) -> None:
    """A moment's state: every transaction whole, and the writer is not held up."""
    async with Store(Paths(data).database) as store:
        count = 0

        async def write() -> None:
            nonlocal count
            while True:
                count += 1
                pair = [MessageRow(1, f"{count}", count, "us", f"{count}:{n}") for n in (0, 1)]
                await store.write(partial(messages.add, group=1, rows=pair))

        writing = asyncio.create_task(write())
        await asyncio.sleep(0.05)
        await snapshot.take(Paths(data).database, tmp_path / "copy.db")
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    async with reading(tmp_path / "copy.db") as db:
        ((live,),) = await db.execute_fetchall(
            "SELECT count(*) FROM messages WHERE origin GLOB '[0-9]*:[01]'"
        )
    assert live > 0
    assert live % 2 == 0
    assert live <= 2 * count


def test_a_damaged_version_is_left_out(cli: Cli, data: Path, tmp_path: Path) -> None:
    """It is named, and the others are kept; what cannot be read restores nothing."""
    models = Paths(data).models(1)
    (models / "0002" / "model.safetensors").write_bytes(b"x")
    done = cli("backup", tmp_path / "all.zip", "--json", "--data", data).json
    assert done["versions"] == 1
    assert "version 2" in done["left_out"][0]
    assert cli("restore", tmp_path / "all.zip", "--data", tmp_path / "new").status == 0
    assert Versions(Paths(tmp_path / "new").models(1)).all() == [1]


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A backup with other content, its manifest left as it was unless the change makes one."""
    with zipfile.ZipFile(source) as old:
        files = {name: old.read(name) for name in old.namelist()}
    change(files)
    with zipfile.ZipFile(target, "w") as new:
        for name, content_ in files.items():
            new.writestr(name, content_)
    return target


def flip(files: dict[str, bytes]) -> None:
    files[DATABASE] = files[DATABASE][:-1] + bytes([files[DATABASE][-1] ^ 1])


def more(name: str) -> Callable[[dict[str, bytes]], None]:
    """A file that the manifest names too, so that only its own name speaks against it."""

    def change(files: dict[str, bytes]) -> None:
        manifest = json.loads(files[MANIFEST])
        manifest["files"][name] = manifest["files"]["groups/1/models/current"]
        files[name] = files["groups/1/models/current"]
        files[MANIFEST] = json.dumps(manifest).encode()

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (flip, "SHA-256"),
        (lambda files: files.pop(MANIFEST), "manifest.json"),
        (lambda files: files.pop("groups/1/models/current"), "other files"),
        (lambda files: files.update({MANIFEST: b"[" * 100_000}), "manifest.json"),
        (lambda files: files.update({MANIFEST: b'{"format": 2, "files": {}}'}), "format 2"),
        (more("../../evil"), "name that no backup holds"),
        (more("/etc/evil"), "name that no backup holds"),
        (more("groups/1/models/0001/evil.pickle"), "name that no backup holds"),
        (more("groups/1/models/0001/../evil.json"), "name that no backup holds"),
    ],
)
def test_a_file_that_was_changed_is_refused(
    cli: Cli,
    data: Path,
    tmp_path: Path,
    change: Callable[[dict[str, bytes]], None],
    says: str,
) -> None:
    """One line, and not even the data directory is made."""
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0
    bad = rewritten(tmp_path / "all.zip", tmp_path / "bad.zip", change)
    assert says in cli("restore", bad, "--data", tmp_path / "new").complaint()
    assert not (tmp_path / "new").exists()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """Nothing compressed, nothing twice, nothing that claims to be more than the file."""
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(DATABASE, bytes(50 << 20))
    with pytest.raises(ArchiveError, match="compressed"):
        Archive(bomb)
    with zipfile.ZipFile(bomb, "w") as file:
        file.writestr(DATABASE, b"x")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr(DATABASE, b"y")
    with pytest.raises(ArchiveError, match="contradicts itself"):
        Archive(bomb)


@pytest.mark.parametrize("junk", [b"", b"PK\x03\x04", b"not a zip at all" * 100])
def test_what_is_no_backup(cli: Cli, tmp_path: Path, junk: bytes) -> None:
    """Any other file; and one that is not there."""
    (tmp_path / "junk").write_bytes(junk)
    assert "no backup" in cli("restore", tmp_path / "junk").complaint()
    assert "nowhere.zip" in cli("restore", tmp_path / "nowhere.zip").complaint()
    assert not (tmp_path / "data").exists()


def test_a_cut_off_backup_is_refused(cli: Cli, data: Path, tmp_path: Path) -> None:
    """At any place."""
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0
    whole = (tmp_path / "all.zip").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / "cut.zip").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ArchiveError):
            Archive(tmp_path / "cut.zip")


async def test_a_damaged_database_is_no_snapshot(tmp_path: Path) -> None:
    """Neither one with a page of zeros, nor one of a newer program."""
    await small_group.make(tmp_path, model=False)
    database = Paths(tmp_path).database
    await snapshot.check(database)
    damaged = tmp_path / "damaged.db"
    shutil.copy(database, damaged)
    with damaged.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(3 * 4096))
    with pytest.raises(DatabaseError, match="damaged"):
        await snapshot.check(damaged)
    with sqlite3.connect(database) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(DatabaseError, match="schema 99"):
        await snapshot.check(database)
    database.write_bytes(b"")
    with pytest.raises(DatabaseError, match="no database of understudy, or an empty one"):
        await snapshot.check(database)


def test_the_forgotten_stay_forgotten(cli: Cli, data: Path, tmp_path: Path) -> None:
    """Who asked after the backup was made is not brought back: no word, and no version that saw
    them. Where there is nobody to ask who that is, it is said.
    """
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0

    async def forget(db: Db) -> int:
        (alice,) = [row for row in await groups.speakers(db, 1) if row.name == "Alice"]
        return await forgetting.begin(db, 1, alice.id, 4711)

    async def run(job: Callable[[Db], object]) -> object:
        async with Store(Paths(data).database) as store:
            return await store.write(job)  # type: ignore[arg-type]  # each returns something else

    asyncio.run(run(forget))
    done = cli("restore", tmp_path / "all.zip", "--force", "--json", "--data", data).json
    assert done["forgotten"] == 1
    assert left_behind(data, *WORDS, "Alice") == []
    assert left_behind(data, "Soup is excellent.")
    assert Versions(Paths(data).models(1)).all() == []

    async def left(db: Db) -> list[str]:
        return [request.state for request in await forgetting.unfinished(db, 1)]

    assert asyncio.run(run(left)) == ["erased"]
    assert cli("backup", tmp_path / "later.zip", "--data", data).status == 0
    again = cli("restore", tmp_path / "later.zip", "--force", "--json", "--data", data).json
    assert again["forgotten"] == 0
    blind = cli("restore", tmp_path / "all.zip", "--data", tmp_path / "elsewhere")
    assert "understudy forget NAME" in blind.out


def test_who_withdrew_since_does_not_agree_again(cli: Cli, data: Path, tmp_path: Path) -> None:
    """A restored ledger ends with their no; who agreed since has to be asked again."""
    assert cli("consent", "--group", "us", "--withdraw", "Bob", "--data", data).status == 0
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0
    assert cli("consent", "--group", "us", "--withdraw", "Alice", "--data", data).status == 0
    assert cli("consent", "--group", "us", "--give", "Bob", "--data", data).status == 0
    done = cli("restore", tmp_path / "all.zip", "--force", "--json", "--data", data).json
    assert (done["withdrawn"], done["forgotten"]) == (1, 0)

    async def agreeing() -> list[str]:
        async with reading(Paths(data).database) as db:
            return [row.name for row in await groups.speakers(db, 1) if row.agreed]

    assert asyncio.run(agreeing()) == ["Uncle Theo"]


def test_the_database_before_may_be_damaged(cli: Cli, data: Path, tmp_path: Path) -> None:
    """That is what backups are for; what it can no longer tell is said."""
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0
    Paths(data).database.write_bytes(b"no database" * 1000)
    done = cli("restore", tmp_path / "all.zip", "--force", "--data", data)
    assert done.status == 0, done.err
    assert "no sound database was here before" in done.out
    assert cli("models", "--json", "--data", data).json


def test_what_cannot_be_told_of_versions_is_left_out(cli: Cli, data: Path, tmp_path: Path) -> None:
    """A backup is wanted most where something is broken; a folder is no place for one."""
    (Paths(data).models(1) / "current").write_text("seven")
    done = cli("backup", tmp_path / "all.zip", "--json", "--data", data).json
    assert done["versions"] == 2
    assert done["left_out"] == ["group 1: current: not a list of version numbers"]
    for folder in (".", tmp_path, "/"):
        refused = cli("backup", folder, "--data", data)
        assert refused.status == 1
        assert "this is a folder" in refused.err


def test_who_asked_twice_is_forgotten_twice(cli: Cli, data: Path, tmp_path: Path) -> None:
    """That the backup knows of an earlier request does not answer a later one."""

    async def job(db: Db) -> None:
        (alice,) = [row for row in await groups.speakers(db, 1) if row.id == 1]
        await groups.rename(db, alice.id, "Alice", groups.FREE)
        await groups.consent(db, alice.id, True, "a test")
        await messages.add(db, 1, [MessageRow(1, "soup again", 9, "c", "again")])

    async def agree() -> None:
        async with Store(Paths(data).database) as store:
            await store.write(job)

    def forget() -> None:
        assert cli("forget", "Alice", "--yes", "--group", "us", "--data", data).status == 0

    forget()
    asyncio.run(agree())
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0
    time.sleep(1.1)  # requests are told apart by their seconds
    forget()
    done = cli("restore", tmp_path / "all.zip", "--force", "--json", "--data", data).json
    assert done["forgotten"] == 1
    assert left_behind(data, "soup again") == []


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_restore_that_fails_leaves_what_was_there(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whichever of its steps it is, out of four: the models and the database, old and new."""
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0
    assert cli("consent", "--group", "us", "--withdraw", "Bob", "--data", data).status == 0
    before, rename, left = content(data), Path.rename, [step]

    def fails(self: Path, to: Path) -> Path:
        if self.name in ("groups", DATABASE) and self.parent.name != ".replaced":
            left[0] -= 1
            if not left[0]:
                raise OSError(16, "Device or resource busy")
        return rename(self, to)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", fails)
        assert cli("restore", tmp_path / "all.zip", "--force", "--data", data).status == 1
    assert content(data) == before
    assert cli("restore", tmp_path / "all.zip", "--force", "--data", data).status == 0


def test_what_a_killed_restore_had_moved_away_is_not_lost(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    """The next one puts it where it was, and asks before it replaces it."""
    assert cli("backup", tmp_path / "all.zip", "--data", data).status == 0
    before, old = content(data), data / ".replaced"
    old.mkdir()
    Paths(data).database.rename(old / DATABASE)
    (data / "groups").rename(old / "groups")
    (data / "groups").mkdir()
    refused = cli("restore", tmp_path / "all.zip", "--data", data)
    assert refused.status == 1
    assert "is not empty" in refused.err
    assert content(data) == before
