"""Rules of the model: causal, cacheable, sane at birth, and named as a Qwen3."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lm.learning.loss import next_token_loss
from lm.models.gpt import GPT, ModelConfig

CONFIG = ModelConfig(
    vocab_size=97, n_layers=2, d_model=64, n_heads=2, n_kv_heads=1, head_dim=64, d_ff=96, context=32
)


@pytest.fixture
def model() -> GPT:
    """A model whose weights all matter: gains away from 1, scores away from 0."""
    torch.manual_seed(0)
    model = GPT(CONFIG).eval().requires_grad_(False)
    for weight in model.parameters():
        if weight.ndim == 1:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
        else:
            torch.nn.init.normal_(weight, 0.0, 0.15)
    return model


def tokens(rows: int, time: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, CONFIG.vocab_size, (rows, time), generator=generator)


def positions(rows: int, time: int) -> Tensor:
    return torch.arange(time).expand(rows, -1)


class DictCache:
    """The plainest cache there can be: everything is kept, everything earlier is seen."""

    def __init__(self) -> None:
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if layer in self.kept:
            k = torch.cat((self.kept[layer][0], k), dim=2)
            v = torch.cat((self.kept[layer][1], v), dim=2)
        before = 0 if layer not in self.kept else self.kept[layer][0].shape[2]
        self.kept[layer] = k, v
        span, new = k.shape[2], k.shape[2] - before
        mask = torch.arange(span)[None, :] <= torch.arange(before, span)[:, None]
        return k, v, mask.expand(k.shape[0], 1, new, span)


def test_a_later_token_changes_no_earlier_score(model: GPT) -> None:
    """Causality: scores up to a token depend on nothing behind it, and do depend on it."""
    x = tokens(2, 12)
    y = x.clone()
    y[:, 7] = (y[:, 7] + 1) % CONFIG.vocab_size
    a, b = model(x, positions(2, 12)), model(y, positions(2, 12))
    torch.testing.assert_close(a[:, :7], b[:, :7], rtol=0, atol=0)
    assert (a[:, 7:] - b[:, 7:]).abs().amax(dim=-1).min() > 1e-3


@pytest.mark.parametrize("cuts", [(12,), (5, 12), (1, 2, 3, 12), tuple(range(1, 13))])
def test_a_cache_changes_nothing(model: GPT, cuts: tuple[int, ...]) -> None:
    """The row at once and the row in pieces through a cache give the same scores."""
    x, at = tokens(3, 12), positions(3, 12)
    cache, pieces, start = DictCache(), [], 0
    for cut in cuts:
        pieces.append(model(x[:, start:cut], at[:, start:cut], cache))
        start = cut
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(x, at), rtol=1e-4, atol=1e-4)


def test_only_distances_between_positions_count(model: GPT) -> None:
    """Rotary positions are relative: shifting all of them changes no score, stretching does."""
    x, at = tokens(1, 10), positions(1, 10)
    there = model(x, at)
    torch.testing.assert_close(model(x, at + 17), there, rtol=1e-3, atol=1e-3)
    assert (model(x, at * 3) - there).abs().max() > 1e-2


def test_rows_do_not_see_each_other(model: GPT) -> None:
    """A row's scores are the same alone and in company."""
    x = tokens(3, 9)
    torch.testing.assert_close(
        model(x, positions(3, 9))[1:2], model(x[1:2], positions(1, 9)), rtol=1e-4, atol=1e-4
    )


def test_a_new_model_guesses() -> None:
    """Before training the loss is that of guessing among all tokens."""
    torch.manual_seed(0)
    x = tokens(4, 32)
    scores = GPT(CONFIG)(x[:, :-1], positions(4, 31))
    loss = F.cross_entropy(scores.flatten(0, 1), x[:, 1:].flatten())
    assert loss.item() == pytest.approx(math.log(CONFIG.vocab_size), abs=0.1)


def test_dropout_acts_in_training_only() -> None:
    """Evaluation is repeatable, training is not."""
    torch.manual_seed(0)
    model, x, at = GPT(CONFIG, dropout=0.5), tokens(1, 8), positions(1, 8)
    assert not torch.equal(model(x, at), model(x, at))
    model.eval()
    assert torch.equal(model(x, at), model(x, at))


def test_fused_loss_equals_the_plain_one() -> None:
    """Value and gradients are those of cross_entropy over the full scores, weighted by token."""
    generator = torch.Generator().manual_seed(2)
    weights = torch.rand(50, generator=generator)
    hidden = torch.randn(3, 700, 16, generator=generator, requires_grad=True)
    weight = torch.randn(50, 16, generator=generator, requires_grad=True)
    targets = torch.randint(0, 50, (3, 700), generator=generator)
    fused = next_token_loss(hidden, weight, targets, weights[targets], torch.float32)
    plain = F.cross_entropy((hidden @ weight.T).flatten(0, 1), targets.flatten(), weights)
    torch.testing.assert_close(fused, plain)
    torch.testing.assert_close(
        torch.autograd.grad(3 * fused, (hidden, weight)),
        torch.autograd.grad(3 * plain, (hidden, weight)),
    )


def test_parameters_are_named_as_in_qwen3() -> None:
    """With "model." in front, the names are those that other runtimes look for."""
    layer = [
        "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
        "self_attn.o_proj", "self_attn.q_norm", "self_attn.k_norm", "post_attention_layernorm",
        "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
    ]  # fmt: skip
    expected = {"embed_tokens.weight", "norm.weight"}
    expected |= {f"layers.{n}.{name}.weight" for n in range(2) for name in layer}
    assert set(GPT(CONFIG).state_dict()) == expected


@pytest.mark.parametrize(
    ("change", "key"),
    [({"head_dim": 32}, "head_dim = 32"), ({"n_kv_heads": 3}, "n_kv_heads = 3"),
     ({"n_kv_heads": 0}, "n_kv_heads = 0"), ({"vocab_size": 0}, "vocab_size = 0")],
)  # fmt: skip
def test_impossible_shapes_are_refused(change: dict[str, int], key: str) -> None:
    """A shape that nothing could load is a ValueError with key and value."""
    shape = {"vocab_size": 97, "n_layers": 1, "d_model": 64, "n_heads": 2, "n_kv_heads": 2,
             "head_dim": 64, "d_ff": 96, "context": 32} | change  # fmt: skip
    with pytest.raises(ValueError, match=key):
        ModelConfig(**shape)
