"""Knowledge in an arena: a seat knows what is in sight, its own figures, and the zone with the one to come.

Out of sight, others may be anywhere that is not in sight; so may items and shots. How many there are of each stays as
it is, since no distribution of the number suggests itself. Of others in sight, rounds and waits are not known.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from envs.arena.senses cimport BOTH, RAW_FEATURES, RELATIVE_FEATURES, view
from envs.arena.state cimport (
    DASH_COOLDOWN, FIRE_TICKS, FULL_AMMO, FULL_HP, MAX_PRESSURE, SEATS, SHOT_SPEED, SPEED, VISION, Arena, Circle, Item,
    Player, Shot, bytes_of, sees, squared
)
from envs.arena.zone cimport place_within
from native.random cimport below, derive, mix, uniform

cdef enum:
    TRIES = 16
    VIEW_WORDS = 61         # (RAW_FEATURES + RELATIVE_FEATURES) / 2


cdef void direction(uint64_t *rng, double *x, double *y) noexcept nogil:
    """A uniformly random unit vector."""
    cdef Circle unit
    cdef double length = 0
    unit.x, unit.y, unit.radius = 0, 0, 1
    while length < 0.01:
        place_within(&unit, rng, x, y)
        length = sqrt(squared(x[0], y[0]))
    x[0] /= length
    y[0] /= length


cdef void hide(const Arena *s, const Player *viewer, uint64_t *rng, double *x, double *y) noexcept nogil:
    """A random point in or near the zone that the viewer does not see; anywhere there if the viewer is dead."""
    cdef Circle room = s.zone
    cdef double dx, dy, away
    cdef int32_t _try
    room.radius = max(room.radius, 2 * VISION)
    for _try in range(TRIES):
        place_within(&room, rng, x, y)
        if not viewer.alive or not sees(viewer, x[0], y[0]):
            return
    direction(rng, &dx, &dy)
    away = VISION * (1.1 + uniform(rng))
    x[0], y[0] = viewer.x + away * dx, viewer.y + away * dy


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    cdef Arena *s = <Arena *>p
    cdef const Player *me = &s.player[player]
    cdef Player *other
    cdef Item *item
    cdef Shot *shot
    cdef uint64_t rng = derive(seed, player)
    cdef int32_t i
    for i in range(s.players):
        other = &s.player[i]
        if i == player or not other.alive:
            continue
        if not me.alive or not sees(me, other.x, other.y):
            hide(s, me, &rng, &other.x, &other.y)
            other.vx, other.vy = SPEED * (2 * uniform(&rng) - 1), SPEED * (2 * uniform(&rng) - 1)
            other.hp = FULL_HP * (1 - uniform(&rng))
        other.ammo, other.timer = below(&rng, FULL_AMMO + 1), below(&rng, FIRE_TICKS)
        other.dash = below(&rng, DASH_COOLDOWN) if s.dash else 0
        other.pressure = below(&rng, MAX_PRESSURE + 1)
    for i in range(s.num_items):
        item = &s.item[i]
        if not me.alive or not sees(me, item.x, item.y):
            hide(s, me, &rng, &item.x, &item.y)
            item.kind = below(&rng, 2)
    for i in range(s.num_shots):
        shot = &s.shot[i]
        if shot.owner != player and not (me.alive and sees(me, shot.x, shot.y)):
            hide(s, me, &rng, &shot.x, &shot.y)
            direction(&rng, &shot.vx, &shot.vy)
            shot.vx *= SHOT_SPEED
            shot.vy *= SHOT_SPEED
    s.rng = derive(seed, SEATS + player)


cdef uint64_t hash_bytes(const void *memory, int32_t num_bytes) noexcept nogil:
    """Of whole words; depends on the place of each."""
    cdef uint64_t word, hashed = 0
    cdef int32_t at
    for at in range(0, num_bytes, 8):
        memcpy(&word, <const char *>memory + at, 8)
        hashed = mix(hashed + <uint64_t>0x9E3779B97F4A7C15 ^ word)
    return hashed


cdef uint64_t key(const void *p) noexcept nogil:
    cdef const Arena *s = <const Arena *>p
    return hash_bytes(s, bytes_of(s.num_shots))


cdef uint64_t information_key(const void *p, int32_t player) noexcept nogil:
    cdef float seen[RAW_FEATURES + RELATIVE_FEATURES]
    view(<const Arena *>p, player, BOTH, seen)
    return mix(hash_bytes(seen, 8 * VIEW_WORDS) + <uint64_t>player)
