"""One tick of an arena: actions, motion, shots, zone, deaths, items, in this order.

`compat` are the rules of the recorded games, where players act and are hit in the order of their seats. Under `lms` no
rule looks at the order of seats: an item goes to the nearest of those who reach for it, a shot hits the nearest enemy,
and those equally near are all served. Shots live 1 s instead of 5, twice the way that anybody sees. The zone shrinks;
it closes at 95 % of the duration, and its damage leaves nobody alive at the end of it.
"""
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memset

from envs.arena.state cimport (
    AMMO, AMMO_VALUE, COMPAT_ITEMS, COMPAT_SHOT_LIFE, DASH_COOLDOWN, DASH_SPEED, DASH_TICKS, DT, FIRE_TICKS,
    FULL_AMMO, FULL_HP, HEALTH, HEALTH_VALUE, HIT_DISTANCE, LMS_SHOT_LIFE, LMS_SPAWN_TICKS, MAX_PRESSURE,
    PICKUP_DISTANCE, SEATS, SHOT_DAMAGE, SHOT_SPEED, SPAWN_TICKS, SPEED, Arena, Circle, Intent, Item, Player, Shot,
    is_outside, most_shots, sees, squared
)
from envs.arena.zone cimport enter_phase, first_radius, is_closed, place_within, shrink
from native.random cimport below, uniform


cdef uint32_t living_teams(const Arena *s) noexcept nogil:
    """Bit t is 1 if somebody of team t lives."""
    cdef uint32_t teams = 0
    cdef int32_t seat
    for seat in range(s.players):
        teams |= <uint32_t>s.player[seat].alive << s.player[seat].team
    return teams


# The start.

cdef void begin(Arena *s) noexcept nogil:
    """Zone, players and items of a new game; the options are in place and all else is 0."""
    cdef Circle start, corner
    cdef Player *p
    cdef int32_t seat, _item
    s.zone.radius = first_radius(s)
    s.zone_from = s.zone_to = s.zone
    s.zone_damage = 1
    start = s.zone
    start.radius *= 0.8
    for seat in range(s.players):
        p = &s.player[seat]
        p.alive, p.hp, p.ammo = True, FULL_HP, FULL_AMMO
        if s.compat:
            p.x, p.y = 40 * uniform(&s.rng) - 20, 40 * uniform(&s.rng) - 20
            continue
        if seat == 0 or p.team != s.player[seat - 1].team:
            place_within(&start, &s.rng, &corner.x, &corner.y)
            corner.radius = 0
        place_within(&corner, &s.rng, &p.x, &p.y)
        corner.radius = 3       # team mates begin near the first of them
    if s.compat:
        return
    enter_phase(s)
    for _item in range(s.players):
        spawn(s)


cdef void spawn(Arena *s) noexcept nogil:
    """Puts an item of either kind somewhere, if there is room for one more."""
    cdef Item *item = &s.item[s.num_items]
    if s.num_items >= (COMPAT_ITEMS if s.compat else s.players + 4):
        return
    item.kind = AMMO if below(&s.rng, 2) else HEALTH
    if s.compat:
        item.x, item.y = 100 * uniform(&s.rng) - 50, 100 * uniform(&s.rng) - 50
    else:
        place_within(&s.zone, &s.rng, &item.x, &item.y)
    s.num_items += 1


# Actions.

cdef void shoot(Arena *s, int32_t seat, double aim_x, double aim_y) noexcept nogil:
    cdef Player *p = &s.player[seat]
    cdef double length = sqrt(squared(aim_x, aim_y))
    cdef Shot *shot = &s.shot[s.num_shots]
    if p.ammo <= 0 or p.timer > 0 or s.num_shots == most_shots(s.players, s.compat):
        return
    shot.x, shot.y = p.x, p.y
    shot.vx, shot.vy = SHOT_SPEED * (aim_x / length), SHOT_SPEED * (aim_y / length)
    shot.born, shot.owner, shot.team = s.time, seat, p.team
    s.num_shots += 1
    p.ammo -= 1
    p.timer = FIRE_TICKS
    p.shots += 1


