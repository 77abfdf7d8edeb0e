"""Logs of the arena as datasets of steps: recorder trajectories, live feedback streams, manifests

Files are read line by line, written in batches, and appear whole or not at all.
"""
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from envs.arena.actions import encode
from learners.importers.arena_live import LiveLog
from learners.importers.arena_manifest import Entry, link, read_manifest
from learners.importers.arena_recorder import RecorderLog, match_and_agent
from learners.importers.arena_schemas import LIVE, WORLD, Step, facts_of
from learners.importers.faults import Faults, shown
from learners.importers.steps import Columns, StepWriter
from learners.importers.tally import Tally

BATCH_ROWS = 16384
LIVE_AGENT = "self"
STREAM, MANIFEST = "feedback_stream.jsonl", "manifest.jsonl"


@dataclass(frozen=True)
class Logs:
    """Where logs are: each a folder, searched with all below it, or a file.

    recorder: `data/processed`. live: `reports/feedback_training`. manifests: `reports/live`.
    """

    recorder: Path | None = None
    live: Path | None = None
    manifests: Path | None = None

    def files(self) -> dict[str, list[Path]]:
        """The files of each kind, sorted. Raises ValueError for a path that is not there."""
        return {
            "recorder": _below(self.recorder, lambda name: name not in (STREAM, MANIFEST)),
            "live": _below(self.live, lambda name: name == STREAM),
            "manifests": _below(self.manifests, lambda name: name == MANIFEST),
        }


OTHER_SUFFIXES = (".jsonl", ".json", ".csv", ".gz")
"""Of what OUT must not be called: somebody expects another format."""


def detect(path: Path) -> str | None:
    """"recorder" or "live", as the names of the files tell; None where they tell neither, or both."""
    if path.is_file():
        name = path.name.removesuffix(".gz")
        return "live" if name == STREAM else "recorder" if path.name.endswith(".jsonl.gz") else None
    live = any(_is_named(one, lambda name: name == STREAM) for one in path.rglob("*.jsonl*"))
    recorder = any(one.name.endswith(".jsonl.gz") and _is_named(one, lambda name: name not in (STREAM, MANIFEST))
                   for one in path.rglob("*.jsonl.gz"))
    return None if live == recorder else "live" if live else "recorder"


def size_of(logs: Logs) -> int:
    """Bytes of all files, of which `import_logs` tells how many it has dealt with."""
    return sum(one.stat().st_size for found in logs.files().values() for one in found)


