"""The state of a game of Beasty Bar: 168 bytes, places beyond the counts are 0 so that equal states are equal bytes."""
from libc.stdint cimport int32_t, uint8_t

from envs.beasty_bar.turn cimport owner_of, points_of, strength_of

cdef enum:
    SEATS = 4
    HAND = 4
    DECK = 8

cdef struct BeastyBar:
    uint8_t queue[4]        # cards (see turn.pxd), front first
    uint8_t bar[48]         # cards in order of admission
    uint8_t out[48]         # cards in order of removal
    uint8_t hand[4][4]      # strengths by seat
    uint8_t deck[4][8]      # strengths by seat, the next one to be drawn last
    uint8_t num_queue
    uint8_t num_bar
    uint8_t num_out
    uint8_t turn
    uint8_t num_hand[4]
    uint8_t num_deck[4]
    uint8_t active          # seat to act; goes on turning at the end
    uint8_t over
    uint8_t players         # the options of the game from here on
    uint8_t animals         # 1: animals are counted, weaker ones break ties; 0: points are counted
    uint8_t one_step        # 1: official giraffe
    uint8_t spare[3]


cdef inline int32_t cards_left(const BeastyBar *s) noexcept nogil:
    """Cards in the queue, all hands and all decks."""
    cdef int32_t seat, left = s.num_queue
    for seat in range(SEATS):
        left += s.num_hand[seat] + s.num_deck[seat]
    return left


cdef inline int32_t score_of(const BeastyBar *s, int32_t seat) noexcept nogil:
    """Points, or animals, of a seat's cards in the bar."""
    cdef int32_t i, score = 0
    for i in range(s.num_bar):
        if owner_of(s.bar[i]) == seat:
            score += 1 if s.animals else points_of(strength_of(s.bar[i]))
    return score


cdef inline int32_t standing_of(const BeastyBar *s, int32_t seat) noexcept nogil:
    """What decides the places: the score; where animals are counted, lower total strength breaks ties."""
    cdef int32_t i, standing = 256 * score_of(s, seat)
    if s.animals:
        for i in range(s.num_bar):
            if owner_of(s.bar[i]) == seat:
                standing -= strength_of(s.bar[i])
    return standing
