"""Our GPT: decoder-only in the shape of Qwen3, so that its weights load elsewhere unmodified.

RMSNorm, rotary positions, SwiGLU, QK-norm, grouped-query attention, tied embeddings, no biases.
Everything a call needs is an argument: tokens, positions and a cache. It knows no text, no
sampling and no slots. Parameter names are those of transformers' Qwen3 without the "model." prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lm.corpus.batches import Ids
from lm.models.attention import attended, quicker
from lm.models.dropout import Dropout
from lm.models.rms_norm import RMSNorm


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The shape of a GPT. `context` is the longest row it is trained on, in tokens."""

    vocab_size: int
    n_layers: int
    d_model: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    d_ff: int
    context: int
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        """Refuse shapes that no other runtime would load (ValueError names key and value)."""
        if self.head_dim not in (64, 128):
            raise ValueError(f"head_dim = {self.head_dim}: allowed are 64 and 128")
        if self.n_kv_heads < 1 or self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_kv_heads = {self.n_kv_heads}: has to divide n_heads = {self.n_heads}"
            )
        for key in ("vocab_size", "n_layers", "d_model", "d_ff", "context"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} = {getattr(self, key)}: has to be at least 1")


class Cache(Protocol):
    """Keys and values of earlier tokens, as one call of the model sees them.

    before: what was said before each row's first token, for models that look back so far: one array
        of token ids a row, or none at all
    """

    @property
    def before(self) -> Sequence[Ids]:
        """As above."""
        ...

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Store this call's keys and values; return everything to attend over.

        k, v: [batch, kv_heads, time, head_dim], already rotated to their positions.
        Returns keys and values [batch, kv_heads, span, head_dim] and the mask
        [batch, 1, time, span], True where a query may look.
        """
        ...


def rotary(positions: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines [batch, 1, time, head_dim] of RoPE (arXiv 2104.09864, eq. 34), fp32."""
    exponents = torch.arange(0, head_dim, 2, device=positions.device).float() / head_dim
    angles = positions[:, None, :, None].float() * theta**-exponents  # [batch, 1, time, d/2]
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the two halves of each head (the NeoX layout). x: [batch, heads, time, head_dim]."""
    left, right = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-right, left), dim=-1) * sin).to(x.dtype)


class Attention(nn.Module):
    """Causal grouped-query self-attention with QK-norm; dropout here would lose the fast kernel."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.layer, self.head_dim = layer, config.head_dim
        self.grouped = config.n_kv_heads != config.n_heads
        width, kv_width = config.n_heads * config.head_dim, config.n_kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.d_model, width, bias=False)
        self.k_proj = nn.Linear(config.d_model, kv_width, bias=False)
        self.v_proj = nn.Linear(config.d_model, kv_width, bias=False)
        self.o_proj = nn.Linear(width, config.d_model, bias=False)
        self.q_norm = RMSNorm(config.head_dim, eps=config.norm_eps)
        self.k_norm = RMSNorm(config.head_dim, eps=config.norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None) -> Tensor:
        """Attend. x: [batch, time, d_model], and so is the result."""
        batch, time, _ = x.shape
        heads = (batch, time, -1, self.head_dim)
        q = self.q_norm(self.q_proj(x).view(heads)).transpose(1, 2)  # [batch, heads, time, d]
        k = self.k_norm(self.k_proj(x).view(heads)).transpose(1, 2)  # [batch, kv_heads, time, d]
        v = self.v_proj(x).view(heads).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mask = None
        if cache is not None:
            k, v, mask = cache.update(self.layer, k, v)
        if mask is None and not self.grouped and quicker(q):
            y = attended(q, k, v)
        else:
            y = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=self.grouped
            )
        out: Tensor = self.o_proj(y.transpose(1, 2).reshape(batch, time, -1))
        return out


