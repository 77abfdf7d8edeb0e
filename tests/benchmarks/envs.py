"""Steps per second of every game on one core, observation and mask written at each step.

`NAME/random`: uniformly random legal play without Python in between. `NAME/step`: `VectorGame.step` with given actions.
`NAME/BOT_mirror`: whole games of a scripted player against itself. `NAME/open_spiel` (peer): the same random play
through OpenSpiel's Python interface, where it has the game. Arena's steps are ticks of the world, of 8 seats each.
`cartpole/adapter`: Gymnasium's CartPole-v1 through our adapter, given actions. Peers of it: `cartpole/gymnasium`, one
environment in a loop, and `cartpole/gymnasium_numpy`, Gymnasium's own vector of as many in arrays.
"""
from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Iterator
from functools import partial

import gymnasium
import numpy as np

from envs import registry
from envs.adapters.vectors import make_vector
from native.game import Game
from native.match import play_match
from native.vector import VectorGame
from tests.benchmarks.measure import measure, record

NUM_GAMES = 1024
STEPS = 64      # per measured call
MIRRORS = {"beasty_bar": "outcome_heuristic"}
MIRROR_GAMES = 2000


def run(peers: bool) -> Iterator[dict[str, object]]:
    """One record per game and way to play it."""
    for name in registry.names():
        game = registry.make(name)
        vector = VectorGame(game, NUM_GAMES)
        yield _steps_per_second(f"{name}/random", partial(vector.play_random, STEPS), NUM_GAMES * STEPS)
        yield _steps_per_second(f"{name}/step", given_actions(game), NUM_GAMES * STEPS)
        if name in MIRRORS:
            bot = MIRRORS[name]
            played = measure(partial(play_match, game, bot, bot, MIRROR_GAMES, 1))
            yield record("envs", f"{name}/{bot}_mirror", [MIRROR_GAMES / seconds for seconds in played], "games/s")
        if peers and importlib.util.find_spec("pyspiel"):
            import pyspiel

            if name in pyspiel.registered_names():
                yield _steps_per_second(f"{name}/open_spiel", partial(open_spiel_steps, name, STEPS), STEPS)
        if name == "cartpole":
            yield from _gymnasium(peers)


def _steps_per_second(case: str, function: Callable[[], object], steps: int) -> dict[str, object]:
    return record("envs", case, [steps / seconds for seconds in measure(function)], "steps/s")


def _gymnasium(peers: bool) -> Iterator[dict[str, object]]:
    """The adapter's CartPole and, as peers, Gymnasium's two."""
    pushes = np.random.default_rng(0).integers(0, 2, (STEPS, NUM_GAMES)).astype(np.int32)
    adapted = make_vector(registry.make("gymnasium", id="CartPole-v1"), NUM_GAMES)

    def adapter() -> None:
        for actions in pushes:
            adapted.step(actions)

    yield _steps_per_second("cartpole/adapter", adapter, NUM_GAMES * STEPS)
    if not peers:
        return
    one = gymnasium.make("CartPole-v1", disable_env_checker=True)
    one.reset(seed=0)
    many = gymnasium.make_vec("CartPole-v1", NUM_GAMES, "vector_entry_point")
    many.reset(seed=0)

    def alone() -> None:
        for action in pushes[:, 0].tolist():
            _, _, terminal, truncated, _ = one.step(action)
            if terminal or truncated:
                one.reset()

    def in_arrays() -> None:
        for actions in pushes:
            many.step(actions)

    yield _steps_per_second("cartpole/gymnasium", alone, STEPS)
    yield _steps_per_second("cartpole/gymnasium_numpy", in_arrays, NUM_GAMES * STEPS)


def given_actions(game: Game) -> Callable[[], None]:
    """Plays the same STEPS recorded steps whenever it is called; going back to their start is part of the time."""
    vector = VectorGame(game, NUM_GAMES)
    vector.play_random(STEPS)       # rows are in the middle of their games
    start = vector.save()
    shape = (*vector.num_legal.shape, len(game.head_sizes))
    recorded = []
    for _ in range(STEPS):
        recorded.append(np.empty(shape, np.int32))
        vector.random_actions(recorded[-1])
        vector.step(recorded[-1])

    def play() -> None:
        vector.load(start)
        for actions in recorded:
            vector.step(actions)

    return play


def open_spiel_steps(name: str, steps: int) -> None:
    """`steps` decisions of uniformly random play, with the mask and the observation of the seat to act."""
    import pyspiel

    game = pyspiel.load_game(name)
    state = game.new_initial_state()
    for _ in range(steps):
        while state.is_chance_node():
            state.apply_action(random.choice(state.chance_outcomes())[0])   # uniform in the games measured here
        state.apply_action(random.choice(state.legal_actions()))
        if state.is_terminal():
            state.rewards()
            state = game.new_initial_state()
        if not state.is_chance_node():
            state.legal_actions_mask()
            state.observation_tensor()
