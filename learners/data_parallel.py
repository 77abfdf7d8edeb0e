"""A learner that is one of several processes, which make every gradient step together and stay equal bit by bit.

Unrolls are divided by streams. Of searched decisions every rank has all, draws the same minibatches and symmetries, and
takes its part of each. Gradients are averaged over the ranks in one sum per step, which also tells all of them whether
the loss of one is not finite: no step is ever made by some ranks alone. Letters: T transitions, B streams.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.distributed

from learners.chunk import Chunk, seal
from learners.config import SEARCHED_ROWS, Learning
from learners.learner import Learner
from learners.ranks import Ranks
from learners.rows import RowBatch, Rows, RowStaging
from learners.search_objective import SearchSteps

if TYPE_CHECKING:
    from native.game import Game


class Processes:
    """The ranks of torch's process group, which must have begun."""

    def __init__(self) -> None:
        self.rank, self.size = torch.distributed.get_rank(), torch.distributed.get_world_size()

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        total = tensor.detach().clone()
        torch.distributed.all_reduce(total)
        return total


def check_minibatches(config: Learning, ranks: int) -> None:
    """Raises ValueError for minibatches in which not every rank would have a row."""
    rows, least = config.minibatch_rows or SEARCHED_ROWS, 2 * ranks     # the last one of an update may be half as large
    if ranks > 1 and rows < least:
        raise ValueError(f"learning.minibatch_rows is {rows}, expected at least {least} for {ranks} learners")


class RankLearner(Learner):
    """The learner of one rank. All ranks must be given the same config, seed and progress."""

    def __init__(self, game: Game, config: Learning, seed: int, ranks: Ranks, rank: int) -> None:
        """Raises ValueError as `check_minibatches` does."""
        check_minibatches(config, ranks.size)
        super().__init__(game, config, seed, ranks)
        self._rows = _Rows(game, self.device, config, ranks, rank)
        self._search_steps = SearchSteps(
            config.search_objective, self._rows, epochs=config.epochs, minibatch_rows=self._searched_rows)


class _Rows(RowStaging):
    """Minibatches of which this rank takes every R-th row."""

    def __init__(self, game: Game, device: torch.device, config: Learning, ranks: Ranks, rank: int) -> None:
        super().__init__(game, device, symmetries=config.symmetries, wdl=config.network.value == "wdl")
        self._mine = slice(rank, None, ranks.size)

    def _batch(self, rows: Rows, picked: torch.Tensor, which: torch.Tensor) -> RowBatch:
        return super()._batch(rows, picked[self._mine], which[self._mine])


def shards(chunks: Sequence[Chunk], game: Game, ranks: int) -> list[list[Chunk]]:
    """What each rank is to be given of the chunks of an update, which must fit each other and the game.

    Streams are divided evenly, in their order; where that is not possible the last shards are filled up with streams
    in which nobody decided anything, so that all ranks take the same steps. Raises ValueError for fewer searched
    decisions than ranks.
    """
    if ranks == 1 or chunks[0].header.layout == "rows":
        rows = sum(chunk.header.rows for chunk in chunks)
        if rows < ranks:
            raise ValueError(f"an update of {ranks} learners needs as many rows, got {rows}")
        return [list(chunks)] * ranks
    columns = {name: np.concatenate([chunk.columns[name] for chunk in chunks], axis=1)
               for name in chunks[0].columns}
    streams = columns["valid"].shape[1]
    width = -(-streams // ranks)
    order = np.arange(width * ranks) % streams
    parts = []
    for rank in range(ranks):
        mine = slice(rank * width, (rank + 1) * width)
        part = {name: np.ascontiguousarray(column[:, order[mine]]) for name, column in columns.items()}
        filled = np.arange(width * ranks)[mine] >= streams
        for name in ("valid", "discount"):
            part[name][:, filled] = 0
        first = chunks[0].header
        parts.append([seal(part, chunk_id=f"{first.chunk_id}/{rank}", producer=first.producer, sequence=rank,
                           match_id=first.match_id, player=first.player, game=game)])
    return parts
