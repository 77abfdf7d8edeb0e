"""What a checkpoint keeps of a learner: all of it to go on with, and the model that others use."""
from __future__ import annotations

from pathlib import Path

from league.sections import Windows
from learners.export import FOLDER, Exporter
from learners.learner import Learner
from learners.model import LEARNER


class LearnerFiles:
    """Of one run's learner."""

    def __init__(self, config: Windows, learner: Learner) -> None:
        self._config, self._learner = config, learner
        self._exporter: Exporter | None = None      # which builds a network of its own

    def write(self, checkpoint: Path) -> None:
        """Writes the folders `learner` and, where the config wants it, `model_inference` into a checkpoint."""
        learner = self._learner
        learner.save(checkpoint / LEARNER)
        if self._config.export:
            if self._exporter is None:
                self._exporter = Exporter(learner.game, learner.config.network)
            self._exporter.write(checkpoint / FOLDER, learner.published(), learner.version)
