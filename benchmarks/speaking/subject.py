"""What the measurements of our own engine share: the model under test and how it is driven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.speaking.models import Timed, served
from benchmarks.speaking.weights import Shape, gpt
from lm.engine.engine import Engine
from lm.engine.runner import Guard, Model


@dataclass(frozen=True, slots=True)
class Subject:
    """A shape as one of models.VARIANTS on a device."""

    shape: Shape
    variant: str
    device: torch.device

    def model(self) -> Model:
        """Its own random weights."""
        return served(gpt(self.shape.config), self.variant, self.device)

    def timed(self) -> Timed:
        """The same, noting what its calls take."""
        return Timed(self.model(), self.device)

    def engine(
        self, model: Model, slots: int, span: int, spare: int = 0, guard: Guard | None = None
    ) -> Engine:
        """With room for a burst of all slots."""
        return Engine(
            model,
            slots=slots,
            spare=spare,
            span=span,
            device=self.device,
            queue=4 * slots,
            guard=guard,
        )

    def described(self) -> dict[str, Any]:
        """For the results."""
        return {
            "shape": self.shape.name,
            "variant": self.variant,
            "device": self.device.type,
            "threads": torch.get_num_threads(),
        }


def settle(engine: Engine) -> None:
    """Step until nothing is left to do."""
    while engine.busy:
        engine.step()
