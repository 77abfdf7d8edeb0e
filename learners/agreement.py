"""How often a network would have played what was played, with an interval that knows that decisions come in games.

Letters: N rows.
"""
from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054


def share_by_game(hits: npt.NDArray[np.bool_], episode: npt.NDArray[np.int64]) -> tuple[float, float, float]:
    """Share of `hits` `[N]` and its 95 % interval `(share, low, high)`; `episode` `[N]` is the game of each row.

    The interval is that of a ratio of sums over whole games (Cochran 1977, Sampling Techniques, section 2.11), by the
    normal approximation: decisions of one game are alike, which an interval over rows would not know. (0, 1) for a
    single game. Raises ValueError without rows.
    """
    rows = len(hits)
    if not rows:
        raise ValueError("a share needs at least one row, got none")
    number = np.unique(episode, return_inverse=True)[1].reshape(-1)
    hit, size = np.bincount(number, weights=hits), np.bincount(number)
    games, share = len(size), float(hit.sum()) / rows
    if games < 2:
        return share, 0.0, 1.0
    residual = hit - share * size
    half = Z_95 * sqrt(float((residual**2).sum()) * games / (games - 1)) / rows
    return share, max(0.0, share - half), min(1.0, share + half)
