"""The trees of a search as plain C: arenas of nodes and edges, how nodes are found and made, and what is kept of them.

Letters: N games, P seats, A actions. A tree belongs to one game and depends on nothing outside it.

Where all is known and nothing is drawn, an edge points to the one node it leads to, and a node's parent has a lower
index. Elsewhere a node is what its seat knows and may do, found by `key`: one node for all states that its seat cannot
tell apart, whatever the others hold.
"""
from libc.math cimport NAN, expf
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memset

from native.game cimport GameTable
from native.masks cimport word_at
from native.random cimport mix
from native.search_softmax cimport sum_of_exponentials

cdef enum:
    NONE = -1
    MAX_SLABS = 16
    FEW_ACTIONS = 64        # up to so many, a softmax over all actions costs little

ctypedef struct Edge:
    float q                 # mean return to the seat that decides; exact once proven
    float u                 # prior / (1 + visits); 0 once proven
    float prior
    int32_t visits
    int32_t action
    int32_t child           # node; NONE, and always NONE where nodes are found by key
    int32_t proven

ctypedef struct Node:
    uint64_t key
    int32_t first           # its edges, ascending by action
    int32_t count
    int32_t visits          # its own evaluation, and every simulation that went on
    int32_t unproven        # edges
    int32_t seat            # who decides
    int32_t proven
    float value             # mean return to `seat`; exact once proven
    float raw_value         # what the evaluator said
    float visited_prior     # sum over visited edges
    float legal_mass        # share of legal actions in the evaluator's softmax over all; NaN: not known

ctypedef struct Step:
    int32_t node
    int32_t edge

ctypedef struct Tree:
    # fixed during a search
    uint8_t *root           # state
    uint64_t seed
    int32_t full            # 0: a cheap search, without noise and forced playouts
    int32_t kept            # visits kept from the search before
    int32_t advanced        # the tree is that of the state after the latest action, and may be kept
    # the arena
    Node *nodes
    Edge *edges
    int32_t *slots          # hash table of node indices; NULL where edges point
    int32_t num_nodes
    int32_t num_edges
    int32_t edge_capacity
    # the running simulation
    int32_t left            # simulations to come
    int32_t depth           # steps of `path`
    int32_t row             # of the latest select, with whose evaluation it ends; NONE: it does not wait
    int32_t leaf_seat
    uint64_t leaf_key       # known where nodes are found by key, or a cache is
    Step *path
    float *rewards          # [depth, P]
    # the root
    uint64_t rng
    float *logits           # [count], log of the evaluator's prior
    float *gumbel           # [count]
    int32_t budget          # sequential halving: simulations in all,
    int32_t most            # actions of the first phase,
    int32_t considered      # actions of this phase,
    int32_t rounds          # visits that each of them still gets in it,
    int32_t left_in_round   # actions that still wait in this round,
    int32_t level           # for their visit number level + 1

ctypedef struct Settings:
    int32_t simulations
    int32_t fast_simulations
    double full_fraction
    double c_init
    double c_base
    int32_t gumbel_root
    int32_t max_considered
    int32_t solver
    float c_visit
    float c_scale
    float gumbel_scale
    float fpu_reduction
    float root_fpu_reduction
    float root_temperature
    float dirichlet_alpha
    float dirichlet_fraction
    float forced_playouts
    float win_value
    float discount

ctypedef struct Forest:
    GameTable table
    Settings settings
    Tree *trees             # [N]
    int32_t num_trees       # in use
    int32_t num_arenas      # edges of trees that were allocated
    int32_t num_slabs
    void *slabs[MAX_SLABS]
    int32_t sampled         # chance or secrets: every simulation deals anew, nodes are found by key
    int32_t zero_sum
    int32_t slot_mask       # slots of a hash table, less 1
    int32_t last_explore    # last index of `explore`
    float *explore          # [visits], c(visits) * sqrt(visits)
    # scratch
    uint8_t *state
    uint8_t *mask           # [A + padding]
    uint8_t *rollout_mask   # [A + padding]
    float *returns          # [P], of the running simulation from the latest step on
    float *score            # [max(A, P)]
    int32_t *places         # [nodes]


cdef inline uint64_t node_key(const Forest *f, const void *state, int32_t seat) noexcept nogil:
    """Hash of what `seat` knows and, left in `mask`, of what it may do: samples that differ in either part ways."""
    cdef uint64_t key = f.table.information_key(state, seat) + <uint64_t>seat
    cdef int32_t at
    f.table.legal(state, seat, f.mask)
    for at in range(0, f.table.num_actions - 7, 8):
        key = mix(key ^ word_at(f.mask + at)) + <uint64_t>0x9E3779B97F4A7C15
    for at in range(f.table.num_actions & ~7, f.table.num_actions):
        key = mix(key ^ f.mask[at]) + <uint64_t>0x9E3779B97F4A7C15
    return key


