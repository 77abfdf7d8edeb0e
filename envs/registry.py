"""Finds games by name: `envs.registry.make("connect_four")`."""
from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.layout import MoveLayout, TokenLayout
    from native.game import Game


@dataclass(frozen=True)
class Entry:
    """What can be said of a game without making it."""

    folder: str
    """Package whose `rules.make(**options)` makes the game; `render` and `notation` stand beside `rules`."""
    summary: str
    """One line for lists."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Meaning of each option, its values with the default first."""


GAMES = {
    "arena": Entry(
        "envs.arena",
        "players with guns on a shrinking plane, seven action heads, all at once; the last one standing wins",
        {
            "rules": "lms | compat: last one standing, or as the recorded games",
            "players": "8, 2 to 16",
            "team_size": "1: players of a team, which must divide the players",
            "frame_skip": "1 to 30: ticks of 1/30 s that an action is held",
            "dash": "whether ability 1 is a dash: true under lms, false under compat",
            "duration": "seconds until the game is over at the latest: 120, under compat 60",
            "observation": "both | raw | relative: 19 raw features, 103 relative ones; raw under compat",
            "scoring": "win | placement: results 1, 0, -1, or teams beaten less teams ahead",
            "shape_damage": "0: reward for 100 hp dealt, less the same for 100 hp taken",
            "shape_zone": "0: penalty for 100 hp lost to the zone",
            "shape_pickups": "0: reward for a pick-up that fills a whole bar of hp or ammo",
        },
    ),
    "beasty_bar": Entry(
        "envs.beasty_bar",
        "cards with hidden hands: animals jostle in a queue for the bar",
        {
            "players": "2, 3 or 4",
            "scoring": "points | animals: what is counted in the bar",
            "giraffe": "upstream | official: official giraffes step at most once in a turn",
            "start": "seat that begins, 0 or another, or random",
        },
    ),
    "cartpole": Entry("envs.cartpole", "a pole on a cart, to be kept upright by pushing the cart left and right"),
    "connect_four": Entry("envs.connect_four", "four in a row on a board of 7 columns and 6 rows"),
    "kuhn_poker": Entry("envs.kuhn_poker", "three cards, two players, one bet: the smallest poker"),
    "leduc_poker": Entry("envs.leduc_poker", "six cards, an open one in the second of two rounds of betting"),
    "prospector": Entry(
        "envs.prospector",
        "mine asteroids, sell at the station, come home alive: an economy under hidden risk",
        {
            "rules": "compat | balanced: the original to the last rule, or one in which prospecting pays",
            "time_max": "budget of ticks, 1 to 20000 (compat: 20000, balanced: 2000)",
            "invalid": "hold | masked: invalid actions are played as hold, or refused (compat: hold, balanced: masked)",
        },
    ),
    "razzle": Entry(
        "envs.razzle",
        "Razzle Dazzle: knights pass a ball along queen lines to the far row",
        {
            "rules": "upstream | published: what the other options are unless given (published: draw, true, true)",
            "limit_result": "upstream | draw: after 201 turns seat 0 wins, or nobody",
            "forced_once": "false | true: one pass satisfies the forced pass",
            "no_repetition": "false | true: a turn may not recreate an earlier position of the game",
        },
    ),
    "tic_tac_toe": Entry("envs.tic_tac_toe", "three in a row on a board of 3 by 3"),
}

ADAPTERS = {
    "gymnasium": Entry(
        "envs.adapters.gymnasium",
        "any environment of Gymnasium with discrete actions and arrays as observations",
        {
            "id": "what gymnasium.make takes: CartPole-v1, or a_module:ItsGame-v0",
            "arguments": "of its constructor: names with plain values, or their JSON",
        },
    ),
}
"""What makes games of other libraries' environments: without states, rendering or notation, so no part of `names`."""


def names() -> list[str]:
    """All games with rules of their own, in alphabetical order."""
    return sorted(GAMES)


def entry(name: str) -> Entry:
    """What is registered for `name`. Raises ValueError, naming what there is, for an unknown game."""
    known = GAMES | ADAPTERS
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown game {name!r}, expected one of {', '.join([*names(), *ADAPTERS])}{hint}")
    return known[name]


def make(name: str, **options: Any) -> Game:
    """The game `name` with its options.

    Raises ValueError, naming what there is, for an unknown game or option.
    """
    known = entry(name)
    for option in options:
        if option not in known.options:
            raise ValueError(f"{name} has no option {option!r}; it has {', '.join(known.options) or 'none'}")
    game: Game = importlib.import_module(f"{known.folder}.rules").make(**options)
    return game


def render(name: str) -> ModuleType:
    """The module with `to_text(state)` and `to_svg(state)`."""
    return importlib.import_module(f"{entry(name).folder}.render")


def notation(name: str) -> ModuleType:
    """The module with `action_to_text(state, action)` and `action_from_text(state, text)`."""
    return importlib.import_module(f"{entry(name).folder}.notation")


def token_layout(game: Game) -> TokenLayout | None:
    """Which columns of the game's observation are cards; None if it does not say."""
    return _declared(game, "token_layout")      # type: ignore[no-any-return]


def move_layout(game: Game) -> MoveLayout | None:
    """How the game numbers moves between cells of its board; None if it does not say."""
    return _declared(game, "move_layout")       # type: ignore[no-any-return]


def _declared(game: Game, what: str) -> Any:
    """What the module `layout` beside the game's rules says; None without one."""
    known = (GAMES | ADAPTERS).get(game.name)
    if known is None or importlib.util.find_spec(f"{known.folder}.layout") is None:
        return None
    declare = getattr(importlib.import_module(f"{known.folder}.layout"), what, None)
    return None if declare is None else declare(game)
