"""Four scripted prospectors, none of which needs to remember anything.

`greedy_miner`, `cautious_scanner` and `market_timer` are the original's baselines and decide by the observation alone.
They keep their weaknesses: they never repair, find home only from next to it, and repeat an invalid choice when
everything is mined out (hold, where that is refused). `shuttle` works the fields next to the station and also uses what
was seen on earlier visits.
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t

from envs.prospector.actions cimport valid_actions
from envs.prospector.elementary cimport exponential
from envs.prospector.observation cimport write_observation
from envs.prospector.prices cimport PRICES
from envs.prospector.rule_sets cimport RULES
from envs.prospector.state cimport (
    BUY_DECOY, BUY_FUEL, BUY_KIT, BUY_STABILISER, CASH_OUT, COOL, DEEP_SCAN, DOCK, GOODS, HOLD, LINKS, MINE,
    NUM_ACTIONS, OBSERVATION, OVERHAUL, PATCH_HULL, ROCKS, SELECT, SELL, STABILISE, WIDE_SCAN, Prospector
)
from native.game cimport Game

cdef enum:
    STATION = 1             # offsets in the seven numbers of a neighbour
    CLUSTER = 2
    TARGET = 3              # the commodity of the market timer

cdef struct View:           # an observation and what can be read off it
    float o[OBSERVATION]
    float price[GOODS]      # price / base price, at most 1, under either rule set
    double credits


cdef void look(const Prospector *s, View *v) noexcept nogil:
    cdef int32_t c
    write_observation(s, v.o)
    for c in range(GOODS):
        v.price[c] = <float>min(1.0, v.o[244 + c] * RULES[s.rules].price_scale)
    v.credits = exponential(v.o[7] * 16.118095750958314) - 1     # ln(1 + 1e7)


cdef int32_t neighbour(const View *v, int32_t kind, bint wanted) noexcept nogil:
    """The first neighbour slot that is (or, if not `wanted`, is not) of this kind; -1 if there is none."""
    cdef int32_t k
    for k in range(LINKS):
        if v.o[24 + 7 * k] > 0 and (v.o[24 + 7 * k + kind] > 0) == wanted:
            return k
    return -1


cdef int32_t outwards(const View *v) noexcept nogil:
    cdef int32_t slot = neighbour(v, CLUSTER, True)
    if slot < 0:
        slot = neighbour(v, STATION, False)
    return slot if slot >= 0 else 0


cdef int32_t homewards(const View *v) noexcept nogil:
    cdef int32_t slot = neighbour(v, STATION, True)
    return slot if slot >= 0 else 0


cdef const float *asteroid(const View *v, int32_t a) noexcept nogil:
    return v.o + 68 + 11 * a


cdef int32_t best_asteroid(const View *v, int32_t target) noexcept nogil:
    """By what it promises: of commodity `target`, or in value if that is negative. Slot 0 if there is none."""
    cdef int32_t a, c, best = 0
    cdef double score, most = -1
    cdef const float *rock
    for a in range(ROCKS):
        rock = asteroid(v, a)
        if rock[0] == 0:
            continue
        score = 0
        if target < 0:
            for c in range(GOODS):
                score += v.price[c] * rock[1 + c]
        else:
            score = rock[1 + target] * (0.5 + 0.5 * rock[9])
        score *= rock[7] * (1 - rock[8])
        if score > most + 1e-6:         # where all prices are shown as 1, all score the same but for rounding
            most, best = score, a
    return best


cdef int32_t first_held(const View *v, double more_than, int32_t besides) noexcept nogil:
    """The first commodity of which there is more than this part of the hold; -1 if there is none."""
    cdef int32_t c
    for c in range(GOODS):
        if c != besides and v.o[8 + c] > more_than:
            return c
    return -1


cdef int32_t greedy(const View *v) noexcept nogil:
    cdef int32_t best
    if v.o[17] > 0:
        best = first_held(v, 0.01, -1)
        if best >= 0:
            return SELL + 3 * best + 2
        return BUY_FUEL + 2 if v.o[0] < 0.40 and v.credits >= 210 else outwards(v)
    if v.o[4] > 0.85 or v.o[2] > 0.80 or v.o[1] < 0.40 or v.o[0] < 0.15:
        return homewards(v)
    best = best_asteroid(v, -1)
    if asteroid(v, best)[10] == 0:
        return SELECT + best
    return MINE + 2 if v.o[3] > 0.6 and v.o[2] < 0.6 else MINE + 1


cdef int32_t cautious(const View *v) noexcept nogil:
    cdef int32_t best, a, seen = 0
    cdef double confidence = 0
    cdef const float *rock
    if v.o[17] > 0:
        best = first_held(v, 0.01, -1)
        if best >= 0:
            return SELL + 3 * best + 1
        if v.o[14] < 0.30 and v.credits >= 150:
            return BUY_KIT
        return BUY_FUEL + 1 if v.o[0] < 0.5 and v.credits >= 120 else outwards(v)
    if v.o[4] > 0.70 or v.o[2] > 0.75 or v.o[1] < 0.55 or v.o[0] < 0.20:
        return homewards(v)
    for a in range(ROCKS):
        seen += asteroid(v, a)[0] > 0
        confidence += asteroid(v, a)[9]
    if seen and confidence / seen < 0.35:
        return WIDE_SCAN
    best = best_asteroid(v, -1)
    rock = asteroid(v, best)
    if rock[10] == 0:
        return SELECT + best
    if rock[9] < 0.60:
        return DEEP_SCAN
    if rock[7] < 0.40 and v.o[15] > 0.10:
        return STABILISE
    return COOL if v.o[2] > 0.70 else MINE


cdef int32_t timer(const View *v) noexcept nogil:
    cdef int32_t best
    cdef int32_t station = neighbour(v, STATION, True)
    cdef bint force = v.o[4] > 0.70 or v.o[6] < 0.15
    if v.o[17] > 0:
        if v.o[8 + TARGET] > 0.01 and (force or (v.o[250 + TARGET] > 0.01 and v.price[TARGET] > 0.5)):
            return SELL + 3 * TARGET
        best = first_held(v, 0.05, TARGET)
        if force and best >= 0:
            return SELL + 3 * best
        return BUY_FUEL + 1 if v.o[0] < 0.5 and v.credits >= 120 else outwards(v)
    if v.o[4] > 0.12:
        if v.o[2] > 0.65:
            return COOL
        if station >= 0:
            return station
    if v.o[250 + TARGET] < -0.02 and v.o[4] > 0.25:
        return COOL if v.o[2] > 0.6 else homewards(v)
    if v.o[4] > 0.85 or v.o[2] > 0.80:
        return COOL if v.o[2] > 0.70 else station if station >= 0 else HOLD
    best = best_asteroid(v, TARGET)
    if asteroid(v, best)[10] == 0:
        return SELECT + best
    return MINE + 1 if v.o[2] < 0.6 else MINE


cdef double promise(const View *v, const float *rock) noexcept nogil:
    """What an asteroid is thought to be worth: value of its make, times what is left of it, times how long it holds."""
    cdef double value = 0
    cdef int32_t c
    for c in range(GOODS):
        value += PRICES.base[c] * rock[1 + c]
    return rock[0] * value * (1 - rock[8]) * rock[7]


cdef double field_promise(const Prospector *s, const View *v, int32_t node) noexcept nogil:
    """The best of its asteroids; of a field never seen, what may be expected."""
    cdef int32_t a
    cdef double most = 0
    if not s.visited >> node & 1:
        return 75
    for a in range(ROCKS):
        most = max(most, promise(v, <const float *>&s.sights[node - 1][a]))
    return most


cdef int32_t shuttle_home(const Prospector *s, const View *v) noexcept nogil:
    """At the station: sell, repair, refuel, calm down, and leave for the best field next door."""
    cdef int32_t c, k, best = -1
    cdef double score, most = 45
    for c in range(GOODS):
        if s.cargo[c] > 0.5:
            return SELL + 3 * c + (1 if s.cargo[c] > 8 else 2)
    if v.credits >= 281 and (s.hull < 60 or s.tool < 50):
        return OVERHAUL
    for k in range(3):
        if s.fuel < 600 and v.credits >= 211 - 90 * (k > 0) - 60 * (k > 1):
            return BUY_FUEL + 2 - k
    if s.hull < 80 and s.kits > 0:
        return PATCH_HULL
    if s.alert > 5:
        return DOCK
    if v.credits >= 600 and s.stabilisers < 2:
        return BUY_STABILISER
    if v.credits >= 600 and s.kits < 2:
        return BUY_KIT
    if v.credits >= 600 and s.decoys < 2:
        return BUY_DECOY
    for k in range(LINKS):
        if v.o[24 + 7 * k] == 0:
            continue
        score = field_promise(s, v, s.neighbour[0][k])
        score -= 3 * s.travel[0][k] + 0.1 * s.fuel_cost[0][k] + 30 * (v.o[24 + 7 * k + 3] > 0)
        if score > most:
            most, best = score, k
    if best >= 0 and s.time_left > 60 and s.hull > 40 and s.fuel > 250:
        return best
    return CASH_OUT if s.ticks >= RULES[s.rules].cash_out_ticks else <int32_t>HOLD


cdef int32_t shuttle(const Prospector *s, const View *v) noexcept nogil:
    cdef int32_t home = neighbour(v, STATION, True), a, best = 0
    cdef double most = 0, score
    cdef const float *rock
    if v.o[17] > 0:
        return shuttle_home(s, v)
    home = home if home >= 0 else 0
    if v.o[4] > 0.30 or s.hull < 45 or s.fuel < 150 or s.alert > 60 or s.time_left < 30 or s.tool < 30:
        return home
    for a in range(ROCKS):
        score = promise(v, asteroid(v, a))
        if score > most:
            most, best = score, a
    if most < 35:
        return home
    rock = asteroid(v, best)
    if rock[9] < 0.25:
        return WIDE_SCAN
    if rock[10] == 0:
        return SELECT + best
    if rock[9] < 0.60:
        return DEEP_SCAN
    if rock[7] < 0.5 and s.stabilisers > 0 and s.steadied[best] == 0:
        return STABILISE
    if s.heat > 65:
        return COOL
    return MINE + 1 if rock[7] > 0.6 else MINE


cdef inline int32_t permitted(const Prospector *s, int32_t action) noexcept nogil:
    """`action`, or hold where it would be refused."""
    cdef uint8_t mask[NUM_ACTIONS]
    if s.masked:
        valid_actions(s, mask)
        return action if mask[action] else <int32_t>HOLD
    return action


cdef void greedy_miner(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    cdef View v
    look(<const Prospector *>p, &v)
    action[0] = permitted(<const Prospector *>p, greedy(&v))


cdef void cautious_scanner(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    cdef View v
    look(<const Prospector *>p, &v)
    action[0] = permitted(<const Prospector *>p, cautious(&v))


cdef void market_timer(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    cdef View v
    look(<const Prospector *>p, &v)
    action[0] = permitted(<const Prospector *>p, timer(&v))


cdef void shuttle_bot(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    cdef View v
    look(<const Prospector *>p, &v)
    action[0] = permitted(<const Prospector *>p, shuttle(<const Prospector *>p, &v))


cdef int add_bots(Game game) except -1:
    game.add_bot("greedy_miner", greedy_miner)
    game.add_bot("cautious_scanner", cautious_scanner)
    game.add_bot("market_timer", market_timer)
    game.add_bot("shuttle", shuttle_bot)
    return 0
