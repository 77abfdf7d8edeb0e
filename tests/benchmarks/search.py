"""Simulations per second of the tree search on one core, from the empty board of Connect Four (Razzle: the start).

`uniform`: the tree alone. `rollouts`: one game of random play per leaf. `two_phase`: `select` and `expand` with ready
answers, which is what a network's evaluation comes on top of. `open_spiel` (peer): its C++ MCTSBot, one rollout per
leaf, UCT, with solver; it searches one game at a time. Names: `GAME/evaluator_GAMESxSIMULATIONS`.
"""
from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from envs import registry
from native.search import Search
from native.search_settings import SearchSettings
from native.vector import VectorGame
from tests.benchmarks.measure import measure, record

NUM_GAMES = 256
PEER_SIMULATIONS = 600


def run(peers: bool) -> Iterator[dict[str, object]]:
    """One record per game, evaluator and kind of root."""
    puct, gumbel = SearchSettings(simulations=128), SearchSettings(simulations=32, root="gumbel")
    longer = SearchSettings(simulations=600)
    yield _per_second("connect_four/uniform_256x128", partial(uniform, *begun("connect_four", puct)), 128)
    yield _per_second("connect_four/gumbel_uniform_256x32", partial(uniform, *begun("connect_four", gumbel)), 32)
    yield _per_second("connect_four/rollouts_256x128", partial(rollouts, *begun("connect_four", puct)), 128)
    yield _per_second("connect_four/rollouts_256x600", partial(rollouts, *begun("connect_four", longer)), 600)
    yield _per_second("connect_four/gumbel_rollouts_256x32", partial(rollouts, *begun("connect_four", gumbel)), 32)
    yield _per_second("connect_four/two_phase_256x128", partial(two_phase, *begun("connect_four", puct)), 128)
    yield _per_second("razzle/uniform_256x128", partial(uniform, *begun("razzle", puct)), 128)
    yield _per_second("beasty_bar/uniform_256x128", partial(uniform, *begun("beasty_bar", puct)), 128)
    if peers and importlib.util.find_spec("pyspiel"):
        yield _per_second(f"connect_four/open_spiel_1x{PEER_SIMULATIONS}", open_spiel(), PEER_SIMULATIONS, 1)


def _per_second(case: str, function: Callable[[], None], simulations: int, games: int = NUM_GAMES) -> dict[str, object]:
    rates = [games * simulations / seconds for seconds in measure(function)]
    return record("search", case, rates, "simulations/s")


def begun(name: str, settings: SearchSettings) -> tuple[Search, VectorGame]:
    game = registry.make(name)
    return Search(game, NUM_GAMES, settings), VectorGame(game, NUM_GAMES)


def uniform(search: Search, start: VectorGame) -> None:
    """One search of all games; beginning it is part of the time."""
    search.begin(start.states, np.arange(NUM_GAMES, dtype=np.uint64))
    search.run_uniform()


def rollouts(search: Search, start: VectorGame) -> None:
    search.begin(start.states, np.arange(NUM_GAMES, dtype=np.uint64))
    search.run_rollouts()


def two_phase(search: Search, start: VectorGame) -> None:
    logits, values = np.zeros((NUM_GAMES, start.game.num_actions), np.float32), np.zeros(NUM_GAMES, np.float32)
    search.begin(start.states, np.arange(NUM_GAMES, dtype=np.uint64))
    while leaves := len(search.select()[0]):
        search.expand(logits[:leaves], values[:leaves])


def open_spiel() -> Callable[[], None]:
    """A search of PEER_SIMULATIONS from the empty board by the C++ bot."""
    import pyspiel

    game = pyspiel.load_game("connect_four")
    evaluator = pyspiel.RandomRolloutEvaluator(1, 0)
    bot = pyspiel.MCTSBot(game, evaluator, 2.0, PEER_SIMULATIONS, 1000, True, 0, False)
    state = game.new_initial_state()

    def search() -> None:
        bot.mcts_search(state)

    return search
