"""Runs over a real Ray: processes are killed in the middle, and nothing that was counted is lost or doubled."""
from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import ray

from league.config import RunConfig
from league.run import train
from league.run_directory import WINDOWS, RunDirectory
from serve.run_store import SqliteRunStore
from tests.league.conftest import tiny

GOES_ON_WITHIN_S = 15.0
MATCH_GAMES = 20

pytestmark = pytest.mark.ray


class LiveRun:
    """A run in a thread of this process, with what it reported last."""

    def __init__(self, folder: Path, config: RunConfig, *, resume: bool = False) -> None:
        self.folder, self.config, self.resume = folder, config, resume
        self.store = SqliteRunStore(folder / "ludus.sqlite")
        self.store.create("run", folder / "run", config.model_dump(mode="json"), resume)
        self.changed = threading.Condition()
        self.progress: dict[str, Any] = {}
        self.statuses: list[str] = []
        self.finished: dict[str, Any] = {}
        self.errors: list[BaseException] = []
        self.interrupt = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> LiveRun:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.interrupt.set()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.finished = train(
                self.config, run_id="run", directory=self.folder / "run", store=self.store, resume=self.resume,
                emit=self._hear, interrupt=self.interrupt,
            )
        except BaseException as error:
            self.errors.append(error)
        finally:
            with self.changed:
                self.changed.notify_all()

    def _hear(self, event: dict[str, Any]) -> None:
        with self.changed:
            if event["kind"] == "progress":
                self.progress = event
            elif event["kind"] == "status":
                self.statuses.append(event["status"])
            self.changed.notify_all()

    def wait(self, ready: Callable[[], bool], timeout_s: float) -> float:
        """Seconds until `ready`; fails the test after `timeout_s` or when the run breaks."""
        began = time.monotonic()
        with self.changed:
            assert self.changed.wait_for(lambda: ready() or bool(self.errors), timeout_s), "it did not happen"
        for error in self.errors:
            raise error
        return time.monotonic() - began

    def beyond(self, updates: int, games: int) -> bool:
        """Whether the latest progress is past both."""
        return bool(self.progress["updates"] > updates and self.progress["games"] > games)

    def kill(self, actor: str) -> None:
        """SIGKILL to the process of an actor."""
        handle: Any = ray.get_actor(actor, namespace="ludus-run")
        os.kill(ray.get(handle.process.remote()), signal.SIGKILL)


