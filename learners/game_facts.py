"""What a stored model says of its game, in the types of JSON: whether it still fits the game is told by it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from native.game import Game


def game_facts(game: Game) -> dict[str, Any]:
    """Name, version of the rules, and the shapes of what a network of this game reads and says."""
    return {
        "game": game.name,
        "rules_version": game.rules_version,
        "observation_shape": list(game.observation_shape),
        "observation_dtype": str(game.observation_dtype),
        "head_sizes": list(game.head_sizes),
        "zero_sum": game.zero_sum,
    }
