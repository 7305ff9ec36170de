"""Data sets by name."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlplab.data import load, names
from mlplab.data.bundled import BUNDLED
from mlplab.data.fetch import content_of
from mlplab.data.generated import GENERATED
from mlplab.data.sources import PUBLIC
from mlplab.errors import DataError

MD5_OF_IMAGES = {
    "mnist/train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
    "fashion_mnist/train-images-idx3-ubyte.gz": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "fashion_mnist/t10k-images-idx3-ubyte.gz": "8181f5470baa50b63fa0f6fddb340f0a",
}
"""The published checksums of the uncompressed files."""


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated(name: str) -> None:
    """The same seed draws the same rows, another one others; classes are balanced.

    The sides of a border are told from points that fall anywhere, so they are nearly equal only.
    """
    data, again, other = load(name, seed=3), load(name, seed=3), load(name, seed=4)
    assert data.frame.equals(again.frame)
    assert not data.frame.equals(other.frame)
    assert len(data.frame) == GENERATED[name].n_rows
    assert np.isfinite(data.frame.to_numpy(dtype=float)).all()
    assert (data.test_frame is not None) == (GENERATED[name].n_test > 0)
    if data.task == "classification":
        counts = data.frame["label"].value_counts()
        assert counts.max() - counts.min() <= (40 if name == "sine_border" else 1)


def test_shapes_that_lines_cannot_cut() -> None:
    """A line separates the two lines mostly, the exclusive or not at all; neighbours do both."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    def scores(name: str) -> tuple[float, float]:
        data = load(name)
        X, y = data.frame[["x1", "x2"]], data.frame["label"]
        near = KNeighborsClassifier(15).fit(X[::2], y[::2]).score(X[1::2], y[1::2])
        return LogisticRegression().fit(X, y).score(X, y), near

    assert scores("xor")[0] < 0.65
    assert scores("xor")[1] > 0.95
    assert scores("spirals")[0] < 0.75
    assert scores("spirals")[1] > 0.9
    assert 0.88 < scores("two_lines")[0] < 0.97


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_bundled(name: str) -> None:
    """scikit-learn's data sets have real column names, and words for classes."""
    data = load(name)
    assert len(data.frame) == BUNDLED[name].n_rows
    assert data.target[0] not in data.features
    assert not any(feature.startswith("x") for feature in data.features)
    if name == "iris":
        assert set(data.frame["species"]) == {"setosa", "versicolor", "virginica"}
    if name == "digits":
        assert data.image_shape == (8, 8)
        assert len(data.features) == 64


def test_every_name_is_listed_once() -> None:
    """The list holds all data sets, with a title, a licence and where they come from."""
    listed = [info.name for info in names()]
    assert len(set(listed)) == len(listed) == len(GENERATED) + len(BUNDLED) + len(PUBLIC)
    for info in names():
        assert info.title
        assert info.licence
        assert info.n_rows > 0


def test_unknown_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelled name is answered with the nearest, any other with where the list is."""
    monkeypatch.delenv("MLPLAB_DATA", raising=False)
    with pytest.raises(DataError, match="Did you mean 'breast_cancer'"):
        load("brest_cancer")
    with pytest.raises(DataError, match="mlplab data list"):
        load("??")


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public(name: str, data_folder: Path) -> None:  # noqa: ARG001
    """Every public data set is read from the folder, with its rows, target and features."""
    public = PUBLIC[name]
    data = load(name)
    assert len(data.frame) == public.n_rows
    assert set(data.target) <= set(data.frame.columns)
    assert set(data.drop) <= set(data.frame.columns)
    assert data.features
    assert (data.test_frame is not None) == bool(public.test_files)
    where = {info.name: info.where for info in names()}
    assert where[name] == "data folder"


def test_images(data_folder: Path) -> None:  # noqa: ARG001
    """Pixels and labels of the images are the published ones, by checksum and by figures."""
    for name in ("mnist", "fashion_mnist"):
        for file in (*PUBLIC[name].files, *PUBLIC[name].test_files):
            if file.path in MD5_OF_IMAGES:
                digest = hashlib.md5(content_of(file), usedforsecurity=False).hexdigest()
                assert digest == MD5_OF_IMAGES[file.path]
    mnist = load("mnist")
    assert mnist.image_shape == (28, 28)
    assert len(mnist.features) == 784
    pixels = mnist.frame[list(mnist.features)].to_numpy()
    assert pixels.dtype == np.uint8
    assert pixels.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    counts = mnist.frame["digit"].value_counts().sort_index().tolist()
    assert counts == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.test_frame is not None
    assert len(mnist.test_frame) == 10_000
    garments = load("fashion_mnist").frame["garment"].value_counts()
    assert garments["Ankle boot"] == 6_000


def test_wine_of_both_colours(data_folder: Path) -> None:  # noqa: ARG001
    """Red and white wines are one table with a column for the colour."""
    frame = load("wine_quality").frame
    assert frame["colour"].value_counts().to_dict() == {"white": 4_898, "red": 1_599}


def test_the_room_is_light() -> None:
    """Importing the room loads no heavy library; they come with the first use."""
    code = """
import sys
import mlplab.data
heavy = {"pandas", "sklearn", "scipy", "pooch", "pyarrow", "narwhals", "polars", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
