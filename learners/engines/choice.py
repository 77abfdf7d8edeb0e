"""Which engine to use: the fastest of those that work here and are exact enough, found by trying them."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from learners.engines import catalogue
from learners.engines.accuracy import Errors, compare
from learners.engines.checked import EXACT, CheckedEngine
from learners.engines.engine import Engine
from learners.engines.positions import mixed, played
from learners.network_config import Network
from learners.networks import Weights, build_network, read_weights
from native.game import Game

AUTO = "auto"
CHECKED_ROWS = 96           # positions on which an engine is compared with torch, here and whenever it takes weights
CALIBRATED_ROWS = 128       # positions that set the ranges of 8 bits, besides a quarter as many mixtures of them
TIMED_S = 0.08              # at each batch size, for each engine
MOST_REPEATS = 50
HOPELESS = 2.0              # times slower than the best with a quarter of the batch: not timed with all of it
WORTH_IT = 1.15             # times faster an engine must be to be taken before a more exact one


@dataclass(frozen=True)
class Candidate:
    """An engine that was tried. Errors are of `CHECKED_ROWS` positions, played and random ones."""

    name: str
    positions_per_s: dict[int, float]       # by batch size
    load_s: float = 0.0                     # from new weights to the first answer
    played: Errors | None = None
    random: Errors | None = None
    fault: str = ""                         # why it could not be tried

    @property
    def acceptable(self) -> bool:
        """Whether it works and errs within the bounds."""
        return all(errors is not None and errors.acceptable for errors in (self.played, self.random))

    def __str__(self) -> str:
        if self.fault:
            return f"{self.name:14} {self.fault}"
        speeds = ", ".join(f"{speed:9,.0f}/s at {rows}" for rows, speed in self.positions_per_s.items())
        return (f"{self.name:14} {speeds}; loads in {1000 * self.load_s:.0f} ms; "
                f"errors: {self.played}; on random rows: {self.random}")


@dataclass(frozen=True)
class Choice:
    """`engine` checks itself. `table`: what was tried, if anything was. `make` builds more engines of that kind."""

    engine: CheckedEngine
    table: list[Candidate]
    reason: str
    make: Callable[[], CheckedEngine]


def choose(
    game: Game, network: Network, *, batch: int, threads: int, engine: str = AUTO, seed: int = 0,
    on_fallback: Callable[[str], None] = lambda report: None,
) -> Choice:
    """The engine called `engine`; with "auto" the fastest at `batch` rows of those that are exact enough.

    Trying, also with a quarter of the rows, takes a second or a few. threads: of the engine; those of torch on the CPU
    are the process's own. Which engine wins depends on the machine and on what else it does: what must repeat itself
    bit by bit names its engine.
    Raises ValueError for an engine that is unknown or does not work here.
    """
    real = played(game, CHECKED_ROWS + CALIBRATED_ROWS, seed)
    sample, calibration = real[:CHECKED_ROWS], real[CHECKED_ROWS:]
    calibration = np.concatenate([calibration, mixed(calibration, seed)[::4]])
    build = partial(catalogue.build, game=game, network=network, threads=threads, calibration=calibration)

    def make(name: str) -> CheckedEngine:
        return CheckedEngine(name, game, network, build=build, sample=sample, on_fallback=on_fallback)

    if engine != AUTO:
        return Choice(make(engine), [], f"inference engine {engine}, as asked", partial(make, engine))
    table = _try_all(game, network, build, sample, batch, seed)
    best = _best(table, batch)
    return Choice(make(best.name), table, _sentence(best, table, batch), partial(make, best.name))


def _try_all(
    game: Game, network: Network, build: Callable[[str], Engine], sample: npt.NDArray[Any], batch: int, seed: int
) -> list[Candidate]:
    weights = lively(build_network(network, game, seed), seed)
    rows = played(game, batch, seed + 1)
    random = mixed(sample, seed)
    reference = build(EXACT)
    reference.load(weights)
    exact, exact_random = reference.evaluate(sample), reference.evaluate(random)
    few = max(1, batch // 4)
    table: list[Candidate] = []
    best_few = 0.0
    for name in catalogue.here():
        try:
            engine = build(name)
            start = perf_counter()
            engine.load(weights)
            found = engine.evaluate(sample)
            load_s = perf_counter() - start
            speeds = {few: _positions_per_s(engine, rows[:few])}
            if speeds[few] * HOPELESS >= best_few:
                speeds[batch] = _positions_per_s(engine, rows)
            errors, errors_random = compare(found, exact), compare(engine.evaluate(random), exact_random)
        except (ImportError, RuntimeError, ValueError) as error:     # a broken installation, or an unknown operation
            table.append(Candidate(name, {}, fault=str(error).strip().splitlines()[-1]))
            continue
        table.append(Candidate(name, speeds, load_s, errors, errors_random))
        if table[-1].acceptable:
            best_few = max(best_few, speeds[few])
    return table


def _positions_per_s(engine: Engine, rows: npt.NDArray[Any]) -> float:
    """Of the fastest repetition: others share the machine."""
    engine.evaluate(rows)
    best = np.inf
    end = perf_counter() + TIMED_S
    for _ in range(MOST_REPEATS):
        start = perf_counter()
        engine.evaluate(rows)
        now = perf_counter()
        best = min(best, now - start)
        if now > end:
            break
    return len(rows) / best


def lively(network: nn.Module, seed: int) -> Weights:
    """Random weights of a network that has opinions: fresh ones play nearly uniformly, which hides all errors.

    The matrices of a fresh network and half as much noise as keeps the second moment through a ReLU (He et al. 2015,
    arXiv:1502.01852).
    """
    rng = np.random.default_rng(seed)
    weights = read_weights(network)
    for array in weights.values():
        if array.ndim > 1:
            array += rng.normal(scale=0.5 * np.sqrt(2 * len(array) / array.size), size=array.shape)
    return weights


def _best(table: list[Candidate], batch: int) -> Candidate:
    able = [one for one in table if one.acceptable and batch in one.positions_per_s]
    fastest = max(one.positions_per_s[batch] for one in able)
    fast = [one for one in able if one.positions_per_s[batch] * WORTH_IT >= fastest]
    return min(fast, key=lambda one: (one.played.value if one.played else 0.0, -one.positions_per_s[batch]))


def _sentence(best: Candidate, table: list[Candidate], batch: int) -> str:
    others = [f"{one.name} {one.positions_per_s[batch]:,.0f}" + ("" if one.acceptable else " but inexact")
              for one in table if one is not best and batch in one.positions_per_s]
    others += [f"{one.name} too slow" for one in table if one.positions_per_s and batch not in one.positions_per_s]
    others += [f"{one.name} failed" for one in table if one.fault]
    return (f"inference engine {best.name}: {best.positions_per_s[batch]:,.0f} positions/s at batch {batch}"
            + (f" ({', '.join(others)})" if others else "") + f"; errors: {best.played}")
