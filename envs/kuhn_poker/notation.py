"""Moves of Kuhn poker in words."""
from __future__ import annotations

from native.game import State

WORDS = ("pass", "bet")


def action_to_text(state: State, action: int) -> str:
    """A pass checks, or folds to a bet; a bet to a bet calls it. The state says nothing that a move needs."""
    return WORDS[action]


def action_from_text(state: State, text: str) -> int:
    """The action that `text` names. Raises ValueError unless it is legal."""
    moves = {action_to_text(state, action): action for action in state.legal_actions()}
    if text.strip().lower() not in moves:
        raise ValueError(f"kuhn_poker: no move {text!r} here, expected one of {', '.join(moves) or 'none'}")
    return moves[text.strip().lower()]
