"""N games side by side as plain C: what `VectorGame` wraps, usable by native code without the GIL.

Letters: N games, P seats, S seats that are shown (P if the game has simultaneous moves, else 1: the seat to act),
A mask bytes, H heads, M metrics. One thread at a time may touch a block.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from native.game cimport TERMINAL, GameTable, bot_function
from native.masks cimport count_ones, nth_one
from native.random cimport below, derive

ctypedef struct Block:
    # fixed while the block lives
    GameTable table
    int32_t num_games
    int32_t seats               # S
    int32_t time_limit          # calls of apply after which a game is truncated; 0: never
    int32_t num_metrics
    int64_t observation_bytes   # of one seat
    # what the future depends on
    uint64_t *row_seeds         # [N], all from the vector's one seed
    uint8_t *states             # [N, state_bytes]
    int32_t *lengths            # [N], of the running episode
    int64_t *episodes           # [N], how many were begun
    float *returns              # [N, P], of the running episode
    uint64_t *bot_rng           # [N]
    # what is shown of the states
    int32_t *to_act             # [N]
    uint8_t *observations       # [N, S, observation_bytes]
    uint8_t *legal              # [N, S, A], then MASK_PADDING bytes
    int32_t *num_legal          # [N, S], ones of each mask
    # of the latest step
    float *rewards              # [N, P]
    uint8_t *terminal           # [N]
    uint8_t *truncated          # [N]
    uint8_t *final_observations     # [N, P, observation_bytes], of rows truncated in it
    float *episode_returns      # [N, P], these three of rows that finished in it
    int32_t *episode_lengths    # [N]
    float *metrics              # [N, M]


cdef inline void show_row(Block *block, Py_ssize_t row) noexcept nogil:
    """Writes who is to act, what is seen and what is legal."""
    cdef const GameTable *table = &block.table
    cdef const uint8_t *state = block.states + row * table.state_bytes
    cdef int32_t act = table.to_act(state), seat
    cdef Py_ssize_t at = row * block.seats
    block.to_act[row] = act
    if block.seats == 1:
        block.num_legal[row] = table.legal(state, act, block.legal + row * table.num_actions)
        table.observe(state, act, block.observations + row * block.observation_bytes)
        return
    for seat in range(block.seats):
        block.num_legal[at + seat] = table.legal(state, seat, block.legal + (at + seat) * table.num_actions)
        table.observe(state, seat, block.observations + (at + seat) * block.observation_bytes)


cdef inline void begin_row(Block *block, Py_ssize_t row) noexcept nogil:
    """Resets the state to the row's next episode."""
    cdef GameTable *table = &block.table
    table.reset(
        block.states + row * table.state_bytes,
        derive(block.row_seeds[row], <uint64_t>block.episodes[row]),
        table.options,
    )
    block.episodes[row] += 1
    block.lengths[row] = 0
    memset(block.returns + row * table.num_players, 0, table.num_players * sizeof(float))


cdef inline void finish_row(Block *block, Py_ssize_t row) noexcept nogil:
    """Keeps what is reported of an episode that ended."""
    cdef const GameTable *table = &block.table
    cdef const uint8_t *state = block.states + row * table.state_bytes
    cdef Py_ssize_t first = row * table.num_players
    cdef int32_t seat
    memcpy(block.episode_returns + first, block.returns + first, table.num_players * sizeof(float))
    block.episode_lengths[row] = block.lengths[row]
    if block.num_metrics:
        table.metrics(state, block.metrics + row * block.num_metrics)
    if block.truncated[row]:
        for seat in range(table.num_players):
            table.observe(state, seat, block.final_observations + (first + seat) * block.observation_bytes)


cdef inline int32_t step_row(Block *block, Py_ssize_t row, const int32_t *action) noexcept nogil:
    """Plays `action` (`[H]`, or `[P, H]` where S is P) in one row; 0, or -1, nothing changed, if the rules refuse."""
    cdef const GameTable *table = &block.table
    cdef uint8_t *state = block.states + row * table.state_bytes
    cdef float *reward = block.rewards + row * table.num_players
    cdef float *returns = block.returns + row * table.num_players
    cdef int32_t seat, length
    cdef bint over, cut
    if block.seats > 1 and block.to_act[row] >= 0:
        action += block.to_act[row] * table.num_heads
    if table.apply(state, action) != 0:
        return -1
    table.rewards(state, reward)
    for seat in range(table.num_players):
        returns[seat] += reward[seat]
    length = block.lengths[row] + 1
    block.lengths[row] = length
    over = table.to_act(state) == TERMINAL
    cut = not over and 0 < block.time_limit <= length
    block.terminal[row] = over
    block.truncated[row] = cut
    if over or cut:
        finish_row(block, row)
        begin_row(block, row)
    show_row(block, row)
    return 0


cdef inline void random_row(Block *block, Py_ssize_t row, int32_t seat, int32_t *action) noexcept nogil:
    """Uniformly random legal action `[H]` of the `seat`-th shown seat, each head on its own; 0 where none is legal."""
    cdef const GameTable *table = &block.table
    cdef Py_ssize_t at = row * block.seats + seat
    cdef const uint8_t *mask = block.legal + at * table.num_actions
    cdef uint64_t *rng = block.bot_rng + row
    cdef int32_t head, count
    if table.num_heads == 1:
        count = block.num_legal[at]
        if count and table.nth_legal != NULL:
            action[0] = table.nth_legal(block.states + row * table.state_bytes, below(rng, count))
        else:
            action[0] = nth_one(mask, table.num_actions, below(rng, count)) if count else 0
        return
    for head in range(table.num_heads):
        count = count_ones(mask, table.head_sizes[head])
        action[head] = nth_one(mask, table.head_sizes[head], below(rng, count)) if count else 0
        mask += table.head_sizes[head]


cdef inline Py_ssize_t first_illegal(const Block *block, const int32_t *action) noexcept nogil:
    """Place in `[N, S, H]` of the first action that its mask forbids; -1 if there is none.

    A head without any legal entry (a seat that does not act now) may hold anything.
    """
    cdef const GameTable *table = &block.table
    cdef const uint8_t *mask = block.legal
    cdef Py_ssize_t _row, place = 0
    cdef int32_t head, size
    for _row in range(<Py_ssize_t>block.num_games * block.seats):
        for head in range(table.num_heads):
            size = table.head_sizes[head]
            if action[place] < 0 or action[place] >= size or not mask[action[place]]:
                if count_ones(mask, size) > 0:
                    return place
            mask += size
            place += 1
    return -1


cdef inline void bot_row(
    Block *block, bot_function function, Py_ssize_t row, int32_t seat, int32_t *action
) noexcept nogil:
    """What a bot (NULL: random) plays for the `seat`-th shown seat; zeros where it has nothing to choose."""
    cdef const GameTable *table = &block.table
    if function == NULL:
        random_row(block, row, seat, action)
    elif block.num_legal[row * block.seats + seat] == 0:
        memset(action, 0, table.num_heads * sizeof(int32_t))
    else:
        function(
            block.states + row * table.state_bytes,
            seat if block.seats > 1 else block.to_act[row],
            block.bot_rng + row,
            action,
        )
