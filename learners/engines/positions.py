"""Positions on which engines are compared: of the game played at random, and random mixtures of them."""
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from envs.adapters.vectors import make_vector, release
from native.game import Game

SNAPSHOTS = 8       # of each of the games that positions are taken from
MOST_MOVES = 8      # between two of them


def played(game: Game, rows: int, seed: int) -> npt.NDArray[Any]:
    """Observations `[rows, *shape]` from games played at random, early and late ones in no order."""
    vector = make_vector(game, -(-rows // SNAPSHOTS), seed=seed)
    rng = np.random.default_rng(seed)
    actions = np.zeros((*vector.num_legal.shape, len(game.head_sizes)), np.int32)
    found = []
    try:
        for count in rng.integers(1, MOST_MOVES, SNAPSHOTS, endpoint=True):
            for _ in range(count):
                vector.random_actions(actions)
                vector.step(actions)
            found.append(vector.observations.reshape(-1, *game.observation_shape).copy())
    finally:
        release(vector)
    return rng.permutation(np.concatenate(found))[:rows]


def mixed(observations: npt.NDArray[Any], seed: int) -> npt.NDArray[Any]:
    """As many random observations: every number is one that stands in its place in some row of `observations`."""
    flat = observations.reshape(len(observations), -1)
    return np.random.default_rng(seed).permuted(flat, axis=0).reshape(observations.shape)
