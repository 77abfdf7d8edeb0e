"""What could not be used of a log: how much of which kind, and the first of it with file and line"""
from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

KEPT = 1000


class CorruptLineError(ValueError):
    """A line that cannot be used; `kind` is what it counts as, the message is the end of a sentence."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class Faults:
    """Counts what is left out, and keeps the first `KEPT` sentences about it.

    lines: corrupt lines by kind. damaged: of all kinds. files: of which the rest, or everything, could not be read.
    """

    def __init__(self) -> None:
        self.lines: Counter[str] = Counter()
        self.files = 0
        self.damaged = 0
        self.first: list[str] = []

    def line(self, path: Path, number: int, fault: ValueError) -> None:
        """Notes a corrupt line."""
        self.lines[fault.kind if isinstance(fault, CorruptLineError) else "field"] += 1
        self.damaged += 1
        self._keep(f"{shown(path)} line {number} {fault}")

    def rest(self, path: Path, number: int, fault: Exception) -> None:
        """Notes a file that cannot be read from line `number` on."""
        self.files += 1
        self._keep(f"{shown(path)} from line {number} on cannot be read: {str(fault) or type(fault).__name__}")

    def other(self, path: Path, words: str) -> None:
        """Notes what is neither, without counting it."""
        self._keep(f"{shown(path)} {words}")

    def _keep(self, sentence: str) -> None:
        if len(self.first) < KEPT:
            self.first.append(sentence.encode("utf-8", "backslashreplace").decode())


def shown(path: Path) -> str:
    """A path as text that any file or terminal takes: names need not be UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")
