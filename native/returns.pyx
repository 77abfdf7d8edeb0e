"""Targets and advantages of unrolls, backwards in time: V-trace, UPGO, GAE, TD(lambda).

Shapes: `T` steps, `B` trajectories. Every array is `[T, B]`, C-contiguous, all float32 or all float64; `bootstrap` is
`[B]`, the value of the state after the last step. `discount` is gamma, or 0 where the episode ended at that step.
"""
import numpy as np

from numpy cimport ndarray

from native.arrays cimport address, check_array, described, overlap

ctypedef fused real:
    float
    double

# A row of one time step is one loop; with one array written, C compilers vectorise it on their own.


cdef extern from *:
    """
    /* Two arrays written in one pass: `restrict` is what lets compilers vectorise that. `inputs` are of one step. */
    #define DEFINE_VTRACE_ROW(name, real) \\
    static void name( \\
        Py_ssize_t size, const real *restrict rho, const real *restrict discount, const real *restrict reward, \\
        const real *restrict value, const real *restrict next_value, const real *restrict next_target, \\
        real rho_bar, real c_bar, real rho_pg_bar, real lam, real *restrict target, real *restrict advantage) \\
    { \\
        for (Py_ssize_t b = 0; b < size; b++) { \\
            real ratio = rho[b], gamma = discount[b], surplus = reward[b] - value[b]; \\
            real rho_s = rho_bar < ratio ? rho_bar : ratio, c_s = lam * (c_bar < ratio ? c_bar : ratio); \\
            real rho_pg = rho_pg_bar < ratio ? rho_pg_bar : ratio; \\
            /* Section 4.2: rho_s (r_s + gamma v_{s+1} - V(x_s)) */ \\
            advantage[b] = rho_pg * (surplus + gamma * next_target[b]); \\
            /* Remark 1: v_s = V(x_s) + delta_s V + gamma c_s (v_{s+1} - V(x_{s+1})) */ \\
            real delta = rho_s * (surplus + gamma * next_value[b]); \\
            target[b] = value[b] + delta + gamma * c_s * (next_target[b] - next_value[b]); \\
        } \\
    }
    DEFINE_VTRACE_ROW(vtrace_row_float, float)
    DEFINE_VTRACE_ROW(vtrace_row_double, double)

    /* `better` holds what this step bootstraps from, and afterwards what the step before it does. */
    #define DEFINE_UPGO_ROW(name, real) \\
    static void name( \\
        Py_ssize_t size, const real *restrict rho, const real *restrict discount, const real *restrict reward, \\
        const real *restrict value, const real *restrict next_value, real rho_bar, \\
        real *restrict better, real *restrict advantage) \\
    { \\
        for (Py_ssize_t b = 0; b < size; b++) { \\
            real ratio = rho[b], gamma = discount[b], gain = reward[b] + gamma * better[b]; \\
            real expected = reward[b] + gamma * next_value[b]; \\
            advantage[b] = (rho_bar < ratio ? rho_bar : ratio) * (gain - value[b]); \\
            better[b] = expected >= value[b] ? gain : value[b]; \\
        } \\
    }
    DEFINE_UPGO_ROW(upgo_row_float, float)
    DEFINE_UPGO_ROW(upgo_row_double, double)
    """
    void vtrace_row_float(
        Py_ssize_t size, const float *rho, const float *discount, const float *reward, const float *value,
        const float *next_value, const float *next_target, float rho_bar, float c_bar, float rho_pg_bar, float lam,
        float *target, float *advantage
    ) noexcept nogil
    void vtrace_row_double(
        Py_ssize_t size, const double *rho, const double *discount, const double *reward, const double *value,
        const double *next_value, const double *next_target, double rho_bar, double c_bar, double rho_pg_bar,
        double lam, double *target, double *advantage
    ) noexcept nogil
    void upgo_row_float(
        Py_ssize_t size, const float *rho, const float *discount, const float *reward, const float *value,
        const float *next_value, float rho_bar, float *better, float *advantage
    ) noexcept nogil
    void upgo_row_double(
        Py_ssize_t size, const double *rho, const double *discount, const double *reward, const double *value,
        const double *next_value, double rho_bar, double *better, double *advantage
    ) noexcept nogil


cdef void gae_row(
    Py_ssize_t size, const real *discount, const real *reward, const real *value,
    const real *next_value, const real *next_advantage, real lam, real *advantage
) noexcept nogil:
    cdef Py_ssize_t b
    for b in range(size):
        # Equation 16: A_t = delta_t + gamma lambda A_{t+1}
        advantage[b] = (reward[b] + discount[b] * next_value[b] - value[b]) + discount[b] * lam * next_advantage[b]


cdef void td_lambda_row(
    Py_ssize_t size, const real *discount, const real *reward,
    const real *next_value, const real *next_target, real lam, real *target
) noexcept nogil:
    cdef Py_ssize_t b
    cdef real rest = 1 - lam
    for b in range(size):
        target[b] = reward[b] + discount[b] * (rest * next_value[b] + lam * next_target[b])


