"""Whole games under both rule sets against plain Python, the native side playing with the twin's random numbers."""
from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.prospector.positions import ending, from_world, replay, set_position, to_dict, to_world
from native.game import Game, State
from tests.envs.prospector.recorded import lines
from tests.envs.prospector.twin import BALANCED, COMPAT, Twin

WORLDS = [line["world"] for line in lines() if line["type"] == "episode"]
TOLERANCE = 1e-4        # of the native single precision after some hundred steps, relative where larger than 1


def assert_same(state: State, twin: Twin) -> None:
    position = to_dict(state)
    rocks, node = twin.here, twin.p["node"]
    wanted = {**twin.p, "depl": padded([rock["depl"] for rock in rocks]), "conf": padded([r["conf"] for r in rocks]),
              "hazard": twin.world["node_hazard"][node]}
    for field, value in wanted.items():
        error = np.abs(np.subtract(position[field], value)) / np.maximum(1, np.abs(value))
        assert error.max() < TOLERANCE, f"{field}: {position[field]} is not {value}"
    seen = state.observe()
    shown = seen[68:244].reshape(16, 11)
    for rock, numbers in zip(rocks, shown, strict=False):
        assert np.abs(numbers[1:8] - [*rock["comp_est"], rock["stab_est"]]).max() < TOLERANCE
    ways = [k for k in range(6) if twin.world["neighbors"][node][k] >= 0]
    assert np.abs(seen[24:66].reshape(6, 7)[ways, 6] - np.array(twin.estimates[node])[ways]).max() < TOLERANCE
    change = np.clip(np.subtract(twin.p["price"], twin.previous) / 100, -1, 1)
    assert np.abs(seen[250:256] - change).max() < TOLERANCE


def padded(values: list[float]) -> list[float]:
    return values + [0.0] * (16 - len(values))


def chosen(rng: np.random.Generator, twin: Twin) -> int:
    """A valid action, fond of mining and of the market, now and then the last one or an invalid one."""
    valid = [action for action in range(68) if twin.valid(action)]
    if twin.valid(68) and rng.random() < 0.02:
        return 68
    if rng.random() < 0.1:
        return int(rng.integers(69))
    liked = [action for action in valid if 28 <= action <= 30 or 43 <= action <= 67 or 12 <= action <= 27]
    return int(rng.choice(liked if liked and rng.random() < 0.6 else valid))


def in_between(position: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """With money to buy everything, cargo for pirates to take, and a ship that will not bear everything."""
    hull, fuel = rng.uniform(5, 80), rng.uniform(20, 500)
    return {**position, "credits": 5000.0, "cargo": rng.uniform(0, 34, 6).tolist(), "hull": hull, "fuel": fuel,
            "heat": 60.0, "ticks": 150}


@pytest.mark.parametrize("rules", ["compat", "balanced"])
def test_random_games(rules: str) -> None:
    seen, endings = Counter[int](), Counter[str | None]()
    for number, world in enumerate(WORLDS):
        game = registry.make("prospector", rules=rules, time_max=150)
        state, twin, rng = a_game(game, world, number)
        while twin.ending is None:
            action = chosen(rng, twin)
            valid = twin.valid(action)
            assert state.game.options["invalid"] == "hold" or bool(state.legal()[action]) == valid
            dt, reward = twin.step(action)
            came = replay(state, action, twin.draws)
            assert (came["dt"], came["invalid"]) == (dt, not valid)
            assert came["reward"] == pytest.approx(reward, abs=TOLERANCE)
            assert came["info"]["pirate_encounters"] == twin.encounters
            assert came["info"]["overheat_ticks"] == twin.overheat
            assert_same(state, twin)
            assert ending(state) == twin.ending
            seen[action] += valid
        endings[twin.ending] += 1
    # hardly a place has a sixteenth asteroid to select
    assert {action for action in range(69) if not seen[action]} <= {27}
    assert endings.keys() >= {"destroyed", "stranded", "cashed out", "time up"}


def a_game(game: Game, world: dict[str, Any], number: int) -> tuple[State, Twin, np.random.Generator]:
    rng = np.random.default_rng(number)
    state = from_world(game, world)
    set_position(state, in_between(to_dict(state), rng))
    return state, Twin(to_world(state), to_dict(state), BALANCED if game.options["rules"] == "balanced" else COMPAT,
                       number), rng
