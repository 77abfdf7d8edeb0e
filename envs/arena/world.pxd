"""What happens in one tick of an arena; see `world.pyx`."""
from libc.stdint cimport int32_t, uint32_t, uint64_t

from envs.arena.state cimport Arena, Circle, Intent

cdef void begin(Arena *s) noexcept nogil
cdef void act(Arena *s, const Intent *intents) noexcept nogil
cdef void simulate(Arena *s) noexcept nogil
cdef bint spawns_now(const Arena *s) noexcept nogil
cdef void spawn(Arena *s) noexcept nogil
cdef void place_within(const Circle *circle, uint64_t *rng, double *x, double *y) noexcept nogil
cdef uint32_t living_teams(const Arena *s) noexcept nogil
cdef int32_t ticks_to_change(const Arena *s, bint *shrinking) noexcept nogil
