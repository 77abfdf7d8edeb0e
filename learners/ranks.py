"""The processes that make one gradient step together, each with its share of the rows."""
from __future__ import annotations

from typing import Protocol

import torch

from learners.config import SEARCHED_ROWS, Learning


class Ranks(Protocol):
    """Sums over all ranks. Every rank must ask for the same sums in the same order."""

    size: int
    rank: int       # of this process, from 0 on

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over the ranks of a tensor without gradient, the same on each of them."""


class Alone:
    """One process."""

    size, rank = 1, 0

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor


ALONE = Alone()


def share(count: torch.Tensor, ranks: Ranks) -> torch.Tensor | float:
    """By what the mean over this rank's `count` rows (scalar) is to be multiplied.

    The mean of the products over the ranks is then the mean over all their rows.
    """
    if ranks.size == 1:
        return 1.0
    total = ranks.sum(count)
    return count * ranks.size / total.clamp(min=1)


def check_minibatches(config: Learning, ranks: int) -> None:
    """Raises ValueError for minibatches in which not every rank would have a row."""
    rows, least = config.minibatch_rows or SEARCHED_ROWS, 2 * ranks     # the last one of an update may be half as large
    if ranks > 1 and rows < least:
        raise ValueError(f"learning.minibatch_rows is {rows}, expected at least {least} for {ranks} learners")
