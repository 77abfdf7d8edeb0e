"""Whatever is in a log, its import ends well: random logs round trip, every kind of damage is counted, none crashes."""
from __future__ import annotations

import codecs
import gzip
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.importers import lines
from learners.importers.arena import Logs, import_logs
from learners.importers.lines import parse
from tests.learners.arena_logs import live_line, recorder_line, session_end, text_of, write
from tests.learners.test_arena_import import rows

KINDS: dict[str, list[Any]] = {
    "JSON": ["{", "not json", '{"a": NaN}', '{"a": -Infinity}', "[" * 100_000, "1" * 5000, "\x00", "{}{}"],
    "encoding": [b'{"tick_id": "\xff\xfe"}', b"\xc3"],
    "object": ["null", "3", '"text"', "[]"],
    "length": ["x" * 5000],
    "field": [
        "{}", recorder_line(0, observation=None), recorder_line(0, action=[1, 2]), recorder_line(0, reward="much"),
        recorder_line(0, reward=True), '{"observation": {}, "action": {}, "reward": 1e999}',
        recorder_line(0, reward=1e39), recorder_line(0, done=2), recorder_line(0, tick_id=-1),
        recorder_line(0, tick_id=2**63), recorder_line(0, tick_id=1.5), recorder_line(0, behavior_logp=0.5),
        recorder_line(0, action={"ability_id": -1}), recorder_line(0, action={"move_x": "left"}),
        recorder_line(0, observation={"self_state": {"position": [1]}}),
        recorder_line(0, observation={"self_state": {"position": "here"}}),
        recorder_line(0, observation={"visible_entities": {}}), recorder_line(0, observation={"visible_items": [1]}),
        recorder_line(0, observation={"visible_entities": [{"type": 1}]}),
        recorder_line(0, observation={"self_state": {"position": [-3e38, 0]},
                                      "visible_items": [{"position": [3e38, 0]}]}),
    ],
}
LIVE_FIELDS = [
    live_line(0, action=3), live_line(0, action_ok="yes"), live_line(0, active_keys="KeyA"),
    live_line(0, active_keys=[1]), live_line(0, mono="late"), live_line(0, ui_state=[]),
    live_line(0, input_probe={"keyDown": "5"}), live_line(0, ability_last=2), live_line(0, bot_state=1),
    {"event": 3}, {"event": "session_end", "run_stop_reason": 3}, {"event": "session_end", "death": "yes"},
]
number = st.floats(-1e6, 1e6, width=32)
pair = st.lists(number, min_size=2, max_size=2)
axis = st.one_of(st.floats(-2, 2), st.sampled_from([-0.9, -0.7, 0.1, 0.3]))
entity = st.fixed_dictionaries({"position": pair, "type": st.sampled_from(["enemy", "friend"]), "hp": number})
tick_lines = st.fixed_dictionaries({
    "tick_id": st.integers(0, 2**40),
    "observation": st.fixed_dictionaries({
        "self_state": st.fixed_dictionaries({"position": pair, "velocity": pair, "hp": number, "ammo": number}),
        "zone_state": st.fixed_dictionaries({"position": pair, "radius": number, "is_safe": st.booleans()}),
        "visible_entities": st.lists(entity, max_size=3),
        "visible_items": st.lists(st.fixed_dictionaries({"position": pair}), max_size=3),
    }),
    "action": st.fixed_dictionaries({
        "move_x": axis, "move_y": axis, "aim_x": axis, "aim_y": axis, "fire": st.booleans(),
        "ability_id": st.none() | st.integers(0, 4), "interact": st.booleans(),
    }),
    "reward": number, "done": st.booleans(), "behavior_logp": st.floats(-30, 0, width=32),
})


def features_by_definition(seen: dict[str, Any]) -> list[float]:
    me, zone = seen["self_state"], seen["zone_state"]
    enemies = [one for one in seen["visible_entities"] if one["type"] == "enemy"] + seen["visible_entities"]
    items = seen["visible_items"]
    return [
        *me["position"], *me["velocity"], me["hp"], me["ammo"], *zone["position"], zone["radius"], zone["is_safe"],
        *((*enemies[0]["position"], enemies[0]["hp"]) if enemies else (0, 0, 0)),
        *(items[0]["position"] if items else (0, 0)), len(seen["visible_entities"]), len(items),
        math.dist(me["position"], enemies[0]["position"]) if enemies else 0,
        math.dist(me["position"], items[0]["position"]) if items else 0,
    ]


def classes_by_definition(action: dict[str, Any]) -> list[int]:
    def nearest(value: float) -> int:
        scaled = (min(1, max(-1, value)) + 1) / 2 * 10
        return min(range(11), key=lambda one: (abs(one - scaled), one % 2))

    return [*(nearest(action[name]) for name in ("move_x", "move_y", "aim_x", "aim_y")),
            action["fire"], bool(action["ability_id"]), action["interact"]]


