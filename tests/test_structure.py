"""The shape of the tree: who may import whom, where the packages come from, what may not be said."""
from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.readme_tree import BEGIN, README, tree, with_tree

ROOT = Path(__file__).parents[1]
ORDER = ["serve", "league", "actors", "learners", "envs", "native"]
PACKAGES = [*ORDER, "tests"]
RAY_MAY = {"actors": r"(_actor|remote)\.py$", "league": r"(_actor|ray_pipeline)\.py$|^rllib_", "learners": r"^rllib_"}


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports, wherever in it."""
    text = path.read_text()
    if path.suffix != ".py":
        return set(re.findall(r"^\s*(?:from|cimport|import)\s+([A-Za-z_]+)", text, re.M))
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def sources(folder: str) -> list[Path]:
    return [path for pattern in ("*.py", "*.pyx", "*.pxd") for path in (ROOT / folder).rglob(pattern)]


@pytest.mark.parametrize("folder", ORDER)
def test_imports_run_downwards(folder: str) -> None:
    above = set(ORDER[: ORDER.index(folder)]) | {"tests"}
    assert sources(folder)
    assert {f"{path.relative_to(ROOT)}: {name}" for path in sources(folder) for name in imported(path) & above} == set()


@pytest.mark.parametrize("folder", ORDER)
def test_ray_appears_in_thin_wrappers_only(folder: str) -> None:
    users = {path.name for path in sources(folder) if "ray" in imported(path)}
    assert {name for name in users if not (folder in RAY_MAY and re.search(RAY_MAY[folder], name))} == set()


def test_learners_work_where_ray_is_not_installed() -> None:
    code = "import sys; sys.modules['ray'] = None; import learners.learner, learners.chunk, native.returns"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_package_names_resolve_to_this_checkout_from_elsewhere(tmp_path: Path) -> None:
    code = f"import {', '.join(PACKAGES)}; print(*[p.__path__[0] for p in ({', '.join(PACKAGES)})], sep='\\n')"
    seen = subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True).stdout
    assert [Path(line) for line in seen.splitlines()] == [ROOT / package for package in PACKAGES]


def test_every_package_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    present = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for folder in ORDER
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert present - listed == set()


def test_names_say_something() -> None:
    empty = re.compile(r"(^|/)(utils?|helpers?|misc|common)(\.py|\.pyx|/|$)")
    paths = [str(path.relative_to(ROOT)) for folder in PACKAGES for path in (ROOT / folder).rglob("*.py*")]
    assert [path for path in paths if empty.search(path)] == []


def test_the_readme_shows_the_tree_as_it_is() -> None:
    text = README.read_text()
    assert BEGIN in text
    assert with_tree(text) == text, "run: python -m tests.readme_tree"
    bare = [line.strip() for line in tree().splitlines() if len(line.split()) == 1]
    assert bare == [], "these files do not say what they are"
