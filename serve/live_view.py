"""What a person sees while a run trains: a live panel in a terminal, one plain line every few seconds elsewhere.

A `LiveView` is called with the events of `league.run.train`: dicts with `kind` "status", "progress", "evaluation",
"message", "finished" and others, which are not shown. It shows what is in them and leaves out what is not.
"""
from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from serve.quantities import duration, quantity

PLAIN_INTERVAL_S = 5.0
REFRESH_PER_S = 4
LOSSES = (("loss", "loss_total"), ("policy", "loss_policy"), ("value", "loss_value"), ("entropy", "entropy"),
          ("data lag", "data_lag_mean"))
MOST_SETS = 4           # of positions with exact scores that are shown one by one
SHOW_CURSOR = b"\x1b[?25h"

Event = dict[str, Any]


class PatientConsole(Console):
    """A console that falls silent when its reader goes away (`| head`), where rich would end the program."""

    def on_broken_pipe(self) -> None:
        """Sends what is printed from now on nowhere."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class LiveView:
    """Shows the events of one run on `console`; a context manager, so that the terminal is left as it was.

    heading: lines that say what runs and where. clock: seconds, of any origin.
    """

    def __init__(self, console: Console, heading: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._heading = list(heading)
        self._clock = clock
        self._last_line_s = -PLAIN_INTERVAL_S
        self._status = "starting"
        self._progress: Event = {}
        self._results: list[Event] = []
        self._live = Live(
            console=console, get_renderable=self._panel, refresh_per_second=REFRESH_PER_S, transient=True
        ) if console.is_terminal else None

    def __enter__(self) -> LiveView:
        for line in self._heading:
            self._say(line)
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Shows one event."""
        kind = event["kind"]
        if kind == "progress":
            self._progress = event
            if self._live is None and self._clock() - self._last_line_s >= PLAIN_INTERVAL_S:
                self._last_line_s = self._clock()
                self._say(progress_line(event))
        elif kind == "evaluation":
            self._results = event["results"]
            for line in (evaluation_line(event), *position_lines(event)):
                self._say(line)
        elif kind == "status":
            self._status = event["status"]
            self._say(" ".join(filter(None, ["run is", self._status, _in_brackets(event.get("reason"))])))
        elif kind == "message":
            self._say(event["text"])
        elif kind == "finished":
            self._finish(event)

    def _finish(self, event: Event) -> None:
        if self._live is not None:
            self._live.stop()
        results = event.get("results") or self._results
        if results:
            self._console.print(results_table(results, box.SIMPLE if self._live else box.ASCII2))
        for table in curve_tables(event.get("curve", []), box.SIMPLE if self._live else box.ASCII2):
            self._console.print(table)
        words = [event["status"], _in_brackets(event.get("reason"))]
        if "elapsed_s" in event:
            words.append(f"after {duration(event['elapsed_s'])}")
        if "directory" in event:
            words.append(f"in {event['directory']}")
        self._say(" ".join(filter(None, words)))

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _panel(self) -> RenderableType:
        event = self._progress
        parts: list[RenderableType] = []
        if event.get("fraction"):
            bar = Table.grid(expand=True)
            bar.add_row(ProgressBar(total=1.0, completed=event["fraction"]))
            parts.append(bar)
        parts += [Text("   ".join(words)) for words in (_pace(event), _losses(event)) if words]
        if self._results:
            parts.append(results_table(self._results, box.SIMPLE))
        parts += [Text(word, style="yellow") for word in _bottleneck(event)]
        return Panel(Group(*parts) if parts else Text("waiting for the first games"), title=self._status)


def progress_line(event: Event) -> str:
    """A progress event on one line: time, updates, steps and games with their rates, losses, bottleneck."""
    return "  ".join([*_pace(event), *_losses(event), *_bottleneck(event)])


def evaluation_line(event: Event) -> str:
    """An evaluation event on one line: the score against every opponent with its interval."""
    scores = [f"{each['opponent']} {_score(each)} of {each['games']}" for each in event["results"]]
    after = f" after {duration(event['elapsed_s'])}" if "elapsed_s" in event else ""
    return f"evaluation at update {event['updates']}{after}: " + ", ".join(scores)


