"""A checkpoint has the learner and, unless the config says otherwise, the model that others use."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs import registry
from league.learner_files import LearnerFiles
from league.sections import Windows
from learners.config import Learning
from learners.learner import Learner
from learners.model import load_model
from learners.network_config import Network


@pytest.mark.parametrize("export", [True, False])
def test_what_a_checkpoint_keeps_of_a_learner(tmp_path: Path, export: bool) -> None:
    learner = Learner(registry.make("tic_tac_toe"), Learning(network=Network(hidden=(8,)), ema_decay=0.9), seed=1)
    files = LearnerFiles(Windows(export=export), learner)
    for name, bias in (("one", 1.0), ("two", 2.0)):
        learner.load_weights({key: array + bias for key, array in learner.weights().items()})
        files.write(tmp_path / name)
        learner.restore(tmp_path / name / "learner")
        expected = {"learner", "model_inference"} if export else {"learner"}
        assert {path.name for path in (tmp_path / name).iterdir()} == expected
        if export:
            for key, array in load_model(tmp_path / name / "model_inference").weights.items():
                np.testing.assert_array_equal(array, learner.published()[key])
