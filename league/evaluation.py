"""Strength against scripted players: greedy play on pairs of games that are the same every time."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from actors.policy import NetworkPolicy
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


def evaluate(game: Game, policy: NetworkPolicy, bot: str, *, games: int, seed: int, temperature: float = 0.0) -> Score:
    """Plays `games` games against a scripted player: the same `games / P` seeds once in every seat.

    `temperature` 0 plays the most probable action. The same policy, bot and seed give the same score.
    """
    seats = game.num_players
    per_seat = max(1, games // seats)
    outcomes = [
        _play(game, policy, bot, seat, VectorGame(game, per_seat, seed), temperature)
        for seat in range(seats)
    ]
    return score(bot, np.concatenate(outcomes))


def _play(
    game: Game, policy: NetworkPolicy, bot: str, seat: int, games: VectorGame, temperature: float
) -> npt.NDArray[np.float32]:
    """Returns `[n]` of the first episode of each row, the policy in `seat` and the bot in the others."""
    n, heads = games.num_games, len(game.head_sizes)
    rng = np.array([games.seed], np.uint64)
    outcomes = np.zeros(n, np.float32)
    running = np.ones(n, bool)
    actions = np.zeros((n, heads), np.int32)
    while running.any():
        mine = games.to_act == seat
        # finished rows go on with a game nobody counts: the bot plays it out, which costs no forward
        rows = np.flatnonzero(mine & running)
        if rows.size:
            chosen, log_probs = np.empty((rows.size, heads), np.int32), np.empty((rows.size, heads), np.float32)
            policy.act(games.observations[rows], games.legal[rows], rng, temperature, chosen, log_probs)
            actions[rows] = chosen
        others = np.flatnonzero(~mine | ~running)
        if others.size:
            games.bot_actions(bot, others, actions)
        games.step(actions)
        ended = np.flatnonzero((games.terminal | games.truncated).astype(bool) & running)
        outcomes[ended] = games.episode_returns[ended, seat]
        running[ended] = False
    return outcomes
