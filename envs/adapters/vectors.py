"""Vectors of games, native ones and those of adapters, behind what rollouts and evaluation read of them.

Letters: N games, P seats, A mask bytes, H heads.
"""
from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from native.game import Game
from native.vector import VectorGame


class Vector(Protocol):
    """N games side by side; `native.vector.VectorGame` says what each name means."""

    @property
    def game(self) -> Game: ...
    @property
    def num_games(self) -> int: ...
    @property
    def time_limit(self) -> int: ...
    @property
    def to_act(self) -> npt.NDArray[np.int32]: ...
    @property
    def observations(self) -> npt.NDArray[Any]: ...
    @property
    def legal(self) -> npt.NDArray[np.uint8]: ...
    @property
    def num_legal(self) -> npt.NDArray[np.int32]: ...
    @property
    def rewards(self) -> npt.NDArray[np.float32]: ...
    @property
    def terminal(self) -> npt.NDArray[np.uint8]: ...
    @property
    def truncated(self) -> npt.NDArray[np.uint8]: ...
    @property
    def final_observations(self) -> npt.NDArray[Any]: ...
    @property
    def episode_returns(self) -> npt.NDArray[np.float32]: ...
    @property
    def episode_lengths(self) -> npt.NDArray[np.int32]: ...
    @property
    def metrics(self) -> npt.NDArray[np.float32]: ...
    @property
    def lengths(self) -> npt.NDArray[np.int32]: ...
    @property
    def returns(self) -> npt.NDArray[np.float32]: ...
    @property
    def episodes(self) -> npt.NDArray[np.int64]: ...
    def reset(self, seed: int | None = None) -> None: ...
    def step(self, actions: npt.NDArray[np.int32]) -> None: ...
    def random_actions(self, actions: npt.NDArray[np.int32]) -> None: ...
    def bot_actions(self, bot: str, rows: npt.ArrayLike, actions: npt.NDArray[np.int32],
                    seats: npt.ArrayLike | None = None) -> None: ...
    def save(self) -> dict[str, npt.NDArray[Any]]: ...
    def load(self, saved: Mapping[str, npt.NDArray[Any]]) -> None: ...


def make_vector(game: Game, num_games: int, seed: int = 0, time_limit: int | None = None) -> Vector:
    """`num_games` games side by side: a `VectorGame`, or what plays the games of an adapter.

    The arguments are those of `VectorGame`. Row i's e-th episode depends on (`seed`, i, e) and its actions alone.
    """
    if game.state_bytes:
        return VectorGame(game, num_games, seed, time_limit)
    adapter = importlib.import_module(game.module.rpartition(".")[0] + ".vector")
    vector: Vector = adapter.make(game, num_games, seed, time_limit)
    return vector


def release(vector: Vector) -> None:
    """Closes environments that may hold windows or processes of their own; native games hold nothing."""
    close = getattr(vector, "close", None)
    if close is not None:
        close()
