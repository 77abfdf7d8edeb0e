"""Beasty Bar for people: a state as text and as SVG, complete or as one seat sees it."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envs.beasty_bar.positions import POINTS, SPECIES, scores, to_dict
from native.game import State

# pixels
CARD_W, CARD_H, GAP = 76, 104, 8
SMALL_W, SMALL_H = 38, 52
MARGIN, CAPTION = 16, 22
PER_LINE = 16       # small cards
WIDTH = 2 * MARGIN + PER_LINE * (SMALL_W + 4)

OWNERS = ("#c2403a", "#2d6cb4", "#3c8a4b", "#8a4fa8")       # a colour for each seat
TABLE, PAPER, INK, FAINT, BACK = "#f3ead8", "#fffdf7", "#3a3128", "#8b7d6b", "#b9ab94"


def status(state: State) -> str:
    """Whose turn it is, or how the game ended."""
    if not state.is_terminal:
        return f"turn {to_dict(state)['t'] + 1}, seat {state.to_act()} to act"
    reward = state.rewards().tolist()
    winners = [seat for seat, value in enumerate(reward) if value == max(reward)]
    if len(winners) == 1:
        return f"seat {winners[0]} wins"
    return "draw" if len(winners) == len(reward) else f"seats {' and '.join(map(str, winners))} win"


def tallies(state: State) -> list[str]:
    """Each seat's score with its unit."""
    unit = "animals" if state.game.options.get("scoring") == "animals" else "points"
    return [f"{score} {unit}" for score in scores(state)]


def to_text(state: State, viewer: int | None = None) -> str:
    """A few lines; cards are `species:owner`, queue front first. `viewer` None shows all, else what that seat knows."""
    position = to_dict(state)

    def zone(codes: Sequence[int]) -> str:
        return "  ".join(f"{SPECIES[code % 100 - 1]}:{code // 100}" for code in codes) or "-"

    lines = [
        f"Beasty Bar, {status(state)}",
        f"queue   {zone(position['q'])}",
        f"bar     {zone(position['bar'])}",
        f"out     {zone(position['out'])}",
    ]
    for seat, tally in enumerate(tallies(state)):
        hand, deck = position["h"][seat], position["d"][seat]
        seen = viewer is None or viewer == seat
        cards = "  ".join(SPECIES[strength - 1] for strength in hand) or "-" if seen else hidden(hand)
        lines.append(f"seat {seat}  {cards}   (draw pile {len(deck)}, {tally})")
    return "\n".join(lines)


def hidden(hand: Sequence[int]) -> str:
    """A hand seen from behind."""
    return "  ".join("?" for _ in hand) or "-"


def card_svg(x: float, y: float, strength: int | None, owner: int, small: bool = False) -> str:
    """One card with its top left corner at `(x, y)`; strength None is its back."""
    w, h = (SMALL_W, SMALL_H) if small else (CARD_W, CARD_H)
    colour = OWNERS[owner]
    frame = f'<rect width="{w}" height="{h}" rx="{w // 10}" stroke="{colour}" stroke-width="{2 if small else 3}"'
    if strength is None:
        inner = f'{frame} fill="{BACK}"/><circle cx="{w / 2}" cy="{h / 2}" r="{w / 5}" fill="{colour}" opacity="0.6"/>'
        return f'<g transform="translate({x} {y})">{inner}</g>'
    species, points = SPECIES[strength - 1], POINTS[strength - 1]
    text = 'text-anchor="middle"'
    pips = "".join(
        f'<circle cx="{w * (0.5 + 0.14 * (i - (points - 1) / 2)):.1f}" cy="{h * 0.12:.1f}" r="{w * 0.045:.1f}" '
        f'fill="{colour}"/>' for i in range(points)
    )
    return "".join([
        f'<g transform="translate({x} {y})"><title>{species} of seat {owner}, {points} points</title>',
        f'{frame} fill="{PAPER}"/>{pips}',
        f'<circle cx="{w / 2}" cy="{h * 0.48:.1f}" r="{w * 0.31:.1f}" fill="{colour}"/>',
        f'<text x="{w / 2}" y="{h * 0.48 + w * 0.125:.1f}" font-size="{w * 0.36:.1f}" font-weight="bold" '
        f'fill="{PAPER}" {text}>{strength}</text>',
        f'<text x="{w / 2}" y="{h * 0.9:.1f}" font-size="{w * 0.165:.1f}" fill="{INK}" {text}>{species}</text>',
        "</g>",
    ])


