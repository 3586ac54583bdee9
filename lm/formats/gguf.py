"""A model as one GGUF file, for llama.cpp and what is built on it.

llama.cpp's own converter knows a tokenizer by a hash over the ids of a fixed text, so it can know
none that was trained here; this writes what it would write. Byte-level BPE only: llama.cpp has no
other tokenizer of ours. It needs the package gguf, knows no versions, and appears whole or not
at all.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lm.checkpoints.checkpoint import PREFIX, sync
from lm.checkpoints.meta import Meta
from lm.corpus.bpe import PATTERN
from lm.corpus.tokenizer import Tokenizer
from lm.engine.sampling import Sampling
from lm.formats.chat_template import chat_template
from lm.models.gpt import GPT, ModelConfig

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFWriter

TYPES = ("f32", "f16", "bf16", "q8_0")  # of the matrices; gains are always f32
QWEN2 = {  # the one pre-tokenizer that is spelled by the name "qwen2" there
    "type": "Sequence",
    "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
    ],
}


class UnsupportedError(Exception):
    """A model that the format cannot hold, in one line."""


def write(
    file: Path, gpt: GPT, tokenizer: Tokenizer, meta: Meta, sampling: Sampling, type_: str = "f32"
) -> None:
    """Make `file` hold the model, its matrices stored as one of TYPES.

    FileExistsError if it exists, UnsupportedError for a tokenizer that llama.cpp lacks,
    ModuleNotFoundError without the package gguf.
    """
    from gguf import GGMLQuantizationType, GGUFWriter

    if file.exists():
        raise FileExistsError(f"{file}: exists already")
    described = _described(tokenizer)
    aside = file.with_name(f".{file.name}.partial")
    writer = GGUFWriter(aside, "qwen3")
    try:
        _add_shape(writer, gpt.config)
        _add_tokenizer(writer, described, tokenizer)
        writer.add_chat_template(chat_template(meta.speakers))
        _add_sampling(writer, sampling)
        _add_tensors(writer, gpt, GGMLQuantizationType[type_.upper()])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        sync(aside)
        aside.rename(file)
        sync(file.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):  # what it still holds does not fit either
            writer.close()
        aside.unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.strerror:  # numpy's, which counts items
            raise OSError(f"{file}: not all of it could be written: is the disk full?") from error
        raise


def _described(tokenizer: Tokenizer) -> dict[str, Any]:
    """tokenizer.json, if llama.cpp has such a tokenizer; UnsupportedError otherwise."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "tokenizer.json"
        tokenizer.save(path)
        described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if described["model"]["type"] != "BPE" or described["pre_tokenizer"] != QWEN2:
        raise UnsupportedError("gguf holds byte-level tokenizers only; try --format hf")
    assert described["normalizer"] is None, "llama.cpp would not normalise"
    return described


def _add_shape(writer: GGUFWriter, config: ModelConfig) -> None:
    writer.add_name("understudy")
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.d_model)
    writer.add_block_count(config.n_layers)
    writer.add_feed_forward_length(config.d_ff)
    writer.add_head_count(config.n_heads)
    writer.add_head_count_kv(config.n_kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _add_tokenizer(writer: GGUFWriter, described: dict[str, Any], tokenizer: Tokenizer) -> None:
    from gguf import TokenType

    vocabulary: dict[str, int] = described["model"]["vocab"]
    structural = {token["content"]: token["id"] for token in described["added_tokens"]}
    ids = vocabulary | structural
    assert sorted(ids.values()) == list(range(tokenizer.vocab_size)), "a vocabulary with gaps"
    control = set(structural.values())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(sorted(ids, key=ids.__getitem__))
    writer.add_token_types(
        [TokenType.CONTROL if i in control else TokenType.NORMAL for i in range(len(ids))]
    )
    writer.add_token_merges([" ".join(pair) for pair in described["model"]["merges"]])
    writer.add_eos_token_id(tokenizer.end)
    writer.add_eot_token_id(tokenizer.end)
    writer.add_pad_token_id(tokenizer.break_)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)


def _add_sampling(writer: GGUFWriter, sampling: Sampling) -> None:
    """What llama.cpp draws replies with unless it is told otherwise."""
    writer.add_sampling_temp(sampling.temperature)
    writer.add_sampling_top_k(sampling.top_k)
    writer.add_sampling_top_p(sampling.top_p)
    writer.add_sampling_min_p(sampling.min_p)


def _add_tensors(writer: GGUFWriter, gpt: GPT, matrices: GGMLQuantizationType) -> None:
    """Every weight under llama.cpp's name. The output layer is tied and left out."""
    from gguf import MODEL_ARCH, GGMLQuantizationType, LlamaFileType, get_tensor_name_map, quantize

    writer.add_file_type(
        {
            GGMLQuantizationType.F32: LlamaFileType.ALL_F32,
            GGMLQuantizationType.F16: LlamaFileType.MOSTLY_F16,
            GGMLQuantizationType.BF16: LlamaFileType.MOSTLY_BF16,
            GGMLQuantizationType.Q8_0: LlamaFileType.MOSTLY_Q8_0,
        }[matrices]
    )
    names = get_tensor_name_map(MODEL_ARCH.QWEN3, gpt.config.n_layers)
    weight: Tensor
    for ours, weight in gpt.state_dict().items():
        name = names.get_name(PREFIX + ours, try_suffixes=(".weight",))
        assert name is not None, ours
        kind = matrices if weight.ndim > 1 else GGMLQuantizationType.F32
        values = weight.detach().float().cpu().numpy()
        writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)
