"""The two bots: whom they aim at, when they flee, and how matches between them end from either seat."""
from __future__ import annotations

import math

import numpy as np
import pytest

from envs import registry
from envs.arena.notation import action_from_text, action_to_text
from envs.arena.positions import to_dict
from envs.arena.render import to_svg, to_text
from native.game import State
from native.match import play_match
from tests.envs.arena.scene import item, player, scene

BOTS = ["utility", "rule"]


def direction(classes: list[int]) -> float:
    """Degrees."""
    return math.degrees(math.atan2(classes[1] - 5, classes[0] - 5))


def chosen(state: State, bot: str, seat: int = 0, rng: int = 1) -> list[int]:
    found: list[int] = state.bot_action(bot, rng, seat)[0].tolist()
    return found


@pytest.mark.parametrize("bot", BOTS)
def test_aim_at_the_nearest_enemy_past_a_mate(bot: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        angle = rng.uniform(-math.pi, math.pi)
        x, y = 6 * math.cos(angle), 6 * math.sin(angle)
        state = scene([player(0, 0, 0), player(1, 1, 0), player(-7 * x / 6, -7 * y / 6, 1), player(x, y, 1)])
        action = chosen(state, bot, rng=int(rng.integers(2**60)))
        off = (direction(action[2:4]) - math.degrees(angle) + 180) % 360 - 180
        assert abs(off) < 6 + 2.5 * (bot == "utility")
        assert action[4] == 1


@pytest.mark.parametrize("bot", BOTS)
def test_alone_with_mates_nobody_shoots(bot: str) -> None:
    state = scene([player(0, 3, 0), player(0, 0, 0), player(0, 30, 1)])
    for rng in range(50):
        assert chosen(state, bot, rng=rng)[4] == 0


@pytest.mark.parametrize("bot", BOTS)
def test_weak_bots_flee(bot: str) -> None:
    """`rule` bends its way to the zone centre, here straight behind it."""
    state = scene([player(3, 0, 0, hp=30), player(6, 0, 1)])
    action = chosen(state, bot)
    assert action[:2] == [0, 5]
    assert action[2:4] == [10, 5]


@pytest.mark.parametrize("bot", BOTS)
def test_no_shot_before_it_is_ready(bot: str) -> None:
    for changes in ({"wait": 2}, {"ammo": 0}):
        state = scene([player(0, 0, 0, **changes), player(6, 0, 1)], frame_skip=3)
        assert chosen(state, bot)[4] == 0


@pytest.mark.parametrize("bot", BOTS)
def test_gathering(bot: str) -> None:
    far, near = scene([player(0, 0, 0), player(30, 0, 1)], items=[item("ammo", 0, -6)]), 1.7
    assert any(chosen(far, bot, rng=rng)[:2] == [5, 0] for rng in range(20))
    assert not any(chosen(far, bot, rng=rng)[6] for rng in range(20))
    close = scene([player(0, 0, 0), player(30, 0, 1)], items=[item("ammo", 0, -near)])
    assert any(chosen(close, bot, rng=rng)[6] for rng in range(20))


def test_rule_leaves_the_burning_ground() -> None:
    state = scene([player(20, 0, 0), player(26, 0, 1)], radius=10)
    action = chosen(state, "rule")
    assert action[:2] == [0, 5]
    assert action[2:6] == [10, 5, 1, 1]      # it shoots on the way, and dashes


def test_rule_under_pressure_makes_for_the_centre() -> None:
    """After ticks outside the zone it does not fight its way as one who comes fresh to the same place would."""
    state = scene([player(11.3, 0, 0), player(5.3, 0, 1)], radius=10, dash=False)
    for _ in range(8):
        assert chosen(state, "rule")[:2] == [0, 5]
        state.apply([[0, 5, 5, 5, 0, 0, 0], [5, 5, 5, 5, 0, 0, 0]])
    told = to_dict(state)["players"][0]
    assert told["x"] < 10
    assert chosen(state, "rule")[:2] == [0, 5]
    assert chosen(scene([told | {"pressure": 0}, player(5.3, 0, 1)], radius=10), "rule")[0] == 5


@pytest.mark.parametrize("rules", ["lms", "compat"])
def test_matches_from_either_seat(rules: str) -> None:
    """A takes the seats in turn: nobody owes a win to the order."""
    game = registry.make("arena", players=2, rules=rules)
    for a, b, least in (("rule", "utility", 34), ("rule", "random", 25), ("utility", "random", 10)):
        for one, other, sign in ((a, b, 1), (b, a, -1)):
            match = play_match(game, one, other, 40, seed=3)
            wins, losses = (match.wins, match.losses)[::sign]
            assert wins >= least, (one, other, match)
            assert losses <= 4, (one, other, match)


def test_last_of_eight() -> None:
    """Against seven others a bot that is as good as they wins one game in eight; here `rule` wins most."""
    game = registry.make("arena")
    assert play_match(game, "rule", "utility", 40, seed=1).wins > 10
    assert play_match(game, "utility", "rule", 40, seed=1).wins < 8


def test_drawing() -> None:
    state = scene(
        [player(0, 0, 0, hp=55), player(8, 0, 1), player(0, 0, 2, alive=False)], items=[item("health", 3, 3)],
        game=registry.make("arena", players=3),
    )
    text, picture = to_text(state), to_svg(state)
    assert text.endswith("0.0 s, 2 of 3 alive")
    assert "seat 0  team 0  hp  55.0  ammo 30" in text
    assert "seat 2" not in text
    assert "+" in text
    assert "<title>seat 1, team 1, 100 hp, 30 rounds</title>" in picture
    assert "<title>health pack</title>" in picture
    assert picture.count("<title>seat ") == 2
    over = scene([player(0, 0, 0), player(0, 60, 1, hp=0.01)])
    over.apply([[5, 5, 5, 5, 0, 0, 0]] * 2)
    assert to_text(over).endswith("0.0 s, seat 0 wins")


def test_actions_in_words() -> None:
    state = registry.make("arena").new_state()
    assert action_to_text(state, [10, 5, 7, 0, 1, 0, 1]) == "10 5 7 0 1 0 1"
    assert action_from_text(state, " 10 5 7 0 1 0 1 ") == [10, 5, 7, 0, 1, 0, 1]
    with pytest.raises(ValueError, match="arena: no action 'left', expected 7 numbers"):
        action_from_text(state, "left")
    with pytest.raises(ValueError, match="number 5 must be 0 to 1, got 2"):
        action_from_text(state, "0 0 0 0 2 0 0")
    with pytest.raises(ValueError, match="an action has 7 numbers, got 2"):
        action_to_text(state, [1, 2])


def test_position_round_trip() -> None:
    """What `to_dict` says, `from_dict` makes again."""
    game = registry.make("arena", players=4)
    state = scene([player(1, 2, seat) for seat in range(4)], items=[item("ammo", 3, 4)], game=game)
    told = to_dict(state)
    assert told["players"][3] == player(1, 2, 3)
    assert told["items"] == [item("ammo", 3, 4)]
    with pytest.raises(ValueError, match="this game has 4 players, got 2"):
        scene([player(0, 0, 0), player(0, 0, 1)], game=game)
