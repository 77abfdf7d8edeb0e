"""Learners in several processes, which make every gradient step together and stay equal bit by bit.

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
