"""Arena states as plain data, and ticks with actions that no class has: what the recorded games are compared through.

A position is a dict: `tick`; `zone` {x, y, radius, damage, last, next}, the last two being the circles {x, y, radius}
between which it shrinks; `players`, one per seat: {team, alive, x, y, vx, vy, hp, ammo, wait, dash, pressure}, waits in
ticks; `items` [{kind, x, y}]; `shots` [{owner, x, y, vx, vy, born}], oldest first, `born` in seconds.
"""
import numpy as np

from libc.stdint cimport int32_t
from libc.string cimport memset

from envs.arena.senses cimport RAW_FEATURES, raw_features
from envs.arena.state cimport (
    DT, MAX_ITEMS, SEATS, TICKS_PER_SECOND, Arena, Circle, Intent, Item, Player, Shot, most_shots
)
from envs.arena.world cimport act, simulate, spawn, spawns_now
from envs.arena.zone cimport phase_at
from native.game cimport Game, State

KINDS = ("health_pack", "ammo_crate")


cdef Arena *memory_of(State state) except NULL:
    if state.game.name != "arena":
        raise ValueError(f"expected a state of arena, got one of {state.game.name}")
    return <Arena *>state.memory


cdef Circle circle_of(given) except *:
    return Circle(given["x"], given["y"], given["radius"])


cdef dict told_circle(const Circle *circle):
    return {"x": circle.x, "y": circle.y, "radius": circle.radius}


cdef Item item_of(given) except *:
    cdef Item item
    memset(&item, 0, sizeof(item))
    if given["kind"] not in KINDS:
        raise ValueError(f"an item is a {' or a '.join(KINDS)}, got {given['kind']!r}")
    item.x, item.y, item.kind = given["x"], given["y"], KINDS.index(given["kind"])
    return item


def from_dict(Game game not None, position):
    """The state that `position` describes; what comes of chance later is that of seed 0.

    Raises ValueError for another game or for numbers of things that no state holds, KeyError for a missing field.
    """
    if game.name != "arena":
        raise ValueError(f"expected the game arena, got {game.name}")
    cdef State state = game.new_state(0)
    cdef Arena *s = memory_of(state)
    cdef Player *player
    cdef Shot *shot
    cdef int32_t i, _tick
    cdef double dt = DT
    for name, most in (("items", MAX_ITEMS), ("shots", most_shots(s.players, s.compat))):
        if len(position[name]) > most:
            raise ValueError(f"there is room for {most} {name}, got {len(position[name])}")
    if len(position["players"]) != s.players:
        raise ValueError(f"this game has {s.players} players, got {len(position['players'])}")
    if not 0 <= position["tick"] < s.duration:
        raise ValueError(f"tick must be 0 to {s.duration - 1}, got {position['tick']}")
    s.tick, s.time = position["tick"], 0
    for _tick in range(s.tick):
        s.time += dt
    zone = position["zone"]
    s.zone, s.zone_from, s.zone_to = circle_of(zone), circle_of(zone["last"]), circle_of(zone["next"])
    s.zone_damage, s.phase = zone["damage"], phase_at(s, s.tick)
    memset(s.player, 0, sizeof(s.player))
    for i in range(s.players):
        player, given = &s.player[i], position["players"][i]
        if not 0 <= given["team"] < SEATS:
            raise ValueError(f"a team is 0 to {SEATS - 1}, got {given['team']}")
        player.team, player.alive = given["team"], given["alive"]
        player.x, player.y, player.vx, player.vy = given["x"], given["y"], given["vx"], given["vy"]
        player.hp, player.ammo, player.timer, player.dash = given["hp"], given["ammo"], given["wait"], given["dash"]
        player.pressure = given["pressure"]
    memset(s.item, 0, sizeof(s.item))
    s.num_items = len(position["items"])
    for i in range(s.num_items):
        s.item[i] = item_of(position["items"][i])
    s.num_shots = len(position["shots"])
    for i in range(s.num_shots):
        shot, given = &s.shot[i], position["shots"][i]
        if not 0 <= given["owner"] < s.players:
            raise ValueError(f"shot {i} must be owned by a seat from 0 to {s.players - 1}, got {given['owner']}")
        shot.x, shot.y, shot.vx, shot.vy = given["x"], given["y"], given["vx"], given["vy"]
        shot.born, shot.owner, shot.team = given["born"], given["owner"], s.player[<int>given["owner"]].team
    return state


