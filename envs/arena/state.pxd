"""The state of an arena: players, items and shots on an unbounded plane, and the zone that shelters them.

Places beyond the counts are 0, so that equal states are equal bytes. The shots come last, as many as there can be in a
game (`bytes_of`), not as the struct has. Times are seconds or ticks of 1/30 s.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, uint8_t, uint64_t

cdef enum:
    SEATS = 16
    MAX_SHOTS = 352         # SEATS * COMPAT_SHOTS
    COMPAT_SHOTS = 22       # of one seat in the air: each lives at most 152 ticks, and one is fired in FIRE_TICKS
    LMS_SHOTS = 5           # the same for at most 32 ticks
    MAX_ITEMS = 20
    TICKS_PER_SECOND = 30
    HEADS = 7
    AXIS_CLASSES = 11       # of the heads move_x, move_y, aim_x, aim_y; fire, ability and interact have 2
    MASK_BYTES = 50
    FULL_AMMO = 30
    FIRE_TICKS = 7          # 0.2 s are 6 ticks and a rounding residue, as in the original
    DASH_TICKS = 6          # how long a dash lasts
    DASH_COOLDOWN = 60      # ticks from one dash to the next
    SPAWN_TICKS = 150       # compat: an item is tried this often
    LMS_SPAWN_TICKS = 60
    COMPAT_ITEMS = 5        # no more lie about
    HEALTH = 0              # kinds of items
    AMMO = 1
    MAX_PRESSURE = 10

cdef enum:      # slots of GameTable.options
    COMPAT = 0
    PLAYERS = 1
    TEAM_SIZE = 2
    FRAME_SKIP = 3
    DASH = 4
    DURATION = 5            # ticks
    PLACEMENT = 6
    SHAPE_DAMAGE = 7
    SHAPE_ZONE = 8
    SHAPE_PICKUPS = 9

cdef extern from *:
    """
    #define ARENA_DT (1.0 / 30.0)
    #define ARENA_VISION 10.0
    #define ARENA_FULL_HP 100.0
    #define ARENA_SPEED 5.0
    #define ARENA_DASH_SPEED 15.0
    #define ARENA_SHOT_SPEED 20.0
    #define ARENA_COMPAT_SHOT_LIFE 5.0
    #define ARENA_LMS_SHOT_LIFE 1.0
    #define ARENA_SHOT_DAMAGE 10.0
    #define ARENA_HIT_DISTANCE 1.0
    #define ARENA_PICKUP_DISTANCE 2.0
    #define ARENA_HEALTH_VALUE 25.0
    #define ARENA_AMMO_VALUE 15
    #define ARENA_ZONE_RADIUS 50.0
    """
    const double DT "ARENA_DT"
    const double VISION "ARENA_VISION"
    const double FULL_HP "ARENA_FULL_HP"
    const double SPEED "ARENA_SPEED"
    const double DASH_SPEED "ARENA_DASH_SPEED"
    const double SHOT_SPEED "ARENA_SHOT_SPEED"
    const double COMPAT_SHOT_LIFE "ARENA_COMPAT_SHOT_LIFE"
    const double LMS_SHOT_LIFE "ARENA_LMS_SHOT_LIFE"
    const double SHOT_DAMAGE "ARENA_SHOT_DAMAGE"
    const double HIT_DISTANCE "ARENA_HIT_DISTANCE"
    const double PICKUP_DISTANCE "ARENA_PICKUP_DISTANCE"
    const double HEALTH_VALUE "ARENA_HEALTH_VALUE"
    const int32_t AMMO_VALUE "ARENA_AMMO_VALUE"
    const double ZONE_RADIUS "ARENA_ZONE_RADIUS"

cdef struct Player:
    double x
    double y
    double vx
    double vy
    double hp
    double dealt            # damage by own shots to enemies; from here to `outside`: figures that act on nothing
    double taken            # damage by shots
    double burnt            # damage by the zone
    double gained           # worth of pick-ups: hp / 100 + rounds / 30
    int32_t shots
    int32_t hits            # on enemies
    int32_t kills           # enemies hit in the tick in which they died
    int32_t outside         # ticks outside the zone
    int32_t ammo
    int32_t timer           # ticks until the next shot
    int32_t dash            # ticks until the next dash
    int32_t pressure        # 0 .. MAX_PRESSURE, how hard pressed of late; the rule bot's alarm
    uint8_t alive
    uint8_t team
    uint8_t spare[6]

cdef struct Item:
    double x
    double y
    int32_t kind
    int32_t spare

cdef struct Shot:
    double x
    double y
    double vx
    double vy
    double born             # time
    int32_t owner
    int32_t team            # of the owner

cdef struct Circle:
    double x
    double y
    double radius

cdef struct Arena:
    uint64_t rng
    double time             # the sum of the ticks, as the original adds it up
    Circle zone
    Circle zone_from        # lms: the zone shrinks from this one
    Circle zone_to          # to this one
    double zone_damage      # hp per second outside
    double shape_damage     # weights of the shaping terms
    double shape_zone
    double shape_pickups
    float reward[SEATS]     # of the latest action
    int32_t tick
    int32_t phase           # of the zone; see world.pyx
    int32_t duration        # ticks
    int32_t frame_skip
    int32_t players
    int32_t num_items
    int32_t num_shots
    uint8_t compat
    uint8_t dash            # whether ability 1 is a dash
    uint8_t placement       # whether results are scaled by placement
    uint8_t over
    Player player[SEATS]
    Item item[MAX_ITEMS]
    Shot shot[MAX_SHOTS]

cdef struct Intent:         # what a player wants to do: four axes in [-1, 1] and three switches
    double move_x
    double move_y
    double aim_x
    double aim_y
    int32_t fire
    int32_t ability
    int32_t interact


cdef inline int32_t most_shots(int32_t players, bint compat) noexcept nogil:
    """How many shots there can be in the air."""
    return players * (COMPAT_SHOTS if compat else LMS_SHOTS)


cdef inline int32_t bytes_of(int32_t shots) noexcept nogil:
    """Bytes of a state with this number of shots."""
    return <int32_t>(sizeof(Arena) - (MAX_SHOTS - shots) * sizeof(Shot))


cdef inline double squared(double dx, double dy) noexcept nogil:
    return dx * dx + dy * dy


cdef inline bint is_outside(const Arena *s, const Player *p) noexcept nogil:
    """Whether the zone burns a player; its rim is safe under `compat` only, so that a closed zone spares nobody."""
    cdef double away = sqrt(squared(p.x - s.zone.x, p.y - s.zone.y))
    return away > s.zone.radius if s.compat else away >= s.zone.radius


cdef inline bint sees(const Player *p, double x, double y) noexcept nogil:
    """Whether a point is in sight of a player; nothing stands in the way of sight."""
    return squared(p.x - x, p.y - y) <= VISION * VISION
