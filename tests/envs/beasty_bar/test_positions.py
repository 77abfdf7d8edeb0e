"""Positions as dicts: what comes back, what is refused with which sentence; options; drawings and moves in words."""
from __future__ import annotations

from typing import Any

import pytest

from envs import registry
from envs.beasty_bar import notation, render
from envs.beasty_bar.bots import action_scores
from envs.beasty_bar.positions import POINTS, SPECIES, from_dict, to_dict, trace_turn

GAME = registry.make("beasty_bar")
POSITION: dict[str, Any] = {
    "q": [102, 3, 105], "bar": [7, 108], "out": [12, 112, 110], "p": 0, "t": 8,
    "h": [[5, 2, 9, 4], [1, 3, 11, 6]], "d": [[1, 6, 8, 10, 11], [4, 7, 9]],
}


def test_a_position_comes_back() -> None:
    state = from_dict(GAME, POSITION)
    assert to_dict(state) == POSITION
    assert (SPECIES[0], POINTS[0], SPECIES[11], POINTS[11], sum(POINTS)) == ("skunk", 4, "lion", 2, 36)


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("q", [102, 3, 105, 7, 1], "q must be a list of at most 4 cards"),
    ("q", [102, 2, 105], r"h\[0\]: the parrot of seat 0 is there twice"),
    ("q", [202], "q has no such card as 202 for 2 seats"),
    ("q", ["lion"], "q has no such card as 'lion'"),
    ("bar", [13], "bar: the strength of card 13 must be from 1 to 12, got 13"),
    ("out", [-1], "out has no such card as -1"),
    ("h", [[5, 2, 9, 4]], "h must hold one list for each of 2 seats, got 1"),
    ("h", [[5, 2, 9, 4], [101]], r"h\[1\] has no such card as 101"),
    ("d", [[1], [4, 7, 9, 9]], r"d\[1\]: the snake of seat 1 is there twice"),
    ("p", 2, "p must be a seat from 0 to 1, got 2"),
    ("t", 25, "t must be from 0 to 24, got 25"),
    ("w", 0, "a position has the fields q, bar, out, h, d, p, t, got"),
])
def test_what_cannot_be_is_refused(field: str, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        from_dict(GAME, POSITION | {field: value})


def test_a_seat_that_cannot_play_is_refused() -> None:
    with pytest.raises(ValueError, match=r"seat 0 is to act with hand \[2\] but can play none of it"):
        from_dict(GAME, POSITION | {"q": [], "h": [[2], [1, 3, 11, 6]]})


def test_other_games_are_refused() -> None:
    other = registry.make("tic_tac_toe")
    with pytest.raises(ValueError, match="expected the game beasty_bar, got tic_tac_toe"):
        from_dict(other, POSITION)
    for function in (to_dict, lambda state: trace_turn(state, 0), lambda state: action_scores(state, "queue")):
        with pytest.raises(ValueError, match="expected a state of beasty_bar, got one of tic_tac_toe"):
            function(other.new_state())


def test_trace_of_an_illegal_action() -> None:
    with pytest.raises(ValueError, match="action 0 is illegal; legal are"):
        trace_turn(from_dict(GAME, POSITION), 0)


@pytest.mark.parametrize(("options", "sentence"), [
    ({"players": 5}, "players must be 2, 3 or 4, got 5"),
    ({"scoring": "money"}, "got 'money'"),
    ({"giraffe": "none"}, "got 'none'"),
    ({"start": 2}, "start must be a seat from 0 to 1"),
])
def test_options_are_checked(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        registry.make("beasty_bar", **options)


def test_options_that_change_nothing_make_the_same_game() -> None:
    assert registry.make("beasty_bar", players=2, scoring="points", giraffe="upstream", start=0) == GAME
    assert registry.make("beasty_bar", start=1) != GAME
    assert registry.make("beasty_bar", start=1).new_state(3).to_act() == 1


def test_moves_in_words() -> None:
    state = from_dict(GAME, POSITION)
    words = [notation.action_to_text(state, action) for action in state.legal_actions()]
    assert words == [
        "chameleon@0>0", "chameleon@0>1", "chameleon@0>2", "chameleon@1+1", "chameleon@1+2",
        "parrot@0", "parrot@1", "parrot@2", "snake", "monkey",
    ]
    assert notation.action_from_text(state, " Chameleon @1 + 2") == 2 + 6 + 2
    state.apply(notation.action_from_text(state, "chameleon@1+2"))
    assert to_dict(state)["q"] == [102, 5, 3, 105]
    for action, sentence in ((-1, "hand slot -1"), (124, "hand slot 4"), (3, "skunk parameters")):
        with pytest.raises(ValueError, match=sentence):
            notation.action_to_text(state, action)


def test_text_and_drawing_hide_what_the_viewer_cannot_know() -> None:
    state = from_dict(GAME, POSITION)
    assert render.to_text(state).splitlines() == [
        "Beasty Bar, turn 9, seat 0 to act",
        "queue   parrot:1  kangaroo:0  chameleon:1",
        "bar     zebra:0  giraffe:1",
        "out     lion:0  lion:1  crocodile:1",
        "seat 0  chameleon  parrot  snake  monkey   (draw pile 5, 4 points)",
        "seat 1  skunk  kangaroo  hippo  seal   (draw pile 3, 3 points)",
    ]
    assert render.to_text(state, 0).splitlines()[5] == "seat 1  ?  ?  ?  ?   (draw pile 3, 3 points)"
    assert "hippo" in render.to_svg(state)
    assert "hippo" not in render.to_svg(state, 0)
    swapped = from_dict(GAME, POSITION | {"h": [[5, 2, 9, 4], [4, 3, 7, 6]], "d": [[1, 6, 8, 10, 11], [1, 11, 9]]})
    assert render.to_svg(state, 0) == render.to_svg(swapped, 0)
    assert render.to_text(state, 0) == render.to_text(swapped, 0)
    assert render.to_svg(state, 1) != render.to_svg(swapped, 1)


def test_the_end_in_words() -> None:
    state = from_dict(GAME, POSITION | {"h": [[1], [1]], "d": [[], []], "q": [], "t": 20})
    assert render.status(state) == "seat 0 wins"
    state = from_dict(GAME, POSITION | {"h": [[1], [1]], "d": [[], []], "q": [], "bar": [7, 107], "t": 20})
    assert render.status(state) == "draw"
