"""Moves of Connect Four as people write them: the column, 1 to 7 from the left."""
from __future__ import annotations

from native.game import State


def action_to_text(state: State, action: int) -> str:
    """Column 0 is "1". The state says nothing that a move needs."""
    return str(action + 1)


def action_from_text(state: State, text: str) -> int:
    """The action that `text` names. Raises ValueError unless it is a column that takes another stone."""
    columns = {action_to_text(state, action): action for action in state.legal_actions()}
    if text.strip() not in columns:
        raise ValueError(f"connect_four: no move {text!r} here, expected one of {', '.join(columns) or 'none'}")
    return columns[text.strip()]
