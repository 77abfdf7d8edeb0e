"""Objects from lines of JSON, in plain or gzipped files of any size of which any part may be damaged

Blank lines are passed over. UTF-8, with or without its mark, and UTF-16 with its mark, as Windows shells write it.
"""
from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from learners.importers.faults import CorruptLineError, Faults

LONGEST = 1 << 24
"""Bytes of a line; without a bound a file without line ends would be read into memory."""
REPORT_EVERY = 1000
"""Lines between two reports of progress."""
GZIP = b"\x1f\x8b"


def _no_constant(name: str) -> NoReturn:
    raise CorruptLineError("JSON", f"is not JSON: it holds {name}")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def read_objects(
    path: Path, faults: Faults, on_bytes: Callable[[int], object] = lambda count: None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and object of every sound line; `faults` hears of the others, and of where reading had to end.

    on_bytes: hears, now and then, how many more bytes of the file have been dealt with; in the end, all of them.
    """
    number, told = 0, 0
    try:
        with path.open("rb") as raw:
            for line in _lines(raw):
                number += 1
                if number % REPORT_EVERY == 0:
                    at = raw.tell()
                    on_bytes(at - told)
                    told = at
                try:
                    found = parse(line)
                except CorruptLineError as fault:
                    faults.line(path, number, fault)
                    continue
                if found is not None:
                    yield number, found
    except (OSError, EOFError, zlib.error, UnicodeError) as fault:
        faults.rest(path, number + 1, fault)
    try:
        size = path.stat().st_size
    except OSError:
        return
    on_bytes(size - told)


def parse(line: bytes | str | None) -> dict[str, Any] | None:
    """The object of a line, None of a blank one; the line None is one that was too long. Raises CorruptLineError."""
    if line is None:
        raise CorruptLineError("length", f"is longer than {LONGEST} bytes")
    try:
        text = (line.decode() if isinstance(line, bytes) else line).strip().removeprefix("\ufeff")
    except UnicodeDecodeError as fault:
        raise CorruptLineError("encoding", f"is not UTF-8: byte {fault.start} of it") from None
    if not text:
        return None
    try:
        found = _DECODER.decode(text)
    except CorruptLineError:
        raise
    except json.JSONDecodeError as fault:
        raise CorruptLineError("JSON", f"is not JSON: {fault.msg} at character {fault.pos}") from None
    except ValueError:      # what is left: Python refuses integers of thousands of digits
        raise CorruptLineError("JSON", "holds an integer of too many digits") from None
    except RecursionError:
        raise CorruptLineError("JSON", "is nested too deeply") from None
    if not isinstance(found, dict):
        raise CorruptLineError("object", f"holds a {type(found).__name__}, expected an object")
    return found


def _lines(raw: BinaryIO) -> Iterator[bytes | str | None]:
    """The lines of a file, None in place of each that is too long."""
    zipped = raw.read(len(GZIP)) == GZIP
    raw.seek(0)
    stream = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if zipped else raw
    assert isinstance(stream, io.BufferedReader)
    if stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = io.TextIOWrapper(stream, "utf-16", newline="\n")
        try:
            yield from _bounded(text, "\n")
        finally:
            text.detach()       # the file is not its to close
    else:
        yield from _bounded(stream, b"\n")


def _bounded(stream: Any, end: bytes | str) -> Iterator[Any]:
    while line := stream.readline(LONGEST):
        if len(line) < LONGEST or line.endswith(end):
            yield line
            continue
        while line and not line.endswith(end):
            line = stream.readline(LONGEST)
        yield None
