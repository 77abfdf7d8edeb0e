"""Random numbers that depend on what they are for alone, so that nothing needs to be remembered about them."""
from __future__ import annotations

import numpy as np
import numpy.typing as npt

WEYL = np.uint64(0x9E3779B97F4A7C15)


def draw(seed: int, *keys: npt.NDArray[np.int64] | int) -> npt.NDArray[np.uint64]:
    """64 random bits for each combination of `seed` and `keys`, which are `[n]` or single numbers.

    SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"), one round per key.
    """
    bits = np.array(0, np.uint64)
    with np.errstate(over="ignore"):
        for key in (np.array(seed & (1 << 64) - 1, np.uint64), *keys):
            bits = (bits + np.asarray(key).astype(np.uint64)) * np.uint64(0xD1342543DE82EF95) + WEYL
            bits = (bits ^ bits >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
            bits = (bits ^ bits >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
            bits = bits ^ bits >> np.uint64(31)
    return np.atleast_1d(bits)


def uniform(seed: int, *keys: npt.NDArray[np.int64] | int) -> npt.NDArray[np.float64]:
    """The same as a number in [0, 1)."""
    return (draw(seed, *keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53
