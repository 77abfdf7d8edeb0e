"""Multilayer perceptron with all heads in one last layer: few, large matrix products.

Letters: N rows, A actions.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from learners.initialisation import POLICY_GAIN, RELU_GAIN, linear
from learners.output import Output
from learners.value_heads import VALUE_GAIN, Heads


class Mlp(nn.Module):
    """ReLU layers over the flat, scaled observation; the last layer has A logits, then value, then difficulty."""

    autoregressive = False
    scale: torch.Tensor | None

    def __init__(
        self, inputs: int, num_actions: int, hidden: Sequence[int], *, scale: torch.Tensor | None, heads: Heads,
        generator: torch.Generator, policy_gain: float = POLICY_GAIN,
    ) -> None:
        super().__init__()
        self.register_buffer("scale", None if scale is None else scale.flatten(), persistent=False)
        widths = [inputs, *hidden]
        self.body = nn.ModuleList(
            linear(width, following, RELU_GAIN, generator)
            for width, following in pairwise(widths)
        )
        self.head = linear(widths[-1], num_actions + heads.outputs, policy_gain, generator)
        with torch.no_grad():
            self.head.weight[num_actions:] = linear(widths[-1], heads.outputs, VALUE_GAIN, generator).weight
            heads.shrink(self.head.weight[num_actions:], generator)
        self.heads, self.num_actions = heads, num_actions

    def forward(self, observation: torch.Tensor) -> Output:
        """Of observations `[N, ...]` of any dtype. The logits are a view of the last layer's output, not contiguous."""
        x = observation.flatten(1).to(torch.float32)
        if self.scale is not None:
            x = x * self.scale
        for layer in self.body:
            x = torch.relu_(layer(x))
        out = self.head(x)
        values = self.num_actions + self.heads.value_outputs
        difficulty = out[:, values] if self.heads.difficulty else None
        return self.heads.output(out[:, :self.num_actions], out[:, self.num_actions:values], difficulty)
