"""Every ply of the recorded games: the computer version of Beasty Bar that the rules follow."""
from __future__ import annotations

import numpy as np
import pytest

from envs import registry
from envs.beasty_bar.bots import action_scores
from envs.beasty_bar.positions import from_dict, scores, to_dict, trace_turn
from envs.beasty_bar.upstream import encode_upstream
from tests.envs.beasty_bar.recorded import recorded
from tests.envs.beasty_bar.twin import Twin

GAME = registry.make("beasty_bar")


def test_rules() -> None:
    plies = 0
    for told in recorded("beasty_bar"):
        state = from_dict(GAME, told["init"])
        for k, action in enumerate(told["actions"]):
            assert state.legal_actions() == told["legal"][k]
            steps = trace_turn(state, action)
            assert steps["queue_after_ability"] == told["queue_after_ability"][k]
            assert steps["queue_after_recurring"] == told["queue_after_recurring"][k]
            bar, out = to_dict(state)["bar"], to_dict(state)["out"]
            state.apply(action)
            assert to_dict(state) == told["states"][k]
            assert (steps["queue"], bar + steps["bar"], out + steps["out"]) == tuple(
                told["states"][k][zone] for zone in ("q", "bar", "out"))
            assert state.is_terminal == (k == told["n_actions"] - 1)
            plies += 1
        assert scores(state) == told["scores"]
        winner = told["winner"]
        assert state.rewards().tolist() == ([0, 0] if winner < 0 else [1 - 2 * winner, 2 * winner - 1])
        margin = told["scores"][0] - told["scores"][1]
        assert state.metrics() == {
            "points_margin": margin, "cards_bounced": len(told["states"][-1]["out"]), "game_length": told["n_actions"]}
    assert plies == 11_328


def test_the_twin_agrees_too() -> None:
    for told in recorded("beasty_bar")[::5]:
        twin = Twin.of(told["init"])
        for k, action in enumerate(told["actions"]):
            assert sorted(twin.actions()) == told["legal"][k]
            twin.play(action)
            assert twin.after_ability == told["queue_after_ability"][k]
            assert twin.after_recurring == told["queue_after_recurring"][k]
            assert twin.position() == told["states"][k]
        assert twin.over
        assert twin.scores() == told["scores"]


def test_network_input() -> None:
    games = {told["seed"]: told for told in recorded("beasty_bar")}
    for told in recorded("beasty_bar_obs"):
        actions = games[told["seed"]]["actions"]
        state = from_dict(GAME, games[told["seed"]]["init"])
        assert len(told["obs"]) == len(actions) + 1
        for k, views in enumerate(told["obs"]):
            for viewer, (places, values) in enumerate(views):
                expected = np.zeros(988)
                expected[places] = values
                np.testing.assert_allclose(encode_upstream(state, viewer), expected, rtol=0, atol=1e-6)
            if k < len(actions):
                state.apply(actions[k])


def test_network_input_is_for_two() -> None:
    state = registry.make("beasty_bar", players=3).new_state()
    with pytest.raises(ValueError, match="seat 0 of 3"):
        encode_upstream(state, 0)


def test_scores_of_the_opponents() -> None:
    compared = 0
    for told in recorded("beasty_bar_opponents"):
        state = from_dict(GAME, told["init"])
        for action, ply in zip(told["actions"], told["plies"], strict=True):
            for bot, expected in ply["scores"].items():
                actions, found = action_scores(state, bot)
                assert actions.tolist() == ply["legal"]
                np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
                compared += len(found)
            state.apply(action)
    assert compared > 40_000
