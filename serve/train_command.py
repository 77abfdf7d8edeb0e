"""`ludus train`: from a config and a command line to a finished run and an exit status.

The parts of `league` that it drives are passed in, so that all here runs and is tested without Ray and torch.
"""
from __future__ import annotations

import json
import re
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from league.run_directory import RunDirectory
from serve.api_server import ApiProcess
from serve.interruption import INTERRUPTED, interruption
from serve.live_view import LiveView
from serve.run_control import list_runs, open_store
from serve.run_row import HEARTBEAT_TIMEOUT_S
from serve.run_store import SqliteRunStore

HEARTBEAT_S = HEARTBEAT_TIMEOUT_S / 5
HEARTBEAT_THREAD = "heartbeat"
FAILED = 1
EXIT_STATUS = {"completed": 0, "stopped": 0, "interrupted": INTERRUPTED, "failed": FAILED}
RESUMABLE = ("interrupted", "stopped", "failed")

LoadConfig = Callable[[Path, list[str], str | None], Any]
"""`league.config.load_config`: file, overrides and profile to settings; raises ValueError with one sentence."""
Check = Callable[[Any, dict[str, Any] | None, Path | None], None]
"""`league.fit.check_start`: settings, those a resumed run has had, and its newest checkpoint; raises ValueError."""
Train = Callable[..., dict[str, Any]]
"""`league.run.train`: blocks until the run has ended and returns its last event."""


@dataclass(frozen=True)
class TrainRequest:
    """What the command line of `ludus train` asks for."""

    config: Path | None
    overrides: list[str]
    profile: str | None
    run_id: str | None
    resume: bool
    serve: bool
    runs_dir: Path
    port: int


@dataclass(frozen=True)
class Plan:
    """Which run to start or to continue, from which file."""

    run_id: str
    directory: Path
    config: Path
    begun: dict[str, Any] | None = None     # settings that a run to be continued has had so far


def import_train() -> Train:
    """`league.run.train`."""
    from league.run import train

    return train


def import_check() -> Check:
    """`league.fit.check_start`."""
    from league.fit import check_start

    return check_start


def execute(
    request: TrainRequest, load_config: LoadConfig, import_train: Callable[[], Train], console: Console,
    import_check: Callable[[], Check] = import_check,
) -> int:
    """Trains until the run ends and returns the exit status: 0 completed or stopped, 1 failed, 130 interrupted.

    import_train: brings `league.run.train`; called late, because Ray and torch take seconds to import and the API
    starts in the meantime. import_check: brings `league.fit.check_start`. Raises ValueError or KeyError with one
    sentence for a request that cannot be carried out, before anything has started or changed.
    """
    store = open_store(request.runs_dir)
    plan = _plan_resumed(request, store) if request.resume else _plan_new(request)
    config = load_config(plan.config, request.overrides, request.profile)
    checkpoints = RunDirectory(plan.directory).checkpoints() if request.resume else []
    import_check()(config, plan.begun, checkpoints[-1] if checkpoints else None)
    store.create(plan.run_id, plan.directory, config.model_dump(mode="json"), request.resume)
    plan.directory.mkdir(parents=True, exist_ok=True)
    begins = True
    with interruption() as interrupted, _heartbeats(store, plan.run_id), _api(request, plan.directory) as api:
        try:
            train = import_train()
            api_url = api.url() if api is not None else None
            with LiveView(console, _heading(request, plan, api_url)) as view:

                def emit(event: dict[str, Any]) -> None:
                    nonlocal begins
                    begins = begins and event.get("status") != "running"
                    view(event)

                finished = train(
                    config, run_id=plan.run_id, directory=plan.directory, store=store, resume=request.resume,
                    emit=emit, interrupt=interrupted, api_url=api_url,
                )
        except Exception as error:
            store.observe(plan.run_id, "failed", f"{type(error).__name__}: {error}")
            if begins and type(error) is ValueError:    # what cannot be is said so; other kinds are of libraries
                print(f"ludus: {error}", file=sys.stderr)
            else:
                traceback.print_exc()
            way = _way_on(plan) if store.run(plan.run_id).resumable else ""
            print(f"ludus: {plan.run_id} failed{way}", file=sys.stderr)
            return FAILED
    return EXIT_STATUS[finished["status"]]


def _plan_new(request: TrainRequest) -> Plan:
    if request.config is None:
        raise ValueError("no config was given, expected for example: ludus train configs/connect_four.yaml")
    run_id = request.run_id or f"{_prefix(request.config)}{time.strftime('%Y%m%d-%H%M%S')}"
    return Plan(run_id, request.runs_dir / run_id, request.config)


def _plan_resumed(request: TrainRequest, store: SqliteRunStore) -> Plan:
    run_id = request.run_id or _newest_resumable(store, request.config)
    run = store.run(run_id)
    if not run.resumable:
        raise ValueError(f'run "{run_id}" is a baseline, which cannot be resumed: start another one')
    config = Path(run.directory) / "config.yaml"
    if not config.is_file():    # it ended before it wrote one; the store has the config too, and JSON is YAML
        config.parent.mkdir(parents=True, exist_ok=True)
        aside = config.with_name(".config.yaml.aside")
        aside.write_text(json.dumps(run.config))
        aside.replace(config)
    return Plan(run_id, Path(run.directory), config, run.config)


def _prefix(config: Path) -> str:
    """How the names of this config's runs begin."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", config.stem) + "-"


def _newest_resumable(store: SqliteRunStore, config: Path | None) -> str:
    prefix = _prefix(config) if config is not None else ""
    for run in list_runs(store):
        worth = run.status != "failed" or _kept(Path(run.directory))
        if run.status in RESUMABLE and run.resumable and run.run_id.startswith(prefix) and worth:
            return run.run_id
    of_config = f" of {config}" if config is not None else ""
    raise ValueError(f"there is no run{of_config} to resume in {store.path.parent}: start one without --resume")


def _kept(directory: Path) -> str:
    """What a run that failed can go on from; "" for nothing."""
    if RunDirectory(directory).checkpoints():
        return "its last checkpoint"
    finished = any(any((directory / folder).glob("*")) for folder in ("datasets", "cells"))
    return "what it had finished" if finished else ""


def _way_on(plan: Plan) -> str:
    """How to go on with a run that failed."""
    if kept := _kept(plan.directory):
        return f"; ludus train --resume --run-id {plan.run_id} goes back to {kept}"
    return "; it has no checkpoint: start another run"


def _heading(request: TrainRequest, plan: Plan, api_url: str | None) -> list[str]:
    verb = "continuing" if request.resume else "training"
    lines = [f"{verb} {plan.run_id} from {plan.config}"]
    if api_url is not None:
        lines.append(f"watch and steer: {api_url}/docs   or: ludus runs pause {plan.run_id}")
    elif request.serve:
        lines.append(f"the HTTP API did not start, see {plan.directory / 'api.log'}; training goes on without it")
    return lines


@contextmanager
def _heartbeats(store: SqliteRunStore, run_id: str) -> Iterator[None]:
    """Says that this process is there, from a thread: the run itself may be busy for long, say with an evaluation."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT_S):
            with suppress(sqlite3.OperationalError):  # locked, or the disk is full: the next may get through
                store.heartbeat(run_id)

    thread = threading.Thread(target=beat, name=HEARTBEAT_THREAD, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _api(request: TrainRequest, directory: Path) -> Iterator[ApiProcess | None]:
    if not request.serve:
        yield None
        return
    with (directory / "api.log").open("wb") as log:
        api = ApiProcess(request.runs_dir, request.port, log)
        try:
            yield api
        finally:
            api.close()