cdef inline int32_t find(const Forest *f, const Tree *t, uint64_t key) noexcept nogil:
    """The node with this key, or NONE."""
    cdef uint64_t at = mix(key) & <uint64_t>f.slot_mask
    while t.slots[at] != NONE:
        if t.nodes[t.slots[at]].key == key:
            return t.slots[at]
        at = (at + 1) & <uint64_t>f.slot_mask
    return NONE


cdef inline void clear(const Forest *f, Tree *t) noexcept nogil:
    t.num_nodes = t.num_edges = t.kept = t.advanced = 0
    if t.slots != NULL:
        memset(t.slots, 0xFF, (<int64_t>f.slot_mask + 1) * sizeof(int32_t))


cdef inline int reserve(const Forest *f, Tree *t) noexcept nogil:
    """Makes room for the edges of one more node; -1 if there is no memory. Called between simulations only."""
    cdef int32_t capacity = t.edge_capacity
    cdef void *larger
    if capacity - t.num_edges >= f.table.num_actions:
        return 0
    capacity += max(capacity // 2, f.table.num_actions)
    larger = realloc(t.edges, <int64_t>capacity * sizeof(Edge))
    if larger == NULL:
        return -1
    t.edges, t.edge_capacity = <Edge *>larger, capacity
    return 0


cdef inline void list_edges(const Forest *f, Tree *t, Node *node, const uint8_t *mask) noexcept nogil:
    """One edge for each action in the mask; priors are left to be written."""
    cdef Edge fresh
    cdef int32_t A = f.table.num_actions, action = 0
    fresh.q = fresh.u = fresh.prior = 0
    fresh.visits = fresh.proven = 0
    fresh.child = NONE
    node.first, node.count = t.num_edges, 0
    while action < A:
        if action % 8 == 0 and action + 8 <= A and not word_at(mask + action):
            action += 8
            continue
        if mask[action]:
            fresh.action = action
            t.edges[t.num_edges] = fresh
            t.num_edges += 1
            node.count += 1
        action += 1


cdef inline Node *add_node(const Forest *f, Tree *t, const uint8_t *mask) noexcept nogil:
    """Makes the leaf of the running simulation a node; `returns` holds its evaluation, priors come later."""
    cdef Node *node = t.nodes + t.num_nodes
    cdef uint64_t at
    list_edges(f, t, node, mask)
    node.key, node.seat, node.visits, node.unproven, node.proven = t.leaf_key, t.leaf_seat, 1, node.count, 0
    node.value = node.raw_value = f.returns[node.seat]
    node.visited_prior = 0
    if f.sampled:
        at = mix(node.key) & <uint64_t>f.slot_mask
        while t.slots[at] != NONE:
            at = (at + 1) & <uint64_t>f.slot_mask
        t.slots[at] = t.num_nodes
    elif t.depth:
        t.edges[t.path[t.depth - 1].edge].child = t.num_nodes
    t.num_nodes += 1
    return node


cdef inline void soften(const Forest *f, Tree *t, Node *node, const float *logits) noexcept nogil:
    """Priors of a new node from the logits of all actions: softmax over its edges. NULL: uniform.

    Its legal mass is worked out for roots only, where many actions would make it slow.
    """
    cdef Edge *edges = t.edges + node.first
    cdef int32_t k, A = f.table.num_actions
    cdef float largest, total = 0
    node.legal_mass = 1
    if logits == NULL:
        for k in range(node.count):
            edges[k].u = edges[k].prior = <float>1 / node.count
        return
    largest = logits[edges[0].action]
    for k in range(1, node.count):
        largest = max(largest, logits[edges[k].action])
    for k in range(node.count):
        edges[k].prior = expf(logits[edges[k].action] - largest)
        total += edges[k].prior
    for k in range(node.count):
        edges[k].prior /= total
        edges[k].u = edges[k].prior
    if node.count < A:
        node.legal_mass = NAN
        if t.depth == 0 or A <= FEW_ACTIONS:
            node.legal_mass = min(<float>1, total / sum_of_exponentials(logits, A, largest))


cdef inline void keep_subtree(const Forest *f, Tree *t, int32_t root) noexcept nogil:
    """Makes `root` node 0 and drops what is not below it."""
    cdef int32_t *place = f.places
    cdef int32_t i, k, kept = 0, edges = 0
    cdef Node *node
    cdef Edge *edge
    memset(place, 0, t.num_nodes * sizeof(int32_t))
    place[root] = 1
    for i in range(root, t.num_nodes):      # a child comes after its parent
        if not place[i]:
            continue
        node = t.nodes + i
        for k in range(node.first, node.first + node.count):
            if t.edges[k].child != NONE:
                place[t.edges[k].child] = 1
        place[i] = kept
        t.nodes[kept] = node[0]
        kept += 1
    for i in range(kept):       # edges lie in the order of their nodes: nothing is overwritten before it has moved
        node = t.nodes + i
        for k in range(node.count):
            edge = t.edges + edges + k
            edge[0] = t.edges[node.first + k]
            if edge.child != NONE:
                edge.child = place[edge.child]
        node.first = edges
        edges += node.count
    t.num_nodes, t.num_edges = kept, edges
