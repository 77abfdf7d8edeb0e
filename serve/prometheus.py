"""The numbers of the runs, as Prometheus reads it: `prometheus_text(store)`.

Counts of runs by status; and of every run at work gauges named after the columns of its newest metrics rows
(`ludus_training_loss_total`, `ludus_windows_...`), counters of the league's games, and its state. Labels: run_id and
game, and for games player, opponent and seat.
"""
from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from serve.league_tables import COUNTS
from serve.run_files import metrics_path, newest_row
from serve.run_row import STATUSES, RunRow
from serve.run_store import SqliteRunStore

_NO_NAME = re.compile(r"[^a-zA-Z0-9_]")


class RunCollector(Collector):
    """Reads the store and the runs' folders anew at every scrape; runs that have ended are left out."""

    def __init__(self, store: SqliteRunStore) -> None:
        self._store = store

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is known before a scrape."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """One family per metric, with a sample per run."""
        everything = self._store.runs()
        rows = [row for row in everything if row.at_work()]
        counts = Counter("interrupted" if row.absence() else row.status for row in everything)
        runs = GaugeMetricFamily("ludus_runs", "runs in the store, by status", labels=["status"])
        for status in STATUSES:
            runs.add_metric([status], counts[status])
        yield runs
        yield from _state(rows)
        yield from self._metrics(rows)
        yield from self._games(rows)

    def _metrics(self, rows: list[RunRow]) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for series in ("training", "windows"):
            for row in rows:
                for column, value in newest_row(metrics_path(row.directory, series)).items():
                    if isinstance(value, bool) or not isinstance(value, int | float):
                        continue
                    name = f"ludus_{series}_{_NO_NAME.sub('_', column)}"
                    text = f"newest {column} of the {series} rows"
                    family = families.setdefault(name, GaugeMetricFamily(name, text, labels=["run_id", "game"]))
                    family.add_metric([row.run_id, row.game], value)
        yield from families.values()

    def _games(self, rows: list[RunRow]) -> Iterator[CounterMetricFamily]:
        labels = ["run_id", "game", "player", "opponent", "seat"]
        families = {
            name: CounterMetricFamily(f"ludus_{name}", f"{name} in the league", labels=labels) for name in COUNTS
        }
        for row in rows:
            for tally in self._store.payoff(row.run_id):
                values = [row.run_id, row.game, tally["player"], tally["opponent"], str(tally["seat"])]
                for name, family in families.items():
                    family.add_metric(values, tally[name])
        yield from families.values()


def prometheus_text(store: SqliteRunStore) -> bytes:
    """The exposition text of one scrape; blocking (files and SQLite)."""
    registry = CollectorRegistry()
    registry.register(RunCollector(store))
    return bytes(generate_latest(registry))


def _state(rows: list[RunRow]) -> Iterator[GaugeMetricFamily]:
    numbers: dict[str, tuple[str, Any]] = {
        "ludus_run_heartbeat_age_seconds": ("seconds since the run was heard of", lambda r: time.time() - r.heartbeat),
        "ludus_run_age_seconds": ("seconds since the run was first started", lambda r: time.time() - r.created),
        "ludus_run_paused": ("1 while the run is paused", lambda r: float(r.status == "paused")),
        "ludus_run_generation": ("wishes made of the run", lambda r: r.generation),
        "ludus_run_observed_generation": ("wishes the run has acted on", lambda r: r.observed_generation),
    }
    for name, (text, number) in numbers.items():
        family = GaugeMetricFamily(name, text, labels=["run_id", "game"])
        for row in rows:
            family.add_metric([row.run_id, row.game], number(row))
        yield family
