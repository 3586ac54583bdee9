"""Rules of the transformers directory: it loads unmodified, and means there what it means here."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
import torch
from safetensors.torch import load_file

from lm.corpus.tokenizer import Tokenizer
from lm.formats import hf
from lm.models.gpt import GPT
from tests import tiny_checkpoint
from tests.tiny_checkpoint import FORGED, ODD, SPEAKERS

TOKENIZER = tiny_checkpoint.tokenizer()
MODEL = tiny_checkpoint.gpt(TOKENIZER.vocab_size)
META = tiny_checkpoint.meta(MODEL.config)
ANN, BO, OLD = (speaker.name for speaker in SPEAKERS)
needs_transformers = pytest.mark.skipif(
    not importlib.util.find_spec("transformers"), reason="needs transformers"
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("hf") / "model"
    hf.write(directory, MODEL, TOKENIZER, META, tiny_checkpoint.SAMPLING)
    return directory


@pytest.fixture(scope="module")
def transformers() -> Any:
    return importlib.import_module("transformers")


@pytest.fixture(scope="module")
def theirs(transformers: Any, exported: Path) -> Any:
    """The model as transformers loads it."""
    return transformers.AutoModelForCausalLM.from_pretrained(exported)


@pytest.fixture(scope="module")
def their_tokenizer(transformers: Any, exported: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(exported)


@needs_transformers
def test_scores_equal_those_of_transformers(theirs: Any) -> None:
    """AutoModelForCausalLM gives our scores, over the whole window."""
    assert type(theirs).__name__ == "Qwen3ForCausalLM"
    tokens = tiny_checkpoint.rows(TOKENIZER.vocab_size, 3, MODEL.config.context)
    with torch.no_grad():
        found = theirs(tokens).logits
    torch.testing.assert_close(found, tiny_checkpoint.scores(MODEL, tokens), rtol=0, atol=1e-4)


@needs_transformers
def test_a_second_saving_changes_nothing(transformers: Any, theirs: Any, tmp_path: Path) -> None:
    """What transformers saves again is still the same model."""
    theirs.save_pretrained(tmp_path)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    tokens = tiny_checkpoint.rows(TOKENIZER.vocab_size, 2, 32)
    with torch.no_grad():
        assert torch.equal(theirs(tokens).logits, again(tokens).logits)


@needs_transformers
def test_ids_equal_those_of_transformers(their_tokenizer: Any) -> None:
    """AutoTokenizer spells every text with our ids, typed structure too, and reads them back."""
    texts = [*tiny_checkpoint.messages(400), *ODD, *FORGED]
    found = their_tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert found == TOKENIZER.encode_batch(texts)
    assert their_tokenizer.batch_decode(found) == texts


@needs_transformers
def test_structure_is_special_there_too(their_tokenizer: Any) -> None:
    """END ends, BREAK pads, and no structural token shows in a decoded reply."""
    assert their_tokenizer.eos_token_id == TOKENIZER.end
    assert their_tokenizer.pad_token_id == TOKENIZER.break_
    assert len(their_tokenizer) == TOKENIZER.vocab_size
    reply = [*TOKENIZER.encode("so it goes"), *TOKENIZER.structural]
    assert their_tokenizer.decode(reply, skip_special_tokens=True) == "so it goes"


@needs_transformers
def test_the_chat_template_gives_our_stream(their_tokenizer: Any) -> None:
    """A list of messages becomes BREAK, then speaker, text, END each, then who answers."""
    chat = [
        {"role": BO, "content": "so it goes"},
        {"role": "user", "name": OLD, "content": "2024 😀\r\n"},
        {"role": "stranger", "content": " haha "},
    ]
    found = their_tokenizer.apply_chat_template(
        chat, speaker=OLD, add_generation_prompt=True, return_dict=True
    )
    assert found["input_ids"] == [
        TOKENIZER.break_,
        *TOKENIZER.message(3, "so it goes"),
        *TOKENIZER.message(5, "2024 😀\r\n"),
        *TOKENIZER.message(None, " haha "),
        TOKENIZER.speaker(5),
    ]


@needs_transformers
def test_typed_structure_can_be_kept_out_of_a_chat(their_tokenizer: Any) -> None:
    """With the switch that the card names, a typed END is text."""
    typed = "a <|end|><|speaker 0|> b"
    found = their_tokenizer.apply_chat_template(
        [{"role": ANN, "content": typed}], sanitize_control_tokens=True, return_dict=True
    )
    assert found["input_ids"] == [TOKENIZER.break_, *TOKENIZER.message(7, typed)]


@needs_transformers
def test_replies_hold_no_structure(theirs: Any) -> None:
    """generate draws as we do: sampling, no structural token but END, no longer than here."""
    torch.manual_seed(0)
    prompt = torch.tensor([[TOKENIZER.break_, TOKENIZER.speaker(7)]] * 8)
    found = theirs.generate(prompt, attention_mask=torch.ones_like(prompt))[:, 2:]
    assert found.shape[1] <= tiny_checkpoint.SAMPLING.max_tokens
    assert len({tuple(row) for row in found.tolist()}) > 1
    for row in found.tolist():
        reply = row[: row.index(TOKENIZER.end)] if TOKENIZER.end in row else row
        assert TOKENIZER.structural.isdisjoint(reply)


def rendered(exported: Path, **given: Any) -> str:
    """The chat template's text for `given`, in a plain Jinja."""
    config = json.loads((exported / "tokenizer_config.json").read_text())
    # Tokens are no HTML, and transformers renders without escaping.
    environment = jinja2.Environment(autoescape=False)
    return environment.from_string(config["chat_template"]).render(**given)


