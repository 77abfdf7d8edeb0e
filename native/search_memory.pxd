"""Where a search keeps its trees: allocated once, for as many nodes as its settings can ask for.

Letters: N games, A actions, P seats.
"""
from libc.math cimport log, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free

from native.masks cimport MASK_PADDING
from native.search_tree cimport Edge, Forest, Node, Step, Tree

cdef enum:
    FIRST_EDGES = 32        # per node, before an arena grows: more than most games need


cdef inline void *slab(Forest *f, int64_t size) except NULL:
    """Zeros, until `release`."""
    cdef void *zeros = calloc(max(<int64_t>1, size), 1)
    if zeros == NULL:
        raise MemoryError
    f.slabs[f.num_slabs] = zeros
    f.num_slabs += 1
    return zeros


cdef inline void release(Forest *f) noexcept nogil:
    """Frees what `allocate` took, also if it did not come to its end."""
    cdef int32_t i
    for i in range(f.num_arenas):
        free(f.trees[i].edges)
    for i in range(f.num_slabs):
        free(f.slabs[i])


cdef inline int read_settings(Forest *f, settings) except -1:
    """Settings as C; a proof needs a game of known course for two seats, zero-sum."""
    f.settings.gumbel_root = settings.root == "gumbel"
    f.settings.simulations, f.settings.fast_simulations = settings.simulations, settings.fast_simulations
    f.settings.full_fraction, f.settings.max_considered = settings.full_fraction, settings.max_considered
    f.settings.c_visit, f.settings.c_scale = settings.c_visit, settings.c_scale
    f.settings.gumbel_scale, f.settings.forced_playouts = settings.gumbel_scale, settings.forced_playouts
    f.settings.fpu_reduction, f.settings.root_fpu_reduction = settings.fpu_reduction, settings.root_fpu_reduction
    f.settings.root_temperature, f.settings.dirichlet_alpha = settings.root_temperature, settings.dirichlet_alpha
    f.settings.dirichlet_fraction = settings.dirichlet_fraction
    f.settings.win_value, f.settings.discount = settings.win_value, settings.discount
    f.settings.solver = settings.solver and f.zero_sum and f.table.num_players == 2 and not f.sampled
    f.settings.c_init, f.settings.c_base = settings.c_init, settings.c_base
    return 0


cdef inline int allocate(Forest *f, int64_t N, int64_t nodes) except -1:
    """`nodes` per tree: the root and one for each simulation."""
    cdef int64_t A = f.table.num_actions, P = f.table.num_players, i
    cdef int64_t steps = f.table.max_length if f.sampled else min(f.table.max_length, nodes)
    cdef double c
    cdef int64_t edges = (nodes + 1) * min(A, <int64_t>FIRST_EDGES)
    f.last_explore = <int32_t>nodes
    f.explore = <float *>slab(f, (nodes + 1) * sizeof(float))
    for i in range(nodes + 1):
        c = f.settings.c_init + log((1 + i + f.settings.c_base) / f.settings.c_base)
        f.explore[i] = <float>(c * sqrt(<double>i))
    f.slot_mask = (1 << (2 * nodes).bit_length()) - 1
    f.state = <uint8_t *>slab(f, f.table.state_bytes)
    f.mask = <uint8_t *>slab(f, A + MASK_PADDING)
    f.rollout_mask = <uint8_t *>slab(f, A + MASK_PADDING)
    f.returns = <float *>slab(f, P * sizeof(float))
    f.score = <float *>slab(f, max(A, P) * sizeof(float))
    f.places = <int32_t *>slab(f, nodes * sizeof(int32_t))
    f.trees = <Tree *>slab(f, N * sizeof(Tree))
    cdef int64_t room = (f.table.state_bytes + 7) // 8 * 8
    cdef uint8_t *roots = <uint8_t *>slab(f, N * room)
    cdef Node *first_node = <Node *>slab(f, N * nodes * sizeof(Node))
    cdef Step *path = <Step *>slab(f, N * steps * sizeof(Step))
    cdef float *numbers = <float *>slab(f, N * (steps * P + 2 * A) * sizeof(float))
    cdef int32_t *slots = NULL
    if f.sampled:
        slots = <int32_t *>slab(f, N * (<int64_t>f.slot_mask + 1) * sizeof(int32_t))
    for i in range(N):
        f.trees[i].root, f.trees[i].nodes = roots + i * room, first_node + i * nodes
        f.trees[i].path = path + i * steps
        f.trees[i].rewards = numbers + i * (steps * P + 2 * A)
        f.trees[i].logits = f.trees[i].rewards + steps * P
        f.trees[i].gumbel = f.trees[i].logits + A
        if f.sampled:
            f.trees[i].slots = slots + i * (<int64_t>f.slot_mask + 1)
        f.trees[i].edges = <Edge *>calloc(edges, sizeof(Edge))
        f.trees[i].edge_capacity = <int32_t>edges
        f.num_arenas += 1
        if f.trees[i].edges == NULL:
            raise MemoryError
    return 0
