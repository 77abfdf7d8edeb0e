"""What each of the 69 actions needs and does, before time passes."""
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from envs.prospector.dangers cimport endure, pirates, warm
from envs.prospector.draws cimport (
    EDGE_HAZARD_U, FRACTURE_SEVERITY_U, FRACTURE_U, LISTEN_Z, MINE_NOISE_Z, SCAN_COMP_Z, SCAN_STAB_Z, Draws,
    normal_of, uniform_of
)
from envs.prospector.elementary cimport clip, exponential, sigmoid
from envs.prospector.market cimport sell
from envs.prospector.rule_sets cimport RULES, Rules
from envs.prospector.state cimport (
    BURN, BUY_DECOY, BUY_FUEL, BUY_KIT, BUY_STABILISER, CASH_OUT, COOL, DEEP_SCAN, DOCK, FOCUSED_SCAN, GOODS, HOLD,
    JETTISON, LINKS, LISTEN, MINE, MOST_HELD, NUM_ACTIONS, OVERHAUL, PATCH_HULL, REFINE, REPAIR_TOOL, ROCKS, SELECT,
    SELL, STABILISE, TRAVEL, WIDE_SCAN, Prospector, Rock, Sight, cargo_total, usable
)
from envs.prospector.world cimport visit

cdef extern from *:
    """
    typedef struct { double yield, heat, wear, alert, noise, fracture; } ProspectorDrill;
    static const ProspectorDrill prospector_drills[3] = {
        {0.80, 2, 0.8, 1.2, 0.05, -0.7}, {1.15, 4, 1.6, 2.2, 0.10, 0}, {1.55, 7, 2.8, 4.0, 0.16, 0.8},
    };
    typedef struct { double blend, gain, noise, fuel, alert; int ticks; } ProspectorScan;
    static const ProspectorScan prospector_scans[3] = {
        {0.22, 0.10, 1.35, 5, 4, 3}, {0.42, 0.20, 1.00, 4, 3, 2}, {0.80, 0.45, 0.55, 8, 6, 4},
    };
    static const double prospector_fuel[3][2] = {{120, 60}, {260, 120}, {480, 210}};   /* fuel for credits */
    static const double prospector_supplies[4] = {150, 175, 110, 280};  /* kit, stabiliser, decoy, overhaul */
    static const double prospector_parts[3] = {0.25, 0.5, 1};           /* of a commodity that is sold */
    """
    ctypedef struct Drill "ProspectorDrill":
        double yielded "yield"
        double heat
        double wear
        double alert
        double noise
        double fracture
    ctypedef struct Scan "ProspectorScan":
        double blend
        double gain
        double noise
        double fuel
        double alert
        int ticks
    const Drill[3] DRILLS "prospector_drills"
    const Scan[3] SCANS "prospector_scans"
    const double[3][2] FUEL "prospector_fuel"
    const double[4] SUPPLIES "prospector_supplies"
    const double[3] PARTS "prospector_parts"


