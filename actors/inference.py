"""Gathers requests of many callers into batches for one engine: what shares a GPU between actors.

The first request of a batch sets its deadline: it is evaluated then, or as soon as it has `max_rows` rows. What
arrives while the engine computes becomes the next batch. Requests name a policy; each policy has an engine and batches
of its own. Letters: n rows of a request, A actions.
"""
from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from learners.engines.engine import Engine

LOOK_S = 0.25
"""Pause between two looks for newer weights of a policy."""


class Weights(Protocol):
    """Where weights come from, as workers see it."""

    def pull(self, policy: str, have: int) -> tuple[int, Mapping[str, npt.NDArray[Any]]] | None: ...


class Answer(NamedTuple):
    """Of one request: logits `[n, A]`, values `[n]` and the version of the weights that all its rows saw."""

    version: int
    logits: npt.NDArray[np.float32]
    values: npt.NDArray[np.float32]


class Request(NamedTuple):
    """Observations `[n, *shape]`, when they are due at the latest, and who waits."""

    observations: npt.NDArray[Any]
    due: float
    answer: asyncio.Future[Answer]


@dataclass
class Served:
    """A policy: its engine, once it has one, and the requests that wait for it."""

    waiting: deque[Request] = field(default_factory=deque)
    rows: int = 0
    engine: Engine | None = None
    version: int = -1
    looked: float = -np.inf


class InferenceServer:
    """Belongs to one event loop; engines run in one thread beside it, one at a time.

    make_engine: a new engine for a policy. max_rows: of a batch; a single request may be larger. deadline_ms: how long
    the first request of a batch waits for others. max_policies: engines that are kept, those used last.

    A policy whose weights cannot be had holds up the others for as long as the source of weights waits for them.
    """

    def __init__(
        self, make_engine: Callable[[], Engine], weights: Weights, *, max_rows: int = 1024, deadline_ms: float = 2.0,
        max_policies: int = 8,
    ) -> None:
        for name, value, least in (("max_rows", max_rows, 1), ("deadline_ms", deadline_ms, 0),
                                   ("max_policies", max_policies, 1)):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        self._make_engine = make_engine
        self._weights = weights
        self._max_rows = max_rows
        self._deadline_s = deadline_ms / 1000
        self._max_policies = max_policies
        self._served: OrderedDict[str, Served] = OrderedDict()     # the one used last is last
        self._thread = ThreadPoolExecutor(1, "inference")
        self._arrived = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._figures = {"requests": 0, "batches": 0, "rows": 0, "loads": 0, "forward_s": 0.0}

    async def evaluate(self, policy: str, observations: npt.NDArray[Any]) -> Answer:
        """Of observations `[n, *shape]`, n at least 1, by the newest weights of `policy` known here.

        Raises what the source of weights or the engine raises; the requests of one batch share that.
        """
        if len(observations) == 0:
            raise ValueError("a request has 0 rows, expected at least 1")
        loop = asyncio.get_running_loop()
        if self._serving is None:
            self._serving = loop.create_task(self._serve())
        served = self._served.setdefault(policy, Served())
        request = Request(observations, loop.time() + self._deadline_s, loop.create_future())
        served.waiting.append(request)
        served.rows += len(observations)
        self._figures["requests"] += 1
        self._arrived.set()
        return await request.answer

    def metrics(self) -> dict[str, float]:
        """`requests`, `batches`, `rows`, `loads` of weights and `forward_s` so far, and `rows_per_batch`."""
        return {**self._figures, "rows_per_batch": self._figures["rows"] / max(1, self._figures["batches"])}

    async def close(self) -> None:
        """Stops serving; requests that still wait are cancelled."""
        if self._serving is not None:
            self._serving.cancel()
        for served in self._served.values():
            for request in served.waiting:
                request.answer.cancel()
        self._thread.shutdown(wait=False)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._arrived.clear()
            policy, due = self._next()
            if policy and (due <= loop.time() or self._served[policy].rows >= self._max_rows):
                await self._answer(policy, loop)
                continue
            try:
                async with asyncio.timeout_at(due if policy else None):
                    await self._arrived.wait()
            except TimeoutError:
                pass

    def _next(self) -> tuple[str, float]:
        """The policy whose batch is to be evaluated next and when it is due; "" if nothing waits."""
        waiting = [
            (served.rows < self._max_rows, served.waiting[0].due, policy)
            for policy, served in self._served.items() if served.waiting
        ]
        if not waiting:
            return "", np.inf
        _, due, policy = min(waiting)
        return policy, due

    async def _answer(self, policy: str, loop: asyncio.AbstractEventLoop) -> None:
        served = self._served[policy]
        batch = [served.waiting.popleft()]
        rows = len(batch[0].observations)
        while served.waiting and rows + len(served.waiting[0].observations) <= self._max_rows:
            batch.append(served.waiting.popleft())
            rows += len(batch[-1].observations)
        served.rows -= rows
        self._served.move_to_end(policy)
        try:
            logits, values = await loop.run_in_executor(
                self._thread, self._forward, policy, served, [one.observations for one in batch]
            )
        except asyncio.CancelledError:
            for request in batch:
                request.answer.cancel()
            raise
        except Exception as error:
            for request in batch:
                if not request.answer.done():
                    request.answer.set_exception(error)
            return
        at = 0
        for request in batch:
            end = at + len(request.observations)
            if not request.answer.done():       # whoever waited may have gone
                request.answer.set_result(Answer(served.version, logits[at:end], values[at:end]))
            at = end
        self._forget()

    def _forward(
        self, policy: str, served: Served, observations: list[npt.NDArray[Any]]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """In the thread beside the event loop."""
        start = perf_counter()
        if start - served.looked >= LOOK_S:
            newer = self._weights.pull(policy, served.version)
            if newer is not None:
                served.engine = served.engine or self._make_engine()
                served.engine.load(newer[1])
                served.version = newer[0]
                self._figures["loads"] += 1
            served.looked = start = perf_counter()
        if served.engine is None:
            served.looked = -np.inf
            raise RuntimeError(f"there are no weights of policy {policy!r}")
        answer = served.engine.evaluate(observations[0] if len(observations) == 1 else np.concatenate(observations))
        self._figures["forward_s"] += perf_counter() - start
        self._figures["batches"] += 1
        self._figures["rows"] += sum(len(one) for one in observations)
        return answer

    def _forget(self) -> None:
        """Drops the engines of the policies used longest ago, if nobody waits for them."""
        for policy in list(self._served)[:-self._max_policies]:
            if not self._served[policy].waiting:
                del self._served[policy]