cdef void take(Player *p, const Item *item) noexcept nogil:
    cdef double hp
    cdef int32_t ammo
    if item.kind == HEALTH:
        hp = min(FULL_HP, p.hp + HEALTH_VALUE)
        p.gained += (hp - p.hp) / FULL_HP
        p.hp = hp
    else:
        ammo = min(<int32_t>FULL_AMMO, p.ammo + AMMO_VALUE)
        p.gained += (ammo - p.ammo) / <double>FULL_AMMO
        p.ammo = ammo


cdef void pick_up(Arena *s, uint32_t reaching) noexcept nogil:
    """Each item goes to the nearest of the `reaching` seats (bits) that are near enough."""
    cdef double distance[SEATS]
    cdef double nearest
    cdef int32_t i, seat, kept = 0
    for i in range(s.num_items):
        nearest = PICKUP_DISTANCE * PICKUP_DISTANCE
        for seat in range(s.players):
            if reaching >> seat & 1:
                distance[seat] = squared(s.player[seat].x - s.item[i].x, s.player[seat].y - s.item[i].y)
                nearest = min(nearest, distance[seat])
        if nearest < PICKUP_DISTANCE * PICKUP_DISTANCE:
            for seat in range(s.players):
                if reaching >> seat & 1 and distance[seat] == nearest:
                    take(&s.player[seat], &s.item[i])
        else:
            s.item[kept] = s.item[i]
            kept += 1
    memset(&s.item[kept], 0, (s.num_items - kept) * sizeof(Item))
    s.num_items = kept


cdef void act(Arena *s, const Intent *intents) noexcept nogil:
    """What the living players want happens, as far as it may; `intents` has an entry for every seat."""
    cdef const Intent *wish
    cdef Player *p
    cdef double aim_x, aim_y, move_x, move_y, speed, length
    cdef uint32_t reaching = 0
    cdef int32_t seat
    for seat in range(s.players):
        p, wish = &s.player[seat], &intents[seat]
        if not p.alive:
            continue
        move_x, move_y = min(1.0, max(-1.0, wish.move_x)), min(1.0, max(-1.0, wish.move_y))
        aim_x, aim_y = min(1.0, max(-1.0, wish.aim_x)), min(1.0, max(-1.0, wish.aim_y))
        if aim_x == 0 and aim_y == 0:
            aim_x = 1
        speed = SPEED
        if s.dash and wish.ability == 1 and p.dash == 0:
            p.dash = DASH_COOLDOWN
        if s.dash and p.dash > DASH_COOLDOWN - DASH_TICKS:
            speed = DASH_SPEED
        if not s.compat:
            length = sqrt(squared(move_x, move_y))
            if length > 1:      # no faster on the diagonal
                move_x, move_y = move_x / length, move_y / length
        p.vx, p.vy = speed * move_x, speed * move_y
        if wish.fire:
            shoot(s, seat, aim_x, aim_y)
        if wish.interact:
            if s.compat:
                pick_up(s, <uint32_t>1 << seat)
            else:
                reaching |= <uint32_t>1 << seat
    if reaching and s.num_items:
        pick_up(s, reaching)


# Shots.

cdef uint32_t hit_by(const Arena *s, const Shot *shot) noexcept nogil:
    """The seats (bits) that a shot hits where it is now."""
    cdef const Player *p
    cdef double nearest = HIT_DISTANCE * HIT_DISTANCE, distance
    cdef uint32_t found = 0
    cdef int32_t seat
    for seat in range(s.players):
        p = &s.player[seat]
        if not p.alive or fabs(p.x - shot.x) >= HIT_DISTANCE:
            continue
        distance = squared(p.x - shot.x, p.y - shot.y)
        if s.compat:
            if seat != shot.owner and distance < nearest:
                return <uint32_t>1 << seat
        elif p.team != shot.team and distance <= nearest and distance < HIT_DISTANCE * HIT_DISTANCE:
            found = <uint32_t>1 << seat | (found if distance == nearest else <uint32_t>0)
            nearest = distance
    return found


