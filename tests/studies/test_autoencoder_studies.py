"""Songs and pictures through a narrow layer, beside principal components of the same size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from tests.studies.scripts import STUDIES, script

from mlplab import workflows

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got .batch_size. less than 1"),  # small tables
]


def test_neighbours_of_a_small_table_have_all_figures() -> None:
    """Columns, components and codes are guessed from by the same rows, and the MLP is beside."""
    X, y = load_wine(return_X_y=True)
    study = script("songs-neighbours")
    rebuilt, guesses, columns = study.compare(X[:, :9], y, n_codes=9, epochs=200)
    assert list(rebuilt) == ["9 principal components", "9 codes"]
    assert rebuilt["9 principal components"]["test R²"] == pytest.approx(1.0)
    assert 0.5 < rebuilt["9 codes"]["test R²"] < 1.0
    assert [len(values) for values in columns] == [9, 9]
    accuracies = [one["accuracy"] for one in guesses.values()]
    # All components together only turn the axes, and keep most neighbours.
    assert min(accuracies[:2]) > 0.8
    assert "| 23 nearest, 9 codes |" in study.table(guesses)


def test_codes_of_small_pictures_tell_the_digits() -> None:
    """Codes, components and pixels of eight times eight all tell the digits far above chance."""
    X, y = load_digits(return_X_y=True)
    study = script("image-features")
    pixels = (X / 16).astype(np.float32)
    parts = pixels[:1400], pixels[1400:], y[:1400], y[1400:]
    rows, again = study.compare(*parts, sizes=(32, 16, 32), epochs=200)
    assert all(one["accuracy"] > 0.7 for one in rows.values())
    assert all(images.shape == parts[1].shape for images in again.values())
    assert study.draw(again, parts[3]).rows["original"].shape == (10, 8, 8)


def test_nine_codes_of_songs(data_folder: Path) -> None:
    """The study reaches the R² of the source on standardised columns, far above nine components."""
    assert (data_folder / "spotify").is_dir()
    run = workflows.run(STUDIES / "songs-autoencoder.toml", out=None)
    assert run.metrics.test.n_rows == 22_800
    assert len(run.metrics.test.outputs) == 15
    assert run.metrics.test.r2 >= 0.8924
    # On standardised columns the mean squared error is about one less R².
    assert run.metrics.test.mse == pytest.approx(1 - run.metrics.test.r2, abs=0.01)


@pytest.mark.slow
def test_songs_by_their_neighbours(data_folder: Path) -> None:
    """Neighbours of a thousand songs are scikit-learn's, and the network guesses better."""
    assert (data_folder / "spotify").is_dir()
    study = script("songs-neighbours")
    X, y = study.songs()
    some = np.random.default_rng(0).permutation(len(X))
    train, test = some[:91_200], some[91_200:92_200]
    scaler = StandardScaler().fit(X[train])
    rows, others = scaler.transform(X[train]), scaler.transform(X[test])
    coder = study.autoencoder().fit(rows)
    assert r2_score(others, coder.reconstruct(others)) >= 0.88
    components = PCA(9).fit(rows)
    assert r2_score(others, coder.reconstruct(others)) > 0.1 + r2_score(
        others, components.inverse_transform(components.transform(others))
    )
    plain = KNeighborsClassifier(23, metric="manhattan", algorithm="kd_tree")
    features = [(rows, others)]
    features += [(one.transform(rows), one.transform(others)) for one in (components, coder)]
    for left, right in features:
        brute = KNeighborsClassifier(23, metric="manhattan", algorithm="brute")
        figures = study.judged(brute, left, y[train], right, y[test])
        assert figures["accuracy"] == pytest.approx(
            plain.fit(left, y[train]).score(right, y[test]), abs=0.01
        )
    network = study.judged(study.classifier(), rows, y[train], others, y[test])
    assert network["accuracy"] >= 0.2261
    assert 10 * network["seconds to predict"] < figures["seconds to predict"]


@pytest.mark.slow
def test_codes_of_clothes_are_nearly_as_good_as_pixels(data_folder: Path) -> None:
    """64 codes of 784 pixels lose a few points of accuracy, far above the source's chance."""
    assert (data_folder / "fashion_mnist").is_dir()
    study = script("image-features")
    rows, _ = study.compare(*study.pictures(), epochs=15)
    whole = rows["the pixels"]["accuracy"]
    assert whole > 0.82
    assert all(whole - 0.06 < one["accuracy"] for one in rows.values())
    assert rows["64 components (PCA)"]["R²"] > rows["64 codes, identity"]["R²"] > 0.8
