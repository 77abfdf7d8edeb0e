import numpy as np
import numpy.typing as npt

from native.game import State

def action_scores(state: State, bot: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]: ...
