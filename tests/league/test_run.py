"""Whole runs in one process: deterministic, resumable exactly, steerable, and honest about how they end."""
from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from league.config import load_config
from league.run_directory import TRAINING, WINDOWS, RunDirectory
from league.trainer import Trainer
from learners.learner import Learner
from tests.league.conftest import Killed, Stage, check_evaluations_are_no_time, dying, tiny, windows


def test_same_seed_same_digest(stage: Stage) -> None:
    digests = [stage.train(tiny(seed=seed), f"run-{number}")["digest"] for number, seed in enumerate((3, 3, 4))]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_interrupted_and_resumed_it_ends_as_if_nothing_had_happened(stage: Stage) -> None:
    whole = stage.train(tiny(), "whole")
    interrupt = threading.Event()

    def after_two_windows(event: dict[str, Any]) -> None:
        if event["kind"] == "evaluation" and event["updates"] >= 7:
            interrupt.set()

    cut = stage.train(tiny(), "cut", interrupt=interrupt, on_event=after_two_windows)
    assert cut["status"] == "interrupted"
    assert cut["digest"] != whole["digest"]
    rest = stage.train(tiny(), "cut", resume=True)
    assert rest["status"] == "completed"
    assert rest["digest"] == whole["digest"]
    assert rest["results"] == whole["results"]
    assert stage.store.payoff("cut") == stage.store.payoff("whole")
    assert windows(stage.folder / "cut") == windows(stage.folder / "whole")


def test_killed_after_a_checkpoint_it_goes_on_from_there(stage: Stage) -> None:
    whole = stage.train(tiny(), "whole")

    def die(event: dict[str, Any]) -> None:
        if event["kind"] == "evaluation" and event["updates"] >= 7:
            raise Killed

    with pytest.raises(Killed):
        stage.train(tiny(), "cut", on_event=die)
    assert stage.store.run("cut").status == "failed"
    assert "Killed" in stage.store.run("cut").reason
    assert stage.train(tiny(), "cut", resume=True)["digest"] == whole["digest"]
    windows = [row["window"] for row in RunDirectory(stage.folder / "cut").rows(WINDOWS)]
    assert windows == list(range(1, len(windows) + 1))


def test_more_snapshots_than_the_league_keeps(stage: Stage) -> None:
    league = {"snapshots": 4.0, "max_snapshots": 2, "snapshot_every": 1, "match_games": 50}
    whole = stage.train(tiny(league=league), "whole")
    interrupt = threading.Event()
    cut = stage.train(
        tiny(league=league), "cut", interrupt=interrupt,
        on_event=lambda event: interrupt.set() if event["kind"] == "evaluation" and event["updates"] >= 7 else None,
    )
    assert cut["status"] == "interrupted"
    assert stage.train(tiny(league=league), "cut", resume=True)["digest"] == whole["digest"]
    assert len(list((stage.folder / "cut/league/snapshots").glob("*.safetensors"))) == 4    # assigned and retired


def test_the_clock_has_no_part_in_a_deterministic_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(rollout={"temperature": {"linear": [1.0, 0.2]}})
    digests = []
    for number, seconds in enumerate((1.0, 0.0)):
        monkeypatch.setattr("league.progress_report.PROGRESS_S", seconds)
        digests.append(stage.train(config, f"run-{number}")["digest"])
    assert digests[0] == digests[1]
    assert digests[0] != stage.train(tiny(), "constant")["digest"]


def test_a_skipped_update_leaves_a_run_that_resumes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    learn, interrupt = Learner.learn, threading.Event()

    def skipped(self: Learner, *arguments: Any, **settings: Any) -> dict[str, float]:
        figures = learn(self, *arguments, **settings)
        if self.version == 6:
            interrupt.set()
            return figures | {"loss_total": float("nan")}
        return figures

    monkeypatch.setattr(Learner, "learn", skipped)
    assert stage.train(tiny(), interrupt=interrupt)["status"] == "interrupted"
    assert stage.train(tiny(), resume=True)["status"] == "completed"


