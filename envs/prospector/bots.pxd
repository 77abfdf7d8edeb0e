"""The scripted bots; `add_bots` registers them with a game of Prospector."""
from native.game cimport Game

cdef int add_bots(Game game) except -1