def import_logs(
    logs: Logs, out: Path, on_bytes: Callable[[int], object] = lambda count: None, made: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Writes the logs as datasets and returns, by schema, the report of each; it is in the file's footer, too.

    out: a file that ends in `.parquet`, for logs of one kind, or a folder, which then holds `<schema>.parquet`.
    on_bytes: hears of progress, see `size_of`. Raises ValueError for logs that cannot be found, and without a usable
    step; nothing is left behind then.
    """
    kinds = [schema for schema, source in ((WORLD, logs.recorder), (LIVE, logs.live)) if source is not None]
    if not kinds:
        raise ValueError("there is nothing to import: expected recorder trajectories or live feedback streams")
    if logs.manifests is not None and LIVE not in kinds:
        raise ValueError(f"{logs.manifests} tells of live feedback streams, but none are to be imported")
    single = out.suffix == ".parquet"
    if single and len(kinds) > 1:
        raise ValueError(f"{out} is one file, but {' and '.join(kinds)} are kept apart: name a folder")
    if out.suffix in OTHER_SUFFIXES:
        raise ValueError(f"{out} cannot be written: expected a folder, or a name that ends in .parquet")
    if out.exists():
        raise ValueError(f"{out} exists: remove it or choose another name")
    found = logs.files()
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    reports: dict[str, dict[str, Any]] = {}
    try:
        if not single:
            aside.mkdir()
        for schema in kinds:
            path = aside if single else aside / f"{schema}.parquet"
            reports[schema] = _import(schema, logs, found, path, on_bytes, made or {})
        if not any(report["rows"] for report in reports.values()):
            raise ValueError(_nothing(kinds, reports))
        os.replace(aside, out)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        aside.unlink(missing_ok=True)
    return reports


def _import(
    schema: str, logs: Logs, found: dict[str, list[Path]], path: Path, on_bytes: Callable[[int], object],
    made: dict[str, Any],
) -> dict[str, Any]:
    """Writes the file of one schema, unless it would be empty, and returns its report."""
    faults, extra = Faults(), dict[str, Any]()
    log: RecorderLog | LiveLog
    if schema == WORLD:
        root, sources, log = logs.recorder, found["recorder"], RecorderLog(faults)
    else:
        root, sources = logs.live, found["live"]
        entries: list[Entry] = []
        for one in found["manifests"]:
            entries += read_manifest(one, faults, on_bytes)
        outcomes, strays = link(entries, sources, faults)
        extra = {"manifests": {"files": len(found["manifests"]), "entries": len(entries), "strays": strays}}
        log = LiveLog(faults, outcomes)
    assert root is not None
    facts = facts_of(schema, {"by": "import", "from": shown(root), **made})
    writer, tally, used = StepWriter(path, facts), Tally(facts), 0
    try:
        batch, episodes = _Batch(), dict[tuple[Path, str], int]()
        for source in sources:
            match, agent = (source.parent.name, LIVE_AGENT) if schema == LIVE else match_and_agent(source)
            name = source.name if source == root else shown(source.relative_to(root))
            rest, some = log.steps(source, on_bytes), False
            while steps := list(islice(rest, BATCH_ROWS - len(batch))):
                some = True
                episode = episodes.setdefault((source.parent, match), len(episodes))
                batch.add(steps, episode, shown(Path(agent)), name)
                if len(batch) == BATCH_ROWS:
                    batch.flush(writer, tally)
            used += some
        if len(batch):
            batch.flush(writer, tally)
        report = {
            "schema": schema,
            "files": len(sources),
            "files_without_steps": len(sources) - used,
            "files_cut_short": faults.files,
            "bytes": sum(one.stat().st_size for one in sources),
            "corrupt_lines": faults.damaged,
            "corrupt_lines_by_kind": dict(faults.lines),
            **tally.figures(),
            **log.figures(),
            **extra,
            "first_faults": faults.first,
        }
        writer.close(report)
    except BaseException:
        writer.close()
        raise
    if not tally.rows:
        path.unlink()
    else:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    return report


class _Batch:
    """Steps on their way into columns."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._episode: list[int] = []
        self._agent: list[str] = []
        self._source: list[str] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, steps: list[Step], episode: int, agent: str, source: str) -> None:
        self._steps += steps
        self._episode += [episode] * len(steps)
        self._agent += [agent] * len(steps)
        self._source += [source] * len(steps)

    def flush(self, writer: StepWriter, tally: Tally) -> None:
        """Writes and counts what has gathered, and forgets it."""
        columns = self._columns()
        tally.add(columns)
        writer.write(columns, self._agent, self._source)
        for gathered in (self._steps, self._episode, self._agent, self._source):
            gathered.clear()

    def _columns(self) -> Columns:
        steps = self._steps
        return {
            "observation": np.array([step.observation for step in steps], np.float32),
            "action": encode([step.action for step in steps]),
            "reward": np.array([step.reward for step in steps], np.float32),
            "done": np.array([step.done for step in steps], np.uint8),
            "begins": np.array([not step.follows for step in steps], np.uint8),
            "log_prob": np.array([np.nan if step.log_prob is None else step.log_prob for step in steps], np.float32),
            "episode": np.array(self._episode, np.int64),
            "tick": np.array([step.tick for step in steps], np.int64),
        }


def _below(root: Path | None, wanted: Callable[[str], bool]) -> list[Path]:
    if root is None:
        return []
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise ValueError(f"there is no {root}")
    return sorted(one for one in root.rglob("*.jsonl*") if _is_named(one, wanted) and one.is_file())


def _is_named(path: Path, wanted: Callable[[str], bool]) -> bool:
    name = path.name.removesuffix(".gz")
    return name.endswith(".jsonl") and not name.startswith(".") and wanted(name)


def _nothing(kinds: Iterable[str], reports: dict[str, dict[str, Any]]) -> str:
    """Why nothing could be imported."""

    def words() -> Iterator[str]:
        for schema in kinds:
            report = reports[schema]
            yield f"{report['files']} files of {schema}, {report['corrupt_lines']} corrupt lines"
        yield from [report["first_faults"][0] for report in reports.values() if report["first_faults"]][:1]

    return f"there is no usable step: {'; '.join(words())}"
