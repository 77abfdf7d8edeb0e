"""Leduc hold'em (Southey et al. 2005, "Bayes' bluff"): two seats, three ranks of two cards each, two rounds of betting.

Each seat antes 1 chip and gets a card; in the second round a third card lies open. Actions: 0 folds (only to a bet),
1 checks or calls, 2 bets or raises by 2 chips, by 4 in the second round, twice a round at most. Seat 0 begins each
round. At showdown a pair with the open card wins, else the higher rank; equal ranks share. Rewards at the end: chips
won, -13 to 13.

Suits make no difference and are not shown. Observation uint8 of 0 and 1, `[32]`: viewer's seat (2), rank of the
viewer's card (3), rank of the open card (3, zeros in the first round), moves (2 rounds x 4 x 3: fold, call, raise).
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from native.game cimport HIDDEN, STOCHASTIC, TERMINAL, UINT8, ZERO_SUM, Game, GameTable, State, new_game
from native.random cimport below, derive, mix

cdef struct Leduc:
    uint8_t card[2]         # by seat, 2 * rank + suit
    uint8_t open_card       # dealt at the start, seen from the second round on
    uint8_t round           # 0, 1
    uint8_t num_moves[2]    # by round
    uint8_t moves[2][4]
    uint8_t paid[2]         # chips in the pot, by seat
    uint8_t to_move
    uint8_t over
    uint8_t spare[6]

cdef enum:
    CARDS = 6
    FOLD = 0
    CALL = 1
    RAISE = 2
    MOST_RAISES = 2
    SIZE = 32
    UNKNOWN = 7             # a card, in information keys


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef Leduc *s = <Leduc *>p
    cdef uint64_t rng = derive(seed, 0)
    memset(s, 0, sizeof(Leduc))
    s.paid[0] = s.paid[1] = 1
    s.card[0] = <uint8_t>below(&rng, CARDS)
    s.card[1] = draw(s.card[0], UNKNOWN, &rng)
    s.open_card = draw(s.card[0], s.card[1], &rng)


cdef inline uint8_t draw(uint8_t gone, uint8_t also_gone, uint64_t *rng) noexcept nogil:
    """A card that is neither of two; UNKNOWN is none."""
    cdef int32_t low = min(gone, also_gone), high = max(gone, also_gone)
    cdef int32_t card = below(rng, CARDS - (low < CARDS) - (high < CARDS))
    card += card >= low
    card += card >= high
    return <uint8_t>card


cdef int32_t to_act(const void *p) noexcept nogil:
    cdef const Leduc *s = <const Leduc *>p
    return TERMINAL if s.over else <int32_t>s.to_move


cdef inline int32_t raises(const Leduc *s) noexcept nogil:
    """In this round."""
    cdef int32_t i, count = 0
    for i in range(s.num_moves[s.round]):
        count += s.moves[s.round][i] == RAISE
    return count


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    cdef const Leduc *s = <const Leduc *>p
    cdef bint acts = not s.over and s.to_move == player
    mask[FOLD] = acts and s.paid[player] < s.paid[1 - player]
    mask[CALL] = acts
    mask[RAISE] = acts and raises(s) < MOST_RAISES
    return mask[FOLD] + mask[CALL] + mask[RAISE]


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    cdef Leduc *s = <Leduc *>p
    cdef uint8_t mask[3]
    cdef int32_t me = s.to_move, other = 1 - me, move = action[0]
    if move < FOLD or move > RAISE or legal(p, me, mask) == 0 or not mask[move]:
        return -1
    s.moves[s.round][s.num_moves[s.round]] = <uint8_t>move
    s.num_moves[s.round] += 1
    s.to_move = <uint8_t>other
    if move == FOLD:
        s.over = 1
    elif move == RAISE:
        s.paid[me] = <uint8_t>(s.paid[other] + (4 if s.round else 2))
    else:
        s.paid[me] = s.paid[other]
        if s.num_moves[s.round] > 1:        # a call ends the round, but for a check that begins it
            s.over = s.round
            s.round, s.to_move = 1, 0
    return 0


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    cdef const Leduc *s = <const Leduc *>p
    cdef uint8_t *at = <uint8_t *>out
    cdef int32_t r, i
    memset(at, 0, SIZE)
    at[player] = 1
    at[2 + s.card[player] // 2] = 1
    if s.round:
        at[5 + s.open_card // 2] = 1
    for r in range(2):
        for i in range(s.num_moves[r]):
            at[8 + 12 * r + 3 * i + s.moves[r][i]] = 1


cdef inline int32_t strength(const Leduc *s, int32_t seat) noexcept nogil:
    cdef int32_t rank = s.card[seat] // 2
    return 3 + rank if rank == s.open_card // 2 else rank


cdef void rewards(const void *p, float *out) noexcept nogil:
    cdef const Leduc *s = <const Leduc *>p
    cdef int32_t first, last = s.num_moves[s.round] - 1
    out[0] = out[1] = 0
    if not s.over:
        return
    if s.moves[s.round][last] == FOLD:
        first = -1 if s.to_move else 1      # who folded has passed the turn on
    else:
        first = (strength(s, 0) > strength(s, 1)) - (strength(s, 0) < strength(s, 1))
    out[0] = <float>(first * min(s.paid[0], s.paid[1]))
    out[1] = -out[0]


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    """Draws the other seat's card anew, and the open card before it is seen; nothing once the chips are paid."""
    cdef Leduc *s = <Leduc *>p
    cdef uint64_t rng = derive(seed, 1)
    if s.over:
        return
    s.card[1 - player] = draw(s.card[player], s.open_card if s.round else UNKNOWN, &rng)
    if not s.round:
        s.open_card = draw(s.card[0], s.card[1], &rng)


cdef uint64_t key(const void *p) noexcept nogil:
    cdef uint64_t words[3]
    memcpy(words, p, sizeof(Leduc))
    return mix(mix(mix(words[0]) ^ words[1]) + words[2])


cdef uint64_t information_key(const void *p, int32_t player) noexcept nogil:
    """By rank: suits make no difference."""
    cdef Leduc seen = (<const Leduc *>p)[0]
    seen.card[player] //= 2
    seen.card[1 - player] = UNKNOWN
    seen.open_card = seen.open_card // 2 if seen.round else UNKNOWN
    return key(&seen)


def deals(Game game not None):
    """A state for each of the 120 deals of two cards and an open one; all are equally likely."""
    cdef State state
    cdef uint8_t first, second, third
    found = []
    for first in range(CARDS):
        for second in range(CARDS):
            for third in range(CARDS):
                if first != second and first != third and second != third:
                    state = game.new_state()
                    (<Leduc *>state.memory).card[0] = first
                    (<Leduc *>state.memory).card[1] = second
                    (<Leduc *>state.memory).open_card = third
                    found.append(state)
    return found


def make():
    """The game. It has no options."""
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = sizeof(Leduc)
    table.num_players = 2
    table.num_heads = 1
    table.head_sizes[0] = table.num_actions = 3
    table.observation_dims = 1
    table.observation_shape[0] = SIZE
    table.observation_type = UINT8
    table.max_length = 8
    table.flags = ZERO_SUM | STOCHASTIC | HIDDEN
    table.rules_version = 1
    table.num_symmetries = 1
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize = observe, rewards, redeterminize
    table.key, table.information_key = key, information_key
    return new_game(__name__, "leduc_poker", {}, &table, ())
