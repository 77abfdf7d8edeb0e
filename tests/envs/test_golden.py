"""Stored games replay to the same bytes: see `tests/envs/golden.py`."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.envs import golden
from tests.envs.variants import Variant, variants


@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.id)
def test_stored_games_replay(variant: Variant) -> None:
    path = golden.path_of(variant)
    assert path.exists(), f"no golden games for {variant.id}: run `python -m tests.envs.golden`"
    stored = golden.load(path)
    assert len(stored) == len(golden.SEEDS)
    assert golden.replayed(variant, stored) == stored


def test_no_file_without_a_game() -> None:
    assert {path.name for path in golden.FOLDER.iterdir()} == {golden.path_of(variant).name for variant in variants()}


def test_the_command_says_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(golden, "FOLDER", tmp_path)
    monkeypatch.setattr(golden, "variants", lambda: [Variant("connect_four"), Variant("tic_tac_toe")])
    golden.main()
    assert capsys.readouterr().out == "connect_four: new\ntic_tac_toe: new\n"

    path = tmp_path / "tic_tac_toe.jsonl"
    path.write_text(path.read_text().replace('"seed":2', '"seed":9'))
    (tmp_path / "chess.jsonl").write_text("")
    golden.main()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "connect_four: unchanged"
    assert said[1] == "tic_tac_toe: changed (seed 2: seed)"
    assert said[2] == "chess: deleted, no such game or variant"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["connect_four.jsonl", "tic_tac_toe.jsonl"]
