"""Tic-tac-toe for people: X is seat 0, O is seat 1; squares are named as in `notation`."""
from __future__ import annotations

from native.game import State

CELL = 80       # pixels
INK = ("#d8423a", "#2456a6")


def marks(state: State) -> str:
    """Nine characters, X, O or a dot, row by row from the top."""
    first, second = state.observe(0).reshape(2, 9).tolist()
    return "".join("X" if mine else "O" if yours else "." for mine, yours in zip(first, second, strict=True))


def status(state: State) -> str:
    """Whose turn it is, or how the game ended."""
    if not state.is_terminal:
        return f"{'XO'[state.to_act()]} to move"
    reward = state.rewards()[0]
    return "draw" if reward == 0 else f"{'X' if reward > 0 else 'O'} wins"


def to_text(state: State) -> str:
    """The numbered rows, the column letters below them, then the status."""
    squares = marks(state)
    rows = [f"{row + 1} {' '.join(squares[3 * row : 3 * row + 3])}" for row in range(3)]
    return "\n".join([*rows, "  a b c", status(state)])


def to_svg(state: State) -> str:
    """The board as a self-contained SVG document."""
    side = 3 * CELL
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-30 -10 {side + 40} {side + 70}" role="img">',
        f"<title>Tic-tac-toe: {status(state)}</title>",
        f'<rect x="-30" y="-10" width="{side + 40}" height="{side + 70}" fill="#fff"/>',
    ]
    lines = "".join(f"M{at} 0V{side}M0 {at}H{side}" for at in (CELL, 2 * CELL))
    parts.append(f'<path d="{lines}" stroke="#555" stroke-width="3"/>')
    for square, mark in enumerate(marks(state)):
        x, y, r = square % 3 * CELL + CELL // 2, square // 3 * CELL + CELL // 2, CELL // 4
        pen = f'fill="none" stroke="{INK[mark == "O"]}" stroke-width="6"'
        if mark == "X":
            parts.append(f'<path d="M{x - r} {y - r}L{x + r} {y + r}M{x + r} {y - r}L{x - r} {y + r}" {pen}/>')
        elif mark == "O":
            parts.append(f'<circle cx="{x}" cy="{y}" r="{r}" {pen}/>')
    style = 'font-family="sans-serif" font-size="16" text-anchor="middle" fill="#555"'
    for i in range(3):
        parts.append(f'<text x="{i * CELL + CELL // 2}" y="{side + 22}" {style}>{"abc"[i]}</text>')
        parts.append(f'<text x="-15" y="{i * CELL + CELL // 2 + 6}" {style}>{i + 1}</text>')
    parts.append(f'<text x="{side // 2}" y="{side + 48}" {style}>{status(state)}</text>')
    return "\n".join([*parts, "</svg>"])
