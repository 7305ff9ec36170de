"""Real data: what the sources reached with these configurations is reached here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlplab import MLPClassifier, MLPRegressor, data

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def rows(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Return a reader of features and target of a named data set from the data folder."""
    monkeypatch.setenv("MLPLAB_DATA", str(data_folder))

    def read(name: str) -> Any:
        loaded = data.load(name)
        target = loaded.frame[loaded.target[0]].to_numpy()
        features = loaded.frame.drop(columns=[*loaded.target, *loaded.drop])
        return features.to_numpy(dtype=np.float64), target

    return read


def median_score(make: Callable[[int], Any], X: Any, y: Any) -> float:
    """Return the median test score over five splits of 80:20."""
    scores = []
    for seed in range(5):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=seed)
        scores.append(make(seed).fit(X_train, y_train).score(X_test, y_test))
    return float(median(scores))


def test_boston_housing_with_missing_values(rows: Callable[[str], Any]) -> None:
    """R² on rows not learned from must reach 0.80 as median of five splits."""

    def make(seed: int) -> Any:
        network = MLPRegressor(
            hidden_layer_sizes=(32, 32),
            solver="sgd",
            momentum=0.0,
            learning_rate_init=0.01,
            batch_size=32,
            max_iter=200,
            random_state=seed,
        )
        prepared = make_pipeline(SimpleImputer(), StandardScaler(), network)
        return TransformedTargetRegressor(prepared, transformer=StandardScaler())

    X, y = rows("boston_housing")
    assert np.isnan(X).sum() == 120
    assert median_score(make, X, y) >= 0.80


def test_wine_quality(rows: Callable[[str], Any]) -> None:
    """Accuracy on rows not learned from must reach 0.60 as median of five splits."""

    def make(seed: int) -> Any:
        network = MLPClassifier(
            (32, 64),
            solver="sgd",
            momentum=0.0,
            learning_rate_init=0.01,
            batch_size=16,
            max_iter=100,
            random_state=seed,
        )
        return make_pipeline(SimpleImputer(), StandardScaler(), network)

    X, y = rows("wine_qt")
    assert X.shape == (1143, 11)
    assert median_score(make, X, y) >= 0.60


@pytest.fixture
def mnist(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return 48,000 rows to learn from and the 10,000 test rows, pixels between 0 and 1."""
    monkeypatch.setenv("MLPLAB_DATA", str(data_folder))
    loaded = data.load("mnist")
    name = loaded.target[0]
    parts = []
    for frame in (loaded.frame, loaded.test_frame):
        pixels = frame.drop(columns=[name]).to_numpy(dtype=np.float32) / 255
        parts.append((pixels, frame[name].to_numpy()))
    (X, y), test = parts
    X_train, _, y_train, _ = train_test_split(X, y, train_size=48_000, random_state=0, stratify=y)
    return X_train, y_train, *test


def test_mnist(mnist: Any) -> None:
    """Five epochs of Adam on [256, 128, 64, 32] must reach 0.96 on the test rows."""
    X_train, y_train, X_test, y_test = mnist
    clf = MLPClassifier(
        (256, 128, 64, 32),
        batch_size=128,
        learning_rate_init=0.002,
        max_iter=5,
        random_state=0,
    ).fit(X_train, y_train)
    assert clf.result_.dtype == "float32"
    assert clf.score(X_test, y_test) >= 0.96


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_mnist_from_zeros_stays_at_the_majority_class(mnist: Any, activation: str) -> None:
    """Nothing but the last biases can learn, so every test row is given the commonest digit."""
    X_train, y_train, X_test, y_test = mnist
    clf = MLPClassifier(
        (256, 128, 64, 32),
        activation,
        batch_size=128,
        learning_rate_init=0.002,
        max_iter=1,
        init="zeros",
        random_state=0,
    ).fit(X_train, y_train)
    assert all((coef == 0).all() for coef in clf.coefs_)
    assert all((intercept == 0).all() for intercept in clf.intercepts_[:-1])
    commonest = np.bincount(y_train).argmax()
    assert (clf.predict(X_test) == commonest).all()
    assert clf.score(X_test, y_test) == (y_test == commonest).mean()
