"""nanoGPT's model and training loop (github.com/karpathy/nanoGPT, model.py, train.py), rebuilt.

LayerNorm, learned positions, GELU, tied embeddings, AdamW with decay on matrices, cosine schedule,
clipped gradients, random windows of a flat stream. Only its speed is of interest here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lm.corpus.batches import Ids
from lm.models.gpt import ModelConfig


@dataclass(frozen=True, slots=True)
class NanoConfig:
    """The figures of its train.py that speed depends on; shape and batch are the presets'.

    bf16: autocast; its own loop computes in fp32 on a CPU and in bf16 on a GPU.
    """

    rows: int
    compiled: bool
    bf16: bool
    dropout: float = 0.0
    bias: bool = False
    lr: float = 6e-4
    least_lr: float = 6e-5
    warm_up: int = 2_000
    steps: int = 600_000
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0


class Attention(nn.Module):
    """Causal self-attention with one projection for queries, keys and values."""

    def __init__(self, shape: ModelConfig, config: NanoConfig) -> None:
        super().__init__()
        self.heads, self.rate = shape.n_heads, config.dropout
        self.qkv = nn.Linear(shape.d_model, 3 * shape.d_model, bias=config.bias)
        self.out = nn.Linear(shape.d_model, shape.d_model, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x: [batch, time, d_model], and so is the result."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        rate = self.rate if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)
        out: Tensor = self.dropout(self.out(y.transpose(1, 2).flatten(2)))
        return out


class Block(nn.Module):
    """Attention, then a GELU network of four times the width, each normalised before."""

    def __init__(self, shape: ModelConfig, config: NanoConfig) -> None:
        super().__init__()
        width = shape.d_model
        self.norm_1 = nn.LayerNorm(width, bias=config.bias)
        self.attention = Attention(shape, config)
        self.norm_2 = nn.LayerNorm(width, bias=config.bias)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=config.bias),
            nn.GELU(),
            nn.Linear(4 * width, width, bias=config.bias),
            nn.Dropout(config.dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: [batch, time, d_model], and so is the result."""
        x = x + self.attention(self.norm_1(x))
        out: Tensor = x + self.mlp(self.norm_2(x))
        return out


class NanoGPT(nn.Module):
    """Its model in the layers, width, heads, context and vocabulary of one of ours."""

    def __init__(self, shape: ModelConfig, config: NanoConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape.vocab_size, shape.d_model)
        self.positions = nn.Embedding(shape.context, shape.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.Sequential(*(Block(shape, config) for _ in range(shape.n_layers)))
        self.norm = nn.LayerNorm(shape.d_model, bias=config.bias)
        for weight in self.parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean nats per token of targets [batch, time] after tokens [batch, time]."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.dropout(self.tokens(tokens) + self.positions(positions))
        scores = F.linear(self.norm(self.blocks(x)), self.tokens.weight)
        return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


class NanoTraining:
    """Its training loop on a flat stream of ids, one step at a time."""

    def __init__(
        self, data: Ids, shape: ModelConfig, config: NanoConfig, device: torch.device
    ) -> None:
        self._data = data.astype(np.uint16 if shape.vocab_size < 2**16 else np.int64)
        self._shape, self._config, self._device = shape, config, device
        self.model = NanoGPT(shape, config).to(device).train()
        self._loss: Callable[[Tensor, Tensor], Tensor] = (
            torch.compile(self.model) if config.compiled else self.model
        )
        self._adamw = _adamw(self.model, config, device)
        self._step, self._next = 0, self._batch()

    @property
    def weights(self) -> int:
        """Parameters without positions, as its own estimate of FLOPs counts them."""
        count = sum(weight.numel() for weight in self.model.parameters())
        return count - self.model.positions.weight.numel()

    def step(self) -> float:
        """One iteration; its loss in nats per token."""
        for group in self._adamw.param_groups:
            group["lr"] = _rate(self._step, self._config)
        with self._precision():
            loss = self._loss(*self._next)
        self._next = self._batch()  # while a GPU computes
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), self._config.clip)
        self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
        self._step += 1
        return loss.item()

    def _precision(self) -> AbstractContextManager[None]:
        if not self._config.bf16:
            return nullcontext()
        return torch.autocast(self._device.type, torch.bfloat16)

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Windows drawn anywhere: tokens and targets, each [rows, context]."""
        context = self._shape.context
        starts = torch.randint(len(self._data) - context, (self._config.rows,)).tolist()
        rows = torch.from_numpy(
            np.stack([self._data[i : i + context + 1].astype(np.int64) for i in starts])
        )
        if self._device.type == "cuda":
            rows = rows.pin_memory().to(self._device, non_blocking=True)
        return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


def _adamw(model: NanoGPT, config: NanoConfig, device: torch.device) -> torch.optim.AdamW:
    """Weight decay on matrices and tables only; fused on a GPU."""
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    fused = True if device.type == "cuda" else None
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas, fused=fused)


def _rate(step: int, config: NanoConfig) -> float:
    """Linear warm-up, then half a cosine down to the least rate."""
    if step < config.warm_up:
        return config.lr * (step + 1) / (config.warm_up + 1)
    done = min(1.0, (step - config.warm_up) / (config.steps - config.warm_up))
    return config.least_lr + 0.5 * (1.0 + math.cos(math.pi * done)) * (config.lr - config.least_lr)
