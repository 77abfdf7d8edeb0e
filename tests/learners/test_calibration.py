"""Calibration: figures equal their definitions, the noise floor is what chance does, and scaling finds the scale."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from learners import calibration
from learners.calibration import Sample, bin_index, by_phase, calibrate, calibration_error, equal_mass, equal_width
from learners.calibration_floor import noise_floor
from learners.recalibration import best_scale, recalibrate, rescale

Array = npt.NDArray[Any]


def independent(rows: int, seed: int) -> Sample:
    """Games of one row, of a perfectly calibrated predictor whose values are uniform."""
    rng = np.random.default_rng(seed)
    value = rng.uniform(-1, 1, rows)
    return Sample(value, np.where(rng.random(rows) < (1 + value) / 2, 1.0, -1.0), np.arange(rows), np.zeros(rows, int))


def games(count: int, length: int, seed: int, scale: float = 1.0) -> Sample:
    """Games in which the winner shows more and more; a perfectly calibrated predictor if `scale` is 1.

    The value is the posterior mean of the result given noise of variance 1 around 0.25 times it at every ply; seats
    take turns. atanh(value) is multiplied by `scale`.
    """
    rng = np.random.default_rng(seed)
    result = rng.choice([-1.0, 1.0], count)
    seen = np.cumsum(rng.normal(0.25 * result[:, None], 1, (count, length)), axis=1)
    side = np.where(np.arange(length) % 2 == 0, 1, -1)
    value = np.tanh(scale * 0.25 * seen) * side
    ply = np.tile(np.arange(length), count)
    return Sample(value.ravel(), (result[:, None] * side).ravel(), np.repeat(np.arange(count), length), ply)


def ece_by_definition(value: Array, outcome: Array, edges: Array) -> float:
    total = 0.0
    for b in range(len(edges) - 1):
        last = b == len(edges) - 2
        inside = (value >= edges[b]) & ((value < edges[b + 1]) | (last & (value <= edges[b + 1])))
        if inside.any():
            total += inside.mean() * abs(value[inside].mean() - outcome[inside].mean())
    return total


@pytest.mark.parametrize("mass", ["width", "equal"])
def test_figures_equal_their_definitions(mass: Any) -> None:
    sample = games(40, 12, seed=1, scale=2.0)
    v, z = sample.value, sample.outcome
    edges = equal_width(8) if mass == "width" else equal_mass(v, 8)
    found = calibrate(sample, bins=8, mass=mass, resamples=50)
    assert found.error == pytest.approx(ece_by_definition(v, z, edges), abs=1e-12)
    assert calibration_error(v, z, edges) == pytest.approx(found.error, abs=1e-12)
    assert (found.rows, found.games) == (480, 40)
    assert found.mse == pytest.approx(np.mean((v - z) ** 2))
    assert found.brier == pytest.approx(np.mean(((1 + v) / 2 - (1 + z) / 2) ** 2))
    assert found.bias == pytest.approx(v.mean() - z.mean())
    p = (1 + v) / 2
    assert found.log_loss == pytest.approx(-np.mean(np.where(z > 0, np.log(p), np.log(1 - p))), rel=1e-6)
    assert sum(one.rows for one in found.bins) == 480
    assert found.maximum_error == max(abs(one.bias) for one in found.bins)
    for one in found.bins:
        inside = bin_index(v, edges) == np.flatnonzero(edges == one.low)[0]
        assert one.rows == inside.sum()
        assert one.games == len(set(sample.episode[inside].tolist()))
        assert (one.mean_value, one.mean_outcome) == pytest.approx((v[inside].mean(), z[inside].mean()))
        assert one.outcome_low <= one.mean_outcome <= one.outcome_high
    if mass == "equal":
        assert max(one.rows for one in found.bins) - min(one.rows for one in found.bins) <= 1


def test_bins_are_closed_on_the_left_and_the_last_on_both_sides() -> None:
    edges = equal_width()
    assert bin_index(edges, edges).tolist() == [*range(10), 9]
    assert bin_index(np.array([-1.3, 1.3, np.float32(0.2), np.nextafter(0.2, 0)]), edges).tolist() == [0, 9, 6, 5]


@pytest.mark.parametrize(("rows", "mean", "p95"), [(300, 0.113, None), (1000, 0.064, 0.093), (3000, 0.037, None)])
def test_the_floor_of_independent_rows(rows: int, mean: float, p95: float | None) -> None:
    """Known figures of a perfectly calibrated predictor with uniform values, won or lost, 10 bins."""
    floors = np.array([
        noise_floor(one.value, one.outcome, one.episode, one.ply, bin_index(one.value, equal_width()), seed=seed)
        for seed, one in ((seed, independent(rows, seed)) for seed in range(10))
    ])
    assert floors[:, 0].mean() == pytest.approx(mean, rel=0.05)
    assert p95 is None or floors[:, 1].mean() == pytest.approx(p95, rel=0.06)


def test_the_floor_keeps_games_together() -> None:
    """It is what calibrated predictors score in games of 30 positions; that of independent rows is far below."""
    scored, floors, floors_of_rows = [], [], []
    for seed in range(60):
        one = games(100, 30, seed)
        index = bin_index(one.value, equal_width())
        scored.append(calibration_error(one.value, one.outcome, equal_width()))
        if seed < 10:
            floors.append(noise_floor(one.value, one.outcome, one.episode, one.ply, index))
            floors_of_rows.append(noise_floor(one.value, one.outcome, np.arange(3000), one.ply, index))
    assert np.mean(floors, axis=0)[0] == pytest.approx(np.mean(scored), rel=0.1)
    assert np.mean(floors, axis=0)[1] == pytest.approx(np.percentile(scored, 95), rel=0.2)
    assert np.mean(floors_of_rows, axis=0)[0] < 0.75 * np.mean(scored)


def test_draws_lower_the_floor() -> None:
    value, rows = np.full(1000, 0.05), np.arange(1000)
    index = bin_index(value, equal_width())
    decided = noise_floor(value, np.where(rows % 2 == 0, 1, -1), rows, rows, index)[0]
    drawn = noise_floor(value, np.zeros(1000), rows, rows, index)[0]
    assert drawn < 0.4 * decided
    # where half of the games are drawn: both sides' rows of one game in one bin cancel each other
    outcome = np.where(rows < 500, 0, np.where(rows % 2 == 0, 1, -1))
    facing, alike = (
        noise_floor(value, outcome, rows // 10, ply, index)[0] for ply in (rows % 10, 2 * (rows % 10))
    )
    assert facing < 0.8 * alike
    certain = noise_floor(np.ones(50), np.zeros(50), np.arange(50), np.zeros(50), np.zeros(50, int))
    assert certain == (0, 0)        # a value of 1 leaves no room for draws


def test_intervals_hold_the_truth_and_resample_whole_games() -> None:
    """Of 60 samples the 95 % interval of a badly scaled predictor's ECE holds the true one nearly always."""
    big = games(40_000, 20, seed=99, scale=2.0)
    truth = calibration_error(big.value, big.outcome, equal_width())
    found = [calibrate(games(150, 20, seed, scale=2.0), resamples=200) for seed in range(60)]
    held = sum(one.error_low <= truth <= one.error_high for one in found)
    assert held >= 48
    one = games(150, 20, 0, scale=2.0)
    apart = calibrate(Sample(one.value, one.outcome, np.arange(3000), one.ply), resamples=200)
    assert apart.error_high - apart.error_low < 0.6 * (found[0].error_high - found[0].error_low)
    assert all(one.floor < one.error for one in found)


