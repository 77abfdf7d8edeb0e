"""What the player sees: 260 numbers, index by index as in the module text of `rules`."""
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from envs.prospector.elementary cimport clip, logarithm
from envs.prospector.prices cimport PRICES
from envs.prospector.rule_sets cimport RULES
from envs.prospector.state cimport (
    GOODS, LINKS, MOST_HELD, NODES, ROCKS, Prospector, Sight, cargo_total, usable
)

cdef enum:                  # where the parts begin
    NEIGHBOURS = 24
    ASTEROIDS = 68
    PRICE_PARTS = 244
    CHANGES = 250
    STOCK = 256


cdef void write_observation(const Prospector *s, float *out) noexcept nogil:
    cdef double per_log_credits = 0.06204206845839988      # 1 / ln(1 + 1e7)
    cdef int32_t node = s.node, c, k, other
    cdef float *at
    cdef double money = s.credits if s.credits > 0 else 0
    memset(out, 0, ASTEROIDS * sizeof(float))
    out[0] = s.fuel / 1000
    out[1] = s.hull / 100
    out[2] = s.heat / 100
    out[3] = s.tool / 100
    out[4] = <float>(cargo_total(s) / 200)
    out[5] = s.alert / 100
    out[6] = <float>s.time_left / <float>s.time_max
    out[7] = <float>clip(logarithm(1 + money) * per_log_credits, 0, 1) if money > 0 else 0
    for c in range(GOODS):
        out[8 + c] = s.cargo[c] / 200
    out[14] = <float>s.kits / MOST_HELD
    out[15] = <float>s.stabilisers / MOST_HELD
    out[16] = <float>s.decoys / MOST_HELD
    out[17] = node == 0
    out[18] = usable(s, s.selected)
    out[19 + s.kind[node]] = 1
    out[22] = <float>node / (NODES - 1)
    out[23] = <float>s.hops[node] / (NODES - 1)
    at = out + NEIGHBOURS
    for k in range(LINKS):
        other = s.neighbour[node][k]
        if other < 0:
            break           # slots are filled from the first
        at[0] = 1
        at[1 + s.kind[other]] = 1
        at[4] = <float>s.travel[node][k] / 8
        at[5] = s.fuel_cost[node][k] / 160
        at[6] = s.estimate[node][k]
        at += 7
    at = out + ASTEROIDS
    if node > 0:
        memcpy(at, s.sights[node - 1], ROCKS * sizeof(Sight))
        if s.selected >= 0:
            (<Sight *>at)[s.selected].selected = 1
    else:
        memset(at, 0, ROCKS * sizeof(Sight))
    for c in range(GOODS):
        out[PRICE_PARTS + c] = <float>clip(s.price[c] / (RULES[s.rules].price_scale * PRICES.base[c]), 0, 1)
        out[CHANGES + c] = <float>clip((<double>s.price[c] - s.previous[c]) / 100, -1, 1)
    out[STOCK] = <float>clip(s.inventory[0] / 500.0, 0, 1)
    for c in range(2, 5):
        out[STOCK + c - 1] = <float>clip(s.inventory[c] / 500.0, 0, 1)
