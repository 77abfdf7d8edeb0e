"""What a tree makes of values: means and proofs backed up along a path, and PUCT, which they guide.

Values are returns to go. A path carries them for every seat at once, and a node reads that of the seat which decides in
it: nothing turns by depth. Letter: P seats.
"""
from libc.math cimport sqrtf
from libc.stdint cimport int32_t

from native.search_tree cimport Edge, Forest, Node, Tree


cdef inline void turn(const Forest *f, float value, int32_t seat) noexcept nogil:
    """Writes `returns` from a value that `seat` sees: in a zero-sum game the others share its opposite."""
    cdef int32_t p, others = f.table.num_players - 1
    for p in range(f.table.num_players):
        f.returns[p] = -value / others if f.zero_sum and others else 0
    f.returns[seat] = value


cdef inline bint prove(const Forest *f, const Tree *t, Node *node, Edge *edge, float value) noexcept nogil:
    """Notes that `edge` is worth exactly `value`; whether that settles the node, and then its worth (Winands 2008)."""
    cdef const Edge *edges = t.edges + node.first
    cdef int32_t k
    if not edge.proven:
        edge.proven = 1
        node.unproven -= 1
    edge.q, edge.u = value, 0
    if value < f.settings.win_value and node.unproven > 0:
        return False
    for k in range(node.count):
        if edges[k].proven and edges[k].q > value:
            value = edges[k].q
    node.proven, node.value = 1, value
    return True


cdef inline void back_up(const Forest *f, Tree *t, bint exact) noexcept nogil:
    """Adds the running simulation to its path; `returns` are those after the last step, `exact` if they are proven."""
    cdef int32_t d, p, P = f.table.num_players
    cdef float value, discount = f.settings.discount
    cdef Node *node
    cdef Edge *edge
    exact &= f.settings.solver
    for d in range(t.depth - 1, -1, -1):
        node, edge = t.nodes + t.path[d].node, t.edges + t.path[d].edge
        for p in range(P):
            f.returns[p] = t.rewards[d * P + p] + discount * f.returns[p]
        value = f.returns[node.seat]
        if edge.visits == 0:
            node.visited_prior += edge.prior
        edge.visits += 1
        node.visits += 1
        if exact:
            exact = prove(f, t, node, edge, value)
            if exact:
                turn(f, node.value, node.seat)
                continue
        else:
            edge.q += (value - edge.q) / <float>edge.visits
            edge.u = edge.prior / <float>(1 + edge.visits)
        node.value += (value - node.value) / <float>node.visits


cdef inline int32_t choose(const Forest *f, const Tree *t, const Node *node, float reduction) noexcept nogil:
    """PUCT (Silver et al. 2018, AlphaZero): argmax of q + c(N) sqrt(N) prior / (1 + n); the first of equals.

    An unvisited action counts as the node's value less `reduction` * sqrt(visited prior).
    """
    cdef float explore = f.explore[min(node.visits, f.last_explore)]
    cdef float unvisited = node.value, best, score
    cdef const Edge *edges = t.edges + node.first
    cdef int32_t k, chosen = 0
    if reduction > 0:
        unvisited -= reduction * sqrtf(node.visited_prior)
    best = (edges[0].q if edges[0].visits else unvisited) + explore * edges[0].u
    for k in range(1, node.count):
        score = (edges[k].q if edges[k].visits else unvisited) + explore * edges[k].u
        chosen = k if score > best else chosen
        best = score if score > best else best
    return node.first + chosen
