"""The numbers in which the rule sets of Prospector differ; `rules` tells why."""

cdef extern from *:
    """
    typedef struct {
        double fracture;        /* logit of a fracture, before what raises or lowers it */
        double fracture_hull;   /* hull that one costs, at most */
        double pirates;         /* logit of an encounter per tick, before what raises or lowers it */
        double calm;            /* alert that goes away per tick */
        double mend;            /* hull that the station repairs per tick */
        double refined;         /* isotopes for a unit of iron or nickel */
        double damage;          /* penalty for ten points of hull */
        double stolen;          /* penalty for 1000 credits lost to pirates */
        double stranded;        /* penalty */
        double destroyed;       /* penalty */
        double price_scale;     /* prices are shown as parts of this * base price, at most 1 */
        int cash_out_ticks;     /* cashing out is invalid before this tick */
        int once;               /* 1: a trip is charged for the way alone */
        int strict;             /* 1: cash out at the station only, sell and jettison something, forget the
                                   stabilised slots on leaving */
    } ProspectorRules;
    static const ProspectorRules prospector_rules[2] = {        /* compat, balanced */
        {-3.1, 12, -4.0, 0.0, 0, 0.65, 1.0, 1.00, 50, 100, 1,   0, 0, 0},
        {-4.3,  8, -5.2, 1.5, 3, 0.30, 0.1, 0.02,  3,   5, 2, 200, 1, 1},
    };
    """
    ctypedef struct Rules "ProspectorRules":
        double fracture
        double fracture_hull
        double pirates
        double calm
        double mend
        double refined
        double damage
        double stolen
        double stranded
        double destroyed
        double price_scale
        int cash_out_ticks
        int once
        int strict
    const Rules[2] RULES "prospector_rules"
