"""The inference actor over a real Ray: several callers at once, newer weights, a restart."""
from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import ray

from actors.inference_actor import InferenceActor
from actors.inference_remote import RemoteEngine
from actors.weight_store_actor import WeightStoreActor
from envs.registry import make
from learners.engines.positions import played
from learners.engines.torch_engine import TorchEngine
from tests.actors.stage import NETWORK, weights

pytestmark = pytest.mark.ray

GAME = make("tic_tac_toe")
ROWS = played(GAME, 64, seed=1)


@pytest.fixture(scope="module")
def weight_store() -> Iterator[Any]:
    folder = tempfile.mkdtemp(prefix="ludus")      # short: Ray puts sockets there
    ray.init(
        address="local", namespace="inference", num_cpus=2, object_store_memory=100 << 20, include_dashboard=False,
        log_to_driver=False, logging_level=logging.ERROR, _temp_dir=folder,
    )
    try:
        yield ray.remote(WeightStoreActor).options(name="weight_store", num_cpus=0).remote()
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def expected(seed: int) -> Any:
    engine = TorchEngine(GAME, NETWORK)
    engine.load(weights(seed=seed))
    return engine.evaluate(ROWS)


def test_callers_share_batches_and_outlast_a_restart(weight_store: Any) -> None:
    ray.get([weight_store.publish.remote(policy, 3, [ray.put(weights(seed=seed))])
             for policy, seed in (("main", 1), ("past", 2))])
    actor: Any = ray.remote(InferenceActor).options(max_restarts=1, num_cpus=0).remote(
        GAME, NETWORK, "inference", max_rows=64, deadline_ms=50.0, engine="torch"
    )
    assert ray.get(actor.reason.remote()) == "inference engine torch, as asked"
    callers = [RemoteEngine(actor, policy) for policy in ("main", "past") for _ in range(4)]
    parts = [ROWS[16 * n:16 * n + 16] for n in range(4)] * 2

    def ask() -> None:
        with ThreadPoolExecutor(len(callers)) as threads:
            answers = list(threads.map(lambda one: one[0].evaluate(one[1]), zip(callers, parts, strict=True)))
        for low, seed in ((0, 1), (4, 2)):
            logits, values = expected(seed)
            np.testing.assert_allclose(np.concatenate([one[0] for one in answers[low:low + 4]]), logits, atol=1e-6)
            np.testing.assert_allclose(np.concatenate([one[1] for one in answers[low:low + 4]]), values, atol=1e-6)
        assert {caller.version for caller in callers} == {3}

    ask()
    figures = ray.get(actor.metrics.remote())
    assert (figures["requests"], figures["rows"], figures["loads"]) == (8, 128, 2)
    assert figures["batches"] <= 8
    os.kill(ray.get(actor.process.remote()), signal.SIGKILL)
    ask()
    assert ray.get(actor.metrics.remote())["requests"] == 8      # of its second life

    weight_store.publish.remote("main", 4, [ray.put(weights(seed=9))])
    while callers[0].version < 4:
        answer = callers[0].evaluate(ROWS)
    np.testing.assert_allclose(answer[0], expected(9)[0], atol=1e-6)
    answer[0][:] = 0.0      # the caller's to keep
