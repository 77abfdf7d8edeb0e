"""Temperature scaling of values (Guo et al. 2017, arXiv:1706.04599, section 4.2): v' = tanh(s atanh(v)).

atanh(v) is half the log-odds of the probability (1 + v) / 2, so s is 1 / T of the paper; s above 1 says that the values
are too cautious. Values trained by a fourth power alone come out with s = 3 where nothing is drawn.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from learners.calibration import BINS, Sample, bin_index, calibration_error, equal_width
from learners.calibration_floor import noise_floor

Array = npt.NDArray[Any]

NEAREST_TO_ONE = 1e-6       # how near to -1 and 1 a value counts as
MOST = 64.0                 # the scale of values that are always right
HALVINGS = 60


@dataclass(frozen=True)
class Recalibration:
    """The best scale on one half of the games, and what it does to the ECE of the other half."""

    scale: float
    games: int              # of the other half
    error_before: float
    error_after: float
    floor_after: float      # ECE that the rescaled values would show by chance if they were right

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def rescale(value: Array, scale: float) -> Array:
    """tanh(scale atanh(v)), with v at most 1e-6 from -1 and 1."""
    bound = 1 - NEAREST_TO_ONE
    return np.asarray(np.tanh(scale * np.arctanh(np.clip(np.asarray(value, np.float64), -bound, bound))))


def best_scale(value: Array, outcome: Array) -> float:
    """The scale of the least log-loss, 0 to 64."""
    bound = 1 - NEAREST_TO_ONE
    x = np.arctanh(np.clip(np.asarray(value, np.float64), -bound, bound))
    low, high = 0.0, MOST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        # derivative of the mean log-loss, which is convex in s: mean of x (tanh(s x) - z)
        if (x * (np.tanh(middle * x) - outcome)).mean() < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def recalibrate(sample: Sample, *, seed: int = 0) -> Recalibration | None:
    """Halves the games by lot, fits on one half and measures on the other; None with fewer than 2 games."""
    names, game = np.unique(sample.episode, return_inverse=True)
    if len(names) < 2:
        return None
    fits = np.zeros(len(names), bool)
    fits[np.random.default_rng([seed, 3]).permutation(len(names))[: len(names) // 2]] = True
    fit, rest = sample.take(fits[game]), sample.take(~fits[game])
    scale = best_scale(fit.value, fit.outcome)
    edges = equal_width(BINS)
    after = rescale(rest.value, scale)
    floor, _ = noise_floor(after, rest.outcome, rest.episode, rest.ply, bin_index(after, edges), seed=seed)
    return Recalibration(
        scale, rest.games, calibration_error(rest.value, rest.outcome, edges),
        calibration_error(after, rest.outcome, edges), floor,
    )
