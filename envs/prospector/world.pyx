"""Drawing a world, the asteroids of a node on the first visit, and anew what the player cannot know."""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memset

from envs.prospector.elementary cimport clip, exponential, normal, sine, unit_exponential
from envs.prospector.prices cimport PRICES
from envs.prospector.state cimport (
    CLUSTER, GOODS, HAZARD, LINKS, NODES, ROCKS, STATION, Prospector, Rock, Sight
)
from native.random cimport below, derive, uniform


cdef inline double between(uint64_t *rng, double low, double high) noexcept nogil:
    """Uniform."""
    return low + (high - low) * uniform(rng)


cdef void dirichlet(uint64_t *rng, float *share) noexcept nogil:
    """Uniform over all ways to divide 1 into six shares."""
    cdef double drawn[GOODS]
    cdef double total = 0
    cdef int32_t c
    for c in range(GOODS):
        drawn[c] = unit_exponential(rng)
        total += drawn[c]
    for c in range(GOODS):
        share[c] = <float>(drawn[c] / total)


cdef double beta_3_2(uint64_t *rng) noexcept nogil:
    cdef double three = unit_exponential(rng) + unit_exponential(rng) + unit_exponential(rng)
    return three / (three + unit_exponential(rng) + unit_exponential(rng))


cdef void draw_rock(Rock *rock, uint64_t *rng) noexcept nogil:
    dirichlet(rng, rock.share)
    rock.richness = <float>clip(exponential(-0.2 + 0.65 * normal(rng)), 0.2, 4)
    rock.stability = <float>beta_3_2(rng)
    rock.noise = <float>between(rng, 0.04, 0.22)


cdef void draw_levels(Prospector *s, int32_t node, uint64_t *rng) noexcept nogil:
    """Hazard and pirates of a node of known kind."""
    cdef bint hazardous = s.kind[node] == HAZARD
    s.hazard[node] = <float>(between(rng, 0.05, 0.35) + (0.25 if hazardous else 0))
    s.pirates[node] = <float>(between(rng, 0.05, 0.30) + (0.12 if hazardous else 0))


cdef inline double usual_threat(const Prospector *s, int32_t u, int32_t v) noexcept nogil:
    return 0.5 * (<double>s.hazard[u] + s.hazard[v]) + 0.5 * (<double>s.pirates[u] + s.pirates[v])


cdef inline int32_t free_slot(const Prospector *s, int32_t node) noexcept nogil:
    """The lowest empty neighbour slot, or LINKS."""
    cdef int32_t k = 0
    while k < LINKS and s.neighbour[node][k] >= 0:
        k += 1
    return k


cdef void link(Prospector *s, int32_t u, int32_t v, uint64_t *rng) noexcept nogil:
    """An edge between `u` and `v`, unless there is one already or no slot for it."""
    cdef int32_t i = free_slot(s, u), j = free_slot(s, v), k
    if i == LINKS or j == LINKS:
        return
    for k in range(i):
        if s.neighbour[u][k] == v:
            return
    s.neighbour[u][i], s.neighbour[v][j] = v, u
    s.travel[u][i] = s.travel[v][j] = <uint8_t>(1 + below(rng, 8))
    s.fuel_cost[u][i] = s.fuel_cost[v][j] = <float>between(rng, 20, 112)
    s.threat[u][i] = s.threat[v][j] = <float>clip(usual_threat(s, u, v) + 0.05 * normal(rng), 0, 1)


cdef void find_hops(Prospector *s) noexcept nogil:
    """Breadth first from the station."""
    cdef int32_t queue[NODES]
    cdef int32_t head = 0, tail = 1, k, node, other
    memset(s.hops, NODES - 1, NODES)
    s.hops[0] = 0
    queue[0] = 0
    while head < tail:
        node = queue[head]
        head += 1
        for k in range(LINKS):
            other = s.neighbour[node][k]
            if other > 0 and s.hops[other] == NODES - 1:
                s.hops[other] = s.hops[node] + 1
                queue[tail] = other
                tail += 1


