"""What a network said of positions, by key: fixed memory, found and replaced in groups of four.

An entry holds the returns of every seat and the priors of the legal actions, not the logits of all actions. In a group
the entry that was not used for longest gives way. Keys have 64 bits: two positions with the same one would share an
evaluation; among a thousand million positions the chance that any two do is 3 %. Letter: P seats.
"""
from libc.math cimport isnan
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from native.game cimport Game
from native.random cimport mix

cdef enum:
    WAYS = 4            # entries in a group, whose tags fill one cache line
    LINE_BYTES = 64
    ROOM = 64           # most legal actions of an entry

ctypedef struct Tag:
    uint64_t key
    uint64_t used       # time of the latest use

ctypedef struct Evaluation:
    int32_t count       # legal actions
    float legal_mass    # see Node; NaN: not known
    # returns [P], then priors [count] in ascending order of actions

ctypedef struct Cache:
    Tag *tags           # [groups * WAYS]
    uint8_t *contents   # [groups * WAYS, stride], each an Evaluation
    uint64_t groups
    int64_t stride
    int32_t room        # priors of an entry
    uint64_t time       # counts uses
    uint64_t cleared    # what was used then or before is forgotten
    uint64_t hits
    uint64_t misses

cdef class EvaluationCache:
    cdef Cache cache
    cdef readonly Game game
    cdef readonly object entries
    cdef object tags, contents


cdef inline Tag *group_of(const Cache *c, uint64_t key) noexcept nogil:
    return c.tags + WAYS * ((mix(key) >> 32) * c.groups >> 32)


cdef inline Evaluation *content_of(const Cache *c, const Tag *tag) noexcept nogil:
    return <Evaluation *>(c.contents + (tag - c.tags) * c.stride)


cdef inline Evaluation *recall(Cache *c, uint64_t key, int32_t count, bint whole) noexcept nogil:
    """What is known of a position with `count` legal actions, or NULL; `whole`: only with its legal mass."""
    cdef Tag *tag = group_of(c, key)
    cdef const Tag *end = tag + WAYS
    cdef Evaluation *found
    while tag < end:
        if tag.key == key and tag.used > c.cleared:
            found = content_of(c, tag)
            if found.count == count and not (whole and isnan(found.legal_mass)):
                c.time += 1
                tag.used = c.time
                return found
        tag += 1
    return NULL


cdef inline Evaluation *claim(Cache *c, uint64_t key, int32_t count) noexcept nogil:
    """Where the evaluation of this position is to be written, or NULL if it has too many legal actions."""
    cdef Tag *first = group_of(c, key)
    cdef Tag *chosen = first
    cdef int32_t k
    if count > c.room:
        return NULL
    for k in range(WAYS):
        if first[k].key == key:
            chosen = first + k
            break
        if first[k].used < chosen.used:
            chosen = first + k
    c.time += 1
    chosen.key, chosen.used = key, c.time
    return content_of(c, chosen)
