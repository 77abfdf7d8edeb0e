"""Linear recurrences backwards in time, in O(log T) tensor operations (Hillis & Steele 1986, "Data parallel
algorithms", Communications of the ACM 29(12)).

Two steps are one step: x_t = b_t + a_t (b_{t+1} + a_{t+1} x_{t+2}). So every round doubles how many rows each row looks
ahead. Nothing is divided: coefficients may be 0. Letters: T rows, any shape after them.
"""
from __future__ import annotations

import torch


def linear_recurrence(a: torch.Tensor, b: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """x with `x_t = b_t + a_t x_{t+1}` and `x_T = last`; shape of b. a and b: `[T, ...]`, last: `[...]`."""
    if not len(b):
        return b
    x = torch.cat([b[:-1], (b[-1] + a[-1] * last)[None]])
    reach = 1       # row t of x is right up to row t + reach; row t of a is the product of the a of those rows
    while reach < len(b):
        x = torch.cat([x[:-reach] + a[:len(b) - reach] * x[reach:], x[-reach:]])
        a = a[:-reach] * a[reach:]
        reach *= 2
    return x
