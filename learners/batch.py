"""Chunks side by side in memory that is kept from update to update, then on the learner's device.

Letters: T transitions, B streams of all chunks together, H action heads, A mask bytes.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from learners.action_heads import unpack_legal
from learners.chunk import Chunk, check_header, validate
from learners.columns import check_values, expected_columns
from learners.host_memory import HostMemory

if TYPE_CHECKING:
    from native.game import Game


@dataclass(frozen=True)
class Batch:
    """What the loss reads, on the learner's device. A later `Staging.collate` may overwrite it: see its `buffers`."""

    observation: torch.Tensor   # [T + 1, B, ...]
    legal: torch.Tensor         # [T + 1, B, A], bool
    action: torch.Tensor        # [T + 1, B, H], int32
    log_prob: torch.Tensor      # [T, B, H], of the behaviour policy
    reward: torch.Tensor        # [T, B]
    discount: torch.Tensor      # [T, B]
    valid: torch.Tensor         # [T, B], 1.0 where a decision was made
    rows: int                   # valid rows
    mean_version: float         # of the policies that acted in the valid rows


class Staging:
    """Joins chunks in memory that is kept."""

    def __init__(self, game: Game, device: torch.device, *, buffers: int = 1) -> None:
        """buffers: batches that are in use at once; the next one overwrites the oldest of them."""
        self._game, self._device = game, device
        self._memory = HostMemory(device, buffers)

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        """The chunks joined along B.

        Raises ValueError for no chunk, one that does not fit the game, another layout than "unroll", or unequal T.
        """
        host = self._memory.take(expected_columns(self._game, self._check(chunks)))
        for name, column in host.items():
            np.concatenate([chunk.columns[name] for chunk in chunks], axis=1, out=column.numpy())
        self._check_values(chunks, host)
        valid = host["valid"][:-1].numpy() != 0
        version = host["version"][:-1].numpy()
        rows = int(valid.sum())
        on_device = {name: column.to(self._device, non_blocking=True) for name, column in host.items()
                     if name != "version"}
        return Batch(
            observation=on_device["observation"],
            legal=unpack_legal(on_device["legal"], self._game.num_actions),
            action=on_device["action"],
            log_prob=on_device["log_prob"][:-1],
            reward=on_device["reward"][:-1],
            discount=on_device["discount"][:-1],
            valid=on_device["valid"][:-1].to(torch.float32),
            rows=rows,
            mean_version=float(version.sum(where=valid, dtype=np.float64)) / max(1, rows),
        )

    def _check(self, chunks: Sequence[Chunk]) -> tuple[int, int]:
        if not chunks:
            raise ValueError("an update needs at least one chunk, got none")
        for chunk in chunks:
            check_header(chunk, self._game)
            if chunk.header.layout != "unroll":
                raise ValueError(f"chunk {chunk.header.chunk_id!r} has layout {chunk.header.layout!r}, "
                                 "learning from unrolls needs 'unroll'")
        lengths = {chunk.columns["valid"].shape[0] for chunk in chunks}
        if len(lengths) > 1:
            raise ValueError(f"the chunks of one update must have the same T + 1 rows, got {sorted(lengths)}")
        return lengths.pop(), sum(chunk.columns["valid"].shape[1] for chunk in chunks)

    def _check_values(self, chunks: Sequence[Chunk], host: Mapping[str, torch.Tensor]) -> None:
        """Looks at all rows at once, and only if one is wrong for the chunk to name."""
        try:
            check_values("", {name: column.numpy() for name, column in host.items()}, "unroll", self._game)
        except ValueError:
            for chunk in chunks:
                validate(chunk, self._game)
            raise
