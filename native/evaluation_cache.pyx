"""Evaluated positions of one game, for as many searches as use the same network one after another.

See `native/evaluation_cache.pxd` for what is kept, and `Search` for how it is used.
"""
import numpy as np

from libc.stdint cimport uint8_t, uintptr_t

from native.arrays cimport address
from native.game cimport Game


cdef class EvaluationCache:
    """Remembers evaluations of up to `entries` positions, in 24 + 4 (P + min(A, 64)) bytes each: P seats, A actions.

    It belongs to one network, and to one thread at a time. Positions of more than 64 legal actions are not remembered.

    Args:
        game: whose positions.
        entries: from 1 to 2**32, rounded up to a multiple of 4.
    """

    def __cinit__(self, Game game not None, entries):
        if not 1 <= entries <= 2**32:
            raise ValueError(f"entries must be from 1 to 2**32, got {entries}")
        cdef Cache *c = &self.cache
        c.groups = (entries + WAYS - 1) // WAYS
        c.room = min(game.table.num_actions, <int>ROOM)
        c.stride = sizeof(Evaluation) + (game.table.num_players + c.room) * sizeof(float)
        self.game, self.entries = game, c.groups * WAYS
        self.tags = np.zeros(self.entries * sizeof(Tag) + LINE_BYTES, np.uint8)
        self.contents = np.zeros(self.entries * c.stride, np.uint8)
        c.tags = <Tag *>((<uintptr_t>address(self.tags) + LINE_BYTES - 1) // LINE_BYTES * LINE_BYTES)
        c.contents = <uint8_t *>address(self.contents)

    def clear(self):
        """Forgets all, at once: for new weights. To be called while no leaf of a search waits for `expand`."""
        self.cache.cleared = self.cache.time

    @property
    def hits(self):
        """Leaves that needed no row of their own: remembered, or waiting for the same position as another game."""
        return self.cache.hits

    @property
    def misses(self):
        """Leaves that a network had to evaluate."""
        return self.cache.misses
