"""Actions of one seat as seven numbers: "10 5 7 0 1 0 0" is move x, move y, aim x, aim y, fire, ability, interact."""
from __future__ import annotations

from collections.abc import Sequence

from native.game import State


def action_to_text(state: State, action: Sequence[int]) -> str:
    """The seven classes with spaces between. Raises ValueError for another number of them."""
    if len(action) != len(state.game.head_sizes):
        raise ValueError(f"arena: an action has {len(state.game.head_sizes)} numbers, got {len(action)}")
    return " ".join(str(int(value)) for value in action)


def action_from_text(state: State, text: str) -> list[int]:
    """The seven classes that `text` names. Raises ValueError unless there are seven and each is one of its head."""
    words, sizes = text.split(), state.game.head_sizes
    if len(words) != len(sizes) or not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError(f"arena: no action {text!r}, expected {len(sizes)} numbers such as '10 5 7 0 1 0 0'")
    found = [int(word) for word in words]
    for head, (value, size) in enumerate(zip(found, sizes, strict=True)):
        if value >= size:
            raise ValueError(f"arena: no action {text!r}, number {head + 1} must be 0 to {size - 1}, got {value}")
    return found
