"""Positions for comparing engines: of every kind of game, and nothing is left open."""
from __future__ import annotations

import numpy as np
import pytest

from envs.registry import make
from learners.engines.positions import played
from native.vector import VectorGame


def test_environments_of_another_library_are_played_and_closed(closed: list[int]) -> None:
    game = make("gymnasium", id="CartPole-v1")
    rows = played(game, 20, seed=1)
    assert rows.shape == (20, 4)
    assert len(np.unique(rows, axis=0)) == 20
    assert closed == [3]
    np.testing.assert_array_equal(rows, played(game, 20, seed=1))


@pytest.mark.parametrize("name", ["tic_tac_toe", "arena"])
def test_they_are_those_of_random_play(name: str) -> None:
    """All shown are positions of games played at random from the same seed, one seat or many deciding at once."""
    game = make(name)
    vector, seen = VectorGame(game, 2, seed=4), set()
    for _ in range(8 * 8):
        vector.play_random(1)
        seen |= {row.tobytes() for row in vector.observations.reshape(-1, *game.observation_shape)}
    rows = played(game, 16, seed=4)
    assert rows.shape == (16, *game.observation_shape)
    assert {row.tobytes() for row in rows} <= seen
