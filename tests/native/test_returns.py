"""The returns kernels agree with their definitions, in both precisions, and name the argument that does not fit."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from native import returns
from tests.native.returns_definition import check_gae, check_td_lambda, check_upgo, check_vtrace, draw

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_vtrace_is_its_definition(seed: int) -> None:
    check_vtrace(returns, seed)


@given(SEEDS)
def test_upgo_is_its_definition(seed: int) -> None:
    check_upgo(returns, seed)


@given(SEEDS)
def test_gae_is_its_definition(seed: int) -> None:
    check_gae(returns, seed)


@given(SEEDS)
def test_td_lambda_is_its_definition(seed: int) -> None:
    check_td_lambda(returns, seed)


def every_kernel(arrays: tuple[npt.NDArray[Any], ...]) -> list[npt.NDArray[Any]]:
    rho, *rest = arrays
    return [
        *returns.vtrace(rho, *rest, rho_bar=1.5, c_bar=0.9, rho_pg_bar=2.0, lam=0.95),
        returns.upgo(rho, *rest, rho_bar=1.5),
        returns.gae(*rest, lam=0.95),
        returns.td_lambda(*rest, lam=0.95),
    ]


@given(SEEDS)
def test_float32_is_float64_rounded(seed: int) -> None:
    unroll, _ = draw(seed)
    single = every_kernel(tuple(array.astype(np.float32) for array in unroll))
    for one, other in zip(single, every_kernel(unroll), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4)


def test_long_rows_agree_with_short_ones() -> None:
    """Vectorised loops and their remainders: column b of a wide unroll is what b gives alone."""
    rng = np.random.default_rng(0)
    for size in (1, 3, 4, 7, 33, 130):
        wide = tuple(rng.uniform(0.1, 2.0, (6, size)).astype(np.float32) for _ in range(4))
        bootstrap = rng.normal(size=size).astype(np.float32)
        together = every_kernel((*wide, bootstrap))
        for b in range(size):
            alone = every_kernel((*(np.ascontiguousarray(a[:, b : b + 1]) for a in wide), bootstrap[b : b + 1].copy()))
            for one, other in zip(together, alone, strict=True):
                np.testing.assert_allclose(one[:, b : b + 1], other, rtol=1e-6, atol=1e-6)


def test_nan_ratio_is_not_hidden_by_the_clip() -> None:
    one = np.ones((2, 3))
    rho = one.copy()
    rho[1, 1] = np.nan
    target, advantage = returns.vtrace(rho, one, one, one, one[0].copy())
    assert np.isnan(target[:, 1]).all()
    assert np.isnan(advantage[:, 1]).all()
    assert np.isfinite(target[:, [0, 2]]).all()


def test_given_outputs_are_filled_and_returned() -> None:
    unroll, _ = draw(3)
    outputs = [np.empty_like(unroll.value) for _ in range(2)]
    target, advantage = returns.vtrace(*unroll, target=outputs[0], advantage=outputs[1])
    assert target is outputs[0]
    assert advantage is outputs[1]
    for one, other in zip(outputs, returns.vtrace(*unroll), strict=True):
        np.testing.assert_array_equal(one, other)
    out = np.empty_like(unroll.value)
    assert returns.upgo(*unroll, advantage=out) is out
    np.testing.assert_array_equal(out, returns.upgo(*unroll))
    assert returns.gae(*unroll[1:], lam=0.9, advantage=out) is out
    np.testing.assert_array_equal(out, returns.gae(*unroll[1:], lam=0.9))
    assert returns.td_lambda(*unroll[1:], lam=0.9, target=out) is out
    np.testing.assert_array_equal(out, returns.td_lambda(*unroll[1:], lam=0.9))


def test_no_steps_give_nothing() -> None:
    empty = np.zeros((0, 3))
    assert returns.td_lambda(empty, empty, empty, np.zeros(3), lam=0.5).shape == (0, 3)


ARGUMENTS = ("rho", "discount", "reward", "value", "bootstrap", "target", "advantage")
SPOILT: dict[str, Callable[[npt.NDArray[Any]], Any]] = {
    "another dtype": lambda array: array.astype(np.float32),
    "one row more": lambda array: np.concatenate([array, array[:1]]),
    "a list": lambda array: array.tolist(),
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "byte order": lambda array: array.astype(array.dtype.newbyteorder()),
}


@pytest.mark.parametrize("spoil", SPOILT)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_wrong_array_is_named(name: str, spoil: str) -> None:
    arguments: dict[str, Any] = {
        key: np.ones(5 if key == "bootstrap" else (4, 5)) for key in ARGUMENTS
    }
    arguments[name] = SPOILT[spoil](arguments[name])
    # Everything is measured against value: what is wrong with value shows at another argument.
    with pytest.raises(ValueError, match=r"^\w+ must be" if name == "value" else f"^{name} must be"):
        returns.vtrace(**arguments)


@pytest.mark.parametrize("other", ["rho", "discount", "reward", "value", "bootstrap", "target"])
def test_overlapping_output_is_refused(other: str) -> None:
    memory = np.ones(30)
    arguments: dict[str, Any] = {key: np.ones((4, 5)) for key in ARGUMENTS}
    arguments["bootstrap"] = np.ones(5)
    arguments["advantage"] = memory[4:24].reshape(4, 5)
    arguments[other] = memory[:5] if other == "bootstrap" else memory[:20].reshape(4, 5)
    with pytest.raises(ValueError, match=f"^advantage overlaps with {other}$"):
        returns.vtrace(**arguments)


def test_read_only_output_is_refused() -> None:
    unroll, _ = draw(1)
    out = np.empty_like(unroll.value)
    out.flags.writeable = False
    with pytest.raises(ValueError, match=r"^target must be writeable"):
        returns.td_lambda(*unroll[1:], lam=0.5, target=out)


def test_wrong_numbers_are_named() -> None:
    unroll, _ = draw(2)
    for lam in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=r"^lam must be 0 to 1, got"):
            returns.gae(*unroll[1:], lam=lam)
    for name in ("rho_bar", "c_bar", "rho_pg_bar"):
        wrong: dict[str, Any] = {name: 0.0}
        with pytest.raises(ValueError, match=rf"^{name} must be above 0, got 0\.0"):
            returns.vtrace(*unroll, **wrong)
    with pytest.raises(ValueError, match=r"^rho_bar must be above 0, got -1\.0"):
        returns.upgo(*unroll, rho_bar=-1)
    with pytest.raises(ValueError, match=r"^rho must be"):
        returns.upgo(unroll.rho[:0], *unroll[1:])
    with pytest.raises(ValueError, match=r"^advantage overlaps with rho$"):
        returns.upgo(*unroll, advantage=unroll.rho)
