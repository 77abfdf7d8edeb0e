"""The checks of the losses notice every mutant of the sources."""
from __future__ import annotations

from tests.learners.mutants import MUTANTS, survivors


def test_every_mutant_dies() -> None:
    assert all(len(mutants) >= 3 for mutants in MUTANTS.values())
    assert survivors() == []
