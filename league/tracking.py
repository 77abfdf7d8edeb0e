"""Weights & Biases as a listener to a run's events; the package `wandb` is optional and imported only if asked for.

Nothing that goes wrong with it ends a run: it is said once (once more if it had to begin offline), and the run does
without. The same run id is used again when a run is resumed. Rows have `step`, the decisions so far, as their axis: a
window that was lost with a kill and measured anew is logged again, which W&B would refuse on its own counter.
"""
from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from league.run_context import Emit
from league.sections import Tracking

PATIENCE_S = 30.0       # for what W&B does at the beginning and at the end; in between it works by itself
AXIS = "step"


def check_tracking(settings: Tracking) -> None:
    """Raises ValueError if the package is wanted and not there."""
    if settings.wandb != "disabled" and importlib.util.find_spec("wandb") is None:
        raise ValueError(f"tracking.wandb is {settings.wandb}, but the package wandb is not installed: "
                         "pip install 'ludus[wandb]', or tracking.wandb=disabled")


class Tracker:
    """Hears events and passes windows, checkpoints and replays on; `disabled` it does nothing. `url`: of the run."""

    def __init__(
        self, settings: Tracking, *, run_id: str, directory: Path, config: Mapping[str, Any], emit: Emit
    ) -> None:
        self.url: str | None = None
        self._run_id, self._directory, self._emit = run_id, directory, emit
        self._run: Any = None
        self._faulty = False
        if settings.wandb == "disabled":
            return
        with self._without_harm("does not begin"):
            self._run = self._begin(settings, config, settings.wandb)
        if self._run is None and settings.wandb == "online":
            with self._without_harm("does not begin offline either"):
                self._run = self._begin(settings, config, "offline")
                self._faulty = False        # what goes wrong with it from now on is another fault
                emit({"kind": "message", "text": f"W&B keeps its data in {directory / 'wandb'}, for `wandb sync`"})
        with self._without_harm("does not tell its address"):
            if self._run is not None and not self._run.offline:
                self.url = self._run.url

    def heard(self) -> Emit:
        """`emit`, with this listening."""
        if self._run is None:
            return self._emit

        def both(event: dict[str, Any]) -> None:
            self._emit(event)
            told = _LISTENERS.get(event["kind"])
            if told is not None:
                with self._without_harm(f"does not take a {event['kind']}"):
                    told(self, event)

        return both

    def finish(self, status: str) -> None:
        """Ends it with the status of the run; waits a while for what is under way."""
        if self._run is not None:
            with self._without_harm("does not end"):
                self._run.summary["status"] = status
                self._run.finish(exit_code=int(status == "failed"))

    def _begin(self, settings: Tracking, config: Mapping[str, Any], mode: str) -> Any:
        self._wandb = importlib.import_module("wandb")
        directory = self._directory
        directory.mkdir(parents=True, exist_ok=True)
        run = self._wandb.init(
            project=settings.project, entity=settings.entity, group=settings.group, tags=list(settings.tags),
            id=self._run_id, name=self._run_id, resume="allow", mode=mode, dir=str(directory), config=dict(config),
            settings=self._wandb.Settings(
                console="off", silent=True, disable_git=True, init_timeout=PATIENCE_S, login_timeout=PATIENCE_S,
                finish_timeout=PATIENCE_S, finish_timeout_raises=False,
            ),
        )
        run.define_metric("*", step_metric=AXIS)
        return run

    def _window(self, event: dict[str, Any]) -> None:
        self._run.log(numbers(event["row"]))

    def _checkpoint(self, event: dict[str, Any]) -> None:
        self._add(f"model-{self._run_id}", "model", self._directory / event["path"], event,
                  ["latest", f"window-{event['window']}"])

    def _replay(self, event: dict[str, Any]) -> None:
        self._add(f"replay-{self._run_id}-{event['id']}", "replay", self._directory / event["path"], event,
                  [tag.replace(":", "-") for tag in event["tags"]])

    def _add(self, name: str, kind: str, path: Path, facts: Mapping[str, Any], aliases: list[str]) -> None:
        artifact = self._wandb.Artifact(name, type=kind, metadata=dict(facts))
        if path.is_dir():
            artifact.add_dir(str(path))
        else:
            artifact.add_file(str(path), name=path.name)
        self._run.log_artifact(artifact, aliases=aliases)

    @contextmanager
    def _without_harm(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:      # what W&B raises is its own to choose
            if not self._faulty:
                text = f"W&B {what}, the run goes on: {type(error).__name__}: {' '.join(str(error).split())}"
                self._emit({"kind": "message", "text": text})
            self._faulty = True


_LISTENERS: dict[str, Callable[[Tracker, dict[str, Any]], None]] = {
    "window": Tracker._window, "checkpoint": Tracker._checkpoint, "replay": Tracker._replay,
}


def numbers(row: Mapping[str, Any], before: str = "") -> dict[str, float]:
    """The numbers of a row of metrics, those of lists under the name of their entry: evaluation/random/score."""
    found: dict[str, float] = {}
    for key, value in row.items():
        name = f"{before}{key}"
        if isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            found[name] = value
        elif isinstance(value, Mapping):
            found |= numbers(value, f"{name}/")
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, Mapping):
                    found |= numbers(one, f"{name}/{one.get('opponent', one.get('name'))}/")
    return found