def test_phases_are_thirds_by_ply() -> None:
    sample = games(30, 12, seed=3)
    phases = by_phase(sample, resamples=20)
    assert list(phases) == list(calibration.PHASES)
    assert [one.rows for one in phases.values()] == [120, 120, 120]
    early = sample.take(sample.ply < 4)
    assert phases["early"].mse == pytest.approx(np.mean((early.value - early.outcome) ** 2))
    single = by_phase(sample.take(sample.ply == 5), resamples=20)
    assert list(single) == ["early"]


def test_the_same_seed_gives_the_same_figures() -> None:
    sample = games(20, 8, seed=5)
    assert calibrate(sample, seed=3) == calibrate(sample, seed=3)
    assert calibrate(sample, seed=3).error_high != calibrate(sample, seed=4).error_high
    assert calibrate(sample).as_dict()["bins"][0]["bias"] == calibrate(sample).bins[0].bias


def test_samples_that_cannot_be_judged_are_refused() -> None:
    none: Array = np.zeros(0)
    with pytest.raises(ValueError, match="of one shape"):
        Sample(none, none, none, none)
    with pytest.raises(ValueError, match="of one shape"):
        Sample(np.zeros(3), np.zeros(3), np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="value must be finite, got nan"):
        Sample(np.array([0, math.nan]), np.zeros(2), np.zeros(2), np.zeros(2))


def test_the_best_scale_undoes_what_was_scaled() -> None:
    """A fourth power alone, whose minimiser is ((1 - v) / (1 + v)) = ((1 - p) / p)^(1/3), comes out at 3."""
    p = np.linspace(0.02, 0.98, 49)
    odds = ((1 - p) / p) ** (1 / 3)
    value, expected = (1 - odds) / (1 + odds), 2 * p - 1    # the log-loss is linear in outcomes: their mean will do
    assert best_scale(value, expected) == pytest.approx(3, abs=1e-6)
    np.testing.assert_allclose(rescale(value, 3), expected, atol=1e-9)
    assert best_scale(np.array([0.5, -0.5]), np.array([1, -1])) > 30     # always right
    assert best_scale(np.array([0.5, -0.5]), np.array([-1, 1])) == pytest.approx(0, abs=1e-9)


def test_recalibration_is_measured_on_the_other_half() -> None:
    sample = games(4000, 10, seed=2, scale=0.5)
    found = recalibrate(sample)
    assert found is not None
    assert found.scale == pytest.approx(2, rel=0.1)
    assert found.games == 2000
    assert found.error_after < 0.3 * found.error_before
    assert found.error_after < 3 * found.floor_after
    lone = sample.take(sample.episode == 0)
    assert recalibrate(lone) is None
    # two games of which one is always right, the other always wrong: the half that is fitted is not the one measured
    v = np.tile([0.5, -0.5], 6)
    z = np.sign(v) * np.repeat([1, -1], 6)
    two = recalibrate(Sample(v, z, np.repeat([0, 1], 6), np.tile(np.arange(6), 2)))
    assert two is not None
    assert two.error_after > two.error_before or two.scale == pytest.approx(0, abs=1e-9)
