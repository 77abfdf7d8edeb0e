"""Prices of the six commodities, in credits."""

cdef extern from *:
    """
    typedef struct { double base[6], least[6], most[6]; } ProspectorPrices;
    static const ProspectorPrices prospector_prices = {
        {45, 55, 85, 145, 210, 120}, {12, 15, 20, 50, 80, 30}, {180, 200, 240, 320, 420, 300},
    };
    """
    ctypedef struct Prices "ProspectorPrices":
        double[6] base      # the market swings around these
        double[6] least
        double[6] most
    const Prices PRICES "prospector_prices"
