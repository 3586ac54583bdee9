"""Rules of the GGUF file: llama.cpp loads it and means what we mean."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from lm.corpus.tokenizer import BREAK, Tokenizer
from lm.formats import gguf
from tests import tiny_checkpoint
from tests.tiny_checkpoint import FORGED, ODD, SAMPLING, SPEAKERS

library = pytest.importorskip("gguf", reason="needs the package gguf")
needs_llama = pytest.mark.skipif(
    not importlib.util.find_spec("xllamacpp"), reason="needs the package xllamacpp"
)

TOKENIZER = tiny_checkpoint.tokenizer()
MODEL = tiny_checkpoint.gpt(TOKENIZER.vocab_size)
META = tiny_checkpoint.meta(MODEL.config)
TOLERANCES = {"f32": 2e-2, "f16": 2e-2, "bf16": 0.15, "q8_0": 0.4}  # nats; keys and values in f16

Ask = Callable[[str, dict[str, Any]], Any]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("gguf") / "f32.gguf"
    gguf.write(file, MODEL, TOKENIZER, META, SAMPLING)
    return file


def served(file: Path) -> Iterator[Ask]:
    """llama.cpp's own server with that model, on a loopback port of its choice."""
    llama = importlib.import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(file)
    params.n_ctx, params.n_parallel, params.warmup = MODEL.config.context, 1, False
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.cpuparams.n_threads = 1
    params.cache_ram_mib = 0
    params.verbosity = -1
    server = llama.Server(params)
    with httpx.Client(base_url=server.listening_address, timeout=30) as client:

        def ask(path: str, body: dict[str, Any]) -> Any:
            answer = client.post(path, json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield ask


@pytest.fixture(scope="module")
def llama(exported: Path) -> Iterator[Ask]:
    yield from served(exported)


@pytest.fixture(params=[kind for kind in gguf.TYPES if kind != "f32"])
def smaller(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Ask]]:
    gguf.write(tmp_path / "small.gguf", MODEL, TOKENIZER, META, SAMPLING, request.param)
    for ask in served(tmp_path / "small.gguf"):
        yield request.param, ask


def furthest(ask: Ask, count: int) -> float:
    """How far llama.cpp's log probabilities of the next token are from ours, in nats."""
    worst = 0.0
    for tokens in tiny_checkpoint.rows(TOKENIZER.vocab_size, count, 60):
        ours = tiny_checkpoint.scores(MODEL, tokens[None])[0, -1].log_softmax(dim=-1).numpy()
        answer = ask(
            "/completion",
            {
                "prompt": tokens.tolist(),
                "n_predict": 1,
                "n_probs": TOKENIZER.vocab_size,
                "logit_bias": [[TOKENIZER.encode("a")[0], 1_000]],  # no half of a character
                "cache_prompt": False,
            },
        )
        theirs = np.full_like(ours, np.inf)
        for found in answer["completion_probabilities"][0]["top_logprobs"]:
            theirs[found["id"]] = found["logprob"]
        assert answer["tokens_evaluated"] == len(tokens)  # no BOS slipped in
        worst = max(worst, float(np.abs(theirs - ours).max()))
    return worst


@needs_llama
def test_ids_equal_those_of_llama(llama: Ask) -> None:
    """llama.cpp spells every text with our ids, typed structure too."""
    for text in [*tiny_checkpoint.messages(400), *ODD, *FORGED]:
        found = llama("/tokenize", {"content": text, "add_special": True, "parse_special": False})
        assert found["tokens"] == TOKENIZER.encode(text), ascii(text)


@needs_llama
def test_scores_equal_those_of_llama(llama: Ask) -> None:
    """The whole distribution of the next token is ours, with llama.cpp's default f16 cache."""
    assert furthest(llama, 8) < TOLERANCES["f32"]


@needs_llama
def test_smaller_types_load_and_stay_close(smaller: tuple[str, Ask]) -> None:
    """Matrices stored in fewer bits cost what those bits are worth, and no more."""
    kind, ask = smaller
    assert furthest(ask, 4) < TOLERANCES[kind]


