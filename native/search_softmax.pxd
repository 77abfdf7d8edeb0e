"""Sums of exponentials over all actions of a game, of which there may be thousands: four to eight at a time.

exp(x) = 2^n 2^r with n whole and |r| <= 1/2; 2^r by its Taylor polynomial of degree 6: relative error below 2e-7. Plain
multiplications and additions: compilers turn the loops into vector instructions, and every machine gets the same sums.
"""
from libc.stdint cimport int32_t
from libc.string cimport memcpy

cdef enum:
    LANES = 8


cdef inline float exponential(float x) noexcept nogil:
    """exp(x), of x kept within -87 and 80: no sum of millions overflows. NaN counts as -87, that is as nothing."""
    cdef float y, r, scale
    cdef int32_t n, bits
    x = x if x > -87 else -87
    x = x if x < 80 else 80
    y = x * <float>1.44269504
    n = <int32_t>(y + <float>128.5) - 128       # rounds: what is converted is positive
    r = y - <float>n
    bits = (n + 127) << 23
    memcpy(&scale, &bits, 4)
    return scale * (1 + r * (<float>0.693147181 + r * (<float>0.240226507 + r * (<float>0.0555041087
                    + r * (<float>0.00961812911 + r * (<float>0.00133335581 + r * <float>0.000154035304))))))


cdef inline float sum_of_exponentials(const float *x, int32_t size, float shift) noexcept nogil:
    """Sum of exp(x - shift)."""
    cdef float lanes[LANES]
    cdef float total = 0
    cdef int32_t start = 0, k
    for k in range(LANES):
        lanes[k] = 0
    while start + LANES <= size:
        for k in range(LANES):
            lanes[k] += exponential(x[start + k] - shift)
        start += LANES
    for k in range(start, size):
        total += exponential(x[k] - shift)
    for k in range(LANES):
        total += lanes[k]
    return total
