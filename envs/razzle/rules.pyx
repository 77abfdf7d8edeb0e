"""Razzle Dazzle on bitboards (Don Green's game; rules as in the engine `circuitqed/razzle`, options for the others).

Square = 7 * row + column, row 0 is rank 1, the home row of seat 0, which begins. Action `56 * source + target`: a pass
if the source holds the mover's ball, else a knight move; action 3136 ends a turn of passes. A turn is one knight move,
or passes and then the end; a pass to the far row wins at once. Rewards +1, -1, or 0, 0 for a draw, at the end.

A seat that may do nothing loses at once, be it in the middle of its turn; only `no_repetition` can bring that about.

Observation `[10, 8, 7]` uint8, [plane, row, column], never flipped, from the view of the observing seat:
0 own pieces, 1 own ball, 2 the other's pieces, 3 the other's ball, 4 pieces that may not receive, 5 all ones for
seat 0, 6 all ones if the seat to act has passed in this turn, 7 all ones if it must pass now, 8 target of the knight
move that was the other's latest turn, 9 turns left before the limit (0 to 201, which `scale` brings to 1).
"""
from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from envs.razzle.board cimport (
    END_TURN, FORCED_ONCE, LIMIT, LIMIT_DRAWS, MAX_LENGTH, MAX_TURNS, NO_REPETITION, NUM_ACTIONS, PLANES,
    RUNNING, SQUARES, Razzle, RazzleHistory, begin, conclude, mark_legal, nth_candidate, play, remember,
    threatened
)
from native.game cimport TERMINAL, UINT8, ZERO_SUM, Game, GameTable, State, new_game
from native.random cimport mix

END_TURN_ACTION = END_TURN
TURN_LIMIT = MAX_TURNS
"""The game ends when so many turns are finished."""
_REASONS = (None, "goal", "limit", "stuck")


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef Razzle *s = <Razzle *>p
    begin(s, options)
    s.pieces[0], s.pieces[1] = 0x3E, <uint64_t>0x3E << 49
    s.ball[0], s.ball[1] = 3, 52
    remember(s)
    conclude(s)


cdef int32_t to_act(const void *p) noexcept nogil:
    cdef const Razzle *s = <const Razzle *>p
    return s.mover if s.reason == RUNNING else TERMINAL


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    memset(mask, 0, NUM_ACTIONS)
    return mark_legal(<const Razzle *>p, mask) if to_act(p) == player else 0


cdef int32_t nth_legal(const void *p, int32_t n) noexcept nogil:
    return nth_candidate(<const Razzle *>p, n)


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    return play(<Razzle *>p, action[0])


cdef inline void spread(uint64_t set, uint8_t *plane) noexcept nogil:
    """One byte per bit, eight at a time; words are stored as little-endian, which x86-64 and arm64 are."""
    cdef uint64_t word
    cdef int32_t k
    for k in range(0, SQUARES, 8):
        word = ((set >> k) & 0xFF) * <uint64_t>0x0101010101010101 & <uint64_t>0x8040201008040201
        word = (word + <uint64_t>0x7F7F7F7F7F7F7F7F) >> 7 & <uint64_t>0x0101010101010101
        memcpy(plane + k, &word, 8)


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    cdef const Razzle *s = <const Razzle *>p
    cdef uint8_t *planes = <uint8_t *>out
    cdef bint must_pass = threatened(s) and s.reason == RUNNING and s.receivers != 0
    spread(s.pieces[player], planes)
    memset(planes + SQUARES, 0, SQUARES)
    planes[SQUARES + s.ball[player]] = 1
    spread(s.pieces[1 - player], planes + 2 * SQUARES)
    memset(planes + 3 * SQUARES, 0, SQUARES)
    planes[3 * SQUARES + s.ball[1 - player]] = 1
    spread(s.ineligible, planes + 4 * SQUARES)
    memset(planes + 5 * SQUARES, player == 0, SQUARES)
    memset(planes + 6 * SQUARES, s.has_passed, SQUARES)
    memset(planes + 7 * SQUARES, must_pass, SQUARES)
    memset(planes + 8 * SQUARES, 0, SQUARES)
    if s.last_knight >= 0:
        planes[8 * SQUARES + s.last_knight] = 1
    memset(planes + 9 * SQUARES, MAX_TURNS - s.turns, SQUARES)


