"""The HTTP API over a folder of runs: `create_app(store)`; the reference of its routes is /docs.

Handlers are plain functions, which FastAPI runs on its thread pool: reading files and SQLite never blocks the event
loop. What changes a run goes through `serve.run_control`, as on the command line.
"""
from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serve import run_control, run_replays
from serve.database import StoreError
from serve.loopback_guard import LoopbackGuard
from serve.prometheus import prometheus_text
from serve.run_control import RunDetails, RunSummary
from serve.run_files import metrics_path, newest_rows, polling_row, read_document
from serve.run_replays import Frames, UnknownReplayError
from serve.run_store import SqliteRunStore, TransitionError, UnknownRunError

MAX_ROWS = 10_000
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="at most this many rows, the newest ones, oldest first")]
NewestReplays = Annotated[int, Query(ge=1, le=MAX_ROWS, description="at most this many, the newest ones, newest first")]
FramesLimit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="at most this many, from `offset` on")]
Offset = Annotated[int, Query(ge=0, description="the first of them")]
Tags = Annotated[Sequence[str], Query(description="tags that an entry must have")]
Rows = list[dict[str, Any]]
SOURCE = "api"


class NoMetricsError(LookupError):
    """There is no run, or no metrics row, to answer with."""


STATUS_OF_ERROR: dict[type[Exception], int] = {
    UnknownRunError: 404, NoMetricsError: 404, UnknownReplayError: 404, TransitionError: 409, StoreError: 503,
    sqlite3.OperationalError: 503,
}


def create_app(store: SqliteRunStore) -> FastAPI:
    """The application over `store`; it may be used by any number of threads and beside any number of runs."""
    app = FastAPI(title="Ludus", version=version("ludus"), description="Watch and steer training runs.")
    app.add_middleware(LoopbackGuard)
    for error, status in STATUS_OF_ERROR.items():
        app.add_exception_handler(error, _answer_with(status))
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    _add_monitoring(app, store)
    _add_runs(app, store)
    _add_replays(app, store)
    return app


def _add_monitoring(app: FastAPI, store: SqliteRunStore) -> None:
    @app.get("/health")
    def health() -> dict[str, Any]:
        """Whether the API and the run store answer."""
        return {"status": "ok", "version": app.version, "runs": len(store.runs())}

    @app.get("/metrics")
    def metrics() -> Response:
        """Everything as Prometheus text."""
        return Response(prometheus_text(store), media_type=CONTENT_TYPE_LATEST)

    @app.get("/metrics/latest")
    def metrics_latest(run_id: str | None = None) -> dict[str, Any]:
        """The newest window of a run (of the newest run, without `run_id`), for pages that poll."""
        return _polling_rows(store, run_id, 1)[-1]

    @app.get("/metrics/history")
    def metrics_history(run_id: str | None = None, limit: Limit = 1000) -> Rows:
        """The newest windows of a run (of the newest run, without `run_id`), oldest first."""
        return _polling_rows(store, run_id, limit)


def _add_runs(app: FastAPI, store: SqliteRunStore) -> None:
    @app.get("/api/runs")
    def runs() -> list[RunSummary]:
        """All runs, newest first."""
        return run_control.list_runs(store)

    @app.get("/api/runs/{run_id}")
    def run(run_id: str) -> RunDetails:
        """One run: settings, state, who changed it, newest metrics."""
        return run_control.show_run(store, run_id)

    @app.post("/api/runs/{run_id}/pause", status_code=202)
    def pause(run_id: str) -> RunSummary:
        """Asks the run to pause; its `status` follows within seconds."""
        return run_control.pause(store, run_id, SOURCE)

    @app.post("/api/runs/{run_id}/resume", status_code=202)
    def resume(run_id: str) -> RunSummary:
        """Asks a paused run to go on."""
        return run_control.resume(store, run_id, SOURCE)

    @app.post("/api/runs/{run_id}/stop", status_code=202)
    def stop(run_id: str) -> RunSummary:
        """Asks the run to write a checkpoint and end."""
        return run_control.stop(store, run_id, SOURCE)

    @app.get("/api/runs/{run_id}/metrics")
    def training(run_id: str, limit: Limit = 1000) -> Rows:
        """The newest rows of metrics/training.jsonl, oldest first."""
        return newest_rows(metrics_path(store.run(run_id).directory, "training"), limit)

    @app.get("/api/runs/{run_id}/windows")
    def windows(run_id: str, limit: Limit = 1000) -> Rows:
        """The newest rows of metrics/windows.jsonl, oldest first."""
        return newest_rows(metrics_path(store.run(run_id).directory, "windows"), limit)

    @app.get("/api/runs/{run_id}/players")
    def players(run_id: str) -> Any:
        """The league's players, as in league/players.json."""
        return read_document(Path(store.run(run_id).directory) / "league" / "players.json")

    @app.get("/api/runs/{run_id}/payoff")
    def payoff(run_id: str) -> Rows:
        """Games, wins, draws and losses of every player against every opponent in every seat."""
        return store.payoff(run_id)


def _add_replays(app: FastAPI, store: SqliteRunStore) -> None:
    @app.get("/api/runs/{run_id}/replays")
    def replays(run_id: str, tag: Tags = (), window: int | None = None, limit: NewestReplays = 1000) -> Rows:
        """Recorded games, newest first; `tag` may be given several times, `milestone:profit` means any threshold."""
        return run_replays.replays(store.run(run_id).directory, tag, window)[:limit]

    @app.get("/api/runs/{run_id}/replays/{replay_id}")
    def replay(run_id: str, replay_id: str) -> dict[str, Any]:
        """One recorded game: what it is, its result, its file."""
        return run_replays.replay(store.run(run_id).directory, replay_id)

    @app.get("/api/runs/{run_id}/replays/{replay_id}/frames")
    def frames(run_id: str, replay_id: str, offset: Offset = 0, limit: FramesLimit = 256) -> Frames:
        """Its steps with what a viewer draws, from the beginning (0) on."""
        return run_replays.frames(run_id, store.run(run_id).directory, replay_id, offset, limit)


def _polling_rows(store: SqliteRunStore, run_id: str | None, limit: int) -> Rows:
    runs = [store.run(run_id)] if run_id is not None else store.runs()
    if not runs:
        raise NoMetricsError(f"there is no run in {store.path} yet")
    rows = newest_rows(metrics_path(runs[0].directory, "windows"), limit)
    if not rows:
        raise NoMetricsError(f'run "{runs[0].run_id}" has not finished a window yet')
    return [polling_row(row) for row in rows]


def _answer_with(status: int) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def answer(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status)

    return answer


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"detail": f'{place} "{first.get("input")}": {first["msg"]}'}, 422)
