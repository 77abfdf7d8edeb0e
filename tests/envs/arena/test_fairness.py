"""Under `lms` no rule looks at the order of seats: exchanged seats give the exchanged game, ties go to all."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import registry
from envs.arena.positions import advance, statistics, to_dict
from native.game import State
from tests.envs.arena.scene import STILL, item, player, scene, shot


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), team_size=st.sampled_from([1, 2]))
def test_exchanged_seats(seed: int, team_size: int) -> None:
    """A crowd that shoots, reaches and dies in a small zone; every float of the exchanged game is the same."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(6).tolist()
    crowd = [
        player(x, y, seat // team_size, hp=float(rng.integers(1, 4) * 10))
        for seat, (x, y) in enumerate(rng.uniform(-4, 4, (6, 2)).tolist())
    ]
    items = [item("health" if i % 2 else "ammo", *rng.uniform(-4, 4, 2).tolist()) for i in range(6)]
    game = registry.make("arena", players=6)
    ours = scene(crowd, items=items, radius=4.5, game=game)
    theirs = scene([crowd[seat] for seat in order], items=items, radius=4.5, game=game)
    for _ in range(40):
        actions = np.concatenate([rng.uniform(-1, 1, (6, 4)), rng.integers(0, 2, (6, 3))], axis=1).tolist()
        advance(ours, dict(enumerate(actions)), [])
        advance(theirs, {place: actions[seat] for place, seat in enumerate(order)}, [])
        mine, exchanged = to_dict(ours), to_dict(theirs)
        assert exchanged["players"] == [mine["players"][seat] for seat in order]
        assert exchanged["items"] == mine["items"]
        for told in exchanged["shots"]:
            told["owner"] = order[told["owner"]]
        assert sorted(map(str, exchanged["shots"])) == sorted(map(str, mine["shots"]))
        assert statistics(theirs) == [statistics(ours)[seat] for seat in order]


def seats_both_ways(first: dict[str, Any], second: dict[str, Any], **rest: Any) -> list[State]:
    return [scene([first, second], **rest), scene([second, first], **rest)]


def test_simultaneous_deaths_are_a_draw() -> None:
    for state in seats_both_ways(player(-3, 0, 0, hp=10), player(3, 0, 1, hp=10)):
        to_east = 10 if to_dict(state)["players"][0]["x"] < 0 else 0
        aims = [to_east, 10 - to_east]
        for _ in range(20):
            state.apply([[5, 5, aim, 5, int(state.legal(seat)[45]), 0, 0] for seat, aim in enumerate(aims)])
            if state.is_terminal:
                break
        assert state.is_terminal
        assert state.rewards().tolist() == [0, 0]
        assert state.metrics()["decided"] == 0
        assert state.metrics()["kills"] == 2


def test_first_shot_wins() -> None:
    for state in seats_both_ways(player(-3, 0, 0, hp=10), player(3, 0, 1, hp=10, wait=1)):
        east = [told["x"] > 0 for told in to_dict(state)["players"]]
        while not state.is_terminal:
            state.apply([[5, 5, 0 if east[seat] else 10, 5, int(state.legal(seat)[45]), 0, 0] for seat in (0, 1)])
        assert state.rewards().tolist() == [-1 if there else 1 for there in east]


def test_item_goes_to_the_nearest() -> None:
    reach = [0, 0, 0, 0, 0, 0, 1]
    for state in seats_both_ways(player(-1.5, 0, 0, hp=50), player(1.4, 0, 1, hp=50), items=[item("health", 0, 0)]):
        advance(state, {0: reach, 1: reach}, [])
        assert {told["x"]: told["hp"] for told in to_dict(state)["players"]} == {-1.5: 50, 1.4: 75}
    state = scene([player(-1.5, 0, 0, ammo=20), player(1.5, 0, 1, ammo=3)], items=[item("ammo", 0, 0)])
    advance(state, {0: reach, 1: reach}, [])
    assert [told["ammo"] for told in to_dict(state)["players"]] == [30, 18]
    assert to_dict(state)["items"] == []


def test_items_out_of_reach_stay() -> None:
    state = scene([player(-2, 0, 0), player(2.5, 0, 1)], items=[item("health", 0, 0)])
    advance(state, {0: [0, 0, 0, 0, 0, 0, 1], 1: [0, 0, 0, 0, 0, 0, 1]}, [])
    assert len(to_dict(state)["items"]) == 1


def test_shot_hits_the_nearest_enemy_and_passes_mates() -> None:
    """Three in a row: a mate in the line of fire is passed, of two enemies the nearer to the shot is hit."""
    crowd = [player(-5, 0, 0), player(-0.2, 0, 0), player(0.3, 0.2, 1), player(0.2, 0, 1)]
    state = scene(crowd, shots=[shot(0, -20 / 30, 0, 20, 0)])
    state.apply([STILL] * 4)
    assert [told["hp"] for told in to_dict(state)["players"]] == [100, 100, 100, 90]
    state = scene([player(-5, 0, 0), player(0, 0.5, 1), player(0, -0.5, 2)], shots=[shot(0, -20 / 30, 0, 20, 0)])
    state.apply([STILL] * 3)
    assert [told["hp"] for told in to_dict(state)["players"]] == [100, 90, 90]
    assert to_dict(state)["shots"] == []


def test_compat_hits_the_first_in_order_even_a_mate() -> None:
    crowd = [player(-5, 0, 0), player(-0.9, 0, 0), player(0, 0, 1)]
    state = scene(crowd, shots=[shot(0, -20 / 30, 0, 20, 0)], rules="compat")
    state.apply([STILL] * 3)
    assert [told["hp"] for told in to_dict(state)["players"]] == [100, 90, 100]
    assert [told["taken"] for told in statistics(state)] == [0, 10, 0]
    assert [told["dealt"] for told in statistics(state)] == [0, 0, 0], "what a mate suffers is no merit"


@pytest.mark.parametrize("bot", ["utility", "rule"])
def test_mirrored_duels_of_one_bot_favour_no_seat(bot: str) -> None:
    """The binomial test at 4 sigma over the decided duels; the original's first seat won nearly all."""
    game = registry.make("arena", players=2, duration=60)
    wins = [0, 0]
    for seed in range(150):
        state, words = game.new_state(seed), [seed, seed + 10_000]
        while not state.is_terminal:
            actions = []
            for seat in (0, 1):
                action, words[seat] = state.bot_action(bot, words[seat], seat)
                actions.append(action)
            state.apply(actions)
        for seat in (0, 1):
            wins[seat] += int(state.rewards()[seat] == 1)
    assert sum(wins) > 20
    assert abs(wins[0] - wins[1]) < 4 * sum(wins) ** 0.5
