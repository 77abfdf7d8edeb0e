"""A network that plays all seats itself: what games look like, and how well games of one seat go."""
from __future__ import annotations

import numpy as np

from actors.policy import NetworkPolicy
from envs.adapters.vectors import make_vector
from native.game import Game


def play_alone(game: Game, policy: NetworkPolicy, *, games: int, seed: int) -> dict[str, float]:
    """Means over the first episode of `games` games with the most probable actions; equal arguments, equal figures.

    alone_return, alone_won: return of seat 0 and the share of games with one above 0; alone_length: actions of all
    seats. avg_<metric>: every metric of the game's own, in games that were played to their end.
    """
    running = make_vector(game, games, seed)
    rng = np.array([seed], np.uint64)
    actions = np.zeros((games, len(game.head_sizes)), np.int32)
    log_probs = np.empty_like(actions, np.float32)
    unfinished = np.ones(games, bool)
    returns, lengths = np.zeros(games), np.zeros(games)
    played_out = np.zeros(games, bool)
    metrics = np.zeros((games, len(game.metric_names)))
    while unfinished.any():
        policy.act(running.observations, running.legal, rng, 0.0, actions, log_probs)
        running.step(actions)
        over = running.terminal.astype(bool) | running.truncated.astype(bool)
        ended = np.flatnonzero(over & unfinished)
        returns[ended], lengths[ended] = running.episode_returns[ended, 0], running.episode_lengths[ended]
        played_out[ended] = running.terminal[ended]
        if game.metric_names:
            metrics[ended] = running.metrics[ended]
        unfinished[ended] = False
    figures = {
        "alone_return": float(returns.mean()),
        "alone_won": float((returns > 0).mean()),
        "alone_length": float(lengths.mean()),
    }
    if played_out.any():
        means = metrics[played_out].mean(axis=0).tolist()
        figures |= {f"avg_{name}": mean for name, mean in zip(game.metric_names, means, strict=True)}
    return figures
