"""What calibration error a perfectly calibrated predictor shows, by chance alone, with the same values.

Outcomes are drawn so that their mean is v in every row: won with (1 - d + v) / 2, drawn with d, the share of draws
among the measured outcomes in the row's bin (as far as |v| leaves room). Rows of one game stay together: they share one
uniform number, read from the other end by the other side, so that within a bin they win and lose together as they do
in a game. With games of one row it is the usual floor of independent rows, which for longer games would be far too low.

A row's side is told by the sign of its outcome, in drawn games by whether its ply is odd. Letters: N rows.
"""
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DRAWS = 200     # of the outcomes of all rows: the mean is good to a few percent


def noise_floor(
    value: Array, outcome: Array, episode: Array, ply: Array, index: Array, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """`(mean, 95th percentile)` of the ECE of a perfectly calibrated predictor.

    index: the bin of each row, `[N]` as all the others. Values beyond [-1, 1] are taken as -1 or 1.
    """
    rng = np.random.default_rng([seed, 2])
    v = np.clip(np.asarray(value, np.float64), -1, 1)
    z = np.asarray(outcome)
    drawn_share = np.bincount(index, z == 0) / np.maximum(1, np.bincount(index))
    drawn = np.minimum(drawn_share[index], 1 - np.abs(v))
    won = (1 - drawn + v) / 2
    first_side = np.where(z == 0, np.asarray(ply) % 2 == 0, z > 0)
    names, game = np.unique(episode, return_inverse=True)
    errors = np.empty(draws)
    for number in range(draws):
        u = rng.random(len(names))[game]
        u = np.where(first_side, u, 1 - u)
        simulated = np.where(u < won, 1.0, np.where(u < won + drawn, 0.0, -1.0))
        errors[number] = np.abs(np.bincount(index, v - simulated)).sum() / len(v)
    return float(errors.mean()), float(np.percentile(errors, 95))
