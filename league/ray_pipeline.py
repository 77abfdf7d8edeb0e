"""Workers, replay, weights and coordinator as Ray actors; this process keeps the learner and looks after the others.

Any of the actors may die at any moment: Ray starts it again, and what it held comes back from here (weights, who
follows whom) or from the run store (the league).
"""
from __future__ import annotations

import json
import logging
import os
import queue
import signal
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from actors.inference_actor import InferenceActor
from actors.remote import ask
from actors.replay_actor import ReplayActor
from actors.rollout_actor import RolloutActor
from actors.search_actor import SearchActor
from actors.weight_store_actor import WeightStoreActor
from league.config import RunConfig
from league.coordinator import MAIN, league_state
from league.coordinator_actor import CoordinatorActor
from league.pipeline import Weights
from league.replay_files import ReplayFiles
from league.store import RunStore
from learners.chunk import Chunk, from_wire
from learners.schedule import at
from learners.section import Section
from native.game import Game

SAMPLE_TIMEOUT_S = 1.0      # after which the replay says why it has nothing
ANSWER_TIMEOUT_S = 10.0     # after which an actor that does not answer counts as gone
CLOSING_S = 0.2             # between two looks of the feeder whether the run is over
INFERENCE = "inference"     # name of the actor that evaluates for all
REPLAY_STATE = "replay.json"
KEPT_VERSIONS = 3           # of the main player's weights: a reader may still be fetching the last but one

log = logging.getLogger(__name__)


