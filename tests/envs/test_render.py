"""Texts and drawings of every game; moves survive being written down and read again."""
from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from envs import registry
from native.game import State
from tests.envs.sample import examine
from tests.envs.variants import Budget, Variant, variants


def states_of(variant: Variant) -> list[State]:
    """A few states, first and last ones included."""
    budget = variant.budget
    return examine(variant.make(), Budget(games=min(3, budget.games), actions=budget.actions, states=30)).states


@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.id)
def test_every_state_can_be_drawn(variant: Variant) -> None:
    render = registry.render(variant.name)
    for state in states_of(variant):
        before = state.to_bytes()
        assert render.to_text(state).strip()
        picture = ElementTree.fromstring(render.to_svg(state))
        assert picture.tag == "{http://www.w3.org/2000/svg}svg"
        assert picture.get("viewBox")
        assert state.to_bytes() == before


@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.id)
def test_moves_in_words(variant: Variant) -> None:
    notation = registry.notation(variant.name)
    if len(registry.make(variant.name).head_sizes) != 1:
        pytest.skip("notation is for single numbers")
    for state in states_of(variant):
        actions = state.legal_actions()
        words = [notation.action_to_text(state, action) for action in actions]
        assert len(set(words)) == len(words)
        assert [notation.action_from_text(state, word) for word in words] == actions
        with pytest.raises(ValueError, match="no such move"):
            notation.action_from_text(state, "no such move")


def state_after(name: str, moves: str) -> State:
    state, notation = registry.make(name).new_state(), registry.notation(name)
    for move in moves.split():
        state.apply(notation.action_from_text(state, move))
    return state


def test_connect_four_text() -> None:
    state = state_after("connect_four", "4 4 5 1")
    assert registry.render("connect_four").to_text(state) == "\n".join([
        ". . . . . . .",
        ". . . . . . .",
        ". . . . . . .",
        ". . . . . . .",
        ". . . O . . .",
        "O . . X X . .",
        "1 2 3 4 5 6 7",
        "X to move",
    ])
    assert registry.render("connect_four").to_text(state_after("connect_four", "4 4 5 5 6 6 7")).endswith("X wins")


def test_tic_tac_toe_text() -> None:
    state = state_after("tic_tac_toe", "b2 c1 A1")
    assert registry.render("tic_tac_toe").to_text(state) == "1 X . O\n2 . X .\n3 . . .\n  a b c\nO to move"
    drawn = state_after("tic_tac_toe", "a1 b2 c3 c2 a2 a3 c1 b1 b3")
    assert registry.render("tic_tac_toe").to_text(drawn).endswith("draw")


def test_full_column_is_no_move() -> None:
    state = state_after("connect_four", "4 4 4 4 4 4")
    with pytest.raises(ValueError, match="connect_four: no move '4' here, expected one of 1, 2, 3, 5, 6, 7"):
        registry.notation("connect_four").action_from_text(state, "4")
