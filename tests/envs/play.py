"""Random play of any game through `State`, with every state on the way kept.

Letters: P seats, H heads, A mask bytes, T actions.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from native.game import Game, State

TERMINAL, SIMULTANEOUS = -1, -2
Action = list[int] | list[list[int]]
"""`[H]`, or `[P][H]` where all seats decide at once."""


@dataclass(frozen=True)
class Playthrough:
    """One game: `actions[t]` leads from `states[t]` to `states[t + 1]`."""

    game: Game
    seed: int
    states: list[State]
    actions: list[Action]


def heads(game: Game, mask: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    """The mask, one piece per head."""
    return np.split(mask, np.cumsum(game.head_sizes)[:-1])


def deciding(state: State) -> list[int]:
    """Seats that decide now; when all decide at once, those with anything to choose."""
    seat = state.to_act()
    if seat == SIMULTANEOUS:
        return [player for player in range(state.game.num_players) if state.legal(player).any()]
    return [] if seat == TERMINAL else [seat]


def random_choice(state: State, player: int, rng: np.random.Generator) -> list[int]:
    """One legal value per head, uniformly. Shape `[H]`."""
    return [int(rng.choice(np.flatnonzero(part))) for part in heads(state.game, state.legal(player))]


def random_action(state: State, rng: np.random.Generator) -> Action:
    """What `State.apply` takes here; zeros for seats that have nothing to choose."""
    seat = state.to_act()
    if seat != SIMULTANEOUS:
        return random_choice(state, seat, rng)
    chosen = {player: random_choice(state, player, rng) for player in deciding(state)}
    return [chosen.get(player, [0] * len(state.game.head_sizes)) for player in range(state.game.num_players)]


def random_play(game: Game, seed: int, max_actions: int) -> Playthrough:
    """A game of uniformly random play, cut off after `max_actions`."""
    rng = np.random.default_rng(seed)
    state = game.new_state(seed)
    states = [state.clone()]
    actions: list[Action] = []
    while not state.is_terminal and len(actions) < max_actions:
        actions.append(random_action(state, rng))
        state.apply(actions[-1])
        states.append(state.clone())
    return Playthrough(game, seed, states, actions)


def replay(game: Game, seed: int, actions: list[Action]) -> list[State]:
    """Every state of the game that `actions` make of `seed`, the first one included."""
    state = game.new_state(seed)
    states = [state.clone()]
    for action in actions:
        state.apply(action)
        states.append(state.clone())
    return states
