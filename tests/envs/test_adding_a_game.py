"""`envs/ADDING_A_GAME.md` tells the truth: its example compiles and conforms, and the suite sees when it is spoilt."""
from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from native.build import ROOT
from tests.envs.compile import compile_folder
from tests.envs.conformance import conform

DOCUMENT = (ROOT / "envs" / "ADDING_A_GAME.md").read_text()

MUTANTS = {
    "reset_leaves_remains": ("    s.winner = -1\n\n\ncdef int32_t to_act", "\n\ncdef int32_t to_act"),
    "reset_forgets_the_option": ("s.left = <int32_t>options[0]", "s.left = 21"),
    "idle_seat_may_move": ("s.to_move == player and action < s.left", "action < s.left"),
    "mask_allows_too_much": ("and action < s.left", "and action <= s.left"),
    "mask_allows_too_little": ("and action < s.left", "and action + 1 < s.left"),
    "mask_is_written_beyond": ("    return count", "    mask[3] = 0\n    return count"),
    "mask_is_not_written_whole": ("in range(3):\n        mask", "in range(s.left % 4):\n        mask"),
    "count_is_wrong": ("    return count", "    return count + 1"),
    "refusal_changes_the_state": ("        return -1\n", "        s.left += 1\n        return -1\n"),
    "action_out_of_range": ("action[0] < 0 or action[0] >= 3", "action[0] >= 3"),
    "play_after_the_end": ("if s.to_move == TERMINAL or", "if s.to_move == TERMINAL:\n        return 0\n    if"),
    "nobody_sees": ("<uint8_t>(<const Nim *>p).left", "(<uint8_t *>out)[0] * 2"),
    "rewards_do_not_add_up": ("out[1 - s.winner] = -1", "out[1 - s.winner] = 0"),
    "rewards_at_the_start": ("out[0] = out[1] = 0\n", "out[0] = 1\n    out[1] = -1\n"),
    "redeterminize_changes_what_is_known": ("    pass    # nothing is hidden", "    (<Nim *>p).left = 1"),
    "key_forgets_whose_turn": ("<uint64_t>(s.to_move + 1) << 2", "<uint64_t>0"),
    "key_of_nothing": ("return mix(", "return 0 * mix("),
    "bot_plays_anything": ("left % 4 - 1 if left % 4 else", ""),
    "longer_than_declared": ("table.max_length = stones", "table.max_length = 2"),
    "options_are_lost": ('{"stones": stones}, &table', '{}, &table'),
    "seed_in_the_state": ("s.to_move = 0\n", "s.to_move = 0\n    s.left += seed % 3\n"),
    "false_symmetry": ("table.num_symmetries = 1", "table.num_symmetries = 2"),
}
"""Name of each spoilt Nim: the text that goes and what comes instead."""


def example() -> str:
    (code,) = re.findall(r"```cython\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(code)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder from which modules can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_example_compiles_and_conforms(folder: Path) -> None:
    (folder / "nim_example.pyx").write_text(example())
    said = compile_folder(folder)
    assert "warning" not in said
    assert "performance hint" not in said
    module = importlib.import_module("nim_example")
    conform(module.make())
    conform(module.make(stones=5))
    with pytest.raises(ValueError, match="nim: stones must be 1 to 255, got 0"):
        module.make(stones=0)


@pytest.mark.slow
def test_spoilt_games_do_not_conform(folder: Path) -> None:
    for name, (old, new) in MUTANTS.items():
        assert example().count(old) == 1, f"{name}: {old!r} is not in the example exactly once"
        (folder / f"nim_{name}.pyx").write_text(example().replace(old, new))
    compile_folder(folder)
    survivors = []
    for name in MUTANTS:
        try:
            conform(importlib.import_module(f"nim_{name}").make(stones=9))
        except (AssertionError, pytest.fail.Exception, ValueError):
            continue
        survivors.append(name)
    assert survivors == []


def test_named_files_exist() -> None:
    """Every path in the document is there, those of the example apart."""
    paths = set(re.findall(r"`((?:envs|native|tests)/[\w/.]+)`", DOCUMENT))
    assert len(paths) >= 8
    for path in paths:
        assert "/nim/" in path or (ROOT / path).exists(), f"{path} is not in the tree"
