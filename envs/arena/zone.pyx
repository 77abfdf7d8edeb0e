"""The zone of an arena: five times it holds and then shrinks to a smaller one inside it, the last time to nothing.

It burns whoever is outside, more with every phase. Under `compat` it neither moves nor shrinks.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, uint64_t

from envs.arena.state cimport TICKS_PER_SECOND, ZONE_RADIUS, Arena, Circle, squared
from native.random cimport uniform

cdef extern from *:
    """
    /* The zone of `lms`, phase by phase, for a duration of 120 s; at other durations times and damage scale. */
    enum { ARENA_PHASES = 5 };
    static const int arena_hold_end[ARENA_PHASES + 1] = {20, 45, 65, 85, 100, 120};         /* s */
    static const int arena_shrink_end[ARENA_PHASES + 1] = {35, 55, 75, 92, 114, 120};       /* s */
    static const double arena_radius[ARENA_PHASES + 1] = {0.6, 0.36, 0.18, 0.06, 0.0, 0.0}; /* of the first radius */
    static const double arena_damage[ARENA_PHASES + 1] = {1.0, 2.0, 4.0, 7.0, 12.0, 20.0};  /* hp/s */
    """
    enum:
        PHASES "ARENA_PHASES"
    const int[] HOLD_END "arena_hold_end"
    const int[] SHRINK_END "arena_shrink_end"
    const double[] RADIUS "arena_radius"
    const double[] DAMAGE "arena_damage"

cdef enum:
    REFERENCE_S = 120       # the duration that the tables above are for


cdef void place_within(const Circle *circle, uint64_t *rng, double *x, double *y) noexcept nogil:
    """A uniformly random point of a disc."""
    cdef double u = 1, v = 1
    while squared(u, v) > 1:
        u, v = 2 * uniform(rng) - 1, 2 * uniform(rng) - 1
    x[0] = circle.x + u * circle.radius
    y[0] = circle.y + v * circle.radius


cdef int32_t at_tick(const Arena *s, int32_t second) noexcept nogil:
    """The tick of a second of the tables."""
    return second * s.duration // REFERENCE_S


cdef int32_t phase_at(const Arena *s, int32_t tick) noexcept nogil:
    """The phase that is running at a tick."""
    cdef int32_t phase = 0
    while not s.compat and phase < PHASES and tick >= at_tick(s, SHRINK_END[phase]):
        phase += 1
    return phase


cdef void enter_phase(Arena *s) noexcept nogil:
    """Draws the zone that the running phase shrinks to, somewhere inside the present one."""
    cdef Circle room
    s.zone_from = s.zone
    s.zone_damage = DAMAGE[s.phase] * REFERENCE_S * TICKS_PER_SECOND / s.duration
    s.zone_to.radius = RADIUS[s.phase] * first_radius(s)
    room.x, room.y, room.radius = s.zone.x, s.zone.y, s.zone.radius - s.zone_to.radius
    place_within(&room, &s.rng, &s.zone_to.x, &s.zone_to.y)


cdef double first_radius(const Arena *s) noexcept nogil:
    """As much room for everybody as eight players have in the original's zone; under `compat` that zone."""
    return ZONE_RADIUS if s.compat else ZONE_RADIUS * sqrt(s.players / 8.0)


cdef int32_t ticks_to_change(const Arena *s, bint *shrinking) noexcept nogil:
    """Ticks until the zone begins or ceases to shrink; 0 when it never will again."""
    shrinking[0] = False
    if s.compat or s.phase == PHASES:
        return 0
    shrinking[0] = s.tick >= at_tick(s, HOLD_END[s.phase])
    return at_tick(s, SHRINK_END[s.phase] if shrinking[0] else HOLD_END[s.phase]) - s.tick


cdef bint is_closed(const Arena *s) noexcept nogil:
    """Whether nothing is left of the zone."""
    return s.phase == PHASES


cdef void shrink(Arena *s) noexcept nogil:
    """Moves the zone to where it is at this tick."""
    cdef int32_t start = at_tick(s, HOLD_END[s.phase]), end = at_tick(s, SHRINK_END[s.phase])
    cdef double part
    if s.tick <= start or s.phase == PHASES:
        return
    part = (s.tick - start) / <double>(end - start)
    if s.tick < end:
        s.zone.x = s.zone_from.x + part * (s.zone_to.x - s.zone_from.x)
        s.zone.y = s.zone_from.y + part * (s.zone_to.y - s.zone_from.y)
        s.zone.radius = s.zone_from.radius + part * (s.zone_to.radius - s.zone_from.radius)
        return
    s.zone = s.zone_to
    s.phase += 1
    enter_phase(s)
