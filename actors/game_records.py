"""Decisions of running games, kept until their games are over and what they led to is known.

Letters: N games, n rows of one call. Targets are kept as wide as the widest that came.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from learners.dataset_split import TARGETS, Columns

FIRST_ROOM = 32     # decisions per game, before memory grows


class GameRecords:
    """Memory `[N, room, ...]` per column, which grows with the longest game. Columns are those of the first `add`."""

    def __init__(self, num_games: int) -> None:
        self.count = np.zeros(num_games, np.int64)
        self._kept: Columns = {}

    def add(self, rows: npt.NDArray[np.int64], columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Notes one decision in each of the games `rows`; columns are `[n, ...]`."""
        if not len(rows):
            return
        at = self.count[rows]
        self._make_room(int(at.max()) + 1, columns)
        for name, column in columns.items():
            if name in TARGETS:
                kept = self._kept[name]
                kept[rows, at] = 0
                kept[rows, at, : column.shape[1]] = column
            else:
                self._kept[name][rows, at] = column
        self.count[rows] += 1

    def take(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Columns]:
        """All decisions of the games `rows`, game by game, with the place in `rows` each belongs to; forgets them."""
        counts = self.count[rows]
        places = np.repeat(np.arange(len(rows)), counts)
        at = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        taken = {name: kept[rows[places], at] for name, kept in self._kept.items()} if len(places) else {}
        self.count[rows] = 0
        return places, taken

    def _make_room(self, needed: int, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        for name, column in columns.items():
            kept = self._kept.get(name)
            room = FIRST_ROOM if kept is None else kept.shape[1]
            shape = column.shape[1:]
            if name in TARGETS and kept is not None:
                shape = (max(kept.shape[2], shape[0]),)
            while room < needed:
                room *= 2
            if kept is None or kept.shape[1:] != (room, *shape):
                grown = np.zeros((len(self.count), room, *shape), column.dtype)
                if kept is not None:
                    grown[(slice(None), slice(kept.shape[1]), *map(slice, kept.shape[2:]))] = kept
                self._kept[name] = grown

    def save(self) -> Columns:
        """Arrays from which `load` goes on."""
        return {"count": self.count.copy(), **{f"kept.{name}": kept.copy() for name, kept in self._kept.items()}}

    def load(self, saved: Mapping[str, npt.NDArray[Any]]) -> None:
        """Goes on from what `save` gave."""
        self.count = saved["count"].copy()
        self._kept = {name.removeprefix("kept."): array.copy() for name, array in saved.items() if name != "count"}
