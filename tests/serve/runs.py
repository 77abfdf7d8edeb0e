"""Runs for tests: a folder with a store, and runs in it that look as if a process drove them."""
from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from serve.run_control import open_store
from serve.run_store import SqliteRunStore

TALLY = {"player": "main", "opponent": "random", "seat": 1, "games": 4, "wins": 3, "draws": 1, "losses": 0,
         "return_sum": 3.0, "length_sum": 31.0}


def add_run(
    runs_dir: Path, run_id: str, status: str = "running", pid: int | None = None, **settings: Any
) -> SqliteRunStore:
    """Enters a run of tic_tac_toe with this process (or `pid`) behind it, and makes its folder."""
    store = open_store(runs_dir)
    store.create(run_id, runs_dir / run_id, {"game": "tic_tac_toe", "seed": 5, **settings}, resume=False)
    store.observe(run_id, status, generation=1, pid=pid)
    (runs_dir / run_id / "metrics").mkdir(parents=True)
    return store


def add_rows(runs_dir: Path, run_id: str, series: str, rows: list[dict[str, Any]]) -> None:
    """Appends metrics rows as a run does."""
    with (runs_dir / run_id / "metrics" / f"{series}.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def dead_pid() -> int:
    """The id of a process that was there and is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def silence(store: SqliteRunStore, run_id: str, seconds: float) -> None:
    """Moves the run's last heartbeat into the past."""
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE runs SET heartbeat = heartbeat - ? WHERE run_id = ?", (seconds, run_id))
    connection.close()
