"""Datasets of steps: what one agent saw, did and got, tick by tick, with actions of several heads, as Parquet

Columns, F features, H heads: `observation` float32 [F], `action` int32 [H] (classes), `reward` float32, `done` (1: this
step ended the episode), `begins` (1: not the successor of the row before, because a trajectory begins or lines between
the two were damaged; rows up to the next 1 follow one another), `log_prob` float32 (joint, of the behaviour policy;
null where unknown: such steps are for imitation only), `episode` int64 (the match, numbered from 0; split by it, as
agents of one match are in it together), `agent`, `tick` int64, `schema`, `source` (the file).

Every file holds one schema; its id says what the features mean. The footer holds, as JSON, what the dataset says of
itself ("ludus_dataset") and the report of how it was made ("ludus_report").
"""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

FORMAT = 1
LAYOUT = "steps"
KEY, REPORT = b"ludus_dataset", b"ludus_report"
CHUNK_ROWS = 16384
UNREADABLE = (pa.ArrowException, OSError, ValueError)

Columns = dict[str, npt.NDArray[Any]]
PLAIN: dict[str, Any] = {
    "reward": np.float32, "done": np.uint8, "begins": np.uint8, "log_prob": np.float32, "episode": np.int64,
    "tick": np.int64,
}
TEXTS = ("agent", "schema", "source")


@dataclass(frozen=True)
class StepFacts:
    """What a dataset of steps says of itself."""

    schema: str                     # id of what the features mean
    observation: tuple[str, ...]    # the features' names
    heads: dict[str, int]           # names and sizes of the action heads, in order
    game: str | None                # whose observations these are, with options: what a network for it can be made from
    options: dict[str, Any] = field(default_factory=dict)
    rules_version: int = 0
    made: dict[str, Any] = field(default_factory=dict)


class StepWriter:
    """Writes one file, a row group per call; `close` completes it. The caller gives it a name of its own meanwhile."""

    def __init__(self, path: Path, facts: StepFacts) -> None:
        self._facts, self._schema = facts, _arrow_schema(facts)
        stored = {"format": FORMAT, "layout": LAYOUT, **dataclasses.asdict(facts)}
        self._writer = pq.ParquetWriter(
            path, self._schema.with_metadata({KEY: json.dumps(stored).encode()}), compression="zstd"
        )

    def write(self, columns: Columns, agent: list[str], source: list[str]) -> None:
        """Appends rows. `columns` are those of `read`; NaN in `log_prob` stands for unknown."""
        arrays = {
            **{name: pa.array(columns[name], from_pandas=True) for name in PLAIN},
            **{name: _nested(columns[name]) for name in ("observation", "action")},
            "agent": _repeating(agent),
            "schema": _repeating([self._facts.schema] * len(agent)),
            "source": _repeating(source),
        }
        names = self._schema.names
        self._writer.write_batch(pa.record_batch([arrays[name] for name in names], schema=self._schema))

    def close(self, report: dict[str, Any] | None = None) -> None:
        """Completes the file, with the report if there is one."""
        if report is not None:
            self._writer.add_key_value_metadata({REPORT.decode(): json.dumps(report)})
        self._writer.close()


def is_steps(path: Path) -> bool:
    """Whether a file, or the first Parquet file of a folder, is a dataset of steps."""
    try:
        return _footer(_files(path)[0])[0].get("layout") == LAYOUT
    except ValueError:
        return False


def read_facts(path: Path) -> StepFacts:
    """What a file says of itself. Raises ValueError if that is not a dataset of steps that this version reads."""
    stored = _footer(path)[0]
    wanted = {one.name for one in dataclasses.fields(StepFacts)}
    if stored.get("layout") != LAYOUT or stored.get("format") != FORMAT or set(stored) != wanted | {"format", "layout"}:
        said = {key: stored.get(key) for key in ("layout", "format")}
        raise ValueError(f"{path} is not a dataset of steps of format {FORMAT}: it says {said} of itself")
    found = StepFacts(**{name: stored[name] for name in wanted})
    return dataclasses.replace(found, observation=tuple(found.observation))


def read_report(path: Path) -> dict[str, Any]:
    """The report with which a file was made; empty if it has none. Raises ValueError if it cannot be read."""
    return _footer(path)[1]