class MLP(nn.Module):
    """SwiGLU (arXiv 2002.05202)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.d_model, config.d_ff, bias=False)
        self.up_proj = nn.Linear(config.d_model, config.d_ff, bias=False)
        self.down_proj = nn.Linear(config.d_ff, config.d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x: [batch, time, d_model], and so is the result."""
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """One pre-norm layer: attention, then MLP, each added to the residual stream."""

    def __init__(self, config: ModelConfig, layer: int, dropout: float) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.d_model, eps=config.norm_eps)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = RMSNorm(config.d_model, eps=config.norm_eps)
        self.mlp = MLP(config)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None) -> Tensor:
        """x: [batch, time, d_model], and so is the result."""
        x = x + self.dropout(self.self_attn(self.input_layernorm(x), cos, sin, cache))
        out: Tensor = x + self.dropout(self.mlp(self.post_attention_layernorm(x)))
        return out


class GPT(nn.Module):
    """The whole model. `dropout` acts in training mode only and is not part of its shape."""

    ragged = False  # as the engine's Model says: shorter rows are padded

    def __init__(self, config: ModelConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.dropout = Dropout(dropout)
        self.layers = nn.ModuleList(
            Block(config, layer, dropout) for layer in range(config.n_layers)
        )
        self.norm = RMSNorm(config.d_model, eps=config.norm_eps)
        self._initialise()

    def _initialise(self) -> None:
        """GPT-2's scheme: normal(0, 0.02), residual outputs scaled by 1/sqrt(2 n_layers)."""
        for name, weight in self.named_parameters():
            if weight.ndim < 2:
                continue
            std = 0.02
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                std /= (2 * self.config.n_layers) ** 0.5
            nn.init.normal_(weight, mean=0.0, std=std)

    @property
    def cache_layers(self) -> tuple[tuple[int, int], ...]:
        """Heads and head_dim of the keys that each layer keeps in a cache."""
        return ((self.config.n_kv_heads, self.config.head_dim),) * self.config.n_layers

    def hidden(self, tokens: Tensor, positions: Tensor, cache: Cache | None = None) -> Tensor:
        """Final hidden states [batch, time, d_model] of tokens [batch, time] at `positions`."""
        x = self.dropout(self.embed_tokens(tokens))
        cos, sin = rotary(positions, self.config.head_dim, self.config.rope_theta)
        for layer in self.layers:
            x = layer(x, cos, sin, cache)
        out: Tensor = self.norm(x)  # [batch, time, d_model]
        return out

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary [..., vocab_size] of hidden states [..., d_model]."""
        return F.linear(hidden, self.embed_tokens.weight)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        cache: Cache | None = None,
        ends: Tensor | None = None,
    ) -> Tensor:
        """Scores of the next token after each token.

        tokens, positions: [batch, time] int64; without a cache, rows are causal by themselves.
        ends: [batch] places in the rows, where only the scores behind those are wanted
        Returns [batch, time, vocab_size], or [batch, 1, vocab_size] with `ends`.
        """
        return self.logits(chosen(self.hidden(tokens, positions, cache), ends))

    def prefill(self, tokens: Tensor, positions: Tensor, cache: Cache) -> None:
        """Fill the cache as `forward` does, without computing scores."""
        self.hidden(tokens, positions, cache)


def chosen(rows: Tensor, ends: Tensor | None) -> Tensor:
    """Of rows [batch, time, ...] what stands at `ends` [batch]: [batch, 1, ...]; or all of it."""
    if ends is None:
        return rows
    return rows[torch.arange(len(rows), device=rows.device), ends][:, None]


class SharedGPT(GPT):
    """A GPT that shares another's modules, for those who compute it in a way of their own."""

    def __init__(self, gpt: GPT) -> None:
        nn.Module.__init__(self)  # not GPT's: nothing is made anew
        self.config, self.training = gpt.config, gpt.training
        self.embed_tokens, self.dropout = gpt.embed_tokens, gpt.dropout
        self.layers, self.norm = gpt.layers, gpt.norm
