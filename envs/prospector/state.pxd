"""The state of a game of Prospector.

Nodes are 0 .. num_nodes - 1, 0 the station, which has no asteroids: those of node `n` are in row `n - 1`. Ranges and
units: fuel 0-1000, hull, heat, tool, alert 0-100, cargo 0-200 in all, time in ticks, money in credits.
"""
from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    NODES = 32
    FIELDS = 31             # nodes with asteroids
    LINKS = 6               # neighbour slots of a node
    ROCKS = 16              # asteroid slots of a node
    GOODS = 6               # iron, nickel, water ice, platinum group, rare isotopes, volatiles
    STATION = 0             # kinds of nodes
    CLUSTER = 1
    HAZARD = 2
    NUM_ACTIONS = 69
    OBSERVATION = 260
    MOST_TICKS = 20000
    MOST_HELD = 12          # of each consumable
    COMPAT = 0              # rule sets: rows of RULES
    BALANCED = 1

cdef enum:                  # actions
    TRAVEL = 0
    HOLD = 6
    BURN = 7
    WIDE_SCAN = 8
    FOCUSED_SCAN = 9
    DEEP_SCAN = 10
    LISTEN = 11
    SELECT = 12
    MINE = 28
    STABILISE = 31
    REFINE = 32
    COOL = 33
    REPAIR_TOOL = 34
    PATCH_HULL = 35
    JETTISON = 36
    DOCK = 42
    SELL = 43
    BUY_FUEL = 61
    BUY_KIT = 64
    BUY_STABILISER = 65
    BUY_DECOY = 66
    OVERHAUL = 67
    CASH_OUT = 68

cdef enum:                  # endings
    RUNNING = 0
    DESTROYED = 1
    STRANDED = 2
    BOTH = 3
    CASHED_OUT = 4
    TIME_UP = 5

cdef struct Rock:           # what is true of an asteroid
    float share[GOODS]      # of each commodity; they add up to 1
    float richness
    float stability
    float noise             # of scans

cdef struct Sight:          # what is known of it, as `observe` shows it
    float valid             # 1, or 0 for an empty slot
    float share[GOODS]
    float stability
    float depletion
    float confidence
    float selected          # always 0 here

cdef struct Prospector:
    # drawn with the world, hidden
    uint64_t rng            # of future chance
    uint64_t fields         # seed of the asteroids of nodes nobody has been to
    double rate[GOODS]      # of the price cycle, 1 / ticks
    double offset[GOODS]    # its phase, in turns
    float swing[GOODS]      # its amplitude, credits
    float pirates[NODES]
    float hazard[NODES]
    float threat[NODES][LINKS]
    Rock rocks[FIELDS][ROCKS]
    # the map, drawn with the world, seen step by step
    float fuel_cost[NODES][LINKS]
    int8_t neighbour[NODES][LINKS]      # -1: none
    uint8_t travel[NODES][LINKS]        # ticks
    uint8_t kind[NODES]
    uint8_t hops[NODES]                 # to the station; 31 if there is no way
    int32_t num_nodes
    uint32_t drawn          # bit per node: its asteroids are in `rocks` and `sights`
    uint32_t visited        # bit per node: the ship has been there
    # the ship and the market, seen
    uint32_t masked         # option: 1 refuses invalid actions, 0 takes them for hold
    double credits
    double spent            # credits, ever
    double stolen           # value lost to pirates, credits
    double cargo_ticks      # sum of cargo / 200 * dt
    double total_reward
    float price[GOODS]
    float previous[GOODS]   # price before the latest step
    float inventory[GOODS]
    float sales[GOODS]      # recent ones, fading
    float cargo[GOODS]
    float fuel
    float hull
    float heat
    float tool
    float alert
    float reward            # of the latest step
    float estimate[NODES][LINKS]        # of `threat`, seen from either end
    Sight sights[FIELDS][ROCKS]
    int32_t node
    int32_t selected        # asteroid slot, or -1
    int32_t escape          # ticks that the burn still helps against pirates
    int32_t steadied[ROCKS]             # ticks that a slot is stabilised
    int32_t time_max
    int32_t time_left
    int32_t ticks
    int32_t decisions
    int32_t invalid         # decisions
    int32_t scans
    int32_t mining_ticks
    int32_t overheat_ticks
    int32_t encounters
    int32_t fractures
    int32_t kits
    int32_t stabilisers
    int32_t decoys
    int32_t dt              # of the latest step; 0 before the first
    int32_t was_invalid     # the latest step
    int32_t ending
    int32_t rules           # COMPAT or BALANCED


cdef inline double cargo_total(const Prospector *s) noexcept nogil:
    cdef double total = 0
    cdef int32_t c
    for c in range(GOODS):
        total += s.cargo[c]
    return total


cdef inline double cargo_value(const Prospector *s) noexcept nogil:
    """At the prices in force."""
    cdef double value = 0
    cdef int32_t c
    for c in range(GOODS):
        value += <double>s.cargo[c] * s.price[c]
    return value


cdef inline bint usable(const Prospector *s, int32_t rock) noexcept nogil:
    """Whether slot `rock` (or -1) of the present node holds an asteroid with something left."""
    cdef const Sight *sight
    if rock < 0 or s.node == 0:
        return False
    sight = &s.sights[s.node - 1][rock]
    return sight.valid != 0 and sight.depletion < 1