cdef void scale(float *out) noexcept nogil:
    cdef int32_t i
    for i in range(PLANES * SQUARES):
        out[i] = 1.0 if i < 9 * SQUARES else <float>(1.0 / MAX_TURNS)


cdef void rewards(const void *p, float *out) noexcept nogil:
    cdef const Razzle *s = <const Razzle *>p
    out[0] = out[1] = 0
    if s.winner >= 0:
        out[s.winner] = 1
        out[1 - s.winner] = -1


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    pass    # nothing is hidden


cdef uint64_t key(const void *p) noexcept nogil:
    """Of every word of the state: what was played before, where repetition is forbidden, in its order."""
    cdef const uint64_t *words = <const uint64_t *>p
    cdef uint64_t k, count = sizeof(Razzle) // 8, hashed = 0
    if (<const Razzle *>p).rules & NO_REPETITION:
        count += 1 + (<const RazzleHistory *>p).num_positions
    for k in range(count):
        hashed = mix(hashed + <uint64_t>0x9E3779B97F4A7C15 ^ words[k])
    return hashed


cdef void metrics(const void *p, float *out) noexcept nogil:
    cdef const Razzle *s = <const Razzle *>p
    cdef int32_t turns = s.knight_turns + s.pass_turns
    out[0] = <float>s.pass_turns / turns if turns else 0
    out[1] = turns + s.passes
    out[2] = turns
    out[3] = s.reason == LIMIT


cdef inline int32_t mirrored(int32_t square) noexcept nogil:
    return square + 6 - 2 * (square % 7)


cdef void symmetry(int32_t which, int32_t *observation_index, int32_t *action_index) noexcept nogil:
    """1: left and right change places."""
    cdef int32_t plane, source, target
    if which == 1:
        for source in range(SQUARES):
            for plane in range(PLANES):
                observation_index[SQUARES * plane + source] = SQUARES * plane + mirrored(source)
            for target in range(SQUARES):
                action_index[SQUARES * source + target] = SQUARES * mirrored(source) + mirrored(target)
        action_index[END_TURN] = END_TURN


cdef Razzle *position_of(State state) except NULL:
    if state.game.name != "razzle":
        raise ValueError(f"expected a state of razzle, got one of {state.game.name}")
    return <Razzle *>state.memory


def to_string(State state not None):
    """`P0.P1.b0.b1.I.mover.has_passed.last_knight.turns`: three sets (pieces, ineligible) as 14 hexadecimal digits."""
    cdef Razzle *s = position_of(state)
    sets = [f"{bits:014x}" for bits in (s.pieces[0], s.pieces[1], s.ineligible)]
    rest = f"{s.mover}.{s.has_passed}.{s.last_knight}.{s.turns}"
    return f"{sets[0]}.{sets[1]}.{s.ball[0]}.{s.ball[1]}.{sets[2]}.{rest}"


def from_string(Game game not None, str text not None):
    """The state that `to_string` wrote; its metrics begin anew, and no position before it counts as repeated.

    Raises ValueError, saying what is wrong with which part, for a text that no game can reach in this respect.
    """
    if game.name != "razzle":
        raise ValueError(f"expected the game razzle, got {game.name}")
    parts = text.split(".")
    if len(parts) != 9:
        raise ValueError(f"a razzle state has 9 parts divided by dots, got {len(parts)} in {text!r}")
    try:
        sets = [int(parts[k], 16) for k in (0, 1, 4)]
        numbers = [int(parts[k]) for k in (2, 3, 5, 6, 7, 8)]
    except ValueError:
        raise ValueError(f"a razzle state has three hexadecimal sets and six numbers, got {text!r}") from None
    (first, second, ineligible), (ball_0, ball_1, mover, has_passed, last_knight, turns) = sets, numbers
    demands = (
        (all(0 <= own < 2 ** SQUARES and own.bit_count() == 5 for own in (first, second)), "5 pieces for each seat"),
        (first & second == 0, "no square with pieces of both seats"),
        (0 <= ball_0 < SQUARES and first >> ball_0 & 1, f"the ball of seat 0 on one of its pieces, got {ball_0}"),
        (0 <= ball_1 < SQUARES and second >> ball_1 & 1, f"the ball of seat 1 on one of its pieces, got {ball_1}"),
        (ineligible >= 0 and ineligible & ~(first | second) == 0, "ineligible squares only where pieces stand"),
        (mover in (0, 1), f"seat 0 or 1 to act, got {mover}"),
        (has_passed in (0, 1), f"has_passed to be 0 or 1, got {has_passed}"),
        (not has_passed or ineligible >> (ball_1 if mover else ball_0) & 1, "who has the ball from a pass ineligible"),
        (-1 <= last_knight < SQUARES, f"last_knight to be -1 to {SQUARES - 1}, got {last_knight}"),
        (last_knight < 0 or (first if mover else second) >> last_knight & 1, "last_knight on a piece not the mover's"),
        (0 <= turns <= MAX_TURNS, f"0 to {MAX_TURNS} finished turns, got {turns}"),
    )
    for holds, wanted in demands:
        if not holds:
            raise ValueError(f"razzle state {text!r}: expected {wanted}")
    cdef State state = State.__new__(State, game)
    cdef Razzle *s = <Razzle *>state.memory
    begin(s, game.table.options)
    s.pieces[0], s.pieces[1], s.ineligible = first, second, ineligible
    s.ball[0], s.ball[1] = ball_0, ball_1
    s.mover, s.has_passed, s.last_knight, s.turns = mover, has_passed, last_knight, turns
    if not has_passed:      # the position that a turn of passes began with is not known
        remember(s)
    conclude(s)
    return state


