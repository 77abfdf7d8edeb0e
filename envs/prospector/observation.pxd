"""What the player sees."""
from envs.prospector.state cimport Prospector

cdef void write_observation(const Prospector *s, float *out) noexcept nogil
