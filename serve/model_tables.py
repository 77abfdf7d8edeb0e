"""Tables and words of `ludus evaluate` and `ludus calibrate`."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.table import Table

if TYPE_CHECKING:
    from league.positions import SetErrors


def player_name(simulations: int) -> str:
    """What decides: a search, or the network alone."""
    return f"search of {simulations}" if simulations else "network alone"


def error_table(found: Mapping[str, Sequence[SetErrors]]) -> Table:
    """Errors in % in every set, per player, with 95 % intervals.

    Below a set's name: how many positions it has, and in how many of them the choice matters.
    """
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("set", "player", "errors, %", "where it matters", "sign, %", "mse"):
        table.add_column(column, no_wrap=True, justify="left" if column in ("set", "player") else "right")
    for rows in zip(*found.values(), strict=True):
        label = [rows[0].name, f"{rows[0].positions}/{rows[0].nontrivial}"]
        for player, one in zip(found, rows, strict=True):
            table.add_row(
                label.pop(0) if label else "", player, _percent(one.share, one.low, one.high),
                _percent(one.nontrivial_share, one.nontrivial_low, one.nontrivial_high) if one.nontrivial else "",
                "" if one.value_sign is None else f"{100 * one.value_sign:.1f}",
                "" if one.value_mse is None else f"{one.value_mse:.3f}",
            )
        if len(label) == 1:
            table.add_row(label[0])
        table.add_section()
    return table


def report_table(name: str, report: Mapping[str, Any]) -> Table:
    """The bins of a report of `league.calibrate.report`."""
    table = Table(box=SIMPLE, title=f"values of the {name}", title_justify="left")
    for column in ("value", "rows", "games", "mean", "outcome", "its 95 % interval", "too high"):
        table.add_column(column, no_wrap=True, justify="right")
    for row in report["bins"]:
        table.add_row(
            f"{row['low']:+.2f} to {row['high']:+.2f}", str(row["rows"]), str(row["games"]),
            f"{row['mean_value']:+.3f}", f"{row['mean_outcome']:+.3f}",
            f"{row['outcome_low']:+.3f} to {row['outcome_high']:+.3f}", f"{row['bias']:+.3f}",
        )
    return table


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The rest of it in words."""
    lines = [
        f"ECE {_ece(report)}; with bins of equally many {report['error_equal_mass']:.3f}; worst bin "
        f"{report['maximum_error']:.3f}",
        f"on average too high by {report['bias']:+.3f}; squared error {report['mse']:.3f} (Brier "
        f"{report['brier']:.4f}), log-loss {report['log_loss']:.3f} nats",
    ]
    lines += [
        f"  {phase:6} ECE {_ece(part)}; too high by {part['bias']:+.3f}" for phase, part in report["phases"].items()
    ]
    scaled = report["recalibration"]
    if scaled is not None:
        lines.append(
            f"best scale of atanh(v) on half of the games: {scaled['scale']:.2f}; ECE of the other half "
            f"{scaled['error_before']:.3f} before, {scaled['error_after']:.3f} after "
            f"(by chance {scaled['floor_after']:.3f})"
        )
    return lines


def _ece(one: Mapping[str, Any]) -> str:
    return (f"{one['error']:.3f} ({one['error_low']:.3f} to {one['error_high']:.3f}); by chance {one['floor']:.3f}, "
            f"in 95 % of cases below {one['floor_p95']:.3f}")


def _percent(share: float, low: float, high: float) -> str:
    return f"{100 * share:.1f} ({100 * low:.1f} to {100 * high:.1f})"