cdef void wound(Arena *s, int32_t owner, uint32_t struck, uint32_t *hit_from) noexcept nogil:
    """A shot of `owner` hits the seats `struck` (bits); `hit_from[seat]` gathers who hit a seat in this tick."""
    cdef Player *p
    cdef int32_t seat
    for seat in range(s.players):
        if struck >> seat & 1:
            p = &s.player[seat]
            p.hp -= SHOT_DAMAGE
            p.taken += SHOT_DAMAGE
            if p.team != s.player[owner].team:
                s.player[owner].dealt += SHOT_DAMAGE
                s.player[owner].hits += 1
                hit_from[seat] |= <uint32_t>1 << owner


cdef void fly(Arena *s, uint32_t *hit_from) noexcept nogil:
    """Shots move, hit or grow too old, in the order in which they were fired."""
    cdef Shot *shot
    cdef uint32_t struck
    cdef double life = COMPAT_SHOT_LIFE if s.compat else LMS_SHOT_LIFE
    cdef int32_t i, kept = 0
    for i in range(s.num_shots):
        shot = &s.shot[i]
        shot.x += shot.vx * DT
        shot.y += shot.vy * DT
        struck = hit_by(s, shot)
        if struck:
            wound(s, shot.owner, struck, hit_from)
        elif s.time - shot.born <= life:
            if kept != i:
                s.shot[kept] = shot[0]
            kept += 1
    memset(&s.shot[kept], 0, (s.num_shots - kept) * sizeof(Shot))
    s.num_shots = kept


# Zone and deaths.

cdef bint sees_enemy(const Arena *s, int32_t seat) noexcept nogil:
    cdef const Player *p = &s.player[seat]
    cdef const Player *other
    cdef int32_t i
    for i in range(s.players):
        other = &s.player[i]
        if other.alive and other.team != p.team and sees(p, other.x, other.y):
            return True
    return False


cdef void press(Arena *s, int32_t seat, double lost, bint outside) noexcept nogil:
    """Pressure of a seat that lost so much hp in this tick."""
    cdef Player *p = &s.player[seat]
    cdef int32_t change
    if outside:
        change = 1 if 0 < lost <= 0.1 else 2
    else:
        change = 1 if lost > 0 and sees_enemy(s, seat) else -1
    p.pressure = max(0, min(<int32_t>MAX_PRESSURE, p.pressure + change))


cdef void burn_and_bury(Arena *s, const double *hp_before, const uint32_t *hit_from) noexcept nogil:
    """The zone takes its toll; those without hp leave, and whoever hit them in this tick has killed them."""
    cdef Player *p
    cdef int32_t seat, by
    cdef bint outside
    for seat in range(s.players):
        p = &s.player[seat]
        if not p.alive:
            continue
        outside = is_outside(s, p)
        if outside:
            p.hp -= s.zone_damage * DT
            p.burnt += s.zone_damage * DT
            p.outside += 1
        p.hp = max(0.0, p.hp)
        press(s, seat, hp_before[seat] - p.hp, outside)
    for seat in range(s.players):
        p = &s.player[seat]
        if not p.alive or p.hp > 0:
            continue
        p.alive = False
        p.x = p.y = p.vx = p.vy = 0
        p.ammo = p.timer = p.dash = p.pressure = 0
        for by in range(s.players):
            s.player[by].kills += <int32_t>(hit_from[seat] >> by & 1)


cdef void simulate(Arena *s) noexcept nogil:
    """Time passes by one tick: all of it but actions and new items."""
    cdef double hp_before[SEATS]
    cdef uint32_t hit_from[SEATS]
    cdef Player *p
    cdef int32_t seat
    s.time += DT
    s.tick += 1
    if not s.compat:
        shrink(s)
    if is_closed(s):        # nothing heals in a closed zone: that is why the game ends
        memset(s.item, 0, s.num_items * sizeof(Item))
        s.num_items = 0
    for seat in range(s.players):
        p = &s.player[seat]
        hp_before[seat], hit_from[seat] = p.hp, 0
        p.timer -= p.timer > 0
        p.dash -= p.dash > 0
        p.x += p.vx * DT
        p.y += p.vy * DT
    fly(s, hit_from)
    burn_and_bury(s, hp_before, hit_from)


cdef bint spawns_now(const Arena *s) noexcept nogil:
    """Whether an item is due at this tick."""
    return s.tick % SPAWN_TICKS == 0 if s.compat else s.tick % LMS_SPAWN_TICKS == 0 and not is_closed(s)
