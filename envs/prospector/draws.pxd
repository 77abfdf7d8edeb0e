"""Where a step takes its random numbers: from the state's generator, or in order from outside (`Draws`)."""
from libc.stdint cimport int32_t

from envs.prospector.elementary cimport normal
from envs.prospector.state cimport Prospector
from native.random cimport uniform

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


cdef inline double given(Draws *draws, int32_t kind) noexcept nogil:
    """The next of the numbers from outside, if it is of this kind."""
    if draws.at >= draws.count or draws.kinds[draws.at] != kind:
        draws.wrong = 1
        return 0.5
    draws.at += 1
    return draws.values[draws.at - 1]


cdef inline double uniform_of(Prospector *s, Draws *draws, int32_t kind) noexcept nogil:
    return uniform(&s.rng) if draws == NULL else given(draws, kind)


cdef inline double normal_of(Prospector *s, Draws *draws, int32_t kind) noexcept nogil:
    return normal(&s.rng) if draws == NULL else given(draws, kind)
