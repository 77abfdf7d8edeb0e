"""A position of Razzle Dazzle as bitboards, and what may be done in it.

Square = 7 * row + column, bit `square` of a set. Action `56 * source + target`: a pass if the source holds the mover's
ball, else a knight move; action 3136 ends a turn of passes.
"""
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint64_t
from libc.string cimport memset

cdef extern from "tables.h":
    const uint64_t razzle_knight[56]
    const uint8_t razzle_jumps[56][8]
    const uint64_t razzle_king[56]
    const uint64_t razzle_rays[56][8]
    int32_t lowest "razzle_lowest" (uint64_t x) noexcept nogil
    int32_t above_highest "razzle_above_highest" (uint64_t x) noexcept nogil

cdef enum:
    SQUARES = 56
    END_TURN = SQUARES * SQUARES
    NUM_ACTIONS = END_TURN + 1
    PLANES = 10
    MAX_TURNS = 201             # the game ends when so many are finished
    MAX_POSITIONS = MAX_TURNS + 1
    # Each turn is an action, and so is each pass: at most 4 in a turn, and but for the first 8 each needs a piece that
    # a knight move freed. With k knight moves: 201 + max over k of min(8 + k, 4 * (201 - k)).
    MAX_LENGTH = 368

cdef enum Rule:
    LIMIT_DRAWS = 1
    FORCED_ONCE = 2
    NO_REPETITION = 4

cdef enum Reason:
    RUNNING, GOAL, LIMIT, STUCK

cdef struct Razzle:
    uint64_t pieces[2]          # the holder of the ball included
    uint64_t ineligible         # of both seats: touched the ball and has not moved since
    uint64_t receivers          # squares the mover may pass the ball to; follows from the rest
    int16_t turns               # finished, also before a state read from text
    # what the metrics need; these count only what was played here
    int16_t knight_turns
    int16_t pass_turns          # turns of passes that were ended
    int16_t passes
    int8_t ball[2]
    int8_t mover                # seat to act; at the end, who acts or would act
    int8_t has_passed
    int8_t last_knight          # target of the other seat's latest turn if it was a knight move, else -1
    int8_t winner               # seat, or -1
    uint8_t reason              # Reason
    uint8_t rules               # Rule, or-ed

cdef struct RazzleHistory:      # a state under NO_REPETITION; without that, its first member alone
    Razzle game
    uint64_t num_positions
    uint64_t positions[MAX_POSITIONS]   # at the start and after each turn, oldest first; then zeros


cdef inline uint64_t bit(int32_t square) noexcept nogil:
    return <uint64_t>1 << square


cdef inline int32_t count_bits(uint64_t x) noexcept nogil:
    """Ones in `x` (Knuth, TAOCP 4A, section 7.1.3): the instruction for it is not on every x86-64."""
    x -= x >> 1 & <uint64_t>0x5555555555555555
    x = (x & <uint64_t>0x3333333333333333) + (x >> 2 & <uint64_t>0x3333333333333333)
    x = x + (x >> 4) & <uint64_t>0x0F0F0F0F0F0F0F0F
    return <int32_t>(x * <uint64_t>0x0101010101010101 >> 56)


cdef inline uint64_t find_receivers(const Razzle *s) noexcept nogil:
    """Squares the mover may pass the ball to, looked for on the board."""
    cdef const uint64_t *rays = razzle_rays[s.ball[s.mover]]
    cdef uint64_t occupied = s.pieces[0] | s.pieces[1], met = 0, ray
    cdef int32_t direction
    for direction in range(4):
        ray = rays[direction] & occupied
        met |= ray & (0 - ray)
    for direction in range(4, 8):
        ray = rays[direction] & occupied
        met |= ray & (<uint64_t>1 << 63 >> above_highest(ray | 1))
    return met & s.pieces[s.mover] & ~s.ineligible


