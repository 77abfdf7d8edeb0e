"""The game `skirmish.pyx`, compiled once per session."""
from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from native.game import Game, rebuild
from tests.native.compile import compile_folder


@pytest.fixture(scope="session")
def skirmish(tmp_path_factory: pytest.TempPathFactory) -> Game:
    folder = tmp_path_factory.mktemp("skirmish")
    shutil.copy(Path(__file__).parent / "skirmish.pyx", folder)
    compile_folder(folder)
    sys.path.insert(0, str(folder))
    try:
        return rebuild("skirmish", {})
    finally:
        sys.path.remove(str(folder))
