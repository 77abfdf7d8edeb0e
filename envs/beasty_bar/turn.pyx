"""One turn of Beasty Bar: ability of the card played, recurring pass, five check (Zoch 2014, rules of the game)."""
from libc.stdint cimport int32_t, uint8_t, uint32_t


cdef uint32_t legal_parameters(const uint8_t *queue, int32_t length, int32_t strength, bint idle) noexcept nogil:
    """Bit r is 1 where parameter index r is legal for a card played behind `queue`.

    idle: whether a parrot or chameleon without a target may be played without effect (the official rule).
    """
    cdef uint32_t bits = 0
    cdef int32_t t, u, copied
    if strength == KANGAROO:
        return 1 if length == 0 else <uint32_t>1 << 7 if length == 1 else <uint32_t>1 << 7 | <uint32_t>1 << 13
    if strength == PARROT:
        for t in range(length):
            bits |= <uint32_t>1 << (1 + 6 * t)
    elif strength == CHAMELEON:
        for t in range(length):
            copied = strength_of(queue[t])
            if copied == PARROT:
                for u in range(length):
                    bits |= <uint32_t>1 << (2 + 6 * t + u)
            elif copied == KANGAROO:
                for u in range(1, min(2, length) + 1):
                    bits |= <uint32_t>1 << (2 + 6 * t + u)
            elif copied != CHAMELEON:
                bits |= <uint32_t>1 << (1 + 6 * t)
    else:
        return 1
    return bits if bits or not idle else 1


cdef void take_out(Turn *t, int32_t at) noexcept nogil:
    """Moves the card at `at` from the queue to `out`."""
    cdef int32_t i
    t.out[t.num_out] = t.queue[at] & CARD_BITS
    t.num_out += 1
    t.length -= 1
    for i in range(at, t.length):
        t.queue[i] = t.queue[i + 1]


cdef void take_out_species(Turn *t, uint32_t species) noexcept nogil:
    """Moves all cards whose strength is a bit of `species` to `out`, front to back."""
    cdef int32_t i, kept = 0
    for i in range(t.length):
        if species >> strength_of(t.queue[i]) & 1:
            t.out[t.num_out] = t.queue[i] & CARD_BITS
            t.num_out += 1
        else:
            t.queue[kept] = t.queue[i]
            kept += 1
    t.length = kept


cdef void move_forward(Turn *t, int32_t at, int32_t to) noexcept nogil:
    cdef uint8_t card = t.queue[at]
    cdef int32_t i
    for i in range(at, to, -1):
        t.queue[i] = t.queue[i - 1]
    t.queue[to] = card


cdef int32_t hippo_push(Turn *t, int32_t at) noexcept nogil:
    """The hippo at `at` pushes forward; returns where it lands."""
    cdef int32_t to = at
    while to > 0 and strength_of(t.queue[to - 1]) < HIPPO and strength_of(t.queue[to - 1]) != ZEBRA:
        to -= 1
    move_forward(t, at, to)
    return to


cdef int32_t crocodile_eat(Turn *t, int32_t at) noexcept nogil:
    """The crocodile at `at` eats forward; returns where it then stands."""
    while at > 0 and strength_of(t.queue[at - 1]) < CROCODILE and strength_of(t.queue[at - 1]) != ZEBRA:
        at -= 1
        take_out(t, at)
    return at


cdef bint giraffe_step(Turn *t, int32_t at) noexcept nogil:
    """The giraffe at `at` passes one weaker animal, zebras too; returns whether it could."""
    if at == 0 or strength_of(t.queue[at - 1]) >= GIRAFFE:
        return False
    move_forward(t, at, at - 1)
    return True


cdef void lion_enter(Turn *t) noexcept nogil:
    cdef int32_t i
    for i in range(t.length - 1):
        if strength_of(t.queue[i]) == LION:
            take_out(t, t.length - 1)
            return
    take_out_species(t, 1 << MONKEY)
    move_forward(t, t.length - 1, 0)


cdef void snake_sort(Turn *t) noexcept nogil:
    """Strongest first; equals keep their order."""
    cdef int32_t i, to
    for i in range(1, t.length):
        to = i
        while to > 0 and strength_of(t.queue[to - 1]) < strength_of(t.queue[i]):
            to -= 1
        move_forward(t, i, to)


cdef void seal_reverse(Turn *t) noexcept nogil:
    cdef int32_t i
    for i in range(1, t.length):
        move_forward(t, i, 0)


