"""One decision of Prospector: which are valid, and what one does.

`decide` is the whole step: the action, what happens everywhere while time passes, the market, the reward. Random
numbers come from the state's generator, or from `Draws` where a recorded step is played again.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from envs.prospector.elementary cimport clip, eight_normals, exponential, logarithm, normal, sigmoid, sine
from envs.prospector.prices cimport PRICES
from envs.prospector.rule_sets cimport RULES, Rules
from envs.prospector.state cimport (
    BOTH, BURN, BUY_DECOY, BUY_FUEL, BUY_KIT, BUY_STABILISER, CASHED_OUT, CASH_OUT, COOL,
    DEEP_SCAN, DESTROYED, DOCK, FOCUSED_SCAN, GOODS, HOLD, JETTISON, LINKS, LISTEN, MINE, MOST_HELD,
    NUM_ACTIONS, OVERHAUL, PATCH_HULL, REFINE, REPAIR_TOOL, ROCKS, RUNNING, SELECT, SELL, STABILISE, STRANDED,
    TIME_UP, TRAVEL, WIDE_SCAN, Prospector, Rock, Sight, cargo_total, cargo_value, usable
)
from envs.prospector.world cimport visit
from native.random cimport uniform

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

cdef struct Before:         # what a decision found
    double credits
    double fuel
    double hull
    double tool
    double value            # of the cargo, credits
    double stolen


cdef double given(Draws *draws, int32_t kind) noexcept nogil:
    """The next of the numbers from outside, if it is of this kind."""
    if draws.at >= draws.count or draws.kinds[draws.at] != kind:
        draws.wrong = 1
        return 0.5
    draws.at += 1
    return draws.values[draws.at - 1]


cdef inline double uniform_of(Prospector *s, Draws *draws, int32_t kind) noexcept nogil:
    return uniform(&s.rng) if draws == NULL else given(draws, kind)


cdef inline double normal_of(Prospector *s, Draws *draws, int32_t kind) noexcept nogil:
    return normal(&s.rng) if draws == NULL else given(draws, kind)


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


cdef inline void warm(Prospector *s, double heat, double alert) noexcept nogil:
    s.heat += <float>heat
    s.alert += <float>alert


cdef void pirates(Prospector *s, int32_t dt, double intensity, Draws *draws) noexcept nogil:
    """A check over `dt` ticks; none on the station."""
    cdef double logit, quiet, loss, value, spared = 1
    cdef int32_t c, _tick
    if s.node == 0:
        return
    value = cargo_value(s)
    logit = RULES[s.rules].pirates + 3 * intensity + 2.2 * clip(s.alert / 100.0, 0, 1) - (2.8 if s.escape > 0 else 0)
    if value > 0:
        logit += 0.8 * logarithm(1 + value / 1000)
    quiet = sigmoid(-logit)
    for _tick in range(dt):
        spared *= quiet
    if uniform_of(s, draws, PIRATE_U) >= 1 - spared:
        return
    s.encounters += 1
    loss = 0.08 + 0.12 * uniform_of(s, draws, PIRATE_LOSS_U)
    if s.decoys > 0 and uniform_of(s, draws, DECOY_U) < 0.6:
        s.decoys -= 1
        loss *= 0.3
    for c in range(GOODS):
        s.cargo[c] *= <float>(1 - loss)
    s.stolen += value - cargo_value(s)
    s.hull -= <float>(1 + 3 * uniform_of(s, draws, PIRATE_HULL_U))
    s.alert += 8


cdef inline void endure(Prospector *s, int32_t dt, double danger, double damage) noexcept nogil:
    """What `dt` ticks in a place or on a way of this danger do to the ship; `damage` is random, around 1."""
    s.hull -= <float>(dt * danger * 0.7 * damage)
    warm(s, 0.5 * dt * danger, 0.8 * dt * danger)


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


cdef void sell(Prospector *s, int32_t c, double part) noexcept nogil:
    cdef double sold = s.cargo[c] * part, stock = s.inventory[c]
    cdef double ratio = sold / (stock + sold if stock + sold > 1 else 1)
    cdef double slippage = clip(0.25 * ratio + 0.2 * sqrt(ratio), 0, 0.7)
    s.credits += sold * s.price[c] * (1 - slippage)
    s.cargo[c] -= <float>sold
    s.inventory[c] += <float>sold
    s.sales[c] += <float>sold


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


cdef void trade(Prospector *s, int32_t dt, Draws *draws) noexcept nogil:
    """Prices follow their cycle, the stock and recent sales, with noise that is not kept; sales and stock fade."""
    cdef float z[8]
    cdef double cycle[GOODS]
    cdef double noise = 0.03 * sqrt(<double>dt), fade = exponential(-dt / 14.0), price
    cdef int32_t c
    if draws == NULL:
        eight_normals(&s.rng, z)
    else:
        for c in range(GOODS):
            z[c] = <float>given(draws, MARKET_NOISE_Z)
    for c in range(GOODS):
        cycle[c] = sine((s.ticks + dt) * s.rate[c] + s.offset[c])
    for c in range(GOODS):
        s.previous[c] = s.price[c]
        price = PRICES.base[c] * (1 + noise * z[c]) + s.swing[c] * cycle[c]
        price -= 0.04 * s.inventory[c] + 0.05 * s.sales[c]
        s.price[c] = <float>clip(price, PRICES.least[c], PRICES.most[c])
        s.sales[c] *= <float>fade
        s.inventory[c] *= <float>0.998


cdef void pass_time(Prospector *s, int32_t dt, bint sheltered, Draws *draws) noexcept nogil:
    """What `dt` ticks do wherever the ship is; `sheltered` from the dangers of the place."""
    cdef double danger = s.hazard[s.node]
    cdef int32_t a
    s.time_left -= dt
    s.heat = s.heat - <float>(2.5 * dt) if s.heat > 2.5 * dt else 0
    s.escape = s.escape - dt if s.escape > dt else 0
    for a in range(ROCKS):
        s.steadied[a] = s.steadied[a] - dt if s.steadied[a] > dt else 0
    if s.heat > 100:
        s.hull -= <float>(1.25 * (s.heat - 100.0))
        s.heat = 100
        s.overheat_ticks += dt
    if s.node > 0 and not sheltered:
        if danger > 0:
            endure(s, dt, danger, 0.8 + 0.4 * uniform_of(s, draws, NODE_HAZARD_U))
        pirates(s, dt, s.pirates[s.node], draws)
    trade(s, dt, draws)


cdef void keep_in_range(Prospector *s, int32_t dt) noexcept nogil:
    cdef double total = cargo_total(s)
    cdef int32_t c
    s.alert -= <float>(RULES[s.rules].calm * dt)
    if s.node == 0 and s.hull > 0:
        s.hull += <float>(RULES[s.rules].mend * dt)
    s.fuel = <float>clip(s.fuel, 0, 1000)
    s.hull = <float>clip(s.hull, 0, 100)
    s.heat = <float>clip(s.heat, 0, 100)
    s.tool = <float>clip(s.tool, 0, 100)
    s.alert = <float>clip(s.alert, 0, 100)
    s.time_left = s.time_left if s.time_left > 0 else 0
    if total > 200:
        for c in range(GOODS):
            s.cargo[c] *= <float>(200 / total)
        total = 200
    s.cargo_ticks += total / 200 * dt
    s.ticks += dt


cdef int32_t ending_of(const Prospector *s, bint cashed_out) noexcept nogil:
    cdef bint stranded = s.fuel <= 0 and s.node > 0
    if s.hull <= 0:
        return BOTH if stranded else DESTROYED
    if stranded:
        return STRANDED
    if cashed_out:
        return CASHED_OUT
    return TIME_UP if s.time_left == 0 else RUNNING


cdef double reward_of(const Prospector *s, const Before *b, int32_t action, int32_t dt) noexcept nogil:
    cdef const Rules *rules = &RULES[s.rules]
    cdef double reward = (s.credits - b.credits) / 1000 - 0.001 * dt - rules.stolen * (s.stolen - b.stolen) / 1000
    cdef double gained = cargo_value(s) - b.value, hot = (s.heat - 70.0) / 100
    if gained > 0:
        reward += 0.02 * gained / 1000
    if b.fuel > s.fuel:
        reward -= 0.10 * (b.fuel - s.fuel) / 100
    if b.tool > s.tool:
        reward -= 0.05 * (b.tool - s.tool) / 10
    if b.hull > s.hull:
        reward -= rules.damage * (b.hull - s.hull) / 10
    if hot > 0:
        reward -= 0.20 * hot * hot
    if WIDE_SCAN <= action <= DEEP_SCAN:
        reward -= 0.005
    if s.was_invalid:
        reward -= 0.01
    if s.ending == STRANDED or s.ending == BOTH:
        reward -= rules.stranded
    if s.ending == DESTROYED or s.ending == BOTH:
        reward -= rules.destroyed
    if s.ending == CASHED_OUT or s.ending == TIME_UP:
        reward += 0.002 * s.credits / 1000
    return reward


cdef void decide(Prospector *s, int32_t action, bint valid, Draws *draws) noexcept nogil:
    """The step of a running game. `valid`: the condition of `action` is met; else it is hold, at a price.

    An invalid hold stands for a number that is no action; the original plays hold twice then.
    """
    cdef Before b
    cdef int32_t dt = 1
    cdef bint trip = valid and action < HOLD
    b.credits, b.fuel, b.hull, b.tool = s.credits, s.fuel, s.hull, s.tool
    b.value, b.stolen = cargo_value(s), s.stolen
    s.was_invalid = not valid
    if WIDE_SCAN <= action <= DEEP_SCAN:        # paid for even if there is nothing to scan
        s.fuel -= <float>SCANS[action - WIDE_SCAN].fuel
        s.alert += <float>SCANS[action - WIDE_SCAN].alert
    if valid:
        dt = act(s, action, draws)
    else:
        hold(s)
        if action == HOLD:
            hold(s)
    pass_time(s, dt, trip and RULES[s.rules].once, draws)
    keep_in_range(s, dt)
    s.dt = dt
    s.decisions += 1
    s.invalid += s.was_invalid
    s.ending = ending_of(s, valid and action == CASH_OUT)
    s.reward = <float>reward_of(s, &b, action, dt)
    s.total_reward += s.reward
