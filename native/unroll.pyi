import numpy as np
import numpy.typing as npt

from native.game import Game

class UnrollAssembler:
    game: Game
    num_lanes: int
    unroll_length: int
    batch: int
    discount: float
    def __init__(self, game: Game, num_lanes: int, unroll_length: int, batch: int, discount: float) -> None: ...
    def __len__(self) -> int: ...
    def take(self) -> dict[str, npt.NDArray[np.generic]]: ...
    def record(
        self,
        lanes: npt.NDArray[np.int32],
        observations: npt.NDArray[np.generic],
        legal: npt.NDArray[np.uint8],
        actions: npt.NDArray[np.int32],
        log_probs: npt.NDArray[np.float32],
        version: int,
    ) -> None: ...
    def settle(
        self,
        lanes: npt.NDArray[np.int32],
        rewards: npt.NDArray[np.float32],
        terminal: npt.NDArray[np.uint8],
        truncated: npt.NDArray[np.uint8],
        final_observations: npt.NDArray[np.generic],
    ) -> None: ...
    def save(self) -> dict[str, npt.NDArray[np.generic]]: ...
    def load(self, saved: dict[str, npt.NDArray[np.generic]]) -> None: ...
