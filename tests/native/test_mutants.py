"""Every mutant of the compiled core dies of its checks, and the source itself lives."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.native.mutants import MUTANTS, survivors


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("target", MUTANTS)
def test_mutants_die(target: str, tmp_path: Path) -> None:
    assert survivors(target, tmp_path) == []
