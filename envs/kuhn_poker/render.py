"""Kuhn poker for people: both cards face up, for those who watch."""
from __future__ import annotations

from envs.kuhn_poker.notation import WORDS
from native.game import State

CARDS = "JQK"
WIDTH, HEIGHT = 240, 150        # pixels
TABLE, PAPER = "#1f6f50", "#fbfaf5"


def cards(state: State) -> list[str]:
    """Seat 0's card and seat 1's."""
    return [CARDS[int(state.observe(seat)[2:5].argmax())] for seat in (0, 1)]


def moves(state: State) -> list[str]:
    """What was played, in words."""
    return [WORDS[int(move.argmax())] for move in state.observe(0)[5:].reshape(3, 2) if move.any()]


def status(state: State) -> str:
    """Whose turn it is, or what seat 0 won."""
    if not state.is_terminal:
        return f"seat {state.to_act()} to act"
    return f"seat 0 wins {state.rewards()[0]:+.0f}"


def to_text(state: State) -> str:
    """Cards, moves, status, one line each."""
    first, second = cards(state)
    return f"seat 0: {first}   seat 1: {second}\n{', '.join(moves(state)) or 'no move yet'}\n{status(state)}"


def to_svg(state: State) -> str:
    """The table as a self-contained SVG document."""
    words = 'font-family="sans-serif" text-anchor="middle"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>Kuhn poker: {status(state)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="{TABLE}"/>',
    ]
    for seat, card in enumerate(cards(state)):
        x = 50 + 90 * seat
        parts.append(f'<rect x="{x}" y="14" width="50" height="72" rx="6" fill="{PAPER}"/>')
        parts.append(f'<text x="{x + 25}" y="60" {words} font-size="30" fill="#222">{card}</text>')
    for y, text in ((110, ", ".join(moves(state))), (136, status(state))):
        parts.append(f'<text x="{WIDTH // 2}" y="{y}" {words} font-size="15" fill="{PAPER}">{text}</text>')
    return "\n".join([*parts, "</svg>"])
