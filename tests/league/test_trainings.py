"""The configs that are shipped, trained as they are: that they learn what they promise, in the time they say."""
from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.policy import NetworkPolicy
from envs.adapters.vectors import make_vector
from league.config import load_config
from league.evaluation import Decide, Played, greedy, play_one_seat, scripted, unshaped
from league.positions import by_rollouts, errors, load_positions
from league.run import train
from league.run_directory import WINDOWS, RunDirectory
from league.statistics import Z_95, wilson
from learners.model import Model, load_model
from serve.run_store import SqliteRunStore

ROOT = Path(__file__).resolve().parents[2]
HELD_OUT = 900_001      # seed of games that nothing was trained or chosen on

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


def policies(folder: Path) -> tuple[Model, dict[str, NetworkPolicy]]:
    """What the run made, and beside its network one of the same shape that has learned nothing."""
    model = load_model(folder / "run")
    learned, untrained = (NetworkPolicy(model.game, model.network) for _ in range(2))
    learned.load(1, model.weights)
    return model, {"learned": learned, "untrained": untrained}


def profit(played: Played) -> tuple[float, float]:
    """95 % interval of the mean."""
    profits = played.metrics[:, played.metric_names.index("net_profit")].astype(np.float64)
    half = Z_95 * profits.std(ddof=1) / np.sqrt(profits.size)
    return profits.mean() - half, profits.mean() + half


def test_prospector_earns_more_than_its_best_scripted_player(folder: Path) -> None:
    trained(folder, "prospector.yaml")
    model, players = policies(folder)
    earned = {
        name: profit(play_one_seat(model.game, decide, games=400, seed=HELD_OUT))
        for name, decide in {
            **{name: greedy(policy, HELD_OUT, temperature=1.0) for name, policy in players.items()},
            **{bot: scripted(bot) for bot in ("random", *model.game.bot_names)},
        }.items()
    }
    best = max(earned[bot][1] for bot in model.game.bot_names)
    assert earned["learned"][0] > best, earned
    assert max(earned["untrained"][1], earned["random"][1]) < best / 10, earned


def wins(model: Model, decide: Decide, seat: int, bot: str, *, games: int) -> tuple[float, float]:
    """95 % interval of the share of games that the player in `seat` wins against the bot in the other."""
    running = make_vector(unshaped(model.game), games, HELD_OUT)
    result = np.full(games, np.nan)
    while np.isnan(result).any():
        actions = np.zeros((games, 2, len(model.game.head_sizes)), np.int32)
        for other, player in ((seat, decide), (1 - seat, scripted(bot))):
            rows = np.flatnonzero(running.num_legal[:, other])
            actions[rows, other] = player(running, rows, other)
        running.step(actions)
        ended = (running.terminal | running.truncated).astype(bool) & np.isnan(result)
        result[ended] = running.episode_returns[ended, seat]
    return wilson(int((result > 0).sum()), games)


def test_arena_is_won_against_both_scripted_players_from_both_seats(folder: Path) -> None:
    trained(folder, "arena_rl.yaml")
    model, players = policies(folder)
    for bot in model.game.bot_names:
        for seat in (0, 1):
            low, _ = wins(model, greedy(players["learned"], HELD_OUT), seat, bot, games=400)
            _, high = wins(model, greedy(players["untrained"], HELD_OUT, temperature=1.0), seat, bot, games=400)
            assert low > 0.8, (bot, seat, low)
            assert high < 0.1, (bot, seat, high)
