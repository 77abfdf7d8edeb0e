"""The run store against a model of plain dicts, under any order of calls, reopenings and repeated results."""
from __future__ import annotations

import copy
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from serve.run_row import ACTIVE, STATUSES
from serve.run_store import SqliteRunStore, TransitionError, UnknownRunError

RUNS = st.sampled_from(["a", "b"])
COUNTS = ("games", "wins", "draws", "losses")
TALLIES = st.lists(
    st.fixed_dictionaries({
        "player": st.sampled_from(["main", "past"]), "opponent": st.sampled_from(["main", "bot"]),
        "seat": st.integers(0, 1), **{name: st.integers(0, 5) for name in COUNTS},
        "return_sum": st.integers(-5, 5).map(float), "length_sum": st.integers(0, 99).map(float),
    }), max_size=3,
)
Payoff = dict[tuple[str, str, int], list[float]]


class ModelRun:
    """What the store should know of one run."""

    def __init__(self) -> None:
        self.status, self.desired, self.generation, self.observed, self.wishes = "starting", "running", 1, 0, 1
        self.documents: dict[str, dict[str, Any]] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self.payoff: Payoff = {}


class StoreAgainstDicts(RuleBasedStateMachine):
    """Every rule does the same to the store and to the model; the invariants compare all there is to read."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.store = SqliteRunStore(Path(self._folder.name) / "runs.sqlite")
        self.model: dict[str, ModelRun] = {}
        self.dumps: dict[str, tuple[list[dict[str, Any]], Payoff]] = {}

    def teardown(self) -> None:
        """Removes the file."""
        self.store.close()
        self._folder.cleanup()

    @rule(run_id=RUNS)
    def create(self, run_id: str) -> None:
        if run_id in self.model:
            with pytest.raises(ValueError, match="exists already"):
                self.store.create(run_id, run_id, {"game": "g"}, resume=False)
        else:
            self.store.create(run_id, run_id, {"game": "g"}, resume=False)
            self.model[run_id] = ModelRun()

    @rule(run_id=RUNS)
    def take_up(self, run_id: str) -> None:
        if run_id not in self.model:
            with pytest.raises(UnknownRunError):
                self.store.create(run_id, run_id, {"game": "g"}, resume=True)
            return
        run = self.model[run_id]
        self.store.create(run_id, run_id, {"game": "g"}, resume=True)
        run.status, run.desired = "starting", "running"
        run.generation += 1
        run.wishes += 1

    @rule(run_id=RUNS)
    def delete(self, run_id: str) -> None:
        if run_id not in self.model:
            with pytest.raises(UnknownRunError):
                self.store.delete(run_id)
        elif self.model[run_id].status in ACTIVE:
            with pytest.raises(TransitionError):
                self.store.delete(run_id)
        else:
            self.store.delete(run_id)
            del self.model[run_id]

    @rule(run_id=RUNS, desired=st.sampled_from(["running", "paused", "stopped"]))
    def wish(self, run_id: str, desired: str) -> None:
        if run_id not in self.model:
            with pytest.raises(UnknownRunError):
                self.store.set_desired(run_id, desired, "test")
            return
        run = self.model[run_id]
        if run.status not in ACTIVE or (run.desired == "stopped" and desired != "stopped"):
            with pytest.raises(TransitionError):
                self.store.set_desired(run_id, desired, "test")
            return
        if desired != run.desired:
            run.desired = desired
            run.generation += 1
            run.wishes += 1
        assert self.store.set_desired(run_id, desired, "test") == run.generation

    @rule(run_id=RUNS, status=st.sampled_from(STATUSES), follow=st.booleans())
    def observe(self, run_id: str, status: str, follow: bool) -> None:
        if run_id not in self.model:
            with pytest.raises(UnknownRunError):
                self.store.observe(run_id, status)
            return
        run = self.model[run_id]
        self.store.observe(run_id, status, generation=run.generation if follow else None)
        run.status = status
        if follow:
            run.observed = run.generation

    @rule(run_id=RUNS, name=st.sampled_from(["x", "y"]), value=st.integers())
    def save(self, run_id: str, name: str, value: int) -> None:
        if run_id not in self.model:
            with pytest.raises(UnknownRunError):
                self.store.save_document(run_id, name, {"value": value})
        else:
            self.store.save_document(run_id, name, {"value": value})
            self.model[run_id].documents[name] = {"value": value}

    @rule(run_id=RUNS, match=st.integers(0, 5), tallies=TALLIES)
    def commit(self, run_id: str, match: int, tallies: list[dict[str, Any]]) -> None:
        match_id, result = f"m{match}", {"match": match}
        if run_id not in self.model:
            with pytest.raises(UnknownRunError):
                self.store.commit_result(run_id, match_id, result, tallies)
            return
        run = self.model[run_id]
        assert self.store.commit_result(run_id, match_id, result, tallies) == (match_id not in run.results)
        if match_id not in run.results:
            run.results[match_id] = result
            for tally in tallies:
                sums = run.payoff.setdefault((tally["player"], tally["opponent"], tally["seat"]), [0.0] * 6)
                for i, name in enumerate((*COUNTS, "return_sum", "length_sum")):
                    sums[i] += tally[name]

    @rule(run_id=RUNS)
    def dump(self, run_id: str) -> None:
        if run_id in self.model:
            run = self.model[run_id]
            self.dumps[run_id] = (self.store.payoff(run_id), copy.deepcopy(run.payoff))

    @rule(run_id=RUNS)
    def restore(self, run_id: str) -> None:
        if run_id in self.model and run_id in self.dumps:
            dump, payoff = self.dumps[run_id]
            self.store.replace_payoff(run_id, dump)
            self.model[run_id].results, self.model[run_id].payoff = {}, copy.deepcopy(payoff)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = SqliteRunStore(self.store.path)

    @invariant()
    def same_runs(self) -> None:
        rows = {row.run_id: row for row in self.store.runs()}
        assert rows.keys() == self.model.keys()
        for run_id, run in self.model.items():
            row = rows[run_id]
            assert (row.status, row.desired, row.generation, row.observed_generation) == (
                run.status, run.desired, run.generation, run.observed
            )
            assert self.store.desired(run_id) == (run.desired, run.generation)
            assert len(self.store.changes(run_id)) == run.wishes

    @invariant()
    def same_contents(self) -> None:
        for run_id, run in self.model.items():
            assert self.store.num_results(run_id) == len(run.results)
            found: Payoff = defaultdict(list)
            for tally in self.store.payoff(run_id):
                sums = [float(tally[name]) for name in (*COUNTS, "return_sum", "length_sum")]
                found[tally["player"], tally["opponent"], tally["seat"]] = sums
            assert found == run.payoff
            for name in ("x", "y"):
                assert self.store.load_document(run_id, name) == run.documents.get(name)


TestStoreAgainstDicts = StoreAgainstDicts.TestCase
TestStoreAgainstDicts.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