@pytest.fixture
def folder() -> Iterator[Path]:
    # not tmp_path: the names of Ray's sockets must stay short
    path = Path(tempfile.mkdtemp(prefix="ludus-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def over_ray(folder: Path, **changes: Any) -> RunConfig:
    chosen: dict[str, Any] = {
        "backend": "ray",
        "deterministic": False,
        "budget": {"minutes": 5},
        "cluster": {"temp_dir": str(folder / "ray"), "object_store_mb": 128},
        "replay": {"max_bytes": 32 << 20},
        "rollout": {"actors": 1, "games": 64, "unroll": 8, "chunk_unrolls": 32},
        "league": {"match_games": MATCH_GAMES, "snapshot_every": 200},
        "windows": {"env_steps": 20_000},
    }
    return tiny(**(chosen | changes))


def test_killed_actors_come_back_and_every_counted_game_counts_once(folder: Path) -> None:
    with LiveRun(folder, over_ray(folder)) as run:
        run.wait(lambda: run.progress.get("updates", 0) > 20 and run.progress["games"] > 0, 90)
        for actor in ("rollout-0", "replay", "coordinator", "weight_store"):
            counted, updates = run.progress["games"], run.progress["updates"]
            run.kill(actor)
            # more than what was under way: several batches made and learned from after the kill
            took = run.wait(
                partial(run.beyond, updates + 30, counted + MATCH_GAMES), GOES_ON_WITHIN_S
            )
            assert took < GOES_ON_WITHIN_S
            assert run.store.num_results("run") * MATCH_GAMES >= counted
        run.interrupt.set()
        run.wait(lambda: bool(run.finished), 60)
    games = sum(row["games"] for row in run.store.payoff("run"))
    assert games == run.store.num_results("run") * MATCH_GAMES
    assert run.finished["status"] == "interrupted"


def test_pause_stops_play_resume_goes_on_and_a_second_life_continues(folder: Path) -> None:
    with LiveRun(folder, over_ray(folder)) as run:
        run.wait(lambda: run.progress.get("updates", 0) > 20, 90)
        run.store.set_desired("run", "paused", "test")
        assert run.wait(lambda: "paused" in run.statuses, 5) < 5
        assert run.store.run("run").status == "paused"
        paused_at = run.progress["updates"]
        run.store.set_desired("run", "running", "test")
        assert run.wait(lambda: run.statuses[-1] == "running", 5) < 5
        run.wait(lambda: run.progress["updates"] > paused_at + 5, GOES_ON_WITHIN_S)
        run.store.set_desired("run", "stopped", "test")
        run.wait(lambda: bool(run.finished), 30)
    assert run.finished["status"] == "stopped"
    updates = json.loads((folder / "run/run_metadata.json").read_text())["updates"]
    with LiveRun(folder, over_ray(folder), resume=True) as second:
        second.wait(lambda: bool(second.progress), 90)
        assert second.progress["updates"] >= updates
        second.wait(lambda: second.progress["updates"] > updates + 10, 60)
    windows = [row["window"] for row in RunDirectory(folder / "run").rows(WINDOWS)]
    assert windows == list(range(1, len(windows) + 1))


def test_a_worker_that_raises_ends_the_run_with_its_words(folder: Path) -> None:
    config = over_ray(folder)
    run = LiveRun(folder, config)
    with run:
        run.wait(lambda: run.progress.get("updates", 0) > 5, 90)
        coordinator: Any = ray.get_actor("coordinator", namespace="ludus-run")
        # an opponent that nobody can play, as a broken coordinator would assign it
        ray.get(coordinator.add_snapshot.remote("bot:nobody"))
        with pytest.raises(RuntimeError, match=r"rollout-0 failed: .*no bot 'nobody'"):
            run.wait(lambda: bool(run.finished), 60)
    assert run.store.run("run").status == "failed"


def searched_over_ray(folder: Path, **self_play: Any) -> RunConfig:
    return over_ray(
        folder, method="alphazero", batch_chunks=1,
        learning={"network": {"hidden": [16], "value": "wdl"}, "ema_decay": 0.9, "minibatch_rows": 64},
        self_play={"actors": 2, "games": 16, "simulations": 6, "chunk_rows": 64, "engine": "torch", **self_play},
        replay={"table": "uniform", "capacity": 40, "max_bytes": 32 << 20, "min_size": 2, "samples_per_insert": 2.0},
        league={"match_games": MATCH_GAMES, "snapshots": 0.0, "bots": {}},
    )


def test_self_play_with_one_process_that_evaluates_for_all(folder: Path) -> None:
    with LiveRun(folder, searched_over_ray(folder, inference="shared")) as run:
        run.wait(lambda: run.progress.get("updates", 0) > 5 and run.progress["games"] > 0, 90)
        for actor in ("inference", "self-play-1"):
            counted, updates = run.progress["games"], run.progress["updates"]
            run.kill(actor)
            run.wait(partial(run.beyond, updates + 10, counted + 2 * MATCH_GAMES), 3 * GOES_ON_WITHIN_S)
        assert 0 < run.progress["forward_share"] < 1
        assert run.progress["held_out_rows"] > 0
        run.interrupt.set()
        run.wait(lambda: bool(run.finished), 60)
    saved = json.loads((RunDirectory(folder / "run").checkpoints()[-1] / "replay.json").read_text())
    with LiveRun(folder, searched_over_ray(folder), resume=True) as run:
        # what had been played before is there from the beginning
        run.wait(lambda: run.progress.get("replay_inserts", 0) >= saved["inserts"] > 5, 90)
        run.wait(lambda: run.progress["updates"] > 0, 30)
