"""Drawing one action from masked logits, for native code."""
from libc.stdint cimport int32_t, uint8_t, uint64_t

cdef int32_t sample_head(
    const float *logits, const uint8_t *legal, int32_t size, float temperature, uint64_t *rng,
    int32_t *index, float *weight, float *log_prob
) noexcept nogil