cdef void draw_market(Prospector *s, uint64_t *rng) noexcept nogil:
    cdef int32_t c
    for c in range(GOODS):
        s.inventory[c] = <float>between(rng, 20, 120)
        s.offset[c] = uniform(rng)
        s.rate[c] = 1 / between(rng, 180, 380)
        s.swing[c] = <float>(PRICES.base[c] * between(rng, 0.10, 0.30))
        s.price[c] = <float>clip(PRICES.base[c] + s.swing[c] * sine(s.offset[c]), PRICES.least[c], PRICES.most[c])
        s.previous[c] = s.price[c]


cdef void draw_world(Prospector *s, uint64_t seed) noexcept nogil:
    """Nodes, edges and market of a state that is all zeros; asteroids are drawn by `visit`."""
    cdef uint64_t rng = derive(seed, 0)
    cdef int32_t n = 8 + <int32_t>below(&rng, 25), node, k, u, v, _attempt
    s.rng, s.fields = derive(seed, 1), derive(seed, 2)
    s.num_nodes = n
    s.kind[0] = STATION
    for node in range(1, n):
        s.kind[node] = HAZARD if uniform(&rng) < 0.25 else CLUSTER
        draw_levels(s, node, &rng)
    memset(s.neighbour, -1, sizeof(s.neighbour))
    for node in range(n):
        for k in range(LINKS):
            s.estimate[node][k] = 0.5
    for node in range(1, n):
        link(s, node, <int32_t>below(&rng, node), &rng)
    for _attempt in range(n):
        u, v = <int32_t>below(&rng, n), <int32_t>below(&rng, n)
        if u != v:
            link(s, u, v, &rng)
    find_hops(s)
    draw_market(s, &rng)
    visit(s, 0)


cdef void visit(Prospector *s, int32_t node) noexcept nogil:
    """Notes that the ship is at `node`; draws its asteroids if there are none yet."""
    cdef uint64_t rng
    cdef int32_t a
    cdef Sight *sight
    s.visited |= 1u << node
    if node == 0 or s.drawn >> node & 1:
        return
    s.drawn |= 1u << node
    rng = derive(s.fields, node)
    for a in range(5 + <int32_t>below(&rng, 12)):
        draw_rock(&s.rocks[node - 1][a], &rng)
        sight = &s.sights[node - 1][a]
        sight.valid = 1
        dirichlet(&rng, sight.share)
        sight.stability = 0.5
        sight.confidence = <float>0.1


cdef void draw_hidden(Prospector *s, uint64_t seed) noexcept nogil:
    """What `redeterminize` of the rules says."""
    cdef uint64_t rng = derive(seed, 3)
    cdef int32_t node, k, a, c, i, other
    cdef Rock fresh
    cdef Rock *rock
    cdef const Sight *sight
    cdef double trust, seen
    s.rng, s.fields = derive(seed, 4), derive(seed, 5)
    s.drawn &= s.visited
    for node in range(1, s.num_nodes):
        seen = s.hazard[node]
        draw_levels(s, node, &rng)
        if s.visited >> node & 1:
            s.hazard[node] = <float>seen        # heat and alert have shown it
        else:
            memset(s.rocks[node - 1], 0, sizeof(s.rocks[node - 1]))
            memset(s.sights[node - 1], 0, sizeof(s.sights[node - 1]))
            continue
        for a in range(ROCKS):
            sight, rock = &s.sights[node - 1][a], &s.rocks[node - 1][a]
            if sight.valid == 0 or sight.depletion > 0:
                continue                        # what was mined has shown what it is
            draw_rock(&fresh, &rng)
            trust = clip((sight.confidence - 0.1) / 0.9, 0, 1)
            for c in range(GOODS):
                rock.share[c] = <float>((1 - trust) * fresh.share[c] + trust * sight.share[c])
            rock.richness = fresh.richness
            rock.stability = <float>((1 - trust) * fresh.stability + trust * sight.stability)
            rock.noise = fresh.noise
    for node in range(s.num_nodes):
        for k in range(LINKS):
            other = s.neighbour[node][k]
            if other <= node:
                continue
            i = 0
            while s.neighbour[other][i] != node:
                i += 1
            if s.estimate[node][k] != 0.5:
                seen = s.estimate[node][k] + 0.08 * normal(&rng)
            elif s.estimate[other][i] != 0.5:
                seen = s.estimate[other][i] + 0.08 * normal(&rng)
            else:
                seen = usual_threat(s, node, other) + 0.05 * normal(&rng)
            s.threat[node][k] = s.threat[other][i] = <float>clip(seen, 0, 1)
