"""A model as a transformers directory: Qwen3ForCausalLM and a tokenizer, loading unmodified.

The weights keep their names and stay fp32; the tied output layer is left out, as transformers
leaves it out. It needs no transformers to write, knows no versions and no groups, and appears
whole or not at all.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save

from lm.checkpoints.checkpoint import PREFIX, sync
from lm.checkpoints.meta import Meta
from lm.corpus.tokenizer import BREAK, END, Tokenizer, structural_names
from lm.engine.sampling import Sampling
from lm.formats.chat_template import chat_template
from lm.formats.model_card import model_card
from lm.models.gpt import GPT, ModelConfig


def write(directory: Path, gpt: GPT, tokenizer: Tokenizer, meta: Meta, sampling: Sampling) -> None:
    """Make `directory` hold the model; FileExistsError unless it is missing or empty."""
    directory = directory.absolute()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise FileExistsError(f"{directory}: exists already")
    aside = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    try:
        _fill(aside, gpt, tokenizer, meta, sampling)
        for path in aside.iterdir():
            sync(path)
        aside.rename(directory)
        sync(directory.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _fill(aside: Path, gpt: GPT, tokenizer: Tokenizer, meta: Meta, sampling: Sampling) -> None:
    weights = {PREFIX + k: v.detach().float().cpu() for k, v in gpt.state_dict().items()}
    (aside / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    tokenizer.save(aside / "tokenizer.json")
    special = {"eos_token": END, "pad_token": BREAK}
    others = [n for n in structural_names(len(meta.speakers)) if n not in special.values()]
    special_tokens = {**special, "additional_special_tokens": others}
    files: dict[str, dict[str, Any]] = {
        "config.json": model_config(gpt.config, tokenizer),
        "generation_config.json": _generation_config(tokenizer, sampling),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",  # a Qwen tokenizer would rebuild its own
            "model_input_names": ["input_ids", "attention_mask"],
            "model_max_length": gpt.config.context,
            "clean_up_tokenization_spaces": False,
            "chat_template": chat_template(meta.speakers),
            **special_tokens,
        },
        "special_tokens_map.json": special_tokens,
    }
    for name, content in files.items():
        text = json.dumps(content, ensure_ascii=False, indent=2)
        (aside / name).write_text(text + "\n", encoding="utf-8")
    (aside / "README.md").write_text(model_card(meta), encoding="utf-8")


def model_config(config: ModelConfig, tokenizer: Tokenizer) -> dict[str, Any]:
    """config.json: our shape in the words of transformers' Qwen3Config."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "torch_dtype": "float32",
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "intermediate_size": config.d_ff,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,  # read by version 4
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},  # by 5
        "max_position_embeddings": config.context,
        "use_sliding_window": False,
        "tie_word_embeddings": True,
        "use_cache": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.end,
        "pad_token_id": tokenizer.break_,
    }


def _generation_config(tokenizer: Tokenizer, sampling: Sampling) -> dict[str, Any]:
    """How replies are drawn here. Structure inside a message is forbidden there as well."""
    drawn: dict[str, Any] = {"do_sample": False}
    if sampling.temperature > 0:
        kept = asdict(sampling)
        drawn = {"do_sample": True} | {
            key: kept[key] for key in ("temperature", "top_k", "top_p", "min_p")
        }
    return {
        **drawn,
        "max_new_tokens": sampling.max_tokens,
        "eos_token_id": tokenizer.end,
        "pad_token_id": tokenizer.break_,
        "suppress_tokens": sorted(tokenizer.banned),
    }
