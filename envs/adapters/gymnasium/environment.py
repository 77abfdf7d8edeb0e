"""Environments of Gymnasium by id, and what a game says of itself read from their spaces.

Letters: H heads.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

MAX_HEADS, MAX_DIMS = 8, 4      # of a game, as native/game.pxd has them
KEPT = tuple(np.dtype(name) for name in ("uint8", "int8", "int16", "float32"))
"""Types of observations that games know; all others become float32."""
UNBOUNDED = 1e6     # bounds from here on are none: some environments name the largest float
NO_LIMIT = -1       # gymnasium.make: without its TimeLimit wrapper

Environment = gymnasium.Env[Any, Any]


@dataclass(frozen=True)
class Facts:
    """What a game is told of an environment."""

    observation_shape: tuple[int, ...]
    observation_dtype: np.dtype[Any]
    observation_scale: npt.NDArray[np.float32] | None
    """Brings what has bounds to -1 .. 1; 1 for numbers without, which are taken as they come. None: 1 everywhere."""
    head_sizes: tuple[int, ...]
    first_actions: tuple[int, ...]
    """Number of the first action of each head, which a game counts from 0. Shape `[H]`."""
    time_limit: int
    """Steps after which the environment as registered truncates; 0: never."""


def arguments_as_text(arguments: Mapping[str, Any] | str | None) -> str:
    """Arguments of an environment's constructor as JSON with sorted keys: options of a game compare and hash.

    Raises ValueError unless they are a mapping of names to plain values, or the JSON of one.
    """
    try:
        found = json.loads(arguments) if isinstance(arguments, str) else dict(arguments or {})
        text = json.dumps(found, sort_keys=True)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"gymnasium: arguments must be names with plain values, got {arguments!r}")
    return text


def open_environment(id: str, arguments: str, *, limited: bool) -> Environment:
    """A new environment; `limited` keeps the time limit that it is registered with.

    Raises ValueError, with Gymnasium's words, for an id that is not there or arguments that it does not take.
    """
    chosen = json.loads(arguments)
    try:
        return gymnasium.make(
            id, max_episode_steps=None if limited else NO_LIMIT, disable_env_checker=True, **chosen
        )
    except Exception as error:      # what foreign constructors raise is theirs to choose
        raise ValueError(f"gymnasium: cannot make {id!r} with {chosen or 'no arguments'}: {error}") from error


def facts_of(id: str, arguments: str) -> Facts:
    """Reads an environment's spaces. Raises ValueError, naming the space, for one that is no game's."""
    environment = open_environment(id, arguments, limited=True)
    try:
        limit = None if environment.spec is None else environment.spec.max_episode_steps
        seen = _box(id, environment.observation_space)
        sizes, first = _heads(id, environment.action_space)
        assert seen.dtype is not None
        dtype = seen.dtype if seen.dtype in KEPT else np.dtype(np.float32)
        return Facts(seen.shape or (1,), dtype, _scale(seen), sizes, first, limit or 0)
    finally:
        environment.close()  # type: ignore[no-untyped-call]


def _box(id: str, space: Any) -> spaces.Box:
    if not isinstance(space, spaces.Box) or len(space.shape) > MAX_DIMS or prod(space.shape) < 1:
        raise ValueError(f"gymnasium: {id} shows {space}, expected a Box of at most {MAX_DIMS} dimensions")
    return space


def _scale(box: spaces.Box) -> npt.NDArray[np.float32] | None:
    """One by the bound of each number, as far as it has one; None where that is 1 everywhere."""
    most = np.maximum(np.abs(box.low.astype(np.float64)), np.abs(box.high.astype(np.float64)))
    bounded = (most > 0) & (most < UNBOUNDED)
    if (most[bounded] == 1).all():
        return None
    return np.asarray(1 / np.where(bounded, most, 1), np.float32).reshape(box.shape or (1,))


def _heads(id: str, space: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`(sizes, first actions)` of the heads."""
    if isinstance(space, spaces.Discrete):
        return (int(space.n),), (int(space.start),)
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1 and len(space.nvec) <= MAX_HEADS:
        return tuple(map(int, space.nvec)), tuple(map(int, space.start))
    raise ValueError(
        f"gymnasium: {id} takes actions {space}, expected Discrete, or MultiDiscrete of at most {MAX_HEADS} numbers"
    )
