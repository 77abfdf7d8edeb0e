"""The ten scripted opponents of Beasty Bar: a table of weights for one score function.

Each scores every legal action by working out the whole turn (`score.pyx`) and plays the best; ties within 1e-6 are
broken uniformly at random. `random` plays any legal action.
"""
import numpy as np

from libc.math cimport cos, log, sqrt
from libc.stdint cimport int32_t, uint32_t, uint64_t

from envs.beasty_bar.score cimport Before, Weights, look, score
from envs.beasty_bar.state cimport HAND, BeastyBar
from envs.beasty_bar.turn cimport ACTIONS_PER_CARD, legal_parameters, lowest_bit
from native.game cimport Game, State
from native.random cimport below, uniform

cdef extern from *:
    """
    enum { HEURISTIC, AGGRESSIVE, DEFENSIVE, QUEUE, SKUNKS, NOISY, ONLINE, OUTCOME, DISTILLED };

    static const BeastyWeights beasty_weights[] = {
        /*               bar  front  back   out  hand  skunk  instinct  reaction  noise */
        [HEURISTIC]  = {2.0,   1.1,  0.3, -0.5,  0.1,   1.0,      1.0,      0.0,  0.0},
        [AGGRESSIVE] = {3.0,   1.1,  0.3, -0.5,  0.1,   1.0,      1.0,      0.0,  0.0},
        [DEFENSIVE]  = {1.0,   1.1,  0.3, -0.5,  0.1,   1.0,      1.0,      0.0,  0.0},
        [QUEUE]      = {2.0,   2.0,  0.3, -0.5,  0.1,   1.0,      1.0,      0.0,  0.0},
        [SKUNKS]     = {2.0,   1.1,  0.3, -0.5,  0.1,   2.0,      1.0,      0.0,  0.0},
        [NOISY]      = {2.0,   1.1,  0.3, -0.5,  0.1,   1.0,      1.0,      0.0, 0.15},
        [ONLINE]     = {2.0,   1.1,  0.3, -0.5,  0.1,   1.0,      0.0,      1.0,  0.0},
        [OUTCOME]    = {.gained_mine = 3.0, .gained_theirs = -2.0, .lost_mine = -2.5, .lost_theirs = 2.0, .queue = 1.5,
                        .front_two = 2.0, .threats = 1.5, .parrot = 0.4, .spray = 0.5, .gang = 15, .early = 0.5,
                        .late = 0.3},
        [DISTILLED]  = {.gained_mine = 4.2, .gained_theirs = -2.5, .lost_mine = -3.5, .lost_theirs = 2.8, .queue = 1.8,
                        .front_two = 2.5, .threats = 2.2, .parrot = 0.6, .spray = 0.7, .gang = 18, .early = 0.6,
                        .late = 0.4},
    };
    """
    enum:
        HEURISTIC, AGGRESSIVE, DEFENSIVE, QUEUE, SKUNKS, NOISY, ONLINE, OUTCOME, DISTILLED
    const Weights[] WEIGHTS "beasty_weights"

cdef enum:
    MOST_ACTIONS = HAND * ACTIONS_PER_CARD

_ROWS = {
    "heuristic": HEURISTIC,
    "aggressive": AGGRESSIVE,
    "defensive": DEFENSIVE,
    "queue": QUEUE,
    "skunk": SKUNKS,
    "noisy": NOISY,
    "online": ONLINE,
    "outcome_heuristic": OUTCOME,
    "distilled_outcome": DISTILLED,
}


cdef int32_t list_actions(const BeastyBar *s, int32_t player, int32_t *actions) noexcept nogil:
    """Writes the legal actions of `player`, ascending, and returns their number."""
    cdef int32_t slot, count = 0
    cdef uint32_t bits
    for slot in range(s.num_hand[player]):
        bits = legal_parameters(s.queue, s.num_queue, s.hand[player][slot], s.players > 2)
        while bits:
            actions[count] = ACTIONS_PER_CARD * slot + lowest_bit(bits)
            count += 1
            bits &= bits - 1
    return count


