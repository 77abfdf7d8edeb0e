"""Imitation in small: it learns to play as somebody did, obeys, and ends the same however often it was killed."""
from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs import registry
from league.config import ConfigError, RunConfig
from league.imitation_config import Imitation
from league.imitation_data import load_examples
from league.imitation_source import game_of, knows_outcomes
from league.recording import Recorder, how
from league.run_directory import TRAINING, WINDOWS, RunDirectory
from learners.dataset import facts_of, load, write
from learners.dataset_import import import_dataset
from learners.importers.arena_schemas import facts_of as step_facts_of
from learners.importers.steps import StepWriter
from learners.learner import Learner
from learners.model import load_model
from learners.networks import digest
from tests.league.conftest import Killed, Stage, dying, tiny
from tests.learners.searched import searched_chunks

GAME = registry.make("tic_tac_toe")
ARENA = registry.make("arena", rules="compat", observation="raw")
BOT = {"bot": "one_ply", "decisions": 150, "epochs": 3, "patience": 3, "update_rows": 64, "held_out": 0.2}
PLAY = {"games": 8, "chunk_rows": 32}


def config(imitation: dict[str, Any], learning: dict[str, Any] | None = None, **changes: Any) -> RunConfig:
    usual = {"network": {"hidden": [16]}, "optimiser": {"learning_rate": 0.01}, "minibatch_rows": 32}
    return tiny(method="imitate", imitation=imitation, self_play=PLAY, learning={**usual, **(learning or {})},
                **{"evaluation": {"opponents": ["random"], "games": 20}, **changes})


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("league.supervised.PROGRESS_S", 0.0)     # every step reports: the more places to die
    monkeypatch.setattr("league.generation.PART_ROWS", 40)


def windows(stage: Stage, run_id: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in ("timestamp", "elapsed_s")}
            for row in RunDirectory(stage.folder / run_id).rows(WINDOWS)]


def test_a_scripted_player_is_recorded_and_learned(stage: Stage) -> None:
    settings = {**BOT, "decisions": 3000, "epochs": 20, "update_rows": 500}
    finished = stage.train(config(settings, {"network": {"hidden": [64]}}))
    assert finished["status"] == "completed"
    rows = windows(stage, "run")
    first, last = rows[0], rows[-1]
    assert [row["epoch"] for row in rows[:-1]] == list(range(1, len(rows)))
    assert first["agreement"] < last["agreement_low"] < last["agreement"] < last["agreement_high"]
    assert last["agreement"] == pytest.approx(last["policy_top1_accuracy"], abs=0.01)
    assert last["agreement_of_choices"] < last["agreement"]     # the last square is no choice
    assert last["held_out_loss"] == min(row["held_out_loss"] for row in rows)
    assert last["win_rate"] > 0.5
    assert "value_std" in last      # outcomes are known, and values learn them
    model = load_model(stage.folder / "run" / "pi_sup")
    assert digest(model.weights) == digest(load_model(stage.folder / "run").weights) == finished["digest"]
    said = "\n".join(event["text"] for event in stage.events if event["kind"] == "message")
    assert "recording 3000 decisions of one_ply against itself" in said
    assert "decisions of" in said
    assert "agreement" in said
    assert RunDirectory(stage.folder / "run").read_json("dataset.json")["made"]["bot"] == "one_ply"


def test_killed_at_any_event_it_ends_as_if_nothing_had_happened(stage: Stage) -> None:
    settings = config(BOT, {"optimiser": {"learning_rate": {"linear": [0.01, 0.001]}}})
    whole = stage.train(settings, "whole")
    events = list(stage.events)
    places = {tuple(event.get(key) for key in ("kind", "stage", "epoch", "status")): number
              for number, event in enumerate(events)}
    assert len(places) >= 8
    for at in places.values():
        name = f"killed-{at}"
        with pytest.raises(Killed):
            stage.train(settings, name, on_event=dying(at))
        again = stage.train(settings, name, resume=True)
        assert (again["status"], again["digest"]) == ("completed", whole["digest"])
        assert again["results"] == whole["results"]
        assert windows(stage, name) == windows(stage, "whole")
        training = [row["updates"] for row in RunDirectory(stage.folder / name).rows(TRAINING)]
        assert training == sorted(training)
        assert not list((stage.folder / name / "best").glob("*"))


def test_it_stops_when_held_out_games_say_so_and_keeps_the_best_epoch(stage: Stage) -> None:
    settings = {**BOT, "epochs": 40, "patience": 2}
    finished = stage.train(config(settings, {"optimiser": {"learning_rate": 0.2}}))
    *epochs, last = windows(stage, "run")
    losses = [row["held_out_loss"] for row in epochs]
    best = int(np.argmin(losses)) + 1
    assert len(epochs) == best + 2 < 40
    assert last["best_epoch"] == best
    assert last["held_out_loss"] == min(losses)     # measured again after going back to that epoch
    assert f"the best was {best}" in stage.store.run("run").reason
    assert digest(load_model(stage.folder / "run/pi_sup").weights) == finished["digest"]


