"""Sine, logarithm, exponential and normal numbers from additions, multiplications, divisions and square roots alone.

IEEE 754 fixes those to the last bit, so a game runs through the same states on every machine; the functions of the C
library differ between systems. Errors are below 1e-11 (double) and 2e-7 (float).
"""
from libc.math cimport fabsf, sqrt, sqrtf
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy

from native.random cimport next_word, uniform


cdef inline double clip(double x, double low, double high) noexcept nogil:
    x = low if x < low else x
    return high if x > high else x


cdef inline double sine(double turns) noexcept nogil:
    """sin(2 pi turns), abs(turns) < 2**50."""
    cdef double nearest = 6755399441055744.0     # 1.5 * 2**52: adding it rounds to an integer
    cdef double r = turns - ((turns + nearest) - nearest)
    cdef double y, y2
    r = 0.5 - r if r > 0.25 else r
    r = -0.5 - r if r < -0.25 else r
    y = 6.283185307179586 * r
    y2 = y * y
    # Taylor; the first term left out is (pi / 2)**17 / 17!
    return y * (1 + y2 * (-1.0 / 6 + y2 * (1.0 / 120 + y2 * (-1.0 / 5040 + y2 * (1.0 / 362880 + y2 * (
        -1.0 / 39916800 + y2 * (1.0 / 6227020800.0 + y2 * (-1.0 / 1307674368000.0))))))))


cdef inline double logarithm(double x) noexcept nogil:
    """The natural logarithm of a positive normal number."""
    cdef int64_t bits, exponent
    cdef double m, t, t2
    memcpy(&bits, &x, 8)
    exponent = (bits - <int64_t>0x3FE6A09E667F3BCD) >> 52        # the bits of sqrt(1/2)
    bits -= exponent << 52
    memcpy(&m, &bits, 8)
    t = (m - 1) / (m + 1)
    t2 = t * t
    # 2 artanh(t)
    return <double>exponent * 0.6931471805599453 + 2 * t * (1 + t2 * (1.0 / 3 + t2 * (1.0 / 5 + t2 * (
        1.0 / 7 + t2 * (1.0 / 9 + t2 * (1.0 / 11 + t2 * (1.0 / 13 + t2 * (1.0 / 15))))))))


cdef inline double exponential(double x) noexcept nogil:
    """e to the x, abs(x) < 700."""
    cdef double nearest = 6755399441055744.0
    cdef double n = (x * 1.4426950408889634 + nearest) - nearest
    cdef double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10      # ln 2 in two parts
    cdef double power
    cdef int64_t bits = (<int64_t>n + 1023) << 52
    memcpy(&power, &bits, 8)
    return power * (1 + r * (1 + r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * (
        1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320 + r * (1.0 / 362880 + r * (1.0 / 3628800)))))))))))


cdef inline double sigmoid(double x) noexcept nogil:
    return 1 / (1 + exponential(-x))


cdef inline double positive(uint64_t *rng) noexcept nogil:
    """Uniform in (0, 1]."""
    return 1 - uniform(rng)


cdef inline double unit_exponential(uint64_t *rng) noexcept nogil:
    return -logarithm(positive(rng))


cdef inline double normal(uint64_t *rng) noexcept nogil:
    """A standard normal number (Box, Muller 1958)."""
    cdef double radius = sqrt(-2 * logarithm(positive(rng)))
    return radius * sine(uniform(rng))


cdef inline void eight_normals(uint64_t *rng, float *z) noexcept nogil:
    """Eight standard normal numbers, four pairs side by side, from 24 random bits each; none is beyond 5.9.

    Loops over four lanes without a branch: compilers make vector instructions of them.
    """
    cdef uint64_t words[4]
    cdef int32_t bits[8]
    cdef int32_t exponent[4]
    cdef float u[4]
    cdef float m[4]
    cdef float radius[4]
    cdef float angle[4]
    cdef float t, t2, y, y2, s, c, turns
    cdef int32_t k
    for k in range(4):
        words[k] = next_word(rng)
    memcpy(bits, words, sizeof(words))
    for k in range(4):
        u[k] = (<float>((bits[k] >> 8) & 0xFFFFFF) + <float>0.5) * <float>5.9604644775390625e-08
        angle[k] = <float>(bits[4 + k] >> 8) * <float>5.9604644775390625e-08
    memcpy(bits, u, sizeof(u))
    for k in range(4):
        exponent[k] = (bits[k] - 0x3F3504F3) >> 23
        bits[k] -= exponent[k] << 23
    memcpy(m, bits, sizeof(m))
    for k in range(4):
        t = (m[k] - 1) / (m[k] + 1)
        t2 = t * t
        y = 2 * t * (1 + t2 * (<float>0.33333333 + t2 * (<float>0.2 + t2 * (
            <float>0.14285714 + t2 * <float>0.11111111))))
        radius[k] = sqrtf(-2 * (<float>exponent[k] * <float>0.69314718 + y))
    for k in range(4):
        turns = fabsf(angle[k])                 # of -1/2 .. 1/2
        y = <float>6.2831853 * (<float>0.25 - turns)
        y2 = y * y
        c = y * (1 + y2 * (<float>-0.16666667 + y2 * (<float>0.0083333333 + y2 * (<float>-0.00019841270 + y2 * (
            <float>2.7557319e-06 + y2 * <float>-2.5052108e-08)))))
        y = <float>6.2831853 * (<float>0.25 - fabsf(turns - <float>0.25))
        y2 = y * y
        s = y * (1 + y2 * (<float>-0.16666667 + y2 * (<float>0.0083333333 + y2 * (<float>-0.00019841270 + y2 * (
            <float>2.7557319e-06 + y2 * <float>-2.5052108e-08)))))
        z[k] = radius[k] * c
        z[4 + k] = radius[k] * (s if angle[k] >= 0 else -s)
