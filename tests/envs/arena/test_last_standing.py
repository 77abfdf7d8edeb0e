"""Results, ends, frame skip, dash, masks and shaping of the last-one-standing game."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.arena.positions import advance, features, from_dict, statistics, to_dict
from native.game import State
from native.vector import VectorGame
from tests.envs.arena.scene import STILL, item, player, scene, shot
from tests.envs.play import random_action

FIRE, ABILITY = 45, 47      # their places in a mask


def returns_of(state: State, actions: list[list[int]], most: int = 4000) -> list[float]:
    """Sums of rewards while everybody repeats an action, to the end of the game."""
    total = np.zeros(state.game.num_players)
    for _ in range(most):
        if state.is_terminal:
            return [round(value, 6) for value in total.tolist()]
        state.apply(actions)
        total += state.rewards()
    raise AssertionError("the game did not end")


def in_the_line_of(owner: int, x: float) -> dict[str, Any]:
    """A shot from the west that reaches (x, 0) in the first tick."""
    return shot(owner, x - 20 / 30, 0, 20, 0)


@pytest.mark.parametrize(("scoring", "expected"), [("win", [1, -1, -1, -1]), ("placement", [1, -1, 1 / 3, -1 / 3])])
def test_results_of_a_free_for_all(scoring: str, expected: list[float]) -> None:
    """Seat 1 dies at once, seat 3 and then seat 2 of the zone."""
    crowd = [player(0, 5, 0), player(0, 0, 1, hp=10), player(0, 60, 2, hp=5), player(0, -60, 3, hp=2)]
    state = scene(crowd, shots=[in_the_line_of(0, 0)], scoring=scoring)
    state.apply([STILL] * 4)
    assert state.rewards().tolist() == [0, -1, 0, 0]
    assert not state.is_terminal
    assert not state.legal(1).any()
    assert not state.observe(1).any()
    assert returns_of(state, [STILL] * 4) == pytest.approx([expected[0], 0, *expected[2:]], abs=1e-6)


@pytest.mark.parametrize(("scoring", "expected"), [("win", [-1, 0, 0]), ("placement", [-1, 0.5, 0.5])])
def test_last_two_die_together(scoring: str, expected: list[float]) -> None:
    crowd = [player(0, 60, 0, hp=1), player(60, 0, 1, hp=2), player(-60, 0, 2, hp=2)]
    state = scene(crowd, scoring=scoring)
    assert returns_of(state, [STILL] * 3) == pytest.approx(expected, abs=1e-6)
    assert state.metrics()["decided"] == 0


def test_the_dead_win_with_their_team() -> None:
    crowd = [player(0, 0, 0, hp=10), player(0, 5, 0), player(0, 60, 1, hp=1), player(0, 60, 1, hp=2)]
    state = scene(crowd, shots=[in_the_line_of(2, 0)], team_size=2)
    state.apply([STILL] * 4)
    assert not state.rewards().any()
    assert returns_of(state, [STILL] * 4) == [1, 1, -1, -1]


def test_compat_goes_on_to_the_end_of_time() -> None:
    state = scene([player(0, 0, 0, hp=10), player(0, 5, 1)], shots=[in_the_line_of(1, 0)], rules="compat", duration=10)
    assert returns_of(state, [STILL] * 2) == [-1, 1]
    assert to_dict(state)["tick"] == 300
    alone = scene([player(0, 0, 0, hp=10), player(0, 60, 1, hp=1)], shots=[in_the_line_of(1, 0)], rules="compat")
    assert returns_of(alone, [STILL] * 2) == [-1, 1], "the last to die has outlived the other"
    assert to_dict(alone)["tick"] < 1800
    both = scene([player(0, 0, 0), player(0, 5, 1)], rules="compat", duration=10)
    assert returns_of(both, [STILL] * 2) == [0, 0]


@pytest.mark.parametrize("duration", [10, 47, 120])
def test_nobody_outlives_the_zone(duration: int) -> None:
    """Players who camp in the middle of the zone to come with items at hand: all die before the duration is over."""
    game = registry.make("arena", players=4, duration=duration)
    state = game.new_state(duration)
    while not state.is_terminal:
        told = to_dict(state)
        goal = told["zone"]["next"]
        state.apply([
            [5 + int(np.clip(round(5 * (goal[axis] - me[axis])), -5, 5)) for axis in "xy"] + [5, 5, 0, 0, 1]
            for me in told["players"]
        ])
    last = to_dict(state)
    assert 0.95 * 30 * duration < last["tick"] < 30 * duration
    assert last["zone"]["radius"] == 0
    assert last["items"] == []


def test_a_closed_zone_shelters_nobody() -> None:
    for rules, safe in (("lms", 0), ("compat", 1)):
        state = scene([player(0, 0, 0), player(3, 4, 1)], radius=0.0, rules=rules)
        assert [features(state, seat)[9] for seat in (0, 1)] == [safe, 0]
        state.apply([STILL, STILL])
        assert (to_dict(state)["players"][0]["hp"] == 100) == safe


@pytest.mark.parametrize(("rules", "in_the_air"), [("lms", 5), ("compat", 22)])
def test_there_is_room_for_every_shot(rules: str, in_the_air: int) -> None:
    """All fire as fast as they can and hit nobody: one shot in seven ticks each, until the rounds are spent."""
    state = scene([player(0, 1000.0 * seat, seat) for seat in range(3)], rules=rules, radius=5000.0)
    most = 0
    for tick in range(210):
        advance(state, {seat: [0, 0, 1, 0, 1, 0, 0] for seat in range(3)}, [])
        assert [told["shots"] for told in statistics(state)] == [tick // 7 + 1] * 3
        most = max(most, len(to_dict(state)["shots"]))
    assert most == 3 * in_the_air


def test_placements_add_up_to_zero() -> None:
    game = registry.make("arena", players=6, scoring="placement", duration=20)
    vector = VectorGame(game, 16, seed=1)
    actions, finished = np.zeros((16, 6, 7), np.int32), 0
    for _ in range(700):
        vector.bot_actions("utility", np.arange(16), actions)
        vector.step(actions)
        over = vector.terminal.astype(bool)
        finished += int(over.sum())
        assert not vector.truncated.any()
        assert np.abs(vector.episode_returns[over].sum(axis=1)).max(initial=0) < 1e-5
    assert finished > 16


@pytest.mark.parametrize(("options", "expected"), [
    ({"players": 2}, True), ({"players": 6, "team_size": 3}, True), ({"players": 3}, False),
    ({"players": 2, "rules": "compat"}, False), ({"players": 2, "shape_zone": 0.1}, False),
])
def test_zero_sum_is_declared_where_it_holds(options: dict[str, Any], expected: bool) -> None:
    assert registry.make("arena", **options).zero_sum == expected


def test_frame_skip_repeats_the_action() -> None:
    """Four ticks of one action are four actions, whatever happens in them; ability needs its own tick."""
    slow, fast = (registry.make("arena", players=4, frame_skip=skip, dash=False) for skip in (4, 1))
    rng = np.random.default_rng(3)
    state, other = slow.new_state(5), fast.new_state(5)
    assert to_dict(state) == to_dict(other)
    while not other.is_terminal:
        action = np.array(random_action(state, rng))
        state.apply(action)
        rewards = np.zeros(4)
        for _ in range(4):
            if not other.is_terminal:
                possible = np.array([other.legal(seat)[FIRE] for seat in range(4)])
                other.apply(np.concatenate([action[:, :4], action[:, 4:5] * possible[:, None], action[:, 5:]], axis=1))
                rewards += other.rewards()
        assert to_dict(state) == to_dict(other)
        assert state.rewards().tolist() == rewards.tolist()
    assert state.is_terminal
    assert slow.max_length == 900


def test_fire_mask() -> None:
    """Legal when a shot can leave within the decision."""
    for skip in (1, 3):
        crowd = [player(0, 0, 0, wait=skip - 1), player(0, 5, 1, wait=skip), player(0, 9, 2, ammo=0)]
        state = scene(crowd, frame_skip=skip)
        assert [state.legal(seat)[FIRE] for seat in range(3)] == [1, 0, 0]
        state.apply([[5, 5, 10, 5, 1, 0, 0], STILL, STILL])
        assert len(to_dict(state)["shots"]) == 1
        with pytest.raises(ValueError, match="illegal"):
            state.apply([STILL, [5, 5, 10, 5, 0, 0, 0], [5, 5, 10, 5, 1, 0, 0]])


def test_dash() -> None:
    """Six ticks at three times the speed, then 54 without."""
    state = scene([player(0, 0, 0), player(0, 20, 1)])
    lengths, x = [], 0.0
    for tick in range(61):
        assert state.legal(0)[ABILITY] == (tick % 60 == 0)
        state.apply([[10, 5, 5, 5, 0, int(tick % 60 == 0), 0], STILL])
        lengths.append(to_dict(state)["players"][0]["x"] - x)
        x += lengths[-1]
    assert lengths == pytest.approx([0.5] * 6 + [1 / 6] * 54 + [0.5])
    assert not scene([player(0, 0, 0), player(0, 20, 1)], dash=False).legal(0)[ABILITY]


def test_diagonal() -> None:
    for rules, speed in (("lms", 5), ("compat", 5 * math.sqrt(2))):
        state = scene([player(0, 0, 0), player(0, 20, 1)], rules=rules)
        state.apply([[10, 0, 5, 5, 0, 0, 0], [6, 6, 5, 5, 0, 0, 0]])
        first, second = to_dict(state)["players"]
        assert math.hypot(first["vx"], first["vy"]) == pytest.approx(speed)
        assert (second["vx"], second["vy"]) == (1, 1)


def test_shaping_terms() -> None:
    """Seat 0 hits seat 1; seat 2 stands outside for a tick; seat 0 takes a half-useful health pack."""
    crowd = [player(-5, 0, 0, hp=90), player(0, 0, 1), player(60, 0, 2)]
    weights: dict[str, Any] = {"shape_damage": 1.0, "shape_zone": 2.0, "shape_pickups": 0.5}
    state = scene(crowd, shots=[in_the_line_of(0, 0)], items=[item("health", -5, 1)], **weights)
    state.apply([[5, 5, 5, 5, 0, 0, 1], STILL, STILL])
    assert state.rewards().tolist() == pytest.approx([0.1 + 0.05, -0.1, -2 / 3000])
    figures = statistics(state)
    assert [told["dealt"] for told in figures] == [10, 0, 0]
    assert [told["taken"] for told in figures] == [0, 10, 0]
    assert [told["burnt"] for told in figures] == pytest.approx([0, 0, 1 / 30])
    assert figures[0]["pickups"] == pytest.approx(0.1)
    assert figures[2]["outside_s"] == pytest.approx(1 / 30)


@pytest.mark.parametrize(("tick", "rules"), [(0, "lms"), (700, "lms"), (1060, "lms"), (400, "compat")])
def test_positions_go_on_where_they_were(tick: int, rules: str) -> None:
    """What `to_dict` says, `from_dict` makes again, and both go on in the same way, the zone included."""
    game = registry.make("arena", players=3, rules=rules, dash=rules == "lms")
    state, rng = game.new_state(4), np.random.default_rng(1)
    for _ in range(tick):
        state.apply(random_action(state, rng))
    again = from_dict(game, to_dict(state))
    assert to_dict(again) == to_dict(state)
    for _ in range(100):
        action = random_action(state, rng)
        state.apply(action)
        again.apply(action)
        mine, theirs = to_dict(state), to_dict(again)
        assert (mine["zone"]["x"], mine["zone"]["radius"]) == (theirs["zone"]["x"], theirs["zone"]["radius"])
        assert mine["players"] == theirs["players"]
        if mine["tick"] % 30 == 0:
            break       # what chance brings from here on may differ


@pytest.mark.parametrize(("options", "message"), [
    ({"rules": "duel"}, "rules must be one of 'lms', 'compat', got 'duel'"),
    ({"players": 17}, "players must be an integer from 2 to 16, got 17"),
    ({"players": True}, "players must be an integer from 2 to 16, got True"),
    ({"players": 6, "team_size": 4}, "team_size must be an integer from 1 to 3, got 4"),
    ({"players": 7, "team_size": 2}, "7 players do not make teams of 2"),
    ({"frame_skip": 0}, "frame_skip must be an integer from 1 to 30, got 0"),
    ({"duration": 5}, "duration must be an integer from 10 to 3600, got 5"),
    ({"observation": "pixels"}, "observation must be one of 'both', 'raw', 'relative', got 'pixels'"),
    ({"scoring": "elo"}, "scoring must be one of 'win', 'placement', got 'elo'"),
    ({"rules": "compat", "dash": True}, "dash must be False under compat, got True"),
    ({"shape_damage": -1}, "shape_damage must be a number from 0 to 100, got -1"),
])
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"arena: {message}"):
        registry.make("arena", **options)
