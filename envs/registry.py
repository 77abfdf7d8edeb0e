"""Finds games by name: `envs.registry.make("connect_four")`."""
from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from native.game import Game

MODULES = {
    "connect_four": "envs.connect_four.rules",
    "tic_tac_toe": "envs.tic_tac_toe.rules",
}
"""Name of each game and the module whose `make(**options)` makes it."""


def names() -> list[str]:
    """All games, in alphabetical order."""
    return sorted(MODULES)


def make(name: str, **options: Any) -> Game:
    """The game `name` with its options.

    Raises ValueError, naming what there is, for an unknown game or option.
    """
    if name not in MODULES:
        near = difflib.get_close_matches(name, MODULES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown game {name!r}, expected one of {', '.join(names())}{hint}")
    game: Game = importlib.import_module(MODULES[name]).make(**options)
    return game
