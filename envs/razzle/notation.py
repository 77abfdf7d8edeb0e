"""Moves of Razzle Dazzle as people write them: files a to g from the left, ranks 1 to 8 from the side of seat 0.

An *action* is `b1-c3` (knight move or single pass) or `end`. A *turn* is `b1-c3`, or a chain of passes `c1-d2-d7` whose
end goes without saying; a chain still open is written `c1-d2-`. A *game* is its turns, divided by spaces; old files
that write out every `end`, and each pass by itself, are read too.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from envs.razzle.position import COLUMNS, square_name
from envs.razzle.rules import END_TURN_ACTION
from native.game import Game, State


def action_to_text(state: State, action: int) -> str:
    """Action 115 is "c1-d1", 3136 is "end". Raises ValueError outside 0 to 3136; the state says nothing needed."""
    if not 0 <= action <= END_TURN_ACTION:
        raise ValueError(f"razzle: actions are 0 to {END_TURN_ACTION}, got {action}")
    if action == END_TURN_ACTION:
        return "end"
    source, target = divmod(action, 56)
    return f"{square_name(source)}-{square_name(target)}"


def action_from_text(state: State, text: str) -> int:
    """The action that `text` names. Raises ValueError unless it is legal in `state`."""
    legal = {action_to_text(state, action): action for action in state.legal_actions()}
    if text.strip().lower() not in legal:
        raise ValueError(f"razzle: no move {text!r} here, expected one of {', '.join(legal) or 'none'}")
    return legal[text.strip().lower()]


def turn_to_text(state: State, actions: Sequence[int]) -> str:
    """What the seat to act in `state` plays until another acts; with a last "-" if its turn is not finished.

    Raises ValueError for an illegal action, and if another seat's turn begins among the actions.
    """
    after, seat = state.clone(), state.to_act()
    squares: list[str] = []
    for action in actions:
        if after.to_act() != seat:
            raise ValueError(f"razzle: action {action} of {list(actions)} comes after the end of the turn")
        after.apply(action)
        if action != END_TURN_ACTION:
            source, target = divmod(action, 56)
            squares = [*(squares or [square_name(source)]), square_name(target)]
    return ("-".join(squares) or "end") + ("-" if after.to_act() == seat else "")


def turn_from_text(state: State, text: str) -> list[int]:
    """The actions of the turn that `text` names, its end included. Raises ValueError if one of them is illegal."""
    word = text.strip().lower()
    if word == "end":
        return [action_from_text(state, word)]
    names = word.removesuffix("-").split("-")
    if len(names) < 2 or not all(len(name) == 2 and name[0] in COLUMNS and name[1] in "12345678" for name in names):
        raise ValueError(f"razzle: a turn is two or more squares like 'b1-c3' or 'c1-d2-d7', got {text!r}")
    after, seat = state.clone(), state.to_act()
    actions: list[int] = []
    for source, target in pairwise(names):
        actions.append(action_from_text(after, f"{source}-{target}"))
        after.apply(actions[-1])
    if word.endswith("-"):
        if after.to_act() != seat:
            raise ValueError(f"razzle: {text!r} ends the turn, so it may not close with '-'")
    elif after.to_act() == seat:
        if END_TURN_ACTION not in after.legal_actions():
            raise ValueError(f"razzle: the turn {text!r} may not end here")
        actions.append(END_TURN_ACTION)
    return actions


def game_to_text(game: Game, actions: Sequence[int]) -> str:
    """The turns of a game from its start, divided by spaces. Raises ValueError for an illegal action."""
    state, turns, first = game.new_state(), [], 0
    before, seat = state.clone(), state.to_act()
    for index, action in enumerate(actions):
        state.apply(action)
        if state.to_act() != seat or index + 1 == len(actions):
            turns.append(turn_to_text(before, actions[first : index + 1]))
            before, seat, first = state.clone(), state.to_act(), index + 1
    return " ".join(turns)


def game_from_text(game: Game, text: str) -> list[int]:
    """The actions of a game from its start. Raises ValueError, naming the turn, if one of them is illegal."""
    words = text.lower().split()
    state, actions = game.new_state(), []
    for index, word in enumerate(words):
        try:
            played = [action_from_text(state, word)] if "end" in words else turn_from_text(state, word)
        except ValueError as error:
            raise ValueError(f"{error} (move {index + 1} of the game)") from None
        for action in played:
            state.apply(action)
        actions += played
    return actions
