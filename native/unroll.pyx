"""Cuts the decisions of many seats into unrolls of equal length, side by side in columns ready for the learner.

A *lane* is a stream of one policy's own decisions in one seat after another: `T` transitions and the observation that
follows them make an unroll, whose last row is the first row of the lane's next one. Rewards between two own decisions
add up. Letters: T unroll length, B unrolls in a batch, L lanes, N games, P seats, H heads, A mask bytes.
"""
import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from native.game cimport Game

_PER_LANE = ("observation", "legal", "action", "log_prob", "reward", "discount", "valid", "version")


cdef inline void pack_bits(const uint8_t *mask, int length, uint8_t *out) noexcept nogil:
    """Packs bytes 0 or 1 into bits, the first byte lowest; both our platforms are little-endian."""
    cdef uint64_t word
    cdef int i, whole = length & ~7
    for i in range(0, whole, 8):
        memcpy(&word, mask + i, 8)
        # byte i moves to bit 56 + i; every other product falls below bit 56 or off the top
        out[i >> 3] = <uint8_t>((word * <uint64_t>0x0102040810204080) >> 56)
    if whole < length:
        out[whole >> 3] = 0
        for i in range(whole, length):
            out[i >> 3] |= mask[i] << (i & 7)


cdef class UnrollAssembler:
    """Collects decisions per lane and hands out sealed batches of `B` unrolls.

    `discount` is gamma per own decision; the columns are those of `learners.chunk`, unroll layout.
    """

    cdef readonly Game game
    cdef readonly int num_lanes, unroll_length, batch
    cdef readonly float discount
    cdef dict lanes_memory, batch_memory
    cdef list sealed
    cdef int filled, observation_bytes, legal_bytes, heads, actions
    # memory of the lanes, [L, T + 1, ...]
    cdef uint8_t[:, :, ::1] observation, legal
    cdef int32_t[:, :, ::1] action
    cdef float[:, :, ::1] log_prob
    cdef float[:, ::1] reward, lane_discount
    cdef uint8_t[:, ::1] valid
    cdef int32_t[:, ::1] version
    cdef int32_t[::1] rows          # decisions noted in the lane's running unroll
    cdef uint8_t[::1] is_open       # the latest decision still waits for its reward and its successor
    # memory of the batch being filled, [T + 1, B, ...]
    cdef uint8_t[:, :, ::1] out_observation, out_legal
    cdef int32_t[:, :, ::1] out_action
    cdef float[:, :, ::1] out_log_prob
    cdef float[:, ::1] out_reward, out_discount
    cdef uint8_t[:, ::1] out_valid
    cdef int32_t[:, ::1] out_version

    def __init__(self, Game game, int num_lanes, int unroll_length, int batch, float discount):
        for name, value in (("num_lanes", num_lanes), ("unroll_length", unroll_length), ("batch", batch)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not 0 <= discount <= 1:
            raise ValueError(f"discount must be between 0 and 1, got {discount}")
        self.game, self.num_lanes, self.unroll_length, self.batch = game, num_lanes, unroll_length, batch
        self.discount = discount
        self.observation_bytes = game.observation_bytes
        self.actions = game.table.num_actions
        self.legal_bytes = (self.actions + 7) // 8
        self.heads = game.table.num_heads
        self.sealed = []
        self._bind_lanes(self._columns(num_lanes, unroll_length + 1)
                         | {"rows": np.zeros(num_lanes, np.int32), "is_open": np.zeros(num_lanes, np.uint8)})
        self._begin_batch()

    def _columns(self, first, second):
        return {
            "observation": np.zeros((first, second, self.observation_bytes), np.uint8),
            "legal": np.zeros((first, second, self.legal_bytes), np.uint8),
            "action": np.zeros((first, second, self.heads), np.int32),
            "log_prob": np.zeros((first, second, self.heads), np.float32),
            "reward": np.zeros((first, second), np.float32),
            "discount": np.zeros((first, second), np.float32),
            "valid": np.zeros((first, second), np.uint8),
            "version": np.zeros((first, second), np.int32),
        }

    def _bind_lanes(self, memory):
        self.lanes_memory = memory
        self.observation, self.legal = memory["observation"], memory["legal"]
        self.action, self.log_prob = memory["action"], memory["log_prob"]
        self.reward, self.lane_discount = memory["reward"], memory["discount"]
        self.valid, self.version = memory["valid"], memory["version"]
        self.rows, self.is_open = memory["rows"], memory["is_open"]

    def _bind_batch(self, memory, filled):
        self.batch_memory, self.filled = memory, filled
        self.out_observation, self.out_legal = memory["observation"], memory["legal"]
        self.out_action, self.out_log_prob = memory["action"], memory["log_prob"]
        self.out_reward, self.out_discount = memory["reward"], memory["discount"]
        self.out_valid, self.out_version = memory["valid"], memory["version"]

    def _begin_batch(self):
        self._bind_batch(self._columns(self.unroll_length + 1, self.batch), 0)

    def _seal(self):
        columns = dict(self.batch_memory)
        columns["observation"] = columns["observation"].view(self.game.observation_dtype).reshape(
            (self.unroll_length + 1, self.batch) + self.game.observation_shape)
        self.sealed.append(columns)
        self._begin_batch()

    def __len__(self):
        """Sealed batches waiting to be taken."""
        return len(self.sealed)

    def take(self):
        """The oldest sealed batch: columns `[T + 1, B, ...]` by name. Raises IndexError when there is none."""
        return self.sealed.pop(0)

    cdef int _emit(self, int lane) except -1 nogil:
        """Copies a full lane into the batch; its last row becomes the first of its next unroll."""
        cdef int t, column = self.filled
        cdef int last = self.unroll_length
        for t in range(last + 1):
            memcpy(&self.out_observation[t, column, 0], &self.observation[lane, t, 0], self.observation_bytes)
            memcpy(&self.out_legal[t, column, 0], &self.legal[lane, t, 0], self.legal_bytes)
        for t in range(last):
            memcpy(&self.out_action[t, column, 0], &self.action[lane, t, 0], self.heads * sizeof(int32_t))
            memcpy(&self.out_log_prob[t, column, 0], &self.log_prob[lane, t, 0], self.heads * sizeof(float))
            self.out_reward[t, column] = self.reward[lane, t]
            self.out_discount[t, column] = self.lane_discount[lane, t]
            self.out_valid[t, column] = self.valid[lane, t]
            self.out_version[t, column] = self.version[lane, t]
        memcpy(&self.observation[lane, 0, 0], &self.observation[lane, last, 0], self.observation_bytes)
        memcpy(&self.legal[lane, 0, 0], &self.legal[lane, last, 0], self.legal_bytes)
        memcpy(&self.action[lane, 0, 0], &self.action[lane, last, 0], self.heads * sizeof(int32_t))
        memcpy(&self.log_prob[lane, 0, 0], &self.log_prob[lane, last, 0], self.heads * sizeof(float))
        self.reward[lane, 0] = self.reward[lane, last]
        self.lane_discount[lane, 0] = self.lane_discount[lane, last]
        self.valid[lane, 0] = self.valid[lane, last]
        self.version[lane, 0] = self.version[lane, last]
        self.rows[lane] = 1
        self.filled += 1
        if self.filled == self.batch:
            with gil:
                self._seal()
        return 0

    cdef int _note(self, int lane, const uint8_t *observation, int row) except -1 nogil:
        """Opens row `row` of a lane with what the seat sees."""
        memcpy(&self.observation[lane, row, 0], observation, self.observation_bytes)
        self.reward[lane, row] = 0
        self.lane_discount[lane, row] = 0
        self.rows[lane] = row + 1
        return 0

    def record(self, int32_t[::1] lanes, observations, const uint8_t[:, ::1] legal, const int32_t[:, ::1] actions,
               const float[:, ::1] log_probs, int version):
        """Notes one decision in each of `lanes` (no lane twice).

        observations: `[n, *shape]`; legal: `[n, A]`; actions, log_probs: `[n, H]`; version: of the policy that acted.
        """
        cdef int n = lanes.shape[0], i, lane, row, a
        cdef const uint8_t[:, ::1] seen = np.ascontiguousarray(observations).view(np.uint8).reshape(
            n, self.observation_bytes)
        if legal.shape[0] != n or actions.shape[0] != n or log_probs.shape[0] != n:
            raise ValueError(f"{n} lanes, but {legal.shape[0]} masks, {actions.shape[0]} actions "
                             f"and {log_probs.shape[0]} log-probabilities")
        if legal.shape[1] != self.actions or actions.shape[1] != self.heads or log_probs.shape[1] != self.heads:
            raise ValueError(f"expected {self.actions} mask bytes and {self.heads} heads a row, got "
                             f"{legal.shape[1]}, {actions.shape[1]} and {log_probs.shape[1]}")
        for i in range(n):
            if lanes[i] < 0 or lanes[i] >= self.num_lanes:
                raise ValueError(f"lanes run from 0 to {self.num_lanes - 1}, got {lanes[i]}")
        with nogil:
            for i in range(n):
                lane = lanes[i]
                row = self.rows[lane]
                if self.is_open[lane]:
                    self.lane_discount[lane, row - 1] = self.discount
                self._note(lane, &seen[i, 0], row)
                pack_bits(&legal[i, 0], self.actions, &self.legal[lane, row, 0])
                for a in range(self.heads):
                    self.action[lane, row, a] = actions[i, a]
                    self.log_prob[lane, row, a] = log_probs[i, a]
                self.valid[lane, row] = 1
                self.version[lane, row] = version
                self.is_open[lane] = 1
                if row == self.unroll_length:
                    self._emit(lane)

    def settle(self, int32_t[:, ::1] lanes, const float[:, ::1] rewards, const uint8_t[::1] terminal,
               const uint8_t[::1] truncated, final_observations):
        """Notes what one step of all games brought.

        lanes: `[N, P]`, the lane of each seat, -1 where the seat is not recorded; rewards: `[N, P]`;
        terminal, truncated: `[N]`; final_observations: `[N, P, *shape]`, read where truncated.
        """
        cdef int games = lanes.shape[0], seats = lanes.shape[1], i, seat, lane, row
        cdef const uint8_t[:, :, ::1] final = np.ascontiguousarray(final_observations).view(np.uint8).reshape(
            games, seats, self.observation_bytes)
        if rewards.shape[0] != games or rewards.shape[1] != seats or terminal.shape[0] != games \
                or truncated.shape[0] != games:
            raise ValueError(f"lanes are of {games} games with {seats} seats, rewards of {rewards.shape[0]} with "
                             f"{rewards.shape[1]}, ends of {terminal.shape[0]} and {truncated.shape[0]}")
        with nogil:
            for i in range(games):
                for seat in range(seats):
                    lane = lanes[i, seat]
                    if lane < 0 or not self.is_open[lane]:
                        continue
                    row = self.rows[lane]
                    self.reward[lane, row - 1] += rewards[i, seat]
                    if terminal[i]:
                        self.is_open[lane] = 0
                    elif truncated[i]:
                        # the value of the final observation is bootstrapped from; nobody acted on it
                        self.lane_discount[lane, row - 1] = self.discount
                        self._note(lane, &final[i, seat, 0], row)
                        memset(&self.legal[lane, row, 0], 0xFF, self.legal_bytes)
                        memset(&self.action[lane, row, 0], 0, self.heads * sizeof(int32_t))
                        memset(&self.log_prob[lane, row, 0], 0, self.heads * sizeof(float))
                        self.valid[lane, row] = 0
                        self.version[lane, row] = self.version[lane, row - 1]
                        self.is_open[lane] = 0
                        if row == self.unroll_length:
                            self._emit(lane)

    def save(self):
        """Everything that is being assembled or waits to be taken, as arrays by name; `load` takes it."""
        saved = {f"lane_{name}": array.copy() for name, array in self.lanes_memory.items()}
        saved |= {f"batch_{name}": array.copy() for name, array in self.batch_memory.items()}
        for number, columns in enumerate(self.sealed):
            saved |= {f"sealed_{number}_{name}": array.copy() for name, array in columns.items()}
        return saved | {"filled": np.array([self.filled]), "num_sealed": np.array([len(self.sealed)])}

    def load(self, saved):
        """Goes on from what `save` gave. Raises ValueError for arrays of another assembler's shape."""
        for name, mine in (("lane_observation", self.lanes_memory["observation"]),
                           ("batch_observation", self.batch_memory["observation"])):
            if saved[name].shape != mine.shape:
                raise ValueError(f"saved {name} is {saved[name].shape}, this assembler's is {mine.shape}")
        self._bind_lanes({name: saved[f"lane_{name}"].copy() for name in (*_PER_LANE, "rows", "is_open")})
        self._bind_batch({name: saved[f"batch_{name}"].copy() for name in _PER_LANE}, int(saved["filled"][0]))
        self.sealed = [
            {name: saved[f"sealed_{number}_{name}"].copy() for name in _PER_LANE}
            for number in range(int(saved["num_sealed"][0]))
        ]
