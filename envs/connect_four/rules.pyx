"""Connect Four on two bitboards: row 0 is the bottom, a stone is bit `8 * row + column`, action = column.

Column 7 stays empty, so that shifts by 1, 7, 8 and 9 never run a line round the edge of the board.
Observation `[2, 6, 7]` uint8: own stones, the other's stones; row 0 is the bottom. Seat 0 begins. Rewards +1, -1, 0
at the end. Byte order: little-endian (x86-64, arm64).
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from native.game cimport TERMINAL, UINT8, ZERO_SUM, Game, GameTable, new_game
from native.random cimport below, mix

cdef struct ConnectFour:
    uint64_t stones[2]      # by seat
    int32_t to_move         # seat to act, or TERMINAL
    int32_t winner          # seat, or -1

cdef enum:
    COLUMNS = 7
    ROWS = 6
    PLANE = 42

cdef extern from *:
    """
    #define BOTTOM 0x7FULL
    #define COLUMN 0x010101010101ULL
    #define BYTES 0x0101010101010101ULL
    #define SPREAD 0x0002040810204081ULL
    """
    const uint64_t BOTTOM       # row 0
    const uint64_t COLUMN       # column 0
    const uint64_t BYTES        # the lowest bit of every byte
    const uint64_t SPREAD       # copies of seven bits, seven apart: bit i of one lands on bit 0 of byte i


cdef inline uint64_t seven_bytes(uint64_t row) noexcept nogil:
    """One byte, 0 or 1, per bit of a row; the eighth byte is 0."""
    return ((row & BOTTOM) * SPREAD) & BYTES


cdef inline uint64_t landing(uint64_t taken) noexcept nogil:
    """Where a stone dropped into each column comes to rest; row 6 for a full column."""
    return (taken << 8 | BOTTOM) & ~taken


cdef inline bint has_line(uint64_t s) noexcept nogil:
    cdef uint64_t flat = s & s >> 1, rising = s & s >> 9, upright = s & s >> 8, falling = s & s >> 7
    return ((flat & flat >> 2) | (rising & rising >> 18) | (upright & upright >> 16) | (falling & falling >> 14)) != 0


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef ConnectFour *s = <ConnectFour *>p
    s.stones[0] = s.stones[1] = 0
    s.to_move = 0
    s.winner = -1


cdef int32_t to_act(const void *p) noexcept nogil:
    return (<const ConnectFour *>p).to_move


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    cdef const ConnectFour *s = <const ConnectFour *>p
    cdef uint64_t free = ~(s.stones[0] | s.stones[1]) >> 8 * (ROWS - 1) & -<uint64_t>(s.to_move == player)
    cdef uint64_t flags = seven_bytes(free), tail = flags >> 24
    memcpy(mask, &flags, 4)
    memcpy(mask + 3, &tail, 4)      # a mask has seven bytes: an eighth would be somebody else's
    return <int32_t>(flags * BYTES >> 56)


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    cdef ConnectFour *s = <ConnectFour *>p
    cdef int32_t column = action[0], mover = s.to_move
    cdef uint64_t taken, stone
    cdef bint won
    if mover < 0 or column < 0 or column >= COLUMNS:
        return -1
    taken = s.stones[0] | s.stones[1]
    stone = landing(taken) & COLUMN << column
    if stone == 0:
        return -1
    s.stones[mover] |= stone
    won = has_line(s.stones[mover])
    s.winner = mover if won else -1
    s.to_move = TERMINAL if won | ((taken | stone) == COLUMN * BOTTOM) else 1 - mover
    return 0


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    cdef const ConnectFour *s = <const ConnectFour *>p
    cdef uint8_t *planes = <uint8_t *>out
    cdef uint64_t own = s.stones[player], other = s.stones[1 - player], row = 0, below_top
    cdef int32_t r
    # Each store of eight bytes spills a zero into the next row, which is written after it.
    for r in range(ROWS):
        row = seven_bytes(own >> 8 * r)
        memcpy(planes + COLUMNS * r, &row, 8)
    for r in range(ROWS - 1):
        row = seven_bytes(other >> 8 * r)
        memcpy(planes + PLANE + COLUMNS * r, &row, 8)
    below_top = row
    row = seven_bytes(other >> 8 * (ROWS - 1)) << 8 | below_top >> 48
    memcpy(planes + 2 * PLANE - 8, &row, 8)


cdef void rewards(const void *p, float *out) noexcept nogil:
    cdef const ConnectFour *s = <const ConnectFour *>p
    cdef int32_t first = (s.winner == 0) - (s.winner == 1)
    out[0] = <float>first
    out[1] = <float>-first


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    pass    # nothing is hidden


cdef uint64_t key(const void *p) noexcept nogil:
    """No collisions: the highest bit in a column of `stones[0] | landing` gives its height, and `mix` is bijective."""
    cdef const ConnectFour *s = <const ConnectFour *>p
    return mix(s.stones[0] | landing(s.stones[0] | s.stones[1]))


cdef void symmetry(int32_t which, int32_t *observation_index, int32_t *action_index) noexcept nogil:
    """0: identity, 1: left and right exchanged."""
    cdef int32_t line, column, source
    for column in range(COLUMNS):
        source = COLUMNS - 1 - column if which else column
        action_index[column] = source
        for line in range(2 * ROWS):
            observation_index[COLUMNS * line + column] = COLUMNS * line + source


cdef void one_ply(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    """Wins if it can, else stops a win of the other seat, else plays anywhere."""
    cdef const ConnectFour *s = <const ConnectFour *>p
    cdef uint64_t free = landing(s.stones[0] | s.stones[1]) & COLUMN * BOTTOM, stone
    cdef int32_t column, side, choice, count = 0
    for side in range(2):
        for column in range(COLUMNS):
            stone = free & COLUMN << column
            if stone and has_line(s.stones[player ^ side] | stone):
                action[0] = column
                return
    for column in range(COLUMNS):
        count += (free & COLUMN << column) != 0
    choice = below(rng, count)
    for column in range(COLUMNS):
        if free & COLUMN << column:
            if choice == 0:
                action[0] = column
                return
            choice -= 1


def make():
    """The game. It has no options."""
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = sizeof(ConnectFour)
    table.num_players = 2
    table.num_heads = 1
    table.head_sizes[0] = table.num_actions = COLUMNS
    table.observation_dims = 3
    table.observation_shape[0], table.observation_shape[1], table.observation_shape[2] = 2, ROWS, COLUMNS
    table.observation_type = UINT8
    table.max_length = PLANE
    table.flags = ZERO_SUM
    table.rules_version = 1
    table.num_symmetries = 2
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize, table.key = observe, rewards, redeterminize, key
    table.symmetry = symmetry
    cdef Game game = new_game(__name__, "connect_four", {}, &table, ())
    game.add_bot("one_ply", one_ply)
    return game
