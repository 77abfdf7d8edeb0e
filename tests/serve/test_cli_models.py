"""`ludus evaluate` and `ludus calibrate` as people type them."""
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from envs import registry
from learners import dataset
from learners.config import Learning
from learners.learner import Learner
from learners.network_config import Network
from serve import cli_models
from tests.envs.tic_tac_toe_scores import PATH as SCORES
from tests.learners.samples import random_chunk

Ludus = Callable[..., Result]


@pytest.fixture
def ludus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ludus:
    """Runs these words on a wide screen in a folder with the untrained model of a run called `alpha`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LUDUS_RUNS_DIR", raising=False)
    run = tmp_path / "runs" / "alpha"
    learner = Learner(registry.make("tic_tac_toe"), Learning(network=Network(hidden=(8,))), seed=1)
    learner.save(run / "checkpoints" / "ckpt_000001_000000007" / "learner")
    (run / "config.yaml").write_text(yaml.safe_dump({"game": "tic_tac_toe", "self_play": {"c_init": 2.0}}))
    return lambda *words: CliRunner().invoke(cli_models.app, list(words))


def add_run(name: str, game: str, evaluation: Mapping[str, Any] | None = None, **options: Any) -> None:
    """An untrained model of this game in a run of this name."""
    learner = Learner(registry.make(game, **options), Learning(network=Network(hidden=(8,))), seed=1)
    learner.save(Path("runs", name, "checkpoints", "ckpt_000001_000000007", "learner"))
    tree = {"game": game, "game_options": options, "evaluation": dict(evaluation or {})}
    Path("runs", name, "config.yaml").write_text(yaml.safe_dump(tree))


def test_errors_in_positions_are_shown(ludus: Ludus) -> None:
    words = ("evaluate", "alpha", "--positions", str(SCORES), "--sets", "stones_3,stones_6", "--simulations", "16")
    done = ludus(*words, "--baseline")
    assert done.exit_code == 0, done.output
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    rows = {row[0]: row for row in cells if len(row) > 4}
    assert rows["stones_3"][1] == "network alone"
    assert rows["252/186"][1] == "search of 16"
    assert {"stones_6", "all", "600 rollouts"} <= set(rows)
    assert float(rows["600 rollouts"][1].split()[0]) < 5    # in % of the last set, which is all
    assert "…" not in done.stdout
    assert "Games against" not in done.stdout

    found = json.loads(ludus(*words, "--json").stdout)
    assert (found["game"], found["version"], found["engine"], found["scores"]) == ("tic_tac_toe", 0, "torch", [])
    assert set(found["positions"]) == {"network alone", "search of 16"}
    for player in found["positions"].values():
        assert [row["name"] for row in player] == ["stones_3", "stones_6", "all"]
    alone, searched = (found["positions"][player][-1]["errors"] for player in ("network alone", "search of 16"))
    assert searched < alone


def test_the_network_alone_draws_where_its_run_does_or_it_is_asked_to(ludus: Ludus) -> None:
    def returns(*more: str) -> float:
        done = ludus("evaluate", "runs/alpha", "--games", "40", "--simulations", "0", "--opponents", "random", "--json",
                     *more)
        (found,) = json.loads(done.stdout)["scores"]
        return float(found["mean_return"])

    deterministic, stochastic = (returns("--policy", policy) for policy in ("deterministic", "stochastic"))
    assert returns() == deterministic != stochastic
    config = Path("runs/alpha/config.yaml")
    config.write_text(yaml.safe_dump({"game": "tic_tac_toe", "evaluation": {"policy": "stochastic"}}))
    assert returns() == stochastic


def test_games_against_scripted_players(ludus: Ludus) -> None:
    words = ("evaluate", "runs/alpha", "--games", "40", "--json")
    every = json.loads(ludus(*words, "--simulations", "0").stdout)
    assert [row["opponent"] for row in every["scores"]] == ["random", "one_ply"]
    assert every["positions"] == {}
    alone = every["scores"][0]
    found = json.loads(ludus(*words, "--opponents", " random, ", "--simulations", "32").stdout)
    (searched,) = found["scores"]
    assert searched["games"] == 40
    assert searched["wins"] > alone["wins"]
    shown = ludus("evaluate", "alpha", "--games", "40", "--simulations", "0", "--opponents", "random").stdout
    assert "Games against scripted players, network alone:" in shown
    assert shown.count("%") == 2


def test_calibration_is_printed_and_written(ludus: Ludus, tmp_path: Path) -> None:
    done = ludus("calibrate", "alpha", "--games", "60", "--simulations", "8")
    assert done.exit_code == 0, done.output
    assert "60 games with itself, " in done.stdout
    for words in ("values of the network", "values of the search", "by chance", "too high by", "early", "best scale"):
        assert words in done.stdout
    folder = tmp_path / "runs" / "alpha" / "calibration"
    written = json.loads((folder / "calibration.json").read_text())
    assert (folder / "reliability.svg").read_text().startswith("<svg ")
    assert (written["games"], written["simulations"], set(written["values"])) == (60, 8, {"network", "search"})
    again = ludus("calibrate", "alpha", "--games", "60", "--simulations", "8", "--json", "--out", "else where")
    assert json.loads(again.stdout) == written
    assert (tmp_path / "else where" / "calibration.json").read_bytes() == (folder / "calibration.json").read_bytes()


def test_datasets_are_judged(ludus: Ludus, tmp_path: Path) -> None:
    game = registry.make("tic_tac_toe")
    path = tmp_path / "held_out.parquet"
    chunks = [random_chunk(game, (300,), 1, layout="rows")]
    dataset.write(path, chunks, dataset.facts_of(game, {}))
    found = json.loads(ludus("calibrate", "alpha", "--data", str(path), "--json").stdout)
    assert set(found["values"]) == {"network", "search"}
    assert found["values"]["search"]["rows"] == 300
    gap = chunks[0].columns["root_value"] - chunks[0].columns["outcome"]
    assert found["values"]["search"]["mse"] == pytest.approx(float((gap**2).mean()))
    assert "distinct_games" not in found
    dataset.write(path, chunks, dataset.facts_of(game, {}, known=("outcome",)))
    assert set(json.loads(ludus("calibrate", "alpha", "--data", str(path), "--json").stdout)["values"]) == {"network"}


@pytest.mark.parametrize(("words", "sentence"), [
    (("evaluate", "beta"), "there is no model in beta: there is no such folder"),
    (("calibrate", "runs"),
     "there is no model in runs: expected the folder of a run, a checkpoint, a learner or an export"),
    (("evaluate", "alpha", "--opponents", "randon"), "randon"),
    (("evaluate", "alpha", "--simulations", "0", "--policy", "wild"), "--policy is 'wild', expected deterministic or"),
    (("evaluate", "alpha", "--positions", "none.csv"), "cannot read the positions in none.csv"),
    (("evaluate", "alpha", "--positions", str(SCORES), "--sets", "stones_9"), "no set stones_9; there are stones_0"),
    (("calibrate", "alpha", "--data", "none.parquet"), "none.parquet"),
    (("calibrate", "alpha", "--engine", "abacus"), "abacus"),
])
def test_mistakes_are_one_sentence(ludus: Ludus, words: tuple[str, ...], sentence: str) -> None:
    done = ludus(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("ludus: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def refusal(done: Result) -> str:
    """The one sentence of a request that cannot be."""
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("ludus: ").rstrip()


def simulations(done: Result) -> int:
    """Of the search that was measured."""
    assert done.exit_code == 0, done.output
    return int(json.loads(done.stdout)["simulations"])


def test_a_model_is_measured_as_its_run_evaluates(ludus: Ludus) -> None:
    words = ("--games", "2", "--opponents", "random", "--json")
    learner = Path("runs/alpha/checkpoints/ckpt_000001_000000007/learner")
    assert simulations(ludus("evaluate", "alpha", *words)) == 0
    assert simulations(ludus("evaluate", str(learner), *words)) == 0
    assert simulations(ludus("evaluate", str(learner.rename("alone")), *words)) == 32
    add_run("beta", "tic_tac_toe", {"simulations": 7})
    assert simulations(ludus("evaluate", "beta", *words)) == 7
    assert simulations(ludus("evaluate", "beta", *words, "--simulations", "0")) == 0
    add_run("beta", "tic_tac_toe", {"simulations": "many"})
    assert "has evaluation.simulations 'many', expected 0 or more" in refusal(ludus("evaluate", "beta", *words))


@pytest.mark.parametrize(("game", "options", "reason"), [
    ("arena", {"players": 2, "duration": 10}, "a search needs a game of one action at a time, arena has more"),
    ("gymnasium", {"id": "CartPole-v1"}, "a search needs a game with states, environments of gymnasium have none"),
])
def test_games_that_cannot_be_searched_are_played_by_the_network_alone(
    ludus: Ludus, game: str, options: dict[str, Any], reason: str
) -> None:
    add_run("beta", game, **options)
    words = ("evaluate", "beta", "--games", "2", "--opponents", "random")
    assert simulations(ludus(*words, "--json")) == 0
    assert refusal(ludus(*words, "--simulations", "8")) == f"{reason}; --simulations 0 plays the network alone"
    assert "random" in ludus(*words, "--simulations", "0").stdout


def test_without_a_run_a_game_that_cannot_be_searched_is_not(ludus: Ludus) -> None:
    Learner(registry.make("arena"), Learning(network=Network(hidden=(8,))), seed=1).save(Path("alone"))
    assert simulations(ludus("evaluate", "alone", "--games", "8", "--opponents", "random", "--json")) == 0


def test_every_seat_plays_as_many_games(ludus: Ludus) -> None:
    sentence = "--games is 3, expected a multiple of 2: as many in every seat"
    assert refusal(ludus("evaluate", "alpha", "--games", "3")) == sentence
    add_run("three", "arena", players=3, duration=10)
    sentence = "--games is 400, expected a multiple of 3: as many in every seat"
    assert refusal(ludus("evaluate", "three", "--games", "400")) == sentence
    (row,) = json.loads(ludus("evaluate", "three", "--opponents", "random", "--json").stdout)["scores"]
    assert row["games"] == 399


@pytest.mark.parametrize(("game", "options", "sentence"), [
    ("cartpole", {}, "values of cartpole cannot be judged: calibration needs outcomes from -1 to 1, these go from 1 "),
    ("gymnasium", {"id": "CartPole-v1"}, "calibration needs a game with states; environments of gymnasium have none"),
    ("arena", {"players": 2}, "arena is not played one action at a time, which this needs"),
])
def test_values_that_mean_nothing_are_not_judged(
    ludus: Ludus, game: str, options: dict[str, Any], sentence: str
) -> None:
    add_run("beta", game, **options)
    assert refusal(ludus("calibrate", "beta", "--games", "4")).startswith(sentence)
    assert refusal(ludus("calibrate", "beta", "--games", "4", "--simulations", "2")).startswith(sentence)
    assert not Path("runs/beta/calibration").exists()


def test_datasets_of_such_games_are_not_judged(ludus: Ludus, tmp_path: Path) -> None:
    game = registry.make("tic_tac_toe")
    chunk = random_chunk(game, (300,), 1, {"outcome": np.full(300, 3.5, np.float32)}, layout="rows")
    dataset.write(tmp_path / "d.parquet", [chunk], dataset.facts_of(game, {}))
    sentence = refusal(ludus("calibrate", "alpha", "--data", "d.parquet"))
    assert sentence.endswith("outcomes from -1 to 1, these go from 3.5 to 3.5")
    assert not Path("runs/alpha/calibration").exists()


def test_a_game_of_one_seat_is_compared_with_its_scripted_players(ludus: Ludus, tmp_path: Path) -> None:
    learner = Learner(registry.make("prospector"), Learning(network=Network(hidden=(8,))), seed=1)
    learner.save(tmp_path / "alone")
    done = ludus("evaluate", "alone", "--opponents", "shuttle", "--games", "4", "--simulations", "2", "--json")
    assert done.exit_code == 0
    (row,) = json.loads(done.stdout)["scores"]
    assert row["opponent"] == "shuttle"
    assert row["opponent_return"] > row["mean_return"]


def test_help_teaches_by_examples(ludus: Ludus) -> None:
    assert "ludus evaluate RUN --positions scores.csv --baseline" in ludus("evaluate", "--help").stdout
    assert "ludus calibrate RUN --data held_out.parquet" in ludus("calibrate", "--help").stdout


def test_asking_for_help_imports_nothing_heavy() -> None:
    code = "import sys, serve.cli_models; print({'torch', 'ray', 'numpy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
