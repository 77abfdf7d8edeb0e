"""One decision of Prospector: the action, what happens everywhere while time passes, the market, the reward."""
from libc.stdint cimport int32_t

from envs.prospector.actions cimport act, hold, pay_for_scan
from envs.prospector.dangers cimport endure, pirates
from envs.prospector.draws cimport NODE_HAZARD_U, Draws, uniform_of
from envs.prospector.elementary cimport clip
from envs.prospector.market cimport trade
from envs.prospector.rule_sets cimport RULES, Rules
from envs.prospector.state cimport (
    BOTH, CASHED_OUT, CASH_OUT, DEEP_SCAN, DESTROYED, GOODS, HOLD, ROCKS, RUNNING, STRANDED, TIME_UP, WIDE_SCAN,
    Prospector, cargo_total, cargo_value
)

cdef struct Before:         # what a decision found
    double credits
    double fuel
    double hull
    double tool
    double value            # of the cargo, credits
    double stolen


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
        pay_for_scan(s, action)
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
