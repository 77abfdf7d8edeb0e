"""The tree of the README, from the first line of every file: `python -m tests.readme_tree` writes it anew."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- tree: python -m tests.readme_tree -->", "<!-- end of tree -->"
FOLDERS = ("serve", "league", "actors", "learners", "envs", "native", "configs")
WIDTH = 34


def first_line(path: Path) -> str:
    """What a file says of itself: the first clause of its docstring or of its first comment."""
    text = path.read_text()
    for pattern in (r'^"""(.+?)(?:"""|\n|$)', r"^/\* (.+?)(?: \*/|\n)", r"^# (.+)"):
        if found := re.match(pattern, text):
            return re.split(r"[:;.](?:\s|$)|\s\(", found[1])[0].strip()
    return ""


def _line(depth: int, name: str, text: str) -> str:
    left = "  " * depth + name
    return f"{left:<{WIDTH}} {text}".rstrip()


def _files() -> list[Path]:
    """Tracked and untracked files that git does not ignore, tests aside."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", *FOLDERS],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def tree() -> str:
    """The tree, a line per folder and file. Stubs (`.pyi`) stand with what they describe and have none."""
    files = [path for path in _files() if path.suffix != ".pyi" and path.name != "__init__.py"]
    lines = []
    for folder in FOLDERS:
        lines.append(_line(0, f"{folder}/", first_line(ROOT / folder / "__init__.py")))
        seen: set[Path] = set()
        inside = [path for path in files if path.is_relative_to(ROOT / folder)]
        for path in sorted(inside, key=lambda one: (len(one.relative_to(ROOT / folder).parts) > 1, str(one))):
            parts = path.relative_to(ROOT / folder).parts
            if len(parts) > 1 and path.parent not in seen:
                seen.add(path.parent)
                init = path.parent / "__init__.py"
                lines.append(_line(1, f"{'/'.join(parts[:-1])}/", first_line(init) if init.is_file() else ""))
            lines.append(_line(len(parts), path.name, first_line(path)))
    lines.append(_line(0, "tests/", "the same folders again, and benchmarks/: what `ludus bench` measures"))
    return "\n".join(lines)


def with_tree(text: str) -> str:
    """The README with its tree made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```\n{tree()}\n```\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_tree(README.read_text()))
