"""Kuhn and Leduc poker against OpenSpiel, their published values, and exact exploitability."""
from __future__ import annotations

import importlib
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from envs import registry
from envs.exploitability import GameTree
from native.game import Game, State

NAMES = ("kuhn_poker", "leduc_poker")


def deals(game: Game) -> list[State]:
    found: list[State] = importlib.import_module(game.module).deals(game)
    return found


@cache
def tree(name: str) -> GameTree:
    return GameTree(deals(registry.make(name)))


def dealt(state: State) -> tuple[int, ...]:
    """Cards as OpenSpiel numbers them: seat 0's, seat 1's, and in Leduc the open one."""
    return tuple(state.to_bytes()[: 2 if state.game.name == "kuhn_poker" else 3])


def uniform(state: State) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = state.legal() / state.legal().sum()
    return found


def some_policy(state: State) -> npt.NDArray[np.float64]:
    """Any distribution over the legal actions, by what the seat to act knows."""
    chances = np.random.default_rng(state.information_key()).random(state.game.num_actions) * state.legal()
    found: npt.NDArray[np.float64] = chances / chances.sum()
    return found


@pytest.mark.parametrize(("name", "count"), [("kuhn_poker", 6), ("leduc_poker", 120)])
def test_deals(name: str, count: int) -> None:
    """All of them are listed, and `reset` and `redeterminize` make each as often as any other."""
    game = registry.make(name)
    listed = {dealt(state) for state in deals(game)}
    assert len(listed) == len(deals(game)) == count
    seen = Counter(dealt(game.new_state(seed)) for seed in range(100 * count))
    assert set(seen) == listed
    assert all(abs(number - 100) < 50 for number in seen.values())
    start = deals(game)[0]
    anew: Counter[tuple[int, ...]] = Counter()
    for seed in range(2000):
        other = start.clone()
        other.redeterminize(1, seed)
        anew[dealt(other)] += 1
    possible = [cards for cards in listed if cards[1] == dealt(start)[1]]
    assert set(anew) == set(possible)
    assert all(abs(number - 2000 / len(possible)) < 5 * (2000 / len(possible)) ** 0.5 for number in anew.values())


def test_the_open_card_stays_once_it_is_seen() -> None:
    for state in deals(registry.make("leduc_poker"))[::7]:
        state.apply(1)
        state.apply(1)
        others = [state.clone() for _ in range(200)]
        for seed, other in enumerate(others):
            other.redeterminize(0, seed)
        assert {dealt(other)[::2] for other in others} == {dealt(state)[::2]}
        assert len({dealt(other) for other in others}) == 4


@pytest.mark.parametrize("name", NAMES)
def test_against_open_spiel(name: str) -> None:
    """Every state of every deal: who acts, what is legal, what is won."""
    pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is not installed (extra `test`, Linux only)")
    theirs = pyspiel.load_game(name)
    game = registry.make(name)
    assert (game.num_players, game.num_actions) == (theirs.num_players(), theirs.num_distinct_actions())
    assert game.max_length == theirs.max_game_length()
    visited = 0

    def compare(state: State, other: Any, cards: list[int]) -> None:
        nonlocal visited
        visited += 1
        while other.is_chance_node():
            other.apply_action(cards[0])
            cards = cards[1:]
        assert state.is_terminal == other.is_terminal()
        if state.is_terminal:
            assert state.rewards().tolist() == other.returns()
            return
        assert state.to_act() == other.current_player()
        assert state.legal_actions() == other.legal_actions()
        for action in state.legal_actions():
            after = state.clone()
            after.apply(action)
            compare(after, other.child(action), cards)

    for start in deals(game):
        compare(start, theirs.new_initial_state(), list(dealt(start)))
    assert visited == {"kuhn_poker": 6 * 9, "leduc_poker": 120 * 85}[name]


@pytest.mark.parametrize("name", NAMES)
def test_exploitability_against_open_spiel(name: str) -> None:
    pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is not installed (extra `test`, Linux only)")
    policies = importlib.import_module("open_spiel.python.policy")
    exploitability = importlib.import_module("open_spiel.python.algorithms.exploitability")
    theirs = policies.TabularPolicy(pyspiel.load_game(name))
    table = tree(name).tabulate(some_policy)
    by_words: dict[str, npt.NDArray[np.float64]] = {}
    for start in deals(registry.make(name)):
        fill(start, theirs.game.new_initial_state(), list(dealt(start)), table, by_words)
    for words, chances in by_words.items():
        theirs.policy_for_key(words)[:] = chances
    wanted = exploitability.nash_conv(theirs.game, theirs) / 2
    assert tree(name).exploitability(some_policy) == pytest.approx(wanted, abs=1e-6)


