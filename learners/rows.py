"""Chunks in layout "rows" joined in memory that is kept, shuffled, and cut into minibatches on the learner's device.

Every row is in exactly one minibatch, seen in a random symmetry of the game. Letters: N rows of an update, n rows of a
minibatch, A actions, K targets, S symmetries.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from learners.action_heads import unpack_legal
from learners.chunk import Chunk, validate
from learners.columns import expected_rows
from learners.device import moved
from learners.host_memory import HostMemory
from learners.ranks import ALONE, Ranks

if TYPE_CHECKING:
    from native.game import Game

LEARNED_FROM = ("observation", "legal", "target_action", "target_prob", "root_value", "outcome", "surprise")
SPARE = 1.25    # memory is taken for so many times the rows that do not fit: updates differ a little in length


@dataclass(frozen=True)
class RowBatch:
    """What the loss reads of one minibatch, on the learner's device."""

    observation: torch.Tensor       # [n, ...]
    legal: torch.Tensor             # [n, A], bool
    target_action: torch.Tensor     # [n, K], int64
    target_prob: torch.Tensor       # [n, K]
    root_value: torch.Tensor        # [n]
    outcome: torch.Tensor           # [n]
    surprise: torch.Tensor          # [n]


@dataclass(frozen=True)
class Rows:
    """All rows of an update on the learner's device. A later `RowStaging.stage` may overwrite them: see `buffers`."""

    columns: dict[str, torch.Tensor]    # `LEARNED_FROM`, each [N, ...], as in the chunks
    mean_version: float                 # of the networks that were searched with

    @property
    def rows(self) -> int:
        return len(self.columns["outcome"])


class RowStaging:
    """Preallocated host memory (pinned for cuda), and the symmetries of the game."""

    def __init__(
        self, game: Game, device: torch.device, *, symmetries: bool, wdl: bool, buffers: int = 1, ranks: Ranks = ALONE
    ) -> None:
        """symmetries: show rows in random ones. wdl: outcomes must be 1, 0 or -1. buffers: see `Staging`.

        ranks: of a minibatch each takes its share of the rows.
        """
        self._game, self._device, self._wdl = game, device, wdl
        self._mine = slice(ranks.rank, None, ranks.size)
        self._memory = HostMemory(device, buffers)
        self._capacity = (0, 0)
        seen = game.symmetries if symmetries else game.symmetries[:1]
        self._observation_index, self._action_index = (
            torch.from_numpy(np.stack(indices).astype(np.int64)).to(device) for indices in zip(*seen, strict=True)
        )
        self._action_place = self._action_index.argsort(1)      # where a symmetry puts each action

    def stage(self, chunks: Sequence[Chunk]) -> Rows:
        """The rows of all chunks.

        Raises ValueError for no chunk, one that does not fit the game or is of another layout than "rows", a game of
        several action heads, and, for wdl, an outcome other than 1, 0 or -1.
        """
        rows, targets = self._check(chunks)
        if rows > self._capacity[0] or targets > self._capacity[1]:
            self._capacity = max(self._capacity[0], int(SPARE * rows)), max(self._capacity[1], targets)
        expected = expected_rows(self._game, *self._capacity)
        host = self._memory.take({name: expected[name] for name in LEARNED_FROM})
        columns = {name: host[name][:rows] for name in LEARNED_FROM}
        for name in ("target_action", "target_prob"):
            columns[name] = columns[name][:, :targets]
        begin, versions = 0, 0.0
        for chunk in chunks:
            end = begin + chunk.header.rows
            for name, column in columns.items():
                given, place = chunk.columns[name], column.numpy()[begin:end]
                if given.shape == place.shape:
                    place[:] = given
                else:
                    place[:, :given.shape[1]] = given
                    place[:, given.shape[1]:] = 0
            versions += float(chunk.columns["version"].sum(dtype=np.float64))
            begin = end
        on_device = {name: column.to(self._device, non_blocking=True) for name, column in columns.items()}
        return Rows(on_device, versions / rows)

    def minibatches(self, rows: Rows, size: int, rng: np.random.Generator) -> Iterator[RowBatch]:
        """`rows` in an order and in symmetries that `rng` draws, `size` at a time.

        The last minibatch has half to one and a half times as many, or all rows if they are fewer.
        """
        order = moved(rng.permutation(rows.rows), self._device)
        which = moved(rng.integers(len(self._action_index), size=rows.rows), self._device)
        count = max(1, int(rows.rows / size + 0.5))
        for number in range(count):
            end = (number + 1) * size if number < count - 1 else rows.rows
            part = slice(number * size, end)
            yield self._batch(rows, order[part][self._mine], which[part][self._mine])

    def _batch(self, rows: Rows, picked: torch.Tensor, which: torch.Tensor) -> RowBatch:
        """The rows `picked`, each in the symmetry with the number `which`; both `[n]`, int64."""
        columns = {name: column.index_select(0, picked) for name, column in rows.columns.items()}
        observation, target_action = columns["observation"], columns["target_action"].long()
        legal = unpack_legal(columns["legal"], self._game.num_actions)
        if len(self._action_index) > 1:
            flat = observation.flatten(1).gather(1, self._observation_index[which])
            observation = flat.view(observation.shape)
            legal = legal.gather(1, self._action_index[which])
            target_action = self._action_place[which[:, None], target_action]
        if observation.dim() == 4 and self._device.type == "cpu":
            # a convolution on the CPU, forward and backward, takes an eighth less time so
            observation = observation.contiguous(memory_format=torch.channels_last)
        return RowBatch(observation, legal, target_action, columns["target_prob"], columns["root_value"],
                        columns["outcome"], columns["surprise"])

    def _check(self, chunks: Sequence[Chunk]) -> tuple[int, int]:
        """`(N, K)` of all chunks together."""
        if not chunks:
            raise ValueError("an update needs at least one chunk, got none")
        if len(self._game.head_sizes) > 1:
            raise ValueError(f"learning from a search needs a game of one action head, {self._game.name} has "
                             f"{len(self._game.head_sizes)}")
        for chunk in chunks:
            validate(chunk, self._game)
            if chunk.header.layout != "rows":
                raise ValueError(f"chunk {chunk.header.chunk_id!r} has layout {chunk.header.layout!r}, "
                                 "learning from a search needs 'rows'")
            outcome = chunk.columns["outcome"]
            other = outcome[~np.isin(outcome, (-1, 0, 1))] if self._wdl else outcome[:0]
            if other.size:
                raise ValueError(f"chunk {chunk.header.chunk_id!r} has an outcome of {other[0]:g}, "
                                 "network value 'wdl' needs 1, 0 or -1")
        return sum(chunk.header.rows for chunk in chunks), max(
            chunk.columns["target_action"].shape[1] for chunk in chunks)