cdef void vtrace_loop(
    Py_ssize_t steps, Py_ssize_t size, const real *rho, const real *discount, const real *reward, const real *value,
    const real *bootstrap, real rho_bar, real c_bar, real rho_pg_bar, real lam, real *target, real *advantage
) noexcept nogil:
    cdef const real *next_value = bootstrap
    cdef const real *next_target = bootstrap
    cdef Py_ssize_t t, at
    for t in range(steps - 1, -1, -1):
        at = t * size
        if real is float:
            vtrace_row_float(
                size, rho + at, discount + at, reward + at, value + at, next_value, next_target,
                rho_bar, c_bar, rho_pg_bar, lam, target + at, advantage + at
            )
        else:
            vtrace_row_double(
                size, rho + at, discount + at, reward + at, value + at, next_value, next_target,
                rho_bar, c_bar, rho_pg_bar, lam, target + at, advantage + at
            )
        next_value, next_target = value + at, target + at


cdef void upgo_loop(
    Py_ssize_t steps, Py_ssize_t size, const real *rho, const real *discount, const real *reward, const real *value,
    const real *bootstrap, real rho_bar, real *better, real *advantage
) noexcept nogil:
    cdef const real *next_value = bootstrap
    cdef Py_ssize_t t, at
    for t in range(steps - 1, -1, -1):
        at = t * size
        if real is float:
            upgo_row_float(
                size, rho + at, discount + at, reward + at, value + at, next_value, rho_bar, better, advantage + at
            )
        else:
            upgo_row_double(
                size, rho + at, discount + at, reward + at, value + at, next_value, rho_bar, better, advantage + at
            )
        next_value = value + at


cdef void gae_loop(
    Py_ssize_t steps, Py_ssize_t size, const real *discount, const real *reward, const real *value,
    const real *bootstrap, const real *zeros, real lam, real *advantage
) noexcept nogil:
    cdef const real *next_value = bootstrap
    cdef const real *next_advantage = zeros
    cdef Py_ssize_t t, at
    for t in range(steps - 1, -1, -1):
        at = t * size
        gae_row(size, discount + at, reward + at, value + at, next_value, next_advantage, lam, advantage + at)
        next_value, next_advantage = value + at, advantage + at


cdef void td_lambda_loop(
    Py_ssize_t steps, Py_ssize_t size, const real *discount, const real *reward, const real *value,
    const real *bootstrap, real lam, real *target
) noexcept nogil:
    cdef const real *next_value = bootstrap
    cdef const real *next_target = bootstrap
    cdef Py_ssize_t t, at
    for t in range(steps - 1, -1, -1):
        at = t * size
        td_lambda_row(size, discount + at, reward + at, next_value, next_target, lam, target + at)
        next_value, next_target = value + at, target + at


def vtrace(
    rho, discount, reward, value, bootstrap, *,
    double rho_bar=1.0, double c_bar=1.0, double rho_pg_bar=1.0, double lam=1.0, target=None, advantage=None
):
    """`(target, advantage)`, both `[T, B]`: V-trace targets v_s and policy-gradient advantages.

    Espeholt et al. 2018 (IMPALA, arXiv:1802.01561), sections 4.1 and 4.2; lambda multiplies c (Remark 2 there), as
    AlphaStar uses it.

    Args:
        rho: importance ratios pi(a|x) / mu(a|x), unclipped.
        rho_bar, c_bar: clips of the ratio in delta and in the trace.
        rho_pg_bar: clip of the ratio in the advantage min(rho_pg_bar, rho) (r + discount v_{s+1} - V).
        lam: 0 to 1.
        target, advantage: arrays to write into; they must not overlap with any other argument.

    Raises ValueError naming the argument for a wrong shape, dtype or layout.
    """
    for name, bar in (("rho_bar", rho_bar), ("c_bar", c_bar), ("rho_pg_bar", rho_pg_bar)):
        if not bar > 0:
            raise ValueError(f"{name} must be above 0, got {bar}")
    inputs = {"value": value, "rho": rho, "discount": discount, "reward": reward}
    target, advantage = checked(inputs, bootstrap, lam, {"target": target, "advantage": advantage})
    cdef Py_ssize_t steps = value.shape[0], size = value.shape[1]
    if value.dtype == np.float32:
        vtrace_loop[float](
            steps, size, <float *>address(rho), <float *>address(discount), <float *>address(reward),
            <float *>address(value), <float *>address(bootstrap), <float>rho_bar, <float>c_bar, <float>rho_pg_bar,
            <float>lam, <float *>address(target), <float *>address(advantage)
        )
    else:
        vtrace_loop[double](
            steps, size, <double *>address(rho), <double *>address(discount), <double *>address(reward),
            <double *>address(value), <double *>address(bootstrap), rho_bar, c_bar, rho_pg_bar,
            lam, <double *>address(target), <double *>address(advantage)
        )
    return target, advantage


