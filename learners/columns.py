"""The columns of a chunk: which there are in each layout, and what they may hold; see `learners/chunk.py`."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from native.game import Game

LAYOUTS = {"unroll": 2, "rows": 1}
"""Layout and the number of its leading axes."""
TOTAL_TOLERANCE = 1e-3
"""By which the probabilities of a search's policy may miss 1."""

Columns = Mapping[str, npt.NDArray[Any]]
Expected = dict[str, tuple[np.dtype[Any], tuple[int, ...]]]
"""Dtype and shape of every column."""


def expected_columns(game: Game, lead: tuple[int, ...]) -> Expected:
    """What the columns of layout "unroll" are, for the leading axes `lead`."""
    heads = len(game.head_sizes)
    return _seen(game, lead) | {
        "action": (np.dtype(np.int32), (*lead, heads)),
        "log_prob": (np.dtype(np.float32), (*lead, heads)),     # of the behaviour policy, temperature included
        "reward": (np.dtype(np.float32), lead),
        "discount": (np.dtype(np.float32), lead),
        "valid": (np.dtype(np.uint8), lead),
        "version": (np.dtype(np.int32), lead),                  # of the policy that acted
    }


def expected_rows(game: Game, rows: int, targets: int) -> Expected:
    """What the columns of layout "rows" are, for N rows of at most K actions with a target above 0.

    Values are from the view of the seat that decides.
    """
    lead = (rows,)
    return _seen(game, lead) | {
        "action": (np.dtype(np.int32), (*lead, 1)),             # that was played
        "target_action": (np.dtype(np.int32), (*lead, targets)),    # the search's policy, sparse;
        "target_prob": (np.dtype(np.float32), (*lead, targets)),    # unused places hold action 0 with 0
        "root_value": (np.dtype(np.float32), lead),             # of the search
        "outcome": (np.dtype(np.float32), lead),                # return from here to the game's end
        "surprise": (np.dtype(np.float32), lead),               # KL(search || network) in nats, see `actors.self_play`
        "episode": (np.dtype(np.int64), lead),                  # the game, by a number of its producer's own
        "ply": (np.dtype(np.int32), lead),                      # decisions of all seats before this one in the game
        "version": (np.dtype(np.int32), lead),                  # of the network that was searched with
    }


