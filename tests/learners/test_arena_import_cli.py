"""`ludus dataset import` and `inspect` with logs of the arena."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from learners.importers import arena
from learners.importers.steps import schemas
from serve.cli_datasets import app

SAMPLES = Path(__file__).parents[1] / "data/arena_logs"
DATA, FEEDBACK, LIVE = SAMPLES / "data/processed", SAMPLES / "reports/feedback_training", SAMPLES / "reports/live"


def ludus(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_all_logs_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = ludus("import", out, "--data-dir", DATA, "--feedback-dir", FEEDBACK, "--reports-live-dir", LIVE)
    assert result.exit_code == 0, result.output
    assert "7 steps in" in result.output
    assert "4 steps in" in result.output
    assert "corrupt_lines: 1" in result.output
    assert "match_seed7_duration60_p0.jsonl.gz line 3 is not JSON" in result.output
    assert schemas(out) == ["arena19", "live19"]
    found = json.loads(ludus("inspect", out, "--json").output)
    assert found["arena19"]["actions"]["fire"] == [3, 4]
    assert found["live19"]["imports"][0]["outcomes"] == {"lost": 1, "won": 1}
    shown = ludus("inspect", out)
    assert shown.exit_code == 0
    assert "fire: [3, 4]" in shown.output


@pytest.mark.parametrize(("source", "arguments", "schema"), [
    (DATA, (), "arena19"), (DATA, ("--game", "arena"), "arena19"), (DATA, ("--format", "recorder"), "arena19"),
    (FEEDBACK, (), "live19"), (FEEDBACK, ("--format", "live", "--reports-live-dir", LIVE), "live19"),
])
def test_logs_of_one_kind(tmp_path: Path, source: Path, arguments: tuple[Any, ...], schema: str) -> None:
    out = tmp_path / "out.parquet"
    result = ludus("import", source, out, *arguments)
    assert result.exit_code == 0, result.output
    assert schemas(out) == [schema]
    assert ludus("inspect", out).exit_code == 0


@pytest.mark.parametrize(("arguments", "message"), [
    ((DATA,), "expected IN and OUT"),
    (("out",), "expected IN and OUT"),
    (("out", "--format", "live"), "expected IN and OUT"),
    ((DATA, FEEDBACK, "out"), "3 paths are given"),
    ((DATA, "out", "--data-dir", DATA), "one path too many"),
    ((DATA, "out", "--format", "recorder", "--game", "razzle"), "of arena, not of razzle"),
    ((DATA, "out", "--option", "players=2"), "not for logs"),
    (("out.parquet", "--data-dir", DATA, "--feedback-dir", FEEDBACK), "kept apart"),
    (("out", "--data-dir", SAMPLES / "none"), "there is no"),
    (("out", "--reports-live-dir", LIVE), "name them by --feedback-dir"),
    ((LIVE / "batch_1/manifest.jsonl", "out.parquet"), "--game is missing"),
])
def test_requests_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[Any, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = ludus("import", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(arena, "_import", pressed)
    result = ludus("import", DATA, tmp_path / "out")
    assert result.exit_code == 130
    assert "nothing is written" in result.output
    assert list(tmp_path.iterdir()) == []
