"""Searched decisions as Parquet: one column per column of a chunk, targets as lists of their own length.

The schema's metadata holds, as JSON under "ludus_dataset", what the dataset says of itself. Letters: N rows, K targets.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from learners.columns import expected_rows
from learners.dataset_split import TARGETS, Columns
from native.game import Game

KEY = b"ludus_dataset"
UNREADABLE = (pa.ArrowException, OSError, ValueError)


def write(path: Path, parts: Iterable[Columns], facts: dict[str, Any]) -> int:
    """Writes every part as a row group; returns the rows."""
    writer, rows = None, 0
    try:
        for columns in parts:
            batch = _batch(columns)
            if writer is None:
                schema = batch.schema.with_metadata({KEY: json.dumps(facts).encode()})
                writer = pq.ParquetWriter(path, schema, compression="zstd")
            writer.write_batch(batch)
            rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    return rows


def read_facts(path: Path) -> dict[str, Any]:
    """What the file says of itself. Raises ValueError."""
    try:
        stored = (pq.read_schema(path).metadata or {})[KEY]
        facts = json.loads(stored)
    except KeyError:
        raise ValueError(f"{path} is Parquet, but says nothing of itself: its schema lacks {KEY.decode()!r}") from None
    except UNREADABLE as fault:
        raise ValueError(f"{path} cannot be read as Parquet: {_one_line(fault)}") from None
    if not isinstance(facts, dict):
        raise ValueError(f"{path} says {facts!r} of itself, expected keys and values")
    return facts


def read(
    path: Path, game: Game, chunk_rows: int, refuse: Callable[[str], None]
) -> Iterator[tuple[Columns, list[str]]]:
    """Columns of at most `chunk_rows` rows and the name of each row; `refuse` hears of what cannot be read."""
    begin = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(chunk_rows):
                names = [f"{path} row {row}" for row in range(begin, begin + batch.num_rows)]
                yield _columns(batch, game), names
                begin += batch.num_rows
    except UNREADABLE as fault:
        refuse(f"{path} from row {begin} on cannot be read: {_one_line(fault)}")


def _batch(columns: Columns) -> Any:
    used = columns["target_prob"] > 0
    offsets = pa.array(np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32))
    arrays = []
    names = sorted(columns)     # the same order in every part
    for name in names:
        column = columns[name]
        if name in TARGETS:
            arrays.append(pa.ListArray.from_arrays(offsets, pa.array(column[used])))
            continue
        flat = pa.array(np.ascontiguousarray(column).reshape(-1))
        width = column.size // len(column)
        arrays.append(flat if column.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, width))
    return pa.record_batch(arrays, names=names)


def _columns(batch: Any, game: Game) -> Columns:
    """Raises ValueError, naming the column, for what is not of the expected kind."""
    expected = expected_rows(game, batch.num_rows, 1)
    if set(batch.schema.names) != set(expected):
        raise ValueError(f"columns are {sorted(batch.schema.names)}, expected {sorted(expected)}")
    columns = {}
    for name, (dtype, shape) in expected.items():
        array = batch.column(name)
        if array.null_count:
            raise ValueError(f"column {name!r} has {array.null_count} empty places")
        kind = array.type if len(shape) == 1 else getattr(array.type, "value_type", None)
        if kind != pa.from_numpy_dtype(dtype):
            raise ValueError(f"column {name!r} is {array.type}, expected {dtype}")
        if name in TARGETS:
            columns[name] = _padded(array, dtype)
            continue
        flat = (array.flatten() if len(shape) > 1 else array).to_numpy(zero_copy_only=False)
        if flat.size != int(np.prod(shape)):
            raise ValueError(f"column {name!r} has {flat.size} values in {shape[0]} rows, expected {list(shape[1:])}")
        columns[name] = flat.reshape(shape)
    return columns


def _padded(lists: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Lists of different lengths as `[N, K]`, filled up with 0."""
    lengths = np.diff(lists.offsets.to_numpy())
    padded = np.zeros((len(lists), max(1, int(lengths.max(initial=0)))), dtype)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = lists.flatten().to_numpy(zero_copy_only=False)
    return padded


def _one_line(fault: Exception) -> str:
    return str(fault).splitlines()[0] if str(fault) else type(fault).__name__
