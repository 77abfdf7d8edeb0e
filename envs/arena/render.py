"""Arena for people: a frame as text and as SVG, in the world's own lengths."""
from __future__ import annotations

import math
from typing import Any

from envs.arena.positions import to_dict
from native.game import State

WIDTH, HEIGHT, CAPTION = 720, 720, 34       # pixels
MARGIN = 3.0        # units around what is shown
TEXT_COLUMNS, TEXT_ROWS = 61, 31
TEAMS = (
    "#c2403a", "#2d6cb4", "#3c8a4b", "#8a4fa8", "#d08a1d", "#1e9a9a", "#b85a8f", "#6b6b2d",
    "#7a281b", "#1d3c68", "#1f4a28", "#4a2a5c", "#8a5a10", "#0f5555", "#6e3355", "#3c3c18",
)
GROUND, SHELTER, RIM, COMING, INK, HEALTH, AMMO = (
    "#e9d9cf", "#f6f4ea", "#c98b6b", "#8b7d6b", "#3a3128", "#cf3b4a", "#5b6b3a",
)


def status(state: State) -> str:
    """The time, and who is left or who has won."""
    position = to_dict(state)
    alive = [seat for seat, player in enumerate(position["players"]) if player["alive"]]
    teams = sorted({position["players"][seat]["team"] for seat in alive})
    clock = f"{position['tick'] / 30:.1f} s"
    if not state.is_terminal:
        return f"{clock}, {len(alive)} of {len(position['players'])} alive"
    if len(teams) != 1:
        return f"{clock}, draw"
    if len({player["team"] for player in position["players"]}) == len(position["players"]):
        return f"{clock}, seat {alive[0]} wins"
    return f"{clock}, team {teams[0]} wins"


def to_frame(state: State) -> dict[str, Any]:
    """What `positions.to_dict` tells, which a viewer of replays can draw."""
    return to_dict(state)


def _frame(position: dict[str, Any]) -> tuple[float, float, float]:
    """Centre and half width of the square that shows the zone and everybody alive."""
    zone = position["zone"]
    seen = [player for player in position["players"] if player["alive"]]
    reach = [zone["radius"], *(max(abs(p["x"] - zone["x"]), abs(p["y"] - zone["y"])) for p in seen)]
    return zone["x"], zone["y"], max(10.0, *reach) + MARGIN


def to_text(state: State) -> str:
    """A map, y upwards: seats as hexadecimal digits, + health, = ammo, ' shots, : the ground outside the zone."""
    position = to_dict(state)
    x0, y0, half = _frame(position)
    zone = position["zone"]

    def cell(x: float, y: float) -> tuple[int, int]:
        column = round((x - x0 + half) / (2 * half) * (TEXT_COLUMNS - 1))
        return round((y0 + half - y) / (2 * half) * (TEXT_ROWS - 1)), column

    rows = []
    for row in range(TEXT_ROWS):
        y = y0 + half - row / (TEXT_ROWS - 1) * 2 * half
        xs = [x0 - half + column / (TEXT_COLUMNS - 1) * 2 * half for column in range(TEXT_COLUMNS)]
        rows.append([" " if math.hypot(x - zone["x"], y - zone["y"]) <= zone["radius"] else ":" for x in xs])
    marks = [("'", shot) for shot in position["shots"]]
    marks += [("+" if item["kind"] == "health_pack" else "=", item) for item in position["items"]]
    marks += [(f"{seat:x}", player) for seat, player in enumerate(position["players"]) if player["alive"]]
    for mark, thing in marks:
        row, column = cell(thing["x"], thing["y"])
        if 0 <= row < TEXT_ROWS and 0 <= column < TEXT_COLUMNS:
            rows[row][column] = mark
    lines = [
        f"seat {seat:x}  team {p['team']}  hp {p['hp']:5.1f}  ammo {p['ammo']:2d}  at {p['x']:.1f} {p['y']:.1f}"
        for seat, p in enumerate(position["players"]) if p["alive"]
    ]
    return "\n".join([*("".join(row).rstrip() for row in rows), *lines, status(state)])


