"""CartPole (Barto, Sutton, Anderson 1983), equal to Gymnasium's `CartPole-v1` step for step; one seat.

Action 0 pushes the cart to the left, 1 to the right, with 10 N for one step of 0.02 s. Reward 1 for every step, the
last one included. The game ends when the cart is more than 2.4 m from the middle or the pole more than 12 degrees from
upright. A vector of games truncates after 500 steps: whoever still balances then is cut off and has not lost. A single
state knows no such limit and ends after 1000 steps, only so that every game has a bound.

Observation `[4]` float32: place of the cart (m, to the right), its speed (m/s), angle of the pole (rad, to the right),
its angular speed (rad/s). The steps taken are not shown.
"""
import math

from libc.math cimport cos, fabs, sin
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from native.game cimport FLOAT32, STOCHASTIC, TERMINAL, Game, GameTable, State, new_game
from native.random cimport derive, mix, uniform

cdef extern from *:
    """
    #define CARTPOLE_GRAVITY 9.8                        /* m/s^2 */
    #define CARTPOLE_POLE_MASS 0.1                      /* kg; the cart has 1 kg */
    #define CARTPOLE_MASS (CARTPOLE_POLE_MASS + 1.0)
    #define CARTPOLE_LENGTH 0.5                         /* m, half the pole */
    #define CARTPOLE_POLE_MOMENT (CARTPOLE_POLE_MASS * CARTPOLE_LENGTH)
    #define CARTPOLE_FORCE 10.0                         /* N */
    #define CARTPOLE_DT 0.02                            /* s */
    #define CARTPOLE_MOST_X 2.4                         /* m */
    #define CARTPOLE_MOST_THETA (12 * 2 * 3.141592653589793 / 360)      /* rad */
    #define CARTPOLE_START 0.05                         /* every number of a start is this at most */
    """
    const double GRAVITY "CARTPOLE_GRAVITY"
    const double POLE_MASS "CARTPOLE_POLE_MASS"
    const double MASS "CARTPOLE_MASS"
    const double LENGTH "CARTPOLE_LENGTH"
    const double POLE_MOMENT "CARTPOLE_POLE_MOMENT"
    const double FORCE "CARTPOLE_FORCE"
    const double DT "CARTPOLE_DT"
    const double MOST_X "CARTPOLE_MOST_X"
    const double MOST_THETA "CARTPOLE_MOST_THETA"
    const double START "CARTPOLE_START"

cdef enum:
    TIME_LIMIT = 500
    MAX_LENGTH = 1000

cdef struct CartPole:
    double x
    double x_dot
    double theta
    double theta_dot
    int64_t steps       # taken


cdef inline bint over(const CartPole *s) noexcept nogil:
    return fabs(s.x) > MOST_X or fabs(s.theta) > MOST_THETA or s.steps >= MAX_LENGTH


cdef inline double start(uint64_t *rng) noexcept nogil:
    return START * (2 * uniform(rng) - 1)


cdef void reset(void *p, uint64_t seed, const double *options) noexcept nogil:
    cdef CartPole *s = <CartPole *>p
    cdef uint64_t rng = derive(seed, 0)
    s.x = start(&rng)
    s.x_dot = start(&rng)
    s.theta = start(&rng)
    s.theta_dot = start(&rng)
    s.steps = 0


cdef int32_t to_act(const void *p) noexcept nogil:
    return TERMINAL if over(<const CartPole *>p) else 0


cdef int32_t legal(const void *p, int32_t player, uint8_t *mask) noexcept nogil:
    mask[0] = mask[1] = player == 0 and not over(<const CartPole *>p)
    return mask[0] + mask[1]


cdef int32_t apply(void *p, const int32_t *action) noexcept nogil:
    """Florian 2007, "Correct equations for the dynamics of the cart-pole system", equations 23 and 24, no friction.

    The operations are Gymnasium's in Gymnasium's order, so that both round alike.
    """
    cdef CartPole *s = <CartPole *>p
    cdef double force, cosine, sine, push, theta_dot_dot, x_dot_dot
    if over(s) or action[0] < 0 or action[0] > 1:
        return -1
    force = FORCE if action[0] == 1 else -FORCE
    cosine, sine = cos(s.theta), sin(s.theta)
    push = (force + POLE_MOMENT * (s.theta_dot * s.theta_dot) * sine) / MASS
    theta_dot_dot = (GRAVITY * sine - cosine * push) / (LENGTH * (4.0 / 3.0 - POLE_MASS * (cosine * cosine) / MASS))
    x_dot_dot = push - POLE_MOMENT * theta_dot_dot * cosine / MASS
    # Euler: places move with the speeds of before the step
    s.x += DT * s.x_dot
    s.x_dot += DT * x_dot_dot
    s.theta += DT * s.theta_dot
    s.theta_dot += DT * theta_dot_dot
    s.steps += 1
    return 0


