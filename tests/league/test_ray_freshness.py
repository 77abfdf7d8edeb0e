"""How old what is learned from may be: a learner slower than its worker gets chunks of a few versions ago, no older."""
from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from league.coordinator import MAIN
from league.ray_pipeline import RayPipeline
from learners.chunk import Chunk
from learners.networks import build_network, read_weights
from serve.run_store import SqliteRunStore
from tests.league.conftest import tiny

BATCHES = 24
OLDEST = 6
"""Updates. Two chunks are in the table, one is on the way to the learner, one waits for room: the last began with the
weights of four updates before it is learned from, and an answer of the weight store may be late now and then."""

pytestmark = pytest.mark.ray


@pytest.fixture
def pipeline() -> Iterator[RayPipeline]:
    folder = Path(tempfile.mkdtemp(prefix="ludus-"))    # short: Ray's sockets have no long names
    config = tiny(
        backend="ray", deterministic=False, game="cartpole", batch_chunks=1,
        cluster={"temp_dir": str(folder / "ray"), "object_store_mb": 128},
        replay={"capacity": 2, "max_bytes": 32 << 20},
        rollout={"actors": 1, "games": 8, "unroll": 4, "chunk_unrolls": 8},
        league={"snapshots": 0.0, "bots": {}}, evaluation={"opponents": ["random"]},
    )
    store = SqliteRunStore(folder / "ludus.sqlite")
    store.create("run", folder / "run", {}, False)
    game = config.make_game()
    weights = read_weights(build_network(config.learning.network, game, seed=0))
    one = RayPipeline(config, game, "run", store)
    try:
        one.publish(MAIN, 0, weights)
        one.start()
        yield one
    finally:
        one.close()
        shutil.rmtree(folder, ignore_errors=True)


def next_batch(pipeline: RayPipeline, version: int) -> list[Chunk]:
    for _ in range(60):
        chunks, _ = pipeline.next_batch(version, 1.0)
        if chunks:
            return chunks
    raise AssertionError("no batch within a minute")


def let_it_run_ahead(pipeline: RayPipeline) -> None:
    """Until everything that may be made before the learner takes more has been made."""
    deadline, made = time.monotonic() + 60, -1.0
    while time.monotonic() < deadline:
        figures = pipeline.metrics()
        if figures.get("replay_chunks") == 2 and pipeline._batches.full() and pipeline.steps() == made:
            return
        made = pipeline.steps()
    raise AssertionError("the worker never came to rest")


def test_a_slow_learner_gets_chunks_of_few_versions_ago(pipeline: RayPipeline) -> None:
    lags = []
    weights = read_weights(build_network(pipeline._config.learning.network, pipeline._game, seed=0))
    for version in range(BATCHES):
        let_it_run_ahead(pipeline)
        (chunk,) = next_batch(pipeline, version)
        lags.append(version - chunk.header.version_min)
        pipeline.publish(MAIN, version + 1, weights)
    assert lags[-1] > 0
    assert max(lags) <= OLDEST
