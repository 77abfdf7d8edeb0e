"""What hazard and pirates do to a ship, on a way or in a place."""
from libc.stdint cimport int32_t

from envs.prospector.draws cimport DECOY_U, PIRATE_HULL_U, PIRATE_LOSS_U, PIRATE_U, Draws, uniform_of
from envs.prospector.elementary cimport clip, logarithm, sigmoid
from envs.prospector.rule_sets cimport RULES
from envs.prospector.state cimport GOODS, Prospector, cargo_value


cdef void pirates(Prospector *s, int32_t dt, double intensity, Draws *draws) noexcept nogil:
    """A check over `dt` ticks; none on the station."""
    cdef double logit, quiet, loss, value, spared = 1
    cdef int32_t c, _tick
    if s.node == 0:
        return
    value = cargo_value(s)
    logit = RULES[s.rules].pirates + 3 * intensity + 2.2 * clip(s.alert / 100.0, 0, 1) - (2.8 if s.escape > 0 else 0)
    if value > 0:
        logit += 0.8 * logarithm(1 + value / 1000)
    quiet = sigmoid(-logit)
    for _tick in range(dt):
        spared *= quiet
    if uniform_of(s, draws, PIRATE_U) >= 1 - spared:
        return
    s.encounters += 1
    loss = 0.08 + 0.12 * uniform_of(s, draws, PIRATE_LOSS_U)
    if s.decoys > 0 and uniform_of(s, draws, DECOY_U) < 0.6:
        s.decoys -= 1
        loss *= 0.3
    for c in range(GOODS):
        s.cargo[c] *= <float>(1 - loss)
    s.stolen += value - cargo_value(s)
    s.hull -= <float>(1 + 3 * uniform_of(s, draws, PIRATE_HULL_U))
    s.alert += 8