cdef void valid_actions(const Prospector *s, uint8_t *mask) noexcept nogil:
    """Writes 1 for each of the 69 actions whose condition is met."""
    cdef bint home = s.node == 0, strict = RULES[s.rules].strict
    cdef uint8_t chosen = usable(s, s.selected)
    cdef const Sight *sights = s.sights[s.node - 1 if s.node else 0]
    cdef int32_t i
    memset(mask, 0, NUM_ACTIONS)
    for i in range(LINKS):
        mask[TRAVEL + i] = s.neighbour[s.node][i] >= 0
    mask[HOLD] = mask[BURN] = mask[WIDE_SCAN] = mask[LISTEN] = mask[REFINE] = mask[COOL] = 1
    mask[FOCUSED_SCAN] = mask[DEEP_SCAN] = mask[MINE] = mask[MINE + 1] = mask[MINE + 2] = chosen
    mask[STABILISE] = chosen and s.stabilisers > 0
    mask[REPAIR_TOOL] = mask[PATCH_HULL] = s.kits > 0
    for i in range(GOODS):
        mask[JETTISON + i] = not strict or s.cargo[i] > 0
    if not home:
        for i in range(ROCKS):
            mask[SELECT + i] = sights[i].valid != 0 and sights[i].depletion < 1
        mask[CASH_OUT] = not strict
        return
    mask[DOCK] = 1
    mask[CASH_OUT] = s.ticks >= RULES[s.rules].cash_out_ticks
    for i in range(3 * GOODS):
        mask[SELL + i] = not strict or s.cargo[i // 3] > 0
    for i in range(3):
        mask[BUY_FUEL + i] = s.credits >= FUEL[i][1]
    mask[BUY_KIT] = s.kits < MOST_HELD and s.credits >= SUPPLIES[0]
    mask[BUY_STABILISER] = s.stabilisers < MOST_HELD and s.credits >= SUPPLIES[1]
    mask[BUY_DECOY] = s.decoys < MOST_HELD and s.credits >= SUPPLIES[2]
    mask[OVERHAUL] = s.credits >= SUPPLIES[3]


cdef int32_t travel(Prospector *s, int32_t slot, Draws *draws) noexcept nogil:
    cdef int32_t start = s.node, dt = s.travel[start][slot]
    cdef double threat = s.threat[start][slot]
    s.fuel -= <float>(s.fuel_cost[start][slot] * (1 + 0.5 * cargo_total(s) / 200))
    s.node = s.neighbour[start][slot]
    s.selected = -1
    if RULES[s.rules].strict:
        memset(s.steadied, 0, sizeof(s.steadied))
    visit(s, s.node)
    endure(s, dt, threat, 0.85 + 0.3 * uniform_of(s, draws, EDGE_HAZARD_U))
    pirates(s, dt, threat, draws)
    return dt


cdef void renormalise(double *share) noexcept nogil:
    """Floors six numbers at 1e-8 and divides them by their sum."""
    cdef double total = 0
    cdef int32_t c
    for c in range(GOODS):
        share[c] = share[c] if share[c] > 1e-8 else 1e-8
        total += share[c]
    for c in range(GOODS):
        share[c] /= total


cdef void scan(Prospector *s, int32_t a, const Scan *how, Draws *draws) noexcept nogil:
    """Brings the estimates of asteroid `a` nearer to the truth."""
    cdef const Rock *rock = &s.rocks[s.node - 1][a]
    cdef Sight *sight = &s.sights[s.node - 1][a]
    cdef double sigma = rock.noise * (1.1 - sight.confidence) * how.noise
    cdef double sample[GOODS]
    cdef double seen
    cdef int32_t c
    for c in range(GOODS):
        sample[c] = rock.share[c] + sigma * normal_of(s, draws, SCAN_COMP_Z)
    renormalise(sample)
    for c in range(GOODS):
        sample[c] = (1 - how.blend) * sight.share[c] + how.blend * sample[c]
    renormalise(sample)
    for c in range(GOODS):
        sight.share[c] = <float>sample[c]
    seen = clip(rock.stability + sigma * normal_of(s, draws, SCAN_STAB_Z), 0, 1)
    sight.stability = <float>((1 - how.blend) * sight.stability + how.blend * seen)
    sight.confidence = <float>clip(sight.confidence + how.gain, 0, 1)


cdef void listen(Prospector *s, Draws *draws) noexcept nogil:
    cdef int32_t k
    cdef double heard
    for k in range(LINKS):
        if s.neighbour[s.node][k] >= 0:
            heard = clip(s.threat[s.node][k] + 0.08 * normal_of(s, draws, LISTEN_Z), 0, 1)
            s.estimate[s.node][k] = <float>(0.25 * s.estimate[s.node][k] + 0.75 * heard)


cdef void mine(Prospector *s, const Drill *drill, Draws *draws) noexcept nogil:
    cdef const Rules *rules = &RULES[s.rules]
    cdef const Rock *rock = &s.rocks[s.node - 1][s.selected]
    cdef Sight *sight = &s.sights[s.node - 1][s.selected]
    cdef double q = clip(s.tool / 100.0, 0, 1), h = clip(s.heat / 100.0, 0, 2)
    cdef double amount, left, logit, hot = h - 0.7 if h > 0.7 else 0
    cdef int32_t c
    amount = exponential(drill.noise * normal_of(s, draws, MINE_NOISE_Z)) * drill.yielded
    amount *= rock.richness * (1.0 - sight.depletion) * (0.4 + 0.6 * q)
    if hot > 0:
        amount *= clip(1 - hot / 0.3, 0.1, 1)
    left = 200 - cargo_total(s)
    amount = clip(amount, 0, left if left > 0 else 0)
    for c in range(GOODS):
        s.cargo[c] += <float>(amount * rock.share[c])
    sight.depletion = <float>clip(sight.depletion + 0.01 * amount, 0, 1)
    warm(s, drill.heat, drill.alert)
    s.tool -= <float>drill.wear
    s.mining_ticks += 1
    logit = rules.fracture + drill.fracture + 2.5 * (1 - rock.stability) + 2.2 * hot + 1.5 * (1 - q)
    if s.steadied[s.selected] > 0:
        logit -= 1.1
    if uniform_of(s, draws, FRACTURE_U) < sigmoid(logit):
        s.hull -= <float>(rules.fracture_hull * (0.5 + 0.5 * uniform_of(s, draws, FRACTURE_SEVERITY_U)))
        sight.depletion = 1
        s.hazard[s.node] = <float>clip(s.hazard[s.node] + 0.1, 0, 1)
        s.fractures += 1


cdef inline void pay(Prospector *s, double price) noexcept nogil:
    s.credits -= price
    s.spent += price


cdef void refine(Prospector *s) noexcept nogil:
    cdef double metal = <double>s.cargo[0] + s.cargo[1]
    s.fuel -= 4
    warm(s, 6, 3)
    s.cargo[0] *= <float>0.85
    s.cargo[1] *= <float>0.85
    s.cargo[4] += <float>(RULES[s.rules].refined * 0.15 * metal)


cdef void hold(Prospector *s) noexcept nogil:
    s.alert = s.alert - 3 if s.alert > 3 else 0
    s.heat = s.heat - <float>2.5 if s.heat > <float>2.5 else 0


cdef void pay_for_scan(Prospector *s, int32_t action) noexcept nogil:
    s.fuel -= <float>SCANS[action - WIDE_SCAN].fuel
    s.alert += <float>SCANS[action - WIDE_SCAN].alert


cdef int32_t act(Prospector *s, int32_t action, Draws *draws) noexcept nogil:
    """Does what a valid action does before time passes; returns how many ticks will."""
    cdef int32_t a
    if action < HOLD:
        return travel(s, action - TRAVEL, draws)
    if SELECT <= action < MINE:
        s.selected = action - SELECT
    elif MINE <= action < STABILISE:
        mine(s, &DRILLS[action - MINE], draws)
    elif SELL <= action < BUY_FUEL:
        sell(s, (action - SELL) // 3, PARTS[(action - SELL) % 3])
    elif JETTISON <= action < DOCK:
        s.cargo[action - JETTISON] = 0
        s.alert = s.alert - 8 if s.alert > 8 else 0
    elif BUY_FUEL <= action < BUY_KIT:
        pay(s, FUEL[action - BUY_FUEL][1])
        s.fuel = <float>clip(s.fuel + FUEL[action - BUY_FUEL][0], 0, 1000)
    elif BUY_KIT <= action <= OVERHAUL:
        pay(s, SUPPLIES[action - BUY_KIT])
        s.kits += action == BUY_KIT
        s.stabilisers += action == BUY_STABILISER
        s.decoys += action == BUY_DECOY
        if action == OVERHAUL:
            s.hull = s.tool = 100
            return 3
    elif action == HOLD:
        hold(s)
    elif action == BURN:
        s.fuel -= 18
        s.alert += 10
        s.escape = s.escape if s.escape > 4 else 4
    elif WIDE_SCAN <= action <= DEEP_SCAN:
        s.scans += 1
        if action != WIDE_SCAN:
            scan(s, s.selected, &SCANS[action - WIDE_SCAN], draws)
        elif s.node > 0:
            for a in range(ROCKS):
                if s.sights[s.node - 1][a].valid != 0:
                    scan(s, a, &SCANS[0], draws)
        return SCANS[action - WIDE_SCAN].ticks
    elif action == LISTEN:
        listen(s, draws)
        return 2
    elif action == STABILISE:
        s.stabilisers -= 1
        s.steadied[s.selected] = 6
        return 2
    elif action == REFINE:
        refine(s)
        return 2
    elif action == COOL:
        s.fuel -= 2
        s.heat = s.heat - 20 if s.heat > 20 else 0
        s.alert += 1
        return 2
    elif action == REPAIR_TOOL or action == PATCH_HULL:
        s.kits -= 1
        if action == REPAIR_TOOL:
            s.tool = <float>clip(s.tool + 25, 0, 100)
        else:
            s.hull = <float>clip(s.hull + 20, 0, 100)
        return 2
    elif action == DOCK:
        s.alert = s.alert - 20 if s.alert > 20 else 0
    return 1
