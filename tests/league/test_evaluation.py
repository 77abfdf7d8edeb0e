"""Evaluation plays the same games every time, in every seat, and counts them from the player's view."""
from __future__ import annotations

import json
from math import isfinite
from typing import Any

import numpy as np
import pytest

from actors.policy import NetworkPolicy
from envs.adapters.vectors import Vector
from envs.registry import make
from league.evaluation import Played, Score, _play, evaluate, evaluate_all, greedy, play_one_seat, score, unshaped
from league.run_directory import WINDOWS, RunDirectory
from learners.network_config import Network
from learners.networks import build_network, read_weights
from native.game import Game
from native.vector import VectorGame
from tests.league.conftest import Stage, tiny
from tests.native.splitmix import derive
from tests.native.vector_definition import Row

NETWORK = Network(hidden=(16,))


ARENA = {"players": 3, "duration": 20, "frame_skip": 15}


def policy(seed: int = 0, game: str = "tic_tac_toe", **options: Any) -> NetworkPolicy:
    rules = make(game, **options)
    one = NetworkPolicy(rules, NETWORK)
    one.load(1, read_weights(build_network(NETWORK, rules, seed)))
    return one


def by_hand(one: NetworkPolicy, bot_seed: int, seat: int) -> float:
    """One greedy game against one_ply, played through `State`."""
    state, rng = make("tic_tac_toe").new_state(0), bot_seed
    while not state.is_terminal:
        if state.to_act() == seat:
            logits, _ = one.evaluate(state.observe()[None])
            state.apply(int(np.where(state.legal() == 1, logits[0], -np.inf).argmax()))
        else:
            action, rng = state.bot_action("one_ply", rng)
            state.apply(action)
    return float(state.rewards()[seat])


def test_same_policy_bot_and_seed_same_score() -> None:
    game = make("tic_tac_toe")
    scores = [evaluate(game, policy(), "random", games=100, seed=seed) for seed in (1, 1, 2)]
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]


def test_it_plays_as_the_rules_have_it() -> None:
    game, one = make("tic_tac_toe"), policy()
    seen = evaluate(game, one, "one_ply", games=4000, seed=5)
    outcomes = np.array([by_hand(one, seed, seat) for seat in (0, 1) for seed in range(1500)])
    spread = 4 * np.sqrt(0.25 / 4000 + 0.25 / 3000)
    assert abs(seen.wins / 4000 - (outcomes > 0).mean()) < spread
    assert abs(seen.draws / 4000 - (outcomes == 0).mean()) < spread


def test_counts_and_interval() -> None:
    result = score("x", Played(np.array([1, 1, 0, -1] * 25, np.float32), np.zeros((100, 0), np.float32)))
    assert (result.games, result.wins, result.draws, result.losses, result.score) == (100, 50, 25, 25, 0.5)
    assert 0.40 < result.low < 0.5 < result.high < 0.60


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_temperature_changes_the_play(temperature: float) -> None:
    game = make("tic_tac_toe")
    seen: list[Any] = [
        evaluate(game, policy(), "random", games=400, seed=1, temperature=one) for one in (0.0, temperature)
    ]
    assert (seen[0] == seen[1]) == (temperature == 0.0)


def test_only_the_first_game_of_each_row_counts() -> None:
    game = make("connect_four")     # 7 to 42 moves: short games are over twice before long ones are once
    one = policy(game="connect_four")
    for seed in range(20):
        # a row's first game does not depend on how long others go on, what comes after it would
        alone, among_others = (
            _play(greedy(one, seed), "one_ply", 0, VectorGame(game, rows, seed)) for rows in (1, 40)
        )
        assert alone.returns[0] == among_others.returns[0]


def first_episode(game: Game, one: NetworkPolicy | None, seat: int, bot: str, seed: int, row: int) -> tuple[float, Any]:
    """Return of `seat`, and metrics, of the first game of a row; `one` plays greedily in this seat, bots elsewhere."""
    played = Row(game, derive(seed, row), 0)
    while not played.over:
        actions = np.zeros((len(played.shown()), len(game.head_sizes)), np.int32)
        for place, player in enumerate(played.shown()):
            legal = played.state.legal(player)
            if legal.any() and player == seat and one is not None:
                logits = np.where(legal == 1, one.evaluate(played.state.observe(player)[None])[0][0], -np.inf)
                heads = np.split(logits, np.cumsum(game.head_sizes)[:-1])
                actions[place] = [head.argmax() for head in heads]
            elif legal.any():
                actions[place], played.bot_rng = played.state.bot_action(bot, played.bot_rng, player)
        played.step(actions)
    return float(played.over["episode_returns"][seat]), played.over["metrics"]


