"""Matches between two scripted bots of any game, played without the GIL.

Letters: P seats, M metrics of the game.
"""
from typing import NamedTuple

import numpy as np

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

from native.game cimport SIMULTANEOUS, TERMINAL, Game, GameTable, bot_function
from native.random cimport below, derive


class Match(NamedTuple):
    """Outcome for bot A: its return decides, compared with the best return of the other seats.

    mean_return: undiscounted, of A. mean_length: calls of apply per game.
    metrics: `[P, M]` float64, the mean of each of the game's metrics over the games in which A had that seat; nan where
    it never had.
    """

    wins: int
    losses: int
    draws: int
    mean_return: float
    mean_length: float
    metrics: np.ndarray


cdef struct Tally:
    int64_t wins
    int64_t losses
    int64_t draws
    int64_t steps
    double total_return


cdef void random_action(const GameTable *g, const void *s, int32_t player, uint8_t *mask, uint64_t *rng,
                        int32_t *action) noexcept nogil:
    """Uniform over the legal actions, head by head."""
    cdef int32_t head, i, at = 0, count, choice
    g.legal(s, player, mask)
    for head in range(g.num_heads):
        count = 0
        for i in range(g.head_sizes[head]):
            count += mask[at + i] != 0
        choice = below(rng, count) if count else 0
        action[head] = 0
        for i in range(g.head_sizes[head]):
            if mask[at + i]:
                if choice == 0:
                    action[head] = i
                    break
                choice -= 1
        at += g.head_sizes[head]


cdef int play_game(const GameTable *g, bot_function a, bot_function b, int32_t seat_a, uint64_t seed, void *s,
                   uint8_t *mask, int32_t *action, float *step_reward, double *returns,
                   Tally *tally) noexcept nogil:
    """One game with A in `seat_a` and B in all others; -1 if a bot played an illegal action. A NULL bot is random."""
    cdef bot_function bot
    cdef uint64_t rng = derive(seed, 1)
    cdef int32_t actor, player, taken = 0
    cdef double best = -1e300
    g.reset(s, derive(seed, 0), g.options)
    for player in range(g.num_players):
        returns[player] = 0
    actor = g.to_act(s)
    while actor != TERMINAL and not (g.time_limit > 0 and taken >= g.time_limit):
        for player in range(g.num_players):
            if actor == SIMULTANEOUS or player == actor:
                bot = a if player == seat_a else b
                if bot == NULL:
                    random_action(g, s, player, mask, &rng, action)
                else:
                    bot(s, player, &rng, action)
                action += g.num_heads
        action -= g.num_heads * (g.num_players if actor == SIMULTANEOUS else 1)
        if g.apply(s, action) != 0:
            return -1
        g.rewards(s, step_reward)
        for player in range(g.num_players):
            returns[player] += step_reward[player]
        taken += 1
        actor = g.to_act(s)
    for player in range(g.num_players):
        if player != seat_a:
            best = max(best, returns[player])
    tally.wins += returns[seat_a] > best
    tally.losses += returns[seat_a] < best
    tally.draws += returns[seat_a] == best
    tally.steps += taken
    tally.total_return += returns[seat_a]
    return 0


def play_match(Game game not None, str bot_a not None, str bot_b not None, int64_t games, seed):
    """Plays `games` games, each with a deal of its own; A takes the seats in turn, B all others. Returns a `Match`.

    bot_a, bot_b: names from `game.bot_names`; "random" is there for every game.
    seed: 0 .. 2**64 - 1; the same seed gives the same match.
    Raises ValueError for less than one game, a game of fewer than two seats, an unknown bot or an illegal action.
    """
    cdef const GameTable *g = &game.table
    cdef bot_function a = NULL, b = NULL
    cdef uint64_t base = seed
    cdef int32_t P = g.num_players, illegal = 0, seat = 0, i, num_metrics = len(game.metric_names)
    cdef int64_t k
    cdef Tally tally
    cdef double[:, ::1] metric_sums = np.zeros((P, num_metrics + 1))    # the last column counts games
    cdef double[::1] returns = np.zeros(P)
    cdef float[::1] values = np.zeros(max(P, num_metrics), np.float32)
    cdef int32_t[::1] action = np.zeros(P * g.num_heads, np.int32)
    cdef uint8_t[::1] mask = np.zeros(g.num_actions, np.uint8)
    cdef void *s
    if games < 1:
        raise ValueError(f"a match needs at least 1 game, got {games}")
    if P < 2:
        raise ValueError(f"a match needs a game of at least 2 seats, {game.name} has {P}")
    if bot_a != "random" or bot_a in game.bot_names:
        a = game.bots[game.bot_index(bot_a)]
    if bot_b != "random" or bot_b in game.bot_names:
        b = game.bots[game.bot_index(bot_b)]
    memset(&tally, 0, sizeof(tally))
    s = PyMem_Malloc(g.state_bytes)
    if s == NULL:
        raise MemoryError
    try:
        with nogil:
            for k in range(games):
                seat = <int32_t>(k % P)
                illegal = play_game(
                    g, a, b, seat, derive(base, k), s, &mask[0], &action[0], &values[0], &returns[0], &tally
                )
                if illegal:
                    break
                metric_sums[seat, num_metrics] += 1
                if g.metrics != NULL:
                    g.metrics(s, &values[0])
                    for i in range(num_metrics):
                        metric_sums[seat, i] += values[i]
    finally:
        PyMem_Free(s)
    if illegal:
        raise ValueError(f"{game.name}: an illegal action in game {k} of {bot_a} (seat {seat}) against {bot_b}")
    sums = np.asarray(metric_sums)
    with np.errstate(invalid="ignore"):
        means = sums[:, :-1] / sums[:, -1:]
    return Match(
        tally.wins, tally.losses, tally.draws, tally.total_return / games, <double>tally.steps / games, means
    )
