"""How fast a rollout worker plays Connect Four with a 2x256 MLP, and how much of its time is the network's forward."""
from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from actors.config import Rollout
from actors.match import Match, MatchResult
from actors.rollout import RolloutWorker
from actors.weight_store import WeightStore
from envs.registry import make
from league.config import parse_config
from league.coordinator import MAIN
from league.pipeline import Pipeline
from learners.network_config import Network
from learners.networks import build_network, read_weights
from serve.run_store import SqliteRunStore
from tests.benchmarks.measure import record

GAME, NETWORK = "connect_four", Network(hidden=(256, 256))
REPEATS, SECONDS = 7, 1.5


class SelfPlay:
    """Endless matches of the learner against itself."""

    def assign(self, worker: str) -> Match:
        return Match("m", MAIN, (MAIN, MAIN), 512, 1.0)

    def report(self, result: MatchResult) -> None:
        pass


def run(peers: bool) -> Iterator[dict[str, object]]:
    """Decisions per second and forward share of a worker in this process, then of one that streams through Ray."""
    yield from in_process()
    yield from over_ray()


def in_process() -> Iterator[dict[str, object]]:
    torch.set_num_threads(1)
    game, weights = make(GAME), WeightStore()
    weights.publish(MAIN, 0, read_weights(build_network(NETWORK, game, seed=0)))
    worker = RolloutWorker(
        "bench", game, NETWORK, Rollout(), discount=0.99, seed=1, learner=MAIN, coordination=SelfPlay(),
        weights=weights,
    )
    for _ in range(20):
        worker.next_chunk()
    rates, shares = [], []
    for _ in range(REPEATS):
        rows, forward_s, elapsed_s = 0, worker.forward_s, worker.elapsed_s
        while worker.elapsed_s - elapsed_s < SECONDS:
            rows += worker.next_chunk().header.rows
        spent = worker.elapsed_s - elapsed_s
        rates.append(rows / spent)
        shares.append((worker.forward_s - forward_s) / spent)
    yield record("rollout", f"{GAME}/mlp_2x256", rates, "decisions/s")
    yield record("rollout", f"{GAME}/mlp_2x256/forward_share", shares, "share")


def over_ray() -> Iterator[dict[str, object]]:
    """The same worker as an actor; this process only takes the chunks, so that nothing else limits it."""
    from league.ray_pipeline import RayPipeline

    config = parse_config(
        {"game": GAME, "budget": {"minutes": 1}, "learning": {"network": NETWORK.model_dump()}}, "bench"
    )
    game = config.make_game()
    with tempfile.TemporaryDirectory(prefix="ludus-") as folder:
        store = SqliteRunStore(Path(folder) / "ludus.sqlite")
        store.create("bench", Path(folder), {}, False)
        pipeline = RayPipeline(config, game, "bench", store)
        try:
            pipeline.publish(MAIN, 0, read_weights(build_network(NETWORK, game, seed=0)))
            pipeline.start()
            _take(pipeline, SECONDS)
            rates, shares = [], []
            for _ in range(REPEATS):
                before = pipeline.worker_times()
                rates.append(_take(pipeline, SECONDS))
                forward_s, elapsed_s = (now - then for now, then in zip(pipeline.worker_times(), before, strict=True))
                shares.append(forward_s / elapsed_s)
        finally:
            pipeline.close()
    yield record("rollout", f"{GAME}/mlp_2x256/ray", rates, "decisions/s")
    yield record("rollout", f"{GAME}/mlp_2x256/ray/forward_share", shares, "share")


def _take(pipeline: Pipeline, seconds: float) -> float:
    """Takes batches for a while; decisions per second."""
    rows, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        chunks, _ = pipeline.next_batch(0, seconds)
        rows += sum(chunk.header.rows for chunk in chunks)
    return rows / spent
