"""Progress of a run that plays and learns, once a second: counters, means of the updates since, speed, bottleneck."""
from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from league.counters import Counters, Means
from league.pipeline import Pipeline
from league.run_context import RunContext
from league.run_directory import TRAINING

PROGRESS_S = 1.0        # between two reports
ACTOR_BOUND = 0.2       # share of time spent waiting for data above which actors are the bottleneck


class ProgressReport:
    """Gathers what happens between two reports; each is a row of metrics, a sign of life and an event."""

    def __init__(self, context: RunContext) -> None:
        self._run_id, self._directory = context.run_id, context.directory
        self._store, self._emit = context.store, context.emit
        self._means = Means()
        self._waited_s = 0.0
        self._began_s = 0.0
        self._began_steps = 0
        self._notes: set[str] = set()

    def restart(self, env_steps: int) -> None:
        """Begins to measure now, when so many decisions have been learned from."""
        self._began_s, self._began_steps, self._waited_s = time.monotonic(), env_steps, 0.0

    def updated(self, figures: dict[str, float]) -> None:
        """Hears what an update said."""
        self._means.add(figures)

    def waited(self, seconds: float) -> None:
        """Hears for how long the learner had no data."""
        self._waited_s += seconds

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._began_s >= PROGRESS_S

    def say(self, counters: Counters, pipeline: Pipeline, fraction: float, waiting: str) -> None:
        """Reports. fraction: of the budget, used. waiting: what there is no data for, "" if there is some."""
        now = time.monotonic()
        span = now - self._began_s
        waited = self._waited_s / span
        row: dict[str, Any] = {
            **asdict(counters),
            **self._means.take(),
            **pipeline.metrics(),
            "games": sum(int(one["games"]) for one in self._store.payoff(self._run_id)),
            "env_steps_per_s": (counters.env_steps - self._began_steps) / span,
            "waiting_share": waited,
            "bottleneck": f"actors ({waiting})" if waiting else "actors" if waited > ACTOR_BOUND else "learner",
            "fraction": fraction,
            "timestamp": time.time(),
        }
        for note in pipeline.notes():
            if note not in self._notes:
                self._notes.add(note)
                self._emit({"kind": "message", "text": note})
        self._directory.append(TRAINING, row)
        self._store.heartbeat(self._run_id)
        self._emit({"kind": "progress", **row})
        self._began_s, self._began_steps, self._waited_s = now, counters.env_steps, 0.0