cdef inline bint threatened(const Razzle *s) noexcept nogil:
    """Whether the piece that has just moved stands beside the mover's ball, so that only passes count, if any.

    The engine asks this again after every pass, with the new square of the ball; FORCED_ONCE asks only at the start.
    """
    return (
        s.last_knight >= 0 and (razzle_king[s.last_knight] >> s.ball[s.mover]) & 1
        and not (s.has_passed and s.rules & FORCED_ONCE)
    )


cdef inline uint64_t side_code(uint64_t pieces, int32_t ball) noexcept nogil:
    """The squares of one seat in 30 bits: the ball's, then those of the other four pieces in ascending order."""
    cdef uint64_t code = ball, rest = pieces ^ bit(ball)
    while rest:
        code = code << 6 | <uint64_t>lowest(rest)
        rest &= rest - 1
    return code


cdef inline bint repeats(const Razzle *s, int32_t action) noexcept nogil:
    """Whether NO_REPETITION forbids an action, as it would end the turn on a position that was there before."""
    cdef const RazzleHistory *h = <const RazzleHistory *>s
    cdef int32_t source = action // SQUARES, other = 1 - s.mover
    cdef uint64_t own = s.pieces[s.mover], code, k
    if not s.rules & NO_REPETITION or source == s.ball[s.mover]:
        return False
    if action != END_TURN:
        own ^= bit(source) ^ bit(action % SQUARES)
    code = side_code(own, s.ball[s.mover]) << 30 * s.mover | side_code(s.pieces[other], s.ball[other]) << 30 * other
    for k in range(h.num_positions):
        if h.positions[k] == code:
            return True
    return False


cdef inline void remember(Razzle *s) noexcept nogil:
    cdef RazzleHistory *h = <RazzleHistory *>s
    if s.rules & NO_REPETITION:
        h.positions[h.num_positions] = side_code(s.pieces[0], s.ball[0]) | side_code(s.pieces[1], s.ball[1]) << 30
        h.num_positions += 1


cdef inline int32_t mark_candidates(const Razzle *s, uint8_t *mask) noexcept nogil:
    """Writes the byte of every action that the mover's pieces have on the board; returns how many are 1.

    They are 1 for what is legal but for repetition, and written without a branch on that: it would be mispredicted.
    """
    cdef uint64_t others = s.pieces[s.mover] ^ bit(s.ball[s.mover]), free = ~(s.pieces[0] | s.pieces[1])
    cdef uint64_t passes = s.receivers
    cdef bint forced = passes != 0 and threatened(s)
    cdef int32_t _piece, jump, source, target, count = 0
    cdef uint8_t found
    cdef uint8_t *row_of_ball = mask + SQUARES * s.ball[s.mover]
    cdef uint8_t *row
    if s.has_passed or forced:
        free = 0
    for _piece in range(4):
        source = lowest(others)
        others &= others - 1
        found = (passes >> source) & 1
        row_of_ball[source] = found
        count += found
        row = mask + SQUARES * source
        for jump in range(8):
            target = razzle_jumps[source][jump]
            found = (free >> target) & 1
            row[target] = found
            count += found
    found = s.has_passed & (not forced)
    mask[END_TURN] = found
    return count + found


cdef inline int32_t nth_candidate(const Razzle *s, int32_t n) noexcept nogil:
    """The action that has exactly `n` of those that `mark_candidates` marks before it."""
    cdef uint64_t sources = s.pieces[s.mover], free = ~(s.pieces[0] | s.pieces[1]), targets, set = 0
    cdef uint64_t passes = s.receivers
    cdef int32_t ball = s.ball[s.mover], _piece, source, count, chosen = 0, before = 0, rank = 0
    cdef bint here
    if s.has_passed or (passes and threatened(s)):
        free = 0
    for _piece in range(5):     # without a branch on n, which nobody can predict
        source = lowest(sources)
        sources &= sources - 1
        targets = passes if source == ball else razzle_knight[source] & free
        count = count_bits(targets)
        here = before <= n and n < before + count
        chosen = source if here else chosen
        set = targets if here else set
        rank = n - before if here else rank
        before += count
    for _piece in range(rank):
        set &= set - 1
    return SQUARES * chosen + lowest(set) if n < before else END_TURN