def _player(seat: int, player: dict[str, Any], scale: float) -> list[str]:
    """A disc in the colour of the team with its seat, and a bar of its hp; `scale` is units per pixel."""
    x, y, colour = player["x"], -player["y"], TEAMS[player["team"]]
    size = max(0.6, 9 * scale)
    words = f"seat {seat}, team {player['team']}, {player['hp']:.0f} hp, {player['ammo']} rounds"
    bar = f'x="{x - size:.3f}" y="{y - 1.6 * size:.3f}" height="{0.3 * size:.3f}"'
    return [
        f"<g><title>{words}</title>",
        f'<circle cx="{x:.3f}" cy="{y:.3f}" r="{size:.3f}" fill="{colour}" stroke="#fff" stroke-width="{scale:.4f}"/>',
        f'<text x="{x:.3f}" y="{y + 0.4 * size:.3f}" font-size="{1.1 * size:.3f}" fill="#fff">{seat}</text>',
        f'<rect {bar} width="{2 * size:.3f}" fill="#fff" stroke="{INK}" stroke-width="{0.5 * scale:.4f}"/>',
        f'<rect {bar} width="{2 * size * player["hp"] / 100:.3f}" fill="{colour}"/></g>',
    ]


def _item(item: dict[str, Any], scale: float) -> str:
    """A red cross or a green box."""
    x, y, size = item["x"], -item["y"], max(0.4, 6 * scale)
    if item["kind"] == "ammo_crate":
        place = f'x="{x - size:.3f}" y="{y - 0.7 * size:.3f}" width="{2 * size:.3f}" height="{1.4 * size:.3f}"'
        return f'<rect {place} fill="{AMMO}"><title>ammo crate</title></rect>'
    path = f"M{x - size:.3f} {y:.3f}h{2 * size:.3f}M{x:.3f} {y - size:.3f}v{2 * size:.3f}"
    return f'<path d="{path}" stroke="{HEALTH}" stroke-width="{0.7 * size:.3f}"><title>health pack</title></path>'


def to_svg(state: State) -> str:
    """One frame as a self-contained SVG document: the zone, the dashed zone to come, players, items and shots."""
    position = to_dict(state)
    x0, y0, half = _frame(position)
    scale = 2 * half / WIDTH
    zone, later = position["zone"], position["zone"]["next"]
    box = f"{x0 - half:.3f} {-y0 - half:.3f} {2 * half:.3f} {2 * half:.3f}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + CAPTION}" role="img">',
        f"<title>Arena: {status(state)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT + CAPTION}" rx="10" fill="{GROUND}"/>',
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="{box}" font-family="sans-serif" text-anchor="middle">',
        f'<circle cx="{zone["x"]:.3f}" cy="{-zone["y"]:.3f}" r="{zone["radius"]:.3f}" fill="{SHELTER}" '
        f'stroke="{RIM}" stroke-width="{2 * scale:.4f}"/>',
        f'<circle cx="{later["x"]:.3f}" cy="{-later["y"]:.3f}" r="{later["radius"]:.3f}" fill="none" '
        f'stroke="{COMING}" stroke-width="{scale:.4f}" stroke-dasharray="{6 * scale:.3f} {5 * scale:.3f}"/>',
    ]
    parts += [_item(item, scale) for item in position["items"]]
    for shot in position["shots"]:
        tail = f"M{shot['x']:.3f} {-shot['y']:.3f}l{-shot['vx'] / 30:.3f} {shot['vy'] / 30:.3f}"
        colour = TEAMS[position["players"][shot["owner"]]["team"]]
        parts.append(f'<path d="{tail}" stroke="{colour}" stroke-width="{3 * scale:.4f}" stroke-linecap="round"/>')
    for seat, player in enumerate(position["players"]):
        if player["alive"]:
            parts += _player(seat, player, scale)
    caption = f'x="{WIDTH // 2}" y="{HEIGHT + 22}" font-family="sans-serif" font-size="17" text-anchor="middle"'
    return "\n".join([*parts, "</svg>", f'<text {caption} fill="{INK}">{status(state)}</text>', "</svg>"])
