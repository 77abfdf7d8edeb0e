"""The fast game against the slow one, ply by ply, under every combination of options."""
from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.beasty_bar.positions import from_dict, scores, to_dict, trace_turn
from native.game import State
from tests.envs.beasty_bar.twin import Twin

VARIANTS = list(itertools.product((2, 3, 4), ("points", "animals"), ("upstream", "official")))


def assert_same(state: State, twin: Twin) -> None:
    assert to_dict(state) == twin.position()
    assert state.is_terminal == twin.over
    assert state.legal_actions() == sorted(twin.actions())
    assert state.rewards().tolist() == pytest.approx(twin.rewards())
    assert scores(state) == twin.scores()
    for viewer in range(len(twin.hands)):
        assert state.observe(viewer).tolist() == twin.observation(viewer)


@pytest.mark.parametrize(("players", "scoring", "giraffe"), VARIANTS)
def test_random_games(players: int, scoring: str, giraffe: str) -> None:
    game = registry.make("beasty_bar", players=players, scoring=scoring, giraffe=giraffe, start="random")
    rng, starts = np.random.default_rng(players), set()
    for seed in range(12):
        state = game.new_state(seed)
        twin = Twin.of(to_dict(state), animals_count=scoring == "animals", giraffe_once=giraffe == "official")
        starts.add(twin.player)
        assert_same(state, twin)
        while not twin.over:
            action = int(rng.choice(sorted(twin.actions())))
            steps = trace_turn(state, action)
            state.apply(action)
            twin.play(action)
            assert steps["queue_after_ability"] == twin.after_ability
            assert steps["queue_after_recurring"] == twin.after_recurring
            assert_same(state, twin)
    assert starts == set(range(players))


def test_giraffe_that_a_hippo_overtakes() -> None:
    """The giraffe steps past the skunk, then the hippo overtakes both: upstream the giraffe is visited once more."""
    position = {"q": [6, 1, 8, 111], "bar": [], "out": [], "h": [[7, 4, 3, 2], [5, 2, 3, 4]], "d": [[], []],
                "p": 0, "t": 4}
    passed = {}
    for giraffe in ("upstream", "official"):
        state = from_dict(registry.make("beasty_bar", giraffe=giraffe), position)
        passed[giraffe] = trace_turn(state, 0)["queue_after_recurring"]
    assert passed == {"upstream": [111, 8, 6, 1, 7], "official": [111, 6, 8, 1, 7]}


def test_parrot_and_chameleon_without_a_target() -> None:
    """Three or four may play them idly, two may not."""
    rest = {"q": [], "bar": [], "out": [], "p": 0, "t": 9}
    three = from_dict(registry.make("beasty_bar", players=3), rest | {"h": [[2, 5], [1, 3], [4, 6]], "d": [[], [], []]})
    assert three.legal_actions() == [0, 31]
    three.apply(31)
    assert to_dict(three)["q"] == [5]
    two = from_dict(registry.make("beasty_bar"), rest | {"h": [[2, 5, 7], [1, 3]], "d": [[], []]})
    assert two.legal_actions() == [62]


def test_animals_break_ties_by_weakness() -> None:
    position: dict[str, Any] = {
        "q": [9], "bar": [1, 101, 3, 104], "out": [], "h": [[11], [12]], "d": [[], []], "p": 0, "t": 20,
    }
    by_points = from_dict(registry.make("beasty_bar"), position)
    by_animals = from_dict(registry.make("beasty_bar", scoring="animals"), position)
    assert (scores(by_points), scores(by_animals)) == ([8, 7], [2, 2])
    assert by_animals.rewards().tolist() == [1, -1]
    position["bar"] = [1, 101, 4, 103]
    assert from_dict(registry.make("beasty_bar", scoring="animals"), position).rewards().tolist() == [-1, 1]
    position["bar"] = [1, 101, 4, 104]
    assert from_dict(registry.make("beasty_bar", scoring="animals"), position).rewards().tolist() == [0, 0]


def test_places_of_four() -> None:
    position = {"q": [], "bar": [1, 101, 201, 302, 109, 203], "out": [], "h": [[11], [11], [], []],
                "d": [[], [], [], []], "p": 0, "t": 40}
    state = from_dict(registry.make("beasty_bar", players=4), position)
    assert scores(state) == [4, 6, 8, 4]
    assert state.rewards().tolist() == pytest.approx([-2 / 3, 1 / 3, 1, -2 / 3])
    assert state.metrics()["points_margin"] == -4
