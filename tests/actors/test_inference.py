"""The inference server without Ray: batches, deadlines, policies, versions, failures."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from itertools import pairwise
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from actors.inference import Answer, InferenceServer
from actors.weight_store import WeightStore
from envs.registry import make
from learners.engines.engine import Evaluation
from learners.engines.positions import played
from learners.engines.torch_engine import TorchEngine
from tests.actors.stage import NETWORK, weights

GAME = make("tic_tac_toe")
ROWS = played(GAME, 64, seed=1)
FAR_MS = 3_600_000.0    # a deadline that no test waits for


class Engine(TorchEngine):
    """Torch, and what it was asked; it waits for `gate` before it answers."""

    def __init__(self) -> None:
        super().__init__(GAME, NETWORK)
        self.batches: list[int] = []
        self.begun, self.gate = Event(), Event()
        self.gate.set()

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        self.begun.set()
        assert self.gate.wait(30)
        self.batches.append(len(observations))
        return super().evaluate(observations)


class Stage:
    """A server and the engines that it made, in order."""

    def __init__(self, store: WeightStore, **settings: Any) -> None:
        self.engines: list[Engine] = []
        self.server = InferenceServer(self.make, store, **settings)

    def make(self) -> Engine:
        self.engines.append(Engine())
        return self.engines[-1]


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))


def store(**policies: int) -> WeightStore:
    held = WeightStore()
    for policy, seed in policies.items():
        held.publish(policy, 0, weights(seed=seed))
    return held


def exact(seed: int, rows: npt.NDArray[Any]) -> Evaluation:
    engine = TorchEngine(GAME, NETWORK)
    engine.load(weights(seed=seed))
    return engine.evaluate(rows)


def check(answer: Answer, seed: int, rows: npt.NDArray[Any]) -> None:
    """Whether `answer` is what the network of `seed` says of `rows`."""
    logits, values = exact(seed, rows)
    np.testing.assert_allclose(answer.logits, logits, atol=1e-6)
    np.testing.assert_allclose(answer.values, values, atol=1e-6)


async def gather(*requests: Awaitable[Answer]) -> list[Answer]:
    return list(await asyncio.gather(*requests))


def test_requests_that_fill_a_batch_are_answered_at_once_and_each_gets_its_rows() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1), max_rows=30, deadline_ms=FAR_MS)
        cuts = [0, 7, 8, 20, 30]
        parts = [ROWS[low:high] for low, high in pairwise(cuts)]
        answers = await gather(*(stage.server.evaluate("main", part) for part in parts))
        assert stage.engines[0].batches == [30]
        for part, answer in zip(parts, answers, strict=True):
            check(answer, 1, part)
        assert stage.server.metrics()["rows_per_batch"] == 30
        await stage.server.close()

    run(scenario)


def test_a_batch_that_is_not_full_is_answered_when_it_is_due() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1), max_rows=1000, deadline_ms=20.0)
        first, second = await gather(stage.server.evaluate("main", ROWS[:3]), stage.server.evaluate("main", ROWS[3:4]))
        assert stage.engines[0].batches == [4]
        check(first, 1, ROWS[:3])
        check(second, 1, ROWS[3:4])
        await stage.server.close()

    run(scenario)


def test_nothing_is_answered_before_it_is_due() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1), max_rows=10, deadline_ms=FAR_MS)
        early = asyncio.ensure_future(stage.server.evaluate("main", ROWS[:9]))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not early.done()
        await stage.server.evaluate("main", ROWS[9:10])
        check(await early, 1, ROWS[:9])
        await stage.server.close()

    run(scenario)


def test_what_arrives_while_the_engine_computes_is_one_batch_within_max_rows() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1), max_rows=10, deadline_ms=0.0)
        await stage.server.evaluate("main", ROWS[:1])
        engine = stage.engines[0]
        engine.gate.clear()
        engine.begun.clear()
        first = asyncio.ensure_future(stage.server.evaluate("main", ROWS[:2]))
        assert await asyncio.to_thread(engine.begun.wait, 30)
        later = [asyncio.ensure_future(stage.server.evaluate("main", ROWS[n:n + 4])) for n in range(5)]
        await asyncio.sleep(0)
        engine.gate.set()
        await gather(first, *later)
        assert engine.batches == [1, 2, 8, 8, 4]     # requests are not split
        for n, answer in enumerate(later):
            check(await answer, 1, ROWS[n:n + 4])
        await stage.server.close()

    run(scenario)


def test_a_request_larger_than_a_batch_goes_alone() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1), max_rows=10, deadline_ms=FAR_MS)
        check(await stage.server.evaluate("main", ROWS), 1, ROWS)
        assert stage.engines[0].batches == [64]
        await stage.server.close()

    run(scenario)


def test_policies_have_batches_and_weights_of_their_own() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1, past=2), max_rows=8, deadline_ms=FAR_MS)
        answers = await gather(*(
            stage.server.evaluate(policy, ROWS[4 * n:4 * n + 4])
            for n, policy in enumerate(["main", "past", "past", "main"])
        ))
        for n, (answer, seed) in enumerate(zip(answers, (1, 2, 2, 1), strict=True)):
            check(answer, seed, ROWS[4 * n:4 * n + 4])
        assert [engine.batches for engine in stage.engines] == [[8], [8]]
        await stage.server.close()

    run(scenario)


def test_newer_weights_are_taken_between_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.inference.LOOK_S", 0.0)

    async def scenario() -> None:
        held = store(main=1)
        stage = Stage(held, deadline_ms=0.0)
        assert (await stage.server.evaluate("main", ROWS)).version == 0
        held.publish("main", 5, weights(seed=9))
        answer = await stage.server.evaluate("main", ROWS)
        assert answer.version == 5
        check(answer, 9, ROWS)
        assert (await stage.server.evaluate("main", ROWS)).version == 5
        assert stage.server.metrics()["loads"] == 2
        await stage.server.close()

    run(scenario)


def test_engines_used_longest_ago_are_dropped() -> None:
    async def scenario() -> None:
        stage = Stage(store(a=1, b=2, c=3), deadline_ms=0.0, max_policies=2)
        for policy in ("a", "b", "a", "c", "a", "b"):
            await stage.server.evaluate(policy, ROWS)
        assert len(stage.engines) == 4      # a, b, c, and b again
        check(await stage.server.evaluate("b", ROWS), 2, ROWS)
        await stage.server.close()

    run(scenario)


def test_failures_reach_those_who_asked_and_nobody_else() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1), max_rows=4, deadline_ms=FAR_MS)
        unknown, wrong, good = await asyncio.gather(
            stage.server.evaluate("nobody", ROWS[:4]),
            stage.server.evaluate("main", ROWS[:4, :1]),
            stage.server.evaluate("main", ROWS[:4]),
            return_exceptions=True,
        )
        assert isinstance(unknown, RuntimeError)
        assert "no weights of policy 'nobody'" in str(unknown)
        assert isinstance(wrong, RuntimeError)
        assert isinstance(good, Answer)
        check(good, 1, ROWS[:4])
        with pytest.raises(ValueError, match="0 rows"):
            await stage.server.evaluate("main", ROWS[:0])
        await stage.server.close()

    run(scenario)


def test_a_caller_that_has_gone_holds_up_nobody() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1), max_rows=8, deadline_ms=FAR_MS)
        gone = asyncio.ensure_future(stage.server.evaluate("main", ROWS[:4]))
        await asyncio.sleep(0)
        gone.cancel()
        check(await stage.server.evaluate("main", ROWS[4:8]), 1, ROWS[4:8])
        await stage.server.close()

    run(scenario)


def test_who_still_waits_at_the_end_is_told() -> None:
    async def scenario() -> None:
        stage = Stage(store(main=1), max_rows=4, deadline_ms=FAR_MS)
        await stage.server.evaluate("main", ROWS[:4])
        engine = stage.engines[0]
        engine.gate.clear()
        engine.begun.clear()
        computing = asyncio.ensure_future(stage.server.evaluate("main", ROWS[:4]))
        assert await asyncio.to_thread(engine.begun.wait, 30)
        waiting = asyncio.ensure_future(stage.server.evaluate("main", ROWS[:2]))
        await asyncio.sleep(0)
        await stage.server.close()
        engine.gate.set()
        for request in (computing, waiting):
            with pytest.raises(asyncio.CancelledError):
                await request

    run(scenario)


@pytest.mark.parametrize(
    ("setting", "value"), [("max_rows", 0), ("deadline_ms", -1.0), ("max_policies", 0)]
)
def test_impossible_settings_are_refused(setting: str, value: float) -> None:
    settings: Mapping[str, Any] = {setting: value}
    with pytest.raises(ValueError, match=f"{setting} must be at least .*, got {value}"):
        InferenceServer(Engine, WeightStore(), **settings)
