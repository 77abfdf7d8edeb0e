"""Reads what a run writes into its folder while the run goes on writing: metrics rows and JSON documents."""
from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BLOCK_BYTES = 1 << 16

# Field of the polling schema: the columns it may be read from, first one present wins.
POLLING_FIELDS = {
    "step": ("step", "env_steps", "env_steps_total", "updates"),
    "epoch": ("epoch", "window", "window_id", "updates"),
    "loss": ("loss", "loss_total"),
    "win_rate": ("win_rate", "score"),
    "decisions_per_sec": ("decisions_per_sec", "env_steps_per_s"),
    "timestamp": ("timestamp", "time"),
}


def metrics_path(directory: str | Path, series: str) -> Path:
    """Where a run keeps the rows of `series` ("training" or "windows")."""
    return Path(directory) / "metrics" / f"{series}.jsonl"


def newest_rows(path: Path, limit: int) -> list[dict[str, Any]]:
    """The last `limit` rows of a JSON-lines file, oldest first; none if there is no file.

    Only the end of the file is read. A last line that is still being written is left out; NaN and infinities, which
    JSON does not have, become null.
    """
    try:
        with path.open("rb") as file:
            start = file.seek(0, os.SEEK_END)
            tail = b""
            while start > 0 and tail.count(b"\n") <= limit:
                size = min(BLOCK_BYTES, start)
                start -= size
                file.seek(start)
                tail = file.read(size) + tail
    except FileNotFoundError:
        return []
    lines = tail.split(b"\n")[:-1]  # after the last newline stands nothing, or half a row
    return [json.loads(line, parse_constant=_no_number) for line in lines[-limit:] if line.strip()]


def newest_row(path: Path) -> dict[str, Any]:
    """The last row of a JSON-lines file, or {} if there is none."""
    rows = newest_rows(path, 1)
    return rows[-1] if rows else {}


def read_document(path: Path) -> Any:
    """A JSON document, or {} if there is no such file; writers replace these files whole."""
    try:
        return json.loads(path.read_bytes(), parse_constant=_no_number)
    except FileNotFoundError:
        return {}


def polling_row(row: dict[str, Any]) -> dict[str, Any]:
    """A metrics row with the fields a polling page expects, null where the run has none, and all its own fields.

    step, epoch, loss, win_rate, decisions_per_sec, timestamp (ISO 8601, UTC); avg_floor where the game has floors.
    """
    fields = {
        name: next((row[column] for column in columns if row.get(column) is not None), None)
        for name, columns in POLLING_FIELDS.items()
    }
    if isinstance(fields["timestamp"], int | float):
        fields["timestamp"] = iso_time(fields["timestamp"])
    return {**row, **fields}


def iso_time(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC: 2026-02-04T12:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _no_number(_: str) -> None:
    return None
