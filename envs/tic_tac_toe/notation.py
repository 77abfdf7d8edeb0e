"""Moves of tic-tac-toe as people write them: column a to c from the left, row 1 to 3 from the top."""
from __future__ import annotations

from native.game import State


def action_to_text(state: State, action: int) -> str:
    """Square 5 (row 1, column 2) is "c2". The state says nothing that a move needs."""
    return f"{'abc'[action % 3]}{action // 3 + 1}"


def action_from_text(state: State, text: str) -> int:
    """The action that `text` names. Raises ValueError unless it is a free square."""
    squares = {action_to_text(state, action): action for action in state.legal_actions()}
    if text.strip().lower() not in squares:
        raise ValueError(f"tic_tac_toe: no move {text!r} here, expected one of {', '.join(squares) or 'none'}")
    return squares[text.strip().lower()]
