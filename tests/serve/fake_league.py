"""Stands in for `league` where a test is about the command line: `python -m tests.serve.fake_league RUNS_DIR HOW`.

HOW is "obedient" (ends at the first interruption, with a checkpoint) or "stubborn" (goes on).
"""
from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from serve.live_view import PatientConsole
from serve.train_command import TrainRequest, execute


class Settings(BaseModel):
    """The least that the store asks of a config."""

    game: str = "tic_tac_toe"
    overrides: list[str] = []
    profile: str | None = None


def load(path: Path, overrides: list[str], profile: str | None) -> Settings:
    """Refuses what does not exist, and remembers the rest."""
    if not path.exists():
        raise ValueError(f"{path} is no file, expected a config")
    return Settings(overrides=overrides, profile=profile)


def check(config: Settings, begun: dict[str, Any] | None, checkpoint: Path | None) -> None:
    """Lets everything begin."""


def request(runs_dir: Path, config: Path | None = None, **changes: Any) -> TrainRequest:
    """A request for a run without an API."""
    plain = TrainRequest(config, [], None, None, resume=False, serve=False, runs_dir=runs_dir, port=0)
    return replace(plain, **changes)


def until_interrupted(stubborn: bool) -> Callable[..., dict[str, Any]]:
    """A run that says when it trains, and ends when it is interrupted, or not even then."""

    def train(config: Settings, *, interrupt: threading.Event, **others: Any) -> dict[str, Any]:
        print("training", others["api_url"], flush=True)
        interrupt.wait()
        if stubborn:
            threading.Event().wait()
        print("checkpoint written", flush=True)
        return {"status": "interrupted"}

    return train


def main() -> None:
    """Runs `ludus train` with an API, and this module in place of the league."""
    runs_dir, how = Path(sys.argv[1]), sys.argv[2]
    asked = request(runs_dir, Path(__file__), run_id="alpha", serve=True)
    sys.exit(execute(asked, load, lambda: until_interrupted(how == "stubborn"), PatientConsole(), lambda: check))


if __name__ == "__main__":
    main()
