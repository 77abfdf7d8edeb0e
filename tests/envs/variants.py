"""What the conformance suite runs: every registered game as it comes, and with the options listed here."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from envs import registry
from native.game import Game


@dataclass(frozen=True)
class Budget:
    """How much of a game is looked at."""

    games: int = 20
    actions: int = 2000
    """A game is cut off after this many."""
    states: int = 150
    """States examined closely, out of all that were visited."""
    futures: int = 30
    """About as many redeterminized games are played to their end."""
    golden: int = 400
    """A golden game is cut off after this many actions."""


VARIANTS: dict[str, list[dict[str, Any]]] = {
    "arena": [
        {"players": 2, "frame_skip": 4, "duration": 60},
        {"players": 6, "team_size": 2, "frame_skip": 3, "dash": False, "scoring": "placement"},
        {"players": 16, "frame_skip": 6, "observation": "relative", "shape_damage": 1.0, "shape_zone": 0.5,
         "shape_pickups": 0.25},
        {"rules": "compat", "players": 4},
    ],
    "beasty_bar": [
        {"players": 3},
        {"players": 4, "scoring": "animals", "start": "random"},
        {"scoring": "animals", "start": 1},
        {"giraffe": "official"},
    ],
    "prospector": [
        {"rules": "balanced"},
        {"rules": "balanced", "time_max": 120, "invalid": "hold"},
        {"invalid": "masked"},
    ],
    "razzle": [
        {"rules": "published"},
        {"limit_result": "draw"},
        {"forced_once": True},
        {"no_repetition": True},
    ],
}
"""Options to try besides the defaults. Every option of a game must appear here."""

BUDGETS: dict[str, Budget] = {
    "arena": Budget(games=2, actions=4000, states=40, futures=3, golden=120),
    "prospector": Budget(games=8, states=80),
}
"""For games that are too slow or too long for the usual budget."""


@dataclass(frozen=True)
class Variant:
    """A game with options; `id` names its tests and its golden file."""

    name: str
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def id(self) -> str:
        return "-".join([self.name, *(f"{option}={value}" for option, value in self.options)])

    @property
    def budget(self) -> Budget:
        return BUDGETS.get(self.name, Budget())

    def make(self) -> Game:
        return registry.make(self.name, **dict(self.options))


def variants() -> list[Variant]:
    """All of them, the games in alphabetical order, each with its defaults first."""
    found = []
    for name in registry.names():
        found.append(Variant(name))
        found += [Variant(name, tuple(options.items())) for options in VARIANTS.get(name, [])]
    return found
