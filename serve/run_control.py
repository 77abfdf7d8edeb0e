"""What can be done with runs: list, show, pause, resume, stop, delete. The command line and the HTTP API call these."""
from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from serve.run_files import iso_time, metrics_path, newest_row, read_document
from serve.run_replays import summary as replays_summary
from serve.run_row import ENDED, RunRow
from serve.run_store import PARTICIPLE, SqliteRunStore, TransitionError

STORE_NAME = "runs.sqlite"
POLL_S = 0.1


class RunSummary(BaseModel):
    """One run as people see it: `status` says "interrupted" as soon as its process is gone or silent; `resumable`:
    whether a run of its method can go on from a checkpoint."""

    run_id: str
    game: str
    status: str
    reason: str
    resumable: bool
    desired: str
    generation: int
    observed_generation: int
    directory: str
    pid: int | None
    heartbeat_age_s: float
    age_s: float
    created: str
    updated: str


class RunDetails(RunSummary):
    """A run with its settings, who wished what of it, what it wrote of itself, its newest metrics, and how many games
    it has recorded."""

    config: dict[str, Any]
    changes: list[dict[str, Any]]
    metadata: dict[str, Any]
    training: dict[str, Any]
    window: dict[str, Any]
    replays: dict[str, Any]


def open_store(runs_dir: Path) -> SqliteRunStore:
    """The store that stands in the folder of all runs."""
    return SqliteRunStore(runs_dir / STORE_NAME)


def list_runs(store: SqliteRunStore) -> list[RunSummary]:
    """Every run, newest first."""
    return [RunSummary(**_summary(row)) for row in store.runs()]


def show_run(store: SqliteRunStore, run_id: str) -> RunDetails:
    """All that is known of one run; raises UnknownRunError."""
    row = store.run(run_id)
    changes = [{**change, "at": iso_time(change["at"])} for change in store.changes(run_id)]
    return RunDetails(
        **_summary(row),
        config=row.config,
        changes=changes,
        metadata=read_document(Path(row.directory) / "run_metadata.json"),
        training=newest_row(metrics_path(row.directory, "training")),
        window=newest_row(metrics_path(row.directory, "windows")),
        replays=replays_summary(row.directory),
    )


def pause(store: SqliteRunStore, run_id: str, source: str) -> RunSummary:
    """Asks a run to stop playing and learning until it is resumed; raises UnknownRunError, TransitionError."""
    return _wish(store, run_id, "paused", source)


def resume(store: SqliteRunStore, run_id: str, source: str) -> RunSummary:
    """Asks a paused run to go on; raises UnknownRunError, TransitionError."""
    return _wish(store, run_id, "running", source)


def stop(store: SqliteRunStore, run_id: str, source: str) -> RunSummary:
    """Asks a run to write a checkpoint and end; raises UnknownRunError, TransitionError."""
    return _wish(store, run_id, "stopped", source)


def delete(store: SqliteRunStore, run_id: str, keep_files: bool = False) -> Path:
    """Forgets a run that is not at work, then removes its folder; returns the folder.

    Raises UnknownRunError, and TransitionError for a run at work or a folder that is not named after the run.
    """
    directory = Path(store.run(run_id).directory)
    if not keep_files and directory.name != run_id:
        raise TransitionError(f'run "{run_id}" has the folder {directory}, not one of its name: delete it by hand')
    store.delete(run_id)
    if not keep_files and directory.exists():
        shutil.rmtree(directory)
    return directory


def wait_for(
    store: SqliteRunStore,
    run_id: str,
    statuses: Collection[str],
    timeout_s: float,
    on_change: Callable[[RunSummary], None] = lambda summary: None,
) -> RunSummary:
    """Waits until a run has one of `statuses` or has ended, and returns what it is then.

    on_change: called with every new status on the way. Raises TimeoutError with the last status.
    """
    deadline = time.monotonic() + timeout_s
    seen = ""
    while True:
        row = store.run(run_id)
        summary = RunSummary(**_summary(row))
        if summary.status != seen:
            seen = summary.status
            on_change(summary)
        if seen in ENDED or (seen in statuses and row.observed_generation >= row.generation):
            return summary
        if time.monotonic() > deadline:
            raise TimeoutError(f'run "{run_id}" is still {seen} after {timeout_s:g} s')
        time.sleep(POLL_S)


def state(run: RunSummary) -> str:
    """The status in words: what is wished for beside what is, and how an interrupted run goes on."""
    if run.status == "interrupted" and run.resumable:
        return f"interrupted, resumable with: ludus train --resume --run-id {run.run_id}"
    begins = (run.status, run.desired) == ("starting", "running")
    if begins or run.status in ENDED or run.observed_generation >= run.generation:
        return run.status
    return f"{run.status}, to be {run.desired}"


def _wish(store: SqliteRunStore, run_id: str, desired: str, source: str) -> RunSummary:
    summary = RunSummary(**_summary(store.run(run_id)))
    if summary.status == "interrupted":
        way = f"ludus train --resume --run-id {run_id} continues it" if summary.resumable else "start another one"
        raise TransitionError(
            f'run "{run_id}" is interrupted ({summary.reason}) and cannot be {PARTICIPLE[desired]}: {way}'
        )
    store.set_desired(run_id, desired, source)
    return RunSummary(**_summary(store.run(run_id)))


def _summary(row: RunRow) -> dict[str, Any]:
    absence = row.absence()
    return {
        "run_id": row.run_id,
        "game": row.game,
        "status": "interrupted" if absence else row.status,
        "reason": absence or row.reason,
        "resumable": row.resumable,
        "desired": row.desired,
        "generation": row.generation,
        "observed_generation": row.observed_generation,
        "directory": row.directory,
        "pid": row.pid,
        "heartbeat_age_s": round(max(0.0, time.time() - row.heartbeat), 1),
        "age_s": round(max(0.0, time.time() - row.created), 1),
        "created": iso_time(row.created),
        "updated": iso_time(row.updated),
    }