cdef void observe(const void *p, int32_t player, void *out) noexcept nogil:
    cdef const CartPole *s = <const CartPole *>p
    cdef float *at = <float *>out
    at[0], at[1], at[2], at[3] = <float>s.x, <float>s.x_dot, <float>s.theta, <float>s.theta_dot


cdef void scale(float *out) noexcept nogil:
    """Places by where the game ends, speeds by 3: few are higher."""
    out[0], out[2] = <float>(1 / MOST_X), <float>(1 / MOST_THETA)
    out[1] = out[3] = <float>(1.0 / 3)


cdef void rewards(const void *p, float *out) noexcept nogil:
    out[0] = (<const CartPole *>p).steps > 0


cdef void redeterminize(void *p, int32_t player, uint64_t seed) noexcept nogil:
    pass    # the start is drawn, and seen; after it nothing is


cdef uint64_t key(const void *p) noexcept nogil:
    cdef uint64_t words[5]
    cdef uint64_t found = 0
    cdef int32_t i
    memcpy(words, p, sizeof(CartPole))
    for i in range(5):
        found = mix(found ^ words[i])
    return found


cdef void balancer(const void *p, int32_t player, uint64_t *rng, int32_t *action) noexcept nogil:
    """Pushes to the side to which a weighted sum of the observation leans; never loses from any start."""
    cdef const CartPole *s = <const CartPole *>p
    action[0] = 0.5 * s.x + s.x_dot + 10 * s.theta + 2 * s.theta_dot > 0


def state_at(Game game not None, double x, double x_dot, double theta, double theta_dot, int steps=0):
    """The state with these numbers, as the observation has them, after `steps` steps (0 to 1000).

    Raises ValueError for another game, a number that is not finite, or steps out of range.
    """
    if game.name != "cartpole":
        raise ValueError(f"a state of cartpole was asked of {game.name}")
    for number in (x, x_dot, theta, theta_dot):
        if not math.isfinite(number):
            raise ValueError(f"cartpole: a state is made of finite numbers, got {number}")
    if not 0 <= steps <= MAX_LENGTH:
        raise ValueError(f"cartpole: steps must be 0 to {MAX_LENGTH}, got {steps}")
    cdef State state = game.new_state()
    (<CartPole *>state.memory)[0] = CartPole(x, x_dot, theta, theta_dot, steps)
    return state


def numbers_of(State state not None):
    """`(x, x_dot, theta, theta_dot, steps)` of a state, unrounded. Raises ValueError for another game's."""
    if state.game.name != "cartpole":
        raise ValueError(f"a state of cartpole was expected, got one of {state.game.name}")
    cdef const CartPole *s = <const CartPole *>state.memory
    return s.x, s.x_dot, s.theta, s.theta_dot, s.steps


cdef uint64_t information_key(const void *p, int32_t player) noexcept nogil:
    """Everything is seen; only the start is drawn."""
    return key(p)


def make():
    """The game. It has no options."""
    cdef GameTable table
    memset(&table, 0, sizeof(table))
    table.state_bytes = sizeof(CartPole)
    table.num_players = 1
    table.num_heads = 1
    table.head_sizes[0] = table.num_actions = 2
    table.observation_dims = 1
    table.observation_shape[0] = 4
    table.observation_type = FLOAT32
    table.max_length = MAX_LENGTH
    table.time_limit = TIME_LIMIT
    table.flags = STOCHASTIC
    table.rules_version = 1
    table.num_symmetries = 1
    table.reset, table.to_act, table.legal, table.apply = reset, to_act, legal, apply
    table.observe, table.rewards, table.redeterminize = observe, rewards, redeterminize
    table.key, table.information_key, table.scale = key, information_key, scale
    cdef Game game = new_game(__name__, "cartpole", {}, &table, ())
    game.add_bot("balancer", balancer)
    return game
