"""The rules, with every option, against plain Python on random play of several kinds."""
from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.razzle.notation import turn_from_text
from envs.razzle.rules import from_string, outcome, to_string
from native.game import State
from tests.envs.razzle.twin import END, Twin

OPTIONS: list[dict[str, Any]] = [
    {},
    {"limit_result": "draw"},
    {"forced_once": True},
    {"no_repetition": True},
    {"limit_result": "draw", "forced_once": True, "no_repetition": True},
]


def assert_same(state: State, twin: Twin) -> list[int]:
    """Everything that can be asked agrees; returns the legal actions."""
    legal = twin.legal()
    assert to_string(state) == twin.to_string()
    assert state.legal_actions() == legal
    assert outcome(state) == (twin.winner, twin.reason)
    assert state.to_act() == (twin.mover if twin.reason is None else -1)
    assert state.rewards().tolist() == twin.rewards()
    return legal


def assert_same_view(state: State, twin: Twin) -> None:
    for seat in (0, 1):
        seen = state.observe(seat)
        places = {(*map(int, place), int(seen[tuple(place)])) for place in np.argwhere(seen)}
        assert places == twin.observation(seat)


def chosen(rng: np.random.Generator, legal: list[int], twin: Twin, kind: str, history: list[int]) -> int:
    """Uniform; or fond of passes; or of taking back the knight move before, which repeats positions."""
    back = 56 * (history[-2] % 56) + history[-2] // 56 if len(history) > 1 and END not in history[-2:] else -1
    if kind == "back" and back in legal and rng.random() < 0.8:
        return back
    passes = [action for action in legal if divmod(action // 56, 7) == twin.ball[twin.mover]]
    if kind == "passy" and passes and rng.random() < 0.7:
        return int(rng.choice(passes))
    return int(rng.choice(legal))


@pytest.mark.parametrize("kind", ["uniform", "passy", "back"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "upstream")
def test_random_games(options: dict[str, Any], kind: str) -> None:
    game, rng = registry.make("razzle", **options), np.random.default_rng(len(options) + 10 * len(kind))
    forbidden = 0
    for _ in range(5):
        state, twin, history = game.new_state(), Twin(**options), list[int]()
        while legal := assert_same(state, twin):
            if rng.random() < 0.1:
                assert_same_view(state, twin)
            history.append(chosen(rng, legal, twin, kind, history))
            state.apply(history[-1])
            twin.apply(history[-1])
        assert_same_view(state, twin)
        assert len(history) <= game.max_length
        forbidden += twin.forbidden
    if kind == "back":
        assert (forbidden > 0) == options.get("no_repetition", False)


def test_no_way_to_end_the_turn() -> None:
    """A chain that can only end on a position of the past, and cannot go on, loses."""
    home = {(0, 0), (1, 1), (0, 3), (1, 3), (0, 4)}
    twin = Twin(no_repetition=True, pieces=[home, {(7, column) for column in range(1, 6)}], ineligible={(0, 0)})
    turns = "b2-a4 b8-a6 d1-d2 f8-g6 d1-c3 c8-b6 c3-d1 a6-b8 d2-e1 g6-f8 a4-b2 b6-c8"
    states = [from_string(registry.make("razzle", no_repetition=wanted), twin.to_string()) for wanted in (True, False)]
    for turn in turns.split():
        for action in turn_from_text(states[0], turn):
            assert_same(states[0], twin)
            for state in states:
                state.apply(action)
            twin.apply(action)
    last = turn_from_text(states[1], "e1-d1")
    assert last[1:] == [END]
    for state in states:
        state.apply(last[0])
    twin.apply(last[0])
    assert_same(states[0], twin)
    assert outcome(states[0]) == (1, "stuck")
    assert outcome(states[1]) == (None, None)
    with pytest.raises(ValueError, match="after the end of the game"):
        states[0].apply(END)


def test_somebody_can_always_move_but_for_repetition() -> None:
    """Four knights have 7 targets or more outside themselves, and only 6 other pieces can stand on them."""
    jumps = [(a, b) for a in (-2, -1, 1, 2) for b in (-2, -1, 1, 2) if abs(a) != abs(b)]
    targets = [
        sum(1 << 7 * (row + a) + column + b for a, b in jumps if 0 <= row + a < 8 and 0 <= column + b < 7)
        for row in range(8) for column in range(7)
    ]
    fewest = min(
        ((targets[a] | targets[b] | targets[c] | targets[d]) & ~(1 << a | 1 << b | 1 << c | 1 << d)).bit_count()
        for a, b, c, d in combinations(range(56), 4)
    )
    assert fewest == 7
