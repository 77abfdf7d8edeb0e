"""Positions of Prospector as dictionaries, and recorded steps played again with the random numbers they drew.

The dictionaries are those of the original's recordings. A *world* is all that is hidden from the player; a *position*
is the ship, the market and the asteroids of the present node:
    node, sel (asteroid slot or -1), fuel, hull, heat, tool, alert, time, credits, cargo [6], kits, stabs, decoys,
    escape, stab_buff [16], ticks, spend, price [6], inv [6], sales [6], depl [16], conf [16], hazard
"""
import numpy as np

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy, memset

from envs.prospector.actions cimport valid_actions
from envs.prospector.decision cimport decide
from envs.prospector.draws cimport Draws
from envs.prospector.prices cimport PRICES
from envs.prospector.state cimport (
    BOTH, CASHED_OUT, DESTROYED, GOODS, HOLD, LINKS, NODES, NUM_ACTIONS, ROCKS, RUNNING, STRANDED, TIME_UP,
    Prospector, Rock, Sight
)
from envs.prospector.world cimport find_hops, visit
from native.game cimport Game, State

COMMODITIES = ("iron", "nickel", "water ice", "platinum group", "rare isotopes", "volatiles")
NODE_KINDS = ("station", "cluster", "hazard")
BASE_PRICES = tuple(PRICES.base[c] for c in range(GOODS))
_KINDS = {
    "edge_hazard_u": 0, "node_hazard_u": 1, "pirate_u": 2, "pirate_loss_u": 3, "decoy_u": 4, "pirate_hull_u": 5,
    "fracture_u": 6, "fracture_severity_u": 7, "mine_noise_z": 8, "listen_z": 9, "scan_stab_z": 10,
    "scan_comp_z": 11, "market_noise_z": 12,
}
_ENDINGS = {
    RUNNING: None, DESTROYED: "destroyed", STRANDED: "stranded", BOTH: "destroyed and stranded",
    CASHED_OUT: "cashed out", TIME_UP: "time up",
}


cdef Prospector *memory_of(State state) except NULL:
    if state.game.name != "prospector":
        raise ValueError(f"expected a state of prospector, got one of {state.game.name}")
    return <Prospector *>state.memory


def ending(State state not None):
    """None while the game goes on, else "destroyed", "stranded", both, "cashed out" or "time up"."""
    return _ENDINGS[memory_of(state).ending]


def to_dict(State state not None):
    """The position; see above."""
    cdef const Prospector *s = memory_of(state)
    cdef const Sight *sights = s.sights[s.node - 1 if s.node else 0]
    return {
        "node": s.node, "sel": s.selected, "fuel": s.fuel, "hull": s.hull, "heat": s.heat, "tool": s.tool,
        "alert": s.alert, "time": s.time_left, "credits": s.credits, "cargo": [s.cargo[c] for c in range(GOODS)],
        "kits": s.kits, "stabs": s.stabilisers, "decoys": s.decoys, "escape": s.escape,
        "stab_buff": [s.steadied[a] for a in range(ROCKS)], "ticks": s.ticks, "spend": s.spent,
        "price": [s.price[c] for c in range(GOODS)], "inv": [s.inventory[c] for c in range(GOODS)],
        "sales": [s.sales[c] for c in range(GOODS)],
        "depl": [sights[a].depletion if s.node else 0.0 for a in range(ROCKS)],
        "conf": [sights[a].confidence if s.node else 0.0 for a in range(ROCKS)],
        "hazard": s.hazard[s.node],
    }


def set_position(State state not None, position):
    """Writes a position, of the state's own world, over that of `state`. Raises ValueError for a node that is not."""
    cdef Prospector *s = memory_of(state)
    cdef Sight *sights
    cdef int node = position["node"], a, c
    if not 0 <= node < s.num_nodes:
        raise ValueError(f"prospector: this world has nodes 0 to {s.num_nodes - 1}, got {node}")
    s.node, s.selected = node, position["sel"]
    visit(s, node)
    s.fuel, s.hull, s.heat, s.tool = position["fuel"], position["hull"], position["heat"], position["tool"]
    s.alert, s.time_left, s.ticks = position["alert"], int(position["time"]), position["ticks"]
    s.credits, s.spent = position["credits"], position["spend"]
    s.kits, s.stabilisers, s.decoys = position["kits"], position["stabs"], position["decoys"]
    s.escape = position["escape"]
    for c in range(GOODS):
        s.cargo[c], s.price[c] = position["cargo"][c], position["price"][c]
        s.inventory[c], s.sales[c] = position["inv"][c], position["sales"][c]
    for a in range(ROCKS):
        s.steadied[a] = position["stab_buff"][a]
        if node > 0:
            sights = s.sights[node - 1]
            sights[a].depletion, sights[a].confidence = position["depl"][a], position["conf"][a]
    s.hazard[node] = position["hazard"]