def upgo(rho, discount, reward, value, bootstrap, *, double rho_bar=1.0, advantage=None):
    """Upgoing advantages `[T, B]`: min(rho_bar, rho) (G_t - V_t) (Vinyals et al. 2019, AlphaStar, supplement).

    G_t = r_t + discount_t (G_{t+1} if r_{t+1} + discount_{t+1} V_{t+2} >= V_{t+1} else V_{t+1}); the last step uses the
    bootstrap.

    Args:
        rho: importance ratios pi(a|x) / mu(a|x), unclipped.
        rho_bar: clip of the ratio.
        advantage: array to write into; it must not overlap with any other argument.

    Raises ValueError naming the argument for a wrong shape, dtype or layout.
    """
    if not rho_bar > 0:
        raise ValueError(f"rho_bar must be above 0, got {rho_bar}")
    inputs = {"value": value, "rho": rho, "discount": discount, "reward": reward}
    advantage, = checked(inputs, bootstrap, 1.0, {"advantage": advantage})
    cdef Py_ssize_t steps = value.shape[0], size = value.shape[1]
    better = bootstrap.copy()
    if value.dtype == np.float32:
        upgo_loop[float](
            steps, size, <float *>address(rho), <float *>address(discount), <float *>address(reward),
            <float *>address(value), <float *>address(bootstrap), <float>rho_bar, <float *>address(better),
            <float *>address(advantage)
        )
    else:
        upgo_loop[double](
            steps, size, <double *>address(rho), <double *>address(discount), <double *>address(reward),
            <double *>address(value), <double *>address(bootstrap), rho_bar, <double *>address(better),
            <double *>address(advantage)
        )
    return advantage


def gae(discount, reward, value, bootstrap, *, double lam, advantage=None):
    """Generalised advantage estimates `[T, B]` (Schulman et al. 2016, arXiv:1506.02438, equation 16).

    lam: 0 to 1. advantage: array to write into; it must not overlap with any other argument.
    Raises ValueError naming the argument for a wrong shape, dtype or layout.
    """
    inputs = {"value": value, "discount": discount, "reward": reward}
    advantage, = checked(inputs, bootstrap, lam, {"advantage": advantage})
    cdef Py_ssize_t steps = value.shape[0], size = value.shape[1]
    zeros = np.zeros_like(bootstrap)
    if value.dtype == np.float32:
        gae_loop[float](
            steps, size, <float *>address(discount), <float *>address(reward), <float *>address(value),
            <float *>address(bootstrap), <float *>address(zeros), <float>lam, <float *>address(advantage)
        )
    else:
        gae_loop[double](
            steps, size, <double *>address(discount), <double *>address(reward), <double *>address(value),
            <double *>address(bootstrap), <double *>address(zeros), lam, <double *>address(advantage)
        )
    return advantage


def td_lambda(discount, reward, value, bootstrap, *, double lam, target=None):
    """TD(lambda) returns `[T, B]`: G_t = r_t + discount_t ((1 - lambda) V_{t+1} + lambda G_{t+1}).

    Sutton and Barto 2018, section 12.1, in the recursive form. lam: 0 to 1. target: array to write into; it must not
    overlap with any other argument. Raises ValueError naming the argument for a wrong shape, dtype or layout.
    """
    inputs = {"value": value, "discount": discount, "reward": reward}
    target, = checked(inputs, bootstrap, lam, {"target": target})
    cdef Py_ssize_t steps = value.shape[0], size = value.shape[1]
    if value.dtype == np.float32:
        td_lambda_loop[float](
            steps, size, <float *>address(discount), <float *>address(reward), <float *>address(value),
            <float *>address(bootstrap), <float>lam, <float *>address(target)
        )
    else:
        td_lambda_loop[double](
            steps, size, <double *>address(discount), <double *>address(reward), <double *>address(value),
            <double *>address(bootstrap), lam, <double *>address(target)
        )
    return target


cdef list checked(dict inputs, bootstrap, double lam, dict outputs):
    """The outputs, made where None; raises ValueError unless all arguments fit `value`, the first of the inputs."""
    if not 0 <= lam <= 1:
        raise ValueError(f"lam must be 0 to 1, got {lam}")
    value = inputs["value"]
    if not isinstance(value, ndarray) or value.ndim != 2 or value.dtype not in (np.float32, np.float64):
        raise ValueError(f"value must be a float32 or float64 array [T, B], got {described(value)}")
    dtype = value.dtype
    cdef tuple shape = value.shape
    for name, array in inputs.items():
        check_array(name, array, dtype, shape, False)
    check_array("bootstrap", bootstrap, dtype, shape[1:], False)
    cdef list found = []
    for name, array in outputs.items():
        if array is None:
            array = np.empty_like(value)
        else:
            check_array(name, array, dtype, shape, True)
            for other, against in (*inputs.items(), ("bootstrap", bootstrap), *zip(outputs, found)):
                if overlap(array, against):
                    raise ValueError(f"{name} overlaps with {other}")
        found.append(array)
    return found
