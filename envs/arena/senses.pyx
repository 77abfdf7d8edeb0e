"""What a seat sees of an arena: 19 raw features as the original has them, 103 relative ones for networks.

Raw: own x, y, vx, vy, hp, ammo (0-5); zone centre, radius, whether it shelters me (6-9); x, y, hp of the first visible
enemy in the order of seats or, without one, of the first visible player (10-12); x, y of the first visible item (13,
14); number of visible players and items (15, 16); distances to that player and that item (17, 18). 0 where none is.

Relative (lengths in sight radii of 10 unless said otherwise, none beyond -2 .. 2; the nearest entries come first):
    me          0   1 if alive, hp / 100, ammo / 30, wait for the next shot / 7 ticks, for the next dash / 60 ticks,
                    velocity / 10 (x, y), 1 if outside the zone
    zone        8   to its centre / 50 (x, y, clipped to -2 .. 2), radius / 50, distance to its rim (clipped to -1 .. 1,
                    below 0 outside); the same first three of the zone to come; time until it begins or ceases to shrink
                    in quarters of the duration, 1 if it shrinks, hp/s outside / 20 (at a duration of 120 s), part of
                    the duration gone
    counts      19  enemies alive, team mates alive, enemies in sight (each / 15), items in sight / 20
    4 enemies   23  each: 1 if there, to it (x, y), distance, its velocity / 10 (x, y), its hp / 100
    2 mates     51  the same
    3 items     65  each: 1 if there, to it (x, y), distance, 1 if health, 1 if ammo
    4 shots     83  those that can hit me; each: 1 if there, to it (x, y), its velocity / 20 (x, y)
The dead see zeros.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t
from libc.string cimport memset

from envs.arena.state cimport (
    AMMO, DASH_COOLDOWN, FIRE_TICKS, FULL_AMMO, FULL_HP, HEALTH, MAX_ITEMS, MAX_SHOTS, SEATS, SHOT_SPEED,
    TICKS_PER_SECOND, VISION, Arena, Item, Player, Shot, is_outside, squared
)
from envs.arena.zone cimport ticks_to_change

cdef extern from *:
    """
    #define ARENA_FAST 10.0     /* velocities are shown in this; a dash is half as much again */
    """
    const double FAST "ARENA_FAST"

cdef enum:
    ENEMIES_SHOWN = 4
    MATES_SHOWN = 2
    ITEMS_SHOWN = 3
    SHOTS_SHOWN = 4
    MOST_SHOWN = 4
    AT_ZONE = 8
    AT_COUNTS = 19
    AT_ENEMIES = 23
    AT_MATES = 51
    AT_ITEMS = 65
    AT_SHOTS = 83
    PLAYER_FIELDS = 7
    ITEM_FIELDS = 6
    SHOT_FIELDS = 5

cdef struct Nearest:                # the nearest few things of one kind that are in sight, nearest first
    double distance[MOST_SHOWN]     # squared
    int32_t index[MOST_SHOWN]
    int32_t count                   # of those kept
    int32_t seen                    # of all


cdef inline void consider(Nearest *n, int32_t most, int32_t index, double distance) noexcept nogil:
    """Notes something at this squared distance, if it is in sight."""
    cdef int32_t at
    if distance > VISION * VISION:
        return
    n.seen += 1
    if n.count == most:
        if distance >= n.distance[most - 1]:
            return
        n.count -= 1
    at = n.count
    while at > 0 and n.distance[at - 1] > distance:
        n.distance[at], n.index[at] = n.distance[at - 1], n.index[at - 1]
        at -= 1
    n.distance[at], n.index[at] = distance, index
    n.count += 1


cdef void raw_features(const Arena *s, int32_t seat, double *out) noexcept nogil:
    cdef const Player *p = &s.player[seat]
    cdef const Player *other
    cdef int32_t i, first = -1, enemy = -1, item = -1, players = 0, items = 0
    memset(out, 0, RAW_FEATURES * sizeof(double))
    if not p.alive:
        return
    for i in range(s.players):
        other = &s.player[i]
        if i == seat or not other.alive or squared(p.x - other.x, p.y - other.y) > VISION * VISION:
            continue
        players += 1
        if first < 0:
            first = i
        if enemy < 0 and other.team != p.team:
            enemy = i
    for i in range(s.num_items):
        if squared(p.x - s.item[i].x, p.y - s.item[i].y) <= VISION * VISION:
            items += 1
            if item < 0:
                item = i
    out[0], out[1], out[2], out[3], out[4], out[5] = p.x, p.y, p.vx, p.vy, p.hp, p.ammo
    out[6], out[7], out[8], out[9] = s.zone.x, s.zone.y, s.zone.radius, not is_outside(s, p)
    if first >= 0:
        other = &s.player[enemy if enemy >= 0 else first]
        out[10], out[11], out[12] = other.x, other.y, other.hp
        out[17] = sqrt(squared(p.x - other.x, p.y - other.y))
    if item >= 0:
        out[13], out[14] = s.item[item].x, s.item[item].y
        out[18] = sqrt(squared(p.x - out[13], p.y - out[14]))
    out[15], out[16] = players, items


cdef void raw_scales(float *out) noexcept nogil:
    """Factors that bring the raw features to about -1 .. 1."""
    cdef int32_t i
    for i in range(RAW_FEATURES):
        out[i] = 1 / 50.0       # positions and the radius of the zone
    out[2] = out[3] = <float>(1 / FAST)
    out[4] = out[12] = <float>(1 / FULL_HP)
    out[5] = 1 / <float>FULL_AMMO
    out[9] = 1
    out[15], out[16] = 1 / <float>(SEATS - 1), 1 / <float>MAX_ITEMS
    out[17] = out[18] = <float>(1 / VISION)


cdef void show_players(const Arena *s, const Player *p, const Nearest *n, float *out) noexcept nogil:
    cdef const Player *other
    cdef int32_t i
    for i in range(n.count):
        other = &s.player[n.index[i]]
        out[0] = 1
        out[1], out[2] = <float>((other.x - p.x) / VISION), <float>((other.y - p.y) / VISION)
        out[3] = <float>(sqrt(n.distance[i]) / VISION)
        out[4], out[5] = <float>(other.vx / FAST), <float>(other.vy / FAST)
        out[6] = <float>(other.hp / FULL_HP)
        out += PLAYER_FIELDS


cdef void show_items(const Arena *s, const Player *p, float *out) noexcept nogil:
    """Writes the nearest items."""
    cdef const Item *item
    cdef Nearest n
    cdef int32_t i
    n.count = n.seen = 0
    for i in range(s.num_items):
        consider(&n, ITEMS_SHOWN, i, squared(p.x - s.item[i].x, p.y - s.item[i].y))
    out[AT_COUNTS + 3] = n.seen / <float>MAX_ITEMS
    out += AT_ITEMS
    for i in range(n.count):
        item = &s.item[n.index[i]]
        out[0] = 1
        out[1], out[2] = <float>((item.x - p.x) / VISION), <float>((item.y - p.y) / VISION)
        out[3] = <float>(sqrt(n.distance[i]) / VISION)
        out[4], out[5] = item.kind == HEALTH, item.kind == AMMO
        out += ITEM_FIELDS


cdef void show_shots(const Arena *s, int32_t seat, float *out) noexcept nogil:
    """Writes the nearest shots that can hit this seat."""
    cdef const Player *p = &s.player[seat]
    cdef const Shot *shot
    cdef Nearest n
    cdef double distance[MAX_SHOTS]
    cdef int32_t index[MAX_SHOTS]
    cdef int32_t i, count = 0
    # Without a branch to guess: which of the many shots are near differs from seat to seat.
    for i in range(s.num_shots):
        shot = &s.shot[i]
        index[count], distance[count] = i, squared(p.x - shot.x, p.y - shot.y)
        count += (distance[count] <= VISION * VISION) & (shot.owner != seat) & (s.compat | (shot.team != p.team))
    n.count = n.seen = 0
    for i in range(count):
        consider(&n, SHOTS_SHOWN, index[i], distance[i])
    out += AT_SHOTS
    for i in range(n.count):
        shot = &s.shot[n.index[i]]
        out[0] = 1
        out[1], out[2] = <float>((shot.x - p.x) / VISION), <float>((shot.y - p.y) / VISION)
        out[3], out[4] = <float>(shot.vx / SHOT_SPEED), <float>(shot.vy / SHOT_SPEED)
        out += SHOT_FIELDS


cdef inline float clipped(double value, double most) noexcept nogil:
    return <float>min(most, max(-most, value))


cdef void show_zone(const Arena *s, const Player *p, float *out) noexcept nogil:
    cdef bint shrinking
    cdef double rim = (s.zone.radius - sqrt(squared(p.x - s.zone.x, p.y - s.zone.y))) / VISION
    out[0], out[1] = clipped((s.zone.x - p.x) / 50, 2), clipped((s.zone.y - p.y) / 50, 2)
    out[2], out[3] = <float>(s.zone.radius / 50), clipped(rim, 1)
    out[4], out[5] = clipped((s.zone_to.x - p.x) / 50, 2), clipped((s.zone_to.y - p.y) / 50, 2)
    out[6] = <float>(s.zone_to.radius / 50)
    out[7] = 4 * ticks_to_change(s, &shrinking) / <float>s.duration
    out[8] = shrinking
    out[9] = <float>(s.zone_damage / 20 * s.duration / (120 * TICKS_PER_SECOND))
    out[10] = s.tick / <float>s.duration


cdef void relative_features(const Arena *s, int32_t seat, float *out) noexcept nogil:
    cdef const Player *p = &s.player[seat]
    cdef const Player *other
    cdef Nearest enemies, mates
    cdef int32_t i, living_enemies = 0, living_mates = 0
    memset(out, 0, RELATIVE_FEATURES * sizeof(float))
    if not p.alive:
        return
    enemies.count = enemies.seen = mates.count = mates.seen = 0
    for i in range(s.players):
        other = &s.player[i]
        if not other.alive or i == seat:
            continue
        if other.team == p.team:
            living_mates += 1
            consider(&mates, MATES_SHOWN, i, squared(p.x - other.x, p.y - other.y))
        else:
            living_enemies += 1
            consider(&enemies, ENEMIES_SHOWN, i, squared(p.x - other.x, p.y - other.y))
    out[0], out[1], out[2] = 1, <float>(p.hp / FULL_HP), p.ammo / <float>FULL_AMMO
    out[3], out[4] = p.timer / <float>FIRE_TICKS, p.dash / <float>DASH_COOLDOWN
    out[5], out[6] = <float>(p.vx / FAST), <float>(p.vy / FAST)
    out[7] = is_outside(s, p)
    show_zone(s, p, out + AT_ZONE)
    out[AT_COUNTS], out[AT_COUNTS + 1] = living_enemies / <float>(SEATS - 1), living_mates / <float>(SEATS - 1)
    out[AT_COUNTS + 2] = enemies.seen / <float>(SEATS - 1)
    show_players(s, p, &enemies, out + AT_ENEMIES)
    show_players(s, p, &mates, out + AT_MATES)
    show_items(s, p, out)
    show_shots(s, seat, out)


cdef void view(const Arena *s, int32_t seat, int32_t which, float *out) noexcept nogil:
    """Writes the observation of a `View`."""
    cdef double raw[RAW_FEATURES]
    cdef int32_t i
    if which != RELATIVE:
        raw_features(s, seat, raw)
        for i in range(RAW_FEATURES):
            out[i] = <float>raw[i]
        out += RAW_FEATURES
    if which != RAW:
        relative_features(s, seat, out)
