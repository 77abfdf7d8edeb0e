"""The native side of `VectorGame`: `block` is plain C, usable without the GIL while the object lives."""
from native.block cimport Block
from native.game cimport Game

cdef class VectorGame:
    cdef Block block
    cdef readonly Game game
    cdef readonly int num_games, time_limit
    cdef readonly object seed
    cdef readonly object states, to_act, observations, legal, num_legal, rewards, terminal, truncated
    cdef readonly object final_observations, episode_returns, episode_lengths, metrics
    cdef readonly object lengths, episodes, returns, bot_rng
    cdef object row_seeds, _masks
    cdef tuple _action_shape
    cdef int _start(self) except -1
    cdef int _row(self, row) except -1
    cdef int _check_actions(self, actions, bint written) except -1
