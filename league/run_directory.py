"""The files of one run. Everything is whole at any moment: written aside, then renamed, or one line in one write."""
from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors.numpy import load_file, save_file

WINDOWS = "metrics/windows.jsonl"
TRAINING = "metrics/training.jsonl"
RUN_STATE = "run.json"


class RunDirectory:
    """`runs/<run_id>/`; folders are made when the first file needs them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._metadata: dict[str, Any] = self.read_json("run_metadata.json") or {}

    def write_config(self, text: str) -> None:
        """Writes `config.yaml`."""
        self._replace("config.yaml", text)

    def update_metadata(self, **fields: Any) -> None:
        """Changes these fields of `run_metadata.json`."""
        self._metadata |= fields | {"updated": time.time()}
        self._replace("run_metadata.json", json.dumps(self._metadata, indent=2) + "\n")

    def write_json(self, name: str, content: Any) -> None:
        """Writes a JSON file below the run."""
        self._replace(name, json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        """What a JSON file below the run holds; None if there is none."""
        path = self.path / name
        return json.loads(path.read_text()) if path.is_file() else None

    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a file below the run."""
        self._replace(name, content)

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        """Adds one line of JSON."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, (json.dumps(_finite(row), allow_nan=False) + "\n").encode())
        finally:
            os.close(descriptor)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """All lines of a JSON-lines file, without a last one that was cut short; none if it does not exist."""
        path = self.path / name
        lines = path.read_text().splitlines() if path.is_file() else []
        rows = []
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                if number < len(lines):
                    raise ValueError(f"{path} line {number} is not JSON: {line[:80]!r}") from None
        return rows

    def rewind(self, name: str, keep: Callable[[dict[str, Any]], bool], add: list[dict[str, Any]]) -> None:
        """Keeps the lines that a checkpoint knows of and puts back those that were lost after it."""
        rows = [row for row in self.rows(name) if keep(row)]
        rows += [row for row in _finite(add) if row not in rows]
        self._replace(name, "".join(json.dumps(row) + "\n" for row in rows))

    def checkpoints(self) -> list[Path]:
        """Whole checkpoints, oldest first."""
        return sorted(path for path in self.path.glob("checkpoints/ckpt_*") if (path / RUN_STATE).is_file())

    def write_checkpoint(self, name: str, fill: Callable[[Path], None], state: Mapping[str, Any]) -> Path:
        """Makes `checkpoints/<name>`: `fill` writes into a folder aside, which is then renamed.

        One of that name which is there already stays as it is: names tell states apart.
        """
        target = self.path / "checkpoints" / name
        if (target / RUN_STATE).is_file():
            return target
        aside = target.with_name(f".{name}.{os.getpid()}")
        for left in target.parent.glob(".ckpt_*"):      # of a process that was killed while it wrote
            shutil.rmtree(left)
        aside.mkdir(parents=True)
        fill(aside)
        _write_durably(aside / RUN_STATE, json.dumps(_finite(state), allow_nan=False) + "\n")
        if target.exists():
            shutil.rmtree(target)       # without its state it is none
        os.replace(aside, target)
        return target

    def amend_checkpoint(self, name: str, fields: Mapping[str, Any]) -> None:
        """Changes these fields of a checkpoint's state, if there is one of that name."""
        path = f"checkpoints/{name}/{RUN_STATE}"
        state = self.read_json(path)
        if state is not None:
            self._replace(path, json.dumps(_finite({**state, **fields}), allow_nan=False) + "\n")

    def prune_checkpoints(self, keep: int) -> None:
        """Removes all checkpoints but the `keep` newest, and what a removal that was cut short has left of others."""
        for old in self.checkpoints()[:-keep]:
            (old / RUN_STATE).unlink()  # first, so that half of a checkpoint never looks like a whole one
        for path in self.path.glob("checkpoints/ckpt_*"):
            if not (path / RUN_STATE).is_file():
                shutil.rmtree(path)

    def remove(self, name: str) -> None:
        """Removes a file below the run, if it is there."""
        (self.path / name).unlink(missing_ok=True)

    def save_weights(self, name: str, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Writes a safetensors file below the run."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        save_file(dict(weights), aside)
        os.replace(aside, path)

    def load_weights(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Reads what `save_weights` wrote."""
        weights: dict[str, npt.NDArray[Any]] = load_file(self.path / name)
        return weights

    def _replace(self, name: str, content: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        _write_durably(aside, content)
        os.replace(aside, path)


def _finite(value: Any) -> Any:
    """The same with None for what JSON has no number for: the figures of a skipped update are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value


def _write_durably(path: Path, content: str | bytes) -> None:
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
