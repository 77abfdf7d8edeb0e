"""Replays of runs: recorded at every window with a checkpoint, tagged, indexed, and the same after any interruption."""
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from gymnasium import spaces

from league.config import ConfigError
from league.evaluation import scripted
from league.replay_index import ReplayIndex, tags
from league.replay_record import read
from league.replay_recorder import ReplayRecorder
from league.run_directory import WINDOWS, RunDirectory
from tests.league.conftest import Killed, Stage, tiny
from tests.league.kill_points import outcome

MILESTONES: dict[str, tuple[float, ...]] = {"profit": (100, 500.5), "return": (1,), "survival": (1,), "kills": (2,)}


def entry(number: int, value: float, cut: bool = False, **metrics: float) -> dict[str, Any]:
    return {"id": f"r{number}", "path": f"replays/r{number}", "window": number, "return": value, "cut": cut,
            "metrics": metrics, "verified": True}


def prospector(**changes: Any) -> Any:
    """A tiny run of Prospector."""
    sections: dict[str, Any] = {
        "game": "prospector", "game_options": {"rules": "balanced", "time_max": 60}, "budget": {"updates": 6},
        "league": {"bots": {}, "snapshots": 0.0}, "windows": {"env_steps": 100},
        "evaluation": {"opponents": ["random"], "games": 4, "replays": 2},
    }
    return tiny(**{**sections, **changes})


@pytest.mark.parametrize(
    ("value", "cut", "metrics", "expected"),
    [
        (0.5, False, {"net_profit": 99.9}, ["best_so_far"]),
        (0.3, False, {"net_profit": 100.0}, ["milestone:profit:100"]),
        (0.4, False, {}, []),       # as high as the best is not higher
        (1.0, False, {"net_profit": 501, "survival": 1.0, "kills": 1.0},
         ["best_so_far", "milestone:profit:100", "milestone:profit:500.5", "milestone:return:1",
          "milestone:survival:1"]),
        (1.0, True, {"survival": 1.0, "kills": 3.0}, ["best_so_far", "milestone:return:1", "milestone:kills:2"]),
    ],
)
def test_tags(value: float, cut: bool, metrics: Mapping[str, float], expected: list[str]) -> None:
    earlier = [entry(0, 0.4), entry(1, -2.0)]
    assert tags(entry(2, value, cut, **metrics), earlier, MILESTONES) == ["every_window", *expected]


def test_the_first_of_a_run_is_its_best() -> None:
    assert tags(entry(0, -5.0), [], {}) == ["every_window", "best_so_far"]


