"""Anything that a run knows can be written as strict JSON."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path

import numpy as np
import pytest

from mlplab.errors import DataError
from mlplab.results import EpochRecord, History, StopReason
from mlplab.tracking import json_text, to_json_ready
from mlplab.workflows.metrics import regression_metrics


@pytest.mark.parametrize(
    ("value", "ready"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (math.nan, None),
        (-math.inf, None),
        (np.float64("nan"), None),
        (np.array([[1.0, np.inf]]), [[1.0, None]]),
        (np.array(2), 2),
        ((1, "a", None), [1, "a", None]),
        ({"b", "a"}, ["a", "b"]),
        (StopReason.CONVERGED, "CONVERGED"),
        (Path("runs") / "a", "runs/a"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2026-01-02T03:04:05+00:00"),
        ({1: 2, None: 3, np.int64(4): 5}, {"1": 2, "null": 3, "4": 5}),
        (range(3), [0, 1, 2]),
    ],
)
def test_values_become_what_json_knows(value: object, ready: object) -> None:
    """Each kind has one form."""
    assert to_json_ready(value) == ready
    assert json.loads(json_text(value)) == ready


def test_dataclasses_become_mappings() -> None:
    """Nouns of results are written field by field, figures by their own `to_dict`."""
    history = History.of((EpochRecord(1, math.nan, None, None, 0.1, 1.0, 0.0),))
    assert to_json_ready(history)["loss"] == [None]
    figures = regression_metrics([1.0, 2.0], [1.0, math.inf])
    assert to_json_ready({"test": figures}) == {"test": figures.to_dict()}


@pytest.mark.parametrize("value", [object(), b"bytes", 1j, {"f": print}, History])
def test_what_json_has_no_word_for_is_refused_in_a_sentence(value: object) -> None:
    """The message names the kind and the way out."""
    with pytest.raises(DataError, match=r"got \w+\. Write its text"):
        to_json_ready(value)