@needs_llama
def test_the_chat_template_gives_our_stream(llama: Ask) -> None:
    """llama.cpp's own Jinja renders what we would have written, hostile names and all."""
    chat = [
        *({"role": speaker.name, "content": "so it goes"} for speaker in SPEAKERS),
        {"role": "user", "name": SPEAKERS[1].name, "content": "haha"},
        {"role": "user", "content": "2024"},
        {"role": "system", "content": "Be good."},
    ]
    named = {"speaker": SPEAKERS[2].name}
    found = llama("/apply-template", {"messages": chat, "chat_template_kwargs": named})["prompt"]
    ids = llama("/tokenize", {"content": found, "add_special": True, "parse_special": True})
    assert ids["tokens"] == [
        TOKENIZER.break_,
        *(i for speaker in SPEAKERS for i in TOKENIZER.message(speaker.id, "so it goes")),
        *TOKENIZER.message(3, "haha"),
        *TOKENIZER.message(None, "2024"),
        TOKENIZER.speaker(5),
    ]


@needs_llama
def test_a_reply_ends_at_end(llama: Ask) -> None:
    """END stops llama.cpp by itself and is not shown."""
    body = {"prompt": [TOKENIZER.break_], "n_predict": 8, "logit_bias": [[TOKENIZER.end, 1_000]]}
    answer = llama("/completion", body)
    assert answer["stop_type"] == "eos"
    assert answer["content"] == ""


def test_the_file_says_what_it_holds(exported: Path) -> None:
    """Structure is marked as such, nothing is put in front of a text, and END ends."""
    fields = library.GGUFReader(exported).fields
    read = {name: field.contents() for name, field in fields.items()}
    assert read["general.architecture"] == "qwen3"
    assert read["tokenizer.ggml.pre"] == "qwen2"
    assert read["tokenizer.ggml.add_bos_token"] is False
    assert read["tokenizer.ggml.eos_token_id"] == TOKENIZER.end
    assert read["tokenizer.ggml.eot_token_id"] == TOKENIZER.end
    assert read["tokenizer.ggml.tokens"][TOKENIZER.break_] == BREAK
    assert read["qwen3.context_length"] == MODEL.config.context
    control = {i for i, kind in enumerate(read["tokenizer.ggml.token_type"]) if kind == 3}
    assert control == TOKENIZER.structural


def test_other_tokenizers_are_refused(tmp_path: Path) -> None:
    """A tokenizer that llama.cpp would read differently is refused, and nothing is left."""
    TOKENIZER.save(tmp_path / "tokenizer.json")
    described = json.loads((tmp_path / "tokenizer.json").read_text())
    described["pre_tokenizer"] = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(described))
    other = Tokenizer.load(tmp_path / "tokenizer.json", TOKENIZER.speakers)
    with pytest.raises(gguf.UnsupportedError, match="byte-level"):
        gguf.write(tmp_path / "m.gguf", MODEL, other, META, SAMPLING)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A file that exists is refused and stays as it is."""
    (tmp_path / "m.gguf").write_text("mine")
    with pytest.raises(FileExistsError, match=r"m\.gguf"):
        gguf.write(tmp_path / "m.gguf", MODEL, TOKENIZER, META, SAMPLING)
    assert (tmp_path / "m.gguf").read_text() == "mine"


def test_a_broken_export_leaves_nothing(tmp_path: Path) -> None:
    """What cannot be written whole does not appear, and no half of it stays."""
    shorter = tiny_checkpoint.gpt(TOKENIZER.vocab_size)
    shorter.register_buffer("strange", shorter.norm.weight.clone())  # no name for it there
    with pytest.raises(AssertionError, match="strange"):
        gguf.write(tmp_path / "m.gguf", shorter, TOKENIZER, META, SAMPLING)
    assert list(tmp_path.iterdir()) == []
