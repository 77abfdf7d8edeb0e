"""What all workers have in common in a process of their own: they stream chunks for as long as somebody takes them."""
from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import ray

from actors.remote import RemoteCoordination, RemoteWeights
from learners.chunk import Chunk, to_wire


class Worker(Protocol):
    """Plays and gives chunks."""

    elapsed_s: float

    @property
    def forward_s(self) -> float: ...

    @property
    def version(self) -> int: ...

    @property
    def totals(self) -> dict[str, float]: ...

    @property
    def note(self) -> str: ...

    @property
    def steps(self) -> int: ...

    def next_chunk(self) -> Chunk: ...


class Life:
    """One life of a worker's process: it plays other games than the last and has a name of its own.

    It finds the coordinator and the weight store by name: a restart needs nothing but the arguments it was made with.
    """

    def __init__(self, name: str, seed: tuple[int, ...], namespace: str) -> None:
        life = int.from_bytes(os.urandom(4), "little")
        self.name = f"{name}.{life:08x}"
        self.seed = int(np.random.SeedSequence((*seed, life)).generate_state(1, np.uint64)[0])
        self.coordination = RemoteCoordination(ray.get_actor("coordinator", namespace=namespace))
        self.weights = RemoteWeights(ray.get_actor("weight_store", namespace=namespace))


class WorkerActor:
    """Streams the chunks of one worker."""

    def __init__(self, worker: Worker) -> None:
        # a stream whose taker has died may still be in its last chunk when the next taker begins another
        self._turn = threading.Lock()
        self._worker = worker
        gc.freeze()     # what libraries have made stays: looking through it again and again costs a tenth of the play

    def stream(self) -> Iterator[dict[str, Any] | dict[str, npt.NDArray[Any]]]:
        """Header and columns of one chunk after the other, two objects per chunk."""
        worker = self._worker
        while True:
            with self._turn:
                wire = to_wire(worker.next_chunk())
            yield {
                "header": wire["header"],
                "forward_s": worker.forward_s,
                "elapsed_s": worker.elapsed_s,
                "version": worker.version,
                "totals": dict(worker.totals),
                "note": worker.note,
            }
            yield wire["columns"]

    def steps(self) -> int:
        """Rises while the worker plays, also where a chunk takes long."""
        return self._worker.steps

    def process(self) -> int:
        """Process id, for whoever supervises it."""
        return os.getpid()
