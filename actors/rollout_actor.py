"""The rollout worker in a process of its own: streams chunks for as long as somebody takes them."""
from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import ray
import torch

from actors.config import Rollout
from actors.remote import RemoteCoordination, RemoteWeights
from actors.rollout import RolloutWorker
from learners.chunk import to_wire
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
        seed: tuple[int, ...],
        learner: str,
        namespace: str,
    ) -> None:
        torch.set_num_threads(settings.threads)
        life = int.from_bytes(os.urandom(4), "little")
        # a stream whose taker has died may still be in its last chunk when the next taker begins another
        self._turn = threading.Lock()
        self._worker = RolloutWorker(
            f"{name}.{life:08x}",
            game,
            network,
            settings,
            discount=discount,
            seed=int(np.random.SeedSequence((*seed, life)).generate_state(1, np.uint64)[0]),
            learner=learner,
            coordination=RemoteCoordination(ray.get_actor("coordinator", namespace=namespace)),
            weights=RemoteWeights(ray.get_actor("weight_store", namespace=namespace)),
        )

    def stream(self) -> Iterator[dict[str, Any] | dict[str, npt.NDArray[Any]]]:
        """Header and columns of one chunk after the other, two objects per chunk."""
        while True:
            with self._turn:
                wire = to_wire(self._worker.next_chunk())
            yield {
                "header": wire["header"],
                "forward_s": self._worker.forward_s,
                "elapsed_s": self._worker.elapsed_s,
                "version": self._worker.version,
            }
            yield wire["columns"]

    def process(self) -> int:
        """Process id, for whoever supervises it."""
        return os.getpid()
