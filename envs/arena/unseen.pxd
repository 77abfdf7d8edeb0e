"""What a seat does not know of an arena, and a hash of what it does; see `unseen.pyx`."""
from libc.stdint cimport int32_t, uint64_t

cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil
cdef uint64_t key(const void *p) noexcept nogil
cdef uint64_t information_key(const void *p, int32_t player) noexcept nogil
