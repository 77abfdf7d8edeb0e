from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from native.game import Game

class Match(NamedTuple):
    wins: int
    losses: int
    draws: int
    mean_return: float
    mean_length: float
    metrics: npt.NDArray[np.float64]

def play_match(game: Game, bot_a: str, bot_b: str, games: int, seed: int) -> Match: ...
