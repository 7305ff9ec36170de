"""Digits and clothes: what activations and initial weights do, on the real pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from tests.studies.scripts import STUDIES

from mlplab import MLPClassifier, workflows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GOOD = [
    f"{activation}, {init}"
    for activation in ("sigmoid", "tanh", "ReLU", "leaky ReLU")
    for init in ("uniform", "normal")
]


@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu"])
def test_zero_weights_stay_zero(activation: str) -> None:
    """Only the last biases learn, so every picture is given the shares of the classes."""
    X, y = load_digits(return_X_y=True)
    network = MLPClassifier(
        (16, 8), activation=activation, init="zeros", solver="sgd", alpha=0.0, max_iter=30,
        learning_rate_init=0.1, random_state=0,
    ).fit(X / 16, y)  # fmt: skip
    assert not any(weight.any() for weight in network.coefs_)
    assert network.intercepts_[-1].any()
    np.testing.assert_array_equal(np.ptp(network.predict_proba(X / 16), axis=0), 0.0)


def test_sigmoids_that_begin_at_zero_act_as_one_unit() -> None:
    """All units of a hidden layer stay equal; what they say differs from picture to picture."""
    X, y = load_digits(return_X_y=True)
    network = MLPClassifier(
        (16, 8), activation="logistic", init="zeros", alpha=0.0, max_iter=60,
        learning_rate_init=0.01, random_state=0,
    ).fit(X / 16, y)  # fmt: skip
    for layer in (0, 1):
        values = network.transform(X / 16, layer=layer)
        np.testing.assert_allclose(values, values[:, :1].repeat(values.shape[1], axis=1), atol=1e-6)
    assert np.ptp(network.transform(X / 16)) > 0.1
    assert 0.11 < network.score(X / 16, y) < 0.6


@pytest.mark.slow
def test_twelve_combinations_on_mnist(data_folder: Path) -> None:
    """The zeros are stuck for either solver, sigmoids with plain SGD; Adam trains the others."""
    assert (data_folder / "mnist").is_dir()
    result = workflows.run(STUDIES / "mnist-activations-and-initialisation.toml", out=None)
    assert (result.split.train, result.split.validation, result.split.test) == (48000, 12000, 10000)
    assert result.variants is not None
    scores = {one.name: one.score for one in result.variants.variants}
    majority = 0.1135  # of the test pictures are ones: what the source's 0.8227 comes from

    assert len(scores) == 24
    assert 0.8 + 0.2 * majority == pytest.approx(0.8227)
    for solver in ("SGD", "Adam"):
        for activation in ("tanh", "ReLU", "leaky ReLU"):
            assert scores[f"{solver}, {activation}, zeros"] == pytest.approx(majority)
    assert scores["SGD, sigmoid, zeros"] == pytest.approx(majority)
    assert scores["Adam, sigmoid, zeros"] < 0.6
    assert min(scores[f"Adam, {name}"] for name in GOOD) >= 0.97
    assert all(0.85 < scores[f"SGD, {name}"] < 0.93 for name in GOOD[2:])
    assert all(scores[f"SGD, {name}"] < 0.3 for name in GOOD[:2])
    assert {"samples", "variant_losses"} <= set(result.pictures)


@pytest.mark.slow
def test_activations_on_clothes(data_folder: Path) -> None:
    """No activation is at chance, at either rate; at the sensible one the curved ones are best."""
    assert (data_folder / "fashion_mnist").is_dir()
    result = workflows.run(STUDIES / "fashion-mnist.toml", out=None)
    assert result.variants is not None
    scores = {one.name: one.score for one in result.variants.variants}

    assert max(scores.values()) >= 0.875
    assert min(scores[f"{name}, 0.002"] for name in ("sigmoid", "tanh", "ReLU")) > 0.865
    assert scores["identity, 0.002"] < 0.86
    assert min(scores[f"{name}, 0.00002"] for name in ("tanh", "ReLU", "identity")) > 0.8
    assert scores["sigmoid, 0.00002"] > 0.2
