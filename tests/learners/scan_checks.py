"""Checks of the scans over time against their definitions, as `checks.py` describes them.

Every scan in two ways: native code and torch operations. Letters: T transitions, B streams, H heads.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch

from learners import gae, td_lambda, upgo, vtrace
from tests.learners import definitions

Array = npt.NDArray[Any]
CLIPS = definitions.Clips(rho_bar=1.3, c_bar=0.9, rho_pg_bar=0.7)


def same(found: torch.Tensor, expected: Any) -> None:
    """Raises AssertionError unless both are equal to 1e-12 and the first carries no gradient."""
    assert not found.requires_grad
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)


def recursion_inputs(seed: int) -> tuple[Array, Array, Array, Array, Array]:
    """`(rho, discount, reward, value, bootstrap)` with T = 6, B = 4, ratios on both sides of each clip, some ends."""
    rng = np.random.default_rng(seed)
    lead = (6, 4)
    return (np.exp(rng.normal(0, 0.8, lead)), rng.choice([0.0, 0.8, 1.0], lead, p=[0.2, 0.4, 0.4]),
            rng.normal(size=lead), rng.normal(size=lead), rng.normal(size=lead[1]))


def tensors(*arrays: Array, gradient: bool = False) -> list[torch.Tensor]:
    return [torch.tensor(array, requires_grad=gradient) for array in arrays]


def check_recurrence(module: ModuleType, seed: int) -> None:
    """Row by row backwards, for every length up to 19, with coefficients of 0, below 0 and above 1."""
    rng = np.random.default_rng(seed)
    for steps in (*range(1, 10), 16, 19):
        a = rng.choice([0.0, 0.9, 1.0, -0.5, 1.1], (steps, 3, 2))
        b, last = rng.normal(size=(steps, 3, 2)), rng.normal(size=(3, 2))
        expected, x = [], last
        for t in reversed(range(steps)):
            x = b[t] + a[t] * x
            expected.append(x)
        given = tensors(a, b, last)
        same(module.linear_recurrence(*given), expected[::-1])
        for one, other in zip(given, (a, b, last), strict=True):
            same(one, other)        # nothing was written into
    assert module.linear_recurrence(*tensors(a[:0], b[:0], last)).shape == (0, 3, 2)


def check_vtrace(module: ModuleType, seed: int) -> None:
    """Equation (1), every head with traces of its own; nothing carries a gradient."""
    rho, *rest = recursion_inputs(seed)
    for lam in (1.0, 0.6):
        expected = definitions.vtrace(rho, *rest, clips=CLIPS, lam=lam)
        for function in (module.vtrace, module.scan_vtrace):
            for one, other in zip(function(*tensors(rho, *rest), **CLIPS._asdict(), lam=lam), expected, strict=True):
                same(one, other)
    for found in module.vtrace(*tensors(rho, *rest, gradient=True), **CLIPS._asdict(), lam=1.0):
        assert not found.requires_grad
    strided = [torch.stack([x] * 2, -1)[..., 0] for x in tensors(rho, *rest)]
    same(module.vtrace(*strided, **CLIPS._asdict(), lam=0.6)[0], expected[0])
    heads = per_head(rho, seed)
    found = module.vtrace(*tensors(heads, *rest), **CLIPS._asdict(), lam=0.6)
    for h in range(heads.shape[-1]):
        alone = definitions.vtrace(heads[..., h], *rest, clips=CLIPS, lam=0.6)
        for one, other in zip(found, alone, strict=True):
            assert one.shape == heads.shape
            same(one[..., h], other)
    check_route(module, "vtrace", 5, CLIPS._asdict() | {"lam": 0.6})


def check_upgo(module: ModuleType, seed: int) -> None:
    """n-step returns up to the first later step that went worse than expected, in each head; no gradient."""
    rho, *rest = recursion_inputs(seed)
    expected = definitions.upgo(rho, *rest, rho_bar=1.3)
    for function in (module.upgo, module.scan_upgo):
        same(function(*tensors(rho, *rest), rho_bar=1.3), expected)
    same(module.upgo(*tensors(rho, *rest)), definitions.upgo(rho, *rest, rho_bar=1.0))
    same(module.upgo(*tensors(rho, *rest, gradient=True), rho_bar=1.3), expected)
    strided = [torch.stack([x] * 2, -1)[..., 0] for x in tensors(rho, *rest)]
    same(module.upgo(*strided, rho_bar=1.3), expected)
    heads = per_head(rho, seed)
    found = module.upgo(*tensors(heads, *rest), rho_bar=1.3)
    assert found.shape == heads.shape
    for h in range(heads.shape[-1]):
        same(found[..., h], definitions.upgo(heads[..., h], *rest, rho_bar=1.3))
    # exactly as well as expected is well enough: the return goes on to the 7 at the end
    column = [np.array(x)[:, None] for x in ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 5.0, 5.0])]
    for function in (module.upgo, module.scan_upgo):
        same(function(*tensors(*column, np.array([6.0])), rho_bar=1.0), [[7.0], [2.0], [2.0]])
    check_route(module, "upgo", 5, {"rho_bar": 1.3})


def check_gae(module: ModuleType, seed: int) -> None:
    """The discounted sum of errors; with the value added, the lambda-return; no gradient."""
    inputs = recursion_inputs(seed)[1:]
    for lam in (0.0, 0.7, 1.0):
        expected = definitions.gae(*inputs, lam=lam)
        for function in (module.gae, module.scan_gae):
            same(function(*tensors(*inputs), lam=lam), expected)
        np.testing.assert_allclose(expected + inputs[2], definitions.td_lambda(*inputs, lam=lam), atol=1e-12)
    same(module.gae(*tensors(*inputs, gradient=True), lam=1.0), expected)
    same(module.gae(*(torch.stack([x] * 2, -1)[..., 0] for x in tensors(*inputs)), lam=1.0), expected)
    check_route(module, "gae", 4, {"lam": 0.7})


def check_td_lambda(module: ModuleType, seed: int) -> None:
    """The mean of n-step returns; no gradient."""
    inputs = recursion_inputs(seed)[1:]
    for lam in (0.0, 0.7, 1.0):
        expected = definitions.td_lambda(*inputs, lam=lam)
        for function in (module.td_lambda, module.scan_td_lambda):
            same(function(*tensors(*inputs), lam=lam), expected)
    same(module.td_lambda(*tensors(*inputs, gradient=True), lam=1.0), expected)
    same(module.td_lambda(*(torch.stack([x] * 2, -1)[..., 0] for x in tensors(*inputs)), lam=1.0), expected)
    check_route(module, "td_lambda", 4, {"lam": 0.7})


def check_route(module: ModuleType, name: str, tensor_count: int, settings: dict[str, float]) -> None:
    """Where the tensors are not on the CPU, the scan gets all of them, in order, with the settings, through `run_scan`.

    No values are needed for that: torch's meta device stands for any other.
    """
    given = [torch.empty(6, 4, device="meta", requires_grad=True) for _ in range(tensor_count - 1)]
    given.append(torch.empty(4, device="meta"))
    with patch.object(module, "run_scan", wraps=module.run_scan) as run_scan:
        getattr(module, name)(*given, **settings)
    [call] = run_scan.call_args_list
    scan, *passed = call.args
    assert scan is getattr(module, f"scan_{name}")
    assert [x.untyped_storage()._cdata for x in passed] == [x.untyped_storage()._cdata for x in given]
    assert not any(x.requires_grad for x in passed)
    assert call.kwargs == settings


def check_truncation(module: ModuleType, seed: int) -> None:
    """With neutral rows every scan over the whole stream equals the definition applied to each game alone."""
    rho, *rest = recursion_inputs(seed)
    value, bootstrap = rest[2:]
    valid = np.random.default_rng(seed + 1).random(rho.shape) < 0.7
    decided, neutral = torch.tensor(valid), torch.tensor(~valid)
    rows = module.neutralise(*tensors(valid.astype(np.float64), rho, *rest[:-1]))
    for scan, definition in SCANS.values():
        found = scan(*rows, *tensors(value, bootstrap))
        same(found[decided], definitions.each_game(definition, valid, rho, *rest)[valid])
    v = vtrace.vtrace(*rows, *tensors(value, bootstrap), **CLIPS._asdict(), lam=0.8)[0]
    same(v[neutral], value[~valid])
    same(rows[0][neutral], 1.0)
    heads = per_head(rho, seed)
    by_head = module.neutralise(*tensors(valid.astype(np.float64), heads, *rest[:-1]))[0]
    same(by_head[decided], heads[valid])
    same(by_head[neutral], np.ones((np.sum(~valid), 3)))


def check_per_head(module: ModuleType, seed: int) -> None:
    """Rows get the heads as last axis; as streams, head h of stream b is column b H + h."""
    rho, discount, *_, bootstrap = recursion_inputs(seed)
    given = tensors(discount, bootstrap)
    for one, other in zip(module.spread(torch.tensor(rho), *given), given, strict=True):
        assert one is other
    heads = torch.tensor(per_head(rho, seed))
    spread = module.spread(heads, *given)
    for h in range(3):
        same(spread[0][..., h], discount)
        same(spread[1][..., h], bootstrap)
    columns = module.as_streams(heads, *spread)
    assert [column.shape for column in columns] == [(6, 12), (6, 12), (12,)]
    for b, h in np.ndindex(4, 3):
        same(heads[:, b, h], columns[0][:, b * 3 + h])
        np.testing.assert_array_equal(columns[1][:, b * 3 + h], discount[:, b])
        assert columns[2][b * 3 + h] == bootstrap[b]
    for wrong in (torch.ones(3), torch.ones(2, 2, 2, 2)):
        try:
            module.spread(wrong, *given)
        except ValueError as error:
            assert str(error) == f"rho must be [T, B] or [T, B, H], got shape {list(wrong.shape)}"  # noqa: PT017
        else:
            raise AssertionError("no error")


def check_compiled_scan(module: ModuleType, seed: int) -> None:
    """Compiled on CUDA only; what does not compile runs as it is, with one note and one attempt.

    Dynamo's backend "eager" stands for the compiler: it fails where a scan is not one graph, and takes no time.
    """
    x = torch.tensor(np.random.default_rng(seed).normal(size=4)).abs()

    def scan(x: torch.Tensor, *, factor: float) -> torch.Tensor:
        return factor * x.cumsum(0)

    def depends_on_values(x: torch.Tensor, *, factor: float) -> torch.Tensor:
        return factor * x if x.sum() > 0 else x

    def raises(x: torch.Tensor, *, factor: float) -> torch.Tensor:
        raise ValueError("what the scan says")

    quick = partial(torch.compile, backend="eager")
    with patch.object(torch, "compile", side_effect=quick) as compile_, patch.object(module, "log") as log:
        same(module.run_scan(scan, x, factor=2.0), 2 * np.cumsum(x.numpy()))
        assert not compile_.called
        for _ in range(2):
            same(module.compile_and_run(scan, x, factor=2.0), 2 * np.cumsum(x.numpy()))
        assert compile_.call_count == 1
        assert not log.warning.called
        for _ in range(2):
            same(module.compile_and_run(depends_on_values, x, factor=2.0), 2 * x.numpy())
        assert compile_.call_count == 2
        [note] = log.warning.call_args_list
        assert re.fullmatch(r"depends_on_values runs uncompiled: \w+: \S.*\S", note.args[0] % note.args[1:])
        for count in (3, 3):
            try:
                module.compile_and_run(raises, x, factor=2.0)
            except ValueError as error:
                assert str(error) == "what the scan says"  # noqa: PT017
            else:
                raise AssertionError("no error")
            assert compile_.call_count == count
        assert log.warning.call_count == 1
    with patch.object(module, "compile_and_run") as compile_and_run:
        on_cuda = SimpleNamespace(device=torch.device("cuda", 0))
        module.run_scan(scan, on_cuda, factor=2.0)
        compile_and_run.assert_called_once_with(scan, on_cuda, factor=2.0)


def per_head(rho: Array, seed: int) -> Array:
    """Ratios `[T, B, 3]`, different in every head."""
    return np.exp(np.random.default_rng(seed + 2).normal(0, 0.8, (*rho.shape, 3)))


SCANS: dict[str, tuple[Callable[..., torch.Tensor], Callable[..., Array]]] = {
    "vtrace target": (
        lambda *rows: vtrace.vtrace(*rows, **CLIPS._asdict(), lam=0.8)[0],
        lambda *rows: definitions.vtrace(*rows, clips=CLIPS, lam=0.8)[0],
    ),
    "vtrace advantage": (
        lambda *rows: vtrace.vtrace(*rows, **CLIPS._asdict(), lam=0.8)[1],
        lambda *rows: definitions.vtrace(*rows, clips=CLIPS, lam=0.8)[1],
    ),
    "upgo": (
        lambda *rows: upgo.upgo(*rows, rho_bar=1.3),
        lambda *rows: definitions.upgo(*rows, rho_bar=1.3),
    ),
    "gae": (
        lambda _, *rows: gae.gae(*rows, lam=0.7),
        lambda _, *rows: definitions.gae(*rows, lam=0.7),
    ),
    "td_lambda": (
        lambda _, *rows: td_lambda.td_lambda(*rows, lam=0.7),
        lambda _, *rows: definitions.td_lambda(*rows, lam=0.7),
    ),
}
"""What the learner calls, beside its definition, both of `(rho, discount, reward, value, bootstrap)`."""

CHECKS: dict[str, Callable[[ModuleType, int], None]] = {
    "recurrence": check_recurrence,
    "compiled_scan": check_compiled_scan,
    "vtrace": check_vtrace,
    "upgo": check_upgo,
    "gae": check_gae,
    "td_lambda": check_td_lambda,
    "truncation": check_truncation,
    "per_head": check_per_head,
}
"""Module of learners/ and its check."""
