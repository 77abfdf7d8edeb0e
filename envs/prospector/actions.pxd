"""What each of the 69 actions needs and does."""
from libc.stdint cimport int32_t, uint8_t

from envs.prospector.draws cimport Draws
from envs.prospector.state cimport Prospector

cdef void valid_actions(const Prospector *s, uint8_t *mask) noexcept nogil
cdef void pay_for_scan(Prospector *s, int32_t action) noexcept nogil
cdef void hold(Prospector *s) noexcept nogil
cdef int32_t act(Prospector *s, int32_t action, Draws *draws) noexcept nogil