def to_dict(State state not None):
    """The position of `state`, all of it."""
    cdef const Arena *s = memory_of(state)
    cdef const Player *p
    cdef const Item *item
    cdef const Shot *shot
    cdef int32_t i
    players, items, shots = [], [], []
    for i in range(s.players):
        p = &s.player[i]
        players.append({
            "team": p.team, "alive": bool(p.alive), "x": p.x, "y": p.y, "vx": p.vx, "vy": p.vy, "hp": p.hp,
            "ammo": p.ammo, "wait": p.timer, "dash": p.dash, "pressure": p.pressure,
        })
    for i in range(s.num_items):
        item = &s.item[i]
        items.append({"kind": KINDS[item.kind], "x": item.x, "y": item.y})
    for i in range(s.num_shots):
        shot = &s.shot[i]
        shots.append({
            "owner": shot.owner, "x": shot.x, "y": shot.y, "vx": shot.vx, "vy": shot.vy, "born": shot.born,
        })
    circles = {"last": told_circle(&s.zone_from), "next": told_circle(&s.zone_to)}
    zone = told_circle(&s.zone) | {"damage": s.zone_damage} | circles
    return {"tick": s.tick, "zone": zone, "players": players, "items": items, "shots": shots}


def advance(State state not None, actions, spawned=None):
    """One tick of the world in place, whether or not the game is over: no rewards, no end.

    actions: for each living seat `[move_x, move_y, aim_x, aim_y, fire, ability, interact]`; axes are clipped to
        -1 .. 1, ability is any number. A living seat that is missing goes on as it moves and does nothing.
    spawned: the items that appear (as in a position); None: those that chance brings.
    Raises ValueError for a seat that there is not, a wrong length, or items that there is no room for.
    """
    cdef Arena *s = memory_of(state)
    cdef Intent intents[SEATS]
    cdef int32_t seat
    for seat in actions:
        if not 0 <= seat < s.players:
            raise ValueError(f"arena has seats 0 to {s.players - 1} here, got {seat}")
        if len(actions[seat]) != 7:
            raise ValueError(f"an action has 7 numbers, got {len(actions[seat])} for seat {seat}")
    for seat in range(s.players):
        memset(&intents[seat], 0, sizeof(Intent))
        if seat in actions:
            move_x, move_y, aim_x, aim_y, fire, ability, interact = actions[seat]
            intents[seat] = Intent(move_x, move_y, aim_x, aim_y, bool(fire), int(ability), bool(interact))
        else:
            intents[seat].move_x, intents[seat].move_y = s.player[seat].vx / 5, s.player[seat].vy / 5
    if spawned is not None and s.num_items + len(spawned) > MAX_ITEMS:
        raise ValueError(f"there is room for {MAX_ITEMS} items, got {s.num_items + len(spawned)}")
    act(s, intents)
    simulate(s)
    if spawned is None:
        if spawns_now(s):
            spawn(s)
        return
    for given in spawned:
        s.item[s.num_items] = item_of(given)
        s.num_items += 1


def features(State state not None, int seat):
    """The 19 raw features of a seat in full precision. Shape `[19]`, float64; zeros for a dead seat."""
    cdef const Arena *s = memory_of(state)
    cdef double[::1] out = np.zeros(RAW_FEATURES)
    if not 0 <= seat < s.players:
        raise ValueError(f"arena has seats 0 to {s.players - 1} here, got {seat}")
    raw_features(s, seat, &out[0])
    return np.asarray(out)


def statistics(State state not None):
    """For each seat: hp dealt, taken and burnt, kills, shots, accuracy, s outside the zone, worth of pick-ups."""
    cdef const Arena *s = memory_of(state)
    cdef const Player *p
    cdef int32_t seat
    found = []
    for seat in range(s.players):
        p = &s.player[seat]
        found.append({
            "dealt": p.dealt, "taken": p.taken, "burnt": p.burnt, "kills": p.kills, "shots": p.shots,
            "accuracy": p.hits / <double>max(1, p.shots), "outside_s": p.outside / <double>TICKS_PER_SECOND,
            "pickups": p.gained,
        })
    return found
