"""Reads the recorded games of a run, while it goes on recording: index, tags, frames."""
from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from serve.run_files import read_document

INDEX = "replay_index.json"


class UnknownReplayError(LookupError):
    """A run has no such replay."""


class Frames(BaseModel):
    """Some of a replay's frames in order; `next_offset` is where to go on, null at the end."""

    run_id: str
    replay_id: str
    offset: int
    count: int
    next_offset: int | None
    header: dict[str, Any]
    frames: list[dict[str, Any]]


def replays(directory: str | Path, tags: Sequence[str] = (), window: int | None = None) -> list[dict[str, Any]]:
    """Entries of the index, newest first, that have all of `tags`; "milestone:profit" stands for all its thresholds."""
    entries: list[dict[str, Any]] = read_document(Path(directory) / INDEX).get("replays", [])
    return [
        entry for entry in reversed(entries)
        if all(any(own == tag or own.startswith(f"{tag}:") for own in entry["tags"]) for tag in tags)
        and window in (None, entry["window"])
    ]


def replay(directory: str | Path, replay_id: str) -> dict[str, Any]:
    """One entry of the index. Raises UnknownReplayError."""
    entries = replays(directory)
    for entry in entries:
        if entry["id"] == replay_id:
            return entry
    newest = f"the newest is {entries[0]['id']}" if entries else "it has none"
    raise UnknownReplayError(f'run "{Path(directory).name}" has no replay "{replay_id}"; {newest}')


def frames(run_id: str, directory: str | Path, replay_id: str, offset: int, limit: int) -> Frames:
    """At most `limit` frames from `offset` on; frame 0 is the beginning. Raises UnknownReplayError."""
    entry = replay(directory, replay_id)
    try:
        with gzip.open(Path(directory) / entry["path"], "rt") as file:
            header = json.loads(next(file))
            first = {"step": 0, "frame": header.pop("frame")}
            wanted = islice(file, max(0, offset - 1), max(0, min(offset + limit, entry["length"] + 1) - 1))
            found = [first] * (offset == 0) + [json.loads(line) for line in wanted]
    except FileNotFoundError:
        raise UnknownReplayError(f'the file of replay "{replay_id}" is gone') from None
    end = offset + len(found)
    return Frames(run_id=run_id, replay_id=replay_id, offset=offset, count=len(found), header=header, frames=found,
                  next_offset=end if end <= entry["length"] else None)


def summary(directory: str | Path) -> dict[str, Any]:
    """How many replays a run has, its newest and its best."""
    entries = replays(directory)
    if not entries:
        return {"count": 0}
    best = next((entry for entry in entries if "best_so_far" in entry["tags"]), entries[0])
    facts = ("id", "path", "window", "return", "length", "tags")
    return {"count": len(entries), **{
        name: {fact: entry[fact] for fact in facts} for name, entry in (("latest", entries[0]), ("best", best))
    }}
