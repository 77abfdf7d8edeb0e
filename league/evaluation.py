"""Strength against scripted players: greedy play on games that are the same every time.

In a game of one seat nobody stands against the player: it and the scripted players each play the same games alone, and
what they got is compared. Letters: n games, M metrics of the game, S seats shown (all of a game whose seats decide at
once, else the one to act), H heads.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from actors.draws import draw
from actors.policy import NetworkPolicy
from actors.searcher import Searcher
from envs.adapters.vectors import Vector, make_vector, release
from league.statistics import Z_95, wilson
from native.game import Game, rebuild
from native.vector import VectorGame

SHAPING = "shape_"
"""Options of games whose names begin so add terms to the reward and change nothing else."""


@dataclass(frozen=True)
class Score:
    """Result against one opponent.

    `score` is the share of games won outright, with its 95 % Wilson interval; in a game of one seat, of games in which
    the player got a higher return than the opponent did from the same seed. `mean_return` and `metrics` are means over
    the games, with the 95 % interval of the return; `opponent_*` are the same of the opponent alone in games of one
    seat, else None and empty. Intervals are None where one game tells nothing of the spread.
    """

    opponent: str
    games: int
    wins: int
    draws: int
    losses: int
    score: float
    low: float
    high: float
    mean_return: float | None = None
    return_low: float | None = None
    return_high: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    opponent_return: float | None = None
    opponent_low: float | None = None
    opponent_high: float | None = None
    opponent_metrics: dict[str, float] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Played:
    """What a set of games brought, one game after another: returns `[n]` of the player, metrics `[n, M]`."""

    returns: npt.NDArray[np.float32]
    metrics: npt.NDArray[np.float32]
    metric_names: tuple[str, ...] = ()

    def metric_means(self) -> dict[str, float]:
        means = self.metrics.mean(axis=0, dtype=np.float64).tolist()
        return dict(zip(self.metric_names, means, strict=True))


def score(opponent: str, played: Played, alone: Played | None = None) -> Score:
    """Counts a set of games from the player's view; `alone`: the opponent's own of the same seeds, if it has any."""
    outcomes = played.returns if alone is None else played.returns - alone.returns
    games, wins, losses = outcomes.size, int((outcomes > 0).sum()), int((outcomes < 0).sum())
    low, high = wilson(wins, games)
    mean, return_low, return_high = _mean(played.returns)
    result = Score(
        opponent, games, wins, games - wins - losses, losses, wins / games, low, high, mean, return_low, return_high,
        played.metric_means(),
    )
    if alone is None:
        return result
    mean, return_low, return_high = _mean(alone.returns)
    return Score(**{
        **result.as_row(), "opponent_return": mean, "opponent_low": return_low, "opponent_high": return_high,
        "opponent_metrics": alone.metric_means(),
    })


def _mean(values: npt.NDArray[np.float32]) -> tuple[float, float | None, float | None]:
    """Mean and its 95 % interval by the normal approximation; no interval of a single value."""
    mean = float(values.mean(dtype=np.float64))
    if values.size < 2:
        return mean, None, None
    half = Z_95 * float(values.std(dtype=np.float64, ddof=1)) / sqrt(values.size)
    return mean, mean - half, mean + half


Decide = Callable[[Vector, npt.NDArray[np.int64], int], npt.NDArray[np.int32]]
"""Actions `[k, H]` for the games `rows [k]`, in each of which the player in this seat decides."""


def evaluate(game: Game, policy: NetworkPolicy, bot: str, *, games: int, seed: int, temperature: float = 0.0) -> Score:
    """Plays `games` games against a scripted player: the same `games / P` seeds once in every seat.

    `temperature` 0 plays the most probable action. The same policy, bot and seed give the same score.
    """
    return evaluate_all(game, lambda: greedy(policy, seed, temperature), (bot,), games=games, seed=seed)[0]


def evaluate_search(game: Game, searcher: Searcher, bot: str, *, games: int, seed: int) -> Score:
    """The same for a player that searches and plays the best move; `searcher` takes `games / P` games at once."""
    return evaluate_all(game, lambda: searching(searcher, seed), (bot,), games=games, seed=seed)[0]


def evaluate_all(
    game: Game, player: Callable[[], Decide], bots: Sequence[str], *, games: int, seed: int
) -> list[Score]:
    """The score against each of `bots`, for which `player` gives who decides, fresh every time.

    In a game of one seat the player plays its games only once, for all bots.
    """
    if game.num_players > 1:
        return [face(game, player(), bot, games=games, seed=seed) for bot in bots]
    return compare(game, play_one_seat(game, player(), games=games, seed=seed), bots, seed=seed)


def greedy(policy: NetworkPolicy, seed: int, temperature: float = 0.0) -> Decide:
    """Plays what the network alone thinks best; with a temperature, draws from what it thinks."""
    rng = np.array([seed], np.uint64)

    def decide(running: Vector, rows: npt.NDArray[np.int64], seat: int) -> npt.NDArray[np.int32]:
        shown = (rows, seat) if running.game.simultaneous else (rows,)
        actions = np.empty((rows.size, len(running.game.head_sizes)), np.int32)
        policy.act(running.observations[shown], running.legal[shown], rng, temperature, actions,
                   np.empty_like(actions, np.float32))
        return actions

    return decide


def searching(searcher: Searcher, seed: int, temperature: float = 0.0) -> Decide:
    """Plays the best move that a search finds; with a temperature, draws from its visits."""

    def decide(running: Vector, rows: npt.NDArray[np.int64], seat: int) -> npt.NDArray[np.int32]:
        assert isinstance(running, VectorGame)      # others have no states to search from
        search = searcher.search(running.states[rows], draw(seed, rows, running.lengths[rows].astype(np.int64)))
        return search.actions(temperature)[:, None]

    return decide


def scripted(bot: str) -> Decide:
    """Plays as a scripted player does; `random` is one of every game."""

    def decide(running: Vector, rows: npt.NDArray[np.int64], seat: int) -> npt.NDArray[np.int32]:
        actions = np.zeros((*running.num_legal.shape, len(running.game.head_sizes)), np.int32)
        if not running.game.simultaneous:
            running.bot_actions(bot, rows, actions)
            return actions[rows]
        running.bot_actions(bot, rows, actions, np.full(rows.size, seat))
        chosen: npt.NDArray[np.int32] = actions[rows, seat]
        return chosen

    return decide


def face(game: Game, decide: Decide, bot: str, *, games: int, seed: int) -> Score:
    """Plays `games` games of the player who decides so: the same seeds once in every seat, the bot in all others.

    Rewards are the results alone: in a game with shaping terms these are left out.
    """
    game, seats = unshaped(game), game.num_players
    per_seat = max(1, games // seats)
    parts = [_play(decide, bot, seat, make_vector(game, per_seat, seed)) for seat in range(seats)]
    return score(bot, Played(
        np.concatenate([part.returns for part in parts]), np.concatenate([part.metrics for part in parts]),
        game.metric_names,
    ))


def play_one_seat(game: Game, decide: Decide, *, games: int, seed: int) -> Played:
    """`games` games of one seat, played by who decides so. Raises ValueError for a game of more seats."""
    if game.num_players != 1:
        raise ValueError(f"{game.name} has {game.num_players} seats; only games of one seat are played alone")
    # random play finishes rows that nobody counts any more
    running = make_vector(unshaped(game), games, seed)
    try:
        return _play(decide, "random", 0, running)
    finally:
        release(running)


def compare(game: Game, played: Played, bots: Sequence[str], *, seed: int) -> list[Score]:
    """What a player got in games of one seat that began from `seed`, beside what each scripted player gets there."""
    return [score(bot, played, _bot_alone(game, bot, played.returns.size, seed)) for bot in bots]


@lru_cache(maxsize=64)
def _bot_alone(game: Game, bot: str, games: int, seed: int) -> Played:
    """A scripted player's games never change: played once."""
    return play_one_seat(game, scripted(bot), games=games, seed=seed)


