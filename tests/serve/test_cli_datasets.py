"""`ludus dataset` from the command line."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from actors.self_play import SelfPlayWorker
from envs import registry
from learners.config import Learning
from learners.dataset import load, read_facts
from learners.learner import Learner
from learners.network_config import Network
from serve.cli_datasets import app

GAME = registry.make("tic_tac_toe")


def ludus(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def small(*arguments: Any) -> list[Any]:
    """`generate` with few simulations."""
    return ["generate", *arguments, "--decisions", 60, "--simulations", 6, "--seed", 4]


def test_generate_then_inspect(tmp_path: Path) -> None:
    out = tmp_path / "data.parquet"
    result = ludus(*small("--game", "tic_tac_toe", "--out", out))
    assert result.exit_code == 0, result.output
    rows = len(load(out, GAME)["outcome"])
    assert f"{rows} decisions in" in result.output
    assert read_facts(out).made["simulations"] == 6
    assert read_facts(out).made["seed"] == 4
    found = json.loads(ludus("inspect", out, "--json").output)
    assert found["rows"] == rows
    assert found["game"] == "tic_tac_toe"
    shown = ludus("inspect", out)
    assert shown.exit_code == 0
    assert f"rows: {rows}" in shown.output
    assert ludus("inspect", tmp_path / "none.parquet").exit_code == 2


def test_generate_with_a_config_and_a_model(tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("game: tic_tac_toe\nseed: 9\nself_play: {games: 4, simulations: 3, chunk_rows: 16}\n")
    network = Network(hidden=(8,))
    Learner(GAME, Learning(network=network), 0).save(tmp_path / "runs/run-1/checkpoints/ckpt_000001_000000001/learner")
    out = tmp_path / "data.jsonl"
    arguments = ["generate", config, "self_play.simulations=5", "--decisions", 30, "--out", out, "--model", "run-1",
                 "--runs-dir", tmp_path / "runs"]
    result = ludus(*arguments)
    assert result.exit_code == 0, result.output
    made = read_facts(out).made
    assert (made["evaluator"], made["simulations"], made["seed"]) == ("network", 5, 9)
    other = tmp_path / "other.yaml"
    other.write_text("game: connect_four\n")
    result = ludus("generate", other, "--out", tmp_path / "o.parquet", "--model", tmp_path / "runs/run-1")
    assert result.exit_code == 2


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("league.generation.PART_ROWS", 16)
    out, whole = tmp_path / "data.parquet", tmp_path / "whole.parquet"
    config = tmp_path / "run.yaml"
    config.write_text("game: tic_tac_toe\nself_play: {games: 4, chunk_rows: 16}\n")
    ludus(*small(config, "--out", whole))
    next_chunk, left = SelfPlayWorker.next_chunk, [2]

    def pressed(worker: SelfPlayWorker) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return next_chunk(worker)

    monkeypatch.setattr(SelfPlayWorker, "next_chunk", pressed)
    result = ludus(*small(config, "--out", out))
    assert result.exit_code == 130
    assert "the same command goes on" in result.output
    assert 0 < len(load(Path(f"{out}.parts"), GAME)["outcome"]) < 60
    monkeypatch.setattr(SelfPlayWorker, "next_chunk", next_chunk)
    assert ludus(*small(config, "--out", out)).exit_code == 0
    assert load(out, GAME)["observation"].tolist() == load(whole, GAME)["observation"].tolist()


def test_import_refuses_or_counts(tmp_path: Path) -> None:
    source, out = tmp_path / "games.jsonl", tmp_path / "out.parquet"
    source.write_text('{"moves": [0, 3, 1, 4, 2]}\n{"moves": [0, 0]}\n')
    result = ludus("import", source, out, "--game", "tic_tac_toe")
    assert result.exit_code == 2
    assert not out.exists()
    result = ludus("import", source, out, "--game", "tic_tac_toe", "--format", "games", "--skip-faults")
    assert result.exit_code == 0, result.output
    assert "5 decisions" in result.output
    assert "line 2 has move 2 0" in result.output
    assert ludus("import", source, out, "--game", "tic_tac_toe", "--skip-faults").exit_code == 2     # it exists
    assert ludus("import", source, tmp_path / "o.parquet", "--game", "tic_tac_toe", "--option", "size").exit_code == 2


@pytest.mark.parametrize(("arguments", "message"), [
    ((), "give either a config or --game"),
    (("--game", "tic_tac_toe", "--rollouts", "--model", "x"), "exclude each other"),
    (("seed=3", "--game", "tic_tac_toe"), "needs a config to change"),
    (("--game", "tick_tack_toe"), "unknown game"),
])
def test_requests_that_cannot_be(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = ludus("generate", *arguments, "--out", tmp_path / "data.parquet")
    assert result.exit_code == 2
    assert message in result.stderr
