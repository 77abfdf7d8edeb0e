"""Connect Four and tic-tac-toe against their slow twins, ply by ply."""
from __future__ import annotations

import numpy as np
import pytest

from envs import registry
from native.game import State
from tests.envs.twins.connect_four import ConnectFour
from tests.envs.twins.tic_tac_toe import TicTacToe

Twin = ConnectFour | TicTacToe


def assert_same(state: State, twin: Twin) -> None:
    assert state.is_terminal == twin.over
    assert state.legal_actions() == twin.legal()
    assert state.rewards().tolist() == twin.returns()
    for player in (0, 1):
        assert state.observe(player).tolist() == twin.observation(player)
    if not twin.over:
        assert state.to_act() == twin.player
        assert not state.legal(1 - twin.player).any()


@pytest.mark.parametrize(("name", "twin_class"), [("connect_four", ConnectFour), ("tic_tac_toe", TicTacToe)])
def test_random_games(name: str, twin_class: type[Twin]) -> None:
    game, rng = registry.make(name), np.random.default_rng(0)
    ends: dict[tuple[int, ...], int] = {}
    for _ in range(60):
        state, twin = game.new_state(), twin_class()
        assert_same(state, twin)
        while not twin.over:
            action = int(rng.choice(twin.legal()))
            state.apply(action)
            twin.play(action)
            assert_same(state, twin)
        result = tuple(twin.returns())
        ends[result] = ends.get(result, 0) + 1
    assert len(ends) >= 2, f"only one result in all games: {ends}"


def draw_in_connect_four() -> list[int]:
    """A full board without four in a line: columns in pairs, stacked so that colours change every two rows."""
    return [0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 2, 3, 2, 3, 3, 2, 3, 2, 2, 3, 2, 3,
            4, 5, 4, 5, 5, 4, 5, 4, 4, 5, 4, 5, 6, 6, 6, 6, 6, 6]


def test_full_board_is_a_draw() -> None:
    state, twin = registry.make("connect_four").new_state(), ConnectFour()
    for action in draw_in_connect_four():
        assert not twin.over
        state.apply(action)
        twin.play(action)
        assert_same(state, twin)
    assert twin.over
    assert twin.winner is None


def test_win_on_the_last_square() -> None:
    """The board fills and a line is completed by the same stone: that is a win, not a draw."""
    rng, game = np.random.default_rng(7), registry.make("tic_tac_toe")
    while True:
        state, twin = game.new_state(), TicTacToe()
        plies = 0
        while not twin.over:
            action = int(rng.choice(twin.legal()))
            state.apply(action)
            twin.play(action)
            plies += 1
        if plies == 9 and twin.winner == 0:
            assert state.rewards().tolist() == [1, -1]
            return


def test_every_state_of_tic_tac_toe() -> None:
    """5 478 positions can be reached; all agree, and their keys are distinct."""
    start = registry.make("tic_tac_toe").new_state()
    seen = {start.to_bytes()}
    frontier: list[tuple[State, list[int]]] = [(start, [])]
    keys = {start.key()}
    while frontier:
        state, moves = frontier.pop()
        twin = TicTacToe()
        for move in moves:
            twin.play(move)
        assert_same(state, twin)
        for action in twin.legal():
            child = state.clone()
            child.apply(action)
            if child.to_bytes() not in seen:
                seen.add(child.to_bytes())
                keys.add(child.key())
                frontier.append((child, [*moves, action]))
    assert len(seen) == len(keys) == 5478
