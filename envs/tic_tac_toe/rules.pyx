"""Tic-tac-toe on two bitboards: square `3 * row + column`, action = square.

Observation `[2, 3, 3]` uint8: own stones, the other's stones. Seat 0 begins. Rewards +1, -1, 0 at the end.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from native.game cimport TERMINAL, UINT8, ZERO_SUM, Game, GameTable, new_game
from native.random cimport below, mix

cdef struct TicTacToe:
    uint32_t stones[2]      # bit `square` of the seat's stones
    int32_t to_move         # seat to act, or TERMINAL
    int32_t winner          # seat, or -1

cdef enum:
    FULL = 0x1FF


cdef inline bint has_line(uint32_t s) noexcept nogil:
    cdef uint32_t rows = s & (s >> 1) & (s >> 2) & 0x49
    cdef uint32_t columns = s & (s >> 3) & (s >> 6)
    return rows != 0 or columns != 0 or (s & 0x111) == 0x111 or (s & 0x54) == 0x54


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef TicTacToe *s = <TicTacToe *>p
    memset(s, 0, sizeof(TicTacToe))
    s.winner = -1


cdef int32_t to_act(const void *p) noexcept nogil:
    return (<const TicTacToe *>p).to_move


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    cdef const TicTacToe *s = <const TicTacToe *>p
    cdef uint32_t taken = s.stones[0] | s.stones[1] if s.to_move == player else FULL
    cdef int32_t square, count = 0
    for square in range(9):
        mask[square] = not (taken >> square) & 1
        count += mask[square]
    return count


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    cdef TicTacToe *s = <TicTacToe *>p
    cdef int32_t square = action[0], mover = s.to_move
    if mover < 0 or square < 0 or square >= 9 or ((s.stones[0] | s.stones[1]) >> square) & 1:
        return -1
    s.stones[mover] |= <uint32_t>1 << square
    if has_line(s.stones[mover]):
        s.winner = mover
        s.to_move = TERMINAL
    elif (s.stones[0] | s.stones[1]) == FULL:
        s.to_move = TERMINAL
    else:
        s.to_move = 1 - mover
    return 0


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    cdef const TicTacToe *s = <const TicTacToe *>p
    cdef uint8_t *planes = <uint8_t *>out
    cdef int32_t square
    for square in range(9):
        planes[square] = (s.stones[player] >> square) & 1
        planes[9 + square] = (s.stones[1 - player] >> square) & 1


cdef void rewards(const void *p, float *out) noexcept nogil:
    cdef const TicTacToe *s = <const TicTacToe *>p
    out[0] = out[1] = 0
    if s.winner >= 0:
        out[s.winner] = 1
        out[1 - s.winner] = -1


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    pass    # nothing is hidden


cdef uint64_t key(const void *p) noexcept nogil:
    cdef const TicTacToe *s = <const TicTacToe *>p
    return mix(s.stones[0] | <uint64_t>s.stones[1] << 9 | 1 << 18)


cdef void symmetry(int32_t which, int32_t *observation_index, int32_t *action_index) noexcept nogil:
    cdef int32_t row, column, r, c, _turn, square
    for row in range(3):
        for column in range(3):
            r, c = row, column
            if which >= 4:
                c = 2 - c
            for _turn in range(which % 4):
                r, c = c, 2 - r
            square = 3 * row + column
            action_index[square] = observation_index[square] = 3 * r + c
            observation_index[9 + square] = 9 + 3 * r + c


cdef void one_ply(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    """Wins if it can, else stops a win of the other seat, else plays anywhere."""
    cdef const TicTacToe *s = <const TicTacToe *>p
    cdef uint32_t taken = s.stones[0] | s.stones[1]
    cdef int32_t square, side, choice, count = 0
    for side in range(2):
        for square in range(9):
            if not (taken >> square) & 1 and has_line(s.stones[player ^ side] | <uint32_t>1 << square):
                action[0] = square
                return
    for square in range(9):
        count += not (taken >> square) & 1
    choice = below(rng, count)
    for square in range(9):
        if not (taken >> square) & 1:
            if choice == 0:
                action[0] = square
                return
            choice -= 1


def make():
    """The game. It has no options."""
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = sizeof(TicTacToe)
    table.num_players = 2
    table.num_heads = 1
    table.head_sizes[0] = table.num_actions = 9
    table.observation_dims = 3
    table.observation_shape[0], table.observation_shape[1], table.observation_shape[2] = 2, 3, 3
    table.observation_type = UINT8
    table.max_length = 9
    table.flags = ZERO_SUM
    table.rules_version = 1
    table.num_symmetries = 8
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize, table.key = observe, rewards, redeterminize, key
    table.symmetry = symmetry
    cdef Game game = new_game(__name__, "tic_tac_toe", {}, &table, ())
    game.add_bot("one_ply", one_ply)
    return game
