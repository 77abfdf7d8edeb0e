"""A reliability diagram as SVG: mean outcome against mean value of every bin, with 95 % intervals, and counts below.

One panel for each report of `league.calibrate.report`.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

PLOT = 320              # side of the square from -1 to 1, in pixels
COUNTS = 70             # height of the bars of counts below it
LEFT, TOP, GAP, RIGHT, BOTTOM = 58, 62, 34, 14, 40
WIDTH, HEIGHT = LEFT + PLOT + RIGHT, TOP + PLOT + GAP + COUNTS + BOTTOM
TICKS = (-1.0, -0.5, 0.0, 0.5, 1.0)
INK, PALE, LINE, MARK = "#333", "#e6e6e6", "#888", "#1565c0"


def reliability_svg(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of an SVG file."""
    panels = "\n".join(
        f'<g transform="translate({number * WIDTH} 0)">\n{_panel(name, report)}\n</g>'
        for number, (name, report) in enumerate(reports.items())
    )
    width = WIDTH * len(reports)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" viewBox="0 0 {width} {HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="12" fill="{INK}">\n<title>Reliability of values</title>\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{panels}\n</svg>\n'
    )


def _panel(name: str, report: Mapping[str, Any]) -> str:
    return "\n".join([*_words(name, report), *_grid(), *_points(report["bins"]), *_bars(report["bins"])])


def _words(name: str, report: Mapping[str, Any]) -> list[str]:
    figures = (
        f"ECE {report['error']:.3f} ({report['error_low']:.3f} to {report['error_high']:.3f}), "
        f"by chance {report['floor']:.3f}"
    )
    bottom = TOP + PLOT + GAP + COUNTS
    return [
        _text(LEFT, 20, f"{name}: {report['rows']} positions of {report['games']} games", size=14),
        _text(LEFT, 40, figures),
        _text(LEFT + PLOT / 2, bottom + 32, "value", anchor="middle"),
        f'<g transform="rotate(-90 14 {TOP + PLOT / 2:g})">'
        + _text(14, TOP + PLOT / 2, "mean outcome", anchor="middle") + "</g>",
        f'<g transform="rotate(-90 14 {bottom - COUNTS / 2:g})">'
        + _text(14, bottom - COUNTS / 2, "positions", anchor="middle") + "</g>",
    ]


def _grid() -> list[str]:
    parts = []
    for tick in TICKS:
        x, y = _x(tick), _y(tick)
        parts += [
            _line(x, TOP, x, TOP + PLOT, PALE), _line(LEFT, y, LEFT + PLOT, y, PALE),
            _text(LEFT - 6, y + 4, f"{tick:g}", anchor="end"),
            _text(x, TOP + PLOT + GAP + COUNTS + 16, f"{tick:g}", anchor="middle"),
        ]
    return [*parts, _line(_x(-1), _y(-1), _x(1), _y(1), LINE, 'stroke-dasharray="4 4"')]


def _points(bins: list[Mapping[str, Any]]) -> list[str]:
    parts, thick = [], 'stroke-width="2"'
    for one in bins:
        x, y, low, high = (
            _x(one["mean_value"]), _y(one["mean_outcome"]), _y(one["outcome_low"]), _y(one["outcome_high"])
        )
        told = (
            f"values {one['low']:.2f} to {one['high']:.2f}: mean {one['mean_value']:.3f}, outcome "
            f"{one['mean_outcome']:.3f} ({one['outcome_low']:.3f} to {one['outcome_high']:.3f}), "
            f"{one['rows']} positions of {one['games']} games"
        )
        parts.append(
            f"<g><title>{escape(told)}</title>{_line(x, low, x, high, MARK, thick)}"
            f"{_line(x - 4, low, x + 4, low, MARK)}{_line(x - 4, high, x + 4, high, MARK)}"
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{MARK}"/></g>'
        )
    return parts


def _bars(bins: list[Mapping[str, Any]]) -> list[str]:
    bottom = TOP + PLOT + GAP + COUNTS
    most = max(one["rows"] for one in bins)
    parts = [_line(LEFT, bottom, LEFT + PLOT, bottom, LINE)]
    for one in bins:
        left, right, height = _x(one["low"]), _x(one["high"]), COUNTS * one["rows"] / most
        parts += [
            f'<rect x="{left + 1:.1f}" y="{bottom - height:.1f}" width="{max(0.5, right - left - 2):.1f}" '
            f'height="{height:.1f}" fill="{MARK}" fill-opacity="0.35"/>',
            _text((left + right) / 2, bottom - height - 3, _short(one["rows"]), anchor="middle", size=9),
        ]
    return parts


def _x(value: float) -> float:
    return LEFT + PLOT * (_within(value) + 1) / 2


def _y(value: float) -> float:
    return TOP + PLOT * (1 - _within(value)) / 2


def _within(value: float) -> float:
    return max(-1.0, min(1.0, value))


def _short(count: int) -> str:
    return str(count) if count < 10_000 else f"{count / 1000:.0f}k"


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'
