"""`ludus export` as people type it."""
from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from envs import registry
from learners.config import Learning
from learners.export import FACTS, FOLDER, WEIGHTS
from learners.learner import Learner
from learners.model import load_model
from learners.network_config import Network
from serve import cli_export

CHECKPOINT = Path("runs/alpha/checkpoints/ckpt_000001_000000007")
Ludus = Callable[..., Result]


@pytest.fixture
def ludus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ludus:
    """Runs these words on a wide screen in a folder with the untrained model of a run called `alpha`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LUDUS_RUNS_DIR", raising=False)
    learner = Learner(registry.make("tic_tac_toe"), Learning(network=Network(hidden=(8,))), seed=1)
    learner.save(CHECKPOINT / "learner")
    return lambda *words: CliRunner().invoke(cli_export.app, list(words))


def test_a_run_is_exported_into_its_newest_checkpoint(ludus: Ludus) -> None:
    done = ludus("alpha")
    assert done.exit_code == 0, done.output
    size = (CHECKPOINT / FOLDER / WEIGHTS).stat().st_size
    assert f"{CHECKPOINT / FOLDER}: tic_tac_toe, version 0, " in done.stdout
    assert [WEIGHTS, f"{size:,}", "bytes"] in [line.split() for line in done.stdout.splitlines()]
    assert "ONNX graph: " in done.stdout


def test_an_export_goes_where_it_is_told_to(ludus: Ludus) -> None:
    found = json.loads(ludus(str(CHECKPOINT), "--out", "model", "--json").stdout)
    assert found["folder"] == str(Path("model").absolute())
    assert found["bytes"][WEIGHTS] == (Path("model") / WEIGHTS).stat().st_size
    assert not (CHECKPOINT / FOLDER).exists()
    assert ludus("model").exit_code == 0        # an export, once more
    assert load_model("model").facts["version"] == 0
    assert not (Path("model") / FOLDER).exists()


def test_nothing_else_is_replaced(ludus: Ludus) -> None:
    done = ludus("alpha", "--out", str(CHECKPOINT))
    assert done.exit_code == 2
    assert done.stderr == f"ludus: {CHECKPOINT} is there already and is no exported model, which could be replaced\n"
    assert (CHECKPOINT / "learner").is_dir()
    Path("empty").mkdir()
    assert ludus("alpha", "--out", "empty").exit_code == 0
    assert (Path("empty") / FACTS).is_file()


def test_where_there_is_no_model(ludus: Ludus) -> None:
    Path("runs/beta").mkdir()
    Path("runs/beta/config.yaml").write_text("method: random\n")
    done = ludus("beta")
    assert done.exit_code == 2
    assert done.stderr == "ludus: there is no model in runs/beta: a run of method random keeps no learner\n"
    shutil.rmtree("runs/beta")
    done = ludus("beta")
    assert done.exit_code == 2
    assert done.stderr == "ludus: there is no model in beta: there is no such folder\n"