def test_interrupted_it_leaves_the_best_so_far_and_can_be_resumed(stage: Stage) -> None:
    whole = stage.train(config(BOT), "whole")
    interrupt = threading.Event()

    def after_an_epoch(event: dict[str, Any]) -> None:
        if event.get("stage") == "learning" and event["epoch"] == 2:
            interrupt.set()

    cut = stage.train(config(BOT), "cut", interrupt=interrupt, on_event=after_an_epoch)
    assert cut["status"] == "interrupted"
    assert digest(load_model(stage.folder / "cut/pi_sup").weights) == cut["digest"] != whole["digest"]
    assert stage.train(config(BOT), "cut", resume=True)["digest"] == whole["digest"]


def test_searched_decisions_are_imitated_too(stage: Stage) -> None:
    path = stage.folder / "searched.parquet"
    write(path, searched_chunks(GAME, 12, seed=3), facts_of(GAME, {}))
    learning = {"network": {"hidden": [16], "difficulty": True},
                "search_objective": {"value": {"root_value_share": 0.5}}}
    assert stage.train(config({"dataset": path, "epochs": 2}, learning))["status"] == "completed"
    assert windows(stage, "run")[-1]["agreement"] > 0.2


def test_without_outcomes_only_the_policy_learns_and_is_told_of(stage: Stage) -> None:
    source, path = stage.folder / "d.jsonl", stage.folder / "d.parquet"
    source.write_text('{"moves": [], "action": 4}\n{"moves": [4], "action": 0}\n{"moves": [4, 0], "action": 8}\n')
    import_dataset(source, path, GAME)
    settings = {"dataset": path, "epochs": 1}
    assert not knows_outcomes(path)
    with pytest.raises(ConfigError, match=r"knows no outcomes: expected learning\.search_objective\.value"):
        config(settings)
    silent = {"search_objective": {"value": 0.0}}
    with pytest.raises(ConfigError, match=r"no values of a search: expected .*root_value_share 0, got 0\.5"):
        config(settings, {"search_objective": {"value": {"weight": 0.0, "root_value_share": 0.5}}})
    with pytest.raises(ConfigError, match=r"no surprise of a search: expected learning\.network\.difficulty false"):
        config(settings, {**silent, "network": {"difficulty": True}})
    assert stage.train(config(settings, silent))["status"] == "completed"
    names = set(windows(stage, "run")[-1])
    assert {"agreement", "held_out_loss", "policy_entropy"} <= names
    assert not {"value_calibration_error", "confidence_accuracy_win", "held_out_value"} & names


def test_what_cannot_be_imitated_is_one_sentence(stage: Stage) -> None:
    path = stage.folder / "bb.parquet"
    game = registry.make("beasty_bar")
    settings = config(BOT).self_play_settings()
    recorder = Recorder(game, "random", (), settings, 1)
    write(path, [recorder.next_chunk()], facts_of(game, how(settings, 1, "random", ()), ("outcome",)))
    for imitation, sentence in (
        ({"dataset": path}, "is of beasty_bar rules 1, expected tic_tac_toe rules 1"),
        ({"dataset": stage.folder / "none.parquet"}, "none.parquet, which does not exist"),
        ({"dataset": path, "bot": "one_ply"}, "exclude each other"),
        ({"bot": "nobody"}, "tic_tac_toe has no bot 'nobody'"),
        ({}, "whose decisions"),
        ({"opponents": ["one_ply"]}, "need a bot"),
        ({"dataset": arena_steps(stage.folder / "steps.parquet")}, "of arena with rules=compat.*, expected .*tic"),
    ):
        with pytest.raises(ConfigError, match=sentence) as caught:
            config(imitation)
        assert "\n" not in str(caught.value)
    assert Imitation(bot="one_ply").dataset is None


def arena_steps(path: Path, schema: str = "arena19", episodes: int = 30) -> Path:
    """Steps in which head 0 follows from feature 0, head 4 from feature 1, and all else is constant."""
    rng = np.random.default_rng(4)
    writer = StepWriter(path, step_facts_of(schema, {}))
    for _ in range(2):
        rows = episodes * 10
        seen = rng.normal(0, 50, (rows, 19)).astype(np.float32)
        played = np.tile(np.array([0, 5, 5, 5, 0, 0, 1], np.int32), (rows, 1))
        played[:, 0], played[:, 4] = np.where(seen[:, 0] > 0, 10, 2), seen[:, 1] > 0
        writer.write({
            "observation": seen, "action": played, "reward": np.zeros(rows, np.float32),
            "done": np.zeros(rows, np.uint8), "begins": np.zeros(rows, np.uint8),
            "log_prob": np.full(rows, np.nan, np.float32), "episode": np.arange(rows, dtype=np.int64) // 10,
            "tick": np.arange(rows, dtype=np.int64),
        }, ["a"] * rows, ["s"] * rows)
    writer.close()
    return path