def test_a_refused_change_leaves_the_run_as_it_was(stage: Stage) -> None:
    interrupt = threading.Event()
    stage.train(tiny(), interrupt=interrupt,
                on_event=lambda event: interrupt.set() if event["kind"] == "evaluation" else None)
    with pytest.raises(ValueError, match="does not fit this learner"):
        stage.train(tiny(learning={"network": {"hidden": [8]}}), resume=True)
    assert stage.train(load_config(stage.folder / "run/config.yaml"), resume=True)["status"] == "completed"


@pytest.mark.parametrize(("changes", "told"), [
    ({"method": "imitate", "imitation": {"bot": "one_ply"}}, "what ends the run is imitation.epochs and patience"),
    ({"method": "distill"}, "what ends the run is distill.iterations, epochs and patience"),
    ({"method": "compare", "comparison": {"variants": {"a": {}}}}, "what ends the run is comparison.updates of every"),
    ({"method": "imitate", "imitation": {"bot": "one_ply"}, "deterministic": False, "budget": {"minutes": 30}}, None),
    ({}, None),
])
def test_a_budget_that_does_not_count_is_told_of(stage: Stage, changes: dict[str, Any], told: str | None) -> None:
    interrupt = threading.Event()
    interrupt.set()
    stage.train(tiny(**changes), interrupt=interrupt)
    said = [event["text"] for event in stage.events if "section budget" in event.get("text", "")]
    assert [sentence for sentence in said if told and told in sentence] == said
    assert len(said) == (told is not None)


def test_the_folder_holds_what_the_design_says(stage: Stage) -> None:
    stage.train(tiny())
    folder = stage.folder / "run"
    metadata = json.loads((folder / "run_metadata.json").read_text())
    assert metadata["status"] == "completed"
    assert metadata["latest_window"] == 3
    assert (folder / metadata["latest_checkpoint"] / "run.json").is_file()
    window = RunDirectory(folder).rows(WINDOWS)[-1]
    assert {"step", "epoch", "loss", "win_rate", "decisions_per_sec", "timestamp"} <= set(window)
    assert [one["opponent"] for one in window["evaluation"]] == ["random", "one_ply"]
    assert {row["player"] for row in json.loads((folder / "league/players.json").read_text())} >= {"main"}
    payoff = json.loads((folder / "league/payoff.json").read_text())
    assert sum(row["games"] for row in payoff) == window["games"] > 0
    assert len(list((folder / "league/snapshots").glob("*.safetensors"))) == 4


def test_pause_resume_and_stop_are_obeyed(stage: Stage) -> None:
    config = tiny(deterministic=False, budget={"minutes": 5})
    statuses: list[str] = []
    counts: list[int] = []

    def steer(event: dict[str, Any]) -> None:
        if event["kind"] == "evaluation" and not statuses:
            stage.store.set_desired("run", "paused", "test")
            statuses.append("asked")
        elif event["kind"] == "status" and event["status"] == "paused":
            metadata = json.loads((stage.folder / "run/run_metadata.json").read_text())
            statuses.append(stage.store.run("run").status)
            counts.append(metadata["updates"])
            assert (metadata["status"], metadata["reason"]) == ("paused", "paused as asked")
            threading.Timer(1.0, stage.store.set_desired, ("run", "running", "test")).start()
        elif event["kind"] == "status" and event["reason"] == "resumed as asked":
            statuses.append(stage.store.run("run").status)
            stage.store.set_desired("run", "stopped", "test")

    finished = stage.train(config, on_event=steer)
    assert statuses == ["asked", "paused", "running"]
    assert (finished["status"], finished["reason"]) == ("stopped", "stopped as asked")
    assert stage.store.run("run").status == "stopped"
    assert json.loads((stage.folder / "run/run_metadata.json").read_text())["updates"] >= counts[0]


