"""What a search does differently at its root: noise, forced playouts, sequential halving; and what it concludes there.

PUCT roots: Dirichlet noise (Silver et al. 2018), forced playouts and their removal from the target (Wu 2019,
arXiv:1902.10565, sections 3.2). Gumbel roots: Danihelka et al. 2022, "Policy improvement by planning with Gumbel",
sections 3 and 4, sequential halving after Karnin et al. 2013. Letter: k counts the edges of the root.
"""
from libc.math cimport INFINITY, NAN, ceilf, cos, exp, expf, floorf, isnan, log, logf, pow, powf, sqrt, sqrtf
from libc.stdint cimport int32_t, uint64_t

from native.random cimport uniform
from native.search_tree cimport Edge, Forest, Node, Tree
from native.search_values cimport choose


cdef inline double gamma_variate(double shape, uint64_t *rng) noexcept nogil:
    """Marsaglia and Tsang 2000; a shape below 1 by their section 6."""
    cdef double boost = 1, d, c, x, v
    if shape < 1:
        boost = pow(1 - uniform(rng), 1 / shape)
        shape += 1
    d = shape - 1.0 / 3
    c = 1 / sqrt(9 * d)
    while True:
        x = sqrt(-2 * log(1 - uniform(rng))) * cos(6.283185307179586 * uniform(rng))
        v = 1 + c * x
        v = v * v * v
        if v > 0 and log(1 - uniform(rng)) < 0.5 * x * x + d - d * v + d * log(v):
            return boost * d * v


cdef inline void add_noise(const Forest *f, Tree *t) noexcept nogil:
    """Priors to the power of 1 / temperature, then mixed with a Dirichlet draw."""
    cdef Node *root = t.nodes
    cdef Edge *edges = t.edges + root.first
    cdef float fraction = f.settings.dirichlet_fraction
    cdef double total = 0, noise = 0
    cdef int32_t k
    for k in range(root.count):
        edges[k].prior = powf(edges[k].prior, 1 / f.settings.root_temperature)
        total += edges[k].prior
        f.score[k] = 0
        if fraction > 0:
            f.score[k] = <float>gamma_variate(f.settings.dirichlet_alpha, &t.rng)
            noise += f.score[k]
    for k in range(root.count):
        edges[k].prior = <float>(edges[k].prior / total)
        if noise > 0:
            edges[k].prior = (1 - fraction) * edges[k].prior + fraction * <float>(f.score[k] / noise)