def to_world(State state not None):
    """The hidden world; asteroids of nodes that nobody has seen are not drawn yet and missing from it."""
    cdef const Prospector *s = memory_of(state)
    cdef int node, a, k
    nodes, links = range(s.num_nodes), range(LINKS)
    rocks = [[s.rocks[node - 1][a] for a in range(ROCKS) if s.sights[node - 1][a].valid] if node else []
             for node in nodes]
    seen = [[s.sights[node - 1][a] for a in range(len(rocks[node]))] if node else [] for node in nodes]
    return {
        "node_count": s.num_nodes,
        "node_type": [s.kind[node] for node in nodes],
        "node_hazard": [s.hazard[node] for node in nodes],
        "node_pirate": [s.pirates[node] for node in nodes],
        "neighbors": [[s.neighbour[node][k] for k in links] for node in nodes],
        "edge_travel_time": [[s.travel[node][k] for k in links] for node in nodes],
        "edge_fuel_cost": [[s.fuel_cost[node][k] for k in links] for node in nodes],
        "edge_threat_true": [[s.threat[node][k] for k in links] for node in nodes],
        "n_asteroids": [len(known) for known in rocks],
        "asteroids": [
            [{"comp": rock["share"], "rich": rock["richness"], "stab": rock["stability"], "noise": rock["noise"],
              "comp_est": sight["share"]} for rock, sight in zip(*both)]
            for both in zip(rocks, seen)
        ],
        "market": {
            "price": [s.price[c] for c in range(GOODS)], "prev_price": [s.previous[c] for c in range(GOODS)],
            "phase": [2 * np.pi * s.offset[c] for c in range(GOODS)],
            "period": [1 / s.rate[c] for c in range(GOODS)], "amp": [s.swing[c] for c in range(GOODS)],
            "inventory": [s.inventory[c] for c in range(GOODS)], "recent_sales": [s.sales[c] for c in range(GOODS)],
        },
    }


def from_world(Game game not None, world):
    """The start of a game in this world; its chance is that of seed 0.

    Raises ValueError, saying what is wrong, for a world that is too large or whose ways do not lead back.
    """
    if game.name != "prospector":
        raise ValueError(f"expected the game prospector, got {game.name}")
    cdef int n = world["node_count"], node, other, k, a, c
    if not 1 <= n <= NODES:
        raise ValueError(f"prospector: a world has 1 to {NODES} nodes, got {n}")
    for node in range(n):
        if len(world["asteroids"][node]) > (ROCKS if node else 0):
            raise ValueError(f"prospector: node {node} has too many asteroids, {len(world['asteroids'][node])}")
        for other in world["neighbors"][node]:
            if not -1 <= other < n or (other >= 0 and node not in world["neighbors"][other]):
                raise ValueError(f"prospector: node {node} has a way to {other}, which does not lead back")
    cdef State state = game.new_state()
    cdef Prospector *s = <Prospector *>state.memory
    cdef Rock *rock
    cdef Sight *sight
    memset(s.rocks, 0, sizeof(s.rocks))
    memset(s.sights, 0, sizeof(s.sights))
    memset(s.neighbour, -1, sizeof(s.neighbour))
    memset(s.travel, 0, sizeof(s.travel))
    memset(s.fuel_cost, 0, sizeof(s.fuel_cost))
    memset(s.threat, 0, sizeof(s.threat))
    memset(s.hazard, 0, sizeof(s.hazard))
    memset(s.pirates, 0, sizeof(s.pirates))
    memset(s.kind, 0, sizeof(s.kind))
    memset(s.estimate, 0, sizeof(s.estimate))
    s.num_nodes = n
    for node in range(n):
        s.kind[node] = world["node_type"][node]
        s.hazard[node], s.pirates[node] = world["node_hazard"][node], world["node_pirate"][node]
        s.drawn |= 1u << node
        for k in range(LINKS):
            s.estimate[node][k] = 0.5
            s.neighbour[node][k] = world["neighbors"][node][k]
            if s.neighbour[node][k] >= 0:
                s.travel[node][k] = world["edge_travel_time"][node][k]
                s.fuel_cost[node][k] = world["edge_fuel_cost"][node][k]
                s.threat[node][k] = world["edge_threat_true"][node][k]
        for a, told in enumerate(world["asteroids"][node]):
            rock, sight = &s.rocks[node - 1][a], &s.sights[node - 1][a]
            rock.richness, rock.stability, rock.noise = told["rich"], told["stab"], told["noise"]
            sight.valid, sight.stability, sight.confidence = 1, 0.5, 0.1
            for c in range(GOODS):
                rock.share[c], sight.share[c] = told["comp"][c], told["comp_est"][c]
    find_hops(s)
    market = world["market"]
    for c in range(GOODS):
        s.price[c], s.previous[c] = market["price"][c], market["prev_price"][c]
        s.offset[c], s.rate[c] = market["phase"][c] / (2 * np.pi), 1 / market["period"][c]
        s.swing[c] = market["amp"][c]
        s.inventory[c], s.sales[c] = market["inventory"][c], market["recent_sales"][c]
    return state


