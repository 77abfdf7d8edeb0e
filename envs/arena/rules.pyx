"""Arena: 2 to 16 players or teams on a plane, all deciding at once; the last one standing wins.

An action has seven heads: move x, move y, aim x, aim y (11 classes each, class i means (i - 5) / 5), fire, ability and
interact (2 each); it is held for `frame_skip` ticks of 1/30 s. A move is at 5 units/s per unit of the axes. Under
`rules="lms"` the diagonal is no faster, fire is legal when a shot can leave within the decision, ability 1 is a dash
(15 units/s for 6 ticks, every 60), shots pass team mates and live 1 s, the zone shrinks, and the game is over when at
most one team lives. `rules="compat"` are those of the recorded games, of which `world.pyx` tells the rest: they last
until nobody lives or the duration is over. A dead seat has no legal action, and what is played for it is ignored.

Rewards: a seat's result, when its team is out or the game is over, and shaping terms. Results under scoring `win`: 1
for the last team living, 0 for teams that are out or left over together at the end, -1 for all others; under
`placement`: (teams beaten - teams ahead) / (teams - 1). Observation: see `senses.pyx`.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from envs.arena.actions cimport intent_of, may_fire, may_use_ability
from envs.arena.bots cimport add_bots
from envs.arena.senses cimport BOTH, RAW, RAW_FEATURES, RELATIVE, RELATIVE_FEATURES, raw_scales, view
from envs.arena.state cimport (
    AXIS_CLASSES, COMPAT, DASH, DURATION, FRAME_SKIP, FULL_HP, HEADS, MASK_BYTES, PLACEMENT, PLAYERS, SEATS,
    SHAPE_DAMAGE, SHAPE_PICKUPS, SHAPE_ZONE, TEAM_SIZE, TICKS_PER_SECOND, Arena, Intent, Player, bytes_of,
    most_shots
)
from envs.arena.unseen cimport information_key, key, redeterminize
from envs.arena.world cimport act, begin, living_teams, simulate, spawn, spawns_now
from native.game cimport (
    FLOAT32, HIDDEN, SIMULTANEOUS, SIMULTANEOUS_MOVES, STOCHASTIC, TERMINAL, ZERO_SUM, Game, GameTable, new_game
)
from native.random cimport derive

cdef extern from *:
    int32_t count_bits "__builtin_popcount"(uint32_t bits) noexcept nogil

METRICS = ("length_s", "decided", "kills", "shots", "accuracy", "damage", "zone_damage", "outside_s", "pickups")
"""Of the whole game: seconds, 1 if one team is left, enemies killed by shots, shots, hits on enemies per shot, damage
by shots to enemies and by the zone, seconds outside the zone over all players, worth of pick-ups in full bars."""


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef Arena *s = <Arena *>p
    cdef int32_t players = <int32_t>options[PLAYERS], seat
    memset(s, 0, bytes_of(most_shots(players, options[COMPAT] != 0)))
    s.rng = derive(seed, 0)
    s.players = players
    s.compat = <uint8_t>options[COMPAT]
    s.dash = <uint8_t>options[DASH]
    s.placement = <uint8_t>options[PLACEMENT]
    s.duration = <int32_t>options[DURATION]
    s.frame_skip = <int32_t>options[FRAME_SKIP]
    s.shape_damage, s.shape_zone = options[SHAPE_DAMAGE], options[SHAPE_ZONE]
    s.shape_pickups = options[SHAPE_PICKUPS]
    for seat in range(players):
        s.player[seat].team = <uint8_t>(seat // <int32_t>options[TEAM_SIZE])
    begin(s)


cdef int32_t to_act(const void *p) noexcept nogil:
    return TERMINAL if (<const Arena *>p).over else SIMULTANEOUS


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    cdef const Arena *s = <const Arena *>p
    cdef const Player *me = &s.player[player]
    cdef bint fire, ability
    if s.over or not me.alive:
        memset(mask, 0, MASK_BYTES)
        return 0
    memset(mask, 1, MASK_BYTES)
    fire, ability = may_fire(s, me), may_use_ability(s, me)
    mask[4 * AXIS_CLASSES + 1], mask[4 * AXIS_CLASSES + 3] = fire, ability
    return MASK_BYTES - 2 + fire + ability


cdef bint is_legal(const Arena *s, int32_t seat, const int32_t *action) noexcept nogil:
    cdef int32_t head
    for head in range(HEADS):
        if action[head] < 0 or action[head] >= (AXIS_CLASSES if head < 4 else 2):
            return False
    if action[4] and not may_fire(s, &s.player[seat]):
        return False
    return not action[5] or may_use_ability(s, &s.player[seat])


cdef void settle(Arena *s, uint32_t lived) noexcept nogil:
    """Ends the game if it is over, and gives results to the teams that are out or left; `lived`: before this tick."""
    cdef uint32_t living = living_teams(s), all_teams = 0, decided
    cdef int32_t seat, team, teams, left = count_bits(living), together
    cdef float result
    s.over = left == 0 or (left == 1 and not s.compat) or s.tick >= s.duration
    decided = lived if s.over else lived & ~living
    if decided == 0:
        return
    for seat in range(s.players):
        all_teams |= <uint32_t>1 << s.player[seat].team
    teams = count_bits(all_teams)
    for seat in range(s.players):
        team = s.player[seat].team
        if not decided >> team & 1:
            continue
        together = left if living >> team & 1 else count_bits(lived & ~living)
        if s.placement:
            # beaten are those out before this tick and, for a team that lives, those out in it
            result = <float>(teams - together - (0 if living >> team & 1 else 2 * left)) / (teams - 1)
        elif not living >> team & 1 and left > 0:
            result = -1
        else:
            result = 1 if together == 1 else 0
        s.reward[seat] += result


cdef void shape(Arena *s, const Player *before) noexcept nogil:
    """Adds the shaping terms of what has happened since `before`."""
    cdef const Player *now
    cdef const Player *then
    cdef int32_t seat
    for seat in range(s.players):
        now, then = &s.player[seat], &before[seat]
        s.reward[seat] += <float>(
            s.shape_damage * ((now.dealt - then.dealt) - (now.taken - then.taken)) / FULL_HP
            - s.shape_zone * (now.burnt - then.burnt) / FULL_HP
            + s.shape_pickups * (now.gained - then.gained)
        )


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    cdef Arena *s = <Arena *>p
    cdef Intent intents[SEATS]
    cdef Player before[SEATS]
    cdef int32_t seat, _tick
    cdef uint32_t lived
    cdef bint shaped = s.shape_damage != 0 or s.shape_zone != 0 or s.shape_pickups != 0
    if s.over:
        return -1
    for seat in range(s.players):
        if s.player[seat].alive:
            if not is_legal(s, seat, action + HEADS * seat):
                return -1
            intents[seat] = intent_of(action + HEADS * seat)
    for seat in range(s.players):
        s.reward[seat] = 0
        if shaped:
            before[seat] = s.player[seat]
    for _tick in range(s.frame_skip):
        lived = living_teams(s)
        act(s, intents)
        simulate(s)
        settle(s, lived)
        if s.over:
            break
        if spawns_now(s):
            spawn(s)
    if shaped:
        shape(s, before)
    return 0


cdef void observe_both(const void *p, int32_t player, void *out) noexcept nogil:
    view(<const Arena *>p, player, BOTH, <float *>out)


cdef void observe_raw(const void *p, int32_t player, void *out) noexcept nogil:
    view(<const Arena *>p, player, RAW, <float *>out)


cdef void observe_relative(const void *p, int32_t player, void *out) noexcept nogil:
    view(<const Arena *>p, player, RELATIVE, <float *>out)


cdef void scale_both(float *out) noexcept nogil:
    cdef int32_t i
    raw_scales(out)
    for i in range(RAW_FEATURES, RAW_FEATURES + RELATIVE_FEATURES):
        out[i] = 1


cdef void rewards(const void *p, float *out) noexcept nogil:
    cdef const Arena *s = <const Arena *>p
    cdef int32_t seat
    for seat in range(s.players):
        out[seat] = s.reward[seat]


cdef void metrics(const void *p, float *out) noexcept nogil:
    cdef const Arena *s = <const Arena *>p
    cdef const Player *player
    cdef double kills = 0, shots = 0, hits = 0, dealt = 0, burnt = 0, outside = 0, gained = 0
    cdef int32_t seat
    for seat in range(s.players):
        player = &s.player[seat]
        kills += player.kills
        shots += player.shots
        hits += player.hits
        dealt += player.dealt
        burnt += player.burnt
        outside += player.outside
        gained += player.gained
    out[0], out[1] = s.tick / <float>TICKS_PER_SECOND, count_bits(living_teams(s)) == 1
    out[2], out[3], out[4] = <float>kills, <float>shots, <float>(hits / max(1.0, shots))
    out[5], out[6], out[7] = <float>dealt, <float>burnt, <float>(outside / TICKS_PER_SECOND)
    out[8] = <float>gained


def _number(str name, value, low, high, kind=int):
    """`value`, if it is a number of this kind within the bounds."""
    if not isinstance(value, (int, kind)) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"arena: {name} must be {'an integer' if kind is int else 'a number'} from {low} to {high}, "
                         f"got {value!r}")
    return kind(value)


def _choice(str name, value, tuple known):
    if value not in known:
        raise ValueError(f"arena: {name} must be one of {', '.join(map(repr, known))}, got {value!r}")
    return value


def make(rules="lms", players=8, team_size=1, frame_skip=1, dash=None, duration=None, observation=None, scoring="win",
         shape_damage=0.0, shape_zone=0.0, shape_pickups=0.0):
    """The game; `envs/registry.py` says what the options mean, None is the default of the rules."""
    compat = _choice("rules", rules, ("lms", "compat")) == "compat"
    _choice("scoring", scoring, ("win", "placement"))
    if observation is None:
        observation = "raw" if compat else "both"
    _choice("observation", observation, ("both", "raw", "relative"))
    dash = not compat if dash is None else dash
    if not isinstance(dash, bool) or (dash and compat):
        raise ValueError(f"arena: dash must be {'False under compat' if compat else 'True or False'}, got {dash!r}")
    _number("players", players, 2, SEATS)
    _number("team_size", team_size, 1, players // 2)
    if players % team_size:
        raise ValueError(f"arena: {players} players do not make teams of {team_size}")
    _number("frame_skip", frame_skip, 1, 30)
    duration = _number("duration", (60 if compat else 120) if duration is None else duration, 10, 3600)
    weights = {"shape_damage": shape_damage, "shape_zone": shape_zone, "shape_pickups": shape_pickups}
    for name, weight in weights.items():
        weights[name] = _number(name, weight, 0, 100, float)

    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = bytes_of(most_shots(players, compat))
    table.num_players = players
    table.num_heads = HEADS
    for head in range(HEADS):
        table.head_sizes[head] = AXIS_CLASSES if head < 4 else 2
    table.num_actions = MASK_BYTES
    table.observation_dims = 1
    table.observation_shape[0] = (observation != "relative") * RAW_FEATURES + (observation != "raw") * RELATIVE_FEATURES
    table.observation_type = FLOAT32
    ticks = duration * TICKS_PER_SECOND
    table.max_length = (ticks + frame_skip - 1) // frame_skip
    table.flags = STOCHASTIC | HIDDEN | SIMULTANEOUS_MOVES
    if not compat and players == 2 * team_size and not any(weights.values()):
        table.flags |= ZERO_SUM
    table.rules_version = 1
    table.num_symmetries = 1
    table.options[COMPAT], table.options[PLAYERS], table.options[TEAM_SIZE] = compat, players, team_size
    table.options[FRAME_SKIP], table.options[DASH], table.options[DURATION] = frame_skip, dash, ticks
    table.options[PLACEMENT] = scoring == "placement"
    table.options[SHAPE_DAMAGE], table.options[SHAPE_ZONE] = weights["shape_damage"], weights["shape_zone"]
    table.options[SHAPE_PICKUPS] = weights["shape_pickups"]
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.rewards, table.redeterminize, table.key = rewards, redeterminize, key
    table.information_key, table.metrics = information_key, metrics
    if observation == "both":
        table.observe, table.scale = observe_both, scale_both
    elif observation == "raw":
        table.observe, table.scale = observe_raw, raw_scales
    else:
        table.observe = observe_relative
    options = {
        "rules": rules, "players": players, "team_size": team_size, "frame_skip": frame_skip, "dash": dash,
        "duration": duration, "observation": observation, "scoring": scoring, **weights,
    }
    cdef Game game = new_game(__name__, "arena", options, &table, METRICS)
    add_bots(game)
    return game
