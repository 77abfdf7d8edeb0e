"""Every ply of the games that the original engine played."""
from __future__ import annotations

import numpy as np

from envs import registry
from envs.razzle.rules import from_string, must_pass, outcome, to_string
from tests.envs.razzle import recorded


def test_every_ply() -> None:
    game, plies, reasons, chained = registry.make("razzle", rules="upstream"), 0, set(), 0
    for record in recorded.games():
        state = game.new_state()
        for action, legal, text in zip(record["actions"], record["legal"], record["states"], strict=False):
            assert to_string(state) == text
            assert state.legal_actions() == legal
            chained += must_pass(state) and text.split(".")[6] == "1"
            assert not state.rewards().any()
            state.apply(action)
            plies += 1
        winner = record["winner"]
        assert to_string(state) == record["states"][-1]
        assert state.is_terminal
        assert outcome(state) == (winner, record["reason"])
        assert state.rewards()[winner] == 1
        assert state.rewards()[1 - winner] == -1
        metrics = state.metrics()
        assert metrics["game_length"] == record["n_actions"] == len(record["actions"])
        assert metrics["turns"] == record["turns"]
        assert metrics["limit"] == (record["reason"] == "limit")
        ends = record["actions"].count(3136)
        assert np.isclose(metrics["pass_decision_rate"], ends / record["turns"] if record["turns"] else 0)
        reasons.add(record["reason"])
    assert plies == 76_314
    assert reasons == {"goal", "limit"}
    assert chained > 500, "the subtle case, a forced pass after a pass, must be among the plies"


def test_states_read_from_text_play_on() -> None:
    """The text holds all that the rules need: the next state and its legal actions follow from it."""
    game = registry.make("razzle")
    for number, record in enumerate(recorded.games()):
        if number % 10 == 0:
            for k, action in enumerate(record["actions"]):
                state = from_string(game, record["states"][k])
                assert to_string(state) == record["states"][k]
                assert state.legal_actions() == record["legal"][k]
                state.apply(action)
                assert to_string(state) == record["states"][k + 1]
            assert from_string(game, record["states"][-1]).is_terminal


def test_observations() -> None:
    """The first seven planes, from the view of the seat to act; at the end, of the one who acts or would act."""
    game, compared = registry.make("razzle"), 0
    for record, seen in zip(recorded.games(), recorded.observations(), strict=False):
        assert record["seed"] == seen["seed"]
        state = game.new_state()
        for k, nonzero in enumerate(seen["obs_nonzero"]):
            mover = int(to_string(state).split(".")[5])
            planes = state.observe(mover)[:7]
            assert planes.max() == 1
            assert np.flatnonzero(planes).tolist() == sorted(nonzero)
            compared += 1
            if k < len(record["actions"]):
                state.apply(record["actions"][k])
        assert state.is_terminal
    assert compared > 3000
