"""The bot `one_ply` of Connect Four and tic-tac-toe: wins, else blocks, else plays anywhere; the twins judge."""
from __future__ import annotations

import copy

import numpy as np
import pytest

from envs import registry
from tests.envs.twins.connect_four import ConnectFour
from tests.envs.twins.tic_tac_toe import TicTacToe

Twin = ConnectFour | TicTacToe


def winning_moves(twin: Twin, player: int) -> list[int]:
    """Actions that would win at once if it were `player`'s turn."""
    found = []
    for action in twin.legal():
        other = copy.deepcopy(twin)
        other.player = player
        other.play(action)
        if other.winner == player:
            found.append(action)
    return found


@pytest.mark.parametrize(("name", "twin_class"), [("connect_four", ConnectFour), ("tic_tac_toe", TicTacToe)])
def test_one_ply(name: str, twin_class: type[Twin]) -> None:
    game, rng, word = registry.make(name), np.random.default_rng(2), 5
    won = blocked = 0
    for _ in range(15):
        state, twin = game.new_state(), twin_class()
        while not twin.over:
            action, word = state.bot_action("one_ply", word)
            chosen = int(action[0])
            wins, threats = winning_moves(twin, twin.player), winning_moves(twin, 1 - twin.player)
            assert chosen in (wins or threats or twin.legal())
            won += bool(wins)
            blocked += bool(threats and not wins)
            played = int(rng.choice(twin.legal()))
            state.apply(played)
            twin.play(played)
    assert won > 10
    assert blocked > 10


@pytest.mark.parametrize("name", ["connect_four", "tic_tac_toe"])
def test_one_ply_plays_anywhere_at_the_start(name: str) -> None:
    """Uniformly: chi-square below its 99.9 % quantile for up to 8 degrees of freedom, 26.1 (the seed is fixed)."""
    game, word, trials = registry.make(name), 1, 4000
    counts = np.zeros(game.num_actions)
    for _ in range(trials):
        action, word = game.new_state().bot_action("one_ply", word)
        counts[action[0]] += 1
    expected = trials / game.num_actions
    assert ((counts - expected) ** 2 / expected).sum() < 26.1
