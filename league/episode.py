"""One episode of a game, step by step: everybody's actions, everybody's rewards, and what identifies where it went.

Letters: S seats shown (all of a game whose seats decide at once, else the one to act), H heads, P seats.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from envs import registry
from envs.adapters.vectors import make_vector, release
from league.evaluation import Decide
from native.game import Game, State
from native.vector import VectorGame

DECIMALS = 4        # of the numbers in frames; what must be exact is in actions and rewards


@dataclass(frozen=True)
class Step:
    """What was played and what came of it; `seat` is the one that acted, None where all act at once."""

    seat: int | None
    actions: npt.NDArray[np.int32]      # [S, H]
    rewards: npt.NDArray[np.float32]    # [P]
    terminal: bool
    truncated: bool


class Episode:
    """The episode of `game` that begins from `seed`; the same actions lead it through the same steps.

    max_steps: after which it is truncated, if the game does not do so before; None: as the game has it. Where states
    can be copied, two parts of the native core play it side by side and have to agree on every step.
    """

    def __init__(self, game: Game, seed: int, max_steps: int | None = None) -> None:
        limits = [limit for limit in (game.time_limit, max_steps) if limit]
        self.game, self.vector = game, make_vector(game, 1, seed, min(limits, default=0))
        self.state: State | None = self.vector.state(0) if isinstance(self.vector, VectorGame) else None
        self.returns = np.zeros(game.num_players, np.float32)
        self.metrics: dict[str, float] = {}     # of the game as it stands
        self.length = 0
        self.over = False
        self._seen = sha256()
        self._note()

    @property
    def num_shown(self) -> int:
        """S."""
        return int(self.vector.num_legal.size)

    def step(self, actions: npt.NDArray[np.int32]) -> Step:
        """Plays `actions [S, H]`. Raises ValueError for an illegal one, RuntimeError if the core contradicts itself."""
        vector, to_act = self.vector, int(self.vector.to_act[0])
        seat = None if to_act < 0 else to_act
        vector.step(actions.reshape(*vector.num_legal.shape, -1))
        self.length += 1
        step = Step(seat, actions.copy(), vector.rewards[0].copy(), bool(vector.terminal[0]), bool(vector.truncated[0]))
        self.over = step.terminal or step.truncated
        self.returns += step.rewards
        if self.state is not None:
            self.state.apply(actions if seat is None else actions[seat if self.game.simultaneous else 0])
            if not np.array_equal(self.state.rewards(), step.rewards) or self.state.is_terminal != step.terminal:
                raise RuntimeError(f"{self.game!r}: state and vector part at step {self.length}")
        self._note()
        return step

    def digest(self) -> str:
        """SHA-256 of the state, or without states of all that was seen so far."""
        return self._seen.hexdigest() if self.state is None else sha256(self.state.to_bytes()).hexdigest()

    def frame(self) -> dict[str, Any] | None:
        """What a viewer draws, in plain JSON: the game's own frame, else its text; None without states."""
        if self.state is None:
            return None
        shown = registry.render(self.game.name)
        if hasattr(shown, "to_frame"):
            frame: dict[str, Any] = _rounded(shown.to_frame(self.state))
            return frame
        return {"text": shown.to_text(self.state)}

    def close(self) -> None:
        """Lets go of environments that hold windows or processes of their own."""
        release(self.vector)

    def _note(self) -> None:
        """Keeps what this step says; of an episode that is over the vector shows the next one already."""
        if self.state is not None:
            self.metrics = {name: value for name, value in self.state.metrics().items() if np.isfinite(value)}
        elif not self.over:
            self._seen.update(self.vector.observations[0].tobytes())
        elif self.vector.truncated[0]:
            self._seen.update(self.vector.final_observations[0].tobytes())


def play(
    episode: Episode, decide: Decide, seat: int | None, bot: str | None, on_step: Callable[[Step], None]
) -> None:
    """Plays an episode to its end, whoever decides so in `seat` (None: in all) and a scripted player in the others."""
    vector, rows = episode.vector, np.zeros(1, np.int64)
    actions = np.zeros((*vector.num_legal.shape, len(episode.game.head_sizes)), np.int32)
    shown = actions.reshape(episode.num_shown, -1)      # [S, H], the same memory
    while not episode.over:
        for place in np.flatnonzero(vector.num_legal.reshape(-1)).tolist():
            acting = place if episode.game.simultaneous else int(vector.to_act[0])
            if seat is None or acting == seat:
                shown[place] = decide(vector, rows, acting)[0]
            else:
                assert bot is not None
                vector.bot_actions(bot, rows, actions, [place] if episode.game.simultaneous else None)
        on_step(episode.step(shown))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
