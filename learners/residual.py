"""Residual convolutional network without batch statistics, for boards `[C, H, W]`.

Fixup (Zhang, Dauphin, Ma 2019, arXiv:1901.09321): the second convolution of every block starts at 0 and the first is
scaled by `blocks ** -0.5`, which stands in for normalisation: a row's output does not depend on its neighbours in the
batch, so an actor with 5 rows and a learner with 5000 compute the same policy. Letters: N rows, A actions, V outputs.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn

from learners.initialisation import POLICY_GAIN, RELU_GAIN, convolution, linear
from learners.network_config import Network
from learners.output import Output
from learners.policy_heads import Factored, Spatial
from learners.value_heads import VALUE_GAIN, Heads

if TYPE_CHECKING:
    from envs.layout import MoveLayout


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


class ScalarHead(nn.Module):
    """1x1 convolution, hidden layer, V numbers: the shape of value and of difficulty."""

    def __init__(
        self, config: Network, cells: int, outputs: int, heads: Heads, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.planes = convolution(config.channels, config.value_planes, 1, RELU_GAIN, generator)
        self.hidden = linear(config.value_planes * cells, config.value_width, RELU_GAIN, generator)
        self.last = linear(config.value_width, outputs, VALUE_GAIN, generator)
        heads.shrink(self.last.weight, generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[N, V]` of `[N, channels, H, W]`."""
        return self.last(torch.relu_(self.hidden(torch.relu_(self.planes(x)).flatten(1))))  # type: ignore[no-any-return]


class Residual(nn.Module):
    """A 3x3 stem, residual blocks, then heads of 1x1 convolutions and linear layers."""

    autoregressive = False
    scale: torch.Tensor | None

    def __init__(
        self, shape: tuple[int, int, int], num_actions: int, config: Network, *, scale: torch.Tensor | None,
        heads: Heads, generator: torch.Generator, policy_gain: float = POLICY_GAIN, moves: MoveLayout | None = None,
    ) -> None:
        """config: its channels, blocks, policy head, planes and widths are read. moves: the game's, if it has some.

        policy_gain: of the flat policy head.
        """
        super().__init__()
        self.register_buffer("scale", scale, persistent=False)
        planes, height, width = shape
        cells, channels = height * width, config.channels
        self.stem = convolution(planes, channels, 3, RELU_GAIN, generator)
        self.tower = nn.Sequential(*(Block(channels, config.blocks, generator) for _ in range(config.blocks)))
        self.policy_planes: nn.Conv2d | None = None
        self.policy: nn.Module
        if config.policy_head == "spatial":
            self.policy = Spatial(channels, (height, width), num_actions, moves, generator)
        elif config.policy_head == "factored":
            self.policy = Factored(channels, config.policy_width, cast("MoveLayout", moves), generator)
        else:
            self.policy_planes = convolution(channels, config.policy_planes, 1, RELU_GAIN, generator)
            self.policy = linear(config.policy_planes * cells, num_actions, policy_gain, generator)
        self.value = ScalarHead(config, cells, heads.value_outputs, heads, generator)
        self.difficulty = ScalarHead(config, cells, 1, heads, generator) if heads.difficulty else None
        self.heads = heads

    def forward(self, observation: torch.Tensor) -> Output:
        """Of observations `[N, C, H, W]` of any dtype."""
        x = observation.to(torch.float32)
        if self.scale is not None:
            x = x * self.scale
        x = self.tower(torch.relu_(self.stem(x)))
        seen = x if self.policy_planes is None else torch.relu_(self.policy_planes(x)).flatten(1)
        difficulty = None if self.difficulty is None else self.difficulty(x)[:, 0]
        return self.heads.output(self.policy(seen), self.value(x), difficulty)
