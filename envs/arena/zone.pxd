"""The zone of an arena; see `zone.pyx`."""
from libc.stdint cimport int32_t, uint64_t

from envs.arena.state cimport Arena, Circle

cdef double first_radius(const Arena *s) noexcept nogil
cdef int32_t phase_at(const Arena *s, int32_t tick) noexcept nogil
cdef void enter_phase(Arena *s) noexcept nogil
cdef void shrink(Arena *s) noexcept nogil
cdef bint is_closed(const Arena *s) noexcept nogil
cdef int32_t ticks_to_change(const Arena *s, bint *shrinking) noexcept nogil
cdef void place_within(const Circle *circle, uint64_t *rng, double *x, double *y) noexcept nogil
