"""Everything in one process and in a fixed order: for tests, for tiny machines, for runs that must repeat exactly."""
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from actors.replay import Item, Replay
from actors.rollout import RolloutWorker
from actors.searcher import searcher_factory
from actors.self_play import SelfPlayWorker
from actors.weight_store import WeightStore
from league.config import RunConfig
from league.coordinator import MAIN, Coordinator
from league.pipeline import Weights
from league.replay_files import ReplayFiles
from league.store import RunStore
from learners.chunk import Chunk
from learners.schedule import at
from native.game import Game


class LocalPipeline:
    """Workers take turns, one chunk each, until a batch is there; then the learner has its turn."""

    def __init__(self, config: RunConfig, game: Game, run_id: str, store: RunStore) -> None:
        self._config, self._game = config, game
        self._coordinator = Coordinator(
            run_id,
            config.league,
            store,
            num_players=game.num_players,
            seed=config.seed,
            temperature=at(config.rollout.temperature, 0.0),
        )
        self._weights = WeightStore()
        self._replay = Replay(config.replay, config.batch_chunks, config.seed)
        self._workers: list[RolloutWorker | SelfPlayWorker] = []
        self._saved: Path | None = None
        self._turn = 0

    def start(self) -> None:
        self._workers = [self._worker(number) for number in range(self._config.workers)]
        if self._saved is not None:
            self._load(self._saved)

    def _worker(self, number: int) -> RolloutWorker | SelfPlayWorker:
        config, game = self._config, self._game
        seed = (config.seed << 32) + number
        if config.method == "alphazero":
            settings = config.self_play_settings()
            return SelfPlayWorker(
                f"self-play-{number}", game, settings, seed=seed, learner=MAIN, coordination=self._coordinator,
                weights=self._weights, make_searcher=searcher_factory(game, config.learning.network, settings, seed),
            )
        return RolloutWorker(
            f"rollout-{number}", game, config.learning.network, config.rollout,
            discount=config.learning.discount, seed=seed, learner=MAIN, coordination=self._coordinator,
            weights=self._weights,
        )

    def publish(self, policy: str, version: int, weights: Weights) -> None:
        self._weights.publish(policy, version, weights)

    def next_batch(self, version: int, timeout_s: float) -> tuple[list[Chunk], str]:
        while (reason := self._replay.why_not(version)) is not None:
            if not self._replay.can_insert():
                return [], reason
            worker = self._workers[self._turn % len(self._workers)]
            self._turn += 1
            self._insert(worker.next_chunk())
            while worker.ready:
                self._insert(worker.next_chunk())
        return [Chunk(item.header, item.payload) for item in self._replay.sample()], ""

    def _insert(self, chunk: Chunk) -> None:
        self._replay.insert(chunk.header, chunk.columns, time.monotonic())

    def held_out(self) -> list[Chunk]:
        return [Chunk(item.header, item.payload) for item in self._replay.held_out()]

    def add_snapshot(self, policy: str) -> list[str]:
        left = self._coordinator.add_snapshot(policy)
        for gone in left:
            self._weights.drop(gone)
        return left

    def set_temperature(self, temperature: float) -> None:
        self._coordinator.set_temperature(temperature)

    def dump_league(self) -> dict[str, Any]:
        return self._coordinator.dump()

    def restore_league(self, dump: dict[str, Any]) -> None:
        self._coordinator.restore(dump)

    def save_workers(self, directory: Path) -> None:
        data = []
        for number, worker in enumerate(self._workers):
            arrays, plain = worker.save()
            save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()},
                      directory / f"worker_{number}.safetensors")
            data.append(plain)
        items, plain = self._replay.save()
        ReplayFiles(directory.parent).save(directory, [Chunk(item.header, item.payload) for item in items])
        (directory / "workers.json").write_text(json.dumps({"turn": self._turn, "workers": data, "replay": plain}))

    def load_workers(self, directory: Path) -> None:
        self._saved = directory     # workers exist only once the weights they need are published

    def _load(self, directory: Path) -> None:
        saved = json.loads((directory / "workers.json").read_text())
        if len(saved["workers"]) != len(self._workers):
            raise ValueError(
                f"checkpoint {directory} has {len(saved['workers'])} workers, the config {len(self._workers)}"
            )
        self._turn = saved["turn"]
        for number, (worker, plain) in enumerate(zip(self._workers, saved["workers"], strict=True)):
            worker.load(load_file(directory / f"worker_{number}.safetensors"), plain)
        now_s = time.monotonic()
        chunks = ReplayFiles(directory.parent).load(directory)
        self._replay.load([Item(chunk.header, chunk.columns, now_s) for chunk in chunks], saved["replay"])

    def metrics(self) -> dict[str, float]:
        forward = sum(worker.forward_s for worker in self._workers)
        elapsed = sum(worker.elapsed_s for worker in self._workers)
        return self._replay.metrics(time.monotonic()) | {"forward_share": forward / elapsed if elapsed else 0.0}

    def steps(self) -> int:
        return sum(worker.steps for worker in self._workers)

    def totals(self) -> dict[str, dict[str, float]]:
        return {worker.name: dict(worker.totals) for worker in self._workers}

    def notes(self) -> list[str]:
        return [worker.note for worker in self._workers if worker.note]

    def close(self) -> None:
        self._workers = []
