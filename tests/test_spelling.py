"""lm/corpus/spelling.py and lm/learning/embedding.py: what tokens spelt alike have in common."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from lm.corpus.spelling import spelling
from lm.corpus.tokenizer import Tokenizer
from lm.learning.embedding import SharedEmbedding

TEXTS = ["Hello hello HELLO, walking talking walked talked", "ä 👍🏽 1234 don't مرحبا"] * 20


def parts_of(tokenizer: Tokenizer, text: str) -> set[int]:
    """The parts of a text that is one token."""
    (token,) = tokenizer.encode(text)
    pairs = spelling(tokenizer)
    return set(pairs[pairs[:, 0] == token, 1].tolist())


def test_tokens_share_what_they_are_spelt_with() -> None:
    """Case and space are parts of their own; an ending is one of all words that have it."""
    tokenizer = Tokenizer.train(TEXTS, 600, [1, 2])
    small, large, spaced = (parts_of(tokenizer, text) for text in ("hello", "Hello", " hello"))
    assert small < large
    assert len(large - small) == 1
    assert len(small & spaced) == len(small) - 1
    walking, talking, walked = (
        parts_of(tokenizer, text) for text in (" walking", " talking", " walked")
    )
    assert len(walking & talking) > len(walking & walked) > len(talking & walked) > 0


def test_parts_have_the_same_numbers_in_every_process(tmp_path: Path) -> None:
    """A resumed run and the processes of one team mean the same parts."""
    tokenizer = Tokenizer.train(TEXTS, 400, [1, 2])
    tokenizer.save(tmp_path / "tokenizer.json")
    code = (
        "import sys; from pathlib import Path; from lm.corpus.spelling import spelling;"
        "from lm.corpus.tokenizer import Tokenizer;"
        "sys.stdout.write(str(spelling(Tokenizer.load(Path(sys.argv[1]), [1, 2])).tolist()))"
    )
    for seed in "12":
        found = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "tokenizer.json")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout == str(spelling(tokenizer).tolist())


@pytest.mark.parametrize("kind", ["bpe", "word", "character"])
def test_every_part_is_one_of_several_tokens(kind: Literal["bpe", "word", "character"]) -> None:
    """Nothing of structure, nothing of pieces of characters, no part of one token alone."""
    tokenizer = Tokenizer.train(TEXTS, 400, [1, 2], kind, rare=1)
    pairs = spelling(tokenizer)
    tokens, parts = pairs.T
    assert len(pairs) == len({tuple(pair) for pair in pairs.tolist()}) > 20
    owners = [tuple(tokens[parts == part]) for part in range(parts.max() + 1)]
    assert len(set(owners)) == len(owners)
    assert (np.bincount(parts) > 1).all()
    assert not set(tokens.tolist()) & tokenizer.structural
    assert all("\N{REPLACEMENT CHARACTER}" not in tokenizer.decode([t]) for t in set(tokens))


def test_the_embedding_is_the_sum_of_its_parts() -> None:
    """Gradients and sums are those that autograd finds for the sum itself."""
    torch.manual_seed(0)
    pairs = np.array([[0, 0], [1, 0], [1, 1], [3, 1]])
    weight = nn.Parameter(torch.randn(4, 3))
    embedding = SharedEmbedding(weight, pairs)
    aim = torch.randn(4, 3)
    expected_own = weight.detach().clone().requires_grad_()
    expected_shared = torch.zeros(2, 3, requires_grad=True)
    mask = torch.tensor([[1.0, 0], [0.5**0.5, 0.5**0.5], [0, 0], [0, 1]])
    for _ in range(3):
        torch.autograd.backward((weight - aim).square().sum())
        torch.autograd.backward((expected_own + mask @ expected_shared - aim).square().sum())
        embedding.take_gradient()
        assert weight.grad is None
        for found, expected in (
            (embedding.own, expected_own),
            (embedding.shared, expected_shared),
        ):
            assert found.grad is not None
            assert expected.grad is not None
            torch.testing.assert_close(found.grad, expected.grad)
            found.data -= 0.1 * found.grad
            expected.data -= 0.1 * expected.grad
            found.grad = expected.grad = None
        embedding.put_together()
        torch.testing.assert_close(
            weight.detach(), (expected_own + mask @ expected_shared).detach()
        )


def test_what_is_rare_learns_from_what_is_spelt_alike() -> None:
    """A token that never came moves as others do that share its letters."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.zeros(3, 2))
    embedding = SharedEmbedding(weight, np.array([[0, 0], [1, 0]]))
    optimizer = torch.optim.AdamW([embedding.own, embedding.shared], lr=0.1)
    for _ in range(20):
        torch.autograd.backward((weight[0] - 1).square().sum())
        embedding.take_gradient()
        optimizer.step()
        embedding.put_together()
    assert (weight[1] > 0.3).all()
    assert (weight[2] == 0).all()
