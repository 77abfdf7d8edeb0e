"""The replay actor's loop without Ray: producers are followed, raise, die, and nobody waits for ever."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
from ray.exceptions import RayActorError, RayTaskError

from actors.config import Replay as Settings
from actors.replay_actor import ReplayActor

Scenario = Callable[[], Coroutine[Any, Any, None]]


class Producer:
    """Answers `stream.options(...).remote()` like an actor handle; each life is a list of versions or errors."""

    def __init__(self, *lives: list[int | Exception]) -> None:
        self.lives = list(lives)
        self.made = 0
        self.stream = self

    def options(self, **_: Any) -> Producer:
        return self

    def remote(self) -> AsyncIterator[Any]:
        return self._play(self.lives.pop(0) if self.lives else [])

    async def _play(self, life: list[int | Exception]) -> AsyncIterator[Any]:
        for step in life:
            if isinstance(step, Exception):
                raise step
            self.made += 1
            yield _ready({"header": _header(self.made, step), "version": step})
            yield f"columns {self.made}"
        await asyncio.Event().wait()    # alive, but with nothing to give


def _ready(value: Any) -> Awaitable[Any]:
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def _header(number: int, version: int) -> dict[str, Any]:
    return {
        "chunk_id": f"c{number}", "producer": "w", "sequence": number, "match_id": "m", "player": "main",
        "version_min": version, "version_max": version, "game": "tic_tac_toe", "rules_version": 1,
        "layout": "unroll", "split": "train", "rows": 10, "bytes": 100,
    }


def run(scenario: Scenario) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 30))


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.replay_actor.RETRY_S", 0.0)


def test_batches_come_whole_and_in_order() -> None:
    async def scenario() -> None:
        actor = ReplayActor(Settings(capacity=4), 2, 0)
        assert await actor.attach({"w": Producer([0] * 6)}) == 1
        answers = [await actor.sample(0, 5.0) for _ in range(3)]
        assert [one["columns"] for one in answers] == [[f"columns {n}", f"columns {n + 1}"] for n in (1, 3, 5)]
        assert (await actor.sample(0, 0.01))["reason"] == "below_min"
        assert (await actor.metrics())["producers"]["w"]["version"] == 0

    run(scenario)


def test_room_made_by_dropping_the_stale_is_used() -> None:
    async def scenario() -> None:
        actor = ReplayActor(Settings(capacity=2, max_lag=1), 1, 0)
        await actor.attach({"w": Producer([0, 0, 0, 9, 9])})
        while len(actor._replay) < 2:
            await asyncio.sleep(0)
        assert (await actor.sample(9, 0.01))["reason"] == "no_fresh"    # all are old; the third waits for room
        answer = await actor.sample(9, 5.0)
        assert answer["headers"][0]["version_max"] == 9

    run(scenario)


def test_a_producer_that_dies_is_followed_into_its_next_life() -> None:
    async def scenario() -> None:
        actor = ReplayActor(Settings(capacity=4), 2, 0)
        await actor.attach({"w": Producer([0, RayActorError()], [RayActorError()], [1, 1])})
        answer = await actor.sample(1, 5.0)
        assert [one["version_max"] for one in answer["headers"]] == [0, 1]
        assert answer["failure"] == ""

    run(scenario)


def test_a_producer_that_stays_dead_is_named() -> None:
    async def scenario() -> None:
        actor = ReplayActor(Settings(capacity=4), 2, 0)
        await actor.attach({"w": Producer([RayActorError()], [RayActorError()], [RayActorError()])})
        answer = await actor.sample(0, 0.1)
        assert answer["reason"].startswith("producers_dead (w: ")

    run(scenario)


RAISED: Any = RayTaskError


@pytest.mark.parametrize(
    "error", [RAISED("stream", "Traceback\nValueError: broken", ValueError("broken")), TypeError("broken")]
)
def test_a_producer_that_raises_fails_the_run(error: Exception) -> None:
    async def scenario() -> None:
        actor = ReplayActor(Settings(capacity=4), 2, 0)
        await actor.attach({"w": Producer([error])})
        assert "broken" in (await actor.sample(0, 0.1))["failure"]

    run(scenario)
