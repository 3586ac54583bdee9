"""bot/main.py: the command line. What goes wrong is one line on stderr and leaves nothing."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.main import main
from bot.paths import Paths
from lm.checkpoints.versions import Versions
from playground.server import Playground, PlaygroundConfig
from storage import chats, groups
from storage.chats import ContextRow
from storage.lock import hold
from storage.store import Db, Store
from tests import small_group, written_exports
from tests.backstage import CPU
from tests.stagehand import ROOT, TOKEN

Cli = Callable[..., "Outcome"]


class Outcome:
    """How a command ended and what it printed."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        """What it printed for programs."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    def complaint(self) -> str:
        """Its one line on stderr, where it must have failed as the design says."""
        assert self.status == 1, (self.status, self.out, self.err)
        assert self.out == ""
        assert self.err.startswith("understudy: ")
        assert self.err.count("\n") == 1
        assert self.err.endswith("\n")
        return self.err.removeprefix("understudy: ").strip()


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Cli]:
    """Runs `understudy ...` in this process; what that changes of it is put back."""
    root = logging.getLogger()
    handlers, level, umask = root.handlers[:], root.level, os.umask(0o077)
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)

    def understudy(*arguments: object, stdin: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["understudy", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        return Outcome(status, *capsys.readouterr())

    yield understudy
    root.handlers[:] = handlers
    root.setLevel(level)
    os.umask(umask)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A data directory with a group, a version, and a chat that has a context."""
    data = tmp_path / "served"

    async def fill() -> None:
        group = await small_group.make(data)
        async with Store(Paths(data).database) as store:
            alice = (await store.read(lambda db: groups.speakers(db, group.id)))[0].id

            async def job(db: Db) -> None:
                chat = await chats.ensure(db, -1001, 7, group.id)
                await chats.set_persona(db, chat.id, alice)
                await chats.set_mode(db, chat.id, "chance", 20)
                await chats.append_context(db, chat.id, ContextRow(5, alice, "Alice", "hello"))
                await chats.append_context(db, chat.id, ContextRow(6, None, "Zoë", "who am I"))

            await store.write(job)

    asyncio.run(fill())
    return data


def bad_input(folder: Path, case: str) -> Path:
    """A file or folder that is no export."""
    path = folder / "chat.txt"
    if case == "empty file":
        path.write_bytes(b"")
    elif case == "photo named .txt":
        path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8)
    elif case == "truncated JSON":
        path = written_exports.telegram(folder / "result.json", 80, [("Alice", 1), ("Bob", 2)])
        path.write_bytes(path.read_bytes()[:-200])
    elif case == "prose":
        path.write_text("Dear diary,\n\nnothing happened today.\n" * 50)
    elif case == "folder without an export":
        (folder / "empty").mkdir()
        path = folder / "empty"
    return path


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("empty file", "empty"),
        ("photo named .txt", "a photo"),
        ("truncated JSON", "cut off"),
        ("prose", "no messages in a format that is known"),
        ("missing file", "no such file"),
        ("folder without an export", "in this folder"),
    ],
)
def test_what_is_no_export_is_refused(cli: Cli, tmp_path: Path, case: str, says: str) -> None:
    """One line says what is wrong; not even the data directory is made."""
    path = bad_input(tmp_path, case)
    outcome = cli("import", path, "--group", "us", "--consent", "all")
    assert says in outcome.complaint()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("count", "names", "consent", "says"),
    [
        (10, ["Alice", "Bob"], "all", "too little to learn from: 10 messages, at least 50"),
        (80, ["Alice"], "all", "only one person speaks in it"),
        (80, ["Alice", "Bob"], "none", "nobody has"),
        (80, ["Alice", "Bob"], "Alice,Zed", "--consent Zed: nobody is called that"),
    ],
)
def test_what_teaches_too_little_is_refused(
    cli: Cli, tmp_path: Path, count: int, names: list[str], consent: str, says: str
) -> None:
    """Not even the data directory is made, so that the next import starts clean."""
    path = written_exports.whatsapp(tmp_path / "chat.txt", count, names)
    outcome = cli("import", path, "--group", "us", "--consent", consent)
    assert says in outcome.complaint()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--group", "us"], "--consent is missing"),
        (["--consent", "all"], "--group NAME is missing"),
        (["--group", "us", "--consent", "all", "--alias", "Ali"], "--alias Ali: has to look like"),
        (["--group", "us", "--consent", "all", "--alias", "=Alice"], "has to look like"),
        (["--group", "us", "--consent", "all", "--chat", "x", "--data", "chat.txt"], "chat.txt"),
    ],
)
def test_an_import_that_is_asked_for_wrongly(
    cli: Cli, tmp_path: Path, arguments: list[str], says: str
) -> None:
    """What is missing or malformed is named; without a terminal nobody is asked."""
    written_exports.whatsapp(tmp_path / "chat.txt", 80)
    assert says in cli("import", "chat.txt", *arguments).complaint()
    assert not (tmp_path / "data").exists()


def test_import_prints_what_it_did(cli: Cli, tmp_path: Path) -> None:
    """--json has the keys that scripts rely on; --dry-run writes nothing; words are private."""
    path = written_exports.whatsapp(tmp_path / "chat.txt", 80, ["Alice", "Ali", "Bob", "Carol"])
    asked = ("import", path, "--alias", "Ali=Alice", "--json")
    dry = cli(*asked, "--dry-run").json
    assert not (tmp_path / "data").exists()
    done = cli(*asked, "--group", "us", "--consent", "Alice, Bob").json
    assert {key: done[key] for key in ("format", "messages", "speakers", "skipped", "new")} == {
        "format": "whatsapp",
        "messages": 80,
        "speakers": {"Alice": 40, "Bob": 20, "Carol": 20},
        "skipped": {"not agreed": 20},
        "new": 60,
    }
    assert {"locale", "first", "last"} <= set(done)
    assert (dry["speakers"], dry["new"]) == (done["speakers"], 0)
    ledger = cli("consent", "--group", "us", "--json").json
    assert [(entry["speaker"], entry["agreed"]) for entry in ledger] == [
        ("Alice", True),
        ("Bob", True),
    ]
    assert all("operator" in entry["attested_by"] and entry["at"] > 0 for entry in ledger)
    assert Paths(tmp_path / "data").database.stat().st_mode & 0o077 == 0


def test_an_export_may_be_called_anything(cli: Cli, tmp_path: Path) -> None:
    """Also what is no UTF-8, or looks like the marks of what prints on a terminal."""
    file = written_exports.whatsapp(tmp_path / os.fsdecode(b"caf\xe9 [b].txt"), 80)
    (tmp_path / "[").mkdir()
    page = tmp_path / "[" / "b].html"
    shown = cli("import", file, "--dry-run", "--html", page)
    assert shown.status == 0, shown.err
    assert "caf\ufffd [b].txt: 80 messages" in shown.out
    assert "caf\ufffd [b].txt" in page.read_text()
    assert cli("import", file, "--dry-run", "--json").json["file"] == "caf\ufffd [b].txt"


def test_the_shapes_for_scripts(cli: Cli, served: Path) -> None:
    """`context --json` and `models --json` as the design fixes them, with the very token ids."""
    shown = cli("context", "-1001", "--topic", 7, "--json", "--data", served).json
    checkpoint = Versions(Paths(served).models(1)).load(1, CPU)
    tokenizer = checkpoint.tokenizer
    assert shown == {
        "chat_id": -1001,
        "topic": 7,
        "persona": "Alice",
        "mode": "chance 20",
        "messages": [
            {
                "message_id": 5,
                "speaker": "Alice",
                "text": "hello",
                "token_ids": tokenizer.message(1, "hello"),
            },
            {
                "message_id": 6,
                "speaker": "Zoë",
                "text": "who am I",
                "token_ids": tokenizer.message(None, "who am I"),
            },
        ],
    }
    (version,) = cli("models", "--json", "--data", served).json
    assert (version["version"], version["current"], version["preset"]) == (1, True, "tiny")
    assert version["metrics"] == {"bpb": 8.0}
    assert cli("models", "show", 1, "--json", "--data", served).json == [version]


def test_promote_and_rollback(cli: Cli, served: Path) -> None:
    """The version that was promoted last is the current one; rollback goes back by one."""
    versions = Versions(Paths(served).models(1))
    checkpoint = versions.load(1, CPU)
    small_group.write_version(versions, list(checkpoint.meta.speakers), seed=1)

    def current() -> list[int]:
        rows = cli("models", "--json", "--data", served).json
        return [row["version"] for row in rows if row["current"]]

    assert current() == [1]
    assert cli("models", "promote", 2, "--data", served).status == 0
    assert current() == [2]
    assert cli("models", "rollback", "--data", served).status == 0
    assert current() == [1]
    assert "promoted before" in cli("models", "rollback", "--data", served).complaint()
    assert "9" in cli("models", "promote", 9, "--data", served).complaint()
    assert current() == [1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["consent", "--group", "them"], "say which of these: us"),
        (["models", "--group", "them"], "say which of these: us"),
        (["chat", "--group", "them"], "say which of these: us"),
        (["train", "--group", "them"], "say which of these: us"),
        (["run", "--group", "them"], "say which of these: us"),
        (["chat", "--as", "zed"], "zed: say which of these: Alice, Bob, Uncle Theo"),
        (["models", "frob"], "allowed are list, promote N, rollback and show N"),
        (["models", "show", "9"], "9"),
        (["context", "-5"], "chat -5, topic 0: the bot has not met it"),
        (["train", "--preset", "huge"], "--preset huge"),
        (["train", "--minutes", "-1"], "--minutes -1"),
        (["train", "--minutes", "inf"], "--minutes inf"),
        (["chat", "--config", "nowhere.toml"], "nowhere.toml: No such file or directory"),
        (["restore", "nowhere.zip"], "nowhere.zip: No such file or directory"),
    ],
)
def test_what_is_not_there_is_named(
    cli: Cli, served: Path, arguments: list[str], says: str
) -> None:
    """Unknown groups, versions, chats, people and presets: the line says which there are."""
    assert says in cli(*arguments, "--data", served).complaint()


def test_before_anything_is_imported(cli: Cli, tmp_path: Path) -> None:
    """Reading commands say what to do first, and make no data directory."""
    for command in (["chat"], ["models"], ["context", "1"], ["consent"]):
        assert "import an export first" in cli(*command).complaint()
    assert "understudy import FILE --group NAME" in cli("train", "--group", "us").complaint()
    assert not (tmp_path / "data").exists()


def test_a_group_without_a_version(cli: Cli, tmp_path: Path) -> None:
    """`chat` says that there is no model yet; `models` says how to get one."""
    path = written_exports.whatsapp(tmp_path / "chat.txt", 80)
    assert cli("import", path, "--group", "us", "--consent", "all").status == 0
    assert "no trained model yet" in cli("chat", stdin="hello\n").complaint()
    assert "understudy train" in cli("models").out
    assert cli("models", "--json").json == []


def test_a_wrong_setting_is_named_with_its_value(cli: Cli, tmp_path: Path) -> None:
    """An unknown key, a wrong type, and broken TOML, in config.toml as in --config FILE."""
    settings = tmp_path / "config.toml"
    for text, says in (
        ("[sampling]\ntemprature = 1\n", "sampling.temprature: no such setting"),
        ("[engine]\nslots = 'many'\n", "engine.slots = 'many'"),
        ("[engine\n", "config.toml"),
    ):
        settings.write_text(text)
        assert says in cli("chat").complaint()
        assert says in cli("run", "--config", settings).complaint()
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(cli: Cli, served: Path) -> None:
    """Every command that computes says so before it does anything else with the version."""
    settings = served.parent / "gpu.toml"
    settings.write_text('[engine]\ndevice = "cuda"\n')
    for command in (["run"], ["chat"], ["eval"]):
        said = cli(*command, "--config", settings, "--data", served)
        assert 'engine.device = "cuda": there is no GPU that torch can use' in said.err
        assert (said.status, said.err.count("\n")) == (1, 1)


def test_a_group_that_cannot_be_there_makes_nothing(cli: Cli, tmp_path: Path) -> None:
    """So that a backup can still be restored into the directory."""
    for command in ("run", "train"):
        assert "there is no group yet" in cli(command, "--group", "us").complaint()
    assert not (tmp_path / "data").exists()


def test_a_group_is_called_what_can_be_read(cli: Cli, tmp_path: Path) -> None:
    """Whatever was pasted: no control characters, no blanks around it, and never nothing at all."""
    path = written_exports.whatsapp(tmp_path / "chat.txt", 80)
    for blank in (" ", "\x07"):
        line = cli("import", path, "--group", blank, "--consent", "all").complaint()
        assert "--group NAME is missing" in line
    taken = cli("import", path, "--group", " the\x1b[1m  lads' den\n", "--consent", "all")
    assert taken.status == 0, taken.err
    assert cli("consent", "--group", "the[1m lads' den ").status == 0
    assert "train --group 'the[1m lads'\"'\"' den'" in cli("models").out


def test_a_damaged_version_hides_no_other(cli: Cli, served: Path) -> None:
    """It is listed as damaged; what was asked for is done, and the status says so."""
    versions = Versions(Paths(served).models(1))
    speakers = list(versions.load(1, CPU).meta.speakers)
    for seed in (1, 2):
        small_group.write_version(versions, speakers, seed=seed)
    (versions.folder(3) / "meta.json").write_text("{")
    promoted = cli("models", "promote", 2, "--data", served)
    assert promoted.status == 0, promoted.err
    assert [line[:6] for line in promoted.out.splitlines()] == ["     1", "*    2", "     3"]
    assert "damaged: checkpoint 0003" in promoted.out
    rows = cli("models", "--json", "--data", served).json
    assert [row.get("damaged", "")[:15] for row in rows] == ["", "", "checkpoint 0003"]
    assert "checkpoint 0003" in cli("models", "show", 3, "--data", served).complaint()
    assert versions.current() == 2
    doctor = cli("doctor", "--data", served)
    assert (doctor.status, "1 problem" in doctor.err) == (1, True)
    assert "checkpoint 0003" in doctor.out


def test_numbers_that_no_database_holds(cli: Cli, served: Path) -> None:
    """They are refused, not looked for."""
    for arguments in (["99999999999999999999"], ["-1001", "--topic", "99999999999999999999"]):
        outcome = cli("context", *arguments, "--data", served)
        assert (outcome.status, outcome.out) == (2, "")
        assert str(2**63 - 1) in outcome.err


def test_a_data_directory_in_use_is_refused(cli: Cli, served: Path) -> None:
    """Whatever would write refuses; whatever only reads goes on beside the running bot."""
    path = written_exports.whatsapp(served.parent / "chat.txt", 80)
    with hold(served):
        for command in (["run"], ["train"], ["import", path, "--group", "us", "--consent", "all"]):
            line = cli(*command, "--data", served).complaint()
            assert f"in use by another understudy (process {os.getpid()})" in line
        assert cli("consent", "--data", served).status == 0
        assert cli("models", "--data", served).status == 0


def test_a_damaged_database_is_one_line(cli: Cli, tmp_path: Path) -> None:
    """A file that is no database, and one of a newer program, end every command in order."""
    database = Paths(tmp_path / "data").database
    database.parent.mkdir()
    database.write_bytes(b"this is no database" * 500)
    path = written_exports.whatsapp(tmp_path / "chat.txt", 80)
    for command in (["import", path, "--group", "us", "--consent", "all"], ["consent"], ["run"]):
        assert "database" in cli(*command).complaint()


async def test_a_token_that_telegram_refuses(
    cli: Cli, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says where to get the right one; the wrong one is not printed."""
    secret = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    async with Playground(PlaygroundConfig(token=TOKEN, members=("Alice",), port=0)) as playground:
        settings = served.parent / "config.toml"
        settings.write_text(f'[telegram]\nbase_url = "{playground.url}"\n')
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", f"123456:{secret}")
        outcome = await asyncio.to_thread(cli, "run", "--data", served)
    line = outcome.complaint()
    assert "@BotFather" in line
    assert secret not in line


@pytest.mark.parametrize("token", ["hello", "54321", ":x", "123:a b", "12:ä", "123:abc\x7f"])
def test_a_token_that_is_none(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """What cannot be a token is refused before anything is imported, trained or called."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", token)
    line = cli("run").complaint()
    assert "TELEGRAM_BOT_TOKEN" in line
    assert token not in line
    assert not Paths(tmp_path / "data").database.exists()


def test_chat_answers_line_by_line(cli: Cli, served: Path) -> None:
    """Piped lines are answered by who is on stage; /as changes that; mistakes end nothing."""
    settings = served.parent / "config.toml"
    settings.write_text("[sampling]\nmax_tokens = 6\n")
    typed = "hello\n\n/as zed\n/as uncle\n/as\n/frob\nhello\n/who\n/reset\n/help\nhello"
    outcome = cli("chat", "--as", "bob", "--data", served, stdin=typed)
    assert outcome.status == 0, outcome.err
    told: tuple[str, ...] = (
        "Bob: ",
        "Uncle Theo: ",
        "zed: ",
        "You talk",
        "Alice, Bob",
        "Forgotten",
        "/as NAME",
    )
    told += ("say which of these: Alice, Bob, Uncle Theo", "/frob: there is no such command")
    said = [line for line in outcome.out.split("\n") if line.startswith(told)]
    assert [next(start for start in told if line.startswith(start)) for line in said] == [
        "Bob: ",
        "zed: ",
        "You talk",
        "say which of these: Alice, Bob, Uncle Theo",
        "/frob: there is no such command",
        "Uncle Theo: ",
        "Alice, Bob",
        "Forgotten",
        "/as NAME",
        "Uncle Theo: ",
    ]
    assert said[2] == "You talk with Uncle Theo now."


def test_the_program_itself(tmp_path: Path) -> None:
    """As a process: status 1, one line on stderr, no traceback, nothing on stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "bot.main", "import", str(tmp_path / "no.txt"), "--group", "us"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "no such file" in Outcome(done.returncode, done.stdout, done.stderr).complaint()


def test_commands_start_light() -> None:
    """Nothing heavy is imported before a command needs it: an import of years of chat has the
    memory for itself, and --help comes at once."""
    heavy = {"torch", "telegram", "matplotlib", "PIL"}
    code = f"import bot.main, sys; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
