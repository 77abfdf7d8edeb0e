"""N games of one kind side by side in one block of memory, stepped without the GIL.

A row that ends begins its next episode in the same step: rewards, `terminal` and `truncated` are the finished game's,
observations, masks and `to_act` the new one's. Letters: N games, P seats, S seats shown, A mask bytes, H heads.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from numpy cimport NPY_INT32, PyArray_ISCARRAY, PyArray_ISCARRAY_RO, PyArray_TYPE, ndarray

from native.arrays cimport address, described
from native.block cimport begin_row, bot_row, first_illegal, random_row, show_row, step_row
from native.game cimport SIMULTANEOUS_MOVES, TERMINAL, Game, State, bot_function
from native.masks cimport MASK_PADDING
from native.random cimport derive

_SAVED = ("states", "lengths", "episodes", "returns", "bot_rng")

cdef enum:
    BOT_STREAM = 0x626F74       # "bot": keeps a row's bot generator apart from the seeds of its episodes


cdef class VectorGame:
    """`num_games` games of one kind. Row i's e-th episode depends on (`seed`, i, e) and the actions of row i alone.

    The arrays are views on native memory that every step overwrites: copy what must last.

    Args:
        game: from `envs.registry.make`.
        num_games: N, at least 1.
        seed: 0 .. 2**64 - 1.
        time_limit: calls of apply after which an episode is truncated; 0: never; default: the game's own.

    Attributes:
        states: uint8 `[N, state_bytes]`.
        to_act: int32 `[N]`, seat to act, or -2 where all seats decide at once.
        observations: `[N, *shape]` of the seat to act; `[N, P, *shape]` of all seats in games with simultaneous moves.
        legal: uint8 `[N, A]` or `[N, P, A]`, masks of the same seats; `num_legal` int32 `[N]` or `[N, P]` counts them.
        rewards: float32 `[N, P]` of the latest step; `terminal`, `truncated`: uint8 `[N]` of the latest step.
        final_observations: `[N, P, *shape]`, last view of every seat, valid for rows truncated in the latest step.
        episode_returns, episode_lengths, metrics: float32 `[N, P]`, int32 `[N]`, float32 `[N, len(metric_names)]`,
            valid for rows that finished in the latest step.
        lengths, returns, episodes: int32 `[N]`, float32 `[N, P]` of the running episodes; int64 `[N]` begun so far.
        bot_rng: uint64 `[N]`, generators of the bots.
    """

    def __cinit__(self, Game game, num_games, seed=0, time_limit=None):
        if game is None:
            raise ValueError("a VectorGame needs a game, got None")
        limit = game.table.time_limit if time_limit is None else time_limit
        if not 1 <= num_games < 2**31:
            raise ValueError(f"num_games must be at least 1, got {num_games}")
        if not 0 <= limit < 2**31:
            raise ValueError(f"time_limit must be at least 0, got {limit}")
        self.game, self.num_games, self.time_limit = game, num_games, limit
        seats = game.table.num_players if game.table.flags & SIMULTANEOUS_MOVES else 1
        players, bytes_of_masks = game.table.num_players, num_games * seats * game.table.num_actions
        shown = (num_games, seats) if game.table.flags & SIMULTANEOUS_MOVES else (num_games,)
        self._action_shape = (*shown, game.table.num_heads)
        self.row_seeds = np.zeros(num_games, np.uint64)
        self.states = np.zeros((num_games, game.table.state_bytes), np.uint8)
        self.lengths = np.zeros(num_games, np.int32)
        self.episodes = np.zeros(num_games, np.int64)
        self.returns = np.zeros((num_games, players), np.float32)
        self.bot_rng = np.zeros(num_games, np.uint64)
        self.to_act = np.zeros(num_games, np.int32)
        self.observations = np.zeros((*shown, *game.observation_shape), game.observation_dtype)
        self._masks = np.zeros(bytes_of_masks + MASK_PADDING, np.uint8)
        self.legal = self._masks[:bytes_of_masks].reshape(*shown, game.table.num_actions)
        self.num_legal = np.zeros(shown, np.int32)
        self.rewards = np.zeros((num_games, players), np.float32)
        self.terminal = np.zeros(num_games, np.uint8)
        self.truncated = np.zeros(num_games, np.uint8)
        self.final_observations = np.zeros((num_games, players, *game.observation_shape), game.observation_dtype)
        self.episode_returns = np.zeros((num_games, players), np.float32)
        self.episode_lengths = np.zeros(num_games, np.int32)
        self.metrics = np.zeros((num_games, len(game.metric_names)), np.float32)
        self.block.table = game.table
        self.block.num_games, self.block.seats, self.block.time_limit = num_games, seats, limit
        self.block.num_metrics = len(game.metric_names) if game.table.metrics != NULL else 0
        self.block.observation_bytes = game.observation_bytes
        self.block.row_seeds = <uint64_t *>address(self.row_seeds)
        self.block.states = <uint8_t *>address(self.states)
        self.block.lengths = <int32_t *>address(self.lengths)
        self.block.episodes = <int64_t *>address(self.episodes)
        self.block.returns = <float *>address(self.returns)
        self.block.bot_rng = <uint64_t *>address(self.bot_rng)
        self.block.to_act = <int32_t *>address(self.to_act)
        self.block.observations = <uint8_t *>address(self.observations)
        self.block.legal = <uint8_t *>address(self._masks)
        self.block.num_legal = <int32_t *>address(self.num_legal)
        self.block.rewards = <float *>address(self.rewards)
        self.block.terminal = <uint8_t *>address(self.terminal)
        self.block.truncated = <uint8_t *>address(self.truncated)
        self.block.final_observations = <uint8_t *>address(self.final_observations)
        self.block.episode_returns = <float *>address(self.episode_returns)
        self.block.episode_lengths = <int32_t *>address(self.episode_lengths)
        self.block.metrics = <float *>address(self.metrics)
        self.reset(seed)

    def reset(self, seed=None):
        """Begins all anew, as just made, with the same seed or another one (0 .. 2**64 - 1)."""
        if seed is not None:
            if not 0 <= seed < 2**64:
                raise ValueError(f"seed must be 0 to 2**64 - 1, got {seed}")
            self.seed = int(seed)
        self._start()
        self.episodes[:] = 0
        cdef Py_ssize_t row
        with nogil:
            for row in range(self.block.num_games):
                self.block.bot_rng[row] = derive(self.block.row_seeds[row] ^ BOT_STREAM, BOT_STREAM)
                begin_row(&self.block, row)
                show_row(&self.block, row)

    cdef int _start(self) except -1:
        """Sets the rows' seeds from `seed`, and clears what the latest step left."""
        cdef uint64_t row, word = self.seed
        for row in range(<uint64_t>self.block.num_games):
            self.block.row_seeds[row] = derive(word, row)
        for array in (self.rewards, self.terminal, self.truncated):
            array.fill(0)
        return 0

    def step(self, actions):
        """Plays one action in every row; `actions` int32 `[N, H]` (`[N]` too if H is 1) or `[N, P, H]`, C-contiguous.

        Raises ValueError naming game, row and value, with nothing changed, for a wrong shape or dtype or an action
        that its mask forbids; RuntimeError if the rules refuse what their own mask allowed.
        """
        self._check_actions(actions, False)
        cdef const int32_t *action = <const int32_t *>address(actions)
        cdef Py_ssize_t row, stride = self.block.seats * self.block.table.num_heads, place, refused = -1
        with nogil:
            place = first_illegal(&self.block, action)
            if place < 0:
                for row in range(self.block.num_games):
                    if step_row(&self.block, row, action + row * stride) != 0:
                        refused = row
        if place >= 0:
            self._raise_illegal(place, action[place])
        if refused >= 0:
            self._raise_broken(refused, actions[refused].tolist())

    cdef int _check_actions(self, actions, bint written) except -1:
        if not isinstance(actions, ndarray) or PyArray_TYPE(<ndarray>actions) != NPY_INT32:
            raise ValueError(f"{self.game.name}: actions must be an int32 array, got {described(actions)}")
        shape = actions.shape
        if shape != self._action_shape and (shape + (1,) != self._action_shape or len(self._action_shape) != 2):
            raise ValueError(f"{self.game.name}: actions must have the shape {self._action_shape}, got {shape}")
        if not (PyArray_ISCARRAY(<ndarray>actions) if written else PyArray_ISCARRAY_RO(<ndarray>actions)):
            raise ValueError(f"{self.game.name}: actions must be C-contiguous{' and writeable' if written else ''}")
        return 0

    def _raise_broken(self, row, action):
        raise RuntimeError(f"{self.game.name}, row {row}: the rules refuse action {action}, which the mask allows")

    def _raise_illegal(self, place, action):
        """`place` counts through `[N, S, H]`."""
        row, seat, head = np.unravel_index(place, (self.num_games, self.block.seats, self.block.table.num_heads))
        where = f"{self.game.name}, row {row}"
        if self.block.seats > 1:
            where += f", seat {seat}"
        if self.block.table.num_heads > 1:
            where += f", head {head}"
        first = sum(self.game.head_sizes[:head])
        mask = self.legal.reshape(self.num_games, self.block.seats, self.block.table.num_actions)[row, seat]
        legal = np.flatnonzero(mask[first:first + self.game.head_sizes[head]]).tolist()
        raise ValueError(f"{where}: action {action} is illegal; legal are {legal}")

    def random_actions(self, actions):
        """Fills `actions` (as `step` takes them) with uniformly random legal ones, drawn from the rows' bot_rng."""
        self.bot_actions("random", np.arange(self.num_games), actions)

    def bot_actions(self, str bot, rows, actions, seats=None):
        """Fills `actions` (as `step` takes them) in `rows` with what a scripted bot plays for the seat to act.

        `bot` is one of the game's `bot_names`, or "random" (uniform over the mask, each head on its own), which every
        game has. In a game with simultaneous moves, `seats` names one seat per entry of `rows`; None means all seats.
        Seats without a legal action get zeros. Raises ValueError for an unknown bot, a row or seat out of range.
        """
        self._check_actions(actions, True)
        cdef bot_function function = NULL
        if bot != "random" or bot in self.game.bot_names:
            function = self.game.bots[self.game.bot_index(bot)]
        cdef const int64_t[::1] chosen = indices("rows", rows, self.num_games)
        cdef const int64_t[::1] seat_of = chosen
        if seats is not None:
            if self.block.seats == 1:
                raise ValueError(f"{self.game.name} has no simultaneous moves: seats must be None, got {seats}")
            seat_of = indices("seats", seats, self.block.seats)
            if len(seat_of) != len(chosen):
                raise ValueError(f"one seat per row: got {len(chosen)} rows and {len(seat_of)} seats")
        cdef int32_t *action = <int32_t *>address(actions)
        cdef Py_ssize_t entry, row
        cdef int32_t seat, heads = self.block.table.num_heads
        cdef bint all_seats = seats is None
        with nogil:
            for entry in range(chosen.shape[0]):
                row = chosen[entry]
                for seat in range(self.block.seats):
                    if all_seats or seat_of[entry] == seat:
                        bot_row(&self.block, function, row, seat, action + (row * self.block.seats + seat) * heads)

    def play_random(self, int64_t steps):
        """`steps` steps of uniformly random legal play in every row; returns N * `steps`."""
        cdef int32_t[::1] action = np.zeros(self.block.seats * self.block.table.num_heads, np.int32)
        cdef int64_t _step
        cdef Py_ssize_t row, refused = -1
        cdef int32_t seat
        with nogil:
            for _step in range(steps):
                for row in range(self.block.num_games):
                    for seat in range(self.block.seats):
                        random_row(&self.block, row, seat, &action[seat * self.block.table.num_heads])
                    if step_row(&self.block, row, &action[0]) != 0:
                        refused = row
                        break
                if refused >= 0:
                    break
        if refused >= 0:
            self._raise_broken(refused, np.asarray(action).tolist())
        return steps * self.num_games

    cdef int _row(self, row) except -1:
        if not 0 <= row < self.num_games:
            raise ValueError(f"{self.game.name}: rows are 0 to {self.num_games - 1}, got {row}")
        return row

    def state(self, row):
        """A copy of one row's state."""
        cdef State state = State.__new__(State, self.game)
        memcpy(state.memory, self.block.states + <Py_ssize_t>self._row(row) * self.block.table.state_bytes,
               self.block.table.state_bytes)
        return state

    def set_state(self, row, State state):
        """Puts a copy of `state` in a row: an episode of length 0 and return 0 goes on from there.

        Raises ValueError for a state of another game or a finished one.
        """
        cdef Py_ssize_t at = self._row(row)
        if state.game != self.game:
            raise ValueError(f"row {row} plays {self.game!r}, got a state of {state.game!r}")
        if self.block.table.to_act(state.memory) == TERMINAL:
            raise ValueError(f"{self.game.name}, row {row}: a finished state cannot go on")
        memcpy(self.block.states + at * self.block.table.state_bytes, state.memory, self.block.table.state_bytes)
        for array in (self.lengths, self.returns, self.rewards, self.terminal, self.truncated):
            array[at] = 0
        show_row(&self.block, at)

    def save(self):
        """Copies of all that the future depends on, by name; `load` continues from them."""
        saved = {name: getattr(self, name).copy() for name in _SAVED}
        saved["seed"] = np.array([self.seed], np.uint64)
        return saved

    def load(self, saved):
        """Continues from what `save` of a vector of the same game and size returned; the latest step's results are 0.

        Raises ValueError, with nothing changed, for a missing array, a wrong shape or dtype, or a finished state.
        """
        arrays = {}
        for name, own in (*((name, getattr(self, name)) for name in _SAVED), ("seed", np.zeros(1, np.uint64))):
            if name not in saved:
                raise ValueError(f"{self.game.name}: saved has no {name!r}, only {', '.join(sorted(saved))}")
            arrays[name] = given = np.asarray(saved[name])
            if given.shape != own.shape or given.dtype != own.dtype:
                raise ValueError(
                    f"{self.game.name}: {name} must be {own.dtype} {own.shape}, got {given.dtype} {given.shape}"
                )
        cdef const uint8_t[:, ::1] states = np.array(arrays["states"], order="C")
        cdef Py_ssize_t row
        for row in range(states.shape[0]):
            if self.block.table.to_act(&states[row, 0]) == TERMINAL:
                raise ValueError(f"{self.game.name}, row {row}: a finished state cannot go on")
        for name in _SAVED:
            getattr(self, name)[...] = arrays[name]
        self.seed = int(arrays["seed"][0])
        self._start()
        for row in range(self.block.num_games):
            show_row(&self.block, row)


def indices(name, given, bound):
    """`given` as an int64 array `[n]`. Raises ValueError unless it holds integers from 0 to bound - 1."""
    array = np.asarray(given)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise ValueError(f"{name} must be a list of integers, got {described(array)}")
    wrong = array[(array < 0) | (array >= bound)]
    if len(wrong):
        raise ValueError(f"{name} must be 0 to {bound - 1}, got {wrong[0]}")
    return np.ascontiguousarray(array, np.int64)
