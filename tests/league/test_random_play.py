"""Random play as a run: all that a run writes, the same for the same seed, also across interruptions."""
from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from league.config import ConfigError, RunConfig
from league.random_play import RandomTrainer
from league.run_directory import WINDOWS, RunDirectory
from tests.league.conftest import Killed, Stage, check_evaluations_are_no_time, dying, tiny, windows
from tests.league.kill_points import outcome


def config(**changes: Any) -> RunConfig:
    sections: dict[str, Any] = {
        "method": "random", "game": "prospector", "game_options": {"rules": "balanced", "time_max": 60},
        "budget": {"env_steps": 700}, "rollout": {"games": 8}, "windows": {"env_steps": 200, "checkpoint_every": 2},
        "league": {"bots": {}}, "evaluation": {"opponents": ["random"], "games": 8, "every_windows": 3},
    }
    return tiny(**{**sections, **changes})


def test_windows_evaluations_checkpoints_and_replays(stage: Stage) -> None:
    finished = stage.train(config())
    assert (finished["status"], finished["reason"]) == ("completed", "704 steps done")
    assert finished["digest"] is None
    folder = stage.folder / "run"
    rows = RunDirectory(folder).rows(WINDOWS)
    assert [row["step"] for row in rows] == [200, 400, 600, 704]
    assert [bool(row["evaluation"]) for row in rows] == [False, False, True, True]
    assert [len(row["replays"]) for row in rows] == [0, 1, 0, 1]
    assert sum(row["episodes"] for row in rows) > 8
    for row in rows:
        assert row["loss"] is None
        if not row["episodes"]:
            assert "return_mean" not in row
            continue
        assert -6 < row["return_mean"] < 3
        assert row["return_mean"] == pytest.approx(row["return"], abs=1e-4)    # the game's own figure of it
        assert 1 <= row["avg_game_length"] <= 60
    (score,) = finished["results"]
    assert score["mean_return"] == pytest.approx(score["opponent_return"], abs=2.0)
    assert outcome(folder)["metadata"]["latest_checkpoint"] == "checkpoints/ckpt_000004_000000000704"
    assert not list((folder / "checkpoints").glob("*/learner"))     # there is nothing that `ludus evaluate` could load


def test_the_last_window_is_evaluated_and_recorded_where_the_budget_ends_with_it(stage: Stage) -> None:
    stage.train(config(budget={"env_steps": 200}))
    (row,) = RunDirectory(stage.folder / "run").rows(WINDOWS)
    assert (row["step"], len(row["evaluation"]), len(row["replays"])) == (200, 1, 1)
    assert outcome(stage.folder / "run")["metadata"]["latest_checkpoint"] == "checkpoints/ckpt_000001_000000000200"
    stage.train(config(budget={"env_steps": 200}), resume=True)
    assert RunDirectory(stage.folder / "run").rows(WINDOWS) == [row]


def test_evaluations_are_no_time_of_play(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    check_evaluations_are_no_time(stage, monkeypatch, RandomTrainer, config(), evaluations=2)


def test_interrupted_and_killed_it_ends_as_if_nothing_had_happened(stage: Stage) -> None:
    stage.train(config(), "whole")
    for number, at in enumerate((4, 7)):
        with pytest.raises(Killed):
            stage.train(config(), f"killed-{number}", on_event=dying(at))
        interrupt = threading.Event()
        interrupt.set()
        assert stage.train(config(), f"killed-{number}", resume=True, interrupt=interrupt)["status"] == "interrupted"
        stage.train(config(), f"killed-{number}", resume=True)
        assert windows(stage.folder / f"killed-{number}") == windows(stage.folder / "whole")
        assert [one["id"] for one in outcome(stage.folder / f"killed-{number}")["index"]] == [
            one["id"] for one in outcome(stage.folder / "whole")["index"]]


@pytest.mark.parametrize(
    ("game", "options", "opponents"),
    [("arena", {"players": 2, "duration": 10}, ["rule"]), ("connect_four", {}, ["one_ply"]),
     ("gymnasium", {"id": "CartPole-v1"}, [])],
)
def test_all_kinds_of_games(stage: Stage, game: str, options: dict[str, Any], opponents: list[str]) -> None:
    finished = stage.train(config(
        game=game, game_options=options, evaluation={"opponents": opponents, "games": 4}, budget={"env_steps": 300}))
    assert [row["opponent"] for row in finished["results"]] == opponents
    index = outcome(stage.folder / "run")["index"]
    assert index
    assert all(one["verified"] for one in index)
    metadata = json.loads((stage.folder / "run/run_metadata.json").read_text())
    assert (metadata["game"], metadata["method"]) == (game, "random")


def test_a_checkpoint_of_another_method_is_refused(stage: Stage) -> None:
    stage.train(config(budget={"env_steps": 300}))
    (stage.folder / "run/config.yaml").unlink()
    with pytest.raises(ValueError, match="is of method random in format 1"):
        stage.train(config(method="actor_critic", budget={"updates": 1}), resume=True)


def test_without_an_end_it_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected budget\.env_steps or budget\.minutes"):
        config(budget={"updates": 5})
