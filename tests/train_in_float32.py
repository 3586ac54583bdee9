"""`python -m lm.train` as on a processor without bfloat16: what differs is then rounding alone."""

from __future__ import annotations

import sys
from unittest.mock import patch

import torch

from lm.train import main

if __name__ == "__main__":
    with (
        patch("lm.learning.training.precision", return_value=torch.float32),
        patch("lm.models.predictor.precision", return_value=torch.float32),
    ):
        sys.exit(main())
