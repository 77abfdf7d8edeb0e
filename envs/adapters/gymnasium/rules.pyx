"""Any environment of Gymnasium as a game of one seat, by its id: sizes and types; `vector` plays it.

An environment is an object of Python, not plain memory: its game has states of 0 bytes. They cannot be made, copied or
searched, and no `VectorGame` can step them; `envs.adapters.vectors.make_vector` makes what can.
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memset

from native.game cimport (
    FLOAT32, HIDDEN, INT8, INT16, STOCHASTIC, TERMINAL, UINT8, Game, GameTable, new_game
)

from envs.adapters.gymnasium.environment import arguments_as_text, facts_of

cdef enum:
    NO_BOUND = 2147483647       # actions of a game of an environment without a time limit

_TYPES = {"uint8": UINT8, "int8": INT8, "int16": INT16, "float32": FLOAT32}


# The table of a state without memory: it is over, so that whoever steps it all the same is refused.

cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    pass


cdef int32_t to_act(const void *p) noexcept nogil:
    return TERMINAL


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    return 0


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    return -1


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    pass


cdef void rewards(const void *p, float *out) noexcept nogil:
    out[0] = 0


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    pass


cdef uint64_t key(const void *p) noexcept nogil:
    return 0


cdef class GymnasiumGame(Game):
    """The facts of an environment. `first_actions` is what the environment calls action 0 of each head."""

    cdef readonly tuple first_actions
    cdef object scale

    @property
    def observation_scale(self):
        """What a network multiplies an observation by, float32 of its shape; None: nothing to scale."""
        return self.scale

    def new_state(self, seed=0):
        """Raises ValueError: there are no states."""
        raise ValueError(f"{self!r} has no states: an environment of Gymnasium is stepped by make_vector alone")

    def from_bytes(self, bytes data):
        """Raises ValueError: there are no states."""
        self.new_state()


def make(id=None, arguments=None):
    """The game of the environment `id`, which its constructor makes with `arguments`.

    id: as `gymnasium.make` takes it, "CartPole-v1" or "a_module:ItsGame-v0".
    arguments: a mapping of names to plain values, or its JSON.
    """
    if not isinstance(id, str):
        raise ValueError(f"gymnasium: id must name an environment, such as CartPole-v1, got {id!r}")
    text = arguments_as_text(arguments)
    facts = facts_of(id, text)
    cdef GameTable table
    cdef int i
    memset(&table, 0, sizeof(table))
    table.num_players = 1
    table.num_heads = len(facts.head_sizes)
    for i, size in enumerate(facts.head_sizes):
        table.head_sizes[i] = size
    table.num_actions = sum(facts.head_sizes)
    table.observation_dims = len(facts.observation_shape)
    for i, size in enumerate(facts.observation_shape):
        table.observation_shape[i] = size
    table.observation_type = _TYPES[str(facts.observation_dtype)]
    table.max_length = facts.time_limit or NO_BOUND
    table.time_limit = facts.time_limit
    table.flags = STOCHASTIC | HIDDEN
    table.rules_version = 1
    table.num_symmetries = 1
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize, table.key = observe, rewards, redeterminize, key
    cdef Game plain = new_game(__name__, "gymnasium", {"id": id, "arguments": text}, &table, ())
    cdef GymnasiumGame game = GymnasiumGame.__new__(GymnasiumGame)
    game.table = plain.table
    game.module, game.name, game.options = plain.module, plain.name, plain.options
    game.metric_names, game.bot_names = plain.metric_names, plain.bot_names
    game.observation_shape, game.head_sizes = plain.observation_shape, plain.head_sizes
    game.observation_bytes = plain.observation_bytes
    game.first_actions, game.scale = facts.first_actions, facts.observation_scale
    return game
