"""The actions of Razzle Dazzle, see `rules.pyx`: from square to square, and the end of a turn of passes."""
from __future__ import annotations

from envs.layout import MoveLayout
from native.game import Game


def move_layout(game: Game) -> MoveLayout:
    """Of the board that the observation shows, whatever the options."""
    _, height, width = game.observation_shape
    return MoveLayout(height, width, others=1)
