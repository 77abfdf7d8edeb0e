"""One decision of Prospector: which are valid, and what one does."""
from libc.stdint cimport int32_t, uint8_t

from envs.prospector.state cimport Prospector

cdef enum:                  # kinds of random numbers: `_U` uniform in [0, 1), `_Z` standard normal
    EDGE_HAZARD_U = 0
    NODE_HAZARD_U = 1
    PIRATE_U = 2
    PIRATE_LOSS_U = 3
    DECOY_U = 4
    PIRATE_HULL_U = 5
    FRACTURE_U = 6
    FRACTURE_SEVERITY_U = 7
    MINE_NOISE_Z = 8
    LISTEN_Z = 9
    SCAN_STAB_Z = 10
    SCAN_COMP_Z = 11        # six in a row
    MARKET_NOISE_Z = 12     # six in a row

cdef struct Draws:          # random numbers from outside, in order
    const double *values
    const int32_t *kinds    # which kinds they are
    int32_t count
    int32_t at
    int32_t wrong           # 1: another kind was asked for than was next, or there were no more

cdef void valid_actions(const Prospector *s, uint8_t *mask) noexcept nogil
cdef void decide(Prospector *s, int32_t action, bint valid, Draws *draws) noexcept nogil