cdef inline int32_t mark_legal(const Razzle *s, uint8_t *mask) noexcept nogil:
    """Writes the byte of every action that the mover's pieces have on the board; returns how many of them are legal."""
    cdef uint64_t others = s.pieces[s.mover] ^ bit(s.ball[s.mover])
    cdef int32_t jump, action, count = mark_candidates(s, mask)
    if not s.rules & NO_REPETITION:
        return count
    if mask[END_TURN] and repeats(s, END_TURN):
        mask[END_TURN] = 0
        count -= 1
    while others:
        for jump in range(8):
            action = SQUARES * lowest(others) + razzle_jumps[lowest(others)][jump]
            if mask[action] and repeats(s, action):
                mask[action] = 0
                count -= 1
        others &= others - 1
    return count


cdef inline bint can_act(const Razzle *s) noexcept nogil:
    """Only repetition can leave nothing to do: any four knights have 7 targets, there are 6 other pieces on them."""
    cdef uint8_t mask[NUM_ACTIONS]
    return not s.rules & NO_REPETITION or mark_legal(s, mask) > 0


cdef inline void conclude(Razzle *s) noexcept nogil:
    """What follows from the position: who may receive, and whether the game is over.

    The tests are in the engine's order, then comes the one that repetition needs.
    """
    s.receivers = find_receivers(s)
    if s.ball[0] >= SQUARES - 7:
        s.reason, s.winner = GOAL, 0
    elif s.ball[1] < 7:
        s.reason, s.winner = GOAL, 1
    elif s.turns >= MAX_TURNS:
        s.reason, s.winner = LIMIT, -1 if s.rules & LIMIT_DRAWS else 1 - s.mover
    elif not can_act(s):
        s.reason, s.winner = STUCK, 1 - s.mover


cdef inline void begin(Razzle *s, const double *options) noexcept nogil:
    """Clears the state and sets its rules."""
    cdef int32_t rules = <int32_t>options[0]
    memset(s, 0, sizeof(RazzleHistory) if rules & NO_REPETITION else sizeof(Razzle))
    s.rules = <uint8_t>rules
    s.winner = s.last_knight = -1


cdef inline void end_turn(Razzle *s, int32_t last_knight) noexcept nogil:
    s.last_knight = <int8_t>last_knight
    s.has_passed = 0
    s.mover ^= 1
    s.turns += 1
    remember(s)


cdef inline int32_t play(Razzle *s, int32_t action) noexcept nogil:
    """0, or -1 with the state unchanged if the rules refuse the action."""
    cdef int32_t source = action // SQUARES, target = action % SQUARES
    cdef int32_t mover = s.mover, ball = s.ball[mover]
    if s.reason != RUNNING or action < 0 or action > END_TURN:
        return -1
    if source == ball:
        if not s.receivers & bit(target):
            return -1
        s.ball[mover] = <int8_t>target
        s.ineligible |= bit(source) | bit(target)
        s.has_passed = 1
        s.passes += 1
    elif threatened(s) and s.receivers or repeats(s, action):
        return -1
    elif action == END_TURN:
        if not s.has_passed:
            return -1
        s.pass_turns += 1
        end_turn(s, -1)
    else:
        if s.has_passed or not s.pieces[mover] & bit(source):
            return -1
        if not razzle_knight[source] & ~(s.pieces[0] | s.pieces[1]) & bit(target):
            return -1
        s.pieces[mover] ^= bit(source) | bit(target)
        s.ineligible &= ~bit(source)
        s.knight_turns += 1
        end_turn(s, target)
    conclude(s)
    return 0