cdef void monkeys_gang_up(Turn *t) noexcept nogil:
    cdef int32_t i, monkeys = 0
    for i in range(t.length):
        monkeys += strength_of(t.queue[i]) == MONKEY
    if monkeys < 2:
        return
    take_out_species(t, 1 << HIPPO | 1 << CROCODILE)
    # To the front one after another from the front: this reverses them, the one just played comes to stand first.
    for i in range(t.length):
        if strength_of(t.queue[i]) == MONKEY:
            move_forward(t, i, 0)


cdef void skunk_spray(Turn *t) noexcept nogil:
    """Takes out all cards of the two strongest species other than skunks."""
    cdef uint32_t present = 0, sprayed = 0
    cdef int32_t i, strength, left = 2
    for i in range(t.length):
        present |= <uint32_t>1 << strength_of(t.queue[i])
    for strength in range(LION, SKUNK, -1):
        if left and present >> strength & 1:
            sprayed |= <uint32_t>1 << strength
            left -= 1
    take_out_species(t, sprayed)


cdef void act(Turn *t, int32_t strength, int32_t first, int32_t second) noexcept nogil:
    """The last card of the queue acts with the ability of `strength`; parameters are -1 where there is none."""
    cdef int32_t back = t.length - 1
    if strength == LION:
        lion_enter(t)
    elif strength == HIPPO:
        hippo_push(t, back)
    elif strength == CROCODILE:
        crocodile_eat(t, back)
    elif strength == SNAKE:
        snake_sort(t)
    elif strength == GIRAFFE:
        giraffe_step(t, back)
    elif strength == SEAL:
        seal_reverse(t)
    elif strength == MONKEY:
        monkeys_gang_up(t)
    elif strength == KANGAROO:
        move_forward(t, back, back - min(max(first, 0), back))
    elif strength == PARROT and first >= 0:
        take_out(t, first)
    elif strength == SKUNK:
        skunk_spray(t)
    elif strength == CHAMELEON and first >= 0:
        act_as(t, strength_of(t.queue[first]), second)


cdef void act_as(Turn *t, int32_t copied, int32_t second) noexcept nogil:
    """The chameleon at the back of the queue acts with species and strength of `copied`, then is itself again."""
    cdef int32_t i, back = t.length - 1
    cdef uint8_t itself = t.queue[back]
    t.queue[back] = <uint8_t>(itself & ~STRENGTH_BITS | copied)
    act(t, copied, second, -1)
    for i in range(t.length):
        if t.queue[i] & RESTING:
            t.queue[i] = itself
            return
    # Only a copied lion removes itself, and then nothing else left the queue.
    t.out[t.num_out - 1] = itself & CARD_BITS


cdef void play_ability(Turn *t, uint8_t card, int32_t r) noexcept nogil:
    """Steps 1 and 2: `card` goes to the back of the queue and acts. `r` must be legal."""
    t.queue[t.length] = card | RESTING
    t.length += 1
    act(t, strength_of(card), first_parameter(r), second_parameter(r))


cdef void recurring_pass(Turn *t, bint one_step) noexcept nogil:
    """Step 3: hippos, crocodiles and giraffes act again, front to back.

    one_step: a giraffe steps at most once in a turn (the official rule); without it, a giraffe that a hippo has just
    overtaken is visited again and may step again.
    """
    cdef int32_t strength, i = 0
    while i < t.length:
        strength = strength_of(t.queue[i])
        if strength == HIPPO:
            i = hippo_push(t, i) + 1
        elif strength == CROCODILE:
            i = crocodile_eat(t, i) + 1
        elif strength == GIRAFFE and not t.queue[i] & RESTING and giraffe_step(t, i):
            if one_step:
                t.queue[i - 1] |= RESTING
        else:
            i += 1


cdef void five_check(Turn *t) noexcept nogil:
    """Step 4: a full queue admits its first two cards and bounces its last; all marks of the turn are wiped."""
    cdef int32_t i
    for i in range(t.length):
        t.queue[i] &= CARD_BITS
    if t.length == PLACES:
        t.bar[0], t.bar[1] = t.queue[0], t.queue[1]
        t.num_bar = 2
        t.out[t.num_out] = t.queue[4]
        t.num_out += 1
        t.queue[0], t.queue[1] = t.queue[2], t.queue[3]
        t.length = 2


cdef void play_turn(Turn *t, const uint8_t *queue, int32_t length, uint8_t card, int32_t r,
                    bint one_step) noexcept nogil:
    """Steps 1 to 4 of `card` played with the legal parameter index `r` behind `queue`; `t` need not be initialised."""
    cdef int32_t i
    for i in range(length):
        t.queue[i] = queue[i]
    t.length, t.num_out, t.num_bar = length, 0, 0
    play_ability(t, card, r)
    recurring_pass(t, one_step)
    five_check(t)
