"""One turn of Beasty Bar, worked out on the queue alone: rules apply it, bots simulate it.

A card is a byte: strength (which names the species) in bits 0-3, owner in bits 4-5. During a turn bit 7 marks a card
that no longer steps by itself this turn: the card just played and, under the official rule, a giraffe that has stepped.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t

cdef enum:
    SKUNK = 1
    PARROT = 2
    KANGAROO = 3
    MONKEY = 4
    CHAMELEON = 5
    SEAL = 6
    ZEBRA = 7
    GIRAFFE = 8
    SNAKE = 9
    CROCODILE = 10
    HIPPO = 11
    LION = 12
    NUM_SPECIES = 12
    STRENGTH_BITS = 0x0F
    OWNER_SHIFT = 4
    CARD_BITS = 0x3F
    RESTING = 0x80
    PLACES = 5              # a queue of this length is served: two are admitted, the last is bounced
    ACTIONS_PER_CARD = 31   # 0: no parameter; 1 + 6p: parameter p; 2 + 6p + s: parameters p and s

cdef extern from *:
    """
    static inline int beasty_points(int strength) {
        static const unsigned char points[16] = {0, 4, 4, 4, 3, 3, 2, 4, 3, 2, 3, 2, 2, 0, 0, 0};
        return points[strength & 15];
    }
    """
    int points_of "beasty_points"(int strength) noexcept nogil
    int lowest_bit "__builtin_ctz"(unsigned int bits) noexcept nogil    # index of the lowest 1; bits must not be 0

cdef struct Turn:
    uint8_t queue[8]        # front (Heaven's Gate) first; at most 4 cards before the play, PLACES after it
    uint8_t out[8]          # cards removed or bounced in this turn, in order
    uint8_t bar[2]          # cards admitted in this turn, in order
    int32_t length          # of queue
    int32_t num_out
    int32_t num_bar


cdef inline int32_t strength_of(uint8_t card) noexcept nogil:
    return card & STRENGTH_BITS


cdef inline int32_t owner_of(uint8_t card) noexcept nogil:
    return (card & CARD_BITS) >> OWNER_SHIFT


cdef inline int32_t first_parameter(int32_t r) noexcept nogil:
    """Of the parameter index `r`: p, or -1 if there is none."""
    return (r - 1) // 6 if r else -1


cdef inline int32_t second_parameter(int32_t r) noexcept nogil:
    """Of the parameter index `r`: s, or -1 if there is none."""
    return (r - 1) % 6 - 1 if r else -1


cdef uint32_t legal_parameters(const uint8_t *queue, int32_t length, int32_t strength, bint idle) noexcept nogil
cdef void play_ability(Turn *t, uint8_t card, int32_t r) noexcept nogil
cdef void recurring_pass(Turn *t, bint one_step) noexcept nogil
cdef void five_check(Turn *t) noexcept nogil
cdef void play_turn(Turn *t, const uint8_t *queue, int32_t length, uint8_t card, int32_t r,
                    bint one_step) noexcept nogil
