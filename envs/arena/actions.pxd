"""Classes of the action heads and what they mean: class i of an axis is (i - 5) / 5, of a switch i."""
from libc.math cimport rint
from libc.stdint cimport int32_t

from envs.arena.state cimport Arena, Intent, Player


cdef inline double value_of(int32_t axis_class) noexcept nogil:
    return (axis_class - 5) / 5.0


cdef inline int32_t class_of(double value) noexcept nogil:
    """The nearest class, halves to the even one."""
    return <int32_t>rint((min(1.0, max(-1.0, value)) + 1) / 2 * 10)


cdef inline bint may_fire(const Arena *s, const Player *p) noexcept nogil:
    """Whether a shot can leave within the coming decision; the recorded games let players try at any time."""
    return s.compat or (p.ammo > 0 and p.timer < s.frame_skip)


cdef inline bint may_use_ability(const Arena *s, const Player *p) noexcept nogil:
    """Whether ability 1 does anything; the recorded games let players try."""
    return s.compat or (s.dash and p.dash == 0)


cdef inline Intent intent_of(const int32_t *action) noexcept nogil:
    cdef Intent intent
    intent.move_x, intent.move_y = value_of(action[0]), value_of(action[1])
    intent.aim_x, intent.aim_y = value_of(action[2]), value_of(action[3])
    intent.fire, intent.ability, intent.interact = action[4], action[5], action[6]
    return intent
