"""Kuhn poker (Kuhn 1950): each of two seats antes 1 chip and gets one of three cards; then one bet of 1 chip at most.

Action 0 passes: it checks, or folds to a bet. Action 1 bets, or calls. Seat 0 begins. The higher card wins at showdown.
Rewards at the end: chips won, -2 to 2. With perfect play seat 0 loses 1/18 of a chip per game.

Observation uint8 of 0 and 1, `[11]`: viewer's seat (2), viewer's card from the lowest (3), moves (3 x 2: pass, bet).
The other card is never shown, at the end neither.
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from native.game cimport HIDDEN, STOCHASTIC, TERMINAL, UINT8, ZERO_SUM, Game, GameTable, State, new_game
from native.random cimport below, derive, mix

cdef struct Kuhn:
    uint8_t card[2]         # by seat
    uint8_t num_moves
    uint8_t moves[3]
    uint8_t spare[2]

cdef enum:
    CARDS = 3
    PASS = 0
    BET = 1
    SIZE = 11


cdef inline bint over(const Kuhn *s) noexcept nogil:
    return s.num_moves == 3 or s.num_moves == 2 and not (s.moves[0] == PASS and s.moves[1] == BET)


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef Kuhn *s = <Kuhn *>p
    cdef uint64_t rng = derive(seed, 0)
    memset(s, 0, sizeof(Kuhn))
    s.card[0] = <uint8_t>below(&rng, CARDS)
    s.card[1] = <uint8_t>((s.card[0] + 1 + below(&rng, CARDS - 1)) % CARDS)


cdef int32_t to_act(const void *p) noexcept nogil:
    cdef const Kuhn *s = <const Kuhn *>p
    return TERMINAL if over(s) else s.num_moves % 2


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    mask[PASS] = mask[BET] = to_act(p) == player
    return mask[PASS] + mask[BET]


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    cdef Kuhn *s = <Kuhn *>p
    if over(s) or action[0] < PASS or action[0] > BET:
        return -1
    s.moves[s.num_moves] = <uint8_t>action[0]
    s.num_moves += 1
    return 0


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    cdef const Kuhn *s = <const Kuhn *>p
    cdef uint8_t *at = <uint8_t *>out
    cdef int32_t i
    memset(at, 0, SIZE)
    at[player] = 1
    at[2 + s.card[player]] = 1
    for i in range(s.num_moves):
        at[5 + 2 * i + s.moves[i]] = 1


cdef void rewards(const void *p, float *out) noexcept nogil:
    cdef const Kuhn *s = <const Kuhn *>p
    cdef int32_t last, first_wins
    out[0] = out[1] = 0
    if not over(s):
        return
    last = s.num_moves - 1
    if s.moves[last] == PASS and s.moves[last - 1] == BET:
        out[last % 2], out[1 - last % 2] = -1, 1
        return
    first_wins = 1 if s.card[0] > s.card[1] else -1
    out[0] = <float>(first_wins * (1 + s.moves[last]))
    out[1] = -out[0]


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    """The other card is one of the other two; nothing changes once the chips are paid."""
    cdef Kuhn *s = <Kuhn *>p
    cdef uint64_t rng = derive(seed, 1)
    if not over(s):
        s.card[1 - player] = <uint8_t>((s.card[player] + 1 + below(&rng, CARDS - 1)) % CARDS)


cdef uint64_t key(const void *p) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, p, sizeof(Kuhn))
    return mix(word)


cdef uint64_t information_key(const void *p, int32_t player) noexcept nogil:
    cdef Kuhn seen = (<const Kuhn *>p)[0]
    seen.card[1 - player] = CARDS
    return key(&seen)


def deals(Game game not None):
    """A state for each of the six deals; all are equally likely."""
    cdef State state
    cdef int32_t first, second
    found = []
    for first in range(CARDS):
        for second in range(CARDS):
            if first != second:
                state = game.new_state()
                (<Kuhn *>state.memory).card[0] = <uint8_t>first
                (<Kuhn *>state.memory).card[1] = <uint8_t>second
                found.append(state)
    return found


def make():
    """The game. It has no options."""
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = sizeof(Kuhn)
    table.num_players = 2
    table.num_heads = 1
    table.head_sizes[0] = table.num_actions = 2
    table.observation_dims = 1
    table.observation_shape[0] = SIZE
    table.observation_type = UINT8
    table.max_length = 3
    table.flags = ZERO_SUM | STOCHASTIC | HIDDEN
    table.rules_version = 1
    table.num_symmetries = 1
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize = observe, rewards, redeterminize
    table.key, table.information_key = key, information_key
    return new_game(__name__, "kuhn_poker", {}, &table, ())
