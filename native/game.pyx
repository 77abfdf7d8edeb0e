"""Python's view of a game: `Game` (the rules with their options) and `State` (one position in memory of its own).

Both check what they are given and raise sentences; below them C never raises. Letters: P seats, A mask bytes, H heads.
"""
import importlib

import numpy as np

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

_TYPES = {UINT8: np.dtype(np.uint8), INT8: np.dtype(np.int8), INT16: np.dtype(np.int16), FLOAT32: np.dtype(np.float32)}


def rebuild(str module, dict options):
    """The game that `module.make(**options)` makes; what a pickled `Game` unpickles through."""
    return importlib.import_module(module).make(**options)


cdef uint64_t _word(seed) except? 0:
    if not 0 <= seed < 2**64:
        raise ValueError(f"a seed is a number from 0 to 2**64 - 1, got {seed}")
    return seed


cdef class Game:
    """The rules of one game with its options. Made by `envs.registry.make(name, **options)`; pickles as its name."""

    def __init__(self):
        raise TypeError('a Game is made by envs.registry.make("connect_four"), not by calling the class')

    def __reduce__(self):
        return rebuild, (self.module, self.options)

    def __repr__(self):
        chosen = "".join(f", {key}={value!r}" for key, value in self.options.items())
        return f"envs.registry.make({self.name!r}{chosen})"

    def __eq__(self, other):
        return isinstance(other, Game) and self.name == other.name and self.options == other.options

    def __hash__(self):
        return hash((self.name, tuple(sorted(self.options.items()))))

    @property
    def num_players(self):
        return self.table.num_players

    @property
    def num_actions(self):
        """Bytes of a legal mask: the sum of the head sizes."""
        return self.table.num_actions

    @property
    def observation_dtype(self):
        return _TYPES[self.table.observation_type]

    @property
    def observation_scale(self):
        """What a network multiplies an observation by, float32 of its shape; None: nothing to scale."""
        if self.table.scale == NULL:
            return None
        cdef float[::1] view
        out = np.ones(int(np.prod(self.observation_shape)), np.float32)
        view = out
        self.table.scale(&view[0])
        return out.reshape(self.observation_shape)

    @property
    def max_length(self):
        """No game takes more actions than this."""
        return self.table.max_length

    @property
    def time_limit(self):
        """Actions after which a vector of games truncates; 0: never."""
        return self.table.time_limit

    @property
    def state_bytes(self):
        return self.table.state_bytes

    @property
    def rules_version(self):
        return self.table.rules_version

    @property
    def zero_sum(self):
        return bool(self.table.flags & ZERO_SUM)

    @property
    def stochastic(self):
        return bool(self.table.flags & STOCHASTIC)

    @property
    def hidden(self):
        """Whether some seat does not know the whole state."""
        return bool(self.table.flags & HIDDEN)

    @property
    def simultaneous(self):
        return bool(self.table.flags & SIMULTANEOUS_MOVES)

    @property
    def symmetries(self):
        """Gather indices `(observation_index, action_index)` per symmetry, identity first: out[i] = in[index[i]]."""
        cdef int32_t[::1] observation, action
        cdef int which
        size = int(np.prod(self.observation_shape))
        found = []
        for which in range(max(1, self.table.num_symmetries)):
            observation_index = np.arange(size, dtype=np.int32)
            action_index = np.arange(self.table.num_actions, dtype=np.int32)
            if self.table.symmetry != NULL:
                observation, action = observation_index, action_index
                self.table.symmetry(which, &observation[0], &action[0])
            found.append((observation_index, action_index))
        return found

    def new_state(self, seed=0):
        """The start of a game; `seed` (0 .. 2**64 - 1) fixes every chance event in it."""
        cdef State state = State.__new__(State, self)
        self.table.reset(state.memory, _word(seed), self.table.options)
        return state

    def from_bytes(self, bytes data):
        """The state that `State.to_bytes` wrote. Raises ValueError for a wrong length."""
        if len(data) != self.table.state_bytes:
            raise ValueError(f"a {self.name} state has {self.table.state_bytes} bytes, got {len(data)}")
        cdef State state = State.__new__(State, self)
        memcpy(state.memory, <const uint8_t *>data, self.table.state_bytes)
        return state

    cdef int add_bot(self, str name, bot_function bot) except -1:
        """Called by a game's module while it makes the game."""
        if len(self.bot_names) == 16:
            raise ValueError(f"{self.name} has 16 bots already, no room for {name!r}")
        self.bots[len(self.bot_names)] = bot
        self.bot_names += (name,)
        return 0

    def bot_index(self, str name):
        """Place of a scripted bot in `bot_names`. Raises ValueError naming those there are."""
        if name not in self.bot_names:
            raise ValueError(f"{self.name} has no bot {name!r}; it has {', '.join(self.bot_names) or 'none'}")
        return self.bot_names.index(name)


cdef Game new_game(str module, str name, dict options, const GameTable *table, tuple metric_names):
    """For the `make` of a game's module: `module` is that module's name, `options` what the user chose."""
    cdef Game game = Game.__new__(Game)
    game.table = table[0]
    game.module, game.name, game.options = module, name, options
    game.metric_names, game.bot_names = metric_names, ()
    game.observation_shape = tuple(table.observation_shape[i] for i in range(table.observation_dims))
    game.head_sizes = tuple(table.head_sizes[i] for i in range(table.num_heads))
    game.observation_bytes = int(np.prod(game.observation_shape)) * _TYPES[table.observation_type].itemsize
    if sum(game.head_sizes) != table.num_actions:
        raise ValueError(f"{name}: head sizes {game.head_sizes} do not add up to {table.num_actions} actions")
    return game


