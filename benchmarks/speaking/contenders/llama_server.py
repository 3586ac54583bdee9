"""llama.cpp's own server, in this process (package xllamacpp): as many slots as there are streams.

Its server batches the slots' tokens itself; it is asked over HTTP, because calls within Python wait
for each other. The package comes compiled for any x86-64 machine with AVX2, so it lacks newer
instructions: llama_batch.py is the stronger one where it can be built.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.speaking.asking import Answer, Ask


class Contender:
    """variant: a type of lm/formats/gguf.py."""

    def __init__(self, folder: Path, variant: str, most: Ask, threads: int, device: str) -> None:
        self._llama: Any = importlib.import_module("xllamacpp")  # it has no type information
        self._file, self._most = folder / f"{variant}.gguf", most
        self._threads, self._layers = threads, 0 if device == "cpu" else 999
        self._servers: dict[int, Any] = {}
        limits = httpx.Limits(max_keepalive_connections=0)  # it closes those that it keeps
        self._client = httpx.Client(timeout=600, limits=limits, trust_env=False)

    def describe(self) -> str:
        """One line."""
        return f"xllamacpp {importlib.metadata.version('xllamacpp')}"

    def decode(self, ask: Ask) -> Answer:
        """Once with new prompts, then with the same ones, which are warm."""
        url = f"{self._server(ask.streams).listening_address}/completion"
        prompts = ask.prompts()
        with ThreadPoolExecutor(ask.streams) as pool:
            first, whole_s = self._burst(pool, url, prompts, ask.new, stream=True)
            _, decode_s = self._burst(pool, url, prompts, ask.new, stream=False)
        return Answer(first, decode_s, ask.streams * ask.new, whole_s)

    def _burst(
        self,
        pool: ThreadPoolExecutor,
        url: str,
        prompts: list[list[int]],
        new: int,
        *,
        stream: bool,
    ) -> tuple[list[float], float]:
        bodies = [
            {
                "prompt": prompt,
                "id_slot": slot,
                "n_predict": new,
                "ignore_eos": True,
                "temperature": 0.0,
                "cache_prompt": True,
                "stream": stream,
            }
            for slot, prompt in enumerate(prompts)
        ]
        began = time.perf_counter()
        replies = [pool.submit(self._answered, url, body) for body in bodies]
        first = [reply.result() - began for reply in replies]
        return first, time.perf_counter() - began

    def _answered(self, url: str, body: dict[str, Any]) -> float:
        """When the first piece of the reply came; returns when the last has."""
        at: list[float] = []
        last = ""
        with self._client.stream("POST", url, json=body) as answer:
            answer.raise_for_status()
            for line in filter(None, answer.iter_lines()):
                at.append(time.perf_counter())
                last = line
        told = json.loads(last.removeprefix("data: "))
        assert told["tokens_predicted"] == body["n_predict"], told
        return at[0]

    def _server(self, streams: int) -> Any:
        if streams not in self._servers:
            params = self._llama.CommonParams()
            params.model.path = str(self._file)
            params.n_parallel, params.n_gpu_layers = streams, self._layers
            params.n_ctx = streams * _rounded(self._most.prompt + self._most.new)
            params.hostnames, params.port = ["127.0.0.1"], 0
            params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self._threads
            params.cache_ram_mib, params.warmup, params.verbosity = 0, False, -1
            self._servers[streams] = self._llama.Server(params)
        return self._servers[streams]


def _rounded(tokens: int) -> int:
    """llama.cpp pads a sequence's room to a multiple of 256."""
    return -(-(tokens + 1) // 256) * 256
