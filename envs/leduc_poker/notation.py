"""Moves of Leduc hold'em in words."""
from __future__ import annotations

from native.game import State

WORDS = ("fold", "call", "raise")


def action_to_text(state: State, action: int) -> str:
    """A call without a bet is a check. The state says nothing that a move needs."""
    return WORDS[action]


def action_from_text(state: State, text: str) -> int:
    """The action that `text` names. Raises ValueError unless it is legal."""
    moves = {action_to_text(state, action): action for action in state.legal_actions()}
    if text.strip().lower() not in moves:
        raise ValueError(f"leduc_poker: no move {text!r} here, expected one of {', '.join(moves) or 'none'}")
    return moves[text.strip().lower()]
