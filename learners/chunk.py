"""The sealed chunk: what an actor hands out, replay holds and the learner trains on.

Columns are numpy arrays with the same leading axes: `[T + 1, B]` in layout "unroll", `[N]` in layout "rows". Letters:
T transitions, B streams, N rows, H action heads, A mask bytes, K targets.

Layout "unroll" is for policy gradients. A stream is one seat's own decisions. In row t < T, `reward` and `discount`
belong to the transition to the stream's next decision (rewards in between added up); discount is 0 only at a true end,
and the row after it begins another game. `valid` 0 marks the last observation of a truncated game: nobody acted there,
its discount is 0, it is bootstrapped from and never trained on. Row T lends only its observation and legal actions to
the bootstrap value: its other columns are zeros, and it is the first row of the stream's next unroll.

Layout "rows" is for what a search teaches: every row is one searched decision of a game that is over, whole games in a
chunk, in any order.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]

from learners.columns import LAYOUTS, Columns, check_columns, check_values, measure

if TYPE_CHECKING:
    from native.game import Game

SPLITS = ("train", "held_out")
"""What a chunk is for. Games are held out whole, to measure on them and never to learn from."""


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
    split: str              # "train" or "held_out"
    rows: int               # T * B or N
    bytes: int              # of all columns


@dataclass(frozen=True)
class Chunk:
    """A header and its columns. Nobody writes into the columns once the chunk exists."""

    header: Header
    columns: dict[str, npt.NDArray[Any]]


def seal(
    columns: Columns, *, chunk_id: str, producer: str, sequence: int, match_id: str, player: str, game: Game,
    layout: str = "unroll", split: str = "train",
) -> Chunk:
    """The chunk of these columns; versions, rows and bytes of the header are read off them.

    layout: "unroll" or "rows"; split: "train" or "held_out". Raises ValueError as `validate` does.
    """
    check_columns(chunk_id, columns, layout, game)
    check_values(chunk_id, columns, layout, game)
    _check_split(chunk_id, split)
    return Chunk(
        Header(chunk_id=chunk_id, producer=producer, sequence=sequence, match_id=match_id, player=player,
               game=game.name, rules_version=game.rules_version, layout=layout, split=split,
               **measure(columns, layout)),
        dict(columns),
    )


def validate(chunk: Chunk, game: Game) -> None:
    """Raises ValueError, naming the column, unless the chunk is of `game` and every column is as it must be.

    Checked: names, shapes and dtypes, that the header tells the truth, finite numbers, discounts in [0, 1],
    log-probabilities not above 0, targets that are probabilities, and that the action of every valid row and every
    action with a target above 0 was legal.
    """
    check_header(chunk, game)
    check_values(chunk.header.chunk_id, chunk.columns, chunk.header.layout, game)


def check_header(chunk: Chunk, game: Game) -> None:
    """The cheap part of `validate`: everything but the values of the columns."""
    header, name = chunk.header, chunk.header.chunk_id
    if (header.game, header.rules_version) != (game.name, game.rules_version):
        raise ValueError(
            f"chunk {name!r} is of {header.game} rules {header.rules_version}, "
            f"expected {game.name} rules {game.rules_version}"
        )
    _check_split(name, header.split)
    check_columns(name, chunk.columns, header.layout, game)
    for field, value in measure(chunk.columns, header.layout).items():
        if getattr(header, field) != value:
            raise ValueError(f"chunk {name!r} header says {field} {getattr(header, field)}, its columns say {value}")


def _check_split(name: str, split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"chunk {name!r} has split {split!r}, expected one of {', '.join(SPLITS)}")


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
