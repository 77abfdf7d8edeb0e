"""Two scripted players, `utility` and `rule`, that fight the nearest enemy in sight, whatever its seat.

Both see what an observation shows and no more. `utility` has no delay, an aim noise of 5 degrees in all, and flees
below half its hp. `rule` heeds pressure (see `world.pyx`), retreats at 35 hp, fights at 4 to 9 units, gathers, and
patrols; its one ability here is the dash. The angles of aim are those that 11 by 11 classes allow.
"""
from libc.math cimport cos, fabs, sin, sqrt
from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memset

from envs.arena.actions cimport class_of, may_use_ability, value_of
from envs.arena.state cimport FULL_HP, HEADS, Arena, Player, is_outside, sees, squared
from native.game cimport Game
from native.random cimport below, uniform

cdef enum:
    MOVE = 0
    AIM = 2
    FIRE = 4
    ABILITY = 5
    INTERACT = 6
    SIDE_TICKS = 15         # `rule` strafes to one side for half a second
    PATROL_TICKS = 360      # 12 s for a round
    ALARM = 4               # pressure at which `rule` makes for the zone centre

cdef struct Target:         # a thing in sight
    int32_t index           # -1: there is none
    double dx               # from me to it
    double dy
    double distance


cdef void move(int32_t *action, double dx, double dy) noexcept nogil:
    """Full speed in this direction; stands still if there is none."""
    cdef double length = sqrt(squared(dx, dy))
    if length > 1e-9:
        action[MOVE], action[MOVE + 1] = class_of(dx / length), class_of(dy / length)


cdef void aim(int32_t *action, double dx, double dy) noexcept nogil:
    """The pair of classes whose direction is nearest to this one; of several the longest."""
    cdef double largest = max(fabs(dx), fabs(dy)), x, y, off, least = 1e300
    cdef int32_t k, cx, cy
    if largest < 1e-9:
        return
    for k in range(5, 0, -1):
        cx, cy = class_of(dx / largest * k / 5), class_of(dy / largest * k / 5)
        x, y = value_of(cx), value_of(cy)
        off = fabs(x * dy - y * dx) / sqrt(squared(x, y))       # the sine of the angle between, times a constant
        if off < least:
            least = off
            action[AIM], action[AIM + 1] = cx, cy


cdef Target nearest_enemy(const Arena *s, const Player *me) noexcept nogil:
    cdef Target found
    cdef const Player *other
    cdef double distance, least = 1e300
    cdef int32_t i
    found.index, found.dx, found.dy, found.distance = -1, 0, 0, 0
    for i in range(s.players):
        other = &s.player[i]
        if not other.alive or other.team == me.team or not sees(me, other.x, other.y):
            continue
        distance = squared(other.x - me.x, other.y - me.y)
        if distance < least:
            least = distance
            found.index, found.dx, found.dy = i, other.x - me.x, other.y - me.y
    found.distance = sqrt(squared(found.dx, found.dy))
    return found


cdef Target nearest_item(const Arena *s, const Player *me) noexcept nogil:
    cdef Target found
    cdef double distance, least = 1e300
    cdef int32_t i
    found.index, found.dx, found.dy, found.distance = -1, 0, 0, 0
    for i in range(s.num_items):
        distance = squared(s.item[i].x - me.x, s.item[i].y - me.y)
        if distance < least and sees(me, s.item[i].x, s.item[i].y):
            least = distance
            found.index, found.dx, found.dy = i, s.item[i].x - me.x, s.item[i].y - me.y
    found.distance = sqrt(squared(found.dx, found.dy))
    return found


cdef bint can_shoot(const Arena *s, const Player *me) noexcept nogil:
    return me.ammo > 0 and me.timer == 0


cdef void stand(int32_t *action) noexcept nogil:
    """No movement, no aim, nothing pressed."""
    memset(action, 0, HEADS * sizeof(int32_t))
    action[MOVE] = action[MOVE + 1] = action[AIM] = action[AIM + 1] = class_of(0)


