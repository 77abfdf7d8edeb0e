"""Kills a real run at given file operations and lets it go on: `python -m tests.league.kill_points FOLDER [EVERY]`.

The run is forked off, and killed with SIGKILL by itself, in the middle of what it writes. Prints one JSON line per
kill: where, what was found broken right after it, and whether the run then ended as one that was left alone.
"""
from __future__ import annotations

import gzip
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import league.progress_report
from league.config import RunConfig
from league.replay_record import read, verify
from league.run import train
from league.run_directory import RunDirectory
from learners.learner import Learner
from serve.run_store import SqliteRunStore
from tests.league.conftest import tiny, windows

CLOCK = ("created",)
OPERATIONS = ("replace", "write", "unlink")


def config() -> RunConfig:
    """Prospector, in seconds: every window but the second has a checkpoint and a replay."""
    return tiny(
        game="prospector", game_options={"rules": "balanced", "time_max": 40}, budget={"updates": 7},
        league={"bots": {}, "snapshots": 0.0, "snapshot_every": 3},
        windows={"env_steps": 100, "checkpoint_every": 2, "keep_checkpoints": 1},
        evaluation={"opponents": ["random"], "games": 4, "replays": 2, "keep_replays": 2,
                    "milestones": {"profit": (100.0,)}},
    )


def run(folder: Path, resume: bool, kill_at: int | None = None) -> int:
    """Trains in a process of its own, which may kill itself at a file operation; returns how it ended."""
    process = os.fork()
    if process:
        return os.waitpid(process, 0)[1]
    try:
        done = 0

        def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **named: Any) -> Any:
                nonlocal done
                done += 1
                if done == kill_at:
                    if kill_at % 2:     # half of the kills come after the operation
                        operation(*arguments, **named)
                    os.kill(os.getpid(), signal.SIGKILL)
                return operation(*arguments, **named)

            return call

        store = SqliteRunStore(folder.parent / f"{folder.name}.sqlite")
        if resume:
            store.observe("run", "failed")
        settings = config()
        store.create("run", folder, settings.model_dump(mode="json"), resume)
        for name in OPERATIONS:
            setattr(os, name, counted(getattr(os, name)))
        train(settings, run_id="run", directory=folder, store=store, resume=resume, emit=lambda event: None,
              interrupt=threading.Event())
        (folder / "operations").write_text(str(done))
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def broken(folder: Path) -> list[str]:
    """Files with names of their own that do not read back, and what is named without being there as a whole."""
    faults = []
    for path in folder.rglob("*"):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            if path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".gz":
                gzip.decompress(path.read_bytes())
            elif path.suffix == ".jsonl":
                RunDirectory(folder).rows(str(path.relative_to(folder)))
        except (ValueError, OSError, EOFError) as error:
            faults.append(f"{path.name}: {error}")
    index = RunDirectory(folder).read_json("replay_index.json") or {"replays": []}
    latest = (RunDirectory(folder).read_json("run_metadata.json") or {}).get("latest_checkpoint")
    if latest is not None and not (folder / latest / "run.json").is_file():
        faults.append(latest)
    return faults + [entry["path"] for entry in index["replays"] if not (folder / entry["path"]).is_file()]


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run leaves of windows and replays, without what the clock says."""
    index = json.loads((folder / "replay_index.json").read_text())["replays"]
    for entry in index:
        verify(read(folder / entry["path"]))
    metadata = json.loads((folder / "run_metadata.json").read_text())
    return {
        "windows": windows(folder),
        "index": [{key: value for key, value in entry.items() if key not in CLOCK} for entry in index],
        "files": sorted(path.name for path in (folder / "replays").iterdir()),
        "checkpoints": sorted(path.name for path in (folder / "checkpoints").glob("ckpt_*")),
        "metadata": {name: metadata[name] for name in (
            "status", "latest_window", "latest_checkpoint", "latest_replay", "replay_index_path", "env_steps", "updates"
        )},
    }


def main() -> None:
    """See above; without EVERY at three points of the run."""
    torch.set_num_threads(1)
    # reports depend on the clock, and so would the number of operations
    league.progress_report.PROGRESS_S = float("inf")
    settings = config()
    Learner(settings.make_game(), settings.learner_settings(), settings.seed)   # imports once what all runs need
    folder = Path(sys.argv[1])
    assert run(folder / "whole", resume=False) == 0
    operations = int((folder / "whole/operations").read_text())
    whole = outcome(folder / "whole")
    every = int(sys.argv[2]) if len(sys.argv) > 2 else max(1, operations // 3)
    for point in range(every // 2 + 1, operations + 1, every):
        victim = folder / f"killed_{point}"
        killed = os.WTERMSIG(run(victim, resume=False, kill_at=point)) == signal.SIGKILL
        faults = broken(victim)
        ended = run(victim, resume=True)
        same = ended == 0 and outcome(victim) == whole
        print(json.dumps({"point": point, "of": operations, "killed": killed, "broken": faults, "ended": ended,
                          "same": same}), flush=True)


if __name__ == "__main__":
    main()