cdef double gaussian(uint64_t *rng) noexcept nogil:
    """A standard normal number (Box, Muller 1958)."""
    cdef double radius = sqrt(-2.0 * log(1.0 - uniform(rng)))
    return radius * cos(6.283185307179586 * uniform(rng))


cdef void choose(const BeastyBar *s, int32_t player, uint64_t *rng, int32_t *action, const Weights *w) noexcept nogil:
    """The best legal action by `w`. A seat without cards gets action 0, which nobody may apply."""
    cdef int32_t actions[MOST_ACTIONS]
    cdef double scores[MOST_ACTIONS]
    cdef int32_t i, pick, ties = 0, count = list_actions(s, player, actions)
    cdef double best = -1e30, tie = 1e-6
    cdef Before b
    action[0] = actions[0] if count else 0
    if count < 2:
        return
    b = look(s, player, w)
    for i in range(count):
        scores[i] = score(&b, actions[i], w)
        if w.noise != 0:
            scores[i] += w.noise * gaussian(rng)
        best = max(best, scores[i])
    for i in range(count):
        if scores[i] >= best - tie:
            actions[ties] = actions[i]
            ties += 1
    pick = below(rng, ties) if ties > 1 else 0
    action[0] = actions[pick]


cdef void random_bot(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    cdef int32_t actions[MOST_ACTIONS]
    cdef int32_t count = list_actions(<const BeastyBar *>p, player, actions)
    action[0] = actions[below(rng, count)] if count else 0


cdef void heuristic(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[HEURISTIC])


cdef void aggressive(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[AGGRESSIVE])


cdef void defensive(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[DEFENSIVE])


cdef void queue(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[QUEUE])


cdef void skunk(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[SKUNKS])


cdef void noisy(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[NOISY])


cdef void online(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[ONLINE])


cdef void outcome_heuristic(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[OUTCOME])


cdef void distilled_outcome(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    choose(<const BeastyBar *>p, player, rng, action, &WEIGHTS[DISTILLED])


cdef int add_bots(Game game) except -1:
    game.add_bot("random", random_bot)
    game.add_bot("heuristic", heuristic)
    game.add_bot("aggressive", aggressive)
    game.add_bot("defensive", defensive)
    game.add_bot("queue", queue)
    game.add_bot("skunk", skunk)
    game.add_bot("noisy", noisy)
    game.add_bot("online", online)
    game.add_bot("outcome_heuristic", outcome_heuristic)
    game.add_bot("distilled_outcome", distilled_outcome)
    return 0


def action_scores(State state not None, str bot not None):
    """`(actions, scores)`: the legal actions of the seat to act, ascending, and what `bot` scores them, noise left out.

    Shapes `[N]`, int32 and float64. Raises ValueError for another game's state, a finished game or an unknown bot.
    """
    cdef int32_t[::1] actions = np.zeros(MOST_ACTIONS, np.int32)
    cdef double[::1] scores = np.zeros(MOST_ACTIONS, np.float64)
    cdef const BeastyBar *s = <const BeastyBar *>state.memory
    cdef const Weights *w
    cdef Before b
    cdef int i, count
    if state.game.name != "beasty_bar":
        raise ValueError(f"expected a state of beasty_bar, got one of {state.game.name}")
    if bot not in _ROWS:
        raise ValueError(f"no scores of {bot!r}; there are those of {', '.join(_ROWS)}")
    if s.over:
        raise ValueError("beasty_bar: the game is over, nobody is to act")
    w = &WEIGHTS[<int>_ROWS[bot]]
    count = list_actions(s, s.active, &actions[0])
    b = look(s, s.active, w)
    for i in range(count):
        scores[i] = score(&b, actions[i], w)
    return np.asarray(actions)[:count].copy(), np.asarray(scores)[:count].copy()