cdef class State:
    """One state of `game`, in memory of its own. Made by `Game.new_state`, `Game.from_bytes` or `clone`."""

    def __cinit__(self, Game game not None):
        self.game = game
        self.memory = <uint8_t *>PyMem_Malloc(game.table.state_bytes)
        if self.memory == NULL:
            raise MemoryError
        memset(self.memory, 0, game.table.state_bytes)

    def __dealloc__(self):
        PyMem_Free(self.memory)

    def __reduce__(self):
        return self.game.from_bytes, (self.to_bytes(),)

    def __eq__(self, other):
        if not isinstance(other, State) or self.game != (<State>other).game:
            return False
        return memcmp(self.memory, (<State>other).memory, self.game.table.state_bytes) == 0

    __hash__ = None

    def clone(self):
        """An independent copy."""
        cdef State twin = State.__new__(State, self.game)
        memcpy(twin.memory, self.memory, self.game.table.state_bytes)
        return twin

    def to_bytes(self):
        """The whole state; `Game.from_bytes` reads it."""
        return (<char *>self.memory)[:self.game.table.state_bytes]

    def to_act(self):
        """The seat that decides, -1 when the game is over, -2 when all seats decide at once."""
        return self.game.table.to_act(self.memory)

    @property
    def is_terminal(self):
        return self.game.table.to_act(self.memory) == TERMINAL

    cdef int _seat(self, player) except -1:
        cdef int seat = player if player is not None else max(0, self.to_act())
        if not 0 <= seat < self.game.table.num_players:
            raise ValueError(f"{self.game.name} has seats 0 to {self.game.table.num_players - 1}, got {seat}")
        return seat

    def legal(self, player=None):
        """Mask of the legal actions of `player` (default: the seat to act). Shape `[A]`, uint8."""
        cdef uint8_t[::1] mask
        out = np.zeros(self.game.table.num_actions, np.uint8)
        mask = out
        self.game.table.legal(self.memory, self._seat(player), &mask[0])
        return out

    def legal_actions(self, player=None):
        """Indices of the ones of `legal`, ascending."""
        return np.flatnonzero(self.legal(player)).tolist()

    def apply(self, action):
        """Plays `action`: an int, `[H]` for several heads, `[P, H]` for simultaneous moves.

        Raises ValueError for an illegal action or a wrong length, with the state unchanged.
        """
        cdef GameTable *table = &self.game.table
        numbers = np.asarray(action)
        if numbers.dtype.kind not in "iu" or (numbers.size and np.abs(numbers).max() > 2**31 - 1):
            raise ValueError(f"{self.game.name}: action {action!r} is not made of 32-bit integers")
        cdef int32_t[::1] given = np.ascontiguousarray(numbers, dtype=np.int32).reshape(-1)
        wanted = table.num_heads * (table.num_players if table.to_act(self.memory) == SIMULTANEOUS else 1)
        if given.shape[0] != wanted:
            raise ValueError(f"{self.game.name} takes {wanted} action numbers here, got {given.shape[0]}")
        if table.to_act(self.memory) == TERMINAL:
            raise ValueError(f"{self.game.name}: action {action} after the end of the game")
        if table.apply(self.memory, &given[0]) != 0:
            raise ValueError(f"{self.game.name}: action {action} is illegal; legal are {self.legal_actions()}")

    def observe(self, player=None):
        """What `player` (default: the seat to act) sees. Shape and dtype as the game declares."""
        cdef int seat = self._seat(player)
        cdef uint8_t[::1] memory
        out = np.zeros(self.game.observation_bytes, np.uint8)
        memory = out
        self.game.table.observe(self.memory, seat, &memory[0])
        return out.view(self.game.observation_dtype).reshape(self.game.observation_shape)

    def rewards(self):
        """Rewards of the latest action. Shape `[P]`, float32; zeros at the start."""
        cdef float[::1] view
        out = np.zeros(self.game.table.num_players, np.float32)
        view = out
        self.game.table.rewards(self.memory, &view[0])
        return out

    def redeterminize(self, int player, seed):
        """Resamples in place everything that `player` cannot know: hidden cards, future chance."""
        self.game.table.redeterminize(self.memory, self._seat(player), _word(seed))

    def key(self):
        """64-bit hash, equal for equal states."""
        return self.game.table.key(self.memory)

    def information_key(self, player=None):
        """64-bit hash of all that `player` (default: the seat to act) knows of the game so far."""
        cdef int seat = self._seat(player)
        if self.game.table.information_key == NULL:
            return self.game.table.key(self.memory)
        return self.game.table.information_key(self.memory, seat)

    def metrics(self):
        """The game's own figures by name, for a finished game; empty if it has none."""
        cdef float[::1] view
        if self.game.table.metrics == NULL:
            return {}
        out = np.zeros(len(self.game.metric_names), np.float32)
        view = out
        self.game.table.metrics(self.memory, &view[0])
        return dict(zip(self.game.metric_names, out.tolist()))

    def bot_action(self, str bot, rng, player=None):
        """`(action [H], rng)`: what the scripted bot plays for `player`, and its generator's next state."""
        cdef int seat = self._seat(player)
        cdef uint64_t word = rng
        cdef int32_t[::1] view
        out = np.zeros(self.game.table.num_heads, np.int32)
        view = out
        self.game.bots[self.game.bot_index(bot)](self.memory, seat, &word, &view[0])
        return out, word
