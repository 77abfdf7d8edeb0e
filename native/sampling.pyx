"""Actions drawn from the masked, tempered softmax of logits, with the log-probability they were drawn with.

Letters: N rows, A mask bytes (the heads one after another), H heads.
"""
import numpy as np

from libc.math cimport INFINITY, expf, logf
from libc.stdint cimport int32_t, uint8_t, uint64_t
from numpy cimport ndarray

from native.arrays cimport address, check_array, described
from native.masks cimport word_at
from native.random cimport uniform

_FLOAT32, _INT32, _UINT8, _UINT64 = (np.dtype(name) for name in ("float32", "int32", "uint8", "uint64"))

cdef enum:
    NONE_LEGAL = -1
    NOT_FINITE = -2


cdef inline int32_t gather(const uint8_t *legal, int32_t size, int32_t *index) noexcept nogil:
    """Writes the places of the ones of a mask; returns how many. `index` has room for `size` numbers."""
    cdef int32_t count = 0, i = 0, k
    while i + 8 <= size:
        if word_at(legal + i) != 0:
            for k in range(i, i + 8):
                index[count] = k
                count += legal[k] != 0
        i += 8
    while i < size:
        index[count] = i
        count += legal[i] != 0
        i += 1
    return count


cdef int32_t sample_head(
    const float *logits, const uint8_t *legal, int32_t size, float temperature, uint64_t *rng,
    int32_t *index, float *weight, float *log_prob
) noexcept nogil:
    """The action drawn for one head, NONE_LEGAL, or NOT_FINITE; `index` and `weight` are scratch of `size` numbers.

    Temperature 0 takes the first of the largest logits, with log-probability 0 and no draw. -infinity is a logit like
    others unless all legal ones are.
    """
    cdef int32_t count = gather(legal, size, index), k, chosen = 0
    cdef float largest = -INFINITY
    cdef double total = 0, drawn, until = 0
    cdef bint bad = False
    if count == 0:
        return NONE_LEGAL
    for k in range(count):
        weight[k] = logits[index[k]]
        bad |= not weight[k] < INFINITY
        largest = weight[k] if weight[k] > largest else largest
    if bad or largest == -INFINITY:
        return NOT_FINITE
    if temperature == 0:
        while weight[chosen] != largest:
            chosen += 1
        log_prob[0] = 0
        return index[chosen]
    for k in range(count):
        weight[k] = expf((weight[k] - largest) / temperature)
        total += weight[k]
    drawn = uniform(rng) * total
    # The first k with drawn < weight[0] + ... + weight[k], counted without a branch to guess. The last of these sums is
    # `total`, added up as above, and at least 1; `drawn` rounds to less, for the largest number is 1 - 2**-53.
    for k in range(count):
        until += weight[k]
        chosen += until <= drawn
    log_prob[0] = (logits[index[chosen]] - largest) / temperature - logf(<float>total)
    return index[chosen]


def sample(logits, legal, double temperature, rng, *, head_sizes=None, actions=None, log_probs=None):
    """`(actions, log_probs)`, int32 and float32 `[N, H]`: one draw per row and head from softmax(logits / temperature).

    Args:
        logits: float32 `[N, A]`; only legal entries are read.
        legal: uint8 `[N, A]`, not 0 where an action is legal.
        temperature: above 0, or 0 for the first of the largest logits, whose log-probability then is 0.
        rng: uint64 `[1]`, the generator (any value is a seed); advanced in place, its value is all there is to save.
        head_sizes: A split into heads; None: one head.
        actions, log_probs: arrays to write into.

    `log_probs` is log pi(action) of the tempered, masked policy that was drawn from. Raises ValueError for a wrong
    argument, naming it, and for a row without a legal action or with a NaN or +infinity among its legal logits, naming
    the row; `rng` is then as before, and what was written is of no use.
    """
    if not isinstance(logits, ndarray) or logits.ndim != 2:
        raise ValueError(f"logits must be a float32 array [N, A], got {described(logits)}")
    if not 0 <= temperature < INFINITY:
        raise ValueError(f"temperature must be 0 or above, got {temperature}")
    cdef Py_ssize_t rows = logits.shape[0], row, at
    cdef int width = logits.shape[1]
    cdef const int32_t[::1] sizes = np.array((width,) if head_sizes is None else head_sizes, np.int32)
    cdef int heads = sizes.shape[0], head, drawn = 0
    if sum(sizes) != width or min(sizes, default=0) < 1:
        raise ValueError(f"head_sizes must be positive and add up to {width}, got {head_sizes}")
    check_array("logits", logits, _FLOAT32, (rows, width), False)
    check_array("legal", legal, _UINT8, (rows, width), False)
    check_array("rng", rng, _UINT64, (1,), True)
    if actions is None:
        actions = np.empty((rows, heads), np.int32)
    else:
        check_array("actions", actions, _INT32, (rows, heads), True)
    if log_probs is None:
        log_probs = np.empty((rows, heads), np.float32)
    else:
        check_array("log_probs", log_probs, _FLOAT32, (rows, heads), True)
    cdef const float *logit = <const float *>address(logits)
    cdef const uint8_t *mask = <const uint8_t *>address(legal)
    cdef int32_t *action = <int32_t *>address(actions)
    cdef float *log_prob = <float *>address(log_probs)
    cdef uint64_t *state = <uint64_t *>address(rng)
    cdef uint64_t word = state[0]
    cdef int32_t[::1] index = np.empty(width, np.int32)
    cdef float[::1] weight = np.empty(width, np.float32)
    with nogil:
        for row in range(rows):
            at = row * width
            for head in range(heads):
                drawn = sample_head(
                    logit + at, mask + at, sizes[head], <float>temperature, &word, &index[0], &weight[0],
                    log_prob + row * heads + head
                )
                if drawn < 0:
                    break
                action[row * heads + head] = drawn
                at += sizes[head]
            if drawn < 0:
                break
    if drawn < 0:
        where = f"row {row}" if heads == 1 else f"row {row}, head {head}"
        if drawn == NONE_LEGAL:
            raise ValueError(f"{where} has no legal action")
        raise ValueError(f"{where}: legal logits must be below infinity and not NaN, one of them finite")
    state[0] = word
    return actions, log_probs
