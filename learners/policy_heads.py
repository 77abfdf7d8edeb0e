"""Policy heads of the residual tower whose logits belong to cells of the board.

Letters: N rows, C planes of the tower, cells of the board [H, W] by row, A actions.
"""
from __future__ import annotations

import torch
from torch import nn

from envs.layout import MoveLayout
from learners.initialisation import POLICY_GAIN, convolution, linear


class Others(nn.Module):
    """Appends the logits of actions without a cell, read from the mean over the board, if there are any."""

    def __init__(self, channels: int, others: int, generator: torch.Generator) -> None:
        super().__init__()
        self.last = linear(channels, others, POLICY_GAIN, generator) if others else None

    def forward(self, logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """`[N, A]` of `logits [N, A - others]` and what the tower gave, `[N, C, H, W]`."""
        return logits if self.last is None else torch.cat([logits, self.last(x.mean((2, 3)))], 1)


class Spatial(nn.Module):
    """1x1 convolution to planes whose cells are the actions (Silver et al. 2018, doi:10.1126/science.aar6404).

    Without `moves` action = H W plane + cell. With them a plane is a displacement in rows and columns, from -(H - 1),
    -(W - 1) to H - 1, W - 1, and its cell is where the move begins: equal steps share their weights.
    """

    index: torch.Tensor | None

    def __init__(
        self, channels: int, board: tuple[int, int], num_actions: int, moves: MoveLayout | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        height, width = board
        if moves is None:
            planes, others, index = num_actions // (height * width), 0, None
        else:
            planes, others = (2 * height - 1) * (2 * width - 1), moves.others
            index = _places_of_moves(height, width)
        self.planes = convolution(channels, planes, 1, POLICY_GAIN, generator)
        self.others = Others(channels, others, generator)
        self.register_buffer("index", index, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[N, A]` of `[N, C, H, W]`."""
        logits = self.planes(x).flatten(1)
        if self.index is not None:
            logits = logits.index_select(1, self.index)
        return self.others(logits, x)   # type: ignore[no-any-return]


class Factored(nn.Module):
    """logit(source, target) = <u_source, v_target> / sqrt(d), with d numbers for each cell in each of its two roles."""

    def __init__(self, channels: int, width: int, moves: MoveLayout, generator: torch.Generator) -> None:
        super().__init__()
        self.source = convolution(channels, width, 1, 1.0, generator)
        self.target = convolution(channels, width, 1, POLICY_GAIN, generator)
        self.others = Others(channels, moves.others, generator)
        self.factor = width**-0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[N, A]` of `[N, C, H, W]`."""
        source, target = self.source(x).flatten(2), self.target(x).flatten(2)
        logits = torch.matmul(source.permute(0, 2, 1), target) * self.factor
        return self.others(logits.flatten(1), x)    # type: ignore[no-any-return]


def _places_of_moves(height: int, width: int) -> torch.Tensor:
    """Where among all planes' cells the logit of action `cells * source + target` is. Shape `[cells * cells]`."""
    cell = torch.arange(height * width)
    row, column = cell // width, cell % width
    down, right = row - row[:, None], column - column[:, None]      # [source, target]
    plane = (down + height - 1) * (2 * width - 1) + right + width - 1
    return (plane * height * width + cell[:, None]).flatten()