def fill(state: State, other: Any, cards: list[int], table: Any, found: dict[str, Any]) -> None:
    """Our probabilities under OpenSpiel's names of information sets (it tells suits apart, we do not)."""
    while other.is_chance_node():
        other.apply_action(cards[0])
        cards = cards[1:]
    if state.is_terminal:
        return
    found[other.information_state_string()] = table[state.to_act(), state.information_key()]
    for action in state.legal_actions():
        after = state.clone()
        after.apply(action)
        fill(after, other.child(action), cards, table, found)


def test_kuhn_equilibria() -> None:
    """Kuhn's family: seat 0 bets a jack with probability a, a king with 3a, and calls with a queen with a + 1/3."""

    def equilibrium(a: float) -> Any:
        bet_first = {0: a, 1: 0.0, 2: 3 * a}
        facing_bet = {0: [0.0, a + 1 / 3, 1.0], 1: [0.0, 1 / 3, 1.0]}

        def policy(state: State) -> list[float]:
            seen = state.observe()
            card, moves = int(seen[2:5].argmax()), seen[5:].reshape(3, 2)
            if not moves.any():
                chance = bet_first[card]
            elif moves[0, 1] or moves[1, 1]:
                chance = facing_bet[state.to_act()][card]
            else:
                chance = [1 / 3, 0.0, 1.0][card]
            return [1 - chance, chance]

        return policy

    for a in (0.0, 0.2, 1 / 3):
        assert tree("kuhn_poker").exploitability(equilibrium(a)) == pytest.approx(0, abs=1e-12)
        assert tree("kuhn_poker").value(equilibrium(a)) == pytest.approx(-1 / 18)
    assert tree("kuhn_poker").best_response(equilibrium(0.0), 0) == pytest.approx(-1 / 18)


@pytest.mark.parametrize(("name", "sets", "uniform_play"), [
    ("kuhn_poker", 12, 0.458333), ("leduc_poker", 288, 2.373611),
])
def test_known_figures(name: str, sets: int, uniform_play: float) -> None:
    assert len(tree(name).information_sets()) == sets
    assert tree(name).exploitability(uniform) == pytest.approx(uniform_play, abs=1e-6)


def test_best_responses_are_no_worse_than_any_policy() -> None:
    for name in NAMES:
        value = tree(name).value(some_policy)
        assert tree(name).best_response(some_policy, 0) > value
        assert tree(name).best_response(some_policy, 1) > -value


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="not a distribution over the legal actions"):
        tree("kuhn_poker").exploitability(lambda state: [0.7, 0.7])
    with pytest.raises(ValueError, match="not a distribution over the legal actions"):
        tree("leduc_poker").value(lambda state: [1 / 3, 1 / 3, 1 / 3])
    with pytest.raises(ValueError, match="at least one start"):
        GameTree([])
    with pytest.raises(ValueError, match="two seats that move in turn for opposite rewards, not beasty_bar"):
        GameTree([registry.make("beasty_bar", players=3).new_state()])


def test_moves_of_a_leduc_hand() -> None:
    """K against Q, a queen opens: raise, raise, call; check, raise, call. The pair wins what each paid: 1 + 4 + 4."""
    game = registry.make("leduc_poker")
    state = next(s for s in deals(game) if dealt(s) == (4, 2, 3))
    assert not state.observe(0)[5:8].any()
    for action, legal in ((2, [1, 2]), (2, [0, 1, 2]), (1, [0, 1]), (1, [1, 2]), (2, [1, 2]), (1, [0, 1, 2])):
        assert state.legal_actions() == legal
        state.apply(action)
    assert state.observe(0)[5:8].tolist() == [0, 1, 0]
    assert state.rewards().tolist() == [-9, 9]
    assert registry.render("leduc_poker").to_text(state) == "\n".join([
        "seat 0: K   seat 1: Q   open: Q", "round 1: raise, raise, call", "round 2: call, raise, call",
        "seat 0 wins -9",
    ])
