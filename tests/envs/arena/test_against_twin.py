"""The arena against its slow twin, tick by tick, with bots and random players mixed."""
from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.arena.positions import statistics, to_dict
from native.game import State
from tests.envs.arena.twin import CLOSED, RADIUS, Twin
from tests.envs.play import random_choice

PLAYER_FIELDS = ("team", "alive", "x", "y", "vx", "vy", "hp", "ammo", "wait", "dash", "pressure")
SHOT_FIELDS = ("owner", "x", "y", "vx", "vy", "born")


def camp(state: State, seat: int) -> list[int]:
    """Makes for the middle of the zone to come and harms nobody."""
    position = to_dict(state)
    me, goal = position["players"][seat], position["zone"]["next"]
    return [5 + int(np.clip(round(5 * (goal[axis] - me[axis])), -5, 5)) for axis in ("x", "y")] + [5, 5, 0, 0, 0]


def choose(state: State, styles: list[str], rng: np.random.Generator) -> list[list[int]]:
    """One action per seat: a bot's or a random one; nonsense for the dead."""
    actions = []
    for seat, style in enumerate(styles):
        if not state.legal(seat).any():
            actions.append([-7] * 7)
        elif style == "camper":
            actions.append(camp(state, seat))
        elif style == "random":
            actions.append(random_choice(state, seat, rng))
        else:
            actions.append(state.bot_action(style, int(rng.integers(2**63)), seat)[0].tolist())
    return actions


def take_chance(twin: Twin, position: dict[str, Any], phase_before: int) -> int:
    """Tells the twin what chance brought, if the rules allow it; returns the number of new items."""
    if twin.phase != phase_before:
        twin.told_next(position)
        (x, y, radius), (next_x, next_y, next_radius) = twin.zone, twin.zone_to
        expected = twin.first_radius * (RADIUS[twin.phase] if twin.phase < CLOSED else 0)
        assert next_radius == pytest.approx(expected)
        assert math.dist((x, y), (next_x, next_y)) <= radius - next_radius + 1e-9
    new: list[dict[str, Any]] = position["items"][len(twin.items):]
    room = 5 if twin.compat else len(twin.players) + 4
    due = twin.ticks % 150 == 0 if twin.compat else twin.ticks % 60 == 0 and twin.phase < CLOSED
    assert len(new) == int(due and len(twin.items) < room and not twin.over)
    for item in new:
        assert item["kind"] in ("health_pack", "ammo_crate")
        if twin.compat:
            assert max(abs(item["x"]), abs(item["y"])) <= 50
        else:
            assert math.dist((item["x"], item["y"]), twin.zone[:2]) <= twin.zone[2]
    twin.items += new
    return len(new)


def assert_same(state: State, twin: Twin, position: dict[str, Any]) -> None:
    assert state.is_terminal == twin.over
    assert state.rewards().tolist() == pytest.approx(twin.rewards)
    for told, player in zip(position["players"], twin.players, strict=True):
        assert [told[name] for name in PLAYER_FIELDS] == pytest.approx([getattr(player, n) for n in PLAYER_FIELDS])
    assert len(position["shots"]) == len(twin.shots)
    for told, shot in zip(position["shots"], twin.shots, strict=True):
        assert [told[name] for name in SHOT_FIELDS] == pytest.approx([getattr(shot, name) for name in SHOT_FIELDS])
    assert position["items"] == twin.items
    zone = position["zone"]
    assert [zone["x"], zone["y"], zone["radius"], zone["damage"]] == pytest.approx([*twin.zone, twin.damage])


@pytest.mark.parametrize(("options", "styles", "least"), [
    ({"players": 8, "duration": 60}, ["rule", "utility", "random", "rule"] * 2,
     {"over": 2, "killed": 8, "dashed": 20, "taken": 2}),
    ({"players": 5, "duration": 30}, ["camper"] * 5, {"over": 2, "closed": 2}),
    ({"players": 6, "team_size": 2, "scoring": "placement"}, ["rule", "utility"] * 3, {"over": 2, "killed": 6}),
    ({"players": 16, "dash": False, "duration": 60}, ["utility", "rule"] * 8, {"over": 2, "killed": 20, "taken": 1}),
    ({"rules": "compat", "players": 5, "duration": 20}, ["rule", "random"] * 3, {"over": 2, "killed": 2}),
], ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) and "over" not in value else "")
def test_games(options: dict[str, Any], styles: list[str], least: dict[str, int]) -> None:
    game, seen = registry.make("arena", **options), Counter[str]()
    for seed in range(2):
        rng, state = np.random.default_rng(seed), game.new_state(seed)
        twin = Twin(to_dict(state), game.options)
        while not twin.over:
            for seat in range(0, game.num_players, 3):
                mask = state.legal(seat)
                if seat in twin.living():
                    assert tuple(map(bool, mask[[45, 47]])) == twin.legal_switches(seat)
                    assert mask.sum() == 48 + mask[45] + mask[47]
                else:
                    assert not mask.any()
            actions = choose(state, styles[:game.num_players], rng)
            phase, had = twin.phase, len(twin.items)
            state.apply(actions)
            twin.tick(actions)
            position = to_dict(state)
            seen["taken"] += len(twin.items) < had
            seen["dashed"] += sum(player.dash == 59 for player in twin.players)
            take_chance(twin, position, phase)
            assert_same(state, twin, position)
        seen["over"] += 1
        seen["closed"] += twin.phase == CLOSED
        figures = statistics(state)
        assert [told["kills"] for told in figures] == twin.kills
        seen["killed"] += sum(twin.kills)
    assert all(seen[name] >= number for name, number in least.items()), seen
