"""Compiles every `.pyx` of the tree: `python -m native.build` in place, or as setuptools' `build_ext`.

Flags are portable (no -march=native, no OpenMP): the same build runs on Linux and on macOS arm64.
"""
from __future__ import annotations

import os
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("native", "envs")
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
    "show_performance_hints": True,
    "freethreading_compatible": True,
}
# -ffp-contract=off: without fused multiply-add, x86-64 and arm64 compute the same floats
FLAGS = [
    "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wno-unused-function",
    "-Wno-unreachable-code",
]
MACROS: list[tuple[str, str | None]] = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]


def extensions() -> list[Extension]:
    """One extension per `.pyx` below native/ and envs/, named by its path."""
    sources = sorted(path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.pyx"))
    return [
        Extension(
            ".".join(source.with_suffix("").parts),
            [str(source)],
            include_dirs=[numpy.get_include()],
            define_macros=MACROS,
            extra_compile_args=FLAGS,
        )
        for source in sources
    ]


class BuildExt(build_ext):
    """setuptools' command with our extensions; named in pyproject.toml."""

    def finalize_options(self) -> None:
        here = os.getcwd()
        os.chdir(ROOT)
        try:
            compiled = cythonize(  # type: ignore[no-untyped-call]
                extensions(), compiler_directives=DIRECTIVES, build_dir="build/cython", quiet=True,
                nthreads=os.cpu_count() or 1,
            )
        finally:
            os.chdir(here)
        self.distribution.ext_modules = compiled
        super().finalize_options()
        self.parallel = os.cpu_count()


def main() -> None:
    """Builds in place; only what changed is compiled again."""
    os.chdir(ROOT)
    distribution = Distribution({"name": "ludus", "package_dir": {"": "."}, "ext_modules": extensions()})
    command = BuildExt(distribution)
    command.inplace = True
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    main()
