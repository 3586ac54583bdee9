"""llama.cpp by its C interface (package llama-cpp-python): one batch a step, greedy.

Built from source it uses every instruction of the machine. It needs neither torch nor this
project's packages: `--llama-python` names an environment that has it.
"""

from __future__ import annotations

import ctypes
import importlib
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speaking.asking import Answer, Ask

BATCH = 2048  # tokens of prompts that are handed over at once


class Contender:
    """variant: a type of lm/formats/gguf.py."""

    def __init__(self, folder: Path, variant: str, most: Ask, threads: int, device: str) -> None:
        self._llama: Any = importlib.import_module("llama_cpp")  # lives in another environment
        self._threads = threads
        silent = self._llama.llama_log_callback(lambda *_: None)
        self._llama.llama_log_set(silent, ctypes.c_void_p(0))
        self._silent = silent  # has to outlive the library's use of it
        self._llama.llama_backend_init()
        params = self._llama.llama_model_default_params()
        params.n_gpu_layers = 0 if device == "cpu" else 999
        path = str(folder / f"{variant}.gguf").encode()
        self._model = self._llama.llama_model_load_from_file(path, params)
        assert self._model, path
        self._vocabulary, self._room = most.vocabulary, most.prompt + most.new + 1
        self._batch = self._llama.llama_batch_init(BATCH + most.prompt + most.streams, 0, 1)
        self._contexts: dict[int, Any] = {}

    def describe(self) -> str:
        """One line."""
        return f"llama-cpp-python {self._llama.__version__}"

    def decode(self, ask: Ask) -> Answer:
        """Prompts in batches, each stream's first token behind its own; then step by step."""
        context = self._context(ask.streams)
        tokens: list[int] = []
        first: list[float] = []
        prompts = iter(enumerate(ask.prompts()))
        began = time.perf_counter()
        while some := list(islice(prompts, max(1, BATCH // ask.prompt))):
            rows = [
                (token, place, stream, place == ask.prompt - 1)
                for stream, prompt in some
                for place, token in enumerate(prompt)
            ]
            tokens += self._run(context, rows)
            first += [time.perf_counter() - began] * len(some)
        read = time.perf_counter()
        for place in range(ask.prompt, ask.prompt + ask.new - 1):
            rows = [(token, place, stream, True) for stream, token in enumerate(tokens)]
            tokens = self._run(context, rows)
        now = time.perf_counter()
        return Answer(first, now - read, ask.streams * (ask.new - 1), now - began)

    def _run(self, context: Any, rows: list[tuple[int, int, int, bool]]) -> list[int]:
        """Decode (token, place, stream, wanted); the likeliest next tokens of those wanted."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, (token, place, stream, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.logits[i] = token, place, wanted
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = stream
        status = self._llama.llama_decode(context, batch)
        assert status == 0, status
        # The rows that were wanted lie one behind the other.
        shape = sum(row[3] for row in rows), self._vocabulary
        scores = np.ctypeslib.as_array(self._llama.llama_get_logits(context), shape)
        found: list[int] = scores.argmax(axis=1).tolist()
        return found

    def _context(self, streams: int) -> Any:
        """A sequence of its own for each stream, empty."""
        if streams not in self._contexts:
            params = self._llama.llama_context_default_params()
            room = -(-self._room // 256) * 256  # it pads to that by itself
            params.n_ctx, params.n_seq_max = streams * room, streams
            params.n_batch = BATCH
            params.n_threads = params.n_threads_batch = self._threads
            self._contexts[streams] = self._llama.llama_init_from_model(self._model, params)
            assert self._contexts[streams], streams
        context = self._contexts[streams]
        self._llama.llama_memory_clear(self._llama.llama_get_memory(context), True)
        return context
