"""Whole AlphaZero runs in one process: deterministic, exact across interruptions, measured on held-out games."""
from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from league.config import RunConfig
from league.local_pipeline import LocalPipeline
from league.run_directory import WINDOWS, RunDirectory
from learners.chunk import from_arrow
from learners.model import load_model
from tests.league.conftest import Killed, Stage, tiny, windows

POSITIONS = Path(__file__).resolve().parent.parent / "data" / "tic_tac_toe_scores.csv.gz"


def searched(**changes: Any) -> RunConfig:
    """A tiny AlphaZero run."""
    sections: dict[str, Any] = {
        "method": "alphazero",
        "budget": {"updates": 10},
        "learning": {
            "network": {"hidden": [16], "value": "wdl", "difficulty": True}, "optimiser": {"learning_rate": 0.003},
            "minibatch_rows": 32, "ema_decay": 0.9,
            "search_objective": {"distillation": {"softmax": "all"}, "illegal": 1.0},
        },
        "self_play": {"actors": 2, "games": 6, "simulations": 6, "chunk_rows": 40, "held_out": 0.2,
                      "opening_share": 0.3, "opening_moves": 3},
        "replay": {"table": "uniform", "capacity": 6, "window_start": 4, "min_size": 2, "samples_per_insert": 2.0},
        "evaluation": {"opponents": ["random"], "games": 10, "simulations": 8, "positions": str(POSITIONS),
                       "position_sets": ["stones_2", "stones_6"]},
        "windows": {"env_steps": 300, "keep_checkpoints": 2},
    }
    return tiny(**{name: {**section, **changes.pop(name, {})} if isinstance(section, dict) and name != "budget"
                   else changes.pop(name, section) for name, section in sections.items()}, **changes)


def test_same_seed_same_weights(stage: Stage) -> None:
    digests = [stage.train(searched(seed=seed), f"run-{number}")["digest"] for number, seed in enumerate((3, 3, 4))]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_interrupted_and_resumed_it_ends_as_if_nothing_had_happened(stage: Stage) -> None:
    whole = stage.train(searched(), "whole")
    interrupt = threading.Event()
    cut = stage.train(
        searched(), "cut", interrupt=interrupt,
        on_event=lambda event: interrupt.set() if event["kind"] == "evaluation" and event["updates"] >= 4 else None,
    )
    assert cut["status"] == "interrupted"
    assert cut["digest"] != whole["digest"]
    rest = stage.train(searched(), "cut", resume=True)
    assert (rest["status"], rest["digest"], rest["results"]) == ("completed", whole["digest"], whole["results"])
    assert windows(stage.folder / "cut") == windows(stage.folder / "whole")


def test_windows_tell_what_was_measured(stage: Stage) -> None:
    finished = stage.train(searched())
    row = RunDirectory(stage.folder / "run").rows(WINDOWS)[-1]
    for name in ("policy_top1_accuracy", "policy_legal_mass", "policy_ebf", "value_calibration_error",
                 "value_calibration_floor", "loss_difficulty", "loss_illegal_penalty", "avg_game_length"):
        assert 0 <= row[name] < 10, name
    assert row["measured_games"] > 3
    assert row["gradient_steps"] >= 1
    assert {how: [one["name"] for one in rows] for how, rows in row["positions"].items()} == {
        "policy": ["stones_2", "stones_6", "all"], "search_8": ["stones_2", "stones_6", "all"]
    }
    assert len(finished["curve"]) == row["window"]
    assert finished["curve"][-1]["positions"] == row["positions"]


def test_published_weights_are_the_averaged_ones(stage: Stage) -> None:
    stage.train(searched())
    model = load_model(stage.folder / "run")
    latest = RunDirectory(stage.folder / "run").checkpoints()[-1] / "learner"
    assert (latest / "average.safetensors").is_file()
    newest = load_file(latest / "model.safetensors")
    assert newest.keys() == model.weights.keys()
    assert all((newest[name] != array).any() for name, array in model.weights.items())


def test_the_replay_is_kept_beside_the_checkpoints_and_no_more_of_it_than_the_window(stage: Stage) -> None:
    stage.train(searched())
    folder = stage.folder / "run/checkpoints"
    newest = RunDirectory(stage.folder / "run").checkpoints()[-1]
    names = json.loads((newest / "chunks.json").read_text())
    there = {path.stem for path in (folder / "replay").glob("*.arrow")}
    assert there == {name for path in folder.glob("ckpt_*/chunks.json") for name in json.loads(path.read_text())}
    assert set(names) <= there
    chunks = [from_arrow((folder / "replay" / f"{name}.arrow").read_bytes()) for name in names]
    train = [chunk for chunk in chunks if chunk.header.split == "train"]
    assert 4 <= len(train) <= 6
    assert all(chunk.header.layout == "rows" for chunk in chunks)


