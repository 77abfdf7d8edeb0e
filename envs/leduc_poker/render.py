"""Leduc hold'em for people: both hands face up, for those who watch."""
from __future__ import annotations

from envs.leduc_poker.notation import WORDS
from native.game import State

CARDS = "JQK"
WIDTH, HEIGHT = 320, 180        # pixels
TABLE, PAPER = "#1f6f50", "#fbfaf5"


def cards(state: State) -> list[str]:
    """Seat 0's card, seat 1's, and the open one, a dot before it is seen."""
    shown = [state.observe(0)[2:5], state.observe(1)[2:5], state.observe(0)[5:8]]
    return [CARDS[int(card.argmax())] if card.any() else "." for card in shown]


def rounds(state: State) -> list[str]:
    """What was played in each round, in words."""
    moves = state.observe(0)[8:].reshape(2, 4, 3)
    return [", ".join(WORDS[int(move.argmax())] for move in played if move.any()) for played in moves]


def status(state: State) -> str:
    """Whose turn it is, or what seat 0 won."""
    if not state.is_terminal:
        return f"seat {state.to_act()} to act"
    return f"seat 0 wins {state.rewards()[0]:+.0f}"


def to_text(state: State) -> str:
    """Cards, two rounds of moves, status, one line each."""
    first, second, board = cards(state)
    before, after = rounds(state)
    return "\n".join([
        f"seat 0: {first}   seat 1: {second}   open: {board}",
        f"round 1: {before or '-'}",
        f"round 2: {after or '-'}",
        status(state),
    ])


def to_svg(state: State) -> str:
    """The table as a self-contained SVG document."""
    words = 'font-family="sans-serif" text-anchor="middle"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>Leduc hold'em: {status(state)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="{TABLE}"/>',
    ]
    first, second, board = cards(state)
    for x, card in zip((35, 135, 235), (first, board, second), strict=True):
        parts.append(f'<rect x="{x}" y="14" width="50" height="72" rx="6" fill="{PAPER}"/>')
        parts.append(f'<text x="{x + 25}" y="60" {words} font-size="30" fill="#222">{card}</text>')
    for y, text in zip((112, 138, 164), (*rounds(state), status(state)), strict=True):
        parts.append(f'<text x="{WIDTH // 2}" y="{y}" {words} font-size="15" fill="{PAPER}">{text}</text>')
    return "\n".join([*parts, "</svg>"])
