"""What all commands share: the folder of runs, the console, and errors as one sentence with an exit status."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from serve.database import StoreError
from serve.live_view import PatientConsole
from serve.run_store import TransitionError, UnknownRunError

REFUSED = 1
BAD_REQUEST = 2

RunsDir = Annotated[Path, typer.Option(envvar="LUDUS_RUNS_DIR", help="Folder of all runs.")]
DEFAULT_RUNS_DIR = Path("runs")
Profile = Annotated[
    str | None, typer.Option(help="One of the config's profiles, such as laptop of configs/razzle.yaml.")
]
Serve = Annotated[bool, typer.Option(help="Answer HTTP on 127.0.0.1 while the run lasts.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="First port to try on 127.0.0.1.")]


def console() -> PatientConsole:
    """The console on standard output."""
    return PatientConsole()


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turns what can go wrong with a request into a sentence on standard error and an exit status.

    1: the run's state or the store does not allow it. 2: the request names or sets something that cannot be.
    """
    try:
        yield
    except (TransitionError, StoreError, TimeoutError) as error:
        _leave(error, REFUSED)
    except (ValueError, UnknownRunError) as error:
        _leave(error, BAD_REQUEST)
    except OSError as error:
        if error.filename is None:
            raise
        _leave(ValueError(f"{error.filename}: {error.strerror}"), BAD_REQUEST)


def _leave(error: Exception, status: int) -> None:
    print(f"ludus: {error}", file=sys.stderr)
    raise typer.Exit(status) from error
