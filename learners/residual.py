"""Residual convolutional network without batch statistics, for boards `[C, H, W]`.

Fixup (Zhang, Dauphin, Ma 2019, arXiv:1901.09321): the second convolution of every block starts at 0 and the first is
scaled by `blocks ** -0.5`, which stands in for normalisation: a row's output does not depend on its neighbours in the
batch, so an actor with 5 rows and a learner with 5000 compute the same policy. Letters: N rows, A actions.
"""
from __future__ import annotations

import torch
from torch import nn

from learners.initialisation import POLICY_GAIN, RELU_GAIN, convolution, linear

POLICY_PLANES = 32
VALUE_PLANES = 8
VALUE_WIDTH = 128


class Block(nn.Module):
    """`relu(x + scale * conv(relu(conv(x))))`, the identity at first."""

    def __init__(self, channels: int, blocks: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first = convolution(channels, channels, 3, RELU_GAIN * blocks**-0.5, generator)
        self.second = convolution(channels, channels, 3, 0.0, generator)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape `[N, channels, H, W]`, as `x`."""
        return torch.relu_(x + self.scale * self.second(torch.relu_(self.first(x))))


class Residual(nn.Module):
    """A 3x3 stem, residual blocks, then a policy and a value head of 1x1 convolution and linear layers."""

    scale: torch.Tensor | None

    def __init__(
        self, shape: tuple[int, int, int], num_actions: int, channels: int, blocks: int, *,
        scale: torch.Tensor | None, bounded: bool, generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.register_buffer("scale", scale, persistent=False)
        planes, height, width = shape
        self.stem = convolution(planes, channels, 3, RELU_GAIN, generator)
        self.tower = nn.Sequential(*(Block(channels, blocks, generator) for _ in range(blocks)))
        self.policy_planes = convolution(channels, POLICY_PLANES, 1, RELU_GAIN, generator)
        self.policy = linear(POLICY_PLANES * height * width, num_actions, POLICY_GAIN, generator)
        self.value_planes = convolution(channels, VALUE_PLANES, 1, RELU_GAIN, generator)
        self.value_hidden = linear(VALUE_PLANES * height * width, VALUE_WIDTH, RELU_GAIN, generator)
        self.value = linear(VALUE_WIDTH, 1, 1.0, generator)
        self.bounded = bounded

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`(logits [N, A], value [N])`, float32, of observations `[N, C, H, W]` of any dtype."""
        x = observation.to(torch.float32)
        if self.scale is not None:
            x = x * self.scale
        x = self.tower(torch.relu_(self.stem(x)))
        logits = self.policy(torch.relu_(self.policy_planes(x)).flatten(1))
        hidden = torch.relu_(self.value_hidden(torch.relu_(self.value_planes(x)).flatten(1)))
        value = self.value(hidden).squeeze(1)
        return logits, torch.tanh(value) if self.bounded else value
