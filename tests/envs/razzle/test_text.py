"""Moves as text both ways, and the drawings."""
from __future__ import annotations

from itertools import islice
from xml.etree import ElementTree

import pytest

from envs import registry
from envs.razzle.notation import (
    action_from_text,
    action_to_text,
    game_from_text,
    game_to_text,
    turn_from_text,
    turn_to_text,
)
from envs.razzle.render import to_svg, to_text
from envs.razzle.rules import from_string
from tests.envs.razzle import recorded

GAME = registry.make("razzle")
START = GAME.new_state()
MIDDLE = "00100000040a80.0a012000000010.7.37.0a002000000280.1.1.44.57"


def test_actions_both_ways() -> None:
    for record in islice(recorded.games(), 3):
        state = GAME.new_state()
        for action in record["actions"]:
            for legal in state.legal_actions():
                assert action_from_text(state, action_to_text(state, legal)) == legal
            state.apply(action)


def test_names_of_actions() -> None:
    assert action_to_text(START, 56 * 1 + 16) == "b1-c3"
    assert action_to_text(START, 56 * 55) == "g8-a1"
    assert action_to_text(START, 3136) == "end"
    assert action_from_text(START, " D1-E1 ") == 56 * 3 + 4


@pytest.mark.parametrize("action", [-1, 3137])
def test_numbers_that_are_no_actions(action: int) -> None:
    with pytest.raises(ValueError, match=f"0 to 3136, got {action}"):
        action_to_text(START, action)


@pytest.mark.parametrize("text", ["b1-b2", "end", "", "b1c3", "h1-f2", "b8-c6"])
def test_texts_that_are_no_actions(text: str) -> None:
    with pytest.raises(ValueError, match=f"no move {text!r} here, expected one of b1-"):
        action_from_text(START, text)


def test_turns() -> None:
    assert turn_from_text(START, "b1-c3") == [72]
    assert turn_from_text(START, "d1-c1-b1") == [170, 113, 3136]
    assert turn_from_text(START, "d1-c1-") == [170]
    assert turn_to_text(START, [170, 113, 3136]) == "d1-c1-b1"
    assert turn_to_text(START, [170]) == "d1-c1-"
    within = START.clone()
    within.apply(170)
    assert turn_from_text(within, "end") == [3136]
    assert turn_to_text(within, [3136]) == "end"
    assert turn_from_text(within, "c1-b1") == [113, 3136]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("b1", "two or more squares"),
        ("b1-c9", "two or more squares"),
        ("b1-c3-", "may not close with"),
        ("b1-c3-d5", "no move 'c3-d5'"),
        ("d1-e1-d1", "no move 'e1-d1'"),
        ("end", "no move 'end'"),
    ],
)
def test_wrong_turns(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        turn_from_text(START, text)


def test_turn_that_must_go_on() -> None:
    """After d1-d4 the ball stands beside the knight on e5 that moved last, and a4 can receive."""
    state = from_string(GAME, "0000000120002a.78000100000000.3.52.00000000000000.0.0.32.40")
    with pytest.raises(ValueError, match="'d1-d4' may not end here"):
        turn_from_text(state, "d1-d4")
    assert turn_from_text(state, "d1-d4-a4") == [56 * 3 + 24, 56 * 24 + 21, 3136]


def test_actions_beyond_a_turn() -> None:
    with pytest.raises(ValueError, match="comes after the end of the turn"):
        turn_to_text(START, [72, 72])


def test_games_both_ways() -> None:
    """Whole games and games broken off anywhere, as turns, and as old files have them."""
    for number, record in enumerate(recorded.games()):
        if number % 25 == 0:
            for actions in (record["actions"], record["actions"][: 40 + number // 25]):
                assert game_from_text(GAME, game_to_text(GAME, actions)) == actions
            old = " ".join(action_to_text(START, action) for action in record["actions"])
            assert game_from_text(GAME, old) == record["actions"]
    assert game_to_text(GAME, []) == ""
    assert game_from_text(GAME, "") == []


def test_wrong_game() -> None:
    with pytest.raises(ValueError, match=r"no move 'b1-c3' here.*\(move 3 of the game\)"):
        game_from_text(GAME, "b1-c3 b8-c6 b1-c3")


BOARD = """\
8  o- .  o- .  .  .  .
7  .  .  x  .  .  .  .
6  .  .  O- .  .  o  .
5  .  .  .  .  .  .  .
4  .  .  .  .  .  .  .
3  .  .  .  .  x  .  .
2  X- .  x- .  x  .  .
1  .  .  .  .  o  .  .
   a  b  c  d  e  f  g
o to move, must pass; turn 58 of 201"""


def test_board_as_text() -> None:
    assert to_text(from_string(GAME, MIDDLE)) == BOARD


def test_board_as_svg() -> None:
    """One document without anything from outside; pieces, balls, marks and names are all there."""
    svg = to_svg(from_string(GAME, MIDDLE))
    root = ElementTree.fromstring(svg)
    spaces = "{http://www.w3.org/2000/svg}"
    assert root.tag == spaces + "svg"
    titles = [title.text for title in root.iter(spaces + "title")]
    assert titles[0] == "Razzle Dazzle: o to move, must pass; turn 58 of 201"
    assert sorted(title for title in titles[1:] if title) == [
        "o on a8, may not receive", "o on c6, may not receive, has the ball", "o on c8, may not receive",
        "o on e1", "o on f6", "x on a2, may not receive, has the ball", "x on c2, may not receive", "x on c7",
        "x on e2", "x on e3",
    ]
    assert sum("stroke-dasharray" in circle.attrib for circle in root.iter(spaces + "circle")) == 5
    written = {text.text for text in root.iter(spaces + "text")}
    assert set("abcdefg12345678xo") <= written
    assert "href" not in svg
    assert "url(" not in svg


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("0000000000003e.7c000000000000.3.52.00000000000000.0.0.-1.0", "x to move; turn 1 of 201"),
        ("0000000000003e.7c000000000000.3.52.00000000000000.1.0.-1.9", "o to move; turn 10 of 201"),
        ("0000000000003e.7c000000000000.3.52.00000000000008.0.1.-1.8", "x to move, passing; turn 9 of 201"),
        ("0000000120002a.78000800000000.3.52.00000000000000.0.0.-1.8", "x to move; turn 9 of 201"),
        ("0200000000001e.7c000000000000.49.52.02000000000000.0.1.-1.9", "x wins: the ball has reached the far row"),
        ("0000000000003e.7c000000000000.3.52.00000000000000.1.0.-1.201", "x wins: 201 turns are over"),
    ],
)
def test_status(text: str, status: str) -> None:
    state = from_string(GAME, text)
    assert to_text(state).split("\n")[-1] == status
    assert status in to_svg(state)
