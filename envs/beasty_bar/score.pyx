"""What a turn of Beasty Bar is worth to the mover: one weighted sum for all scripted opponents, see `score.pxd`."""
from libc.stdint cimport int32_t, uint8_t, uint32_t

from envs.beasty_bar.state cimport BeastyBar
from envs.beasty_bar.turn cimport (
    ACTIONS_PER_CARD, CHAMELEON, CROCODILE, GIRAFFE, HIPPO, KANGAROO, LION, MONKEY, OWNER_SHIFT, PARROT, SEAL, SKUNK,
    SNAKE, ZEBRA, Turn, first_parameter, owner_of, play_turn, points_of, strength_of
)

cdef extern from *:
    """
    /* A card in the queue is worth this share of its points in `outcome`, by place. */
    static const double beasty_attraction[] = {0.53, 0.37, 0.25, 0.27, 0.10};
    """
    const double[] ATTRACTION "beasty_attraction"

cdef enum:
    MOVERS = 1 << CROCODILE | 1 << HIPPO | 1 << GIRAFFE     # species that act in every turn
    THREATS = MOVERS | 1 << LION | 1 << ZEBRA
    ALL = 0xFFFF            # every species
    EARLY = 3               # cards on the table up to which it is early
    LATE = 8                # and from which it is late


cdef struct Points:
    int32_t mine
    int32_t theirs


cdef Points count(const uint8_t *cards, int32_t length, int32_t me, uint32_t species) noexcept nogil:
    """Points of the cards whose species is a bit of `species`."""
    cdef Points p = Points(0, 0)
    cdef int32_t i, strength
    for i in range(length):
        strength = strength_of(cards[i])
        if species >> strength & 1:
            if owner_of(cards[i]) == me:
                p.mine += points_of(strength)
            else:
                p.theirs += points_of(strength)
    return p


cdef int32_t number(const uint8_t *cards, int32_t length, int32_t me, bint mine, uint32_t species) noexcept nogil:
    """How many of the cards, mine or theirs, have a species in `species`."""
    cdef int32_t i, found = 0
    for i in range(length):
        if (owner_of(cards[i]) == me) == mine:
            found += species >> strength_of(cards[i]) & 1
    return found


cdef int32_t place(const uint8_t *cards, int32_t length, uint8_t card) noexcept nogil:
    """Where `card` stands; -1 if it is not there."""
    cdef int32_t i
    for i in range(length):
        if cards[i] == card:
            return i
    return -1


cdef double worth(int32_t strength, const Weights *w) noexcept nogil:
    return points_of(strength) * (w.skunk if strength == SKUNK else 1.0)


cdef double sum_worth(const uint8_t *cards, int32_t length, int32_t me, const Weights *w) noexcept nogil:
    cdef double value = 0.0
    cdef int32_t i
    for i in range(length):
        value += worth(strength_of(cards[i]), w) * (1.0 if owner_of(cards[i]) == me else -1.0)
    return value


cdef Before look(const BeastyBar *s, int32_t me, const Weights *w) noexcept nogil:
    cdef Before b
    cdef int32_t i
    b.s, b.me, b.settled, b.seen = s, me, 0.0, 0
    if w.bar != 0:
        b.settled = w.bar * sum_worth(s.bar, s.num_bar, me, w) + w.out * sum_worth(s.out, s.num_out, me, w)
        for i in range(s.num_hand[me]):
            b.settled += w.hand * worth(s.hand[me][i], w)
        if s.num_deck[me]:
            b.settled += w.hand * worth(s.deck[me][s.num_deck[me] - 1], w)
    if w.reaction != 0:
        b.seen = species_of(s.bar, s.num_bar, me) | species_of(s.out, s.num_out, me)
        b.seen |= species_of(s.queue, s.num_queue, me)
    return b