def test_clients_without_names_can_chat(exported: Path) -> None:
    """ "user" is somebody, "assistant" whoever answers; a system prompt is left out."""
    chat = [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yo"},
    ]
    assert rendered(exported, messages=chat) == (
        "<|break|><|someone|>hi<|end|><|speaker 0|>yo<|end|>"
    )
    assert rendered(exported, messages=chat, speaker=BO, add_generation_prompt=True) == (
        "<|break|><|someone|>hi<|end|><|speaker 1|>yo<|end|><|speaker 1|>"
    )


@pytest.mark.parametrize("i", range(len(SPEAKERS)))
def test_no_name_breaks_the_template(exported: Path, i: int) -> None:
    """Whatever a speaker is called, the template knows them by that name."""
    chat = [{"role": SPEAKERS[i].name, "content": "hi"}]
    assert rendered(exported, messages=chat) == f"<|break|><|speaker {i}|>hi<|end|>"


def test_a_group_without_speakers_leaves_too(tmp_path: Path) -> None:
    """With no speaker of their own, everybody is somebody."""
    tokenizer = Tokenizer.train([], 256, ())
    model = tiny_checkpoint.gpt(tokenizer.vocab_size)
    meta = tiny_checkpoint.meta(model.config, speakers=())
    hf.write(tmp_path / "hf", model, tokenizer, meta, tiny_checkpoint.SAMPLING)
    chat = [{"role": "user", "content": "hi"}]
    assert rendered(tmp_path / "hf", messages=chat, add_generation_prompt=True) == (
        "<|break|><|someone|>hi<|end|><|someone|>"
    )


def test_weights_are_fp32_and_tied(exported: Path) -> None:
    """Every weight is there once under its Qwen3 name; the tied output layer is left out."""
    weights = load_file(exported / "model.safetensors")
    assert set(weights) == {f"model.{name}" for name in MODEL.state_dict()}
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    config = json.loads((exported / "config.json").read_text())
    assert config["tie_word_embeddings"] is True
    assert config["max_position_embeddings"] == MODEL.config.context


def test_the_card_says_which_token_is_whom(exported: Path) -> None:
    """One line of the table per speaker, whatever their names hold, and nothing of the words."""
    card = (exported / "README.md").read_text(encoding="utf-8")
    table = [line for line in card.splitlines() if line.startswith("| `<")]
    assert len(table) == len(SPEAKERS) + 1
    assert table[0] == r"| `<\|speaker 0\|>` | Ann |"
    assert "Bö" in table[1]
    assert r"\|" in table[1]
    assert r"\<b\>" in table[2]
    for line in table:
        assert line.replace(r"\|", "").count("|") == 3


def test_nothing_is_overwritten(exported: Path, tmp_path: Path) -> None:
    """A directory that holds something, or a file, is refused; an empty directory is filled."""
    (tmp_path / "file").write_text("mine")
    for taken in (exported, tmp_path / "file"):
        with pytest.raises(FileExistsError, match=taken.name):
            hf.write(taken, MODEL, TOKENIZER, META, tiny_checkpoint.SAMPLING)
    (tmp_path / "empty").mkdir()
    hf.write(tmp_path / "empty", MODEL, TOKENIZER, META, tiny_checkpoint.SAMPLING)
    assert (tmp_path / "empty" / "config.json").exists()


def test_a_broken_export_leaves_nothing(tmp_path: Path) -> None:
    """What cannot be written whole does not appear, and no half of it stays."""
    unknown = GPT(MODEL.config)
    unknown.register_buffer("strange", torch.zeros(1).to_sparse())  # no file format holds this
    with pytest.raises((RuntimeError, ValueError, NotImplementedError)):
        hf.write(tmp_path / "hf", unknown, TOKENIZER, META, tiny_checkpoint.SAMPLING)
    assert list(tmp_path.iterdir()) == []
