"""Multilayer perceptron with the policy and the value in one last layer: few, large matrix products.

Letters: N rows, A actions.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from learners.initialisation import POLICY_GAIN, RELU_GAIN, linear


class Mlp(nn.Module):
    """ReLU layers over the flat, scaled observation; the last layer has A logits and, in its last row, the value."""

    scale: torch.Tensor | None

    def __init__(
        self, inputs: int, num_actions: int, hidden: Sequence[int], *, scale: torch.Tensor | None, bounded: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.register_buffer("scale", None if scale is None else scale.flatten(), persistent=False)
        widths = [inputs, *hidden]
        self.body = nn.ModuleList(
            linear(width, following, RELU_GAIN, generator)
            for width, following in pairwise(widths)
        )
        self.head = linear(widths[-1], num_actions + 1, POLICY_GAIN, generator)
        with torch.no_grad():
            self.head.weight[-1:] = linear(widths[-1], 1, 1.0, generator).weight
        self.bounded = bounded

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`(logits [N, A], value [N])`, float32, of observations `[N, ...]` of any dtype.

        The logits are a view of the last layer's output and not contiguous.
        """
        x = observation.flatten(1).to(torch.float32)
        if self.scale is not None:
            x = x * self.scale
        for layer in self.body:
            x = torch.relu_(layer(x))
        out = self.head(x)
        value = out[:, -1]
        return out[:, :-1], torch.tanh(value) if self.bounded else value