cdef uint32_t species_of(const uint8_t *cards, int32_t length, int32_t me) noexcept nogil:
    """Species of their cards, a bit each."""
    cdef uint32_t seen = 0
    cdef int32_t i
    for i in range(length):
        if owner_of(cards[i]) != me:
            seen |= <uint32_t>1 << strength_of(cards[i])
    return seen


cdef double position(const Before *b, const Turn *t, int32_t strength, const Weights *w) noexcept nogil:
    cdef double value = b.settled - w.hand * worth(strength, w)
    cdef double front, share
    cdef int32_t i
    value += w.bar * sum_worth(t.bar, t.num_bar, b.me, w) + w.out * sum_worth(t.out, t.num_out, b.me, w)
    for i in range(t.length):
        front = 1.0 - <double>i / t.length
        share = w.front * front + w.back * (1.0 - front)
        value += share * worth(strength_of(t.queue[i]), w) * (1.0 if owner_of(t.queue[i]) == b.me else -1.0)
    return value


cdef double instinct(const Before *b, const Turn *t, int32_t strength, int32_t first) noexcept nogil:
    cdef const BeastyBar *s = b.s
    cdef uint8_t card = <uint8_t>(b.me << OWNER_SHIFT | strength)
    cdef Points lost = count(t.out, t.num_out, b.me, ALL)
    cdef Points gained
    cdef double value
    cdef int32_t i
    if strength == SKUNK:
        if lost.theirs >= 3:
            return 3.0 if lost.theirs >= 5 else 1.5
        return -2.0 if lost.theirs == 0 and lost.mine > 0 else 0.0
    if strength == PARROT and first >= 0:
        value = points_of(strength_of(s.queue[first])) * 0.5
        return -value if owner_of(s.queue[first]) == b.me else value
    if strength == LION:
        return 2.0 if t.length and t.queue[0] == card else 0.0
    if strength == MONKEY:
        return 2.5 if lost.theirs >= 4 else 0.0
    if strength == SEAL:
        gained = count(t.bar, t.num_bar, b.me, ALL)
        return 1.5 if gained.mine > gained.theirs else -1.0 if gained.mine < gained.theirs else 0.0
    if strength == SNAKE:
        value = 0.0
        if number(t.queue, t.length, b.me, True, ALL) > number(s.queue, s.num_queue, b.me, True, ALL):
            for i in range(min(2, t.length)):
                if owner_of(t.queue[i]) == b.me:
                    value += 0.5 * points_of(strength_of(t.queue[i]))
        return value
    if strength == ZEBRA:
        return 1.5 if number(t.queue, t.length, b.me, False, 1 << HIPPO | 1 << CROCODILE) else -0.5
    if strength == KANGAROO:
        return 1.0 if 0 <= place(t.queue, t.length, card) <= 1 else 0.0
    if strength == GIRAFFE:
        i = place(t.queue, t.length, card)
        return 1.5 if i == 0 else 0.5 if i == 1 else 0.0
    if strength == CROCODILE:
        return 0.3 * lost.theirs
    if strength == CHAMELEON and first >= 0:
        return 0.1 * strength_of(s.queue[first])
    return 0.0


cdef double reaction(const Before *b, int32_t strength, int32_t first) noexcept nogil:
    cdef const BeastyBar *s = b.s
    cdef uint32_t present = 0
    cdef int32_t i, target, top, net, waiting = s.num_queue
    cdef Points found
    for i in range(waiting):
        present |= <uint32_t>1 << strength_of(s.queue[i])
    if strength == CROCODILE:
        return 5.0 if present >> CHAMELEON & 1 else 0.0 if b.seen >> CHAMELEON & 1 else -1.0
    if strength == SKUNK:
        present &= ~(<uint32_t>1 << SKUNK)
        if present & (present - 1) == 0:
            return -1.5
        top = LION
        while not present >> top & 1:
            top -= 1
        i = top - 1
        while not present >> i & 1:
            i -= 1
        found = count(s.queue, waiting, b.me, <uint32_t>1 << top | <uint32_t>1 << i)
        net = found.theirs - found.mine
        return 4.0 if net >= 4 else 2.0 if net >= 2 else -3.0 if net <= -2 else 0.0
    if strength == LION:
        if number(s.queue, waiting, b.me, False, 1 << LION):
            return -5.0
        return 3.0 if b.seen >> LION & 1 else -2.0
    if strength == PARROT and first >= 0:
        target = points_of(strength_of(s.queue[first]))
        if owner_of(s.queue[first]) == b.me:
            return -0.5 * target
        return 0.3 * target + 2.0 * (1.0 - <double>first / waiting)
    return 0.0