cdef void utility(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    cdef const Arena *s = <const Arena *>p
    cdef const Player *me = &s.player[player]
    cdef Target enemy, item
    cdef double side, angle
    stand(action)
    if not me.alive:
        return
    enemy = nearest_enemy(s, me)
    if enemy.index >= 0 and me.hp < FULL_HP / 2:
        move(action, -enemy.dx, -enemy.dy)
        aim(action, enemy.dx, enemy.dy)
        action[FIRE] = can_shoot(s, me) and uniform(rng) < 0.3
        return
    if enemy.index >= 0:
        angle = (uniform(rng) - 0.5) * 0.08726646259971647      # 5 degrees
        aim(action, enemy.dx - angle * enemy.dy, enemy.dy + angle * enemy.dx)
        if enemy.distance > 5:
            side = 1 if below(rng, 2) else -1
            move(action, -side * enemy.dy, side * enemy.dx)
        action[FIRE] = can_shoot(s, me)
        return
    item = nearest_item(s, me)
    if item.index >= 0 and uniform(rng) < 0.5:
        move(action, item.dx, item.dy)
        action[INTERACT] = item.distance < 2
    else:
        move(action, s.zone.x - me.x, s.zone.y - me.y)


cdef void dash(const Arena *s, const Player *me, int32_t *action) noexcept nogil:
    action[ABILITY] = s.dash and may_use_ability(s, me)


cdef void fight(const Arena *s, const Player *me, const Target *enemy, int32_t *action) noexcept nogil:
    """`rule` against an enemy in sight."""
    cdef double to_x = s.zone.x - me.x, to_y = s.zone.y - me.y, away = sqrt(squared(to_x, to_y)) + 1e-9
    cdef double near = enemy.distance + 1e-9, side
    aim(action, enemy.dx, enemy.dy)
    action[FIRE] = can_shoot(s, me)
    if me.hp <= 35:
        move(action, 0.3 * to_x / away - 0.7 * enemy.dx / near, 0.3 * to_y / away - 0.7 * enemy.dy / near)
        if enemy.distance < 3.5:
            dash(s, me, action)
    elif enemy.distance > 9:
        move(action, enemy.dx, enemy.dy)
    elif enemy.distance < 4:
        move(action, -enemy.dx, -enemy.dy)
    else:
        side = 1 if s.tick // SIDE_TICKS % 2 else -1
        move(action, -side * enemy.dy, side * enemy.dx)


cdef void rule(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    cdef const Arena *s = <const Arena *>p
    cdef const Player *me = &s.player[player]
    cdef Target enemy, item
    cdef double to_x = s.zone.x - me.x, to_y = s.zone.y - me.y, round_radius, angle
    stand(action)
    if not me.alive:
        return
    enemy = nearest_enemy(s, me)
    if is_outside(s, me) or me.pressure >= ALARM:
        move(action, to_x, to_y)
        if me.pressure >= 2 or sqrt(squared(to_x, to_y)) > max(4.0, 0.35 * s.zone.radius):
            dash(s, me, action)
        if enemy.index >= 0:
            aim(action, enemy.dx, enemy.dy)
            action[FIRE] = can_shoot(s, me)
        return
    if enemy.index >= 0:
        fight(s, me, &enemy, action)
        return
    item = nearest_item(s, me)
    if item.index >= 0:
        move(action, item.dx, item.dy)
        action[INTERACT] = item.distance < 1.8
        return
    round_radius = max(2.0, 0.2 * s.zone.radius)
    angle = 6.283185307179586 * (s.tick % PATROL_TICKS) / PATROL_TICKS
    move(action, to_x + round_radius * cos(angle), to_y + round_radius * sin(angle))


cdef int add_bots(Game game) except -1:
    game.add_bot("utility", utility)
    game.add_bot("rule", rule)
    return 0
