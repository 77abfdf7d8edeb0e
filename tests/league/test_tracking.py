"""W&B hears what a run says, is never needed, and never ends a run."""
from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from league.config import ConfigError
from league.sections import Tracking
from league.tracking import Tracker, numbers
from tests.league.conftest import Stage, tiny

INSTALLED = importlib.util.find_spec("wandb") is not None


def tracker(settings: Tracking, folder: Path, events: list[dict[str, Any]]) -> Tracker:
    return Tracker(settings, run_id="run", directory=folder, config={"seed": 1}, emit=events.append)


def test_disabled_it_is_not_even_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    events: list[dict[str, Any]] = []
    quiet = tracker(Tracking(), tmp_path, events)
    quiet.heard()({"kind": "window", "row": {}})
    quiet.finish("completed")
    assert quiet.url is None
    assert events == [{"kind": "window", "row": {}}]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(INSTALLED, reason="the package wandb is installed")
@pytest.mark.parametrize("mode", ["offline", "online"])
def test_a_missing_package_is_one_sentence_before_anything_starts(mode: str) -> None:
    with pytest.raises(ConfigError, match=f"tracking.wandb is {mode}, but the package wandb is not installed: pip ins"):
        tiny(tracking={"wandb": mode})


def test_rows_become_flat_numbers() -> None:
    row = {"window": 3, "loss": None, "ok": True, "timestamp": "now", "replays": ["r1"], "loss_total": 0.5,
           "evaluation": [{"opponent": "random", "score": 0.25, "metrics": {"profit": 9}}],
           "positions": {"policy": [{"name": "L1", "share": 0.125}]}}
    assert numbers(row) == {
        "window": 3, "loss_total": 0.5, "evaluation/random/score": 0.25, "evaluation/random/metrics/profit": 9,
        "positions/policy/L1/share": 0.125,
    }


class Failing(ModuleType):
    """A package whose every call fails as a network does; some begin to do so only later."""

    def __init__(self, modes: tuple[str, ...]) -> None:
        super().__init__("wandb")
        self.modes, self.asked = modes, list[str]()

    def init(self, *, mode: str, **settings: Any) -> Any:
        self.asked.append(mode)
        if mode not in self.modes:
            raise ConnectionError("no route\nto host")
        return SimpleNamespace(define_metric=lambda *names, **more: None, offline=mode == "offline",
                               url="https://example.org/run", summary={})

    def Settings(self, **settings: Any) -> dict[str, Any]:
        return settings


@pytest.mark.parametrize(
    ("modes", "asked", "url", "times"),
    [((), ["online", "offline"], None, 1), (("offline",), ["online", "offline"], None, 2),
     (("online",), ["online"], "https://example.org/run", 1)],
)
def test_a_failing_network_ends_nothing_and_is_said_once_in_either_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modes: tuple[str, ...], asked: list[str], url: str | None,
    times: int,
) -> None:
    package = Failing(modes)
    monkeypatch.setitem(sys.modules, "wandb", package)
    events: list[dict[str, Any]] = []
    failing = tracker(Tracking(wandb="online"), tmp_path, events)
    hear = failing.heard()
    for _ in range(3):
        hear({"kind": "window", "row": {"loss": 1.0}})      # the run has no log: each call fails
        hear({"kind": "checkpoint", "path": "checkpoints/x", "window": 1})
        hear({"kind": "progress"})
    failing.finish("completed")
    assert (package.asked, failing.url) == (asked, url)
    said = [event["text"] for event in events if event["kind"] == "message"]
    assert sum("the run goes on" in text for text in said) == times
    assert all("\n" not in text for text in said)
    assert sum(event["kind"] != "message" for event in events) == 9


def test_a_package_that_cannot_be_imported_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    events: list[dict[str, Any]] = []
    assert tracker(Tracking(wandb="online"), tmp_path, events).url is None
    (event,) = events
    assert event["text"].startswith("W&B does not begin, the run goes on: ModuleNotFoundError: ")


@pytest.mark.skipif(not INSTALLED, reason="the package wandb is not installed: pip install 'ludus[wandb]'")
@pytest.mark.filterwarnings("default")      # of the package's own dependencies
def test_offline_a_real_run_keeps_windows_checkpoints_and_replays(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, str(stage.folder / name.lower()))
    config = tiny(budget={"updates": 4}, tracking={"wandb": "offline", "tags": ["a"], "group": "g"})
    finished = stage.train(config)
    assert finished["status"] == "completed"
    longer = tiny(budget={"updates": 8}, tracking={"wandb": "offline"})
    stage.train(longer, resume=True)
    assert [event for event in stage.events if "W&B" in event.get("text", "")] == []
    runs = sorted((stage.folder / "run/wandb").glob("offline-run-*-run/run-run.wandb"))
    assert len(runs) == 2       # the same id twice, which `wandb sync` joins
    kept = b"".join(path.read_bytes() for path in runs)
    for word in (b"model-run", b"replay-run-replay-000001-00", b"loss_total", b"best_so_far", b"every_window"):
        assert word in kept
    assert json.loads((stage.folder / "run/run_metadata.json").read_text())["wandb_run_url"] is None
