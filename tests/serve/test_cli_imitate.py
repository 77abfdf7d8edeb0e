"""`ludus imitate` from the command line, with data from `ludus dataset generate --bot`."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from envs import registry
from learners.dataset import load, read_facts
from learners.dataset_import import import_dataset
from learners.model import load_model
from serve import cli_datasets, cli_imitate

GAME = registry.make("beasty_bar", players=3)
QUICK = ("learning.network.hidden=[8]", "imitation.epochs=2", "evaluation.games=20")


def ludus(*words: Any) -> Result:
    return CliRunner().invoke(cli_imitate.app, [*map(str, words), "--no-serve"])


def record(*words: Any) -> Result:
    return CliRunner().invoke(cli_datasets.app, ["generate", *map(str, words)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Decisions of a scripted player against two others, of a game with an option."""
    config, path = tmp_path / "three.yaml", tmp_path / "three seats.parquet"
    config.write_text("game: beasty_bar\ngame_options: {players: 3}\nself_play: {games: 4, chunk_rows: 16}\n")
    result = record(config, "--bot", "heuristic", "--opponents", "random, skunk", "--decisions", 60, "--seed", 5,
                    "--out", path)
    assert result.exit_code == 0, result.output
    assert "decisions in" in result.output
    return path


def test_recorded_with_what_the_command_line_says(data: Path) -> None:
    facts = read_facts(data)
    assert facts.known == ("outcome",)
    made = facts.made
    assert (made["bot"], made["opponents"], made["seed"], made["games"]) == ("heuristic", ["random", "skunk"], 5, 4)
    assert len(load(data, GAME)["outcome"]) >= 60


@pytest.mark.parametrize(("words", "sentence"), [
    (("--opponents", "random"), "--opponents random needs --bot"),
    (("--bot", "heuristic", "--simulations", "3"), "--bot heuristic does not search"),
    (("--bot", "heuristic", "--rollouts"), "--bot heuristic does not search"),
    (("--bot", "heuristic", "--model", "some"), "--bot heuristic does not search"),
    (("--bot", "nobody"), "beasty_bar has no bot 'nobody'"),
])
def test_mistakes_in_recording_are_one_sentence(
    tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    result = record("--game", "beasty_bar", "--out", tmp_path / "out.parquet", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_imitated_by_what_the_data_says_of_itself(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "best"
    result = ludus(data, *QUICK, "--runs-dir", tmp_path / "runs", "--run-id", "one", "--out", out)
    assert result.exit_code == 0, result.output
    for words in ("decisions of", "actions: ", "epoch 1: held-out loss", "agreement", f"the best weights are in {out}"):
        assert words in result.output
    for place in (out, tmp_path / "runs/one", tmp_path / "runs/one/pi_sup"):
        model = load_model(place)
        assert model.game == GAME       # with its option
        assert model.network.hidden == (8,)
    assert json.loads((tmp_path / "runs/one/dataset.json").read_text())["made"]["bot"] == "heuristic"


def test_a_config_gives_all_but_the_data(tmp_path: Path, data: Path) -> None:
    config = tmp_path / "imitate.yaml"
    config.write_text("game: beasty_bar\ngame_options: {players: 3}\nlearning: {network: {hidden: [5]}}\n"
                      "imitation: {bot: skunk, opponents: [random], epochs: 9}\nevaluation: {games: 20}\n")
    result = ludus(data, "imitation.epochs=1", "--config", config, "--runs-dir", tmp_path / "runs")
    assert result.exit_code == 0, result.output
    (run,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    assert run.name.startswith("imitate-three-seats-")
    settings = yaml.safe_load((run / "config.yaml").read_text())
    assert settings["method"] == "imitate"
    assert settings["imitation"]["dataset"] == str(data)
    assert (settings["imitation"]["epochs"], settings["learning"]["network"]["hidden"]) == (1, [5])


def test_data_without_outcomes_teaches_the_policy_alone(tmp_path: Path) -> None:
    source, path = tmp_path / "d.jsonl", tmp_path / "d.parquet"
    source.write_text('{"moves": [], "action": 4}\n{"moves": [4], "action": 0}\n')
    import_dataset(source, path, registry.make("tic_tac_toe"))
    result = ludus(path, *QUICK, "--runs-dir", tmp_path / "runs", "--run-id", "one")
    assert result.exit_code == 0, result.output
    settings = yaml.safe_load((tmp_path / "runs/one/config.yaml").read_text())
    assert settings["learning"]["search_objective"]["value"]["weight"] == 0


def test_mistakes_are_one_sentence(tmp_path: Path, data: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    nonsense = tmp_path / "nonsense.parquet"
    nonsense.write_text("nonsense")
    for words, sentence in (
        ((tmp_path / "none.parquet",), "there is no dataset"),
        ((data, "--out", taken), f"{taken} exists"),
        ((data, "imitation.epoch=3"), "unknown key 'imitation.epoch'; did you mean 'epochs'?"),
        ((data, "game=tic_tac_toe", "game_options={}"), "is of beasty_bar players=3 rules 1, expected tic_tac_toe"),
        ((nonsense,), "nonsense.parquet"),
    ):
        result = ludus(*words, "--runs-dir", tmp_path / "runs")
        assert result.exit_code == 2, result.output
        assert sentence in result.stderr
        assert result.stderr.count("\n") == 1
    assert not [path for path in (tmp_path / "runs").glob("*") if path.is_dir()]
