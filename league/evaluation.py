"""Strength against scripted players: greedy play on pairs of games that are the same every time."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from actors.draws import draw
from actors.policy import NetworkPolicy
from actors.searcher import Searcher
from league.statistics import wilson
from native.game import Game
from native.vector import VectorGame


@dataclass(frozen=True)
class Score:
    """Result against one opponent. `score` is the share of games won outright, with its 95 % Wilson interval."""

    opponent: str
    games: int
    wins: int
    draws: int
    losses: int
    score: float
    low: float
    high: float

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def score(opponent: str, outcomes: npt.NDArray[np.float32]) -> Score:
    """Counts the returns of a set of games from the player's view."""
    games, wins, losses = outcomes.size, int((outcomes > 0).sum()), int((outcomes < 0).sum())
    low, high = wilson(wins, games)
    return Score(opponent, games, wins, games - wins - losses, losses, wins / games, low, high)


Decide = Callable[[VectorGame, npt.NDArray[np.int64]], npt.NDArray[np.int32]]
"""Actions `[n, H]` for the games `rows [n]`, in each of which the same player decides."""


def evaluate(game: Game, policy: NetworkPolicy, bot: str, *, games: int, seed: int, temperature: float = 0.0) -> Score:
    """Plays `games` games against a scripted player: the same `games / P` seeds once in every seat.

    `temperature` 0 plays the most probable action. The same policy, bot and seed give the same score.
    """
    return face(game, greedy(policy, seed, temperature), bot, games=games, seed=seed)


def greedy(policy: NetworkPolicy, seed: int, temperature: float = 0.0) -> Decide:
    """Plays what the network alone thinks best; with a temperature, draws from what it thinks."""
    rng = np.array([seed], np.uint64)

    def decide(running: VectorGame, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        actions = np.empty((rows.size, len(running.game.head_sizes)), np.int32)
        policy.act(running.observations[rows], running.legal[rows], rng, temperature, actions,
                   np.empty_like(actions, np.float32))
        return actions

    return decide


def evaluate_search(game: Game, searcher: Searcher, bot: str, *, games: int, seed: int) -> Score:
    """The same for a player that searches and plays the best move; `searcher` takes `games / P` games at once."""

    def decide(running: VectorGame, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        search = searcher.search(running.states[rows], draw(seed, rows, running.lengths[rows].astype(np.int64)))
        return search.actions(0.0)[:, None]

    return face(game, decide, bot, games=games, seed=seed)


def face(game: Game, decide: Decide, bot: str, *, games: int, seed: int) -> Score:
    """Plays `games` games of the player who decides so against a scripted one: the same seeds once in every seat."""
    seats = game.num_players
    per_seat = max(1, games // seats)
    outcomes = [_play(decide, bot, seat, VectorGame(game, per_seat, seed)) for seat in range(seats)]
    return score(bot, np.concatenate(outcomes))


def _play(decide: Decide, bot: str, seat: int, games: VectorGame) -> npt.NDArray[np.float32]:
    """Returns `[n]` of the first episode of each row, the player in `seat` and the bot in the others."""
    n = games.num_games
    outcomes = np.zeros(n, np.float32)
    running = np.ones(n, bool)
    actions = np.zeros((n, len(games.game.head_sizes)), np.int32)
    while running.any():
        mine = games.to_act == seat
        # finished rows go on with a game nobody counts: the bot plays it out, which costs no forward
        rows = np.flatnonzero(mine & running)
        if rows.size:
            actions[rows] = decide(games, rows)
        others = np.flatnonzero(~mine | ~running)
        if others.size:
            games.bot_actions(bot, others, actions)
        games.step(actions)
        ended = np.flatnonzero((games.terminal | games.truncated).astype(bool) & running)
        outcomes[ended] = games.episode_returns[ended, seat]
        running[ended] = False
    return outcomes
