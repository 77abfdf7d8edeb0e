"""Between the classes of the seven action heads and the values they mean, for logs and data sets.

Class i of an axis (move x, move y, aim x, aim y) is -1 + 0.2 i; fire, ability and interact are 0 or 1.
"""
from __future__ import annotations

import numpy as np
import numpy.typing as npt

AXES = 4
AXIS_CLASSES = 11


def quantise(values: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """The nearest class of each axis value, which is clipped to -1 .. 1 first; halves go to the even class."""
    clipped = np.clip(np.asarray(values, np.float64), -1, 1)
    return np.rint((clipped + 1) / 2 * (AXIS_CLASSES - 1)).astype(np.int32)


def dequantise(classes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The value of each class of an axis."""
    return (np.asarray(classes, np.float64) - 5) / 5


def encode(actions: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """Classes `[.., 7]` of recorded actions `[.., 7]`: four axes, fire, ability id, interact.

    Any ability id but 0 becomes 1, the only ability there is. Raises ValueError for another last dimension.
    """
    given = np.asarray(actions, np.float64)
    if given.shape[-1:] != (7,):
        raise ValueError(f"recorded actions have 7 numbers each, got an array of shape {given.shape}")
    return np.concatenate([quantise(given[..., :AXES]), (given[..., AXES:] != 0).astype(np.int32)], axis=-1)
