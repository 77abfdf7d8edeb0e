"""The sample of random play that the conformance checks of one game look at."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from native.game import Game, State
from tests.envs.play import Playthrough, random_play
from tests.envs.variants import Budget


@dataclass(frozen=True)
class Sample:
    """Random play of one game, and some of the states on its way: first, last and evenly between."""

    game: Game
    budget: Budget
    plays: list[Playthrough]
    states: list[State]
    running: list[State]
    """Those of `states` in which somebody decides."""


def examine(game: Game, budget: Budget) -> Sample:
    """The sample that the checks look at; the same every time."""
    plays = [random_play(game, seed, budget.actions) for seed in range(budget.games)]
    visited = [state for play in plays for state in play.states]
    chosen = set(np.linspace(0, len(visited) - 1, min(budget.states, len(visited))).astype(int).tolist())
    states = [state for i, state in enumerate(visited) if i in chosen] + [play.states[-1] for play in plays]
    return Sample(game, budget, plays, states, [state for state in states if not state.is_terminal])


def seats(game: Game) -> range:
    return range(game.num_players)


def seen(state: State, player: int) -> tuple[bytes, bytes]:
    """What `player` is shown: observation and mask."""
    return state.observe(player).tobytes(), state.legal(player).tobytes()
