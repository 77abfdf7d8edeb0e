"""`ludus runs`: see and steer the runs of a folder, from any shell."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.box import SIMPLE
from rich.table import Table

from serve import run_control
from serve.command_line import DEFAULT_RUNS_DIR, REFUSED, RunsDir, console, one_sentence
from serve.quantities import duration
from serve.run_control import RunSummary
from serve.run_store import SqliteRunStore

SOURCE = "cli"

app = typer.Typer(no_args_is_help=True, help="See and steer runs, from any shell: list, show, pause, resume, stop.")

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's name, as `ludus runs list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option(help="Return when the run has done it.")]
TimeoutS = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait.")]


@app.command("list")
def list_command(as_json: AsJson = False, runs_dir: RunsDir = DEFAULT_RUNS_DIR) -> None:
    """All runs, newest first."""
    with one_sentence():
        runs = run_control.list_runs(_store(runs_dir)) if _has_store(runs_dir) else []
    if as_json:
        print(json.dumps([run.model_dump() for run in runs], indent=2))
    elif not runs:
        print(f"no runs in {runs_dir} yet; start one with: ludus train configs/connect_four.yaml")
    else:
        table = Table(box=SIMPLE)
        for column in ("run", "game", "started", "status", "why"):
            table.add_column(column, no_wrap=column in ("run", "started"))
        for run in runs:
            started = f"{duration(run.age_s)} ago"
            table.add_row(run.run_id, run.game, started, run_control.state(run), run.reason)
        console().print(table)


@app.command()
def show(run_id: RunId, as_json: AsJson = False, runs_dir: RunsDir = DEFAULT_RUNS_DIR) -> None:
    """Everything known of one run: state, wishes, settings, newest metrics."""
    with one_sentence():
        details = run_control.show_run(_store(runs_dir), run_id)
    fields: dict[str, Any] = details.model_dump()
    if as_json:
        print(json.dumps(fields, indent=2))
    else:
        print(yaml.safe_dump({**fields, "status": run_control.state(details)}, sort_keys=False, width=120), end="")


@app.command()
def pause(
    run_id: RunId, wait: Wait = True, timeout_s: TimeoutS = 120.0, runs_dir: RunsDir = DEFAULT_RUNS_DIR
) -> None:
    """Stop playing and learning until `resume`; the run keeps its processes."""
    _steer(run_control.pause, run_id, ("paused",), wait, timeout_s, runs_dir)


@app.command()
def resume(
    run_id: RunId, wait: Wait = True, timeout_s: TimeoutS = 120.0, runs_dir: RunsDir = DEFAULT_RUNS_DIR
) -> None:
    """Go on after `pause`. (A run whose process is gone: `ludus train --resume --run-id RUN`.)"""
    _steer(run_control.resume, run_id, ("running",), wait, timeout_s, runs_dir)


@app.command()
def stop(
    run_id: RunId, wait: Wait = True, timeout_s: TimeoutS = 120.0, runs_dir: RunsDir = DEFAULT_RUNS_DIR
) -> None:
    """Write a checkpoint and end; `ludus train --resume` can continue the run later."""
    _steer(run_control.stop, run_id, ("stopped", "completed"), wait, timeout_s, runs_dir)


@app.command()
def delete(
    run_id: RunId,
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Forget the run, leave its folder.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """Forget a run that is not at work, and remove its folder."""
    with one_sentence():
        store = _store(runs_dir)
        directory = store.run(run_id).directory
        if not yes:
            typer.confirm(f"forget {run_id}" + ("" if keep_files else f" and remove {directory}") + "?", abort=True)
        run_control.delete(store, run_id, keep_files)
    print(f"{run_id} is deleted")


def _steer(
    verb: Callable[[SqliteRunStore, str, str], RunSummary], run_id: str, wanted: tuple[str, ...],
    wait: bool, timeout_s: float, runs_dir: Path,
) -> None:
    with one_sentence():
        store = _store(runs_dir)
        run = verb(store, run_id, SOURCE)
        if wait:
            run = run_control.wait_for(store, run_id, wanted, timeout_s, on_change=_say)
        else:
            _say(run)
    if wait and run.status not in wanted:
        raise typer.Exit(REFUSED)


def _say(run: RunSummary) -> None:
    print(f"{run.run_id} is {run_control.state(run)}" + (f" ({run.reason})" if run.reason else ""), flush=True)


def _has_store(runs_dir: Path) -> bool:
    return (runs_dir / run_control.STORE_NAME).exists()


def _store(runs_dir: Path) -> SqliteRunStore:
    if not _has_store(runs_dir):
        raise ValueError(f"there are no runs in {runs_dir}: expected the file {run_control.STORE_NAME} there")
    return run_control.open_store(runs_dir)
