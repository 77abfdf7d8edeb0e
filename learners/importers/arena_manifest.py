"""Manifests of live sessions, `manifest.jsonl`: how the session of a feedback stream ended

Two spellings: `runtime_feedback` and `run_finish`, which the loader of these logs expects, and
`runtime_feedback_jsonl`, `run_finish_line` and `run_stop_line`, which their writer uses.
"""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from learners.importers.faults import Faults
from learners.importers.fields import Fields
from learners.importers.lines import read_objects

STREAM_KEYS = ("runtime_feedback", "runtime_feedback_jsonl")
FINISH_KEYS = ("run_finish", "run_finish_line", "run_stop_line")
SHARED = 2
"""Parts in which the end of a path must agree at least: the session's folder and the file's name."""
_WON = re.compile(r"(?<![a-z])(?<!no_)(?<!no )(?:win|wins|won|winner|victory)(?![a-z])")
"""Words of their own: neither window nor Darwin nor no_win."""
_LOST = re.compile("loss|death_event|defeat")
_REASON = re.compile(r"""\breason\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s,;]+))""", re.I)


@dataclass(frozen=True)
class Entry:
    """A line of a manifest."""

    path: Path
    line: int
    stream: tuple[str, ...]     # parts of the path of the feedback stream, as `parts_of` gives them
    outcome: int


def outcome_of(text: str) -> int:
    """1 won, -1 lost, 0 where the text says neither."""
    text = text.lower()
    return 1 if _WON.search(text) else -1 if _LOST.search(text) else 0


def outcome_of_finish(text: str) -> int:
    """The same of a finish line: of its `reason=...`, or of the whole line if it gives none."""
    reason = _REASON.search(text)
    return outcome_of(next(one for one in reason.groups() if one is not None) if reason else text)


def parts_of(path: str) -> tuple[str, ...]:
    """The parts of a path from any system, in lower case."""
    return tuple(part for part in path.lower().replace("\\", "/").split("/") if part not in ("", "."))


def read_manifest(path: Path, faults: Faults, on_bytes: Callable[[int], object]) -> list[Entry]:
    """The entries of a manifest; `faults` hears of lines that are none."""
    entries = []
    for number, line in read_objects(path, faults, on_bytes):
        try:
            entries.append(_entry(path, number, line))
        except ValueError as fault:
            faults.line(path, number, fault)
    return entries


def _entry(path: Path, number: int, line: dict[str, Any]) -> Entry:
    fields = Fields()
    stream = next((found for key in STREAM_KEYS if (found := fields.text(line, key))), "")
    if len(parts_of(stream)) < SHARED:
        raise ValueError(f"has no feedback stream, expected one of {', '.join(STREAM_KEYS)} with a path")
    finish = next((found for key in FINISH_KEYS if (found := fields.text(line, key))), "")
    return Entry(path, number, parts_of(stream), outcome_of_finish(finish))


def link(entries: Iterable[Entry], streams: Iterable[Path], faults: Faults) -> tuple[dict[Path, int], int]:
    """Outcomes of the streams that a manifest tells of, and the number of entries that fit no stream, or several.

    An entry is of the stream whose path has the longest end in common with its own: logs are read in other places than
    they were written in. Of several entries of one stream the last whose outcome is not 0 counts.
    """
    ends: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    for stream in streams:
        ends[parts_of(stream.as_posix())[-SHARED:]].append(stream)
    outcomes: dict[Path, int] = {}
    strays = 0
    for entry in entries:
        candidates = ends.get(entry.stream[-SHARED:], [])
        lengths = [_common_end(entry.stream, parts_of(one.as_posix())) for one in candidates]
        if not candidates or lengths.count(max(lengths)) > 1:
            strays += 1
            words = "several of the streams" if candidates else "none of the streams"
            faults.other(entry.path, f"line {entry.line} is of {'/'.join(entry.stream[-3:])}, which fits {words}")
            continue
        stream = candidates[lengths.index(max(lengths))]
        outcomes[stream] = entry.outcome or outcomes.get(stream, 0)
    return outcomes, strays


def _common_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    length = 0
    while length < min(len(one), len(other)) and one[-length - 1] == other[-length - 1]:
        length += 1
    return length
