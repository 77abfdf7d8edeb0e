"""The tree search where the truth is known: solved games, forced results, random play, published error rates."""
from __future__ import annotations

import csv
from functools import cache

import numpy as np
import pytest

from envs import registry
from native.game import Game, State
from native.search import Search
from native.search_settings import SearchSettings
from tests.envs.test_connect_four_scores import PATH, positions
from tests.native.test_search import rows_of, seeds_of


def searched(game: Game, states: list[State], settings: SearchSettings) -> Search:
    search = Search(game, len(states), settings)
    search.begin(rows_of(states), seeds_of(len(states)))
    search.run_rollouts()
    return search


def after(state: State, action: int) -> State:
    end = state.clone()
    end.apply(action)
    return end


@cache
def all_of_tic_tac_toe() -> tuple[list[State], dict[bytes, int], dict[bytes, float]]:
    """Unfinished states; of all states the value of perfect play and the mean result of random play, to seat 0."""
    perfect: dict[bytes, int] = {}
    random: dict[bytes, float] = {}
    running: list[State] = []

    def visit(state: State) -> None:
        if state.to_bytes() in perfect:
            return
        if state.is_terminal:
            perfect[state.to_bytes()] = int(state.rewards()[0])
            random[state.to_bytes()] = float(state.rewards()[0])
            return
        ends = [after(state, action) for action in state.legal_actions()]
        for end in ends:
            visit(end)
        best = max if state.to_act() == 0 else min
        perfect[state.to_bytes()] = best(perfect[end.to_bytes()] for end in ends)
        random[state.to_bytes()] = float(np.mean([random[end.to_bytes()] for end in ends]))
        running.append(state)

    visit(registry.make("tic_tac_toe").new_state())
    return running, perfect, random


def test_every_position_of_tic_tac_toe() -> None:
    """What is proven is true, nearly all is proven, and no action gives anything away."""
    running, perfect, _ = all_of_tic_tac_toe()
    assert len(running) == 4520
    search, proven = Search(running[0].game, 40, SearchSettings(simulations=5000)), 0
    for first in range(0, len(running), 40):
        states = running[first : first + 40]
        search.begin(rows_of(states), seeds_of(40))
        search.run_rollouts()
        found = zip(states, search.actions().tolist(), search.proven, search.root_values, strict=True)
        for state, action, certain, root_value in found:
            value = perfect[state.to_bytes()]
            assert perfect[after(state, action).to_bytes()] == value
            assert not certain or root_value == value * (1 - 2 * state.to_act())
            proven += certain
    assert proven > 0.95 * len(running)


@pytest.mark.parametrize("root", ["puct", "gumbel"])
def test_forced_results_are_found(root: str) -> None:
    """Wins that take a few plies are proven; every action that loses by force weighs nothing if another does not."""
    running, perfect, _ = all_of_tic_tac_toe()
    states = [state for state in running if state.observe().sum() >= 5]
    settings = SearchSettings(simulations=200, root="gumbel" if root == "gumbel" else "puct")
    search = searched(states[0].game, states, settings)
    policy, proven = search.policy(), search.proven
    assert proven.mean() > 0.95
    for row, state in enumerate(states):
        if proven[row]:
            taught = np.flatnonzero(policy[row])
            assert {perfect[after(state, int(action)).to_bytes()] for action in taught} == {perfect[state.to_bytes()]}


def test_rollouts_are_fair() -> None:
    """Mean values of roots after one simulation are those of random play, to the seat that decides."""
    running, _, random = all_of_tic_tac_toe()
    states = [state for state in running if state.observe().sum() == 2][:20]
    for state in states:
        search = searched(state.game, [state] * 1500, SearchSettings(simulations=1, solver=False))
        sign = 1 - 2 * state.to_act()
        first = random[after(state, state.legal_actions()[0]).to_bytes()]
        wanted = sign * (random[state.to_bytes()] + first) / 2      # the root's own rollout, and one from below it
        assert abs(search.root_values.mean() - wanted) < 4.5 * 0.75 / 1500**0.5


def test_connect_four_errors() -> None:
    """Share of moves that give the result away, in %: about that of OpenSpiel's MCTS of 600 rollouts with a solver."""
    reference = {"L1_R2": 9.9, "L2_R2": 8.3, "L1_R3": 26.7}
    with PATH.open(newline="") as file:
        names = np.array([row["set"] for row in csv.DictReader(file)])
    game, actions = registry.make("connect_four"), list[int]()
    search = Search(game, 250, SearchSettings(simulations=600, c_init=2.0, fpu_reduction=0.0))
    for first in range(0, len(positions()), 250):
        search.begin(rows_of([state for state, _, _ in positions()[first : first + 250]]), seeds_of(250, first))
        search.run_rollouts()
        actions += search.actions().tolist()
    wrong = np.array([
        np.sign(scores[action] or 0) != np.sign(best)
        for (_, scores, best), action in zip(positions(), actions, strict=True)
    ])
    for name, error in reference.items():
        found = 100 * wrong[names == name].mean()
        assert abs(found - error) < 3, f"{name}: {found} instead of {error}"
