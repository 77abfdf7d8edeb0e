"""Prospector for people: the ship, the ways out, the asteroids of the place and the market, as the player sees them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from envs.prospector.positions import COMMODITIES, NODE_KINDS, ending, to_dict
from native.game import State

WIDTH, HEIGHT = 900, 560      # pixels
SKY, PANEL, INK, FAINT, GRID = "#0d1424", "#16203a", "#e8ecf5", "#8d9bb8", "#2b3a5e"
KINDS = ("#7fd1ff", "#b8a27a", "#e0705a")       # station, cluster, hazard
GOODS = ("#a9745b", "#9fb7a5", "#8fd3f0", "#e6d27a", "#c08bf0", "#8fe0a0")


@dataclass(frozen=True)
class Frame:
    """A state as it is drawn."""

    position: dict[str, Any]
    seen: npt.NDArray[np.float32]

    @staticmethod
    def of(state: State) -> Frame:
        return Frame(to_dict(state), state.observe(0))

    @property
    def kind(self) -> int:
        return int(np.argmax(self.seen[19:22]))

    @property
    def gauges(self) -> list[tuple[str, float, str]]:
        """Name, part of the maximum, and figure of each gauge."""
        p = self.position
        total = sum(p["cargo"])
        return [
            ("fuel", p["fuel"] / 1000, f"{p['fuel']:.0f}"), ("hull", p["hull"] / 100, f"{p['hull']:.0f}"),
            ("heat", p["heat"] / 100, f"{p['heat']:.0f}"), ("tool", p["tool"] / 100, f"{p['tool']:.0f}"),
            ("alert", p["alert"] / 100, f"{p['alert']:.0f}"), ("cargo", total / 200, f"{total:.1f}"),
        ]

    @property
    def ways(self) -> list[npt.NDArray[np.float32]]:
        """The seven numbers of each neighbour."""
        return [way for way in self.seen[24:66].reshape(6, 7) if way[0]]

    @property
    def asteroids(self) -> list[npt.NDArray[np.float32]]:
        """The eleven numbers of each asteroid here."""
        return [rock for rock in self.seen[68:244].reshape(16, 11) if rock[0]]

    @property
    def place(self) -> str:
        return NODE_KINDS[self.kind] if self.kind == 0 else f"{NODE_KINDS[self.kind]} {self.position['node']}"


def status(state: State) -> str:
    """Where the ship is, the time and the money, or how the game ended."""
    frame = Frame.of(state)
    p = frame.position
    told = ending(state) or f"at the {frame.place}"
    return f"{told}, tick {p['ticks']}, {p['time']} left, {p['credits']:.0f} credits"


def to_text(state: State) -> str:
    """A line each for status, gauges, stores, hold and market, then the ways out and the asteroids here."""
    frame = Frame.of(state)
    p = frame.position
    lines = [
        status(state),
        "  ".join(f"{name} {figure}" for name, _, figure in frame.gauges),
        f"kits {p['kits']}  stabilisers {p['stabs']}  decoys {p['decoys']}",
        "hold: " + (", ".join(f"{name} {held:.1f}" for name, held in zip(COMMODITIES, p["cargo"], strict=True) if held)
                    or "empty"),
        "prices: " + ", ".join(f"{name} {price:.0f}" for name, price in zip(COMMODITIES, p["price"], strict=True)),
    ]
    for slot, way in enumerate(frame.ways, 1):
        kind = NODE_KINDS[int(np.argmax(way[1:4]))]
        lines.append(f"way {slot}: {kind}, {way[4] * 8:.0f} ticks, fuel {way[5] * 160:.0f}, threat {way[6]:.2f}")
    for slot, rock in enumerate(frame.asteroids, 1):
        best = int(np.argmax(rock[1:7]))
        mark = "*" if rock[10] else " "
        lines.append(f"{mark}asteroid {slot}: {COMMODITIES[best]} {rock[1 + best]:.0%}, stability {rock[7]:.2f}, "
                     f"mined {rock[8]:.0%}, confidence {rock[9]:.0%}")
    return "\n".join(lines)


def to_frame(state: State) -> dict[str, Any]:
    """The position (see `positions`) and what else the player sees, in plain JSON, for viewers of replays.

    place, ending (null while the game goes on), price_changes; ways: kind, ticks, fuel and estimated threat of each
    way out; asteroids of the place: estimated shares of the six commodities, stability, depletion, confidence, and
    whether it is selected.
    """
    frame = Frame.of(state)
    return {
        **frame.position, "place": frame.place, "ending": ending(state),
        "price_changes": [100 * float(change) for change in frame.seen[250:256]],
        "ways": [
            {"kind": NODE_KINDS[int(np.argmax(way[1:4]))], "ticks": round(float(way[4]) * 8),
             "fuel": float(way[5]) * 160, "threat": float(way[6])}
            for way in frame.ways
        ],
        "asteroids": [
            {"shares": rock[1:7].tolist(), "stability": float(rock[7]), "depletion": float(rock[8]),
             "confidence": float(rock[9]), "selected": bool(rock[10])}
            for rock in frame.asteroids
        ],
    }


def _text(x: float, y: float, words: str, size: int = 13, fill: str = INK, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{words}</text>'


def _bar(x: float, y: float, width: float, part: float, fill: str) -> list[str]:
    filled = width * min(1.0, max(0.0, part))
    return [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="10" rx="3" fill="{GRID}"/>',
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{filled:.1f}" height="10" rx="3" fill="{fill}"/>',
    ]


def _ship(frame: Frame) -> list[str]:
    """Gauges and stores, on the left."""
    parts = [f'<rect x="16" y="50" width="230" height="240" rx="10" fill="{PANEL}"/>']
    for row, (name, part, figure) in enumerate(frame.gauges):
        y = 78 + 28 * row
        bad = part > 0.7 if name in ("heat", "alert") else part < 0.3 and name != "cargo"
        parts += [_text(30, y, name), *_bar(82, y - 9, 104, part, KINDS[2] if bad else KINDS[0])]
        parts.append(_text(234, y, figure, anchor="end"))
    p = frame.position
    stores = (("repair kits", p["kits"]), ("stabilisers", p["stabs"]), ("decoys", p["decoys"]))
    for row, (name, count) in enumerate(stores):
        parts.append(_text(30, 246 + 17 * row, f"{name} {count}", 12, FAINT))
    return parts


def _market(frame: Frame) -> list[str]:
    """Price, its change and what is in the hold, below the ship."""
    parts = [f'<rect x="16" y="304" width="230" height="240" rx="10" fill="{PANEL}"/>']
    p = frame.position
    parts += [_text(178, 328, "price", 12, FAINT, "end"), _text(234, 328, "hold", 12, FAINT, "end")]
    for c, name in enumerate(COMMODITIES):
        y, change = 354 + 32 * c, float(frame.seen[250 + c])
        arrow = "▲" if change > 0.005 else "▼" if change < -0.005 else "·"
        parts.append(f'<circle cx="34" cy="{y - 4}" r="6" fill="{GOODS[c]}"/>')
        parts += [_text(48, y, name), _text(178, y, f"{p['price'][c]:.0f} {arrow}", anchor="end")]
        parts.append(_text(234, y, f"{p['cargo'][c]:.1f}", anchor="end"))
    return parts


def _ways(frame: Frame) -> list[str]:
    """The ways out, around the place where the ship is."""
    x, y, parts = 424.0, 260.0, []
    for slot, way in enumerate(frame.ways):
        angle = 2 * np.pi * slot / 6 - np.pi / 2
        kind = int(np.argmax(way[1:4]))
        # long ways are drawn longer
        reach = 70 + 5 * float(way[4]) * 8
        ex, ey = x + 1.35 * reach * np.cos(angle), y + 0.85 * reach * np.sin(angle)
        parts.append(f'<line x1="{x}" y1="{y}" x2="{ex:.1f}" y2="{ey:.1f}" stroke="{FAINT}" stroke-opacity="0.6" '
                     f'stroke-width="{1 + 5 * float(way[6]):.1f}"/>')
        parts.append(f'<g><title>{NODE_KINDS[kind]}, threat {way[6]:.2f}</title>'
                     f'<circle cx="{ex:.1f}" cy="{ey:.1f}" r="13" fill="{KINDS[kind]}"/></g>')
        parts.append(_text(ex, ey + 4.5, str(slot + 1), 13, SKY, "middle"))
        parts.append(_text(ex, ey + 27, f"{way[4] * 8:.0f} t, {way[5] * 160:.0f} fuel", 11, FAINT, "middle"))
    parts.append(f'<circle cx="{x}" cy="{y}" r="22" fill="{KINDS[frame.kind]}" stroke="{INK}" stroke-width="3"/>')
    return parts


def _asteroids(frame: Frame) -> list[str]:
    """The asteroids here: estimated composition as a pie, pale where mined out, ringed where selected."""
    parts = [f'<rect x="602" y="50" width="282" height="494" rx="10" fill="{PANEL}"/>']
    if not frame.asteroids:
        parts.append(_text(743, 300, "no asteroids here", 14, FAINT, "middle"))
    for slot, rock in enumerate(frame.asteroids):
        x, y, radius = 640 + 69 * (slot % 4), 92 + 122 * (slot // 4), 24
        opacity = 1 - 0.8 * float(rock[8])
        words = ", ".join(f"{name} {share:.0%}" for name, share in zip(COMMODITIES, rock[1:7], strict=True))
        pie, angle = [f"<title>{words}</title>"], 0.0
        for c in np.argsort(-rock[1:7]).tolist():
            end = min(angle + 2 * np.pi * float(rock[1 + c]), 2 * np.pi - 1e-3)
            pie.append(
                f'<path d="M{x} {y}L{x + radius * np.cos(angle):.2f} {y + radius * np.sin(angle):.2f}'
                f'A{radius} {radius} 0 {int(end - angle > np.pi)} 1 '
                f'{x + radius * np.cos(end):.2f} {y + radius * np.sin(end):.2f}Z" fill="{GOODS[c]}"/>'
            )
            angle = end
        parts += [f'<g opacity="{opacity:.2f}">', *pie, "</g>"]
        if rock[10]:
            parts.append(f'<circle cx="{x}" cy="{y}" r="{radius + 5}" fill="none" stroke="{INK}" stroke-width="2.5"/>')
        parts.append(_text(x, y + 43, f"{slot + 1}: {rock[7]:.2f} firm", 11, INK, "middle"))
        parts.append(_text(x, y + 58, f"{rock[9]:.0%} sure", 11, FAINT, "middle"))
        parts.append(_text(x, y + 73, f"{rock[8]:.0%} mined", 11, FAINT, "middle"))
    return parts


def to_svg(state: State) -> str:
    """The frame as a self-contained SVG document: ship and market left, ways out, asteroids right.

    Thicker ways look more dangerous; asteroids show their estimated make.
    """
    frame = Frame.of(state)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif">',
        f"<title>Prospector: {status(state)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="14" fill="{SKY}"/>',
        _text(20, 34, status(state), 17),
        *_ship(frame), *_market(frame), *_ways(frame), *_asteroids(frame),
        _text(424, 450, frame.place, 15, INK, "middle"),
        "</svg>",
    ])
