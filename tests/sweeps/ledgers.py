"""What every ledger does: one suite, run over all of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlplab.results import Cell, CellResult
from mlplab.sweeps import Ledger

Open = Callable[[], Ledger]


def result(key: str, **changes: Any) -> CellResult:
    """Return a result with everything in it."""
    cell = Cell(key, {"hidden": [64], "x": 0.1 + 0.2, "name": "Größe"}, seed=3, fold=1, epochs=7)
    made = CellResult(
        cell,
        "done",
        {"accuracy": 0.1 + 0.2, "r2": 1 / 3},
        n_epochs=7,
        seconds=0.25,
        curve={"loss": np.array([1 / 3, np.nan, 1e-300])},
    )
    return dataclasses.replace(made, **changes)


class LedgerSuite:
    """Subclasses give a fixture `opened`, a function that opens the same ledger again."""

    def test_results_come_back_whole(self, opened: Open) -> None:
        """Every bit of every number, from another process's view as from one's own."""
        failed = result("b", status="failed", reason="Error: line\nbreak", scores={}, curve=None)
        ledger, other = opened(), opened()
        ledger.append([result("a"), failed])
        for view in (ledger, other):
            found = view.find(["a", "b", "c"])
            assert found == {"a": result("a"), "b": failed}
            kept = {one.cell.key: one for one in view.read()}
            curve = kept["a"].curve
            assert curve is not None
            np.testing.assert_array_equal(curve["loss"], [1 / 3, np.nan, 1e-300])
            assert [one.cell.key for one in view.read(["b"])] == ["b"]
        for view in (ledger, other):
            view.close()

    def test_scores_that_are_no_numbers_stay_so(self, opened: Open) -> None:
        """JSON has no NaN."""
        ledger = opened()
        ledger.append([result("a", scores={"r2": math.nan, "accuracy": 1.0})])
        assert math.isnan(ledger.find(["a"])["a"].scores["r2"])
        ledger.close()

    def test_the_latest_attempt_counts(self, opened: Open) -> None:
        """A failed cell that worked at last is done."""
        ledger = opened()
        ledger.append([result("a", status="failed", reason="no", attempt=1)])
        ledger.append([result("a", attempt=2)])
        assert ledger.find(["a"])["a"].status == "done"
        assert [one.attempt for one in ledger.read(["a"])] == [2]
        ledger.close()

    def test_claims_are_exclusive(self, opened: Open) -> None:
        """In order, up to the number asked for, until they are done or given back."""
        one, other = opened(), opened()
        wanted = dict.fromkeys("abcdef", 1)
        assert one.claim(wanted, 2) == ["a", "b"]
        assert other.claim(wanted, 3) == ["c", "d", "e"]
        one.append([result("a"), result("b")])
        assert one.claim(wanted, 9) == ["f"]
        one.close()
        assert other.claim({"f": 1}, 9) == ["f"]
        other.close()

    def test_what_is_done_is_not_claimed(self, opened: Open) -> None:
        """Unless another attempt is wanted."""
        ledger = opened()
        ledger.append([result("a", status="failed"), result("b")])
        assert ledger.claim({"a": 1, "b": 1}, 9) == []
        assert ledger.claim({"a": 2, "b": 1}, 9) == ["a"]
        ledger.close()
