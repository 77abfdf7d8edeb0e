"""Scans over time, compiled where that pays: on CUDA one or two kernels in place of dozens.

Compilation happens at the first call, once for the shapes of a run. Where it is not possible, without Triton for
example, the scan runs as it is.
"""
from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import torch

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_compiled: dict[Callable[..., Any], Callable[..., Any]] = {}    # a scan that cannot be compiled stands for itself


def run_scan(scan: Callable[..., Result], *tensors: torch.Tensor, **settings: float) -> Result:
    """`scan(*tensors, **settings)`, compiled if the first tensor is on a CUDA device."""
    if tensors[0].device.type != "cuda":
        return scan(*tensors, **settings)
    return compile_and_run(scan, *tensors, **settings)


def compile_and_run(scan: Callable[..., Result], *tensors: torch.Tensor, **settings: float) -> Result:
    """`scan(*tensors, **settings)` by its compiled version, or by itself from the first failure on, with one note.

    Raises what the scan itself raises.
    """
    function = _compiled.get(scan)
    try:
        if function is not None:
            return function(*tensors, **settings)   # type: ignore[no-any-return]
        function = _compiled[scan] = torch.compile(scan, fullgraph=True)
        with warnings.catch_warnings(action="ignore"):      # of the compiler about itself
            return function(*tensors, **settings)   # type: ignore[no-any-return]
    except Exception as failure:    # compilers fail in many ways
        result = scan(*tensors, **settings)
        _compiled[scan] = scan
        reason = " ".join(" ".join(str(failure).split("\n")[:2]).split())
        log.warning("%s runs uncompiled: %s: %s", scan.__name__, type(failure).__name__, reason)
        return result
