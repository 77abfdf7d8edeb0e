"""The tree search where cards are hidden or drawn: it sees no secret, fuses no strategies, and solves no poker."""
from __future__ import annotations

import importlib

import numpy as np
import numpy.typing as npt
import pytest

import native.search
from envs import registry
from envs.exploitability import GameTree
from native.game import Game, State
from native.search import Search
from native.search_settings import SearchSettings
from tests.native.search_secrets import check_alike, check_exact, repeated
from tests.native.test_search import rows_of, seeds_of


def deals(game: Game) -> list[State]:
    found: list[State] = importlib.import_module(game.module).deals(game)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_poker_hands_are_not_seen(seed: int) -> None:
    check_exact(native.search, seed)


@pytest.mark.parametrize("seed", range(4))
def test_cards_to_come_are_not_seen(seed: int) -> None:
    check_alike(native.search, seed)


def test_one_node_for_all_that_cannot_be_told_apart() -> None:
    """Seat 0 with a queen: its root, two cards of the other by two actions, and one own decision after pass and bet."""
    game = registry.make("kuhn_poker")
    queens = [state for state in deals(game) if state.observe(0)[3]]
    assert len(queens) == 2
    search = Search(game, 2, SearchSettings(simulations=400))
    search.begin(rows_of(queens), seeds_of(2))
    search.run_rollouts()
    assert search.num_nodes.tolist() == [6, 6]


def test_dominated_actions_are_left_alone() -> None:
    """Facing a bet, nobody calls with a jack or folds a king, though what they face differs from deal to deal."""
    for state in deals(registry.make("kuhn_poker")):
        state.apply(1)
        card = int(state.observe()[2:5].argmax())
        policy = repeated(native.search, state, [1, 2, 3, 4], SearchSettings(simulations=300))
        assert card == 1 or (policy[:, card // 2] > 0.9).all()


def test_values_of_draws_are_means() -> None:
    """With a king and a bet on the table a call wins 2 chips; with a queen it wins or loses 2 by the other's card."""
    for state in deals(registry.make("kuhn_poker")):
        state.apply(1)
        card = int(state.observe()[2:5].argmax())
        search = Search(state.game, 1, SearchSettings(simulations=800, c_init=50.0))
        search.begin(rows_of([state]), seeds_of(1))
        search.run_rollouts()
        assert search.q[0, 0] == -1
        assert abs(search.q[0, 1] - 2 * (card - 1)) < 0.25
        assert not search.proven[0]


def exploitability(name: str, simulations: int) -> float:
    """Of the mean policy over eight seeds."""

    def policy(state: State) -> npt.NDArray[np.float64]:
        settings = SearchSettings(simulations=simulations, c_init=2.0)
        mean: npt.NDArray[np.float64] = repeated(native.search, state, list(range(8)), settings).mean(axis=0)
        return mean

    return GameTree(deals(registry.make(name))).exploitability(policy)


def test_poker_is_not_solved() -> None:
    """The limit that the documentation states: better than random play (0.458, 2.374), but no equilibrium (0).

    OpenSpiel's information-set search: Kuhn 0.133 with 100 simulations, 0.159 with 1000; Leduc 1.22 with 100.
    """
    assert 0.08 < exploitability("kuhn_poker", 100) < exploitability("kuhn_poker", 2000) < 0.2
    assert 0.8 < exploitability("leduc_poker", 100) < 1.6
