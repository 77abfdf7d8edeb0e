"""The configs that are shipped, trained as they are: that they learn what they promise, in the time they say."""
from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from league.config import load_config
from league.positions import by_rollouts, errors, load_positions
from league.run import train
from league.run_directory import WINDOWS, RunDirectory
from serve.run_store import SqliteRunStore

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(3600)]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(ROOT)     # configs name files from there
    path = Path(tempfile.mkdtemp(prefix="ludus-"))      # short: Ray's sockets have no long names
    yield path
    shutil.rmtree(path, ignore_errors=True)


def trained(folder: Path, name: str, profile: str | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The last event of the run, and its windows."""
    config = load_config(ROOT / "configs" / name, [f"cluster.temp_dir={folder / 'ray'}"], profile)
    store = SqliteRunStore(folder / "ludus.sqlite")
    store.create("run", folder / "run", config.model_dump(mode="json"), False)
    finished = train(config, run_id="run", directory=folder / "run", store=store, resume=False,
                     emit=lambda event: None, interrupt=threading.Event())
    return finished, RunDirectory(folder / "run").rows(WINDOWS)


def test_tic_tac_toe_is_perfect_after_three_minutes(folder: Path) -> None:
    _, windows = trained(folder, "tic_tac_toe.yaml")
    *_, everywhere = windows[-1]["positions"]["search_32"]
    assert (everywhere["positions"], everywhere["nontrivial"], everywhere["errors"]) == (4520, 3191, 0)


def test_connect_four_beats_600_rollouts_with_32_simulations(folder: Path) -> None:
    finished, windows = trained(folder, "connect_four_az.yaml")
    config = load_config(ROOT / "configs" / "connect_four_az.yaml")
    assert config.evaluation.positions is not None
    positions = load_positions(config.evaluation.positions, config.make_game()).of(config.evaluation.position_sets)
    rollouts = {row.name: row.errors for row in errors(positions, by_rollouts(positions))}
    for row in windows[-1]["positions"]["search_32"]:
        assert row["errors"] < rollouts[row["name"]], row["name"]
    assert len(finished["curve"]) >= 4


def test_imitation_of_a_scripted_player(folder: Path) -> None:
    _, windows = trained(folder, "imitate_beasty_bar.yaml")
    assert windows[-1]["agreement_low"] > 0.75


def test_razzle_learns_what_is_legal(folder: Path) -> None:
    _, windows = trained(folder, "razzle.yaml", "laptop")
    assert windows[-1]["policy_legal_mass"] > 0.8
    assert windows[-1]["loss_policy"] < windows[0]["loss_policy"] - 0.3
