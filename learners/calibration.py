"""Calibration of values: whether games end, on average, as the values said they would.

    ECE = sum over bins b of n_b / N |mean v in b - mean z in b|

(Naeini et al. 2015, Obtaining well calibrated probabilities using Bayesian binning, AAAI; Guo et al. 2017, On
calibration of modern neural networks, arXiv:1706.04599, equation 3), with values v and outcomes z in [-1, 1]; in units
of probabilities it is half as much. Values beyond [-1, 1] count in the outermost bins. Positions of one game share its
outcome: intervals resample whole games, and an error means little without its noise floor (`calibration_floor.py`).
Letters: N rows, G games, B bins, R resamples.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from learners.calibration_floor import noise_floor

Array = npt.NDArray[Any]

BINS = 10
RESAMPLES = 1000
LEAST_PROBABILITY = 1e-6        # so that one row of certain error does not make the log-loss infinite
PHASES = ("early", "middle", "late")
BLOCK_BYTES = 1 << 24           # of resampling weights at once


@dataclass(frozen=True)
class Sample:
    """Values and what became of them; `[N]` each. Raises ValueError unless N is at least 1 and all is finite.

    value, outcome: from the view of the seat that decides; a name of the game, equal for its rows and no others;
    ply: decisions before this one.
    """

    value: Array
    outcome: Array
    episode: Array
    ply: Array

    def __post_init__(self) -> None:
        shapes = {name: np.shape(getattr(self, name)) for name in ("value", "outcome", "episode", "ply")}
        if len(set(shapes.values())) > 1 or len(shapes["value"]) != 1 or not shapes["value"][0]:
            raise ValueError(f"expected value, outcome, episode and ply of one shape [N], got {shapes}")
        for name in ("value", "outcome"):
            array = np.asarray(getattr(self, name), np.float64)
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
            object.__setattr__(self, name, array)

    @classmethod
    def of(cls, value: Array, columns: Mapping[str, Array]) -> Sample:
        """`value` `[N]` with the columns of a chunk in layout "rows"."""
        return cls(value, columns["outcome"], columns["episode"], columns["ply"])

    def take(self, rows: Array) -> Sample:
        """The sample of these rows: indices, or `[N]` bool."""
        return Sample(self.value[rows], self.outcome[rows], self.episode[rows], self.ply[rows])

    @property
    def games(self) -> int:
        """G."""
        return int(np.unique(self.episode).size)


@dataclass(frozen=True)
class Bin:
    """Rows with values from `low` to `high`; the interval, 95 %, is that of the mean outcome, by games."""

    low: float
    high: float
    rows: int
    games: int
    mean_value: float
    mean_outcome: float
    outcome_low: float
    outcome_high: float

    @property
    def bias(self) -> float:
        """Positive: too optimistic."""
        return self.mean_value - self.mean_outcome


@dataclass(frozen=True)
class Calibration:
    """ECE `error` with its 95 % interval, what a perfectly calibrated predictor would score, and proper scores."""

    rows: int
    games: int
    error: float
    error_low: float
    error_high: float
    floor: float
    floor_p95: float
    maximum_error: float        # MCE: of the worst bin, however few rows it has
    bias: float                 # mean value less mean outcome
    mse: float
    brier: float                # of the probability (1 + v) / 2, outcomes alike: mse / 4
    log_loss: float             # of the same, nats
    bins: tuple[Bin, ...]       # those with rows

    def as_dict(self) -> dict[str, Any]:
        """Plain values, with the bias of every bin."""
        return asdict(self) | {"bins": [asdict(one) | {"bias": one.bias} for one in self.bins]}


def equal_width(bins: int = BINS) -> Array:
    """Edges `[B + 1]` of equal bins on [-1, 1]; the last bin is closed on the right, the others are not."""
    return np.linspace(-1.0, 1.0, bins + 1)


def equal_mass(value: Array, bins: int = BINS) -> Array:
    """Edges `[B + 1]` with as many values between two of them as equal values allow."""
    return np.concatenate([[-1.0], np.quantile(value, np.arange(1, bins) / bins), [1.0]])


def bin_index(value: Array, edges: Array) -> Array:
    """Which bin each value is in. `[N]`, 0 to B - 1."""
    return np.clip(np.searchsorted(edges, np.asarray(value, np.float64), side="right") - 1, 0, len(edges) - 2)


def calibration_error(value: Array, outcome: Array, edges: Array) -> float:
    """ECE of `[N]` values and outcomes."""
    error = np.asarray(value, np.float64) - outcome
    # n_b |mean v - mean z| = |sum of v - z|
    return float(np.abs(np.bincount(bin_index(value, edges), error)).sum() / len(error))


def calibrate(
    sample: Sample, *, bins: int = BINS, mass: Literal["width", "equal"] = "width", resamples: int = RESAMPLES,
    seed: int = 0,
) -> Calibration:
    """All that can be said of one sample; the same sample and seed give the same figures.

    mass: "width" bins of equal width, "equal" bins of equally many rows.
    """
    edges = equal_width(bins) if mass == "width" else equal_mass(sample.value, bins)
    index = bin_index(sample.value, edges)
    names, game = np.unique(sample.episode, return_inverse=True)
    count, value, outcome = (
        np.bincount(game * bins + index, weights, len(names) * bins).reshape(len(names), bins)
        for weights in (np.ones(len(index)), sample.value, sample.outcome)
    )
    error = float(np.abs((value - outcome).sum(0)).sum() / len(index))
    errors, means = _resampled(count, value, outcome, resamples, np.random.default_rng([seed, 1]))
    floor, floor_p95 = noise_floor(sample.value, sample.outcome, sample.episode, sample.ply, index, seed=seed)
    rows = tuple(
        Bin(float(edges[b]), float(edges[b + 1]), int(count[:, b].sum()), int((count[:, b] > 0).sum()),
            float(value[:, b].sum() / count[:, b].sum()), float(outcome[:, b].sum() / count[:, b].sum()),
            *np.nanpercentile(means[:, b], [2.5, 97.5]).tolist())
        for b in range(bins) if count[:, b].any()
    )
    # Basic interval (Davison & Hinkley 1997, Bootstrap methods, section 5.2): resampling adds noise, and an ECE grows
    # with noise, so the percentiles themselves would lie too high.
    low, high = (max(0.0, 2 * error - float(np.percentile(errors, q))) for q in (97.5, 2.5))
    difference = sample.value - sample.outcome
    mse = float((difference**2).mean())
    return Calibration(
        len(index), len(names), error, low, high, floor, floor_p95, max(abs(one.bias) for one in rows),
        float(difference.mean()), mse, mse / 4, log_loss(sample.value, sample.outcome), rows,
    )


def by_phase(sample: Sample, **settings: Any) -> dict[str, Calibration]:
    """`calibrate` of the early, middle and late third of the rows by ply; a phase without rows is left out."""
    bounds = np.quantile(sample.ply, [1 / 3, 2 / 3])
    phase = np.searchsorted(bounds, sample.ply, side="left")
    return {
        name: calibrate(sample.take(phase == number), **settings)
        for number, name in enumerate(PHASES) if (phase == number).any()
    }


def log_loss(value: Array, outcome: Array) -> float:
    """Mean cross-entropy, in nats, of the probability (1 + v) / 2 to the share (1 + z) / 2; both classes clipped."""
    p = np.clip((1 + np.asarray(value, np.float64)) / 2, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    won = (1 + np.asarray(outcome, np.float64)) / 2
    return float(-(won * np.log(p) + (1 - won) * np.log1p(-p)).mean())


def _resampled(
    count: Array, value: Array, outcome: Array, resamples: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """ECE `[R]` and mean outcome of every bin `[R, B]` (NaN without rows) where G games are drawn again from G.

    count, value, outcome: sums of each game in each bin, `[G, B]`.
    """
    games, bins = count.shape
    errors, means = np.empty(resamples), np.empty((resamples, bins))
    block = max(1, BLOCK_BYTES // (8 * games))
    for first in range(0, resamples, block):
        at = slice(first, min(first + block, resamples))
        weight = rng.multinomial(games, np.full(games, 1 / games), at.stop - at.start).astype(np.float64)
        rows = weight @ count
        errors[at] = np.abs(weight @ (value - outcome)).sum(1) / rows.sum(1)
        with np.errstate(invalid="ignore"):
            means[at] = weight @ outcome / rows
    return errors, means