def test_against_snapshots_and_scripted_players_too(stage: Stage) -> None:
    league = {"self_play": 0.4, "snapshots": 0.3, "bots": {"one_ply": 0.3}, "match_games": 5, "snapshot_every": 2}
    stage.train(searched(league=league))
    opponents = {row["opponent"].split(":")[0] for row in stage.store.payoff("run")}
    assert opponents == {"main", "snapshot", "bot"}


def test_snapshots_that_have_left_the_league_are_not_missed_by_a_resumed_run(stage: Stage) -> None:
    league = {"self_play": 0.2, "snapshots": 0.8, "max_snapshots": 2, "snapshot_every": 1, "match_games": 3, "bots": {}}
    whole = stage.train(searched(league=league), "whole")
    interrupt = threading.Event()
    cut = stage.train(
        searched(league=league), "cut", interrupt=interrupt,
        on_event=lambda event: interrupt.set() if event["kind"] == "evaluation" and event["updates"] >= 7 else None,
    )
    assert cut["status"] == "interrupted"
    assert stage.train(searched(league=league), "cut", resume=True)["digest"] == whole["digest"]


def test_killed_while_a_checkpoint_is_written_it_goes_on_from_the_one_before(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stage.train(searched(), "whole")
    save, saved = LocalPipeline.save_workers, []

    def die(self: LocalPipeline, directory: Path) -> None:
        save(self, directory)
        saved.append(directory)
        if len(saved) == 3:     # the chunks of the third checkpoint are there, the checkpoint is not
            raise Killed

    monkeypatch.setattr(LocalPipeline, "save_workers", die)
    with pytest.raises(Killed):
        stage.train(searched(), "cut")
    monkeypatch.undo()
    assert len(RunDirectory(stage.folder / "cut").checkpoints()) == 2
    assert stage.train(searched(), "cut", resume=True)["digest"] == whole["digest"]


def test_a_checkpoint_without_its_chunks_is_refused(stage: Stage) -> None:
    interrupt = threading.Event()
    stage.train(searched(), interrupt=interrupt,
                on_event=lambda event: interrupt.set() if event["kind"] == "evaluation" else None)
    next((stage.folder / "run/checkpoints/replay").glob("*.arrow")).unlink()
    with pytest.raises(ValueError, match=r"names chunk .*, which is not in"):
        stage.train(searched(), resume=True)


def test_the_last_evaluation_is_in_the_curve_where_windows_are_not_all_evaluated(stage: Stage) -> None:
    evaluation = {"every_windows": 10}
    windows = {"env_steps": 1}      # every update ends a window: the run ends with one
    finished = stage.train(searched(evaluation=evaluation, windows=windows, budget={"updates": 4}))
    rows = RunDirectory(stage.folder / "run").rows(WINDOWS)
    assert [row["window"] for row in rows] == [1, 2, 3, 4]
    assert [bool(row["evaluation"]) for row in rows] == [False, False, False, True]
    assert finished["curve"][-1]["positions"] == rows[-1]["positions"] != {}
    assert rows[-1]["win_rate"] == finished["results"][0]["score"]


@pytest.mark.parametrize("game", ["kuhn_poker", "leduc_poker"])
def test_games_with_hidden_cards(stage: Stage, game: str) -> None:
    config = searched(
        game=game, budget={"updates": 3}, league={"bots": {}},
        learning={"network": {"hidden": [16]}},
        evaluation={"opponents": ["random"], "simulations": 4, "games": 10, "positions": None, "position_sets": []},
    )
    assert stage.train(config)["status"] == "completed"


@pytest.mark.parametrize("plays_on", [True, False])
def test_long_games_are_waited_for_and_dead_workers_are_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, plays_on: bool
) -> None:
    next_batch, asked = LocalPipeline.next_batch, []

    def late(self: LocalPipeline, version: int, timeout_s: float) -> Any:
        asked.append(version)
        return ([], "below_min") if len(asked) <= 5 else next_batch(self, version, timeout_s)

    monkeypatch.setattr("league.trainer.STALL_S", -1.0)
    monkeypatch.setattr(LocalPipeline, "next_batch", late)
    monkeypatch.setattr(LocalPipeline, "steps", lambda self: len(asked) if plays_on else 7)
    if plays_on:
        assert stage.train(searched(budget={"updates": 1}))["status"] == "completed"
    else:
        with pytest.raises(RuntimeError, match="no data for -1 s: below_min"):
            stage.train(searched(budget={"updates": 1}))
