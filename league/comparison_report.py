"""What a comparison found: means and spreads over seeds, intervals over games, and how fast policies were learned.

Letters: N rows, G games, B bins, R resamples.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

import numpy as np
import numpy.typing as npt

from learners.calibration import BINS, bin_index, equal_width

Array = npt.NDArray[Any]

SHARE = 0.9     # of what the slowest cell improves, whose reaching is timed unless a level is given
BLOCK = 64      # resamples at once
SUMMED = ("value_calibration_error", "value_calibration_floor", "value_std", "held_out_value", "policy_cross_entropy",
          "policy_top1_accuracy", "recalibration_scale", "recalibration_error_after", "updates_to_level")
_FIRST = ("calibration error", "  interval")
COLUMNS = {
    "its floor": ("value_calibration_floor", "{:.4f}"),
    "rescaled by": ("recalibration_scale", "{:.2f}"),
    "error then": ("recalibration_error_after", "{:.4f}"),
    "value std": ("value_std", "{:.3f}"),
    "value mse": ("held_out_value", "{:.4f}"),
    "cross-entropy": ("policy_cross_entropy", "{:.4f}"),
    "top-1": ("policy_top1_accuracy", "{:.3f}"),
    "updates to level": ("updates_to_level", "{:.0f}"),
}


def level_of(curves: Sequence[Sequence[Mapping[str, float]]]) -> float:
    """The policy cross-entropy that even the slowest curve reaches: 90 % of the way from its first to its lowest."""
    return max(
        float(lowest + (1 - SHARE) * (curve[0]["policy_cross_entropy"] - lowest))
        for curve in curves
        for lowest in [min(row["policy_cross_entropy"] for row in curve)]
    )


def updates_to(curve: Sequence[Mapping[str, float]], level: float) -> float | None:
    """Updates until the policy cross-entropy is first at `level` or below, between measurements by a straight line."""
    for before, after in zip([curve[0], *curve], curve, strict=False):
        if after["policy_cross_entropy"] <= level:
            fall = before["policy_cross_entropy"] - after["policy_cross_entropy"]
            share = (before["policy_cross_entropy"] - level) / fall if fall > 0 else 1.0
            return before["update"] + share * (after["update"] - before["update"])
    return None


def resampled_errors(value: Array, outcome: Array, episode: Array, resamples: int) -> Array:
    """Calibration errors `[R]` where the games are drawn again; the same draws for every value of the same rows."""
    index = bin_index(value, equal_width())
    names, game = np.unique(episode, return_inverse=True)
    games = len(names)
    cell = game.reshape(-1) * BINS + index
    difference = np.bincount(cell, value.astype(np.float64) - outcome, games * BINS).reshape(games, BINS)
    rows = np.bincount(game.reshape(-1), minlength=games)
    rng, errors = np.random.default_rng(0), []
    for begin in range(0, resamples, BLOCK):
        weight = rng.multinomial(games, np.full(games, 1 / games), min(BLOCK, resamples - begin)).astype(np.float64)
        errors.append(np.abs(weight @ difference).sum(axis=1) / (weight @ rows))
    return np.concatenate(errors)


def interval(estimate: float, resampled: Array) -> tuple[float, float]:
    """Basic bootstrap interval, 95 % (Davison & Hinkley 1997, section 5.2)."""
    low, high = np.percentile(resampled, [2.5, 97.5])
    return 2 * estimate - float(high), 2 * estimate - float(low)


def summarise(
    cells: Mapping[str, Sequence[dict[str, Any]]], errors: Mapping[str, Array], level: float
) -> dict[str, Any]:
    """The report: of every variant mean and spread over seeds, and its difference to the first one.

    cells: per variant, per seed `{"final": {...}, "curve": [...]}`; errors: per variant `[R]`, of the mean over seeds.
    """
    first = next(iter(cells))
    variants = {}
    for name, of_seeds in cells.items():
        finals = [cell["final"] | {"updates_to_level": updates_to(cell["curve"], level)} for cell in of_seeds]
        figures: dict[str, Any] = {}
        for figure in SUMMED:
            known = [final[figure] for final in finals if final.get(figure) is not None]
            figures[figure] = {"mean": mean(known) if known else None, "seeds": len(known),
                               "spread": stdev(known) if len(known) > 1 else None}
        estimate = mean(final["value_calibration_error"] for final in finals)
        low, high = interval(estimate, errors[name])
        figures["value_calibration_error"] |= {"low": max(0.0, low), "high": high}
        if name != first:
            base = mean(cell["final"]["value_calibration_error"] for cell in cells[first])
            low, high = interval(estimate - base, errors[name] - errors[first])
            figures["calibration_error_difference"] = {"to": first, "mean": estimate - base, "low": low, "high": high}
        variants[name] = figures
    return {"level": level, "variants": variants}


def table(report: Mapping[str, Any]) -> str:
    """The report for people: means ± spread over seeds; intervals are over games, 95 %."""
    rows = [["variant", *_FIRST, *COLUMNS, "error less the first's", "  interval"]]
    for name, figures in report["variants"].items():
        error, difference = figures["value_calibration_error"], figures.get("calibration_error_difference")
        rows.append([
            name,
            _spread(error, "{:.4f}"),
            f"{error['low']:.4f} to {error['high']:.4f}",
            *[_spread(figures[figure], shape) for figure, shape in COLUMNS.values()],
            "" if difference is None else f"{difference['mean']:+.4f}",
            "" if difference is None else f"{difference['low']:+.4f} to {difference['high']:+.4f}",
        ])
    # a line per figure and a column per variant: variants are few
    turned = list(zip(*rows, strict=True))
    widths = [max(len(row[column]) for row in turned) for column in range(len(rows))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in turned]
    return "\n".join([*lines, f"level: policy cross-entropy {report['level']:.4f}; ± spread over seeds, 95 % intervals "
                      "over held-out games"])


def _spread(figure: Mapping[str, Any], shape: str) -> str:
    text = "never" if figure["mean"] is None else shape.format(figure["mean"])
    return text if figure["spread"] is None else f"{text} ± {shape.format(figure['spread'])}"
