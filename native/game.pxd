"""The contract between rules and everything that runs them: a table of C functions over a POD state.

A state is `state_bytes` of plain memory: cloned with `memcpy`, saved as bytes, no pointer inside. Its random number
generator is part of it. Every function may be called from any thread without the GIL and never raises. `player` is a
seat, 0 .. num_players - 1; a *mask* has `num_actions` bytes, the heads of a multi-head action one after another.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    TERMINAL = -1           # to_act: the game is over
    SIMULTANEOUS = -2       # to_act: every living seat decides at once
    MAX_HEADS = 8
    MAX_DIMS = 4
    MAX_OPTIONS = 32

cdef enum GameFlag:
    ZERO_SUM = 1            # the rewards of all seats add up to 0 after every action
    STOCHASTIC = 2          # apply or reset draw from the state's generator
    HIDDEN = 4              # some seat does not know the whole state
    SIMULTANEOUS_MOVES = 8  # to_act may answer SIMULTANEOUS

cdef enum ElementType:
    UINT8 = 0
    INT8 = 1
    INT16 = 2
    FLOAT32 = 3

ctypedef void (*reset_function)(void *state, uint64_t seed, const double *options) noexcept nogil
ctypedef int32_t (*to_act_function)(const void *state) noexcept nogil
ctypedef int32_t (*legal_function)(const void *state, int32_t player, uint8_t *mask) noexcept nogil
ctypedef int32_t (*apply_function)(void *state, const int32_t *action) noexcept nogil
ctypedef void (*observe_function)(const void *state, int32_t player, void *out) noexcept nogil
ctypedef void (*rewards_function)(const void *state, float *out) noexcept nogil
ctypedef void (*redeterminize_function)(void *state, int32_t player, uint64_t seed) noexcept nogil
ctypedef uint64_t (*key_function)(const void *state) noexcept nogil
ctypedef uint64_t (*information_key_function)(const void *state, int32_t player) noexcept nogil
ctypedef void (*metrics_function)(const void *state, float *out) noexcept nogil
ctypedef void (*symmetry_function)(int32_t which, int32_t *observation_index, int32_t *action_index) noexcept nogil
ctypedef int32_t (*nth_legal_function)(const void *state, int32_t n) noexcept nogil
ctypedef void (*scale_function)(float *out) noexcept nogil
ctypedef void (*bot_function)(const void *state, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil

ctypedef struct GameTable:
    # facts
    int32_t state_bytes
    int32_t num_players
    int32_t num_heads
    int32_t head_sizes[MAX_HEADS]
    int32_t num_actions                 # sum of head_sizes: the bytes of a mask
    int32_t observation_dims
    int32_t observation_shape[MAX_DIMS]
    int32_t observation_type            # ElementType
    int32_t max_length                  # no game takes more calls of apply than this
    int32_t time_limit                  # a vector of games truncates after this many calls; 0: never
    int32_t flags                       # GameFlag, or-ed
    int32_t rules_version               # raised whenever the meaning of a state, action or observation changes
    int32_t num_symmetries              # including the identity, which is number 0
    double options[MAX_OPTIONS]         # handed to reset; what a slot means is the game's own affair
    # functions
    reset_function reset                # starts a game that depends on (seed, options) alone
    to_act_function to_act              # the seat that decides, SIMULTANEOUS or TERMINAL
    legal_function legal                # writes the mask of `player`; returns how many bytes are 1
    apply_function apply                # [heads], or [players, heads] when SIMULTANEOUS; 0, or -1 and state unchanged
    observe_function observe            # what `player` sees, C order, observation_type; only what that seat may know
    rewards_function rewards            # [players], of the latest apply; zeros after reset
    redeterminize_function redeterminize  # resamples all that `player` cannot know, future chance included
    key_function key                    # equal for equal states; differs, but for hash collisions, for others
    information_key_function information_key  # the same of what `player` knows; NULL: everybody knows everything
    metrics_function metrics            # [len(metric_names)] of a finished game; NULL if there are none
    symmetry_function symmetry          # gather indices: out[i] = in[index[i]]; NULL if num_symmetries is 1
    nth_legal_function nth_legal        # action of the seat to act with n legal ones before it; NULL: look at the mask
    scale_function scale                # factor of each entry that brings it to about 0 .. 1; NULL: 1 everywhere

cdef class Game:
    """A game with its options chosen; the native side reads `table`, see `game.pyx` for the Python side."""
    cdef GameTable table
    cdef bot_function bots[16]
    cdef readonly str module, name
    cdef readonly dict options
    cdef readonly tuple metric_names, bot_names, observation_shape, head_sizes
    cdef readonly int observation_bytes
    cdef int add_bot(self, str name, bot_function bot) except -1

cdef Game new_game(str module, str name, dict options, const GameTable *table, tuple metric_names)

cdef class State:
    """One state of a game in memory of its own."""
    cdef readonly Game game
    cdef uint8_t *memory
    cdef int _seat(self, player) except -1
