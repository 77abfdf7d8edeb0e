"""The inference server in a process of its own, beside the GPU it shares out."""
from __future__ import annotations

import os
from typing import Any

import numpy.typing as npt
import ray
import torch

from actors.inference import Answer, InferenceServer
from actors.remote import RemoteWeights
from learners.engines.choice import AUTO, choose
from learners.network_config import Network
from native.game import Game


class InferenceActor:
    """See `actors.inference`. An asyncio actor. It finds the weight store by name, like workers do.

    max_rows, deadline_ms: of a batch. engine, threads: see `learners.engines.choice`.
    """

    def __init__(
        self, game: Game, network: Network, namespace: str, *, max_rows: int = 1024, deadline_ms: float = 2.0,
        engine: str = AUTO, threads: int = 1, seed: int = 0,
    ) -> None:
        torch.set_num_threads(threads)
        choice = choose(game, network, batch=max_rows, threads=threads, engine=engine, seed=seed)
        self._reason = choice.reason
        self._server = InferenceServer(
            choice.make, RemoteWeights(ray.get_actor("weight_store", namespace=namespace)),
            max_rows=max_rows, deadline_ms=deadline_ms,
        )

    async def evaluate(self, policy: str, observations: npt.NDArray[Any]) -> Answer:
        """As `InferenceServer.evaluate`."""
        return await self._server.evaluate(policy, observations)

    async def metrics(self) -> dict[str, float]:
        """As `InferenceServer.metrics`."""
        return self._server.metrics()

    async def reason(self) -> str:
        """Which engine evaluates, and why."""
        return self._reason

    async def process(self) -> int:
        """Process id, for whoever supervises it."""
        return os.getpid()
