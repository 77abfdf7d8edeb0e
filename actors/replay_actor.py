"""The replay in a process of its own: follows the producers' streams, so that it owns every chunk it offers.

Chunks outlive the worker that made them, and a worker makes no more of them than the table will take: both follow from
this actor being the one that iterates the streams. It sees headers and references, never payload.
"""
from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import asdict
from typing import Any

from ray.exceptions import RayError, RayTaskError

from actors.config import Replay as ReplaySettings
from actors.remote import BORN_DEAD
from actors.replay import Item, Replay
from learners.chunk import Header

STREAM_AHEAD = 1    # objects a producer may be ahead of us: it waits with one chunk, of which we know the header
RETRY_S = 0.25      # between attempts to follow a producer that is being restarted

log = logging.getLogger(__name__)


class ReplayActor:
    """See `actors.replay`. An asyncio actor: every method runs on one event loop."""

    def __init__(self, settings: ReplaySettings, batch: int, seed: int) -> None:
        self._replay = Replay(settings, batch, seed)
        self._changed = asyncio.Condition()
        self._following: dict[str, asyncio.Task[None]] = {}
        self._alive: dict[str, bool] = {}
        self._figures: dict[str, dict[str, Any]] = {}
        self._error = ""
        self._failure = ""

    async def attach(self, producers: dict[str, Any]) -> int:
        """Follows the streams of these actors, by name; those already followed are left alone. Answers how many."""
        for name, producer in producers.items():
            if name not in self._following:
                self._following[name] = asyncio.ensure_future(self._follow(name, producer))
        return len(self._following)

    async def _follow(self, name: str, producer: Any) -> None:
        while True:
            try:
                stream = producer.stream.options(
                    num_returns="streaming", _generator_backpressure_num_objects=STREAM_AHEAD
                ).remote()
                while True:
                    first = await (await anext(stream))     # what the worker raised comes as an object, then the end
                    self._alive[name] = True
                    self._figures[name] = {key: value for key, value in first.items() if key != "header"}
                    header = Header(**first["header"])
                    async with self._changed:
                        await self._room(header)    # before the columns are taken the worker makes no more
                    await self._insert(header, await anext(stream))
            except (RayError, StopAsyncIteration) as error:
                if not isinstance(error, RayTaskError) and BORN_DEAD not in str(error):
                    self._alive[name] = False
                    self._error = f"{name}: {_last_line(error)}"
                    log.warning("stream of %s", self._error)
                    await asyncio.sleep(RETRY_S)
                    continue
                # the worker lives and raised: playing on would raise again, or worse, learn from what is broken
                self._failure = f"{name} failed: {_last_line(error)}"
                return
            except Exception as error:
                self._failure = f"following {name} failed: {type(error).__name__}: {error}"
                return

    async def _room(self, header: Header) -> None:
        """Waits until the table takes the chunk; held-out ones may always come."""
        if header.split == "train":
            await self._changed.wait_for(self._replay.can_insert)

    async def _insert(self, header: Header, columns: Any) -> None:
        async with self._changed:
            await self._room(header)        # another producer may have been faster
            self._replay.insert(header, columns, time.monotonic())
            self._changed.notify_all()

    async def sample(self, version: int, timeout_s: float) -> dict[str, Any]:
        """A whole batch, or nothing and why: `{"reason", "headers", "columns", "producers", "failure"}`.

        `columns` are references. Reasons are those of `Replay.why_not`, or `producers_dead (last error)` if no stream
        is alive. `failure` says which worker raised what, after which the run cannot go on; empty while all is well.
        """
        reason: str | None = None

        def ready() -> bool:
            nonlocal reason
            reason = self._replay.why_not(version)
            return reason is None

        batch: list[Item] = []
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(ready), timeout_s)
                batch = self._replay.sample()
            except TimeoutError:
                if self._alive and not any(self._alive.values()):
                    reason = f"producers_dead ({self._error})"
            # looking for fresh chunks may have dropped stale ones: there is room either way
            self._changed.notify_all()
        return {
            "reason": reason,
            "headers": [asdict(item.header) for item in batch],
            "columns": [item.payload for item in batch],
            "producers": len(self._following),
            "failure": self._failure,
        }

    async def held_out(self) -> dict[str, Any]:
        """Chunks of held-out games: `{"headers", "columns"}`, columns as references."""
        items = self._replay.held_out()
        return {"headers": [asdict(item.header) for item in items], "columns": [item.payload for item in items]}

    async def save(self) -> dict[str, Any]:
        """Everything in the table, as `held_out` answers, and `plain`: what `load` takes."""
        items, plain = self._replay.save()
        return {"headers": [asdict(item.header) for item in items], "columns": [item.payload for item in items],
                "plain": plain}

    async def load(self, headers: list[dict[str, Any]], columns: list[Any], plain: dict[str, Any]) -> None:
        """Goes on from what `save` gave; `columns` are references."""
        now_s = time.monotonic()
        async with self._changed:
            self._replay.load(
                [Item(Header(**header), one, now_s) for header, one in zip(headers, columns, strict=True)], plain
            )
            self._changed.notify_all()

    async def metrics(self) -> dict[str, Any]:
        """Figures of the table and, under `producers`, of each worker."""
        return self._replay.metrics(time.monotonic()) | {"producers": self._figures}

    async def process(self) -> int:
        """Process id, for whoever supervises it."""
        return os.getpid()


def _last_line(error: BaseException) -> str:
    return (str(error).strip() or repr(error)).splitlines()[-1]
