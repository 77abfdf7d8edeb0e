"""The rollout worker in a process of its own: streams chunks for as long as somebody takes them."""
from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy.typing as npt
import ray
import torch

from actors.config import Rollout
from actors.remote import RemoteCoordination, RemoteWeights
from actors.rollout import RolloutWorker
from learners.config import Network
from native.game import Game


class RolloutActor:
    """See `actors.rollout`. Every life of the process plays other games and has a name of its own.

    It finds the coordinator and the weight store by name: a restart needs nothing but the arguments it was made with.
    """

    def __init__(
        self,
        name: str,
        game: Game,
        network: Network,
        settings: Rollout,
        discount: float,
        seed: int,
        learner: str,
        namespace: str,
    ) -> None:
        torch.set_num_threads(settings.threads)
        life = int.from_bytes(os.urandom(4), "little")
        self._worker = RolloutWorker(
            f"{name}.{life:08x}",
            game,
            network,
            settings,
            discount=discount,
            seed=(seed << 32) + life,
            learner=learner,
            coordination=RemoteCoordination(ray.get_actor("coordinator", namespace=namespace)),
            weights=RemoteWeights(ray.get_actor("weight_store", namespace=namespace)),
        )

    def stream(self) -> Iterator[dict[str, Any] | dict[str, npt.NDArray[Any]]]:
        """Header and columns of one chunk after the other, two objects per chunk."""
        while True:
            chunk = self._worker.next_chunk()
            yield {
                "header": asdict(chunk.header),
                "forward_s": self._worker.forward_s,
                "elapsed_s": self._worker.elapsed_s,
                "version": self._worker.version,
            }
            yield chunk.columns

    def process(self) -> int:
        """Process id, for whoever supervises it."""
        return os.getpid()
