"""Compiles games outside the tree with the directives of `native.build`."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from native.build import DIRECTIVES, ROOT


def compile_folder(folder: Path) -> str:
    """Compiles every `.pyx` of `folder` in place, in processes of their own; returns what Cython and compiler said.

    Raises subprocess.CalledProcessError if it fails.
    """
    directives = [text for name, value in DIRECTIVES.items() for text in ("-X", f"{name}={value}")]
    sources = sorted(path.name for path in folder.glob("*.pyx"))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CFLAGS": "-O1"}
    command = [sys.executable, "-m", "Cython.Build.Cythonize", "--inplace", "--parallel", "2", *directives, *sources]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ).stdout