def replay(State state not None, int action, draws):
    """Plays `action` as the original does, with its random numbers, and tells what came of it.

    action: any number; one that is not 0 to 68 is invalid, as is one whose condition is not met.
    draws: `(kind, value)` pairs in order; `_u` uniform in [0, 1), `_z` standard normal, six of them for `scan_comp_z`
        and `market_noise_z`.
    Returns `dt`, `invalid`, `reward`, `terminated`, `truncated` and the figures `info` of the original, whose
    net_profit counts spending twice. Raises ValueError for a finished game and for draws that are not those the rules
    ask for.
    """
    cdef Prospector *s = memory_of(state)
    cdef uint8_t mask[NUM_ACTIONS]
    cdef Draws given
    flat = [(_KINDS[kind], value) for kind, drawn in draws for value in np.atleast_1d(drawn)]
    cdef double[::1] values = np.array([value for _, value in flat] or [0.0], np.float64)
    cdef int32_t[::1] kinds = np.array([kind for kind, _ in flat] or [-1], np.int32)
    cdef bint valid
    if s.ending != RUNNING:
        raise ValueError(f"prospector: action {action} after the end of the game")
    before = state.to_bytes()
    valid_actions(s, mask)
    valid = 0 <= action < NUM_ACTIONS and mask[action]
    given.values, given.kinds, given.count, given.at, given.wrong = &values[0], &kinds[0], len(flat), 0, 0
    decide(s, action if 0 <= action < NUM_ACTIONS else HOLD, valid, &given)
    if given.wrong or given.at < given.count:
        at = given.at
        memcpy(s, <const uint8_t *>before, sizeof(Prospector))
        raise ValueError(f"prospector: action {action} asks for other draws than {draws} after the first {at} numbers")
    survival = s.ending in (RUNNING, CASHED_OUT, TIME_UP)
    profit = s.credits - s.spent
    return {
        "dt": s.dt, "invalid": bool(s.was_invalid), "reward": s.reward,
        "terminated": s.ending not in (RUNNING, TIME_UP), "truncated": s.ending == TIME_UP,
        "info": {
            "credits": s.credits, "net_profit": profit, "profit_per_tick": profit / s.ticks,
            "survival": float(survival), "overheat_ticks": s.overheat_ticks, "pirate_encounters": s.encounters,
            "value_lost_to_pirates": s.stolen, "fuel_used": max(0.0, 1000 - s.fuel),
            "hull_damage": max(0.0, 100 - s.hull), "tool_wear": max(0.0, 100 - s.tool), "scan_count": s.scans,
            "mining_ticks": s.mining_ticks, "cargo_utilization_avg": s.cargo_ticks / s.ticks,
        },
    }
