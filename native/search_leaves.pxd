"""Leaves that wait for a network: collected over all trees, served by a cache as far as it knows them, then answered.

Letters: N trees, k rows, A actions, P seats.
"""
from libc.math cimport INFINITY, isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from native.evaluation_cache cimport Cache, Evaluation, claim, recall
from native.masks cimport word_at
from native.random cimport mix
from native.search_descent cimport seek, settle
from native.search_tree cimport NONE, Edge, Forest, Node, Tree, add_node, soften
from native.search_values cimport turn

ctypedef struct Leaves:
    int32_t count               # k
    int64_t observation_bytes
    uint8_t *observations       # [N, observation_bytes]
    uint8_t *legal              # [N, A]
    int32_t *first              # [N], the tree that a row was made for; others may wait for the same position
    int32_t *slots              # hash table of rows by the key of their position
    int32_t slot_mask           # slots, less 1


cdef inline int32_t same_position(const Forest *f, Leaves *leaves, uint64_t key) noexcept nogil:
    """The row of this position; if there is none, NONE, and the next row will be it."""
    cdef uint64_t at = mix(key) & <uint64_t>leaves.slot_mask
    while leaves.slots[at] != NONE:
        if f.trees[leaves.first[leaves.slots[at]]].leaf_key == key:
            return leaves.slots[at]
        at = (at + 1) & <uint64_t>leaves.slot_mask
    leaves.slots[at] = leaves.count
    return NONE


cdef inline void recollect(Forest *f, Tree *t, const uint8_t *mask, const Evaluation *known) noexcept nogil:
    """Ends a simulation at a leaf that was evaluated before."""
    cdef const float *numbers = <const float *>(known + 1)
    cdef Edge *edges
    cdef Node *node
    cdef int32_t k, P = f.table.num_players
    memcpy(f.returns, numbers, P * sizeof(float))
    node = add_node(f, t, mask)
    edges = t.edges + node.first
    for k in range(node.count):
        edges[k].u = edges[k].prior = numbers[P + k]
    node.legal_mass = known.legal_mass
    settle(f, t)


cdef inline void remember(Cache *c, const Forest *f, const Tree *t, const Node *node) noexcept nogil:
    """Notes the evaluation of a new node, before noise and back-up change anything."""
    cdef Evaluation *known = claim(c, node.key, node.count)
    cdef float *numbers
    cdef int32_t k, P = f.table.num_players
    if known == NULL:
        return
    numbers = <float *>(known + 1)
    known.count, known.legal_mass = node.count, node.legal_mass
    memcpy(numbers, f.returns, P * sizeof(float))
    for k in range(node.count):
        numbers[P + k] = t.edges[node.first + k].prior


cdef inline int collect(Forest *f, Cache *cache, Leaves *leaves) noexcept nogil:
    """Brings every tree to a leaf that only a network can evaluate, or to its end; -1 if there is no memory.

    cache: NULL if there is none; then every leaf has a row of its own.
    """
    cdef Tree *t
    cdef const Evaluation *known
    cdef uint8_t *mask
    cdef int32_t i, count
    cdef int found
    leaves.count = 0
    if cache != NULL:
        memset(leaves.slots, 0xFF, (<int64_t>leaves.slot_mask + 1) * sizeof(int32_t))
    for i in range(f.num_trees):
        t = f.trees + i
        t.row = NONE
        mask = leaves.legal + <int64_t>leaves.count * f.table.num_actions
        while True:
            found = seek(f, t)
            if found < 0:
                leaves.count = 0
                return -1
            if not found:
                break
            count = f.table.legal(f.state, t.leaf_seat, mask)
            if cache != NULL:
                if not f.sampled:
                    t.leaf_key = f.table.key(f.state)
                known = recall(cache, t.leaf_key, count, t.depth == 0)
                if known != NULL:
                    cache.hits += 1
                    recollect(f, t, mask, known)
                    continue
                t.row = same_position(f, leaves, t.leaf_key)
                if t.row != NONE:
                    cache.hits += 1
                    break
                cache.misses += 1
            f.table.observe(f.state, t.leaf_seat, leaves.observations + leaves.count * leaves.observation_bytes)
            t.row, leaves.first[leaves.count] = leaves.count, i
            leaves.count += 1
            break
    return 0


cdef inline bint usable(const uint8_t *mask, const float *logits, int32_t size) noexcept nogil:
    """Whether the logits of legal actions are below infinity, and one of them is finite."""
    cdef int32_t action = 0
    cdef bint finite = False
    while action < size:
        if action + 8 <= size and not word_at(mask + action):
            action += 8
            continue
        if mask[action]:
            if not logits[action] < INFINITY:
                return False
            finite |= logits[action] > -INFINITY
        action += 1
    return finite


cdef inline int64_t first_unusable(const Leaves *leaves, const float *logits, int32_t size) noexcept nogil:
    """The first row with logits that give no policy, or NONE."""
    cdef int64_t row
    for row in range(leaves.count):
        if not usable(leaves.legal + row * size, logits + row * size, size):
            return row
    return NONE


cdef inline int64_t first_not_finite(const float *numbers, int64_t count) noexcept nogil:
    """Index of the first infinity or NaN, or NONE."""
    cdef int64_t i
    for i in range(count):
        if not isfinite(numbers[i]):
            return i
    return NONE


cdef inline void answer(
    Forest *f, Cache *cache, Leaves *leaves, const float *logits, const float *values, bint single
) noexcept nogil:
    """Ends the simulations of all trees that wait. logits `[k, A]`, values `[k]` if `single`, else `[k, P]`."""
    cdef int32_t A = f.table.num_actions, P = f.table.num_players
    cdef Tree *t
    cdef Node *node
    cdef int64_t row
    cdef int32_t i
    for i in range(f.num_trees):
        t = f.trees + i
        row = t.row
        if row == NONE:
            continue
        t.row = NONE
        if single:
            turn(f, values[row], t.leaf_seat)
        else:
            memcpy(f.returns, values + row * P, P * sizeof(float))
        node = add_node(f, t, leaves.legal + row * A)
        soften(f, t, node, logits + row * A)
        if cache != NULL and leaves.first[row] == i:
            remember(cache, f, t, node)
        settle(f, t)
    leaves.count = 0
