"""Evaluation plays the same games every time, in every seat, and counts them from the player's view."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from actors.policy import NetworkPolicy
from envs.registry import make
from league.evaluation import _play, evaluate, greedy, score
from learners.config import Network
from learners.networks import build_network, read_weights
from native.vector import VectorGame

NETWORK = Network(hidden=(16,))


def policy(seed: int = 0, game: str = "tic_tac_toe") -> NetworkPolicy:
    rules = make(game)
    one = NetworkPolicy(rules, NETWORK)
    one.load(1, read_weights(build_network(NETWORK, rules, seed)))
    return one


def by_hand(one: NetworkPolicy, bot_seed: int, seat: int) -> float:
    """One greedy game against one_ply, played through `State`."""
    state, rng = make("tic_tac_toe").new_state(0), bot_seed
    while not state.is_terminal:
        if state.to_act() == seat:
            logits, _ = one.evaluate(state.observe()[None])
            state.apply(int(np.where(state.legal() == 1, logits[0], -np.inf).argmax()))
        else:
            action, rng = state.bot_action("one_ply", rng)
            state.apply(action)
    return float(state.rewards()[seat])


def test_same_policy_bot_and_seed_same_score() -> None:
    game = make("tic_tac_toe")
    scores = [evaluate(game, policy(), "random", games=100, seed=seed) for seed in (1, 1, 2)]
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]


def test_it_plays_as_the_rules_have_it() -> None:
    game, one = make("tic_tac_toe"), policy()
    seen = evaluate(game, one, "one_ply", games=4000, seed=5)
    outcomes = np.array([by_hand(one, seed, seat) for seat in (0, 1) for seed in range(1500)])
    spread = 4 * np.sqrt(0.25 / 4000 + 0.25 / 3000)
    assert abs(seen.wins / 4000 - (outcomes > 0).mean()) < spread
    assert abs(seen.draws / 4000 - (outcomes == 0).mean()) < spread


def test_counts_and_interval() -> None:
    result = score("x", np.array([1, 1, 0, -1] * 25, np.float32))
    assert (result.games, result.wins, result.draws, result.losses, result.score) == (100, 50, 25, 25, 0.5)
    assert 0.40 < result.low < 0.5 < result.high < 0.60


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_temperature_changes_the_play(temperature: float) -> None:
    game = make("tic_tac_toe")
    seen: list[Any] = [
        evaluate(game, policy(), "random", games=400, seed=1, temperature=one) for one in (0.0, temperature)
    ]
    assert (seen[0] == seen[1]) == (temperature == 0.0)


def test_only_the_first_game_of_each_row_counts() -> None:
    game = make("connect_four")     # 7 to 42 moves: short games are over twice before long ones are once
    one = policy(game="connect_four")
    for seed in range(20):
        # a row's first game does not depend on how long others go on, what comes after it would
        alone, among_others = (
            _play(greedy(one, seed), "one_ply", 0, VectorGame(game, rows, seed)) for rows in (1, 40)
        )
        assert alone[0] == among_others[0]
