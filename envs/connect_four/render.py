"""Connect Four for people: X is seat 0, O is seat 1; columns are numbered as in `notation`."""
from __future__ import annotations

from native.game import State

CELL = 60       # pixels
BOARD, HOLE, STONES = "#2456a6", "#e9eef6", ("#d8423a", "#f2c230")


def grid(state: State) -> list[list[int | None]]:
    """Whose stone lies where, None for nobody's; `[row][column]`, row 0 at the bottom."""
    first, second = state.observe(0)
    return [[0 if mine else 1 if yours else None for mine, yours in zip(*rows, strict=True)]
            for rows in zip(first, second, strict=True)]


def status(state: State) -> str:
    """Whose turn it is, or how the game ended."""
    if not state.is_terminal:
        return f"{'XO'[state.to_act()]} to move"
    reward = state.rewards()[0]
    return "draw" if reward == 0 else f"{'X' if reward > 0 else 'O'} wins"


def to_text(state: State) -> str:
    """Rows from the top, the column numbers below them, then the status."""
    rows = [" ".join("." if owner is None else "XO"[owner] for owner in row) for row in reversed(grid(state))]
    return "\n".join([*rows, "1 2 3 4 5 6 7", status(state)])


def to_svg(state: State) -> str:
    """The board as a self-contained SVG document."""
    width, height = 7 * CELL, 6 * CELL
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + CELL}" role="img">',
        f"<title>Connect Four: {status(state)}</title>",
        f'<rect width="{width}" height="{height}" rx="12" fill="{BOARD}"/>',
    ]
    for row, owners in enumerate(grid(state)):
        for column, owner in enumerate(owners):
            x, y = column * CELL + CELL // 2, height - row * CELL - CELL // 2
            fill = HOLE if owner is None else STONES[owner]
            parts.append(f'<circle cx="{x}" cy="{y}" r="{CELL * 2 // 5}" fill="{fill}"/>')
    style = 'font-family="sans-serif" font-size="18" text-anchor="middle" fill="#555"'
    parts += [f'<text x="{c * CELL + CELL // 2}" y="{height + 22}" {style}>{c + 1}</text>' for c in range(7)]
    parts.append(f'<text x="{width // 2}" y="{height + 48}" {style}>{status(state)}</text>')
    return "\n".join([*parts, "</svg>"])
