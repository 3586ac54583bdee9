"""bot/cli/eval_command.py: `understudy eval` as a user runs it, on a tiny model that has learnt."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from bot.learning.training import transcript
from bot.main import app
from bot.paths import Paths
from lm.checkpoints.versions import Versions
from lm.corpus.batches import session_ids
from lm.corpus.transcript import Transcript
from storage import groups
from storage.lock import hold
from storage.store import reading
from tests import small_group
from tests.backstage import CPU


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


async def words(data: Path) -> Transcript:
    async with reading(Paths(data).database) as db:
        return await transcript(db, (await groups.all_groups(db))[0])


def learn(data: Path) -> int:
    """A version that has read what there is to learn a few times."""
    versions = Versions(Paths(data).models(1))
    checkpoint = versions.load(1, CPU)
    model, tokenizer = checkpoint.model.train(), checkpoint.tokenizer
    learned, _ = asyncio.run(words(data)).split()
    stream = np.concatenate([session_ids(tokenizer, session) for session in learned])
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for start in np.random.default_rng(0).integers(0, len(stream) - 600, 60):
        tokens = torch.from_numpy(stream[start : start + 516].reshape(4, 129))
        positions = torch.arange(128).expand(4, 128)
        scores = model(tokens[:, :-1], positions)
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return versions.write(model, tokenizer, checkpoint.meta)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A group with a current version that guesses (1) and a candidate that has learnt (2)."""
    folder = tmp_path_factory.mktemp("eval") / "data"
    asyncio.run(small_group.make(folder))
    assert learn(folder) == 2
    return folder


def test_who_has_learnt_is_better(data: Path, tmp_path: Path) -> None:
    """JSON has the metrics by name with their intervals; learning shows in all of them."""
    found = {}
    for version in (1, 2):
        file = tmp_path / f"{version}.json"
        result = run("--group", "us", "--version", version, "--data", data, "--json", file)
        assert result.exit_code == 0, result.output
        found[version] = json.loads(file.read_text())
    assert [record["version"] for record in found.values()] == [1, 2]
    for name, more in (("bpb", -3), ("next_speaker_bits", -0.5), ("speaker_id_1", 0.3)):
        before, after = (found[version]["metrics"][name] for version in (1, 2))
        assert (after["value"] - before["value"]) / more > 1, name
        assert after["low"] <= after["value"] <= after["high"]
    assert found[2]["metrics"]["persona_gain"]["low"] > 0


def test_table_and_page(data: Path, tmp_path: Path) -> None:
    """Without --json a table of metrics and personas is shown, and why something is missing."""
    html = tmp_path / "page.html"
    result = run("--data", data, "--html", html)
    assert result.exit_code == 0, result.output
    for shown in ("Bits per byte", "Markov 3", "95 % interval", "Uncle Theo", "was not measured"):
        assert shown in result.stdout
    assert "<svg" in html.read_text()
    assert "us, version 1" in html.read_text()


def test_json_to_stdout_is_nothing_but_json(data: Path) -> None:
    """`--json -` can be piped; progress goes to stderr. It runs beside a serving bot."""
    with hold(data):
        result = run("--data", data, "--json", "-")
    assert json.loads(result.stdout)["group"] == "us"
    assert "judging version " in result.stderr.splitlines()[0]
    assert "judged: bits per byte" in result.stderr
    assert not Paths(data).transcript(1).exists()


def test_messages_that_were_learnt_are_left_out(data: Path) -> None:
    """A version that learnt later than today's cut is judged on the rest, and says so."""
    versions = Versions(Paths(data).models(1))
    checkpoint = versions.load(1, CPU)
    _, held_out = asyncio.run(words(data)).split()
    middle = held_out[len(held_out) // 2][0].sent_at
    late = [
        versions.write(
            checkpoint.model, checkpoint.tokenizer, replace(checkpoint.meta, cut_off=time)
        )
        for time in (middle, 2_000_000_000)
    ]
    result = run("--data", data, "--version", late[0], "--json", "-")
    assert "left out" in result.stderr
    assert json.loads(result.stdout)["sessions"] < len(held_out)
    assert "has learnt from every message" in str(
        run("--data", data, "--version", late[1]).exception
    )


def test_what_cannot_be_judged_is_one_line(data: Path, tmp_path: Path) -> None:
    """Unknown groups, versions and folders, before any work; no version yet."""
    for arguments, says in (
        (["--group", "them"], "say which of these: us"),
        (["--json", tmp_path / "no" / "x.json"], "not a file in a folder that exists"),
        (["--html", tmp_path], "not a file in a folder that exists"),
    ):
        assert says in str(run("--data", data, *arguments).exception)
    for version in (99, -1):
        missing = run("--data", data, "--version", version).exception
        assert "there are: 1" in str(missing)
    asyncio.run(small_group.make(tmp_path / "new", model=False))
    assert "understudy train" in str(run("--data", tmp_path / "new").exception)
