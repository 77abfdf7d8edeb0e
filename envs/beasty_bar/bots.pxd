"""The ten opponents; `add_bots` registers them with a game of Beasty Bar."""
from native.game cimport Game

cdef int add_bots(Game game) except -1
