"""What a seat sees of an arena; see `senses.pyx`."""
from libc.stdint cimport int32_t

from envs.arena.state cimport Arena

cdef enum View:
    BOTH = 0            # the raw features, then the relative ones
    RAW = 1
    RELATIVE = 2

cdef enum:
    RAW_FEATURES = 19
    RELATIVE_FEATURES = 103

cdef void raw_features(const Arena *s, int32_t seat, double *out) noexcept nogil
cdef void relative_features(const Arena *s, int32_t seat, float *out) noexcept nogil
cdef void raw_scales(float *out) noexcept nogil
cdef void view(const Arena *s, int32_t seat, int32_t which, float *out) noexcept nogil