def outcome(State state not None):
    """`(winner, reason)`: seat or None for a draw, and "goal", "limit" or "stuck"; `(None, None)` while it goes on."""
    cdef Razzle *s = position_of(state)
    return s.winner if s.winner >= 0 else None, _REASONS[s.reason]


def must_pass(State state not None):
    """Whether the seat to act may do nothing but pass, because the piece that has just moved stands beside its ball."""
    cdef Razzle *s = position_of(state)
    return s.reason == RUNNING and threatened(s) and s.receivers != 0


def make(*, rules="upstream", limit_result=None, forced_once=None, no_repetition=None):
    """The game. `rules` chooses what the other options are where they are not given.

    rules: "upstream", the engine exactly ("upstream", False, False), or "published" ("draw", True, True).
    limit_result: of the 201st turn: "upstream", the seat that would move next loses (it is seat 1), or "draw".
    forced_once: one pass satisfies the forced pass; else the chain goes on while the ball stands beside the piece.
    no_repetition: a turn may not end on a position of this game: the squares of the ten pieces and two balls, whoever
        is to move and whichever pieces may receive. Passes within a turn are free.
    """
    presets = {"upstream": ("upstream", False, False), "published": ("draw", True, True)}
    if rules not in presets:
        raise ValueError(f"razzle: rules must be 'upstream' or 'published', got {rules!r}")
    names = ("limit_result", "forced_once", "no_repetition")
    given = dict(zip(names, (limit_result, forced_once, no_repetition)))
    options = {
        name: preset if given[name] is None else given[name] for name, preset in zip(names, presets[rules])
    }
    if options["limit_result"] not in ("upstream", "draw"):
        raise ValueError(f"razzle: limit_result must be 'upstream' or 'draw', got {limit_result!r}")
    for name in names[1:]:
        if not isinstance(options[name], bool):
            raise ValueError(f"razzle: {name} must be true or false, got {options[name]!r}")
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.options[0] = (
        LIMIT_DRAWS * (options["limit_result"] == "draw")
        + FORCED_ONCE * options["forced_once"] + NO_REPETITION * options["no_repetition"]
    )
    table.state_bytes = sizeof(RazzleHistory) if options["no_repetition"] else sizeof(Razzle)
    table.num_players = 2
    table.num_heads = 1
    table.head_sizes[0] = table.num_actions = NUM_ACTIONS
    table.observation_dims = 3
    table.observation_shape[0], table.observation_shape[1], table.observation_shape[2] = PLANES, 8, 7
    table.observation_type = UINT8
    table.max_length = MAX_LENGTH
    table.flags = ZERO_SUM
    table.rules_version = 1
    table.num_symmetries = 2
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize, table.key = observe, rewards, redeterminize, key
    table.metrics, table.symmetry, table.scale = metrics, symmetry, scale
    if not options["no_repetition"]:
        table.nth_legal = nth_legal
    return new_game(__name__, "razzle", options, &table, ("pass_decision_rate", "game_length", "turns", "limit"))
