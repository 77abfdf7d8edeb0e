"""What happens in one tick of an arena; see `world.pyx`."""
from libc.stdint cimport uint32_t

from envs.arena.state cimport Arena, Intent

cdef void begin(Arena *s) noexcept nogil
cdef void act(Arena *s, const Intent *intents) noexcept nogil
cdef void simulate(Arena *s) noexcept nogil
cdef bint spawns_now(const Arena *s) noexcept nogil
cdef void spawn(Arena *s) noexcept nogil
cdef uint32_t living_teams(const Arena *s) noexcept nogil
