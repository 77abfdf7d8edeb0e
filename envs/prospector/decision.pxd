"""One decision of Prospector."""
from libc.stdint cimport int32_t

from envs.prospector.draws cimport Draws
from envs.prospector.state cimport Prospector

cdef void decide(Prospector *s, int32_t action, bint valid, Draws *draws) noexcept nogil
