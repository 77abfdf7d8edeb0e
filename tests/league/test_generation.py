"""Datasets are made by self-play, part by part, and a killed generation goes on as if nothing had happened."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from actors.config import SelfPlay
from envs import registry
from league.generation import Prior, generate, how, self_play_worker
from learners.config import Learning
from learners.dataset import Parts, load, read_facts
from learners.learner import Learner
from learners.network_config import Network

GAME = registry.make("tic_tac_toe")
PLAY = SelfPlay(games=4, simulations=12, chunk_rows=16, cache=0, symmetries=False, engine="torch")
NETWORK = Network(hidden=(8,))
PRIORS = {"rollouts": None, "network": Prior(NETWORK, Learner(GAME, Learning(network=NETWORK), 3).weights(), 7)}


class Killed(Exception):
    pass


def make(path: Path, prior: Prior | None = None, *, decisions: int = 150, seed: int = 1, die_at: int = 1 << 30) -> int:
    def on_chunk(rows: int) -> None:
        if rows >= die_at:
            raise Killed

    return generate(GAME, lambda: self_play_worker(GAME, PLAY, seed, prior), path, how(PLAY, seed, prior), decisions,
                    on_chunk=on_chunk)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("league.generation.PART_ROWS", 40)


def assert_same(one: Path, other: Path) -> None:
    columns, others = load(one, GAME), load(other, GAME)
    for name, column in columns.items():
        np.testing.assert_array_equal(column, others[name], name)


@pytest.mark.parametrize("prior", PRIORS)
def test_killed_at_any_part_it_goes_on_to_the_same_dataset(tmp_path: Path, prior: str) -> None:
    whole = tmp_path / "whole.parquet"
    rows = make(whole, PRIORS[prior])
    assert 150 <= rows < 190
    assert not (tmp_path / "whole.parquet.parts").exists()
    for die_at in (0, 30, 90, 149):
        path = tmp_path / f"{die_at}.parquet"
        with pytest.raises(Killed):
            make(path, PRIORS[prior], die_at=die_at)
        parts = Parts(Path(f"{path}.parts"))
        if parts.count:
            assert len(load(parts.folder, GAME)["outcome"]) <= die_at + 40      # finished parts are whole datasets
        assert not path.exists()
        assert make(path, PRIORS[prior]) == rows
        assert_same(path, whole)
    assert read_facts(whole).made["evaluator"] == prior
    assert (load(whole, GAME)["version"] == (7 if prior == "network" else 0)).all()


def test_a_part_without_the_state_after_it_is_made_again(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    make(whole)
    with pytest.raises(Killed):
        make(path, die_at=90)
    parts = Parts(Path(f"{path}.parts"))
    parts.part(parts.count).write_bytes(parts.part(0).read_bytes())     # written, and killed before its state was
    make(path)
    assert_same(path, whole)


def test_games_are_whole_and_numbered(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    make(path)
    columns = load(path, GAME)
    for game in np.unique(columns["episode"]):
        rows = columns["episode"] == game
        assert columns["ply"][rows].tolist() == list(range(rows.sum()))     # from the first decision on, none twice
        assert len({abs(outcome) for outcome in columns["outcome"][rows]}) == 1
    assert len(np.unique(columns["episode"])) > PLAY.games


def test_what_is_there_is_not_overwritten_or_mixed(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    with pytest.raises(Killed):
        make(path, die_at=90)
    with pytest.raises(ValueError, match=r"was begun otherwise \(seed 1 instead of 2\)"):
        make(path, seed=2)
    with pytest.raises(ValueError, match=r"was begun otherwise \(decisions 150 instead of 200\)"):
        make(path, decisions=200)
    make(path)
    with pytest.raises(ValueError, match="exists: remove it"):
        make(path)