def unshaped(game: Game) -> Game:
    """The same game with rewards that are its results alone; `game` itself if it has no shaping terms."""
    terms = {name: 0 for name, value in game.options.items() if name.startswith(SHAPING) and value}
    return rebuild(game.module, {**game.options, **terms}) if terms else game


def _play(decide: Decide, bot: str, seat: int, games: Vector) -> Played:
    """The first episode of each row, the player in `seat` and the bot in the others."""
    n, game = games.num_games, games.game
    shown = games.num_legal.reshape(n, -1).shape[1]
    returns, metrics = np.zeros(n, np.float32), np.zeros((n, len(game.metric_names)), np.float32)
    running = np.ones(n, bool)
    actions = np.zeros((*games.num_legal.shape, len(game.head_sizes)), np.int32)
    actions_shown = actions.reshape(n, shown, -1)       # [n, S, H], the same memory
    every_seat = np.arange(shown)
    while running.any():
        seats = every_seat if game.simultaneous else games.to_act[:, None]
        deciding = games.num_legal.reshape(n, shown) > 0
        # finished rows go on with a game nobody counts: the bot plays it out, which costs no forward
        mine = (seats == seat) & running[:, None]
        rows, places = np.nonzero(mine & deciding)
        if rows.size:
            actions_shown[rows, places] = decide(games, rows, seat)
        rows, places = np.nonzero(~mine & deciding)
        if rows.size:
            games.bot_actions(bot, rows, actions, places if game.simultaneous else None)
        games.step(actions)
        ended = np.flatnonzero((games.terminal | games.truncated).astype(bool) & running)
        returns[ended], metrics[ended] = games.episode_returns[ended, seat], games.metrics[ended]
        running[ended] = False
    return Played(returns, metrics, game.metric_names)
