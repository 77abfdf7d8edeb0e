"""An exponential moving average of the weights, which plays better and steadier than the latest ones.

It begins as a copy of the first weights and forgets them soon: until the decay is reached, step n averages with
`(1 + n) / (10 + n)`, as TensorFlow's ExponentialMovingAverage does when it is told n.
"""
from __future__ import annotations

from collections.abc import Mapping

import torch

from learners.networks import Weights, check_arrays


class WeightAverage:
    """Follows `parameters`, by name, on their device."""

    def __init__(self, parameters: Mapping[str, torch.Tensor], decay: float) -> None:
        self._parameters, self._decay = parameters, decay
        self.tensors: dict[str, torch.Tensor] = {}
        self.begin_anew()

    @property
    def steps(self) -> int:
        """Updates of the average; asking waits for the device."""
        return int(self._steps)

    def begin_anew(self) -> None:
        """Becomes a copy of the parameters."""
        self.tensors = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._count(0)

    def _count(self, steps: int) -> None:
        device = next(iter(self._parameters.values())).device
        self._steps = torch.tensor(steps, dtype=torch.float32, device=device)

    @torch.no_grad()
    def update(self, made: torch.Tensor) -> None:
        """Takes in the parameters after a gradient step: `average = decay * average + (1 - decay) * parameter`.

        made: 1.0, or 0.0 for a step that was left out, which changes nothing.
        """
        self._steps += made
        decay = ((1 + self._steps) / (10 + self._steps)).clamp(max=self._decay)
        weight = (1 - decay) * made
        for name, average in self.tensors.items():
            average.lerp_(self._parameters[name], weight)

    def weights(self) -> Weights:
        """Copies by name."""
        return {name: average.cpu().numpy().copy() for name, average in self.tensors.items()}

    def load(self, weights: Weights, steps: int) -> None:
        """Becomes the average that was saved. Raises ValueError, naming what does not fit, unchanged."""
        self.check(weights)
        for name, average in self.tensors.items():
            average.copy_(torch.tensor(weights[name]))
        self._count(steps)

    def check(self, weights: Weights) -> None:
        """Raises ValueError, naming what differs, unless these are weights of the same names and shapes."""
        shapes = {name: tuple(parameter.shape) for name, parameter in self._parameters.items()}
        check_arrays("averaged weights", shapes, weights)