@settings(max_examples=30)
@given(st.lists(st.lists(tick_lines, max_size=6), min_size=1, max_size=3), st.booleans())
def test_random_trajectories_round_trip(files: list[list[dict[str, Any]]], zipped: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for at, file in enumerate(files):
            write(root / f"data/match_seed{at}_duration9_p0.jsonl{'.gz' if zipped else ''}", *file)
        ticks = [line for file in files for line in file]
        if not ticks:
            with pytest.raises(ValueError, match="no usable step"):
                import_logs(Logs(recorder=root / "data"), root / "out.parquet")
            return
        report = import_logs(Logs(recorder=root / "data"), root / "out.parquet")["arena19"]
        found = rows(root / "out.parquet")
    assert report["corrupt_lines"] == 0
    assert report["rows"] == len(ticks)
    np.testing.assert_allclose(
        found["observation"], [features_by_definition(line["observation"]) for line in ticks], rtol=1e-6)
    assert found["action"].tolist() == [classes_by_definition(line["action"]) for line in ticks]
    for column, name in (("tick", "tick_id"), ("done", "done"), ("reward", "reward")):
        assert found[column].tolist() == [line[name] for line in ticks]
    known = [line["behavior_logp"] or math.nan for line in ticks]
    np.testing.assert_array_equal(found["log_prob"], known)
    used = [file for file in files if file]
    assert found["episode"].tolist() == [at for at, file in enumerate(used) for _ in file]
    assert found["begins"].tolist() == [int(at == 0) for file in files for at in range(len(file))]


@settings(max_examples=40)
@given(st.data())
def test_damaged_lines_are_counted_by_kind_and_the_others_stay(data: st.DataObject) -> None:
    damage = [(kind, one) for kind, found in KINDS.items() for one in found if kind != "length"]
    bad = data.draw(st.lists(st.sampled_from(damage), max_size=20))
    order: list[tuple[str, Any]] = data.draw(st.permutations([*(("", recorder_line(tick)) for tick in range(8)), *bad]))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a_p0.jsonl.gz", *(line for _, line in order))
        report = import_logs(Logs(recorder=path), Path(folder) / "out.parquet")["arena19"]
        found = rows(Path(folder) / "out.parquet")
    kinds = [kind for kind, _ in bad]
    assert report["corrupt_lines_by_kind"] == {kind: kinds.count(kind) for kind in set(kinds)}
    assert report["corrupt_lines"] == len(bad)
    assert found["tick"].tolist() == [line["tick_id"] for kind, line in order if not kind]
    numbers = [int(one.split(" line ")[1].split()[0]) for one in report["first_faults"]]
    assert numbers == [number for number, (kind, _) in enumerate(order, start=1) if kind]
    torn = [bool(order[at - 1][0]) for at, (kind, _) in enumerate(order) if not kind]
    assert found["begins"].tolist() == [1, *torn[1:]]


@pytest.mark.parametrize(("kind", "line"), [(kind, one) for kind, found in KINDS.items() for one in found])
def test_each_kind_of_damage(tmp_path: Path, kind: str, line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "length":
        monkeypatch.setattr(lines, "LONGEST", 4000)
    write(tmp_path / "a_p0.jsonl", recorder_line(0), line, "", recorder_line(2))
    report = import_logs(Logs(recorder=tmp_path), tmp_path / "out.parquet")["arena19"]
    assert report["corrupt_lines_by_kind"] == {kind: 1}
    assert "a_p0.jsonl line 2 " in report["first_faults"][0]
    assert len(report["first_faults"][0]) < 300 + len(str(tmp_path))
    assert report["rows"] == 2
    assert rows(tmp_path / "out.parquet")["begins"].tolist() == [1, 1]


@pytest.mark.parametrize("line", LIVE_FIELDS)
def test_fields_of_the_wrong_kind_in_a_stream(tmp_path: Path, line: Any) -> None:
    write(tmp_path / "play/feedback_stream.jsonl", live_line(0), line, live_line(1), session_end("win"))
    report = import_logs(Logs(live=tmp_path), tmp_path / "out.parquet")["live19"]
    assert report["corrupt_lines_by_kind"] == {"field": 1}
    assert report["rows"] == 2
    assert report["outcomes"] == {"won": 1}


@pytest.mark.parametrize("line", [
    {}, {"runtime_feedback": 3}, {"runtime_feedback": "feedback_stream.jsonl"}, {"run_finish": "win"},
    {"runtime_feedback": "play/feedback_stream.jsonl", "run_finish": 1}, "torn",
])
def test_faults_of_a_manifest(tmp_path: Path, line: Any) -> None:
    write(tmp_path / "feedback/play/feedback_stream.jsonl", live_line(0), live_line(1))
    write(tmp_path / "live/manifest.jsonl", line)
    logs = Logs(live=tmp_path / "feedback", manifests=tmp_path / "live")
    report = import_logs(logs, tmp_path / "out.parquet")["live19"]
    assert report["corrupt_lines"] == 1
    assert "manifest.jsonl line 1 " in report["first_faults"][0]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5,
)


@settings(max_examples=60)
@given(st.data())
def test_any_value_in_any_place_is_used_or_counted(data: st.DataObject) -> None:
    live = data.draw(st.booleans())
    line: Any = live_line(1) if live else recorder_line(1)
    at, key = line, data.draw(st.sampled_from(sorted(line)))
    while isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(sorted(at)) if isinstance(at, dict) else st.integers(0, len(at) - 1))
    at[key] = data.draw(json_values)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make: Callable[..., dict[str, Any]] = live_line if live else recorder_line
        path = write(root / ("feedback_stream.jsonl" if live else "a_p0.jsonl"), make(0), line, make(2))
        logs = Logs(live=path) if live else Logs(recorder=path)
        (report,) = import_logs(logs, root / "out.parquet").values()
        found = rows(root / "out.parquet", report["schema"])
    idle = report.get("ticks_without_action", 0)
    markers = 0 if not live else sum(report["markers"].values())
    assert report["rows"] + report["corrupt_lines"] + idle + markers == 3
    assert np.isfinite(found["observation"]).all()
    assert np.isfinite(found["reward"]).all()