def test_a_resumed_run_says_nothing_of_how_it_ended_before(stage: Stage) -> None:
    folder, seen = stage.folder / "run", list[tuple[str, str]]()
    with pytest.raises(Killed):
        stage.train(tiny(), on_event=dying(4))
    assert json.loads((folder / "run_metadata.json").read_text())["reason"] == "Killed: "

    def look(event: dict[str, Any]) -> None:
        if event["kind"] == "status":
            metadata = json.loads((folder / "run_metadata.json").read_text())
            seen.append((metadata["status"], metadata["reason"]))

    stage.train(tiny(), resume=True, on_event=look)
    assert seen == [("starting", ""), ("running", "")]


def test_evaluations_are_no_time_of_learning(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    check_evaluations_are_no_time(stage, monkeypatch, Trainer, tiny(), evaluations=3)


def test_the_last_evaluation_is_still_there_after_a_resume(stage: Stage) -> None:
    sections: dict[str, Any] = {"windows": {"env_steps": 3 * 64}, "evaluation": {"every_windows": 2, "games": 4}}
    stage.train(tiny(budget={"updates": 3}, **sections))        # ends at a window without an evaluation of its own
    (row,) = RunDirectory(stage.folder / "run").rows(WINDOWS)
    assert row["evaluation"]
    finished = stage.train(tiny(budget={"updates": 6}, **sections), resume=True)
    first, second = RunDirectory(stage.folder / "run").rows(WINDOWS)
    assert first == row
    assert [one["evaluation"] for one in finished["curve"]] == [row["evaluation"], second["evaluation"]]


def test_progress_reaches_the_metrics_file(stage: Stage) -> None:
    stage.train(tiny(budget={"minutes": 0.06}, deterministic=False))
    rows = RunDirectory(stage.folder / "run").rows(TRAINING)
    assert rows
    assert {"updates", "env_steps", "loss_total", "bottleneck", "games", "replay_chunks"} <= set(rows[-1])


def test_resuming_without_a_checkpoint_begins_at_the_start(stage: Stage) -> None:
    whole = stage.train(tiny(), "whole")

    def die(event: dict[str, Any]) -> None:
        if event["kind"] == "evaluation":
            raise KeyError("before the first checkpoint")

    with pytest.raises(KeyError):
        stage.train(tiny(league={"snapshot_every": 1}), "cut", on_event=die)
    assert stage.store.payoff("cut")
    assert stage.train(tiny(), "cut", resume=True)["digest"] == whole["digest"]
    assert any("no checkpoint yet" in event.get("text", "") for event in stage.events)
    assert stage.store.payoff("cut") == stage.store.payoff("whole")
    assert [row["window"] for row in RunDirectory(stage.folder / "cut").rows(WINDOWS)] == [1, 2, 3]


@pytest.mark.parametrize(("game", "options"), [("prospector", {"rules": "balanced"}), ("beasty_bar", {"players": 3})])
def test_games_of_one_and_of_three_seats_train(stage: Stage, game: str, options: dict[str, Any]) -> None:
    bots = {"heuristic": 0.5} if game == "beasty_bar" else {}
    config = tiny(
        game=game, game_options=options, budget={"updates": 6},
        league={"bots": bots, "snapshots": 0.5 if bots else 0.0, "snapshot_every": 2},
        evaluation={"opponents": list(bots), "games": 12},
    )
    finished = stage.train(config)
    assert finished["status"] == "completed"
    assert [row["opponent"] for row in finished["results"]] == list(bots)
    rows = RunDirectory(stage.folder / "run").rows(WINDOWS)
    assert all(row["loss"] is not None for row in rows)


@pytest.mark.parametrize("method", ["actor_critic", "alphazero"])
def test_interrupted_before_the_first_chunk_it_goes_on(stage: Stage, method: str) -> None:
    config = tiny(method=method)
    whole = stage.train(config, "whole")
    interrupt = threading.Event()
    interrupt.set()
    assert stage.train(config, "cut", interrupt=interrupt)["status"] == "interrupted"
    assert stage.train(config, "cut", resume=True)["digest"] == whole["digest"]
