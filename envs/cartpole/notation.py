"""Moves of CartPole as people write them: left and right."""
from __future__ import annotations

from native.game import State

WORDS = ("left", "right")


def action_to_text(state: State, action: int) -> str:
    """The side to which the cart is pushed. The state says nothing that a move needs."""
    return WORDS[action]


def action_from_text(state: State, text: str) -> int:
    """The action that `text` names. Raises ValueError unless it is a side and the game goes on."""
    word = text.strip().lower()
    if state.is_terminal or word not in WORDS:
        expected = "none" if state.is_terminal else " or ".join(WORDS)
        raise ValueError(f"cartpole: no move {text!r} here, expected {expected}")
    return WORDS.index(word)