@settings(max_examples=60)
@given(st.data())
def test_broken_bytes_never_end_an_import_with_a_trace(data: st.DataObject) -> None:
    content = text_of(*(recorder_line(tick) for tick in range(3)))
    if data.draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
    broken = bytearray(content)
    for _ in range(data.draw(st.integers(0, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a_p0.jsonl.gz"
        path.write_bytes(broken[:cut] + data.draw(st.binary(max_size=20)))
        told: list[int] = []
        try:
            report = import_logs(Logs(recorder=path), Path(folder) / "out.parquet", told.append)["arena19"]
        except ValueError as fault:
            if "no usable step" not in str(fault):
                raise
            return
        assert sum(told) == path.stat().st_size
        assert sum(len(part) for part in [rows(Path(folder) / "out.parquet")["reward"]]) == report["rows"]


@pytest.mark.parametrize(("cut", "words"), [(-20, "ended before"), (0, "CRC"), (3, "Not a gzipped file")])
def test_a_torn_archive_is_used_up_to_where_it_tears(tmp_path: Path, cut: int, words: str) -> None:
    content = gzip.compress(text_of(*(recorder_line(tick) for tick in range(500))), mtime=0)
    if cut < 0:
        content = content[:cut]
    elif cut == 0:
        content = content[:-8] + b"\0" * 8
    else:
        content += b"xyz"
    (tmp_path / "a_p0.jsonl.gz").write_bytes(content)
    write(tmp_path / "b_p0.jsonl.gz", recorder_line(0))
    report = import_logs(Logs(recorder=tmp_path), tmp_path / "out.parquet")["arena19"]
    assert report["files_cut_short"] == 1
    assert report["corrupt_lines"] == 0
    assert report["rows"] > 400
    assert words in report["first_faults"][0]


@pytest.mark.parametrize("encoded", [
    codecs.BOM_UTF8 + text_of(recorder_line(0), recorder_line(1)),
    text_of(recorder_line(0), recorder_line(1)).decode().encode("utf-16"),
    codecs.BOM_UTF16_BE + text_of(recorder_line(0), recorder_line(1)).decode().encode("utf-16-be"),
    text_of(recorder_line(0), recorder_line(1)).replace(b"\n", b"\r\n"),
])
def test_text_as_windows_writes_it(tmp_path: Path, encoded: bytes) -> None:
    (tmp_path / "a_p0.jsonl").write_bytes(encoded)
    report = import_logs(Logs(recorder=tmp_path), tmp_path / "out.parquet")["arena19"]
    assert (report["rows"], report["corrupt_lines"]) == (2, 0)


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 4096)
    write(tmp_path / "a_p0.jsonl", recorder_line(0), b"x" * 100_000, recorder_line(1), b"{" * 4096)
    report = import_logs(Logs(recorder=tmp_path), tmp_path / "out.parquet")["arena19"]
    assert report["corrupt_lines_by_kind"] == {"length": 2}
    assert report["rows"] == 2


def test_json_that_only_looks_harmless() -> None:
    assert parse(b"  ") is None
    assert parse(json.dumps({"a": 1}).encode()) == {"a": 1}
    for line in (b'{"a": Infinity}', b"[" * 10_000 + b"]" * 10_000, b'{"a": ' + b"9" * 5000 + b"}"):
        with pytest.raises(ValueError, match=r"JSON|nested|digits"):
            parse(line)
