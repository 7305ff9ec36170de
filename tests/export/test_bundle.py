"""Artifacts are put together and taken apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlplab.errors import ModelFileError, ParameterError
from mlplab.export import join, read_artifact, split, write_artifact
from mlplab.results import ModelArtifact

PARTS = {
    "preparation": ModelArtifact("Preparation", {"columns": ["a"]}, {"mean": np.array([1.0])}),
    "estimator": ModelArtifact("MLP", {"sizes": [3]}, {"w/0": np.ones((1, 3)), "b": np.zeros(3)}),
    "target": ModelArtifact("Labels", {}, {}),
}


def _check(found: dict[str, ModelArtifact], expected: dict[str, ModelArtifact]) -> None:
    assert list(found) == list(expected)
    for name, part in expected.items():
        assert (found[name].kind, found[name].header) == (part.kind, part.header)
        assert found[name].arrays.keys() == part.arrays.keys()
        for array_name, array in part.arrays.items():
            assert np.array_equal(found[name].arrays[array_name], array)


def test_parts_come_back_through_a_file(tmp_path: Path) -> None:
    """Order, kinds, headers and arrays, also those with slashes in their names and none at all."""
    whole = join(PARTS, kind="Model", header={"name": "wine"})
    again = read_artifact(write_artifact(whole, tmp_path / "m.safetensors"))
    assert (again.kind, again.header["name"]) == ("Model", "wine")
    _check(split(again), PARTS)


def test_joined_parts_can_be_joined() -> None:
    """A bundle inside a bundle comes apart level by level."""
    outer = split(join({"model": join(PARTS), "other": PARTS["target"]}))
    _check(split(outer["model"]), PARTS)


@pytest.mark.parametrize("name", ["", "a/b"])
def test_names_that_would_be_ambiguous_are_refused(name: str) -> None:
    """A slash separates part and array."""
    with pytest.raises(ParameterError, match="Names of parts"):
        join({name: PARTS["target"]})


def test_the_list_of_parts_is_not_overwritten() -> None:
    """The key is taken."""
    with pytest.raises(ParameterError, match="'parts'"):
        join(PARTS, header={"parts": 1})


def test_a_single_model_cannot_be_split() -> None:
    """The message says that it is one model."""
    with pytest.raises(ModelFileError, match="kind 'MLP' without"):
        split(PARTS["estimator"])
    with pytest.raises(ModelFileError, match="without"):
        split(ModelArtifact("K", {"parts": 3}, {}))


def test_an_array_of_no_part_is_noticed() -> None:
    """No array is lost silently."""
    whole = join(PARTS)
    stray = ModelArtifact(whole.kind, whole.header, {**whole.arrays, "x/y": np.zeros(1)})
    with pytest.raises(ModelFileError, match="got 'x/y'"):
        split(stray)
