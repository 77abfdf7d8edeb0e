"""One simulation: down the tree to a leaf, an evaluation there, and back up. Evaluators in C: uniform, random play.

Where something is drawn or hidden, the state is dealt anew before each simulation, from what the seat at the root
knows. The n-th visit of every action at the root meets the n-th deal: actions are compared on the same luck.
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from native.game cimport TERMINAL, GameTable
from native.masks cimport nth_one
from native.random cimport below, derive, uniform
from native.search_root cimport choose_root, prepare_root
from native.search_tree cimport NONE, Edge, Forest, Tree, add_node, clear, find, keep_subtree, node_key, reserve, soften
from native.search_values cimport back_up, choose, turn

cdef enum:
    ROOT_DEAL = 0x726F6F74      # "root": the deal in which the root itself is evaluated
    PRIVATE = 0x72616E64        # "rand": the generator of noise and random play

cdef enum Evaluator:
    UNIFORM = 0                 # uniform priors, value 0
    ROLLOUT = 1                 # uniform priors, the returns of one game of random play


cdef inline bint descend(Forest *f, Tree *t) noexcept nogil:
    """Goes down to a leaf that wants an evaluation, left in `state`: True. False: there is nothing more to ask, the
    returns are in `returns`, exact but for the luck."""
    cdef const GameTable *table = &f.table
    cdef int32_t node = 0, seat, chosen
    cdef const Edge *edge
    memcpy(f.state, t.root, table.state_bytes)
    seat = table.to_act(f.state)
    t.depth = 0
    if t.num_nodes == 0:
        t.leaf_seat = seat
        if f.sampled:
            table.redeterminize(f.state, seat, derive(t.seed, ROOT_DEAL))
            t.leaf_key = node_key(f, f.state, seat)
        return True
    chosen = choose_root(f, t)
    if f.sampled:
        table.redeterminize(f.state, seat, derive(t.seed, <uint64_t>t.edges[chosen].visits))
    while True:
        edge = t.edges + chosen
        t.path[t.depth].node, t.path[t.depth].edge = node, chosen
        if edge.proven:
            turn(f, edge.q, t.nodes[node].seat)     # the proof holds the reward of this step, and all after it
            memcpy(t.rewards + t.depth * table.num_players, f.returns, table.num_players * sizeof(float))
            memset(f.returns, 0, table.num_players * sizeof(float))
            t.depth += 1
            return False
        table.apply(f.state, &edge.action)
        table.rewards(f.state, t.rewards + t.depth * table.num_players)
        t.depth += 1
        seat = table.to_act(f.state)
        if seat == TERMINAL:
            memset(f.returns, 0, table.num_players * sizeof(float))
            return False
        node = edge.child
        if f.sampled:
            t.leaf_key = node_key(f, f.state, seat)
            node = find(f, t, t.leaf_key)
        if node == NONE:
            t.leaf_seat = seat
            return True
        chosen = choose(f, t, t.nodes + node, f.settings.fpu_reduction)


cdef inline void finish(Forest *f, Tree *t, bint exact) noexcept nogil:
    """Backs up the simulation whose returns are in `returns`, and counts it."""
    back_up(f, t, exact)
    t.left -= 1
    if t.nodes.proven:
        t.left = 0


cdef inline void settle(Forest *f, Tree *t) noexcept nogil:
    """Ends a simulation whose leaf has become a node; at the root, no simulation has ended."""
    if t.depth == 0:
        prepare_root(f, t)
    else:
        finish(f, t, False)


cdef inline int seek(Forest *f, Tree *t) noexcept nogil:
    """Simulates until a leaf wants an evaluation (1) or the budget is spent (0); -1 if there is no memory."""
    while t.left > 0:
        if reserve(f, t) != 0:
            return -1
        if descend(f, t):
            return 1
        finish(f, t, True)
    return 0


cdef inline void roll_out(Forest *f, Tree *t) noexcept nogil:
    """Plays `state` to its end at random; `returns` become the sums of its discounted rewards."""
    cdef const GameTable *table = &f.table
    cdef int32_t seat = t.leaf_seat, p, action
    cdef float weight = 1
    cdef float *reward = f.score
    memset(f.returns, 0, table.num_players * sizeof(float))
    while seat != TERMINAL:
        action = below(&t.rng, table.legal(f.state, seat, f.rollout_mask))
        action = nth_one(f.rollout_mask, table.num_actions, action)
        table.apply(f.state, &action)
        table.rewards(f.state, reward)
        for p in range(table.num_players):
            f.returns[p] += weight * reward[p]
        weight *= f.settings.discount
        seat = table.to_act(f.state)


cdef inline int run(Forest *f, Evaluator evaluator) noexcept nogil:
    """Spends the budget of every tree; -1 if there is no memory."""
    cdef Tree *t
    cdef int32_t i
    cdef int found = 0
    for i in range(f.num_trees):
        t = f.trees + i
        while True:
            found = seek(f, t)
            if found <= 0:
                break
            f.table.legal(f.state, t.leaf_seat, f.mask)
            if evaluator == ROLLOUT:
                roll_out(f, t)
            else:
                memset(f.returns, 0, f.table.num_players * sizeof(float))
            soften(f, t, add_node(f, t, f.mask), NULL)
            settle(f, t)
        if found < 0:
            return -1
    return 0


cdef inline void start(Forest *f, Tree *t, const uint8_t *state, uint64_t seed) noexcept nogil:
    """Begins a search from `state`; keeps the tree if it was advanced to that very state."""
    cdef int32_t bytes_of_state = f.table.state_bytes
    cdef bint keep = t.advanced and t.num_nodes > 0 and memcmp(t.root, state, bytes_of_state) == 0
    if not keep:
        clear(f, t)
        memcpy(t.root, state, bytes_of_state)
    t.seed, t.rng = seed, derive(seed, PRIVATE)
    t.full = f.settings.fast_simulations == 0 or uniform(&t.rng) < f.settings.full_fraction
    t.kept = t.nodes.visits - 1 if keep else 0
    t.left = max(0, (f.settings.simulations if t.full else f.settings.fast_simulations) - t.kept)
    t.depth = t.advanced = 0
    t.row = NONE
    if keep:
        prepare_root(f, t)


cdef inline void advance(Forest *f, Tree *t, const int32_t *action) noexcept nogil:
    """Plays `action` at the root and keeps what the tree knows of the state after it, where that is still true.

    Nothing is kept where something is drawn or hidden, as the seat has learnt more since, nor of a Gumbel root, whose
    sequential halving starts from no visits.
    """
    cdef int32_t k, child = NONE
    if t.num_nodes and not f.sampled and not f.settings.gumbel_root:
        for k in range(t.nodes.first, t.nodes.first + t.nodes.count):
            if t.edges[k].action == action[0]:
                child = t.edges[k].child
    f.table.apply(t.root, action)
    if child == NONE:
        clear(f, t)
    else:
        keep_subtree(f, t, child)
        t.advanced = 1