def test_steps_of_seven_heads_are_imitated(stage: Stage) -> None:
    path = arena_steps(stage.folder / "steps.parquet")
    name, options = game_of(path)
    assert (name, options) == ("arena", ARENA.options)
    settings = config(
        {"dataset": path, "epochs": 40, "patience": 5, "update_rows": 200}, game=name, game_options=options,
        league={"bots": {}}, evaluation={"opponents": ["random"], "games": 8, "replays": 0},
    )
    finished = stage.train(settings)
    assert finished["status"] == "completed"
    first, last = windows(stage, "run")[0], windows(stage, "run")[-1]
    assert last["agreement"] > 0.8 > first["agreement"]
    assert last["agreement"] <= min(last["agreement_move_x"], last["agreement_fire"])
    assert last["agreement_interact"] == 1.0
    assert (last["measured_games"], last["measured_rows"]) == (3, 60)
    assert load_model(stage.folder / "run/pi_sup").game == ARENA
    said = "\n".join(event["text"] for event in stage.events if event["kind"] == "message")
    assert "600 steps of 30 matches" in said
    assert "interact: 1 (100.0%)" in said


def test_the_loss_of_steps_is_that_of_the_definition(tmp_path: Path) -> None:
    path = arena_steps(tmp_path / "steps.parquet")
    settings = config({"dataset": path}, game="arena", game_options=ARENA.options, league={"bots": {}},
                      evaluation={"opponents": []})
    learner = Learner(ARENA, settings.learner_settings(), 1)
    figures = load_examples(path, ARENA, settings.learning, 0.5, 1).measure(learner)
    assert figures["agreement"] < 0.1
    # a new network's policy is nearly uniform
    assert figures["held_out_loss"] == pytest.approx(4 * np.log(11) + 3 * np.log(2), rel=0.02)


def test_steps_of_no_game_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds live19, of no game here"):
        game_of(arena_steps(tmp_path / "steps.parquet", "live19"))


def test_first_weights_of_another_run(stage: Stage) -> None:
    stage.train(config(BOT), "teacher")
    source = stage.folder / "teacher" / "pi_sup"
    learning = {"network": {"hidden": [16]}, "initialise_from": source}
    seen: list[str] = []

    def first_words(event: dict[str, Any]) -> None:
        if event["kind"] == "message" and "first weights" in event["text"]:
            seen.append(event["text"])

    interrupt = threading.Event()
    interrupt.set()
    begun = stage.train(tiny(learning=learning), "begun", interrupt=interrupt, on_event=first_words)
    weights = load_model(source).weights
    assert begun["digest"] == digest(weights)       # before the first update
    assert len(seen) == 1
    metadata = RunDirectory(stage.folder / "begun")._metadata
    assert metadata["initialised_from"]["digest"] == digest(weights)
    assert metadata["initialised_from"]["path"] == str(source)

    interrupt.clear()

    def after_a_window(event: dict[str, Any]) -> None:
        first_words(event)
        if event["kind"] == "evaluation":
            interrupt.set()

    assert stage.train(tiny(learning=learning), "pupil", interrupt=interrupt,
                       on_event=after_a_window)["status"] == "interrupted"
    assert len(seen) == 2
    source.rename(source.with_name("gone"))     # the checkpoint has its own weights: nobody looks for these
    rest = stage.train(tiny(learning=learning), "pupil", resume=True, on_event=first_words)
    assert rest["status"] == "completed"
    assert len(seen) == 2
    with pytest.raises(ValueError, match="there is no such folder"):
        stage.train(tiny(learning=learning), "late")
    assert stage.store.run("late").status == "failed"


def test_first_weights_count_again_where_there_is_no_checkpoint_yet(stage: Stage) -> None:
    stage.train(config(BOT), "teacher")
    learning = {"network": {"hidden": [16]}, "initialise_from": stage.folder / "teacher"}
    whole = stage.train(tiny(learning=learning), "whole")

    def die(event: dict[str, Any]) -> None:
        if event["kind"] == "status" and event["status"] == "running":
            raise Killed

    with pytest.raises(Killed):
        stage.train(tiny(learning=learning), "cut", on_event=die)
    assert stage.train(tiny(learning=learning), "cut", resume=True)["digest"] == whole["digest"]
    assert whole["digest"] != stage.train(tiny(learning={"network": {"hidden": [16]}}), "new")["digest"]


def test_a_recorded_dataset_stays_with_its_run(stage: Stage) -> None:
    stage.train(config(BOT))
    columns = load(stage.folder / "run/datasets/recorded.parquet", GAME)
    assert len(columns["outcome"]) >= 150
    assert not (stage.folder / "run/datasets/recorded.parquet.parts").exists()