cdef inline void begin_phase(Tree *t) noexcept nogil:
    """Sequential halving spreads its budget evenly over ceil(log2(most)) phases, and a phase over its actions."""
    cdef int32_t phases = 0
    while 1 << phases < t.most:
        phases += 1
    t.rounds = max(1, t.budget // max(1, phases * t.considered))
    t.left_in_round = t.considered


cdef inline void prepare_root(const Forest *f, Tree *t) noexcept nogil:
    """Called once per search, when the root has its priors."""
    cdef Node *root = t.nodes
    cdef Edge *edges = t.edges + root.first
    cdef int32_t k
    for k in range(root.count):
        t.logits[k] = logf(edges[k].prior)
    if f.settings.gumbel_root:
        for k in range(root.count):
            t.gumbel[k] = f.settings.gumbel_scale * <float>-log(-log(1 - uniform(&t.rng)))
        t.budget, t.level = t.left, 0
        t.considered = t.most = max(1, min(min(f.settings.max_considered, root.count), t.left))
        begin_phase(t)
    elif t.full:
        add_noise(f, t)
    root.visited_prior = 0
    for k in range(root.count):
        edges[k].u = 0 if edges[k].proven else edges[k].prior / <float>(1 + edges[k].visits)
        if edges[k].visits:
            root.visited_prior += edges[k].prior
    if root.proven:
        t.left = 0


cdef inline void improve(const Forest *f, const Tree *t) noexcept nogil:
    """Writes `score`: logits + sigma(completed q), the logits of the improved policy (equations 10 and 33).

    An unvisited action counts as the mixed value of the root; q is scaled to [0, 1] by its extremes, as in mctx.
    """
    cdef const Node *root = t.nodes
    cdef const Edge *edges = t.edges + root.first
    cdef float mass = 0, weighted = 0, mixed = root.raw_value, lowest = INFINITY, highest = -INFINITY, prior, q, scale
    cdef int32_t k, most = 0
    for k in range(root.count):
        if edges[k].visits:
            prior = expf(t.logits[k])
            mass += prior
            weighted += prior * edges[k].q
            most = max(most, edges[k].visits)
    if mass > 0:
        mixed = (root.raw_value + (root.visits - 1) * weighted / mass) / root.visits
    for k in range(root.count):
        q = edges[k].q if edges[k].visits else mixed
        f.score[k] = q
        lowest, highest = min(lowest, q), max(highest, q)
    scale = (f.settings.c_visit + most) * f.settings.c_scale / max(highest - lowest, <float>1e-8)
    for k in range(root.count):
        f.score[k] = t.logits[k] + scale * (f.score[k] - lowest)


cdef inline int32_t choose_gumbel(const Forest *f, Tree *t) noexcept nogil:
    """Sequential halving: among the actions with the visits of this round, the best by gumbel + improved logit."""
    cdef const Node *root = t.nodes
    cdef const Edge *edges = t.edges + root.first
    cdef float best = -INFINITY
    cdef int32_t k, chosen = -1
    improve(f, t)
    for k in range(root.count):
        if edges[k].visits == t.level and (chosen < 0 or t.gumbel[k] + f.score[k] > best):
            best, chosen = t.gumbel[k] + f.score[k], k
    t.left_in_round -= 1
    if t.left_in_round == 0:
        t.level += 1
        t.left_in_round = t.considered
        t.rounds -= 1
        if t.rounds == 0:
            t.considered = max(min(2, t.considered), t.considered // 2)
            begin_phase(t)
    return root.first + chosen


cdef inline float forced(const Forest *f, const Tree *t, const Edge *edge) noexcept nogil:
    """Visits that an action gets whatever its value, once it was tried: sqrt(k prior visits)."""
    return sqrtf(f.settings.forced_playouts * edge.prior * (t.nodes.visits - 1))


cdef inline int32_t choose_root(const Forest *f, Tree *t) noexcept nogil:
    """The edge that the next simulation takes."""
    cdef const Node *root = t.nodes
    cdef const Edge *edge = t.edges + root.first
    cdef int32_t k
    if f.settings.gumbel_root:
        return choose_gumbel(f, t)
    if t.full and f.settings.forced_playouts > 0:
        for k in range(root.first, root.first + root.count):
            edge = t.edges + k
            if edge.visits and not edge.proven and edge.visits < forced(f, t, edge):
                return k
    return choose(f, t, root, f.settings.root_fpu_reduction)


cdef inline void prune(const Forest *f, const Tree *t) noexcept nogil:
    """Takes forced visits off the `score` of all but the most visited action, as far as PUCT would not miss them."""
    cdef const Node *root = t.nodes
    cdef const Edge *edges = t.edges + root.first
    cdef float explore = f.explore[min(root.visits, f.last_explore)], best, kept
    cdef int32_t k, most = 0
    for k in range(root.count):
        if f.score[k] > f.score[most]:
            most = k
    best = edges[most].q + explore * edges[most].u
    for k in range(root.count):
        if k == most or f.score[k] == 0 or edges[k].q >= best:
            continue
        kept = ceilf(explore * edges[k].prior / (best - edges[k].q) - 1)
        kept = max(kept, f.score[k] - floorf(forced(f, t, edges + k)))
        f.score[k] = min(kept, f.score[k]) if kept > 1 else 0


cdef inline bint worse(const Forest *f, const Node *root, const Edge *edge) noexcept nogil:
    """Whether the action is proven not to be the best one."""
    return edge.proven and edge.q < root.value if root.proven else edge.proven and edge.q <= -f.settings.win_value


cdef inline void weigh(const Forest *f, const Tree *t) noexcept nogil:
    """Writes `score`: visits, without forced ones and without actions that are proven worse than another."""
    cdef const Node *root = t.nodes
    cdef const Edge *edges = t.edges + root.first
    cdef int32_t k
    for k in range(root.count):
        f.score[k] = 0 if worse(f, root, edges + k) or root.proven and not edges[k].proven else edges[k].visits
    if t.full and f.settings.forced_playouts > 0 and not f.settings.gumbel_root and not root.proven:
        prune(f, t)


cdef inline void normalise(const Forest *f, int32_t count) noexcept nogil:
    """Makes `score` add up to 1; uniform if all of it is 0."""
    cdef float total = 0
    cdef int32_t k
    for k in range(count):
        total += f.score[k]
    for k in range(count):
        f.score[k] = f.score[k] / total if total > 0 else <float>1 / count


cdef inline void target(const Forest *f, const Tree *t) noexcept nogil:
    """Writes `score`: the policy that the search teaches, over the edges of the root."""
    cdef const Node *root = t.nodes
    cdef const Edge *edges = t.edges + root.first
    cdef float largest = -INFINITY
    cdef int32_t k
    if not f.settings.gumbel_root or root.proven:
        weigh(f, t)
        normalise(f, root.count)
        return
    improve(f, t)
    for k in range(root.count):
        if not worse(f, root, edges + k):
            largest = max(largest, f.score[k])
    for k in range(root.count):
        f.score[k] = 0 if worse(f, root, edges + k) else expf(f.score[k] - largest)
    normalise(f, root.count)


cdef inline float surprise(const Forest *f, const Tree *t) noexcept nogil:
    """KL(target || evaluator's softmax over all actions), both kept within 1e-8 and 1; overwrites `score`. NaN: not
    known."""
    cdef double divergence = 0, network
    cdef int32_t k
    if isnan(t.nodes.legal_mass):
        return NAN
    target(f, t)
    for k in range(t.nodes.count):
        if f.score[k] > <float>1e-8:
            network = max(1e-8, exp(<double>t.logits[k]) * t.nodes.legal_mass)
            divergence += f.score[k] * log(f.score[k] / network)
    return <float>max(0.0, divergence)


cdef inline int32_t best(const Forest *f, const Tree *t) noexcept nogil:
    """The edge to play: the most visited one; of equals the best by gumbel + improved logit, or by mean return."""
    cdef const Node *root = t.nodes
    cdef const Edge *edges = t.edges + root.first
    cdef float most = 0, value, best_value = -INFINITY
    cdef int32_t k, chosen = 0
    if f.settings.gumbel_root and not root.proven:
        improve(f, t)
        for k in range(root.count):
            if not worse(f, root, edges + k):
                most = max(most, edges[k].visits)
        for k in range(root.count):
            if edges[k].visits == most and not worse(f, root, edges + k):
                value = t.gumbel[k] + f.score[k]
                if value > best_value:
                    best_value, chosen = value, k
        return root.first + chosen
    weigh(f, t)
    for k in range(root.count):
        if f.score[k] > most or (f.score[k] == most and edges[k].q > edges[chosen].q):
            most, chosen = f.score[k], k
    return root.first + chosen


cdef inline int32_t draw(const Forest *f, Tree *t, float temperature) noexcept nogil:
    """An edge drawn with the probabilities weight ** (1 / temperature)."""
    cdef const Node *root = t.nodes
    cdef float largest = 0
    cdef double total = 0, drawn
    cdef int32_t k, chosen = 0
    weigh(f, t)
    for k in range(root.count):
        largest = max(largest, f.score[k])
    if largest == 0:
        return best(f, t)
    for k in range(root.count):
        f.score[k] = powf(f.score[k] / largest, 1 / temperature) if f.score[k] > 0 else 0
        total += f.score[k]
    drawn = uniform(&t.rng) * total
    for k in range(root.count):
        if f.score[k] > 0:
            chosen = k
            drawn -= f.score[k]
            if drawn < 0:
                break
    return root.first + chosen
