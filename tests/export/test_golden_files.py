"""Models of earlier versions load, answer as they did, and can be trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.export.golden import make

import mlplab
from mlplab.export import FORMAT_VERSION, read_artifact
from mlplab.workflows import TabularModel

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*/*.safetensors"))


def test_every_version_of_the_format_has_files() -> None:
    """A new version of the format comes with files of the last."""
    versions = {int(path.parent.name.split("-")[1]) for path in FILES}
    assert versions == set(range(1, FORMAT_VERSION + 1))
    assert {path.stem for path in FILES} >= set(make.GOLDEN)


def _told(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return the rows that were asked about and the answers of that day."""
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    rows = told["rows"]
    return (make.table(rows) if isinstance(rows, dict) else np.array(rows)), told["answers"]


def _compare(found: Any, expected: Any, limit: float) -> None:
    assert np.shape(found) == np.shape(expected)
    if np.asarray(expected).dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=limit, atol=limit)
    else:
        assert found == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_file_answers_as_it_did(path: Path) -> None:
    """To rounding, as engines and instruction sets differ."""
    model = mlplab.load(path)
    rows, answers = _told(path)
    found = make.answers_of(model, rows)
    assert found.keys() >= answers.keys()
    for name, expected in answers.items():
        for one, other in zip(found[name], expected, strict=True):
            _compare(one, other, 1e-4 if path.stem == "float32" else 1e-9)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_file_can_be_trained_on(path: Path) -> None:
    """One epoch more, with the memory of the optimiser that was stored."""
    model = mlplab.load(path)
    estimator = model.estimator if isinstance(model, TabularModel) else model
    X = np.random.default_rng(0).normal(size=(200, estimator.n_features_in_))
    slots = dict(estimator._state.slots)
    before = estimator.coefs_[0].copy()
    # What asks for all rows at once is of no use here; its own answers are targets.
    wholes = {"early_stopping": False, "stopping": "auto", "class_weight": None}
    estimator.set_params(**{k: v for k, v in wholes.items() if k in estimator.get_params()})
    estimator.partial_fit(X, estimator.predict(X) if hasattr(estimator, "predict") else None)
    assert slots
    assert not np.array_equal(estimator.coefs_[0], before)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_file_is_written_again_with_the_same_arrays(path: Path, tmp_path: Path) -> None:
    """Nothing that was stored is lost on the way through an estimator."""
    artifact = read_artifact(path)
    again = read_artifact(mlplab.save(tmp_path / "again.safetensors", mlplab.load(path)))
    assert again.kind == artifact.kind
    assert again.arrays.keys() >= artifact.arrays.keys()
    for name, array in artifact.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
