"""Runs in small: configs, stores and a way to train that finishes in seconds."""
from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from league.config import RunConfig, parse_config
from league.run import train
from league.run_directory import WINDOWS, RunDirectory
from serve.run_store import SqliteRunStore

TINY: dict[str, Any] = {
    "game": "tic_tac_toe",
    "seed": 3,
    "backend": "local",
    "deterministic": True,
    "batch_chunks": 2,
    "budget": {"updates": 12},
    "learning": {"network": {"hidden": [16]}, "optimiser": {"learning_rate": {"linear": [0.003, 0.001]}}},
    "rollout": {"actors": 2, "games": 8, "unroll": 4, "chunk_unrolls": 8},
    "replay": {"capacity": 4},
    "league": {"self_play": 0.5, "snapshots": 0.3, "bots": {"one_ply": 0.2}, "match_games": 5, "snapshot_every": 3},
    "evaluation": {"opponents": ["random", "one_ply"], "games": 20},
    "windows": {"env_steps": 200, "keep_checkpoints": 2},
}


def tiny(**changes: Any) -> RunConfig:
    """The tiny config with some sections changed."""
    tree = {key: dict(value) if isinstance(value, dict) else value for key, value in TINY.items()}
    for key, value in changes.items():
        tree[key] = {**tree[key], **value} if isinstance(tree.get(key), dict) and key != "budget" else value
    return parse_config(tree, "tiny")


class Killed(Exception):
    """What a test raises in a run to end it without any notice."""


CLOCK = ("timestamp", "elapsed_s", "decisions_per_sec")


def windows(directory: Path) -> list[dict[str, Any]]:
    """A run's windows without what the clock says."""
    return [{key: value for key, value in row.items() if key not in CLOCK}
            for row in RunDirectory(directory).rows(WINDOWS)]


def dying(at: int) -> Callable[[dict[str, Any]], None]:
    """Hears events and raises Killed at number `at`, from 0 on."""
    left = at

    def hear(event: dict[str, Any]) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    return hear


class Stage:
    """A store, a folder, and runs in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = SqliteRunStore(folder / "ludus.sqlite")
        self.events: list[dict[str, Any]] = []

    def train(
        self,
        config: RunConfig,
        run_id: str = "run",
        *,
        resume: bool = False,
        interrupt: threading.Event | None = None,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
    ) -> dict[str, Any]:
        """Trains to the end in this thread."""
        def emit(event: dict[str, Any]) -> None:
            self.events.append(event)
            on_event(event)

        self.store.create(run_id, self.folder / run_id, config.model_dump(mode="json"), resume)
        return train(
            config, run_id=run_id, directory=self.folder / run_id, store=self.store, resume=resume, emit=emit,
            interrupt=interrupt or threading.Event(),
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def check_evaluations_are_no_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, trainer: type[Any], config: RunConfig, evaluations: int
) -> None:
    """By the clock of these trainers each evaluation takes 1000 s longer; the speed of windows must not show it."""
    evaluate = trainer._evaluate

    def slow(self: Any) -> None:
        self._clock -= 1000
        evaluate(self)

    monkeypatch.setattr(trainer, "_evaluate", slow)
    stage.train(config)
    rows = RunDirectory(stage.folder / "run").rows(WINDOWS)
    assert all(row["decisions_per_sec"] > 1 for row in rows)    # 200 decisions in 1000 s would be 0.2
    assert rows[-1]["elapsed_s"] > 1000 * evaluations
