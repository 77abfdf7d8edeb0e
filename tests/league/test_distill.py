"""Distillation in small: it improves, obeys, and ends the same however often it was killed on the way."""
from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from league.config import RunConfig
from league.distill import DistillTrainer
from league.distill_config import Distill
from league.run_context import RunContext
from league.run_directory import RUN_STATE, TRAINING, WINDOWS, RunDirectory
from learners.dataset import facts_of, load, read_facts, write
from learners.dataset_import import import_dataset
from learners.learner import Learner
from learners.networks import digest
from serve.run_store import SqliteRunStore
from tests.league.conftest import Killed, dying, tiny, windows
from tests.learners.searched import searched_chunks

PLAY = {"games": 8, "simulations": 1, "chunk_rows": 32, "cache": 0, "symmetries": False, "temperature_moves": 4}
SETTINGS = Distill(iterations=2, decisions=(120,), simulations=(8, 12), epochs=2, patience=2, update_rows=64,
                   held_out=0.2)


def config(**changes: Any) -> RunConfig:
    learning = {"network": {"hidden": [16]}, "optimiser": {"learning_rate": 0.01}, "minibatch_rows": 32}
    return tiny(self_play=PLAY, learning={**learning, **changes.pop("learning", {})},
                evaluation={"opponents": ["random"], "games": 20}, **changes)


