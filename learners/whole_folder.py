"""Folders of files that a reader finds whole or not at all.

A folder is written under a temporary name, flushed to disk and then renamed.
"""
from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def replace_folder(directory: Path, files: Mapping[str, bytes]) -> None:
    """Writes `directory` with these files, by name, in place of a folder of the same name if there is one.

    A process that dies in between leaves one of the two: see `standing`.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)      # of a writer that died
    fresh.mkdir()
    for name, data in files.items():
        _write_file(fresh / name, data)
    _flush_folder(fresh)
    previous = _previous(directory)
    if directory.exists():      # no portable call swaps two folders, so for a moment only `previous` exists
        shutil.rmtree(previous, ignore_errors=True)
        directory.rename(previous)
    fresh.rename(directory)
    _flush_folder(directory.parent)
    shutil.rmtree(previous, ignore_errors=True)


def standing(directory: Path) -> Path:
    """`directory`, or the folder that was just being replaced by it when its writer died."""
    previous = _previous(directory)
    return previous if previous.exists() and not directory.exists() else directory


def _previous(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.previous")


def _write_file(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
