"""Connect Four and tic-tac-toe against OpenSpiel (Lanctot et al. 2019, arXiv:1908.09453), whose actions are ours."""
from __future__ import annotations

import numpy as np
import pytest

from envs import registry

pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is not installed (extra `test`, Linux only)")


@pytest.mark.parametrize("name", ["connect_four", "tic_tac_toe"])
def test_random_games(name: str) -> None:
    game, theirs, rng = registry.make(name), pyspiel.load_game(name), np.random.default_rng(1)
    assert (game.num_players, game.num_actions) == (theirs.num_players(), theirs.num_distinct_actions())
    assert game.max_length == theirs.max_game_length()
    for _ in range(200):
        state, other = game.new_state(), theirs.new_initial_state()
        while not other.is_terminal():
            assert not state.is_terminal
            assert state.to_act() == other.current_player()
            assert state.legal_actions() == other.legal_actions()
            action = int(rng.choice(other.legal_actions()))
            state.apply(action)
            other.apply_action(action)
        assert state.is_terminal
        assert state.rewards().tolist() == other.returns()