def test_where_all_decide_at_once_the_bot_has_all_other_seats() -> None:
    game, one = make("arena", **ARENA), policy(game="arena", **ARENA)
    result = evaluate(game, one, "rule", games=12, seed=5)
    by_hand = [first_episode(game, one, seat, "rule", 5, row) for seat in range(3) for row in range(4)]
    returns = np.array([returned for returned, _ in by_hand])
    assert (result.games, result.wins, result.losses) == (12, (returns > 0).sum(), (returns < 0).sum())
    assert result.mean_return == pytest.approx(returns.mean())
    assert list(result.metrics.values()) == pytest.approx(np.mean([metrics for _, metrics in by_hand], axis=0))
    assert (result.opponent_return, result.opponent_metrics) == (None, {})


def test_results_count_without_shaping() -> None:
    plain, shaped = (make("arena", **ARENA, shape_damage=weight) for weight in (0, 0.5))
    one = policy(game="arena", **ARENA)
    assert unshaped(plain) is plain
    assert unshaped(shaped) == plain
    first, second = (evaluate(game, one, "rule", games=6, seed=5) for game in (plain, shaped))
    assert first == second


def test_alone_the_player_and_the_bots_play_the_same_games() -> None:
    options: dict[str, Any] = {"rules": "balanced", "time_max": 120}
    game, one = make("prospector", **options), policy(game="prospector", **options)
    scores = evaluate_all(game, lambda: greedy(one, 5), ("random", "shuttle"), games=8, seed=5)
    result = scores[1]
    mine, bots = (
        [first_episode(game, player, 0, "shuttle", 5, row) for row in range(8)] for player in (one, None)
    )
    for played, mean, low, high, metrics in (
        (mine, result.mean_return, result.return_low, result.return_high, result.metrics),
        (bots, result.opponent_return, result.opponent_low, result.opponent_high, result.opponent_metrics),
    ):
        returns = np.array([returned for returned, _ in played])
        half = 1.96 * returns.std(ddof=1) / np.sqrt(8)
        assert (low, mean, high) == pytest.approx((returns.mean() - half, returns.mean(), returns.mean() + half), 1e-3)
        assert list(metrics) == list(game.metric_names)
        assert list(metrics.values()) == pytest.approx(np.mean([found for _, found in played], axis=0), 1e-4)
    ahead = [ours > theirs for (ours, _), (theirs, _) in zip(mine, bots, strict=True)]
    assert (result.games, result.wins) == (8, sum(ahead))
    assert [one.mean_return for one in scores] == [result.mean_return] * 2
    assert scores[0].opponent_return != result.opponent_return
    assert Score(**json.loads(json.dumps(result.as_row()))) == result


def test_a_bot_is_no_better_than_itself_and_one_game_has_no_interval() -> None:
    game = make("prospector", rules="balanced", time_max=120)

    def as_bot(running: Vector, rows: Any, seat: int) -> Any:
        actions = np.zeros((running.num_games, 1), np.int32)
        running.bot_actions("market_timer", rows, actions)
        return actions[rows]

    result = evaluate_all(game, lambda: as_bot, ("market_timer",), games=1, seed=3)[0]
    assert (result.wins, result.draws, result.mean_return) == (0, 1, result.opponent_return)
    assert result.return_low is result.return_high is result.opponent_low is None
    with pytest.raises(ValueError, match="tic_tac_toe has 2 seats"):
        play_one_seat(make("tic_tac_toe"), as_bot, games=1, seed=3)


@pytest.mark.parametrize(
    ("game", "options", "opponents"),
    [("arena", {"players": 2, "duration": 20, "frame_skip": 15}, {"rule": 0.5, "utility": 0.5}),
     ("prospector", {"rules": "balanced", "time_max": 120}, {})],
)
def test_runs_of_such_games_stay_finite(
    stage: Stage, game: str, options: dict[str, Any], opponents: dict[str, float]
) -> None:
    names = ["rule", "utility"] if opponents else ["shuttle", "greedy_miner"]
    finished = stage.train(tiny(
        game=game, game_options=options, budget={"updates": 8},
        league={"bots": opponents, "snapshots": 0.5 if opponents else 0.0, "snapshot_every": 3},
        evaluation={"opponents": names, "games": 6},
    ))
    assert [row["opponent"] for row in finished["results"]] == names
    assert all(isfinite(row["mean_return"]) and row["metrics"] for row in finished["results"])
    rows = RunDirectory(stage.folder / "run").rows(WINDOWS)
    figures = [value for row in rows for value in row.values() if isinstance(value, float)]
    assert rows
    assert all(map(isfinite, figures))
    assert all(row["loss"] is not None and row["entropy"] > 0 for row in rows)


def test_environments_are_closed_after_an_evaluation(closed: list[int]) -> None:
    game = make("gymnasium", id="CartPole-v1")

    def left(running: Vector, rows: Any, seat: int) -> Any:
        return np.zeros((len(rows), 1), np.int32)

    assert 8 <= play_one_seat(game, left, games=3, seed=1).returns.mean() <= 11
    assert closed == [3]