class Runs:
    """Runs in a folder, each of which may be killed and resumed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = SqliteRunStore(folder / "ludus.sqlite")
        self.interrupt = threading.Event()

    def train(
        self, run_id: str, config: RunConfig, settings: Distill = SETTINGS, *, resume: bool = False,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
    ) -> tuple[str, str]:
        """Returns the status and the digest of the weights."""
        directory = RunDirectory(self.folder / run_id)
        game = config.make_game()
        learner = Learner(game, config.learner_settings(), config.seed)
        if not resume:
            self.store.create(run_id, directory.path, config.model_dump(mode="json"), False)
        trainer = DistillTrainer(config.model_copy(update={"distill": settings}), game, learner, RunContext(
            run_id, directory, self.store, on_event, self.interrupt))
        if resume:
            checkpoints = directory.checkpoints()
            if checkpoints:
                trainer.resume(checkpoints[-1], directory.read_json(f"checkpoints/{checkpoints[-1].name}/{RUN_STATE}"))
            else:
                trainer.begin_anew()
        status, _ = trainer.run()
        return status, digest(learner.weights())

    def windows(self, run_id: str) -> list[dict[str, Any]]:
        return windows(self.folder / run_id)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    monkeypatch.setattr("league.supervised.PROGRESS_S", 0.0)       # every step reports: the more places to die
    monkeypatch.setattr("league.generation.PART_ROWS", 40)
    return Runs(tmp_path)


def test_killed_at_any_event_it_ends_as_if_nothing_had_happened(runs: Runs) -> None:
    events: list[dict[str, Any]] = []
    whole = runs.train("whole", config(), on_event=events.append)
    assert whole[0] == "completed"
    # at the last event of every kind, stage and epoch of every iteration
    places = {tuple(event.get(key) for key in ("kind", "stage", "iteration", "epoch")): number
              for number, event in enumerate(events)}
    assert len(places) >= 8
    for at in places.values():
        name = f"killed-{at}"
        with pytest.raises(Killed):
            runs.train(name, config(), on_event=dying(at))
        assert runs.train(name, config(), resume=True) == whole
        assert runs.windows(name) == runs.windows("whole")
        training = RunDirectory(runs.folder / name).rows(TRAINING)
        assert [row["updates"] for row in training] == sorted(row["updates"] for row in training)
        assert not list((runs.folder / name / "best").glob("*"))
        for number in range(2):
            columns, others = (
                load(runs.folder / run / f"datasets/iteration_{number:04d}.parquet", config().make_game())
                for run in (name, "whole")
            )
            for column, array in columns.items():
                np.testing.assert_array_equal(array, others[column])


def test_killed_while_it_writes_a_checkpoint(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, write_checkpoint = runs.train("whole", config()), RunDirectory.write_checkpoint
    for at in (0, 2, 5):        # after an epoch, after the first evaluation, after the last
        left = at

        def die(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return write_checkpoint(*arguments)

        monkeypatch.setattr(RunDirectory, "write_checkpoint", die)
        with pytest.raises(Killed):
            runs.train(f"killed-{at}", config())
        monkeypatch.setattr(RunDirectory, "write_checkpoint", write_checkpoint)
        assert runs.train(f"killed-{at}", config(), resume=True) == whole
        assert runs.windows(f"killed-{at}") == runs.windows("whole")


def test_it_improves_on_tic_tac_toe(runs: Runs) -> None:
    settings = Distill(iterations=2, decisions=(1500,), simulations=(60, 80), datasets=2, epochs=12, patience=3,
                       update_rows=500)
    tuned = config(
        seed=4, learning={"network": {"hidden": [64]}, "optimiser": {"learning_rate": 0.003}, "minibatch_rows": 64},
    ).model_copy(update={
        "self_play": config().self_play.model_copy(update={"games": 32, "chunk_rows": 256}),
        "evaluation": config().evaluation.model_copy(update={"games": 400}),
    })
    runs.train("new", tuned, Distill(iterations=1, decisions=(60,), simulations=(1,), epochs=1))
    runs.train("run", tuned, settings)
    (begin,), (first, second) = runs.windows("new"), runs.windows("run")
    assert second["win_rate"] > first["win_rate"] + 0.05 > begin["win_rate"] + 0.1
    assert second["policy_top1_accuracy"] > first["policy_top1_accuracy"] > begin["policy_top1_accuracy"] + 0.2
    assert second["held_out_loss"] < first["held_out_loss"] < begin["held_out_loss"]
    assert (first["simulations"], second["simulations"]) == (60, 80)
    assert {"step", "epoch", "loss", "win_rate", "alone_length", "evaluation", "value_calibration_floor"} <= set(second)
    assert read_facts(runs.folder / "run/datasets/iteration_0001.parquet").made["evaluator"] == "network"


def test_it_stops_when_held_out_games_say_so_and_keeps_the_best_epoch(runs: Runs) -> None:
    settings = Distill(iterations=1, decisions=(60,), simulations=(4,), epochs=40, patience=2, update_rows=64)
    fast = config(learning={"optimiser": {"learning_rate": 0.2}})
    saved: list[str] = []
    losses: list[float] = []

    def note(event: dict[str, Any]) -> None:
        if event["kind"] == "progress" and event["best"]:
            saved.append(event["best"])
            losses.append(event["best_loss"])

    runs.train("run", fast, settings, on_event=note)
    (window,) = runs.windows("run")
    assert window["epoch"] == window["best_epoch"] + 2 < 40
    assert saved[-1].endswith(f"{window['best_epoch']:04d}")
    assert window["held_out_loss"] == min(losses)       # measured again after going back to that epoch


def test_a_dataset_of_games_may_be_the_beginning(runs: Runs) -> None:
    game = config().make_game()
    given = runs.folder / "given.parquet"
    write(given, searched_chunks(game, 10, seed=5), facts_of(game, {}))
    before = given.read_bytes()
    settings = SETTINGS.model_copy(update={"first_dataset": given, "datasets": 2})
    assert runs.train("run", config(), settings)[0] == "completed"
    assert [file.name for file in (runs.folder / "run/datasets").iterdir()] == ["iteration_0001.parquet"]
    assert given.read_bytes() == before
    made = load(runs.folder / "run/datasets/iteration_0001.parquet", game)
    both = len(made["outcome"]) + len(load(given, game)["outcome"])
    window = runs.windows("run")[-1]
    assert window["measured_rows"] < 0.5 * both
    learned = RunDirectory(runs.folder / "run").rows(WINDOWS)
    assert learned[1]["step"] - learned[0]["step"] == 2 * (both - window["measured_rows"])


def test_a_dataset_without_outcomes_teaches_no_values(runs: Runs) -> None:
    source = runs.folder / "d.jsonl"
    source.write_text('{"moves": [], "action": 4}\n{"moves": [4], "action": 0}\n{"moves": [4, 0], "action": 8}\n')
    given = runs.folder / "given.parquet"
    import_dataset(source, given, config().make_game())
    settings = Distill(iterations=1, epochs=1, first_dataset=given)
    with pytest.raises(ValueError, match=r"knows no outcomes: expected learning\.search_objective.value"):
        runs.train("refused", config(), settings)
    policy_only = config(learning={"search_objective": {"value": 0.0}})
    assert runs.train("run", policy_only, settings)[0] == "completed"


def test_interrupted_it_can_be_resumed(runs: Runs) -> None:
    whole = runs.train("whole", config())

    def interrupt(event: dict[str, Any]) -> None:
        if event.get("stage") == "learning" and event["epoch"] == 1:
            runs.interrupt.set()

    assert runs.train("cut", config(), on_event=interrupt)[0] == "interrupted"
    runs.interrupt.clear()
    assert runs.train("cut", config(), resume=True) == whole


def test_pause_and_stop_are_obeyed(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("league.wishes.POLL_S", 0.01)
    seen: list[str] = []

    def steer(event: dict[str, Any]) -> None:
        if event.get("stage") == "playing" and not seen:
            runs.store.set_desired("run", "paused", "test")
            seen.append("asked")
        elif event["kind"] == "status":
            seen.append(event["status"])
            if event["status"] == "paused":
                runs.store.set_desired("run", "running", "test")
            else:
                runs.store.set_desired("run", "stopped", "test")

    assert runs.train("run", config(), SETTINGS.model_copy(update={"epochs": 200, "patience": 200}),
                      on_event=steer)[0] == "stopped"
    assert seen == ["asked", "paused", "running"]


def test_amounts_grow_from_the_lists_last_number_on() -> None:
    settings = Distill(decisions=(10, 20), decisions_growth=2.0, simulations=5, simulations_growth=1.5)  # type: ignore[arg-type]
    assert [settings.decisions_of(iteration) for iteration in range(4)] == [10, 20, 40, 80]
    assert [settings.simulations_of(iteration) for iteration in range(4)] == [5, 8, 11, 17]