def _seen(game: Game, lead: tuple[int, ...]) -> Expected:
    return {
        "observation": (game.observation_dtype, (*lead, *game.observation_shape)),
        "legal": (np.dtype(np.uint8), (*lead, (game.num_actions + 7) // 8)),    # packed, little bit order
    }


def check_columns(name: str, columns: Columns, layout: str, game: Game) -> None:
    """Raises ValueError unless exactly the expected columns are there, with their shapes and dtypes."""
    if layout not in LAYOUTS:
        raise ValueError(f"chunk {name!r} has layout {layout!r}, expected one of {', '.join(LAYOUTS)}")
    measured = "valid" if layout == "unroll" else "outcome"
    lead = columns[measured].shape if measured in columns else (0,) * LAYOUTS[layout]
    sized = len(lead) == LAYOUTS[layout] and 0 not in lead and (layout == "rows" or lead[0] >= 2)
    expected = _expected(game, columns, layout, lead if sized else (2,) * LAYOUTS[layout])
    if set(columns) != set(expected):
        raise ValueError(f"chunk {name!r} has columns {sorted(columns)}, expected {sorted(expected)}")
    if not sized:
        raise ValueError(
            f"chunk {name!r} column {measured!r} has shape {list(lead)}, expected "
            + ("[T + 1, B] with T and B at least 1" if layout == "unroll" else "[N] with N at least 1")
        )
    for column, (dtype, shape) in expected.items():
        array = columns[column]
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(
                f"chunk {name!r} column {column!r} is {array.dtype} {list(array.shape)}, expected {dtype} {list(shape)}"
            )


def _expected(game: Game, columns: Columns, layout: str, lead: tuple[int, ...]) -> Expected:
    if layout == "unroll":
        return expected_columns(game, lead)
    shape = columns["target_prob"].shape if "target_prob" in columns else ()
    return expected_rows(game, lead[0], max(1, shape[1]) if len(shape) == 2 else 1)


def measure(columns: Columns, layout: str) -> dict[str, int]:
    """The header fields that the columns tell; versions are 0 where no row is valid."""
    version = columns["version"]
    rows = version.size
    if layout == "unroll":
        valid = columns["valid"][:-1]
        version, rows = version[:-1][valid != 0], valid.size
    return {
        "version_min": int(version.min()) if version.size else 0,
        "version_max": int(version.max()) if version.size else 0,
        "rows": rows,
        "bytes": sum(column.nbytes for column in columns.values()),
    }


def check_values(name: str, columns: Columns, layout: str, game: Game) -> None:
    """Raises ValueError for the first column with an impossible value."""
    if layout == "unroll":
        _check_unroll(name, columns, game)
    else:
        _check_rows(name, columns, game)


def _check_unroll(name: str, columns: Columns, game: Game) -> None:
    valid, action, legal = columns["valid"], columns["action"], columns["legal"]
    sizes = np.array(game.head_sizes, np.int32)
    offsets = np.cumsum(sizes) - sizes
    reward, discount, log_prob = columns["reward"], columns["discount"], columns["log_prob"]
    # least and greatest are no numbers where one is none, and then no comparison holds
    _refuse(name, {
        "valid": (valid.max() > 1, "0 or 1"),
        "reward": (not (-np.inf < reward.min() and reward.max() < np.inf), "finite numbers"),
        "discount": (not (discount.min() >= 0 and discount.max() <= 1) or bool(((discount != 0) > valid).any()),
                     "0 to 1, and 0 where valid is 0"),
        "log_prob": (not (-np.inf < log_prob.min() and log_prob.max() <= 0), "finite numbers not above 0"),
        "action": (not ((action >= 0) & (action < sizes)).all(), f"0 to size - 1 of the heads {game.head_sizes}"),
    })
    if not (_is_legal(action + offsets, legal).all(axis=-1) | (valid == 0)).all():
        raise ValueError(f"chunk {name!r} column 'action' has an action that column 'legal' forbids")


def _check_rows(name: str, columns: Columns, game: Game) -> None:
    target, prob, legal = columns["target_action"], columns["target_prob"], columns["legal"]
    total = prob.sum(axis=1)
    within = f"0 to {game.num_actions - 1}"
    _refuse(name, {
        **{column: (not np.isfinite(columns[column]).all(), "finite numbers") for column in ("root_value", "outcome")},
        "observation": (not np.isfinite(columns["observation"]).all(), "finite numbers"),
        "surprise": (not ((columns["surprise"] >= 0) & np.isfinite(columns["surprise"])).all(),
                     "finite numbers from 0 on"),
        "target_prob": (not ((prob >= 0).all() and (abs(total - 1) <= TOTAL_TOLERANCE).all()),
                        "0 to 1 with a sum of 1 in every row"),
        "target_action": (not ((target >= 0) & (target < game.num_actions)).all(), within),
        "action": (not ((columns["action"] >= 0) & (columns["action"] < game.num_actions)).all(), within),
    })
    for column, fine in (("target_action", _is_legal(target, legal) | (prob == 0)),
                         ("action", _is_legal(columns["action"], legal))):
        if not fine.all():
            raise ValueError(f"chunk {name!r} column {column!r} has an action that column 'legal' forbids")


def _is_legal(action: npt.NDArray[np.int32], legal: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether the packed mask of the same row has a 1 at each place `[..., K]`."""
    byte = legal if legal.shape[-1] == 1 else np.take_along_axis(legal, action >> 3, axis=-1)
    legality: npt.NDArray[np.bool_] = (byte >> (action & 7) & 1) != 0
    return legality


def _refuse(name: str, faults: Mapping[str, tuple[bool, str]]) -> None:
    """Raises ValueError for the first column that is at fault, with what it may hold."""
    for column, (fault, meaning) in faults.items():
        if fault:
            raise ValueError(f"chunk {name!r} column {column!r} has a value outside: {meaning}")