def of_schema(path: Path, schema: str) -> list[Path]:
    """The files of `schema` in a dataset: the file itself, or those of the folder. Raises ValueError without any."""
    present = {one: read_facts(one).schema for one in _files(path)}
    chosen = [one for one, found in present.items() if found == schema]
    if not chosen:
        raise ValueError(f"{path} has schema {', '.join(sorted(set(present.values())))}, expected {schema!r}")
    return chosen


def schemas(path: Path) -> list[str]:
    """The schemas of a dataset, in the order of their names. Raises ValueError if it cannot be read."""
    return sorted({read_facts(one).schema for one in _files(path)})


def read(path: Path, schema: str, *, chunk_rows: int = CHUNK_ROWS) -> Iterator[Columns]:
    """Columns of at most `chunk_rows` rows of one schema, checked; texts are left in the file.

    Shapes: `observation` [N, F], `action` [N, H], all others [N]. Raises ValueError, naming file and row, for what
    cannot be.
    """
    for one in of_schema(path, schema):
        facts, begin = read_facts(one), 0
        names = ["observation", "action", *PLAIN]
        try:
            with pq.ParquetFile(one) as file:
                for batch in file.iter_batches(chunk_rows, columns=names):
                    columns = {name: _numpy(batch.column(name), name) for name in names}
                    _check(columns, facts)
                    yield columns
                    begin += batch.num_rows
        except UNREADABLE as fault:
            raise ValueError(f"{one} from row {begin} on cannot be read: {_one_line(fault)}") from None


def _arrow_schema(facts: StepFacts) -> Any:
    repeating = pa.dictionary(pa.int32(), pa.string())
    return pa.schema([
        pa.field("observation", pa.list_(pa.float32(), len(facts.observation)), nullable=False),
        pa.field("action", pa.list_(pa.int32(), len(facts.heads)), nullable=False),
        *(pa.field(name, pa.from_numpy_dtype(dtype), nullable=name == "log_prob") for name, dtype in PLAIN.items()),
        *(pa.field(name, repeating, nullable=False) for name in TEXTS),
    ])


def _nested(column: npt.NDArray[Any]) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(column).reshape(-1)), column.shape[1])


def _repeating(texts: list[str]) -> Any:
    return pa.array(texts, pa.string()).dictionary_encode()


def _numpy(array: Any, name: str) -> npt.NDArray[Any]:
    flat = array.flatten() if name in ("observation", "action") else array
    if name != "log_prob" and (array.null_count or flat.null_count):
        raise ValueError(f"column {name!r} has empty places")
    found: npt.NDArray[Any] = flat.to_numpy(zero_copy_only=False)
    wanted = PLAIN.get(name, np.int32 if name == "action" else np.float32)
    if found.dtype != wanted:
        raise ValueError(f"column {name!r} is {found.dtype}, expected {np.dtype(wanted)}")
    return found if flat is array else found.reshape(len(array), -1)


def _check(columns: Columns, facts: StepFacts) -> None:
    action, sizes = columns["action"], np.array(list(facts.heads.values()))
    if columns["observation"].shape[1] != len(facts.observation) or action.shape[1] != len(sizes):
        raise ValueError(f"expected {len(facts.observation)} features and {len(sizes)} heads")
    if not ((action >= 0) & (action < sizes)).all():
        raise ValueError(f"column 'action' has a class outside the heads {facts.heads}")
    for name in ("observation", "reward"):
        if not np.isfinite(columns[name]).all():
            raise ValueError(f"column {name!r} has a number that is not finite")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.iterdir() if one.suffix == ".parquet" and not one.name.startswith("."))
    if not found:
        raise ValueError(f"{path} holds no dataset of steps: expected files that end in .parquet")
    return found


def _footer(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a file says of itself, and its report."""
    try:
        stored = pq.read_metadata(path).metadata or {}
        found = [json.loads(stored.get(key, b"{}")) for key in (KEY, REPORT)]
    except UNREADABLE as fault:
        raise ValueError(f"{path} cannot be read as Parquet: {_one_line(fault)}") from None
    if not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{path} says {found[0]!r} of itself, expected keys and values")
    return found[0], found[1]


def _one_line(fault: Exception) -> str:
    return str(fault).splitlines()[0] if str(fault) else type(fault).__name__