class RayPipeline:
    """See `league.pipeline.Pipeline`. The coordinator is the actor `coordinator` in the namespace `ludus-<run_id>`."""

    def __init__(self, config: RunConfig, game: Game, run_id: str, store: RunStore) -> None:
        self._config, self._game, self._run_id, self._store = config, game, run_id, store
        namespace = f"ludus-{run_id}"
        self._owns_ray = not ray.is_initialized()
        if self._owns_ray:
            self._init_ray(namespace)
        lasting = {"max_restarts": -1, "max_task_retries": 0}
        self._coordinator: Any = ray.remote(CoordinatorActor).options(
            name="coordinator", namespace=namespace, num_cpus=0, **lasting
        ).remote(
            run_id, config.league, store, num_players=game.num_players, seed=config.seed,
            temperature=at(config.rollout.temperature, 0.0),
        )
        self._weight_store: Any = ray.remote(WeightStoreActor).options(
            name="weight_store", namespace=namespace, num_cpus=0, **lasting
        ).remote()
        self._replay: Any = ray.remote(ReplayActor).options(
            name="replay", namespace=namespace, num_cpus=0, **lasting
        ).remote(config.replay, config.batch_chunks, config.seed)
        self._namespace, self._lasting = namespace, lasting
        self._workers: dict[str, Any] = {}
        self._inference: Any = None
        self._held: dict[str, list[tuple[int, Any]]] = {}   # policy: its newest versions, references kept alive
        self._publishing: Any = None
        self._notes: set[str] = set()
        self._version = 0
        self._batches: queue.Queue[list[Chunk]] = queue.Queue(maxsize=1)
        self._wanted = threading.Event()    # the learner has taken the last batch
        self._wanted.set()
        self._reason = "nothing has been played yet"
        self._failure = ""
        self._closed = threading.Event()
        self._feeder = threading.Thread(target=self._feed, name="feeder", daemon=True)

    def _init_ray(self, namespace: str) -> None:
        # ray.init puts a handler of its own for SIGTERM in the place of ours, which writes a checkpoint
        handler = signal.getsignal(signal.SIGTERM)
        self._connect(namespace)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)

    def _connect(self, namespace: str) -> None:
        config = self._config
        if config.cluster.address != "local":
            ray.init(address=config.cluster.address, namespace=namespace, logging_level=logging.ERROR)
            return
        ray.init(
            address="local",
            namespace=namespace,
            num_cpus=max(os.cpu_count() or 1, config.workers + config.learning.learners),
            object_store_memory=config.object_store_bytes(),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=config.cluster.temp_dir,
        )

    def start(self) -> None:
        config = self._config
        if config.method == "alphazero":
            more = (INFERENCE,) if self._start_inference() else ()
            for number in range(config.workers):
                self._start_worker(SearchActor, f"self-play-{number}", config.self_play, (), number, more)
        else:
            for number in range(config.workers):
                discount = (config.learning.discount,)
                self._start_worker(RolloutActor, f"rollout-{number}", config.rollout, discount, number, ())
        ask("starting the replay", lambda: self._replay.attach.remote(self._workers))
        self._await_workers()
        self._feeder.start()

    def _await_workers(self) -> None:
        """The time in which processes start is not yet training; who takes longer than usual starts meanwhile."""
        asked = [worker.process.remote() for worker in self._workers.values()]
        ray.wait(asked, num_returns=len(asked), timeout=ANSWER_TIMEOUT_S)

    def _start_inference(self) -> bool:
        """One process that evaluates for all, where it is asked for or a GPU is there for it; whether there is one."""
        settings = self._config.self_play
        gpus = ray.cluster_resources().get("GPU", 0)    # type: ignore[no-untyped-call]
        if settings.inference == "own" or (settings.inference == "auto" and not gpus):
            return False
        self._inference = ray.remote(InferenceActor).options(
            name=INFERENCE, namespace=self._namespace, num_cpus=0, num_gpus=min(1, gpus), **self._lasting
        ).remote(
            self._game, self._config.learning.network, self._namespace, max_rows=settings.inference_rows,
            deadline_ms=settings.inference_deadline_ms, engine=settings.engine, threads=settings.threads,
            seed=self._config.seed,
        )
        self._notes.add(f"shared {ask('starting inference', lambda: self._inference.reason.remote())}")
        return True

    def _start_worker(
        self, kind: type, name: str, settings: Section, before: tuple[float, ...], number: int, after: tuple[str, ...]
    ) -> None:
        # two threads: the stream never returns, and the worker must still answer
        self._workers[name] = ray.remote(kind).options(
            name=name, namespace=self._namespace, num_cpus=1, max_concurrency=2, **self._lasting
        ).remote(
            name, self._game, self._config.learning.network, settings, *before, (self._config.seed, number), MAIN,
            self._namespace, *after,
        )

    def publish(self, policy: str, version: int, weights: Weights) -> None:
        self._look_after_store()
        kept = self._held.setdefault(policy, [])
        kept.append((version, ray.put(dict(weights))))
        del kept[:-KEPT_VERSIONS]
        self._send(policy)

    def _send(self, policy: str) -> None:
        if versions := self._held.get(policy):      # not a snapshot that has just left
            version, reference = versions[-1]
            self._publishing = self._weight_store.publish.remote(policy, version, [reference])

    def _look_after_store(self) -> None:
        """Publishes again what a restarted weight store has lost."""
        if self._publishing is None:
            return
        try:
            holds = ray.get(self._publishing, timeout=ANSWER_TIMEOUT_S)
        except (RayActorError, GetTimeoutError):
            holds = {}
        for policy in self._held.keys() - holds.keys():
            self._send(policy)

    def next_batch(self, version: int, timeout_s: float) -> tuple[list[Chunk], str]:
        self._version = version
        if self._failure:
            raise RuntimeError(self._failure)
        try:
            batch = self._batches.get(timeout=timeout_s)
            self._wanted.set()
            return batch, ""
        except queue.Empty:
            for policy in list(self._held):     # a prefetching learner publishes meanwhile
                self._send(policy)      # a worker and the store may have lost the weights together
            return [], self._reason

    def _feed(self) -> None:
        """Fetches one batch while the learner works on the last one; more in stock would only grow old."""
        while not self._closed.is_set():
            if not self._wanted.wait(CLOSING_S):
                continue
            try:
                answer = ray.get(
                    self._replay.sample.remote(self._version, SAMPLE_TIMEOUT_S),
                    timeout=SAMPLE_TIMEOUT_S + ANSWER_TIMEOUT_S,
                )
                if answer["producers"] < len(self._workers):
                    ray.get(self._replay.attach.remote(self._workers), timeout=ANSWER_TIMEOUT_S)
                self._failure = answer["failure"]
                if answer["reason"] is not None:
                    self._reason = answer["reason"]
                    continue
                batch = _fetch(answer)
                self._reason = "the next batch is on its way"
            except RayError as error:
                # the replay is being restarted, and with it went the chunks it owned
                self._reason = f"replay does not answer ({type(error).__name__})"
                self._closed.wait(CLOSING_S)
                continue
            except Exception as error:
                self._failure = f"fetching a batch failed: {type(error).__name__}: {error}"
                return
            self._wanted.clear()
            self._batches.put(batch)

    def held_out(self) -> list[Chunk]:
        try:
            return _fetch(ray.get(self._replay.held_out.remote(), timeout=ANSWER_TIMEOUT_S))
        except RayError:
            return []       # the replay is being restarted: there is nothing held out yet

    def add_snapshot(self, policy: str) -> list[str]:
        left = list(ask("adding a snapshot", lambda: self._coordinator.add_snapshot.remote(policy)))
        for gone in left:
            self._held.pop(gone, None)
            self._weight_store.drop.remote(gone)
        return left

    def set_temperature(self, temperature: float) -> None:
        self._coordinator.set_temperature.remote(temperature)

    def dump_league(self) -> dict[str, Any]:
        return league_state(self._store, self._run_id)

    def restore_league(self, dump: dict[str, Any]) -> None:
        ask("restoring the league", lambda: self._coordinator.restore.remote(dump))

    def save_workers(self, directory: Path) -> None:
        """The replay, where chunks are used again; workers over Ray begin new games when a run is resumed."""
        if self._config.replay.table == "queue":
            return
        try:
            saved = ray.get(self._replay.save.remote(), timeout=ANSWER_TIMEOUT_S)
            chunks = _fetch(saved)
        except RayError as error:
            # it is being restarted, and what it held is lost anyway
            log.warning("a checkpoint without the replay: %s", type(error).__name__)
            return
        ReplayFiles(directory.parent).save(directory, chunks)
        (directory / REPLAY_STATE).write_text(json.dumps(saved["plain"]))

    def load_workers(self, directory: Path) -> None:
        """See `save_workers`."""
        if not (directory / REPLAY_STATE).is_file():
            return
        plain = json.loads((directory / REPLAY_STATE).read_text())
        chunks = ReplayFiles(directory.parent).load(directory)
        headers = [asdict(chunk.header) for chunk in chunks]
        columns = [ray.put(chunk.columns) for chunk in chunks]     # once it has them, the replay keeps them alive
        ask("restoring the replay", lambda: self._replay.load.remote(headers, columns, plain))

    def metrics(self) -> dict[str, float]:
        figures = self._figures()
        producers = list(figures.pop("producers", {}).values())
        if producers:
            elapsed_s = sum(one["elapsed_s"] for one in producers)
            figures["forward_share"] = sum(one["forward_s"] for one in producers) / elapsed_s
            self._notes |= {one["note"] for one in producers if one["note"]}
            figures["decisions"] = sum(one["totals"].get("decisions", 0.0) for one in producers)
            figures["publish_lag"] = self._version - min(one["version"] for one in producers)
        return figures

    def steps(self) -> int:
        asked = [worker.steps.remote() for worker in self._workers.values()]
        answered, _ = ray.wait(asked, num_returns=len(asked), timeout=ANSWER_TIMEOUT_S)
        steps = 0
        for one in answered:
            with suppress(RayError):    # it is being restarted
                steps += ray.get(one)
        return steps

    def totals(self) -> dict[str, dict[str, float]]:
        return {name: one["totals"] for name, one in self._figures().get("producers", {}).items()}

    def notes(self) -> list[str]:
        return list(self._notes)

    def worker_times(self) -> tuple[float, float]:
        """Seconds inside networks' forward passes and seconds at play, of all workers together so far."""
        producers = list(self._figures().get("producers", {}).values())
        return sum(one["forward_s"] for one in producers), sum(one["elapsed_s"] for one in producers)

    def _figures(self) -> dict[str, Any]:
        try:
            return dict(ray.get(self._replay.metrics.remote(), timeout=ANSWER_TIMEOUT_S))
        except (RayActorError, GetTimeoutError):
            return {}

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if self._feeder.is_alive():
            self._feeder.join(timeout=SAMPLE_TIMEOUT_S + ANSWER_TIMEOUT_S)
        others = (self._inference, self._replay, self._weight_store, self._coordinator)
        for actor in (*self._workers.values(), *others):
            if actor is not None:
                ray.kill(actor)
        self._workers = {}
        if self._owns_ray:
            ray.shutdown()


def _fetch(answer: dict[str, Any]) -> list[Chunk]:
    """The chunks that a replay's answer refers to."""
    columns = ray.get(answer["columns"], timeout=ANSWER_TIMEOUT_S)
    return [from_wire({"header": header, "columns": one})
            for header, one in zip(answer["headers"], columns, strict=True)]
