"""`ludus baseline` from the command line: RLlib's algorithms in small, over a Ray of their own."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from league.run_directory import TRAINING, WINDOWS, RunDirectory
from learners.model import load_model
from serve import cli_baseline

ROOT = Path(__file__).resolve().parents[2]
SMALL: dict[str, Any] = {
    "game": "tic_tac_toe",
    "learning": {"network": {"hidden": [16]}, "optimiser": {"learning_rate": 0.003}},
    "league": {"bots": {"one_ply": 1.0}},
    "evaluation": {"opponents": ["random"], "games": 20},
    "budget": {"updates": 2},
}


@pytest.fixture
def folder() -> Iterator[Path]:
    # not tmp_path: the names of Ray's sockets must stay short
    path = Path(tempfile.mkdtemp(prefix="ludus-"))
    (path / "small.yaml").write_text(yaml.safe_dump({**SMALL, "cluster": {"temp_dir": str(path / "ray")}}))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """The command in a process group of its own, as a terminal would start it."""
    command = [sys.executable, "-m", "serve.cli", "baseline", str(folder / "small.yaml"), "--no-serve", "--runs-dir",
               str(folder), "--run-id", "r", "baseline.games=4", "baseline.batch=64", "baseline.fragment=8", *words]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1", "HOME": str(folder)})


def check_run(folder: Path, told: str, reason: str) -> None:
    """That the run is complete: figures, an evaluation, and weights that were learned."""
    run = folder / "r"
    assert f"completed ({reason})" in told
    assert "| random   |    20 |" in told
    steps = [row["step"] for row in RunDirectory(run).rows(WINDOWS)]
    assert all(before < after for before, after in pairwise(steps))     # no empty window, not even at the end
    row = RunDirectory(run).rows(WINDOWS)[-1]
    assert row["evaluation"][0]["games"] == 20
    assert row["step"] > 0
    assert {"loss_total", "loss_policy", "loss_value", "entropy", "episode_return", "episode_length"} <= set(row)
    assert RunDirectory(run).rows(TRAINING)
    model = load_model(run)
    assert model.facts["version"] == row["epoch"] > 0
    assert json.loads((run / "run_metadata.json").read_text())["status"] == "completed"
    assert not list(folder.glob("ray_results/*"))


@pytest.mark.ray
def test_ppo_trains_quietly_and_is_evaluated(folder: Path) -> None:
    process = started(folder, "--algo", "ppo", "baseline.training={num_epochs: 1, minibatch_size: 32}",
                      "windows.env_steps=1")
    try:
        told, faults = process.communicate(timeout=240)
    finally:
        process.kill()
    assert (process.returncode, faults) == (0, "")
    assert "RLlib's PPO with lr 0.003" in told
    assert "in the other seats: one_ply in 100% of games" in told
    check_run(folder, told, "2 updates done")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("algorithm", ["impala", "appo"])
def test_the_others_do_so_until_ctrl_c(folder: Path, algorithm: str) -> None:
    process = started(folder, "--algo", algorithm, "--minutes", "9")
    assert process.stdout is not None
    told = ""
    try:
        for line in process.stdout:
            told += line
            if "  loss " in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        more, faults = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, faults
    assert faults.strip() == "finishing: writing a checkpoint (Ctrl-C again stops at once)"
    check_run(folder, told + more, "interrupted by a signal")


@pytest.mark.parametrize(("words", "sentence"), [
    (("--algo", "dqn"), "--algo is 'dqn', expected one of ppo, impala, appo"),
    (("--minutes", "0"), "--minutes is 0, expected more than 0"),
    (("baseline.cores=1",), "'baseline.cores' is 1: input should be greater than or equal to 2"),
    (("learning.speed=1",), "unknown key 'learning.speed'"),
    (("league.bots.nobody=1",), "no bot 'nobody'"),
])
def test_mistakes_are_one_sentence(folder: Path, words: tuple[str, ...], sentence: str) -> None:
    result = CliRunner().invoke(cli_baseline.app, [str(folder / "small.yaml"), *words, "--runs-dir", str(folder)])
    assert result.exit_code == 2
    assert sentence in result.output
    assert not list(folder.glob("baseline-*"))