def caption(x: float, y: float, words: str, colour: str = FAINT) -> str:
    """A line of text whose baseline is at `y`."""
    return f'<text x="{x}" y="{y}" font-size="14" fill="{colour}">{words}</text>'


def zone_svg(top: float, title: str, cards: Sequence[int]) -> tuple[list[str], float]:
    """A captioned zone of small cards and where the next one starts."""
    parts = [caption(MARGIN, top + 14, title)]
    for i, code in enumerate(cards):
        x = MARGIN + i % PER_LINE * (SMALL_W + 4)
        y = top + CAPTION + i // PER_LINE * (SMALL_H + 4)
        parts.append(card_svg(x, y, code % 100, code // 100, small=True))
    rows = max(1, -(-len(cards) // PER_LINE))
    return parts, top + CAPTION + rows * (SMALL_H + 4) + GAP


def queue_svg(top: float, position: dict[str, Any]) -> tuple[list[str], float]:
    """The five places between the gate and the exit, and where the next zone starts."""
    step = CARD_W + GAP
    parts = [caption(MARGIN, top + 14, "Heaven's Gate ◂ queue, front first ▸ that's it")]
    for place in range(5):
        x, y = MARGIN + place * step, top + CAPTION
        if place < len(position["q"]):
            code = position["q"][place]
            parts.append(card_svg(x, y, code % 100, code // 100))
        else:
            parts.append(f'<rect x="{x}" y="{y}" width="{CARD_W}" height="{CARD_H}" rx="7" fill="none" '
                         f'stroke="{BACK}" stroke-width="2" stroke-dasharray="5 5"/>')
        parts.append(f'<text x="{x + CARD_W / 2}" y="{y + CARD_H + 15}" font-size="12" text-anchor="middle" '
                     f'fill="{FAINT}">{place}</text>')
    return parts, top + CAPTION + CARD_H + 28


def to_svg(state: State, viewer: int | None = None) -> str:
    """A self-contained SVG document. `viewer` None shows all hands, else only that seat's."""
    position = to_dict(state)
    parts: list[str] = []
    zone, y = queue_svg(MARGIN + 28, position)
    parts += zone
    for title, cards in (("in the bar", position["bar"]), ("that's it", position["out"])):
        zone, y = zone_svg(y, title, cards)
        parts += zone
    for seat, tally in enumerate(tallies(state)):
        x = MARGIN + seat % 2 * (WIDTH - 2 * MARGIN) / 2
        hand, pile = position["h"][seat], len(position["d"][seat])
        parts.append(caption(x, y + 14, f"seat {seat} · {tally} · draw pile {pile}", OWNERS[seat]))
        for slot, strength in enumerate(hand):
            face = strength if viewer is None or viewer == seat else None
            parts.append(card_svg(x + slot * (CARD_W + GAP), y + CAPTION, face, seat))
        if seat % 2 or seat == state.game.num_players - 1:
            y += CAPTION + CARD_H + 2 * GAP
    height = y + MARGIN - GAP
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif">',
        f"<title>Beasty Bar: {status(state)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="14" fill="{TABLE}"/>',
        f'<text x="{MARGIN}" y="{MARGIN + 16}" font-size="18" font-weight="bold" fill="{INK}">{status(state)}</text>',
    ]
    return "\n".join([*head, *parts, "</svg>"])
