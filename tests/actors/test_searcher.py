"""A searcher whose engine takes newer weights by itself notices, and forgets what others have said."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from actors.searcher import NetworkSearcher
from envs.registry import make
from native.search_settings import SearchSettings
from native.vector import VectorGame

GAME = make("connect_four")


class Follower:
    """Values every position by the version of its weights, which others set."""

    name = "follower"

    def __init__(self) -> None:
        self.version = 1
        self.asked = 0

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        pass

    def evaluate(self, observations: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        self.asked += len(observations)
        rows = len(observations)
        return np.zeros((rows, 7), np.float32), np.full(rows, self.version / 10, np.float32)


def test_newer_weights_are_noticed_and_the_cache_forgets() -> None:
    engine = Follower()
    searcher = NetworkSearcher(GAME, 2, SearchSettings(simulations=8), engine, cache=1024)
    searcher.load(1, {})
    states, seeds = VectorGame(GAME, 2).states.copy(), np.arange(2, dtype=np.uint64)
    first = searcher.search(states, seeds).raw_values.copy()
    asked = engine.asked
    np.testing.assert_array_equal(searcher.search(states, seeds).raw_values, first)
    assert engine.asked == asked        # all of it remembered
    engine.version = 5
    other = VectorGame(GAME, 2, seed=1)
    for _ in range(3):
        other.step(np.full((2, 1), 3, np.int32))
    searcher.search(other.states.copy(), seeds)     # meets positions that it does not know, and newer weights
    assert searcher.version == 5
    np.testing.assert_allclose(searcher.search(states, seeds).raw_values, 0.5)
