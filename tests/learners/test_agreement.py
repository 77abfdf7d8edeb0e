"""The interval of a share of decisions knows that they come in games."""
from __future__ import annotations

import numpy as np
import pytest

from learners.agreement import share_by_game


def test_it_is_the_share_and_the_spread_of_the_games() -> None:
    """Games of one length: the interval of the mean of their shares, as the textbook has it."""
    rng = np.random.default_rng(1)
    hits = rng.random((40, 5)) < 0.7
    episode = np.repeat(rng.permutation(40) * 3, 5).astype(np.int64)
    order = rng.permutation(200)
    share, low, high = share_by_game(hits.reshape(-1)[order], episode[order])
    of_games = hits.mean(axis=1)
    half = 1.959963984540054 * of_games.std(ddof=1) / np.sqrt(40)
    np.testing.assert_allclose((share, low, high), (hits.mean(), hits.mean() - half, hits.mean() + half), rtol=1e-12)


def test_the_truth_is_inside_95_times_of_100_though_rows_of_a_game_are_alike() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(400):
        size = rng.integers(1, 20, 150)
        hits = np.repeat(rng.random(150) < 0.8, size)       # a game is agreed with as a whole
        _, low, high = share_by_game(hits, np.repeat(np.arange(150), size))
        inside += low <= 0.8 <= high
    assert 0.91 < inside / 400 < 0.98


def test_limits() -> None:
    episode = np.array([0, 0, 1])
    assert share_by_game(np.ones(3, bool), episode) == (1.0, 1.0, 1.0)
    assert share_by_game(np.array([True, False, True]), np.zeros(3, np.int64)) == (2 / 3, 0.0, 1.0)
    share, low, high = share_by_game(np.array([True, True, False]), episode)
    assert 0.0 <= low <= share <= high <= 1.0
    with pytest.raises(ValueError, match="a share needs at least one row"):
        share_by_game(np.ones(0, bool), np.ones(0, np.int64))
