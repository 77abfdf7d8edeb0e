"""Columns of layout "rows" as sets of rows: joined, taken, and split by game into those to learn from and the others.

Letters: N rows, K targets.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[Any]]
TARGETS = ("target_action", "target_prob")      # as wide as the widest row


def join(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, one after another; narrower targets are filled up with action 0 and probability 0."""
    width = max(part["target_prob"].shape[1] for part in parts)
    joined: Columns = {}
    for name in parts[0]:
        columns = [part[name] for part in parts]
        if name in TARGETS:
            columns = [
                column if column.shape[1] == width else np.pad(column, ((0, 0), (0, width - column.shape[1])))
                for column in columns
            ]
        joined[name] = np.concatenate(columns)
    return joined


def take(columns: Columns, rows: npt.NDArray[np.int64]) -> Columns:
    """Copies of some rows."""
    return {name: column[rows] for name, column in columns.items()}


def tightened(columns: Columns) -> Columns:
    """The same with targets no wider than their widest row, at least 1."""
    used = np.flatnonzero(columns["target_prob"].any(axis=0))
    width = int(used[-1]) + 1 if used.size else 1
    return {**columns, **{name: np.ascontiguousarray(columns[name][:, :width]) for name in TARGETS}}


def numbered_apart(parts: Sequence[Columns]) -> list[Columns]:
    """The same parts with no game number twice: those of each part begin after the ones before it."""
    apart, begin = [], 0
    for part in parts:
        games, number = np.unique(part["episode"], return_inverse=True)
        apart.append({**part, "episode": (number.reshape(-1) + begin).astype(np.int64)})
        begin += len(games)
    return apart


def held_out_rows(episode: npt.NDArray[np.int64], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which rows `[N]` are of held-out games: `share` of the games, drawn by `seed`, at least one, never all.

    No game is on both sides. The same position may still be, reached in two games; openings are. Raises ValueError for
    fewer than two games.
    """
    games = np.unique(episode)
    if len(games) < 2:
        raise ValueError(f"a dataset of {len(games)} game cannot be split by game: expected at least 2 games")
    count = min(len(games) - 1, max(1, round(share * len(games))))
    chosen = np.random.default_rng(seed).permutation(games)[:count]
    held_out: npt.NDArray[np.bool_] = np.isin(episode, chosen)
    return held_out


def split_by_game(columns: Columns, share: float, seed: int) -> tuple[Columns, Columns]:
    """`(train, held_out)`: see `held_out_rows`."""
    held_out = held_out_rows(columns["episode"], share, seed)
    return take(columns, np.flatnonzero(~held_out)), take(columns, np.flatnonzero(held_out))
