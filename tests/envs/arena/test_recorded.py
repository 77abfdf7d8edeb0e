"""The recorded games and the quantiser table: what `rules: compat` must agree with."""
from __future__ import annotations

import json

import numpy as np
import pytest

from envs.arena.actions import dequantise, encode, quantise
from tests.envs.arena.recorded import DATA, largest_errors


def test_every_tick() -> None:
    """States have 6 decimals; features add up the rounding of what they were told."""
    errors, ticks, vectors = largest_errors()
    assert (ticks, vectors) == (3960, 866)
    assert len(errors) == 28
    for field, error in errors.items():
        assert error < (4e-6 if field.startswith("feature") else 1e-6), field


def test_quantiser_table() -> None:
    told = json.loads((DATA.parent / "arena_math.json").read_text())
    values = [float(value) for value in told["quantise"]]
    assert quantise(values).tolist() == list(told["quantise"].values())
    assert dequantise(range(11)).tolist() == told["dequantise"]
    assert quantise(dequantise(range(11))).tolist() == list(range(11))


def test_encode() -> None:
    assert encode([[1, -1, 0.5, 0, 1, 3, 0], [0, 0.3, 0, -0.95, 0, 0, 1]]).tolist() == [
        [10, 0, 8, 5, 1, 1, 0], [5, 6, 5, 0, 0, 0, 1]]
    with pytest.raises(ValueError, match=r"7 numbers each, got an array of shape \(2, 5\)"):
        encode(np.zeros((2, 5)))
