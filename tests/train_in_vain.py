"""`tests.train_in_float32`, except that going on from a version teaches it nothing."""

from __future__ import annotations

import sys
from unittest.mock import patch

import torch

from lm.train import main

if __name__ == "__main__":
    with (
        patch("lm.learning.training.precision", return_value=torch.float32),
        patch("lm.learning.training.mixed", lambda gpt, *_: gpt),  # n-grams would help
        patch("lm.learning.origin.GENTLER", 0.0),
    ):
        sys.exit(main())
