"""CartPole for people: the track, the cart on it and the pole, seen from the side."""
from __future__ import annotations

import math

from envs.cartpole.rules import numbers_of
from native.game import State

TRACK = 2.4                 # m to either side
FALLEN = math.radians(12)
COLUMNS = 49                # of the track in text, one for every 0.1 m
TIP = 5                     # rows of the pole in text; its top is shown twice as far aside as it is
WIDTH, HEIGHT, FLOOR = 720, 300, 230        # pixels
METRE = 130                 # pixels
PAPER, INK, CART, POLE, LIMIT = "#ffffff", "#555555", "#2456a6", "#d8423a", "#c9ced8"


def status(state: State) -> str:
    """Steps so far, and what ended the game or how the pole stands."""
    x, _, theta, _, steps = numbers_of(state)
    if abs(theta) > FALLEN:
        told = "the pole has fallen"
    elif abs(x) > TRACK:
        told = "the cart has left the track"
    elif state.is_terminal:
        told = "still balanced at the end"
    else:
        told = "balancing"
    return f"{told}, step {steps}, cart {x:+.2f} m, pole {math.degrees(theta):+.1f} degrees"


def to_text(state: State) -> str:
    """Rows of the pole from its tip, the cart on the track, then the status."""
    x, _, theta, _, _ = numbers_of(state)
    middle = COLUMNS // 2
    cart = min(max(middle + round(10 * x), 0), COLUMNS - 1)
    lean = 2 * 10 * math.sin(theta)         # columns that the tip is aside
    rows = []
    for height in range(TIP, 0, -1):
        at = min(max(cart + round(lean * height / TIP), 0), COLUMNS - 1)
        rows.append(" " * at + "|")
    track = ["-"] * COLUMNS
    track[middle] = "+"
    track[cart] = "#"
    return "\n".join([*rows, "".join(track), status(state)])


def to_svg(state: State) -> str:
    """The same as a self-contained SVG document, to scale."""
    x, _, theta, _, _ = numbers_of(state)
    cart, axle, told = WIDTH / 2 + METRE * x, FLOOR - 30, status(state)
    tip_x, tip_y = cart + METRE * math.sin(theta), axle - METRE * math.cos(theta)
    limits = "".join(f"M{WIDTH / 2 + side * METRE * TRACK:.1f} 20V{FLOOR}" for side in (-1, 1))
    style = 'font-family="sans-serif" font-size="16" text-anchor="middle"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>CartPole: {told}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        f'<path d="{limits}" stroke="{LIMIT}" stroke-width="2" stroke-dasharray="6 6"/>',
        f'<path d="M0 {FLOOR}H{WIDTH}" stroke="{INK}" stroke-width="2"/>',
        f'<rect x="{cart - 32:.1f}" y="{FLOOR - 38}" width="64" height="36" rx="6" fill="{CART}"/>',
        f'<path d="M{cart:.1f} {axle}L{tip_x:.1f} {tip_y:.1f}" stroke="{POLE}" stroke-width="9" '
        'stroke-linecap="round"/>',
        f'<circle cx="{cart:.1f}" cy="{axle}" r="5" fill="{PAPER}"/>',
        f'<text x="{WIDTH // 2}" y="{HEIGHT - 24}" {style} fill="{INK}">{told}</text>',
        "</svg>",
    ])
