"""Selling to the station, and how its prices move."""
from libc.stdint cimport int32_t

from envs.prospector.draws cimport Draws
from envs.prospector.state cimport Prospector

cdef void sell(Prospector *s, int32_t c, double part) noexcept nogil
cdef void trade(Prospector *s, int32_t dt, Draws *draws) noexcept nogil
