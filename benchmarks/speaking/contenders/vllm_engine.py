"""vLLM on our exported directory, where it is installed: greedy, without its prefix cache."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import Any

from benchmarks.speaking.asking import Answer, Ask
from benchmarks.speaking.weights import TRANSFORMERS

DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


class Contender:
    """variant: fp32 or bf16."""

    def __init__(self, folder: Path, variant: str, most: Ask, threads: int, device: str) -> None:
        self._vllm: Any = importlib.import_module("vllm")  # installed on GPU machines only
        self._engine = self._vllm.LLM(
            model=str(folder / TRANSFORMERS),
            dtype=DTYPES[variant],
            skip_tokenizer_init=True,
            enable_prefix_caching=False,
            max_model_len=most.prompt + most.new,
            max_num_seqs=most.streams,
        )

    def describe(self) -> str:
        """One line."""
        return f"vllm {self._vllm.__version__}"

    def decode(self, ask: Ask) -> Answer:
        """First tokens alone, then everything; the difference is decoding."""
        prompts = [{"prompt_token_ids": prompt} for prompt in ask.prompts()]
        first_s, whole_s = self._timed(prompts, 1), self._timed(prompts, ask.new)
        decoded = ask.streams * (ask.new - 1)
        return Answer([first_s] * ask.streams, whole_s - first_s, decoded, whole_s)

    def _timed(self, prompts: list[dict[str, list[int]]], new: int) -> float:
        rules = self._vllm.SamplingParams(
            temperature=0.0, max_tokens=new, ignore_eos=True, detokenize=False
        )
        began = time.perf_counter()
        replies = self._engine.generate(prompts, rules, use_tqdm=False)
        seconds = time.perf_counter() - began
        assert all(len(reply.outputs[0].token_ids) == new for reply in replies)
        return seconds
