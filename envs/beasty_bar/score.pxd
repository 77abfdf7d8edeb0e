"""What a turn of Beasty Bar is worth to the mover: one weighted sum for all scripted opponents.

"mine" is the mover's, "theirs" anybody else's; the weights select from four parts:
    position    bar, queue, `out` and hand after the turn, in points of the cards
    instinct    what the card played should achieve
    reaction    what the card played meets in the queue before the turn
    outcome     what the turn changes; counted where the weight `queue` is not 0
It knows what the mover's seat may know; the one card that is drawn adds the same to every action.
"""
from libc.stdint cimport int32_t, uint32_t

from envs.beasty_bar.state cimport BeastyBar

cdef extern from *:
    """
    typedef struct {
        double bar, front, back, out, hand;             /* position; front and back of the queue */
        double skunk;                                   /* factor on the points of skunks there, 1: as others */
        double instinct, reaction;                      /* factors on these parts */
        double noise;                                   /* standard deviation, added by the caller */
        double gained_mine, gained_theirs, lost_mine, lost_theirs, queue, front_two, threats;   /* outcome ... */
        double parrot, spray, gang, early, late;        /* ... by the card played */
    } BeastyWeights;
    """
    ctypedef struct Weights "BeastyWeights":
        double bar, front, back, out, hand, skunk, instinct, reaction, noise
        double gained_mine, gained_theirs, lost_mine, lost_theirs, queue, front_two, threats
        double parrot, spray, gang, early, late

cdef struct Before:
    const BeastyBar *s
    int32_t me
    double settled          # position value of bar, out and hand, with the card drawn, before one is played
    uint32_t seen           # species of theirs in bar, out and queue, a bit each

cdef Before look(const BeastyBar *s, int32_t me, const Weights *w) noexcept nogil
cdef double score(const Before *b, int32_t action, const Weights *w) noexcept nogil
