"""Simulations per second of the tree search on one core, from the empty board of Connect Four (Razzle: the start).

`uniform`: the tree alone. `rollouts`: one game of random play per leaf. `two_phase`: `select` and `expand` with ready
answers, which is what a network's evaluation comes on top of. `open_spiel` (peer): its C++ MCTSBot, one rollout per
leaf, UCT, with solver; it searches one game at a time. Names: `GAME/evaluator_GAMESxSIMULATIONS`.

Then self-play as an actor does it, with the inference engine that is fastest here, 256 games and 32 simulations, on one
core: decisions per second, leaves evaluated by the network per second, and the share of the time that is spent inside
the network's forward pass; what is left is the tree, the rules, the cache and the recording. `without_cache`: every
leaf goes through the network. The same once more with plain torch, whose forward takes longer.
"""
from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from actors.config import SelfPlay
from actors.match import Match, MatchResult
from actors.searcher import NetworkSearcher, Searcher, exploring
from actors.self_play import SelfPlayWorker
from actors.weight_store import WeightStore
from envs import registry
from league.coordinator import MAIN
from learners.engines.choice import choose
from learners.network_config import Network
from learners.networks import build_network, read_weights
from native.search import Search
from native.search_settings import SearchSettings
from native.vector import VectorGame
from tests.benchmarks.measure import measure, record

NUM_GAMES = 256
PEER_SIMULATIONS = 600
NETWORKS = {"mlp_2x256": Network(hidden=(256, 256)), "residual_64x5": Network(kind="residual", channels=64, blocks=5)}
REPEATS, SECONDS = 5, 2.0


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
    for label, network in NETWORKS.items():
        yield from self_play(label, network, cache=SelfPlay().cache)
        yield from self_play(f"{label}_without_cache", network, cache=0)
        yield from self_play(label, network, cache=SelfPlay().cache, engine_name="torch")
    if peers and importlib.util.find_spec("pyspiel"):
        yield _per_second(f"connect_four/open_spiel_1x{PEER_SIMULATIONS}", open_spiel(), PEER_SIMULATIONS, 1)


def self_play(label: str, network: Network, cache: int, engine_name: str = "auto") -> Iterator[dict[str, object]]:
    """Decisions and evaluations per second, and the share of forward, of one worker."""
    torch.set_num_threads(1)
    game, weights = registry.make("connect_four"), WeightStore()
    weights.publish(MAIN, 0, read_weights(build_network(network, game, seed=0)))
    settings = SelfPlay(games=NUM_GAMES, simulations=32, root="gumbel", chunk_rows=256, cache=cache)
    engine = choose(game, network, batch=NUM_GAMES, threads=1, engine=engine_name, seed=0).engine
    searchers: list[NetworkSearcher] = []

    def make_searcher(policy: str) -> Searcher:
        searchers.append(NetworkSearcher(game, NUM_GAMES, exploring(settings), engine, cache=cache, symmetries=True))
        return searchers[-1]

    worker = SelfPlayWorker(
        "bench", game, settings, seed=1, learner=MAIN, coordination=SelfPlayMatches(), weights=weights,
        make_searcher=make_searcher,
    )
    worker.next_chunk()
    gc.freeze()     # as the actor does
    decisions, leaves, shares = [], [], []
    for _ in range(REPEATS):
        # every repeat begins with an empty cache, as after new weights
        searchers[0].load(0, weights.pull(MAIN, -1)[1])     # type: ignore[index]
        before = (worker.totals["decisions"], searchers[0].rows, worker.forward_s, worker.elapsed_s)
        while worker.elapsed_s - before[3] < SECONDS:
            worker.next_chunk()
        spent = worker.elapsed_s - before[3]
        decisions.append((worker.totals["decisions"] - before[0]) / spent)
        leaves.append((searchers[0].rows - before[1]) / spent)
        shares.append((worker.forward_s - before[2]) / spent)
    case = f"connect_four/self_play/{label}/{engine.name}"
    yield record("search", case, decisions, "decisions/s")
    yield record("search", f"{case}/evaluations", leaves, "evaluations/s")
    yield record("search", f"{case}/forward_share", shares, "share")


class SelfPlayMatches:
    """Endless matches of the learner against itself."""

    def assign(self, worker: str) -> Match:
        return Match("m", MAIN, (MAIN, MAIN), 512, 1.0)

    def report(self, result: MatchResult) -> None:
        pass


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
