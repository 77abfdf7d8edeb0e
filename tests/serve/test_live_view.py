"""What the live view prints, with a terminal and without one."""
from __future__ import annotations

import io
from typing import Any

import pytest
from rich import box

from serve.live_view import LiveView, PatientConsole, curve_tables, results_table
from serve.quantities import duration, quantity

RESULTS = [
    {"opponent": "random", "games": 400, "wins": 380, "draws": 5, "losses": 15, "score": 0.95, "low": 0.924,
     "high": 0.9674},
    {"opponent": "perfect", "games": 400, "wins": 48, "draws": 2, "losses": 350, "score": 0.12, "low": 0.0917,
     "high": 0.1556},
]
EVALUATION = {"kind": "evaluation", "updates": 340, "results": RESULTS}
FINISHED = {"kind": "finished", "status": "completed", "reason": "2000 updates done", "results": RESULTS,
            "elapsed_s": 754.2, "directory": "runs/alpha"}


def progress(elapsed_s: float) -> dict[str, Any]:
    """A progress event."""
    return {"kind": "progress", "updates": 340, "elapsed_s": elapsed_s, "fraction": 0.17, "env_steps": 1_234_567,
            "env_steps_per_s": 98_765.4, "games": 5123, "loss_total": 0.4321, "loss_policy": -0.0123,
            "loss_value": 0.3, "entropy": 1.5, "data_lag_mean": 2.25, "bottleneck": "actors"}


class Screen:
    """A live view on a console of 100 columns whose output can be read, and a clock that is set by hand."""

    def __init__(self, terminal: bool) -> None:
        self.output = io.StringIO()
        self.now_s = 0.0
        self._console = PatientConsole(
            file=self.output, force_terminal=terminal, width=100, height=40, color_system=None, _environ={}
        )

    def show(self, *events: dict[str, Any], seconds_between: float = 0.0) -> str:
        """All that is printed for these events."""
        with LiveView(self._console, ["training alpha from c4.yaml"], clock=lambda: self.now_s) as view:
            for event in events:
                view(event)
                self.now_s += seconds_between
        return self.output.getvalue()


def test_without_a_terminal_every_event_is_a_plain_line() -> None:
    text = Screen(terminal=False).show(
        {"kind": "status", "status": "running", "reason": ""}, {"kind": "message", "text": "learning on cpu [fast]"},
        progress(12.3), EVALUATION, {"kind": "status", "status": "paused", "reason": "paused as asked"}, FINISHED,
    )
    assert text == """\
training alpha from c4.yaml
run is running
learning on cpu [fast]
12 s  17 %  update 340  1.23 M steps (98.8 k/s)  5.12 k games  loss 0.432  policy -0.0123  value 0.3  entropy 1.5  \
data lag 2.25  bottleneck: actors
evaluation at update 340: random 95.0 % (92.4 to 96.7) of 400, perfect 12.0 % (9.2 to 15.6) of 400
run is paused (paused as asked)
+----------+-------+-----+-------+------+-----------------------+
| opponent | games | won | drawn | lost |    won, 95 % interval |
+----------+-------+-----+-------+------+-----------------------+
| random   |   400 | 380 |     5 |   15 | 95.0 % (92.4 to 96.7) |
| perfect  |   400 |  48 |     2 |  350 |  12.0 % (9.2 to 15.6) |
+----------+-------+-----+-------+------+-----------------------+
completed (2000 updates done) after 12 min 34 s in runs/alpha
"""


def test_without_a_terminal_progress_comes_every_few_seconds() -> None:
    text = Screen(terminal=False).show(*(progress(second) for second in range(13)), seconds_between=1.0)
    lines = [line.split("  ")[0] for line in text.splitlines()[1:]]
    assert lines == ["0 s", "5 s", "10 s"]


def test_in_a_terminal_a_panel_stands_below_the_lines_and_goes_at_the_end() -> None:
    text = Screen(terminal=True).show(progress(12.3), EVALUATION, FINISHED)
    panel = text[text.index("╭"):text.index("╰")]
    assert "━" in text
    assert "12 s   17 %   update 340   1.23 M steps (98.8 k/s)   5.12 k games" in text
    assert "bottleneck: actors" in text
    assert "starting" in panel
    assert text.index("evaluation at update 340") > text.index("training alpha")
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1, "the cursor is hidden, and shown again"
    last = text.rindex("\x1b[2K")
    assert "╭" not in text[last:]
    assert text.endswith("completed (2000 updates done) after 12 min 34 s in runs/alpha\n")


def test_an_error_inside_gives_the_terminal_back() -> None:
    screen = Screen(terminal=True)
    with pytest.raises(KeyError):
        screen.show({"kind": "progress"}, {})
    assert screen.output.getvalue().count("\x1b[?25h") == 1


def test_what_a_run_does_not_measure_is_left_out() -> None:
    text = Screen(terminal=False).show({"kind": "progress", "updates": 1, "loss_total": None}, {
        "kind": "finished", "status": "stopped", "reason": ""
    })
    assert text == "training alpha from c4.yaml\nupdate 1\nstopped\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "0.50"), (950, "950"), (999.4, "999"), (999.6, "1.00 k"), (1234, "1.23 k"), (45_600, "45.6 k"),
     (999_499, "999 k"), (999_500, "1.00 M"), (1_234_567, "1.23 M"), (2.5e9, "2.50 G"), (-1234, "-1.23 k")],
)
def test_quantities_have_three_digits(value: float, text: str) -> None:
    assert quantity(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (250, "4 min 10 s"), (12_300, "3 h 25 min"),
     (187_200, "2 d 4 h")],
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_game_of_one_seat_shows_what_both_got() -> None:
    row = {"opponent": "shuttle", "games": 200, "wins": 50, "draws": 0, "losses": 150, "score": 0.25, "low": 0.19,
           "high": 0.31, "mean_return": 4.5, "metrics": {"net_profit": 9000.0}, "opponent_return": 8.76,
           "opponent_metrics": {"net_profit": 15053.0}}
    file = io.StringIO()
    PatientConsole(file=file, width=120).print(results_table([row], box.ASCII2))
    shown = file.getvalue()
    for text in ("ahead", "25.0 % (19.0 to 31.0)", "4.5", "8.76", "net_profit", "9000", "1.505e+04"):
        assert text in shown


def test_the_learning_curve_is_a_table_per_way_to_decide() -> None:
    def point(elapsed_s: float, share: float) -> dict[str, Any]:
        rows = [{"name": name, "share": share + more} for name, more in (("easy", 0.0), ("hard", 0.1))]
        return {"elapsed_s": elapsed_s, "step": 1_000_000, "positions": {"policy": rows, "search_32": rows[:1]}}

    curve = [point(60, 0.3), {"elapsed_s": 90, "step": 2, "positions": {}}, point(120, 0.2)]
    file = io.StringIO()
    for table in curve_tables(curve, box.ASCII2):
        PatientConsole(file=file, width=80).print(table)
    policy, search = file.getvalue().split("errors in % by search_32")
    assert "errors in % by policy" in policy
    assert [line.split("|")[3:5] for line in policy.splitlines() if " min " in line] == [
        [" 30.0 ", " 40.0 "], [" 20.0 ", " 30.0 "]
    ]
    assert "hard" not in search
    assert curve_tables([curve[1]], box.ASCII2) == []
