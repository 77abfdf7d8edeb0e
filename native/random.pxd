"""Random numbers for rules, bots and samplers: SplitMix64 (Steele, Lea, Flood 2014, OOPSLA, figure 17).

The generator is one `uint64_t` inside the state that uses it; streams of different seeds do not overlap in practice.
"""
from libc.stdint cimport uint32_t, uint64_t


cdef inline uint64_t mix(uint64_t z) noexcept nogil:
    """Bijective finaliser: a counter becomes a random word."""
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline uint64_t next_word(uint64_t *rng) noexcept nogil:
    """64 random bits; advances the generator."""
    rng[0] += <uint64_t>0x9E3779B97F4A7C15
    return mix(rng[0])


cdef inline uint32_t below(uint64_t *rng, uint32_t bound) noexcept nogil:
    """Uniform in 0 .. bound - 1 (Lemire 2019, arXiv:1805.10941, without rejection: bias below bound / 2**32)."""
    return <uint32_t>(((next_word(rng) >> 32) * bound) >> 32)


cdef inline double uniform(uint64_t *rng) noexcept nogil:
    """Uniform in [0, 1)."""
    return <double>(next_word(rng) >> 11) * (1.0 / 9007199254740992.0)


cdef inline uint64_t derive(uint64_t seed, uint64_t stream) noexcept nogil:
    """Seed of an independent stream."""
    return mix(mix(seed + <uint64_t>0x9E3779B97F4A7C15) ^ (stream * <uint64_t>0xD1342543DE82EF95 + 1))