def test_the_index_keeps_the_newest_and_whatever_has_a_tag(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    index = ReplayIndex(directory, "run")
    for number, value in enumerate([1.0, 0.0, 0.5, 2.0, 0.1, 0.2]):
        directory.write_bytes(f"replays/r{number}", b"x")
        index.add(entry(number, value), {}, keep=2)
    left = ["r0", "r3", "r4", "r5"]
    assert [one["id"] for one in ReplayIndex(RunDirectory(tmp_path), "run").entries] == left
    assert sorted(path.name for path in (tmp_path / "replays").iterdir()) == left
    index.add(entry(5, 3.0), {}, keep=2)        # again, by a run that went back
    assert [one["id"] for one in index.entries] == left
    (tmp_path / "replays/.r9.123").write_bytes(b"half")
    (tmp_path / "replays/r3").unlink()
    index.rewind({"r0", "r3", "r4", "r7"})
    assert [one["id"] for one in index.entries] == ["r0", "r4"]
    assert sorted(path.name for path in (tmp_path / "replays").iterdir()) == ["r0", "r4"]
    metadata = json.loads((tmp_path / "run_metadata.json").read_text())
    assert (metadata["latest_replay"], metadata["replay_index_path"]) == ("replays/r4", "replay_index.json")
    index.rewind([])
    assert json.loads((tmp_path / "run_metadata.json").read_text())["latest_replay"] is None


def test_a_run_records_and_the_same_run_records_the_same(stage: Stage) -> None:
    stage.train(prospector(), "one")
    stage.train(prospector(), "two")
    folder = stage.folder / "one"
    found = outcome(folder)
    windows = RunDirectory(folder).rows(WINDOWS)
    named = [one for row in windows for one in row["replays"]]
    assert [row["replays"] for row in windows] == [
        [f"replay-{row['window']:06d}-{number:02d}" for number in range(2)] for row in windows
    ]
    assert [one["id"] for one in found["index"]] == named
    assert found["metadata"]["latest_replay"] == f"replays/{named[-1]}.jsonl.gz"
    for one in found["index"]:
        replay = read(folder / one["path"])
        assert replay.header["checkpoint"] == one["checkpoint"]
        assert replay.header["env_steps"] == one["env_steps"] == windows[one["window"] - 1]["step"]
        assert (one["verified"], one["policy"], one["opponent"]) == (True, "deterministic", None)
        assert one["metrics"].keys() >= {"net_profit", "survival"}
    assert (folder / found["index"][-1]["checkpoint"]).is_dir()
    assert len({one["seed"] for one in found["index"]}) == len(named)
    again = outcome(stage.folder / "two")
    differing = {"run_id", "sha256", "bytes"}       # the file tells of which run it is
    assert [{key: value for key, value in one.items() if key not in differing} for one in found["index"]] == [
        {key: value for key, value in one.items() if key not in differing} for one in again["index"]]
    kinds = [event["kind"] for event in stage.events]
    assert kinds.count("window") == 2 * len(windows)
    assert kinds.count("replay") == 2 * len(named)
    assert kinds.count("checkpoint") >= 2 * len(windows)


def test_opponents_and_seats_take_turns(stage: Stage) -> None:
    stage.train(tiny(budget={"updates": 10}, windows={"env_steps": 100, "checkpoint_every": 2}))
    index = outcome(stage.folder / "run")["index"]
    sides = [(one["opponent"], one["seat"]) for one in index]
    assert sides[:4] == [("random", 0), ("one_ply", 0), ("random", 1), ("one_ply", 1)][: len(sides)]
    assert len(sides) >= 3
    assert [one["window"] % 2 for one in index[:-1]] == [0] * (len(index) - 1)


def test_the_last_window_is_recorded_if_the_run_ends_with_it(stage: Stage) -> None:
    stage.train(tiny(budget={"updates": 3}, windows={"env_steps": 3 * 64, "checkpoint_every": 2}))
    (row,) = RunDirectory(stage.folder / "run").rows(WINDOWS)
    (one,) = outcome(stage.folder / "run")["index"]
    assert row["replays"] == [one["id"]]
    assert one["checkpoint"] == outcome(stage.folder / "run")["metadata"]["latest_checkpoint"]


def test_a_search_plays_in_its_replays_and_may_draw(stage: Stage) -> None:
    seen = {}
    for policy in ("deterministic", "stochastic"):
        stage.train(tiny(
            method="alphazero", budget={"updates": 3}, self_play={"actors": 1, "games": 6, "simulations": 4,
                                                                  "chunk_rows": 40},
            learning={"network": {"hidden": [16]}, "minibatch_rows": 32}, league={},
            evaluation={"opponents": ["random"], "games": 4, "simulations": 6, "replays": 6, "policy": policy},
        ), policy)
        files = RunDirectory(stage.folder / policy)
        seen[policy] = [read(path).steps for path in sorted((files.path / "replays").iterdir())]
    assert seen["deterministic"] != seen["stochastic"]


def test_none_are_recorded_if_none_are_wanted(stage: Stage) -> None:
    stage.train(prospector(evaluation={"opponents": [], "replays": 0}, budget={"updates": 2}))
    assert not (stage.folder / "run/replays").exists()
    assert not (stage.folder / "run/replay_index.json").exists()


def test_killed_and_resumed_index_and_windows_agree(stage: Stage) -> None:
    config = prospector(windows={"env_steps": 100, "checkpoint_every": 2})
    stage.train(config, "whole")

    def die(event: dict[str, Any]) -> None:
        if event["kind"] == "replay" and event["window"] == 3:
            raise Killed

    with pytest.raises(Killed):
        stage.train(config, "run", on_event=die)
    folder = stage.folder / "run"
    assert ReplayIndex(RunDirectory(folder), "run").entries[-1]["window"] == 3
    stage.train(config, "run", resume=True)
    whole, found = outcome(stage.folder / "whole"), outcome(folder)
    for one in (*whole["index"], *found["index"]):
        del one["sha256"], one["bytes"]
    assert found == whole


@pytest.mark.parametrize("every", [None, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_killed_while_it_writes_a_run_leaves_whole_files_and_ends_the_same(tmp_path: Path, every: int | None) -> None:
    asked = [] if every is None else [str(every)]
    done = subprocess.run([sys.executable, "-m", "tests.league.kill_points", str(tmp_path), *asked], check=True,
                          capture_output=True, text=True)
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(kills) >= 3
    for kill in kills:
        assert (kill["killed"], kill["broken"], kill["same"]) == (True, [], True), f"{kill}\n{done.stderr}"


class Fickle(gymnasium.Env[npt.NDArray[np.float32], np.int64]):
    """Rewards nobody can foresee."""

    observation_space = spaces.Box(-1, 1, (2,))
    action_space = spaces.Discrete(2)
    steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        self.steps = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: np.int64) -> tuple[npt.NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return np.zeros(2, np.float32), float(np.random.default_rng().random()), self.steps == 3, False, {}


def test_an_environment_that_does_not_repeat_itself_is_said_to_be_so(tmp_path: Path) -> None:
    gymnasium.register("Fickle-v0", entry_point=f"{__name__}:Fickle", max_episode_steps=5)
    try:
        config = tiny(game="gymnasium", game_options={"id": "Fickle-v0"}, league={"bots": {}, "snapshots": 0.0},
                      evaluation={"opponents": [], "replays": 2})
        events: list[dict[str, Any]] = []
        recorder = ReplayRecorder(config, config.make_game(), "run", RunDirectory(tmp_path), events.append)
        for window in (1, 2):
            recorder.record(lambda seed: scripted("random"), window=window, checkpoint="x", env_steps=0, version=0)
    finally:
        del gymnasium.registry["Fickle-v0"]
    assert [event["verified"] for event in events if event["kind"] == "replay"] == [False] * 4
    (said,) = [event["text"] for event in events if event["kind"] == "message"]
    assert "cannot be played again: gymnasium, step 1: rewards" in said


def test_milestones_of_metrics_that_no_game_has_are_named() -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.milestones has 'profits', expected some of return, profit"):
        prospector(evaluation={"opponents": [], "milestones": {"profits": [1]}})
    prospector(evaluation={"opponents": [], "milestones": {"overheat_ticks": [1]}})
