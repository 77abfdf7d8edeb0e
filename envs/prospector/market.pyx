"""Selling to the station, and how its prices move."""
from libc.math cimport sqrt
from libc.stdint cimport int32_t

from envs.prospector.draws cimport MARKET_NOISE_Z, Draws, given
from envs.prospector.elementary cimport clip, eight_normals, exponential, sine
from envs.prospector.prices cimport PRICES
from envs.prospector.state cimport GOODS, Prospector


cdef void sell(Prospector *s, int32_t c, double part) noexcept nogil:
    cdef double sold = s.cargo[c] * part, stock = s.inventory[c]
    cdef double ratio = sold / (stock + sold if stock + sold > 1 else 1)
    cdef double slippage = clip(0.25 * ratio + 0.2 * sqrt(ratio), 0, 0.7)
    s.credits += sold * s.price[c] * (1 - slippage)
    s.cargo[c] -= <float>sold
    s.inventory[c] += <float>sold
    s.sales[c] += <float>sold


cdef void trade(Prospector *s, int32_t dt, Draws *draws) noexcept nogil:
    """Prices follow their cycle, the stock and recent sales, with noise that is not kept; sales and stock fade."""
    cdef float z[8]
    cdef double cycle[GOODS]
    cdef double noise = 0.03 * sqrt(<double>dt), fade = exponential(-dt / 14.0), price
    cdef int32_t c
    if draws == NULL:
        eight_normals(&s.rng, z)
    else:
        for c in range(GOODS):
            z[c] = <float>given(draws, MARKET_NOISE_Z)
    for c in range(GOODS):
        cycle[c] = sine((s.ticks + dt) * s.rate[c] + s.offset[c])
    for c in range(GOODS):
        s.previous[c] = s.price[c]
        price = PRICES.base[c] * (1 + noise * z[c]) + s.swing[c] * cycle[c]
        price -= 0.04 * s.inventory[c] + 0.05 * s.sales[c]
        s.price[c] = <float>clip(price, PRICES.least[c], PRICES.most[c])
        s.sales[c] *= <float>fade
        s.inventory[c] *= <float>0.998
