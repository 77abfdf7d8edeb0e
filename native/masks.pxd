"""Counting and choosing in masks of bytes that are 0 or 1, eight bytes at a time (Knuth, TAOCP 4A, section 7.1.3).

Words are read as little-endian, which x86-64 and arm64 are. Every function may read, and ignores, up to 7 bytes beyond
the mask: whoever owns the last one pads it.
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    MASK_PADDING = 8        # bytes after the last mask of an allocation
    BLOCK = 128             # bytes that nth_one skips at once: 16 words, so that no byte of their sum passes 16


cdef inline uint64_t word_at(const uint8_t *mask) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, mask, 8)
    return word


cdef inline uint64_t leading_bytes(uint64_t word, int32_t count) noexcept nogil:
    """The first `count` (1 to 8) bytes of `word`; the others 0."""
    return word & (<uint64_t>0xFFFFFFFFFFFFFFFF >> (64 - 8 * count))


cdef inline int32_t add_bytes(uint64_t word) noexcept nogil:
    """Sum of the 8 bytes of `word`, if it is below 256."""
    return <int32_t>((word * <uint64_t>0x0101010101010101) >> 56)


cdef inline int32_t nth_in_word(uint64_t word, int32_t n) noexcept nogil:
    """Index of the one with exactly `n` ones before it; 8 if there is none."""
    cdef uint64_t until = word * <uint64_t>0x0101010101010101      # byte k: the ones among bytes 0 .. k
    cdef uint64_t more = (until | <uint64_t>0x8080808080808080) - <uint64_t>(n + 1) * <uint64_t>0x0101010101010101
    return add_bytes((~more & <uint64_t>0x8080808080808080) >> 7)


cdef inline int32_t count_ones(const uint8_t *mask, int32_t size) noexcept nogil:
    """How many of `size` bytes are 1."""
    cdef int32_t start = 0, count = 0
    while start + 8 <= size:
        count += add_bytes(word_at(mask + start))
        start += 8
    if start < size:
        count += add_bytes(leading_bytes(word_at(mask + start), size - start))
    return count


cdef inline int32_t nth_one(const uint8_t *mask, int32_t size, int32_t n) noexcept nogil:
    """Index of the one with exactly `n` ones before it; -1 if there is none."""
    cdef int32_t start = 0, ones, k
    cdef uint64_t word
    if size > 8:
        while start + BLOCK <= size:
            word = 0
            for k in range(0, BLOCK, 8):
                word += word_at(mask + start + k)
            ones = add_bytes(word)
            if n < ones:
                break
            n -= ones
            start += BLOCK
        while start + 8 < size:
            word = word_at(mask + start)
            ones = add_bytes(word)
            if n < ones:
                return start + nth_in_word(word, n)
            n -= ones
            start += 8
    word = leading_bytes(word_at(mask + start), size - start)
    if n >= add_bytes(word):
        return -1
    return start + nth_in_word(word, n)
