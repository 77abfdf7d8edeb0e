"""Prospector: one ship, one station, a map of asteroid fields, and a market (after jordanbailey00's
asteroid-prospector-rl); 69 actions, one step is one decision of 1 to 8 ticks.

Actions: 0-5 travel to a neighbour slot, 6 hold, 7 emergency burn, 8 wide, 9 focused, 10 deep scan, 11 listen, 12-27
select an asteroid, 28-30 mine conservatively, normally, aggressively, 31 stabilise, 32 refine, 33 cool, 34 repair the
tool, 35 patch the hull, 36-41 jettison a commodity, 42 dock, 43-60 sell (3 * commodity + 0, 1, 2: a quarter, half,
all), 61-63 buy fuel, 64 a repair kit, 65 a stabiliser, 66 a decoy, 67 overhaul, 68 cash out. What each needs and
does is in `actions`.

Observation `[260]` float32, clipped to 0 to 1 (price changes -1 to 1):
    0-7         fuel, hull, heat, tool, cargo, alert, time left, ln(1 + credits) / ln(1 + 1e7)
    8-16        cargo of each commodity, repair kits, stabilisers, decoys
    17-23       on the station; a usable asteroid is selected; station, cluster, hazard; node / 31; hops home / 31
    24-65       6 neighbours x (valid, station, cluster, hazard, ticks / 8, fuel / 160, estimated threat); 66, 67: 0
    68-243      16 asteroids x (valid, 6 estimated shares, estimated stability, depletion, confidence, selected)
    244-255     6 prices / base price (balanced: / twice the base price), 6 price changes / 100
    256-259     stock of the station / 500, commodities 0, 2, 3, 4

The end: destroyed, stranded, cashed out, or the tick budget is used up. That last one is a true end here, discount 0:
time left is part of the observation, and nothing can be earned beyond it. `ending` tells it from the others.

`rules="balanced"` differs from `"compat"` in this; the numbers are in `rule_sets`:
    - Cashing out works only at the station and not before tick 200: leaving at once is no longer the best policy.
    - A trip is charged once, for the way; compat charges the place it leads to for the same ticks again.
    - Fractures are rarer (logit -4.3, not -3.1) and milder (8, not 12 hull), pirates rarer (logit -5.2, not -4).
    - Alert calms down by 1.5 per tick, so that gentle mining stays unnoticed; compat has it fall by actions only.
    - The station repairs 3 hull per tick.
    - Reward follows profit: ten points of hull cost 0.1, not 1, being destroyed 5, not 100, being stranded 3, not 50,
      and what pirates take the 0.02 of its value that taking it in had brought, not all of it.
    - Refining yields 0.30 of the metal as isotopes, not 0.65: worth its while at good prices only.
    - Nothing to jettison or sell makes that invalid, so there is no free calm; stabilised slots stay behind on leaving.
    - Prices are shown up to twice the base price.
    - By default the budget is 2000 ticks, not 20000, and invalid actions are masked, not played as hold.

The state holds floats where the original does; recorded games are reproduced within 2e-5.
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from envs.prospector.actions cimport valid_actions
from envs.prospector.bots cimport add_bots
from envs.prospector.decision cimport decide
from envs.prospector.observation cimport write_observation
from envs.prospector.state cimport (
    BALANCED, BOTH, COMPAT, DESTROYED, FIELDS, LINKS, MOST_TICKS, NUM_ACTIONS, OBSERVATION, ROCKS, RUNNING, STRANDED,
    Prospector, Sight
)
from envs.prospector.world cimport draw_hidden, draw_world
from native.game cimport FLOAT32, HIDDEN, STOCHASTIC, TERMINAL, Game, GameTable, new_game
from native.random cimport mix

cdef enum:      # slots of GameTable.options
    RULE_SET = 0
    TIME_MAX = 1
    MASKED = 2


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef Prospector *s = <Prospector *>p
    memset(s, 0, sizeof(Prospector))
    s.rules = <int32_t>options[RULE_SET]
    s.time_max = s.time_left = <int32_t>options[TIME_MAX]
    s.masked = options[MASKED] != 0
    s.fuel = 1000
    s.hull = s.tool = 100
    s.kits, s.stabilisers, s.decoys = 3, 2, 1
    s.selected = -1
    draw_world(s, seed)


cdef int32_t to_act(const void *p) noexcept nogil:
    return 0 if (<const Prospector *>p).ending == RUNNING else TERMINAL


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    cdef const Prospector *s = <const Prospector *>p
    cdef int32_t action, count = 0
    if s.ending != RUNNING or player != 0:
        memset(mask, 0, NUM_ACTIONS)
        return 0
    if not s.masked:
        memset(mask, 1, NUM_ACTIONS)
        return NUM_ACTIONS
    valid_actions(s, mask)
    for action in range(NUM_ACTIONS):
        count += mask[action]
    return count


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    cdef Prospector *s = <Prospector *>p
    cdef uint8_t mask[NUM_ACTIONS]
    if s.ending != RUNNING or action[0] < 0 or action[0] >= NUM_ACTIONS:
        return -1
    valid_actions(s, mask)
    if s.masked and not mask[action[0]]:
        return -1
    decide(s, action[0], mask[action[0]], NULL)
    return 0


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    write_observation(<const Prospector *>p, <float *>out)


cdef void rewards(const void *p, float *out) noexcept nogil:
    out[0] = (<const Prospector *>p).reward


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    """Draws anew: all future chance, the asteroids of nodes where the ship has not been, pirates, unheard threats.

    Of asteroids that were seen, but not mined, richness is drawn anew and what was scanned lies between the estimate
    (at confidence 1) and a new draw (at 0.1); an asteroid that was mined has shown what it is and stays, as does the
    hazard of a node where the ship has been. The map and the cycles of the market stay too: the map is what it is
    from the start, cycles can be read off the prices.
    """
    draw_hidden(<Prospector *>p, seed)


cdef uint64_t fold(uint64_t h, const void *memory, uint64_t count) noexcept nogil:
    """Adds `count` bytes, a multiple of 4, to the hash `h`."""
    cdef uint64_t word, at
    for at in range(0, count, 8):
        word = 0
        memcpy(&word, <const uint8_t *>memory + at, min(<uint64_t>8, count - at))
        h = mix((h ^ word) + <uint64_t>0x9E3779B97F4A7C15)
    return h


cdef uint64_t key(const void *p) noexcept nogil:
    """Of every byte, but for the asteroids of nodes that have none yet."""
    cdef const Prospector *s = <const Prospector *>p
    cdef const uint8_t *bytes = <const uint8_t *>p
    cdef uint64_t rocks = <uint64_t>(<const uint8_t *>s.rocks - bytes)
    cdef uint64_t sights = <uint64_t>(<const uint8_t *>s.sights - bytes)
    cdef uint64_t h = fold(0, p, rocks)
    cdef uint64_t after_rocks = rocks + sizeof(s.rocks), after_sights = sights + sizeof(s.sights)
    cdef int32_t field
    h = fold(h, bytes + after_rocks, sights - after_rocks)
    h = fold(h, bytes + after_sights, sizeof(Prospector) - after_sights)
    for field in range(FIELDS):
        if s.drawn >> (field + 1) & 1:
            h = fold(fold(h, s.rocks[field], sizeof(s.rocks[field])), s.sights[field], sizeof(s.sights[field]))
    return h


cdef uint64_t information_key(const void *p, int32_t player) noexcept nogil:
    """Hash of the ship, the market, and of every node where the ship has been: its links and asteroids as estimated."""
    cdef const Prospector *s = <const Prospector *>p
    cdef const uint8_t *ship = <const uint8_t *>&s.masked
    cdef uint64_t h = fold(1, ship, <uint64_t>(<const uint8_t *>s.estimate - ship))
    cdef const uint8_t *rest = <const uint8_t *>&s.node
    cdef int32_t node, k, other
    h = fold(h, rest, sizeof(Prospector) - <uint64_t>(rest - <const uint8_t *>p))
    for node in range(s.num_nodes):
        if not s.visited >> node & 1:
            continue
        for k in range(LINKS):
            other = s.neighbour[node][k]
            if other >= 0:
                h = mix(h ^ <uint64_t>(
                    s.hops[node] << 24 | node << 16 | s.kind[other] << 8 | s.travel[node][k]
                )) + other
        h = fold(fold(h, s.fuel_cost[node], sizeof(s.fuel_cost[node])), s.estimate[node], sizeof(s.estimate[node]))
        if node > 0:
            h = fold(h, s.sights[node - 1], ROCKS * sizeof(Sight))
    return h


cdef void metrics(const void *p, float *out) noexcept nogil:
    cdef const Prospector *s = <const Prospector *>p
    out[0] = <float>s.credits
    out[1] = <float>s.total_reward
    out[2] = s.ending != DESTROYED and s.ending != STRANDED and s.ending != BOTH
    out[3] = s.overheat_ticks
    out[4] = s.encounters
    out[5] = <float>s.stolen
    out[6] = s.fractures
    out[7] = s.ticks
    out[8] = s.mining_ticks
    out[9] = s.scans
    out[10] = <float>s.invalid / s.decisions if s.decisions else 0
    out[11] = <float>(s.cargo_ticks / s.ticks) if s.ticks else 0
    out[12] = <float>(1000 * s.credits / s.ticks) if s.ticks else 0


def make(*, rules="compat", time_max=None, invalid=None):
    """The game.

    rules: "compat", the original to the last rule, or "balanced", where prospecting pays (see above).
    time_max: the tick budget, 1 to 20000; by default 20000, or 2000 under balanced rules.
    invalid: "hold" takes all 69 actions and plays those whose condition is not met as hold with a penalty; "masked"
        refuses them. By default hold, or masked under balanced rules.
    Metrics: net_profit (credits; spending is counted once), return, survival, overheat_ticks, pirate_encounters,
    pirate_loss (credits), fractures, ticks, mining_ticks, scans, invalid_rate (of decisions), cargo_utilisation (mean
    over ticks), profit_per_1000_ticks.
    """
    if rules not in ("compat", "balanced"):
        raise ValueError(f"prospector: rules must be 'compat' or 'balanced', got {rules!r}")
    compat = rules == "compat"
    budget = (MOST_TICKS if compat else 2000) if time_max is None else time_max
    if not isinstance(budget, int) or isinstance(budget, bool) or not 1 <= budget <= MOST_TICKS:
        raise ValueError(f"prospector: time_max must be an integer from 1 to {MOST_TICKS}, got {time_max!r}")
    handling = ("hold" if compat else "masked") if invalid is None else invalid
    if handling not in ("hold", "masked"):
        raise ValueError(f"prospector: invalid must be 'hold' or 'masked', got {invalid!r}")
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = sizeof(Prospector)
    table.num_players = 1
    table.num_heads = 1
    table.head_sizes[0] = table.num_actions = NUM_ACTIONS
    table.observation_dims = 1
    table.observation_shape[0] = OBSERVATION
    table.observation_type = FLOAT32
    table.max_length = budget
    table.flags = STOCHASTIC | HIDDEN
    table.rules_version = 1
    table.num_symmetries = 1
    table.options[RULE_SET] = COMPAT if compat else BALANCED
    table.options[TIME_MAX] = budget
    table.options[MASKED] = handling == "masked"
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize = observe, rewards, redeterminize
    table.key, table.information_key, table.metrics = key, information_key, metrics
    cdef Game game = new_game(
        __name__, "prospector", {"rules": rules, "time_max": budget, "invalid": handling}, &table,
        ("net_profit", "return", "survival", "overheat_ticks", "pirate_encounters", "pirate_loss", "fractures",
         "ticks", "mining_ticks", "scans", "invalid_rate", "cargo_utilisation", "profit_per_1000_ticks"),
    )
    add_bots(game)
    return game
