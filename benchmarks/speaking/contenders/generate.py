"""transformers' generate on our exported directory: all prompts as one batch, greedy."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM

from benchmarks.speaking.asking import Answer, Ask
from benchmarks.speaking.weights import TRANSFORMERS

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Stamps:
    """A streamer that keeps no tokens, only when they came; the first call brings the prompt."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def put(self, value: Any) -> None:
        """Tokens of all rows."""
        self.at.append(time.perf_counter())

    def end(self) -> None:
        """The last ones came before."""


class Contender:
    """variant: fp32 or bf16, then dynamic or static."""

    def __init__(self, folder: Path, variant: str, most: Ask, threads: int, device: str) -> None:
        torch.set_num_threads(threads)
        untyped: Any = transformers
        untyped.utils.logging.set_verbosity_error()
        untyped.utils.logging.disable_progress_bar()
        self._rules = untyped.GenerationConfig
        precision, self._cache = variant.split(":")
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder / TRANSFORMERS, dtype=DTYPES[precision], local_files_only=True
        )
        self._model, self._device = loaded.to(device).eval(), device
        self._model.generation_config = self._rules()  # ours samples, and suppresses tokens

    def describe(self) -> str:
        """One line."""
        return f"transformers {transformers.__version__}, torch {torch.__version__}"

    @torch.inference_mode()
    def decode(self, ask: Ask) -> Answer:
        """One call; when each token came is noted on the way."""
        tokens = torch.tensor(ask.prompts(), device=self._device)
        stamps = Stamps()
        began = time.perf_counter()
        self._model.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            streamer=stamps,
            generation_config=self._rules(
                do_sample=False,
                max_new_tokens=ask.new,
                cache_implementation=self._cache,
                eos_token_id=None,
                pad_token_id=0,
            ),
        )
        _, first, *_, last = stamps.at
        assert len(stamps.at) == ask.new + 1, len(stamps.at)
        return Answer(
            [first - began] * ask.streams,
            last - first,
            ask.streams * (ask.new - 1),
            last - began,
        )
