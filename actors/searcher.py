"""Whole searches of many games at once, guided by a network, by random play or by nothing."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from actors.config import SelfPlay
from learners.engines.choice import Choice, choose
from learners.engines.engine import Engine
from learners.network_config import Network
from native.evaluation_cache import EvaluationCache
from native.game import Game
from native.search import Search
from native.search_settings import SearchSettings

WORD = (1 << 64) - 1


class Searcher(Protocol):
    """Searches from many states. `version`: of the weights that guide it, -1 without any yet; `forward_s`: seconds
    inside their network so far, in `batches` forward passes; `note`: what people should know of it."""

    version: int
    forward_s: float
    batches: int

    @property
    def note(self) -> str: ...

    def load(self, version: int, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes a copy of `weights`. Raises ValueError naming what does not fit."""

    def search(self, states: npt.NDArray[np.uint8], seeds: npt.NDArray[np.uint64]) -> Search:
        """A finished search of `states [n, state_bytes]` with `seeds [n]`; the next one uses its memory again."""


def exploring(settings: SelfPlay) -> SearchSettings:
    """How to search where decisions are learned from."""
    return SearchSettings(
        simulations=settings.simulations, root=settings.root, c_init=settings.c_init, c_base=settings.c_base,
        fpu_reduction=settings.fpu_reduction, root_fpu_reduction=settings.root_fpu_reduction,
        root_temperature=settings.root_temperature, dirichlet_alpha=settings.dirichlet_alpha,
        dirichlet_fraction=settings.dirichlet_fraction, forced_playouts=settings.forced_playouts,
        max_considered=settings.max_considered, c_visit=settings.c_visit, c_scale=settings.c_scale,
        fast_simulations=settings.fast_simulations, full_fraction=settings.full_fraction, solver=settings.solver,
    )


def playing(settings: SelfPlay, simulations: int) -> SearchSettings:
    """How to search where strength counts: without noise, every search a full one."""
    return SearchSettings(
        simulations=simulations, root=settings.root, c_init=settings.c_init, c_base=settings.c_base,
        fpu_reduction=settings.fpu_reduction, root_fpu_reduction=settings.root_fpu_reduction,
        max_considered=settings.max_considered, c_visit=settings.c_visit, c_scale=settings.c_scale,
        gumbel_scale=0.0, solver=settings.solver,
    )


class NetworkSearcher:
    """Leaves of all games go through the network in one batch.

    cache: evaluated positions that are remembered while the weights stay, 0 for none. symmetries: every batch is seen
    in a symmetry of the game drawn by `seed` and the number of the batch. notes: what people should know of the engine,
    the newest last; others may add to it.
    """

    def __init__(
        self, game: Game, num_games: int, settings: SearchSettings, engine: Engine, *, cache: int = 0,
        symmetries: bool = False, seed: int = 0, notes: Sequence[str] = (),
    ) -> None:
        self.version = -1
        self.forward_s = 0.0
        self.rows = 0           # evaluated by the network
        self.batches = 0
        self._notes = notes
        self._engine = engine
        self._cache = EvaluationCache(game, cache) if cache else None
        self._search = Search(game, num_games, settings, self._cache)
        self._seed = seed
        self._symmetries = [
            (observation, np.argsort(action).astype(np.int32)) for observation, action in game.symmetries
        ] if symmetries else []

    @property
    def note(self) -> str:
        """The newest of `notes`."""
        return self._notes[-1] if self._notes else ""

    def load(self, version: int, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Searcher.load`; what the cache remembers is of other weights and goes."""
        self._engine.load(weights)
        self.version = version
        if self._cache is not None:
            self._cache.clear()

    def search(self, states: npt.NDArray[np.uint8], seeds: npt.NDArray[np.uint64]) -> Search:
        """See `Searcher.search`."""
        search = self._search
        search.begin(states, seeds)
        while len(observations := search.select()[0]):
            search.expand(*self._evaluate(observations))
            self._follow()
        return search

    def _follow(self) -> None:
        """An engine that takes newer weights by itself tells which answered; what others have said then counts no more.
        """
        version = getattr(self._engine, "version", None)
        if version is not None and version != self.version:
            self.version = version
            if self._cache is not None:
                self._cache.clear()

    def _evaluate(
        self, observations: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        symmetry = _below(len(self._symmetries), self._seed, self.batches) if self._symmetries else 0
        if symmetry:
            there, back = self._symmetries[symmetry]
            observations = observations.reshape(len(observations), -1).take(there, axis=1).reshape(observations.shape)
        start = perf_counter()
        logits, values = self._engine.evaluate(observations)
        self.forward_s += perf_counter() - start
        self.batches += 1
        self.rows += len(observations)
        return (logits.take(back, axis=1) if symmetry else logits), values


def _below(bound: int, seed: int, number: int) -> int:
    """A number below `bound`, drawn by the other two; see `actors.draws`, which is for many at once."""
    bits = (seed * 0x9E3779B97F4A7C15 + number * 0xD1342543DE82EF95) & WORD
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & WORD
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & WORD
    return (bits ^ bits >> 31) % bound


class RolloutSearcher:
    """Needs no network: uniform priors, and one game of random play from every leaf."""

    def __init__(self, game: Game, num_games: int, settings: SearchSettings) -> None:
        self.version = 0
        self.forward_s = 0.0
        self.batches = 0
        self.note = ""
        self._search = Search(game, num_games, settings)

    def load(self, version: int, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes note of the version."""
        self.version = version

    def search(self, states: npt.NDArray[np.uint8], seeds: npt.NDArray[np.uint64]) -> Search:
        """See `Searcher.search`."""
        self._search.begin(states, seeds)
        self._search.run_rollouts()
        return self._search


def searcher_factory(
    game: Game, network: Network, settings: SelfPlay, seed: int, make_engine: Callable[[str], Engine] | None = None
) -> Callable[[str], Searcher]:
    """Makes searchers for self-play, one for each policy it is called with.

    make_engine: the engine of a policy; None: the one that `settings` asks for, which the first call may find by
    trying some.
    """
    choice: list[Choice] = []
    notes: list[str] = []

    def own(policy: str) -> Engine:
        if not choice:
            choice.append(choose(
                game, network, batch=settings.games, threads=settings.threads, engine=settings.engine, seed=seed,
                on_fallback=lambda report: notes.append(report) if len(notes) == 1 else None,   # once is enough
            ))
            notes.append(choice[0].reason)
        return choice[0].make()

    def make(policy: str) -> Searcher:
        return NetworkSearcher(
            game, settings.games, exploring(settings), (make_engine or own)(policy), cache=settings.cache,
            symmetries=settings.symmetries, seed=seed, notes=notes,
        )

    return make
