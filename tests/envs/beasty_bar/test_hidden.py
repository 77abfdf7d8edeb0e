"""Nothing hidden leaks, and redeterminizing deals uniformly what is consistent with what a seat has seen."""
from __future__ import annotations

from collections import Counter
from math import factorial, perm
from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.beasty_bar.positions import from_dict, to_dict
from native.game import Game, State


def random_states(game: Game, games: int) -> list[State]:
    """All states of some random games."""
    rng, states = np.random.default_rng(0), []
    for seed in range(games):
        state = game.new_state(seed)
        states.append(state.clone())
        while not state.is_terminal:
            state.apply(int(rng.choice(state.legal_actions())))
            states.append(state.clone())
    return states


def permuted(state: State, viewer: int, rng: np.random.Generator) -> State:
    """The same state but for the cards that `viewer` cannot see, put in any order over hands and draw piles."""
    position = to_dict(state)
    for seat, (hand, deck) in enumerate(zip(position["h"], position["d"], strict=True)):
        if seat == viewer:
            position["d"][seat] = rng.permutation(deck).tolist()
        else:
            cards = rng.permutation(hand + deck).tolist()
            position["h"][seat], position["d"][seat] = cards[: len(hand)], cards[len(hand) :]
    try:
        return from_dict(state.game, position)
    except ValueError:      # the other seat is to act and happens to be dealt nothing it can play
        return state


@pytest.mark.parametrize("players", [2, 3, 4])
def test_hidden_cards_change_nothing_that_a_seat_sees(players: int) -> None:
    game, rng, changed = registry.make("beasty_bar", players=players), np.random.default_rng(1), 0
    for state in random_states(game, 12):
        for viewer in range(players):
            other = permuted(state, viewer, rng)
            changed += other != state
            assert other.observe(viewer).tobytes() == state.observe(viewer).tobytes()
            assert other.legal(viewer).tobytes() == state.legal(viewer).tobytes()
            assert other.information_key(viewer) == state.information_key(viewer)
            assert other.key() == state.key() if other == state else other.key() != state.key()
            if state.to_act() == viewer:
                for bot in game.bot_names:
                    assert other.bot_action(bot, 5)[0].tolist() == state.bot_action(bot, 5)[0].tolist()
    assert changed > 300


def test_what_a_seat_sees_changes_its_key() -> None:
    states = random_states(registry.make("beasty_bar"), 12)
    for viewer in (0, 1):
        shown = {state.information_key(viewer): state.observe(viewer).tobytes() for state in states}
        assert len(shown) >= len({state.observe(viewer).tobytes() for state in states})
        for state in states:
            assert shown[state.information_key(viewer)] == state.observe(viewer).tobytes()


@pytest.mark.parametrize("players", [2, 3, 4])
def test_redeterminized_deals_are_consistent(players: int) -> None:
    for i, state in enumerate(random_states(registry.make("beasty_bar", players=players), 12)):
        before = to_dict(state)
        for viewer in range(players):
            other = state.clone()
            other.redeterminize(viewer, i)
            after = to_dict(other)
            for field in ("q", "bar", "out", "p", "t"):
                assert after[field] == before[field]
            for seat in range(players):
                assert len(after["h"][seat]) == len(before["h"][seat])
                assert sorted(after["h"][seat] + after["d"][seat]) == sorted(before["h"][seat] + before["d"][seat])
                if seat == viewer or not before["d"][seat]:
                    assert after["h"][seat] == before["h"][seat]
            assert other.information_key(viewer) == state.information_key(viewer)


def late_position() -> dict[str, Any]:
    """Seat 1 has two cards in hand and two to draw, seat 0 two to draw: 4! / 2! hands and piles, 2 own piles."""
    return {"q": [], "bar": [], "out": [], "h": [[4, 6], [1, 7]], "d": [[8, 12], [9, 11]], "p": 0, "t": 16}


def test_redeterminized_deals_are_uniform() -> None:
    """Chi-square of ordered hands, draw piles and own draw pile together, below the 99.9 % quantile for 47 degrees."""
    state, trials = from_dict(registry.make("beasty_bar"), late_position()), 9600
    deals: Counter[tuple[int, ...]] = Counter()
    for seed in range(trials):
        other = state.clone()
        other.redeterminize(0, seed)
        position = to_dict(other)
        deals[tuple(position["h"][1] + position["d"][1] + position["d"][0])] += 1
    assert len(deals) == factorial(4) * 2
    expected = trials / len(deals)
    assert sum((count - expected) ** 2 / expected for count in deals.values()) < 82.7


def test_the_first_hand_is_uniform() -> None:
    """Of a whole deal: every pair of cards is equally often in front of the other's hand; 131 degrees, 99.9 %."""
    game, trials = registry.make("beasty_bar"), 13_200
    dealt: Counter[tuple[int, ...]] = Counter()
    again: Counter[tuple[int, ...]] = Counter()
    start = game.new_state(5)
    for seed in range(trials):
        dealt[tuple(to_dict(game.new_state(seed))["h"][1][:2])] += 1
        other = start.clone()
        other.redeterminize(0, seed)
        again[tuple(to_dict(other)["h"][1][:2])] += 1
    for counts in (dealt, again):
        expected = trials / perm(12, 2)
        assert len(counts) == perm(12, 2)
        assert sum((count - expected) ** 2 / expected for count in counts.values()) < 186


def test_a_hand_known_by_elimination_stays() -> None:
    state = from_dict(registry.make("beasty_bar"), late_position() | {"h": [[4, 6, 2], [1, 7, 3]], "d": [[8], []]})
    before = state.to_bytes()
    for seed in range(20):
        state.redeterminize(0, seed)
    assert state.to_bytes() == before
