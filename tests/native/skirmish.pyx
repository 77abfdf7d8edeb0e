"""A game made to be awkward for a vector of games; compiled by its tests, played by nobody.

Three seats, two heads (a stance of 3, a place of 300), rounds in which all living seats decide at once and rounds in
which one does, chance, seats that die early, metrics, a time limit that some games reach. Observation `[2, 3]` int16.
"""
from libc.stdint cimport int16_t, int32_t, uint8_t, uint64_t
from libc.string cimport memset

from native.game cimport (
    INT16, SIMULTANEOUS, SIMULTANEOUS_MOVES, STOCHASTIC, TERMINAL, Game, GameTable, new_game
)
from native.random cimport below, mix

cdef enum:
    SEATS = 3
    STANCES = 3
    PLACES = 300
    LIMIT = 7
    LONGEST = 12

cdef struct Skirmish:
    uint64_t rng
    int32_t round
    int32_t to_act
    int32_t strength[SEATS]
    float gained[SEATS]


cdef inline bint is_open(const Skirmish *s, int32_t player, int32_t place) noexcept nogil:
    return (place * 7 + s.round * 13 + player) % 37 == 0 or place == (s.round * 71) % PLACES


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef Skirmish *s = <Skirmish *>p
    cdef int32_t seat
    memset(s, 0, sizeof(Skirmish))
    s.rng = seed
    s.to_act = SIMULTANEOUS
    for seat in range(SEATS):
        s.strength[seat] = 3 + <int32_t>below(&s.rng, 9)


cdef int32_t to_act(const void *p) noexcept nogil:
    return (<const Skirmish *>p).to_act


cdef inline bint decides(const Skirmish *s, int32_t player) noexcept nogil:
    return s.strength[player] > 0 and (s.to_act == SIMULTANEOUS or s.to_act == player)


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    cdef const Skirmish *s = <const Skirmish *>p
    cdef int32_t i, count = 0
    memset(mask, 0, STANCES + PLACES)
    if not decides(s, player):
        return 0
    for i in range(STANCES):
        mask[i] = i == 0 or s.strength[player] > 2 * i
        count += mask[i]
    for i in range(PLACES):
        mask[STANCES + i] = is_open(s, player, i)
        count += mask[STANCES + i]
    return count


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    cdef Skirmish *s = <Skirmish *>p
    cdef int32_t seat, stance, place, living = 0
    cdef const int32_t *chosen
    if s.to_act == TERMINAL:
        return -1
    for seat in range(SEATS):
        if decides(s, seat):
            chosen = action + (2 * seat if s.to_act == SIMULTANEOUS else 0)
            stance, place = chosen[0], chosen[1]
            if stance < 0 or stance >= STANCES or (stance > 0 and s.strength[seat] <= 2 * stance):
                return -1
            if place < 0 or place >= PLACES or not is_open(s, seat, place):
                return -1
    for seat in range(SEATS):
        s.gained[seat] = 0
        if decides(s, seat):
            chosen = action + (2 * seat if s.to_act == SIMULTANEOUS else 0)
            s.gained[seat] = chosen[0] + chosen[1] / <float>512
            s.strength[seat] -= chosen[0] + <int32_t>below(&s.rng, 2)
    s.round += 1
    for seat in range(SEATS):
        living += s.strength[seat] > 0
    if living < 2 or s.round == LONGEST:
        s.to_act = TERMINAL
    elif s.round % 3 == 2:
        s.to_act = 2 if s.strength[2] > 0 else 1
    else:
        s.to_act = SIMULTANEOUS
    return 0


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    cdef const Skirmish *s = <const Skirmish *>p
    cdef int16_t *seen = <int16_t *>out
    cdef int32_t i
    for i in range(SEATS):
        seen[i] = <int16_t>s.strength[(player + i) % SEATS]
        seen[SEATS + i] = <int16_t>(-1000 * s.round - player)


cdef void rewards(const void *p, float *out) noexcept nogil:
    cdef int32_t seat
    for seat in range(SEATS):
        out[seat] = (<const Skirmish *>p).gained[seat]


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    (<Skirmish *>p).rng = seed


cdef uint64_t key(const void *p) noexcept nogil:
    cdef const Skirmish *s = <const Skirmish *>p
    return mix(s.rng ^ <uint64_t>s.round << 32 ^ <uint64_t>s.strength[0] << 16 ^ <uint64_t>s.strength[1])


cdef void metrics(const void *p, float *out) noexcept nogil:
    cdef const Skirmish *s = <const Skirmish *>p
    out[0] = s.round
    out[1] = s.strength[0] + 100 * s.strength[1]


cdef void bold(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    """The highest stance at an open place, drawn by looking for one from a random place on."""
    cdef const Skirmish *s = <const Skirmish *>p
    action[0] = 2 if s.strength[player] > 4 else 1 if s.strength[player] > 2 else 0
    action[1] = <int32_t>below(rng, PLACES)
    while not is_open(s, player, action[1]):
        action[1] = (action[1] + 1) % PLACES


def make():
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = sizeof(Skirmish)
    table.num_players = SEATS
    table.num_heads = 2
    table.head_sizes[0], table.head_sizes[1], table.num_actions = STANCES, PLACES, STANCES + PLACES
    table.observation_dims = 2
    table.observation_shape[0], table.observation_shape[1] = 2, SEATS
    table.observation_type = INT16
    table.max_length = LONGEST
    table.time_limit = LIMIT
    table.flags = STOCHASTIC | SIMULTANEOUS_MOVES
    table.rules_version = 1
    table.num_symmetries = 1
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize, table.key = observe, rewards, redeterminize, key
    table.metrics = metrics
    cdef Game game = new_game(__name__, "skirmish", {}, &table, ("rounds", "strength"))
    game.add_bot("bold", bold)
    return game
