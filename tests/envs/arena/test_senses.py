"""Observations against their description in `envs/arena/senses.pyx`, worked out from positions."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.arena.positions import advance, features, from_dict, to_dict
from native.game import State
from tests.envs.arena.scene import item, player, scene, shot
from tests.envs.play import random_choice

SIGHT = 10


def nearest(me: dict[str, Any], things: list[dict[str, Any]], most: int) -> tuple[list[dict[str, Any]], int]:
    """The first few in sight by distance, and how many are in sight."""
    seen = sorted(
        ((math.dist((me["x"], me["y"]), (thing["x"], thing["y"])), i) for i, thing in enumerate(things)),
    )
    seen = [(away, i) for away, i in seen if away <= SIGHT]
    return [things[i] | {"away": away} for away, i in seen[:most]], len(seen)


def padded(rows: list[list[float]], most: int, width: int) -> list[float]:
    return [value for row in [*rows, *([[0.0] * width] * (most - len(rows)))] for value in row]


def relative(state: State, seat: int) -> list[float]:
    """The 103 features, but for the s until the zone changes and whether it shrinks, which are None."""
    told = to_dict(state)
    me = told["players"][seat]
    if not me["alive"]:
        return [0.0] * 103
    others = [other for i, other in enumerate(told["players"]) if i != seat and other["alive"]]
    enemies = [other for other in others if other["team"] != me["team"]]
    mates = [other for other in others if other["team"] == me["team"]]
    compat = state.game.options["rules"] == "compat"
    shots = [
        shot for shot in told["shots"]
        if shot["owner"] != seat and (compat or told["players"][shot["owner"]]["team"] != me["team"])
    ]

    def to(thing: dict[str, Any], unit: float) -> list[float]:
        return [(thing["x"] - me["x"]) / unit, (thing["y"] - me["y"]) / unit]

    def people(group: list[dict[str, Any]], most: int) -> list[float]:
        rows = [
            [1, *to(one, SIGHT), one["away"] / SIGHT, one["vx"] / 10, one["vy"] / 10, one["hp"] / 100]
            for one in nearest(me, group, most)[0]
        ]
        return padded(rows, most, 7)

    zone = told["zone"]
    rim = zone["radius"] - math.dist((me["x"], me["y"]), (zone["x"], zone["y"]))
    items, items_seen = nearest(me, told["items"], 3)
    duration = state.game.options["duration"]
    return [
        1, me["hp"] / 100, me["ammo"] / 30, me["wait"] / 7, me["dash"] / 60, me["vx"] / 10, me["vy"] / 10, rim < 0,
        *np.clip(to(zone, 50), -2, 2), zone["radius"] / 50, min(1, max(-1, rim / SIGHT)),
        *np.clip(to(zone["next"], 50), -2, 2),
        zone["next"]["radius"] / 50, math.nan, math.nan, zone["damage"] / 20 * duration / 120,
        told["tick"] / 30 / duration,
        len(enemies) / 15, len(mates) / 15, nearest(me, enemies, 4)[1] / 15, items_seen / 20,
        *people(enemies, 4), *people(mates, 2),
        *padded([
            [1, *to(one, SIGHT), one["away"] / SIGHT, one["kind"] == "health_pack", one["kind"] == "ammo_crate"]
            for one in items
        ], 3, 6),
        *padded([[1, *to(one, SIGHT), one["vx"] / 20, one["vy"] / 20] for one in nearest(me, shots, 4)[0]], 4, 5),
    ]


@pytest.mark.parametrize("options", [
    {"players": 16, "observation": "both"},
    {"players": 9, "team_size": 3, "observation": "relative"},
    {"players": 7, "rules": "compat", "observation": "both"},
], ids=str)
def test_relative_features(options: dict[str, Any]) -> None:
    """Crowded states, so that there is more than can be shown; every kind of entry occurs."""
    game = registry.make("arena", **options, duration=20)
    rng, state = np.random.default_rng(1), game.new_state(2)
    told = to_dict(state)
    for one in told["players"]:
        one["x"], one["y"] = rng.uniform(-7, 7, 2).tolist()
    told["items"] = [item(kind, *rng.uniform(-9, 9, 2).tolist()) for kind in ("health", "ammo") * 5]
    state, used = from_dict(game, told), np.zeros(103, bool)
    for _ in range(60):
        state.apply([random_choice(state, seat, rng) if state.legal(seat).any() else [0] * 7
                     for seat in range(game.num_players)])
        if state.is_terminal:
            break
        for seat in range(game.num_players):
            shown, expected = state.observe(seat), np.array(relative(state, seat))
            if len(shown) > 103:
                np.testing.assert_array_equal(shown[:19], features(state, seat).astype(np.float32))
                shown = shown[19:]
            known = ~np.isnan(expected)
            np.testing.assert_allclose(shown[known], expected[known], rtol=0, atol=2e-6)
            used |= shown != 0
    missing = set(np.flatnonzero(~used).tolist())
    assert missing <= {4, 7, 15, 16, 20, *range(51, 65)}, missing
    if game.options["team_size"] > 1:
        assert not missing & {20, *range(51, 65)}


def test_time_until_the_zone_changes() -> None:
    """Hold until 20 s, shrink until 35 s, hold until 45 s; in quarters of 120 s."""
    state = registry.make("arena", players=2, observation="relative").new_state(1)
    told = {}
    for tick in range(1051):
        told[tick] = state.observe(0)[[15, 16]].tolist()
        advance(state, {}, [])
    assert told[0] == pytest.approx([20 / 30, 0])
    assert told[599] == pytest.approx([1 / 900, 0], abs=1e-6)
    assert told[600] == pytest.approx([15 / 30, 1])
    assert told[900] == pytest.approx([5 / 30, 1])
    assert told[1050] == pytest.approx([10 / 30, 0])


def test_raw_features() -> None:
    """The first enemy in the order of seats, not the nearest; without one the first mate; distances as they are."""
    crowd = [player(0, 0, 0, vx=1.0), player(1, 0, 0), player(6, 8, 1, hp=40), player(2, 0, 1), player(6.1, 8, 2)]
    state = scene(crowd, radius=5, rules="compat")
    assert features(state, 0).tolist() == [0, 0, 1, 0, 100, 30, 0, 0, 5, 1, 6, 8, 40, 0, 0, 3, 0, 10, 0]
    assert features(state, 4)[9] == 0
    lonely = scene([player(0, 0, 0), player(3, 4, 0, hp=7), player(20, 0, 1)], rules="compat")
    assert features(lonely, 0)[[10, 11, 12, 15, 17]].tolist() == [3, 4, 7, 1, 5]
    assert not features(lonely, 2)[10:].any()


@pytest.mark.parametrize("observation", ["both", "raw", "relative"])
def test_scales(observation: str) -> None:
    """Scaled observations of bots at play are about -1 .. 1, and no entry is scaled away."""
    game = registry.make("arena", observation=observation)
    scale, largest = game.observation_scale, np.zeros(game.observation_shape)
    assert (scale is None) == (observation == "relative")
    for seed in range(3):
        state = game.new_state(seed)
        while not state.is_terminal:
            state.apply([state.bot_action("rule", seed, seat)[0] for seat in range(8)])
            for seat in range(8):
                seen = state.observe(seat)
                largest = np.maximum(largest, np.abs(seen if scale is None else seen * scale))
    assert largest.max() <= 2
    if observation != "relative":
        assert largest[[0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 17, 18]].min() > 0.25
        assert largest[15:17].min() > 0.05


def test_what_is_out_of_sight_is_dealt_anew() -> None:
    """Positions in sight and all own figures stay; others' rounds do not; nothing unseen comes into sight."""
    crowd = [player(0, 0, 0, ammo=17, wait=3), player(5, 0, 1), player(20, 0, 2), player(9, 9, 3), player(0, 30, 4)]
    things = [item("health", 1, 1), item("ammo", 15, 3)]
    shots = [shot(0, 40, 0, 20, 0), shot(1, 3, 3, 0, 20), shot(2, -12, 0, 0, 20)]
    state = scene(crowd, items=things, shots=shots)
    before, ammo, places = to_dict(state), set(), set()
    for seed in range(200):
        other = state.clone()
        other.redeterminize(0, seed)
        told = to_dict(other)
        assert told["players"][0] == before["players"][0]
        for field in ("x", "y", "vx", "vy", "hp"):
            assert told["players"][1][field] == before["players"][1][field]
        assert (told["items"][0], told["shots"][:2]) == (before["items"][0], before["shots"][:2])
        for thing in [*told["players"][2:], told["items"][1], told["shots"][2]]:
            assert math.hypot(thing["x"], thing["y"]) > SIGHT
        assert math.hypot(told["shots"][2]["vx"], told["shots"][2]["vy"]) == pytest.approx(20)
        assert all(0 < one["hp"] <= 100 for one in told["players"])
        ammo.add(told["players"][1]["ammo"])
        places.add((told["players"][2]["x"], told["items"][1]["y"], told["shots"][2]["x"]))
    futures = set()
    for seed in range(5):
        other = state.clone()
        other.redeterminize(0, seed)
        for _ in range(60):
            advance(other, {})
        futures.add(to_dict(other)["items"][-1]["x"])
    assert len(futures) == 5, "what chance brings is not to be foreseen"
    assert ammo == set(range(31))
    assert len(places) == 200


def test_shapes() -> None:
    assert [registry.make("arena", **options).observation_shape for options in (
        {}, {"observation": "raw"}, {"observation": "relative"}, {"rules": "compat"},
        {"rules": "compat", "observation": "both"},
    )] == [(122,), (19,), (103,), (19,), (122,)]
