"""Figures of games that a network plays alone."""
from __future__ import annotations

import numpy as np
import pytest

from actors.policy import NetworkPolicy
from envs import registry
from league.solo import play_alone
from learners.network_config import Network


def test_figures_are_those_of_the_games_played_one_by_one() -> None:
    game = registry.make("prospector", rules="balanced")
    policy = NetworkPolicy(game, Network(hidden=(8,)))
    found = play_alone(game, policy, games=6, seed=4)
    assert found == play_alone(game, policy, games=6, seed=4)
    assert {f"avg_{name}" for name in game.metric_names} <= set(found)
    assert 0 <= found["alone_won"] <= 1


def test_a_game_without_metrics_and_with_two_seats() -> None:
    game = registry.make("tic_tac_toe")
    policy = NetworkPolicy(game, Network(hidden=(8,)))
    found = play_alone(game, policy, games=3, seed=4)
    state = game.new_state()
    length = 0
    while not state.is_terminal:
        logits, _ = policy.evaluate(state.observe()[None])
        state.apply(int(np.where(state.legal(), logits[0], -np.inf).argmax()))
        length += 1
    returned = float(state.rewards()[0])
    assert found == pytest.approx(
        {"alone_return": returned, "alone_won": float(returned > 0), "alone_length": length})
