"""Options, states read from text, keys, and the mirror."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.razzle.notation import game_from_text, turn_from_text
from envs.razzle.rules import from_string, must_pass, outcome, to_string

GAME = registry.make("razzle")
START = "0000000000003e.7c000000000000.3.52.00000000000000.0.0.-1.0"
WRONG = [
    ("0000000000003e.7c000000000000.3.52.00000000000000.0.0.-1", "9 parts"),
    ("0000000000003x.7c000000000000.3.52.00000000000000.0.0.-1.0", "hexadecimal"),
    ("0000000000003f.7c000000000000.3.52.00000000000000.0.0.-1.0", "5 pieces"),
    ("10000000000003c.7c000000000000.3.52.00000000000000.0.0.-1.0", "5 pieces"),
    ("0000000000003e.7800000000003e.3.52.00000000000000.0.0.-1.0", "5 pieces"),
    ("0000000000003e.0000000000003e.3.5.00000000000000.0.0.-1.0", "pieces of both"),
    ("0000000000003e.7c000000000000.6.52.00000000000000.0.0.-1.0", "ball of seat 0"),
    ("0000000000003e.7c000000000000.-3.52.00000000000000.0.0.-1.0", "ball of seat 0"),
    ("0000000000003e.7c000000000000.3.3.00000000000000.0.0.-1.0", "ball of seat 1"),
    ("0000000000003e.7c000000000000.3.52.00000000000001.0.0.-1.0", "ineligible squares"),
    ("0000000000003e.7c000000000000.3.52.00000000000000.2.0.-1.0", "seat 0 or 1"),
    ("0000000000003e.7c000000000000.3.52.00000000000000.0.2.-1.0", "has_passed"),
    ("0000000000003e.7c000000000000.3.52.00000000000004.0.1.-1.0", "from a pass ineligible"),
    ("0000000000003e.7c000000000000.3.52.00000000000000.0.0.56.0", "-1 to 55"),
    ("0000000000003e.7c000000000000.3.52.00000000000000.0.0.2.0", "not the mover's"),
    ("0000000000003e.7c000000000000.3.52.00000000000000.0.0.-1.202", "finished turns"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_wrong_text(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        from_string(GAME, text)


def test_other_games_refused() -> None:
    other = registry.make("tic_tac_toe")
    for function in (to_string, outcome, must_pass):
        with pytest.raises(ValueError, match="tic_tac_toe"):
            function(other.new_state())
    with pytest.raises(ValueError, match="tic_tac_toe"):
        from_string(other, START)


def test_start_from_text() -> None:
    """Byte for byte the start of a game, with every option."""
    for options in ({}, {"no_repetition": True}, {"rules": "published"}):
        game = registry.make("razzle", **options)
        assert from_string(game, START) == game.new_state(5)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({}, ("upstream", False, False)),
        ({"rules": "upstream"}, ("upstream", False, False)),
        ({"rules": "published"}, ("draw", True, True)),
        ({"rules": "published", "limit_result": "upstream", "forced_once": False}, ("upstream", False, True)),
    ],
)
def test_options(options: dict[str, Any], chosen: tuple[str, bool, bool]) -> None:
    game = registry.make("razzle", **options)
    assert tuple(game.options.values()) == chosen
    assert game == registry.make("razzle", limit_result=chosen[0], forced_once=chosen[1], no_repetition=chosen[2])
    assert game.state_bytes == (1672 if chosen[2] else 48)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("rules", "docs", "'upstream' or 'published', got 'docs'"),
        ("limit_result", "loss", "'upstream' or 'draw', got 'loss'"),
        ("forced_once", 1, "true or false, got 1"),
        ("no_repetition", "yes", "true or false, got 'yes'"),
    ],
)
def test_wrong_options(option: str, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        registry.make("razzle", **{option: value})


@pytest.mark.parametrize(("result", "winner"), [("upstream", 0), ("draw", None)])
def test_limit(result: str, winner: int | None) -> None:
    game = registry.make("razzle", limit_result=result)
    state = from_string(game, START[:-1] + "200")
    assert state.to_act() == 0
    state.apply(turn_from_text(state, "b1-c3"))
    assert state.is_terminal
    assert outcome(state) == (winner, "limit")
    assert state.rewards().tolist() == ([0, 0] if winner is None else [1, -1])
    assert state.metrics() == {"pass_decision_rate": 0, "game_length": 1, "turns": 1, "limit": 1}


def text_of(first: str, second: str, balls: str, last_knight: str) -> str:
    """A state of seat 0 to act, from the names of squares."""
    numbers = [[7 * (int(name[1]) - 1) + "abcdefg".index(name[0]) for name in names.split()]
               for names in (first, second, balls, last_knight)]
    sets = [f"{sum(1 << square for square in squares):014x}" for squares in numbers[:2]]
    return f"{sets[0]}.{sets[1]}.{numbers[2][0]}.{numbers[2][1]}.{0:014x}.0.0.{numbers[3][0]}.40"


def test_forced_pass() -> None:
    """The knight that moved last stands beside the ball: passes alone are legal, if there are any."""
    near, far = (text_of("b1 c1 d1 a5 a6", f"{last} c8 d8 e8 f8", "d1 d8", last) for last in ("e2", "e3"))
    assert must_pass(from_string(GAME, near))
    assert from_string(GAME, near).legal_actions() == [56 * 3 + 2]
    assert not must_pass(from_string(GAME, far))
    assert len(from_string(GAME, far).legal_actions()) > 1
    alone = from_string(GAME, text_of("a3 b4 d1 a5 a6", "e2 c8 d8 e8 f8", "d1 d8", "e2"))
    assert not must_pass(alone)
    assert len(alone.legal_actions()) > 1
    assert not any(action // 56 == 3 for action in alone.legal_actions())


def test_forced_pass_after_a_voluntary_one() -> None:
    """The ball is passed beside the knight that moved last: the chain must go on, unless one pass is enough."""
    text, onwards = text_of("b1 d1 f1 a4 d4", "e5 c8 d8 e8 f8", "d1 d8", "e5"), 56 * 24 + 21
    for once in (False, True):
        state = from_string(registry.make("razzle", forced_once=once), text)
        assert not must_pass(state)
        state.apply(56 * 3 + 24)
        assert must_pass(state) != once
        assert state.legal_actions() == ([onwards, 3136] if once else [onwards])
        assert (state.observe()[7] == (not once)).all()
        state.apply(onwards)
        assert state.legal_actions() == [3136]


def test_key_tells_apart_what_the_rules_tell_apart() -> None:
    """States that differ in one part alone have different keys."""
    base = "0000000002005c.7c000000000000.3.52.00000000000008.0.0.-1.8"
    texts = [
        base,
        base.replace(".3.52.", ".4.52."),
        base.replace(".3.52.", ".3.51."),
        base.replace("00000008", "00000000"),
        base.replace(".0.0.-1.", ".1.0.-1."),
        base.replace(".0.0.-1.", ".0.1.-1."),
        base.replace(".0.0.-1.", ".0.0.50."),
        base.replace(".0.0.-1.8", ".0.0.-1.9"),
        base.replace("0000000002005c", "0000000002006a"),
        base.replace("7c000000000000", "5e000000000000"),
    ]
    games = [registry.make("razzle", **options) for options in ({}, {"forced_once": True}, {"limit_result": "draw"})]
    keys = {from_string(game, text).key() for game in games for text in texts}
    assert len(keys) == len(games) * len(texts)


def test_key_holds_the_history() -> None:
    """Where repetition is forbidden, two ways to one position leave different futures."""
    ways = ["b1-c3 b8-c6 f1-e3 f8-e6 c1-d3 d8-e8", "f1-e3 f8-e6 b1-c3 b8-c6 c1-d3 d8-e8"]
    for options, keys in (({}, 1), ({"no_repetition": True}, 2)):
        game = registry.make("razzle", **options)
        ends = []
        for way in ways:
            state = game.new_state()
            for action in game_from_text(game, way):
                state.apply(action)
            ends.append(state)
        assert to_string(ends[0]) == to_string(ends[1])
        assert len({state.key() for state in ends}) == keys
        assert (ends[0] == ends[1]) == (keys == 1)


def test_mirror() -> None:
    """Playing everything with left and right exchanged gives the mirrored masks and observations."""
    rng = np.random.default_rng(3)
    (_, _), (observation, action) = GAME.symmetries
    for _ in range(5):
        state, twin = GAME.new_state(), GAME.new_state()
        while not state.is_terminal:
            assert np.array_equal(state.legal()[action], twin.legal())
            assert np.array_equal(state.observe().reshape(-1)[observation], twin.observe().reshape(-1))
            assert np.array_equal(twin.observe(), state.observe()[:, :, ::-1])
            chosen = int(rng.choice(state.legal_actions()))
            state.apply(chosen)
            twin.apply(int(np.flatnonzero(action == chosen)[0]))
        assert twin.is_terminal
        assert twin.rewards().tolist() == state.rewards().tolist()