def position_lines(event: Event) -> list[str]:
    """Errors in positions with exact scores, a line per way to decide: of all positions, and of the non-trivial."""
    return [
        f"errors by {how}: " + ", ".join(
            f"{row['name']} {100 * row['share']:.1f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f}; "
            f"{row['errors']} of {row['nontrivial']} where it matters)"
            for row in _few(rows)
        )
        for how, rows in event.get("positions", {}).items()
    ]


def _few(rows: list[Event]) -> list[Event]:
    """All sets if they are few, else the one that holds them all."""
    return rows if len(rows) <= MOST_SETS else rows[-1:]


def results_table(results: Sequence[Event], frame: box.Box) -> Table:
    """Games won, drawn, lost and the share won (95 % interval) against every opponent.

    In a game of one seat: how often it did better than each scripted player in the same game, and what both got.
    """
    table = Table(box=frame)
    table.add_column("opponent")
    if any(each.get("opponent_return") is not None for each in results):
        metrics = list(results[0].get("metrics", {}))[:1]
        shown = [name for metric in metrics for name in (metric, "theirs")]
        for name in ("games", "ahead, 95 %", "return", "theirs", *shown):
            table.add_column(name, justify="right", no_wrap=True)
        for each in results:
            means = [f"{each[side][metric]:.4g}" for metric in metrics for side in ("metrics", "opponent_metrics")]
            table.add_row(
                str(each["opponent"]), str(each["games"]), _score(each), f"{each['mean_return']:.4g}",
                f"{each['opponent_return']:.4g}", *means,
            )
        return table
    for name in ("games", "won", "drawn", "lost", "won, 95 % interval"):
        table.add_column(name, justify="right")
    for each in results:
        counts = [str(each.get(name, "")) for name in ("games", "wins", "draws", "losses")]
        table.add_row(str(each["opponent"]), *counts, _score(each))
    return table


def curve_tables(curve: Sequence[Event], frame: box.Box) -> list[Table]:
    """The learning curve: errors in % of all positions of each set, against the time of training.

    A table for every way to decide; none where no positions were looked at.
    """
    points = [point for point in curve if point.get("positions")]
    tables = []
    for how in points[-1]["positions"] if points else ():
        table = Table(box=frame, title=f"errors in % by {how}, against time")
        sets = [row["name"] for row in _few(points[-1]["positions"][how])]
        for name in ("time", "decisions", *sets):
            table.add_column(name, justify="right")
        for point in points:
            shares = {row["name"]: f"{100 * row['share']:.1f}" for row in point["positions"].get(how, [])}
            table.add_row(duration(point["elapsed_s"]), quantity(point["step"]), *(shares.get(one, "") for one in sets))
        tables.append(table)
    return tables


def restore_terminal() -> None:
    """Shows the cursor that a live panel hides; safe in a signal handler, for a program that ends at once."""
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), SHOW_CURSOR)


def _pace(event: Event) -> list[str]:
    words = [duration(event["elapsed_s"])] if "elapsed_s" in event else []
    if event.get("fraction"):
        words.append(f"{100 * event['fraction']:.0f} %")
    if "updates" in event:
        words.append(f"update {event['updates']}")
    for count, rate, name in (("env_steps", "env_steps_per_s", "steps"), ("games", "games_per_s", "games")):
        if event.get(count) is not None:
            speed = f" ({quantity(event[rate])}/s)" if event.get(rate) is not None else ""
            words.append(f"{quantity(event[count])} {name}{speed}")
    return words


def _losses(event: Event) -> list[str]:
    return [f"{name} {event[column]:.3g}" for name, column in LOSSES if event.get(column) is not None]


def _bottleneck(event: Event) -> list[str]:
    return [f"bottleneck: {event['bottleneck']}"] if event.get("bottleneck") else []


def _score(result: Event) -> str:
    score = f"{100 * result['score']:.1f} %"
    if result.get("low") is None or result.get("high") is None:
        return score
    return f"{score} ({100 * result['low']:.1f} to {100 * result['high']:.1f})"


def _in_brackets(reason: str | None) -> str:
    return f"({reason})" if reason else ""
