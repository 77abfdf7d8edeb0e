"""CartPole (Barto, Sutton, Anderson 1983), equal to Gymnasium's `CartPole-v1` step for step; one seat.

Action 0 pushes the cart to the left, 1 to the right, with 10 N for one step of 0.02 s. Reward 1 for every step, the
last one included. The game ends when the cart is more than 2.4 m from the middle or the pole more than 12 degrees from
upright. Nothing else ends it: a vector of games truncates after 500 steps, and a single state refuses to go on after
1000, so that every game has a bound.

Observation `[4]` float32: place of the cart (m), its speed (m/s), angle of the pole (rad, to the right), its angular
speed (rad/s). The steps taken are not shown, as in Gymnasium: a truncated game is bootstrapped from, not lost.
"""
import math

from libc.math cimport M_PI, cos, fabs, sin
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from native.game cimport FLOAT32, STOCHASTIC, TERMINAL, Game, GameTable, State, new_game
from native.random cimport derive, mix, uniform

cdef struct CartPole:
    double x            # m
    double x_dot        # m/s
    double theta        # rad
    double theta_dot    # rad/s
    int64_t steps       # taken

cdef enum:
    TIME_LIMIT = 500
    MAX_LENGTH = 1000
    WORDS = 5           # of 64 bits in a state

cdef double GRAVITY = 9.8                   # m/s^2
cdef double POLE_MASS = 0.1                 # kg
cdef double TOTAL_MASS = 0.1 + 1.0          # kg
cdef double LENGTH = 0.5                    # m, half the pole
cdef double POLE_MASS_LENGTH = 0.1 * 0.5
cdef double FORCE = 10.0                    # N
cdef double TAU = 0.02                      # s per step
cdef double MOST_X = 2.4                    # m
cdef double MOST_THETA = 12 * 2 * M_PI / 360