cdef double attraction(const uint8_t *queue, int32_t length, int32_t me) noexcept nogil:
    cdef double value = 0.0
    cdef int32_t i
    for i in range(length):
        value += ATTRACTION[i] * points_of(strength_of(queue[i])) * (1.0 if owner_of(queue[i]) == me else -0.6)
    return value


cdef double outcome(const Before *b, const Turn *t, int32_t strength, int32_t first, const Weights *w) noexcept nogil:
    cdef const BeastyBar *s = b.s
    cdef int32_t me = b.me, target, fewer, on_table = s.num_queue + s.num_bar + s.num_out
    cdef Points gained = count(t.bar, t.num_bar, me, ALL), lost = count(t.out, t.num_out, me, ALL)
    cdef double value = w.gained_mine * gained.mine + w.gained_theirs * gained.theirs
    value += w.lost_mine * lost.mine + w.lost_theirs * lost.theirs
    value += w.queue * (attraction(t.queue, t.length, me) - attraction(s.queue, s.num_queue, me))
    if number(t.queue, min(2, t.length), me, True, ALL):
        value += w.front_two
    fewer = number(s.queue, s.num_queue, me, False, THREATS) - number(t.queue, t.length, me, False, THREATS)
    value += w.threats * max(0, fewer)
    if strength == PARROT and first >= 0:
        target = strength_of(s.queue[first])
        if owner_of(s.queue[first]) == me:
            value -= 0.8 * points_of(target)
        else:
            value += w.parrot * points_of(target) + 0.5 * (1.0 - <double>first / s.num_queue)
            value += 1.5 * (THREATS >> target & 1) + 1.0 * (MOVERS >> target & 1)
    elif strength == SKUNK:
        value += w.spray * (lost.theirs - lost.mine)
    elif strength == MONKEY:
        fewer = number(s.queue, s.num_queue, me, False, 1 << HIPPO | 1 << CROCODILE)
        if fewer > number(t.queue, t.length, me, False, 1 << HIPPO | 1 << CROCODILE):
            value += w.gang
        if number(s.queue, s.num_queue, me, False, 1 << MONKEY):
            value += 0.8 * w.gang
    if on_table <= EARLY and MOVERS >> strength & 1:
        value += w.early
    if on_table >= LATE and (strength == PARROT or strength == SKUNK or strength == CROCODILE):
        value += w.late
    return value


cdef double score(const Before *b, int32_t action, const Weights *w) noexcept nogil:
    """What `action` is worth to the mover; without noise."""
    cdef const BeastyBar *s = b.s
    cdef int32_t strength = s.hand[b.me][action // ACTIONS_PER_CARD], r = action % ACTIONS_PER_CARD
    cdef double value = 0.0
    cdef Turn t
    play_turn(&t, s.queue, s.num_queue, <uint8_t>(b.me << OWNER_SHIFT | strength), r, s.one_step)
    if w.bar != 0:
        value += position(b, &t, strength, w)
    if w.instinct != 0:
        value += w.instinct * instinct(b, &t, strength, first_parameter(r))
    if w.reaction != 0:
        value += w.reaction * reaction(b, strength, first_parameter(r))
    if w.queue != 0:
        value += outcome(b, &t, strength, first_parameter(r), w)
    return value
