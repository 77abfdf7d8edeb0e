"""Shows that the checks of the compiled core can fail: spoils its source in one place at a time, compiles, checks.

`python -m tests.native.mutants` prints who survives; each must die, and the unspoilt source must pass.
"""
from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from native.build import ROOT
from native.game import rebuild
from tests.native import (
    returns_definition,
    sampling_definition,
    search_cache_checks,
    search_checks,
    search_secrets,
    vector_definition,
)
from tests.native.compile import compile_folder

SEEDS = range(40)
HUNG_S = 120        # a mutant that loops for ever is dead too
SHARED = (
    "arrays", "block", "masks", "search_descent", "search_leaves", "search_memory", "search_root", "search_softmax",
    "search_tree", "search_values",
)
COMPANION = "evaluation_cache"      # a module beside its target, planted where it is the one that is spoilt


class Mutant(NamedTuple):
    file: str       # of native/
    old: str        # stands there exactly once
    new: str


def check_vector(module: ModuleType, seed: int) -> None:
    vector_definition.check_play(module, rebuild("skirmish", {}), seed)


CHECKS: dict[str, tuple[Callable[[ModuleType, int], None], ...]] = {
    "returns": (
        returns_definition.check_vtrace, returns_definition.check_upgo, returns_definition.check_gae,
        returns_definition.check_td_lambda,
    ),
    "sampling": (
        sampling_definition.check_draws, sampling_definition.check_greedy,
        sampling_definition.check_edges, sampling_definition.check_refusals,
    ),
    "search": (
        search_checks.check_search, search_checks.check_kept, search_cache_checks.check_with_cache,
        search_secrets.check_secrets,
    ),
    "vector": (check_vector,),
}

MUTANTS: dict[str, dict[str, Mutant]] = {
    target: {name: Mutant(**fields) for name, fields in mutants.items()}
    for name in ("mutants.toml", "search_mutants.toml")
    for target, mutants in tomllib.loads((Path(__file__).parent / name).read_text()).items()
}


def survivors(target: str, folder: Path) -> list[str]:
    """Names of the mutants of `target` that pass its checks, and "unspoilt" if the source itself does not."""
    shutil.copy(Path(__file__).parent / "skirmish.pyx", folder)
    plant(target, "unspoilt", None, folder)
    for name, mutant in MUTANTS[target].items():
        plant(target, name, mutant, folder)
    compile_folder(folder)
    found = [name for name in MUTANTS[target] if passes(target, name, folder)]
    return found if passes(target, "unspoilt", folder) else ["unspoilt", *found]


def plant(target: str, name: str, mutant: Mutant | None, folder: Path) -> None:
    """Writes `target` and what it cimports as modules `FILE_NAME` of their own."""
    cimported = (*SHARED, COMPANION) if mutant is not None and Path(mutant.file).stem == COMPANION else SHARED
    for path in sorted((ROOT / "native").glob("*.p[xy][dx]")):
        if path.stem not in (target, *cimported):
            continue
        text = path.read_text()
        if mutant is not None and mutant.file == path.name:
            if text.count(mutant.old) != 1:
                raise ValueError(f"{name}: {mutant.old!r} does not stand exactly once in {path.name}")
            text = text.replace(mutant.old, mutant.new)
        text = re.sub(rf"native\.({'|'.join(cimported)}) cimport", rf"\1_{name} cimport", text)
        (folder / f"{path.stem}_{name}{path.suffix}").write_text(text)


def passes(target: str, name: str, folder: Path) -> bool:
    """Runs the checks in a process of its own: a mutant may write anywhere or never end."""
    command = [sys.executable, "-m", "tests.native.mutants", target, f"{target}_{name}", str(folder)]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=HUNG_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def check(target: str, module: str, folder: str) -> None:
    sys.path.insert(0, folder)
    spoilt = importlib.import_module(module)
    for seed in SEEDS:
        for function in CHECKS[target]:
            function(spoilt, seed)


def main() -> None:
    for target, mutants in MUTANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            found = survivors(target, Path(folder))
        print(f"{target}: {len(mutants) - len(found)} of {len(mutants)} died; wrong: {', '.join(found) or 'none'}")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        check(*sys.argv[1:])
    else:
        main()
