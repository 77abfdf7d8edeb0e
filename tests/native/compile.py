"""Compiles `.pyx` files outside the tree as `native.build` would: `python -m tests.native.compile FOLDER`."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

from native.build import DIRECTIVES, MACROS, ROOT


def compile_folder(folder: Path) -> None:
    """Compiles every `.pyx` of `folder` in place, in a process of its own.

    Raises RuntimeError with what the compilers said if it fails.
    """
    command = [sys.executable, "-m", "tests.native.compile", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"cannot compile {folder}:\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}")


def main(folder: str) -> None:
    os.chdir(folder)
    extensions = [
        Extension(path.stem, [path.name], include_dirs=[numpy.get_include()], define_macros=MACROS,
                  extra_compile_args=["-O0", "-g0"])
        for path in sorted(Path().glob("*.pyx"))
    ]
    modules = cythonize(  # type: ignore[no-untyped-call]
        extensions, compiler_directives=DIRECTIVES, include_path=[str(ROOT)], quiet=True
    )
    command = build_ext(Distribution({"name": "outside", "ext_modules": modules}))
    command.inplace, command.parallel = True, 2
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    main(sys.argv[1])
