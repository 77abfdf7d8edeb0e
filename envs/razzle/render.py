"""Razzle Dazzle for people: x is seat 0, which plays upwards, o is seat 1; squares are named as in `notation`."""
from __future__ import annotations

from envs.razzle.position import COLUMNS, SEATS, Position, square_name
from native.game import State

CELL = 64       # pixels
MARGIN = 34
LIGHT, DARK, GOAL, MOVED = "#f3eee3", "#e2d8c3", "#d5c9a8", "#f0d060"
PIECES, RIM, BALL, INK = ("#2f5d9b", "#b8432f"), ("#1d3c68", "#7a281b"), "#fffdf4", "#4a4438"


def to_text(state: State) -> str:
    """Ranks from the top, the file letters below them, then the status. A capital has the ball, - may not receive."""
    position = Position.of(state)
    lines = []
    for row in reversed(range(8)):
        cells = []
        for square in range(7 * row, 7 * row + 7):
            seat = position.owner(square)
            letter = "." if seat is None else SEATS[seat]
            mark = "-" if square in position.ineligible else " "
            cells.append((letter.upper() if square in position.ball else letter) + mark)
        lines.append(f"{row + 1}  {' '.join(cells)}".rstrip())
    return "\n".join([*lines, "   " + "  ".join(COLUMNS), position.status])


def _square(position: Position, square: int) -> list[str]:
    """One square and what stands on it, as SVG elements."""
    row, column = divmod(square, 7)
    left, top = MARGIN + column * CELL, MARGIN + (7 - row) * CELL
    x, y = left + CELL // 2, top + CELL // 2
    fill = MOVED if square == position.last_knight else GOAL if row in (0, 7) else (DARK, LIGHT)[(row + column) % 2]
    parts = [f'<rect x="{left}" y="{top}" width="{CELL}" height="{CELL}" fill="{fill}"/>']
    seat = position.owner(square)
    if seat is None:
        return parts
    words = [f"{SEATS[seat]} on {square_name(square)}"]
    pen = f'stroke="{RIM[seat]}" stroke-width="3"'
    opacity = 1.0
    if square in position.ineligible:
        words.append("may not receive")
        pen += ' stroke-dasharray="5 4"'
        opacity = 0.55
    shapes = [f'<circle cx="{x}" cy="{y}" r="24" fill="{PIECES[seat]}" fill-opacity="{opacity}" {pen}/>']
    if square in position.ball:
        words.append("has the ball")
        shapes.append(f'<circle cx="{x}" cy="{y}" r="12" fill="{BALL}" stroke="{RIM[seat]}" stroke-width="2"/>')
        shapes.append(f'<path d="M{x - 9} {y}Q{x} {y - 7} {x + 9} {y}" fill="none" stroke="{RIM[seat]}"/>')
    else:
        style = f'font-family="sans-serif" font-size="20" text-anchor="middle" fill="{BALL}"'
        shapes.append(f'<text x="{x}" y="{y + 6}" {style}>{SEATS[seat]}</text>')
    return [*parts, "<g>", f"<title>{', '.join(words)}</title>", *shapes, "</g>"]


def to_svg(state: State) -> str:
    """The board as a self-contained SVG document.

    Dashed pale pieces may not receive; the yellow square is where the knight move before this turn went.
    """
    position = Position.of(state)
    width, height = 2 * MARGIN + 7 * CELL, 2 * MARGIN + 8 * CELL
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 30}" role="img">',
        f"<title>Razzle Dazzle: {position.status}</title>",
        f'<rect width="{width}" height="{height + 30}" rx="10" fill="#fffaf0"/>',
    ]
    for square in range(56):
        parts += _square(position, square)
    frame = f'x="{MARGIN}" y="{MARGIN}" width="{7 * CELL}" height="{8 * CELL}"'
    parts.append(f'<rect {frame} fill="none" stroke="{INK}" stroke-width="2"/>')
    style = f'font-family="sans-serif" font-size="16" text-anchor="middle" fill="{INK}"'
    for column, letter in enumerate(COLUMNS):
        parts.append(f'<text x="{MARGIN + column * CELL + CELL // 2}" y="{height - 12}" {style}>{letter}</text>')
    for row in range(8):
        parts.append(f'<text x="16" y="{MARGIN + (7 - row) * CELL + CELL // 2 + 6}" {style}>{row + 1}</text>')
    if not state.is_terminal:
        parts.append(f'<circle cx="{MARGIN + 10}" cy="{height + 8}" r="9" fill="{PIECES[position.mover]}"/>')
    parts.append(f'<text x="{width // 2}" y="{height + 14}" {style}>{position.status}</text>')
    return "\n".join([*parts, "</svg>"])
