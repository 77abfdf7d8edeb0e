"""Uniformly random play has the statistics that 4000 games of the original engine have."""
from __future__ import annotations

import numpy as np

from envs import registry
from native.vector import VectorGame

ROWS, GAMES = 500, 20


def test_random_play() -> None:
    """The first 20 games of each of 500 rows, so that long games are not left out.

    The bounds are four standard errors of the difference between two samples of 4000 games; more are played here, as
    the engine's share of limits, 0.308, lies 3.5 of its own standard errors below that of many games, 0.334.
    """
    games = VectorGame(registry.make("razzle"), ROWS, seed=11)
    actions = np.zeros(ROWS, np.int32)
    finished = np.zeros(ROWS, int)
    names = games.game.metric_names
    rows: list[list[float]] = []
    while finished.min() < GAMES:
        games.random_actions(actions)
        games.step(actions)
        for row in np.flatnonzero(games.terminal):
            if finished[row] < GAMES:
                rows.append([*games.metrics[row].tolist(), float(games.episode_returns[row, 0])])
            finished[row] += 1
    table = dict(zip([*names, "result"], np.array(rows).T, strict=True))
    won, limit, length, turns = table["result"] > 0, table["limit"] > 0, table["game_length"], table["turns"]
    assert len(rows) == ROWS * GAMES
    assert won[limit].all()
    assert abs(won.mean() - 0.653) < 0.043
    assert abs(limit.mean() - 0.308) < 0.042
    assert abs((won & ~limit).mean() - 0.346) < 0.043
    assert abs(length.mean() - 163.9) < 5.5
    assert abs(length.std() - 61.2) < 4
    assert abs(np.median(length) - 170) < 10
    assert abs(turns.mean() - 142.5) < 5
    assert length.max() <= games.game.max_length
    assert turns.max() == 201
    decisions = (table["pass_decision_rate"] * turns).sum() / turns.sum()
    assert abs(decisions - 0.0964) < 0.002
