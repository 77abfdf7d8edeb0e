"""What hazard and pirates do to a ship, on a way or in a place."""
from libc.stdint cimport int32_t

from envs.prospector.draws cimport Draws
from envs.prospector.state cimport Prospector


cdef inline void warm(Prospector *s, double heat, double alert) noexcept nogil:
    s.heat += <float>heat
    s.alert += <float>alert


cdef inline void endure(Prospector *s, int32_t dt, double danger, double damage) noexcept nogil:
    """What `dt` ticks in a place or on a way of this danger do to the ship; `damage` is random, around 1."""
    s.hull -= <float>(dt * danger * 0.7 * damage)
    warm(s, 0.5 * dt * danger, 0.8 * dt * danger)


cdef void pirates(Prospector *s, int32_t dt, double intensity, Draws *draws) noexcept nogil
