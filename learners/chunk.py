"""The sealed chunk: what an actor hands out, replay holds and the learner trains on.

Columns are numpy arrays with the same leading axes: `[T + 1, B]` in layout "unroll", `[N]` in layout "rows". Letters:
T transitions, B streams, N rows, H action heads, A mask bytes.

A stream is one seat's own decisions. In row t < T, `reward` and `discount` belong to the transition to the stream's
next decision (rewards in between added up); discount is 0 only at a true end, and the row after it begins another
game. `valid` 0 marks the last observation of a truncated game: nobody acted there, its discount is 0, it is
bootstrapped from and never trained on. Row T lends only its observation and legal actions to the bootstrap value: its
other columns are zeros, and it is the first row of the stream's next unroll.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from native.game import Game

LAYOUTS = {"unroll": 2, "rows": 1}
"""Layout and the number of its leading axes."""

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Header:
    """What is known of a chunk without looking at its columns."""

    chunk_id: str
    producer: str
    sequence: int           # of this producer, from 0
    match_id: str
    player: str
    version_min: int        # policy versions that acted
    version_max: int
    game: str
    rules_version: int
    layout: str             # "unroll" or "rows"
    rows: int               # T * B or N
    bytes: int              # of all columns


@dataclass(frozen=True)
class Chunk:
    """A header and its columns. Nobody writes into the columns once the chunk exists."""

    header: Header
    columns: dict[str, npt.NDArray[Any]]


def seal(
    columns: Columns, *, chunk_id: str, producer: str, sequence: int, match_id: str, player: str, game: Game,
    layout: str = "unroll",
) -> Chunk:
    """The chunk of these columns; versions, rows and bytes of the header are read off them.

    layout: "unroll" or "rows". Raises ValueError as `validate` does.
    """
    _check_columns(chunk_id, columns, layout, game)
    _check_values(chunk_id, columns, game)
    return Chunk(
        Header(chunk_id=chunk_id, producer=producer, sequence=sequence, match_id=match_id, player=player,
               game=game.name, rules_version=game.rules_version, layout=layout, **_measure(columns, layout)),
        dict(columns),
    )


def validate(chunk: Chunk, game: Game) -> None:
    """Raises ValueError, naming the column, unless the chunk is of `game` and every column is as it must be.

    Checked: names, shapes and dtypes, that the header tells the truth, finite rewards, discounts in [0, 1],
    log-probabilities not above 0, and that the action of every valid row was legal.
    """
    header, name = chunk.header, chunk.header.chunk_id
    if (header.game, header.rules_version) != (game.name, game.rules_version):
        raise ValueError(
            f"chunk {name!r} is of {header.game} rules {header.rules_version}, "
            f"expected {game.name} rules {game.rules_version}"
        )
    _check_columns(name, chunk.columns, header.layout, game)
    for field, value in _measure(chunk.columns, header.layout).items():
        if getattr(header, field) != value:
            raise ValueError(f"chunk {name!r} header says {field} {getattr(header, field)}, its columns say {value}")
    _check_values(name, chunk.columns, game)


def expected_columns(game: Game, lead: tuple[int, ...]) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Dtype and shape of every column, for the leading axes `lead`."""
    heads = len(game.head_sizes)
    return {
        "observation": (game.observation_dtype, (*lead, *game.observation_shape)),
        "legal": (np.dtype(np.uint8), (*lead, (game.num_actions + 7) // 8)),    # packed, little bit order
        "action": (np.dtype(np.int32), (*lead, heads)),
        "log_prob": (np.dtype(np.float32), (*lead, heads)),     # of the behaviour policy, temperature included
        "reward": (np.dtype(np.float32), lead),
        "discount": (np.dtype(np.float32), lead),
        "valid": (np.dtype(np.uint8), lead),
        "version": (np.dtype(np.int32), lead),                  # of the policy that acted
    }


def _check_columns(name: str, columns: Columns, layout: str, game: Game) -> None:
    """Raises ValueError unless exactly the expected columns are there, with their shapes and dtypes."""
    if layout not in LAYOUTS:
        raise ValueError(f"chunk {name!r} has layout {layout!r}, expected one of {', '.join(LAYOUTS)}")
    lead = columns["valid"].shape if "valid" in columns else (0,) * LAYOUTS[layout]
    expected = expected_columns(game, lead)
    if set(columns) != set(expected):
        raise ValueError(f"chunk {name!r} has columns {sorted(columns)}, expected {sorted(expected)}")
    if len(lead) != LAYOUTS[layout] or 0 in lead or (layout == "unroll" and lead[0] < 2):
        raise ValueError(
            f"chunk {name!r} column 'valid' has shape {list(lead)}, expected "
            + ("[T + 1, B] with T and B at least 1" if layout == "unroll" else "[N] with N at least 1")
        )
    for column, (dtype, shape) in expected.items():
        array = columns[column]
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(
                f"chunk {name!r} column {column!r} is {array.dtype} {list(array.shape)}, expected {dtype} {list(shape)}"
            )


def _measure(columns: Columns, layout: str) -> dict[str, int]:
    """The header fields that the columns tell; versions are 0 where no row is valid."""
    valid, version = columns["valid"], columns["version"]
    if layout == "unroll":
        valid, version = valid[:-1], version[:-1]
    acted = version[valid != 0]
    return {
        "version_min": int(acted.min()) if acted.size else 0,
        "version_max": int(acted.max()) if acted.size else 0,
        "rows": valid.size,
        "bytes": sum(column.nbytes for column in columns.values()),
    }


def _check_values(name: str, columns: Columns, game: Game) -> None:
    """Raises ValueError for the first column with an impossible value."""
    valid, action, legal = columns["valid"], columns["action"], columns["legal"]
    sizes = np.array(game.head_sizes, np.int32)
    offsets = np.cumsum(sizes) - sizes
    # One pass each; `not (x <= y)` also catches NaN.
    faults = {
        "valid": valid.max() > 1,
        "reward": not np.isfinite(columns["reward"]).all(),
        "discount": not ((columns["discount"] >= 0) & (columns["discount"] <= 1)).all()
        or bool(columns["discount"][valid == 0].any()),
        "log_prob": not ((columns["log_prob"] <= 0) & np.isfinite(columns["log_prob"])).all(),
        "action": not ((action >= 0) & (action < sizes)).all(),
    }
    meaning = {
        "valid": "0 or 1", "reward": "finite numbers", "discount": "0 to 1, and 0 where valid is 0",
        "log_prob": "finite numbers not above 0", "action": f"0 to size - 1 of the heads {game.head_sizes}",
    }
    for column, fault in faults.items():
        if fault:
            raise ValueError(f"chunk {name!r} column {column!r} has a value outside: {meaning[column]}")
    place = action + offsets
    chosen = np.take_along_axis(legal, place >> 3, axis=-1) >> (place & 7) & 1
    if not (chosen.all(axis=-1) | (valid == 0)).all():
        raise ValueError(f"chunk {name!r} column 'action' has an action that column 'legal' forbids")


def to_wire(chunk: Chunk) -> dict[str, Any]:
    """Plain dictionaries around the same arrays (no copy), which Ray ships without pickling a class of ours."""
    return {"header": asdict(chunk.header), "columns": dict(chunk.columns)}


def from_wire(wire: Mapping[str, Any]) -> Chunk:
    """The chunk of `to_wire`, around the same arrays."""
    return Chunk(_header(wire["header"]), dict(wire["columns"]))


def to_arrow(chunk: Chunk) -> bytes:
    """The chunk as an Arrow IPC stream of one record batch; its schema's metadata holds the header and the shapes."""
    axes = LAYOUTS[chunk.header.layout]
    arrays = []
    for column in chunk.columns.values():
        flat = pa.array(np.ascontiguousarray(column).reshape(-1))
        width = int(np.prod(column.shape[axes:]))
        arrays.append(pa.FixedSizeListArray.from_arrays(flat, width) if column.ndim > axes else flat)
    metadata = {
        "header": json.dumps(asdict(chunk.header)),
        "shapes": json.dumps({name: column.shape for name, column in chunk.columns.items()}),
    }
    batch = pa.record_batch(arrays, names=list(chunk.columns)).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def from_arrow(data: bytes) -> Chunk:
    """The chunk that `to_arrow` wrote, around `data` without a copy. Raises ValueError for anything else.

    The columns are not checked against a game: `validate` does that.
    """
    try:
        with pa.ipc.open_stream(pa.BufferReader(data)) as reader:
            batch = reader.read_next_batch()
        batch.validate(full=True)       # else lengths in the data are believed, and memory beyond it read
        metadata = batch.schema.metadata
        header = _header(json.loads(metadata[b"header"]))
        columns = {}
        for name, shape in json.loads(metadata[b"shapes"]).items():
            column = batch.column(name)
            flat = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
            columns[name] = flat.to_numpy(zero_copy_only=True).reshape(shape)
    except (pa.ArrowException, AttributeError, KeyError, OSError, StopIteration, TypeError, ValueError) as fault:
        raise ValueError(f"{len(data)} bytes are not a chunk in Arrow form: {fault}") from fault
    return Chunk(header, columns)


def _header(values: Mapping[str, Any]) -> Header:
    """The header of plain values. Raises ValueError for a missing, unknown or ill-typed field."""
    wanted = {field.name: {"int": int, "str": str}[str(field.type)] for field in fields(Header)}
    if set(values) != set(wanted):
        raise ValueError(f"chunk header has fields {sorted(values)}, expected {sorted(wanted)}")
    for name, kind in wanted.items():
        if type(values[name]) is not kind:
            raise ValueError(f"chunk header field {name!r} is {values[name]!r}, expected {kind.__name__}")
    return Header(**values)
