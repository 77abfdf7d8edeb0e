"""The scripted bots of the arena; `add_bots` registers them with a game."""
from native.game cimport Game

cdef int add_bots(Game game) except -1
