"""Displays of trained networks for the suite over all Displays."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, load_iris, make_moons

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor, explain
from mlplab.plots import (
    BoundaryEpochsDisplay,
    CalibrationDisplay,
    ClassReportDisplay,
    ClassScatterDisplay,
    DecisionBoundaryDisplay,
    DisagreementDisplay,
    Display,
    FunctionEstimateDisplay,
    GridDisplay,
    HiddenSpaceDisplay,
    ImagesDisplay,
    LayerHealthDisplay,
    LossComparisonDisplay,
    NetworkDisplay,
    ResidualsDisplay,
    WeightImagesDisplay,
)
from mlplab.train import WeightKeeper

X, Y = make_moons(80, noise=0.2, random_state=0)
X_TEST, Y_TEST = make_moons(30, noise=0.2, random_state=1)


def fitted(estimator: Any, x: Any = X, y: Any = Y) -> Any:
    """Return the estimator fitted, without a word on convergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(x, y)


@functools.cache
def watched() -> tuple[Any, Any]:
    """Return a network on two moons, and its snapshots."""
    keeper = WeightKeeper([0, 5, 40])
    network = MLPClassifier(
        (2,), activation="tanh", learning_rate_init=0.05, max_iter=150, tol=0, random_state=3
    )
    return fitted(network.set_callbacks(keeper)), keeper.snapshots


@functools.cache
def restarts() -> tuple[Any, ...]:
    """Return four networks that differ in their seed."""
    return tuple(
        fitted(MLPClassifier((3,), solver="lbfgs", max_iter=60, random_state=seed))
        for seed in range(4)
    )


@functools.cache
def estimates() -> tuple[Any, Any, Any]:
    """Return a function's data and three networks that estimate it."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (60, 1))
    y = np.sin(2 * x[:, 0]) + rng.normal(0, 0.1, 60)
    models = [
        fitted(MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", random_state=seed), x, y)
        for seed in range(3)
    ]
    return x, y, models


@functools.cache
def digits() -> tuple[Any, Any, Any, Any]:
    """Return images of digits, their labels, a classifier and an autoencoder."""
    x, y = load_digits(return_X_y=True)
    x = x / 16
    classifier = fitted(MLPClassifier((20,), max_iter=20, random_state=0), x, y)
    coder = fitted(MLPAutoencoder((16,), max_iter=20, random_state=0), x, None)
    return x, y, classifier, coder


def _all() -> dict[str, Display]:
    network, snapshots = watched()
    x, y, models = estimates()
    images, labels, classifier, coder = digits()
    iris = load_iris(as_frame=True)
    flowers = iris.target_names[iris.target]
    botanist = fitted(MLPClassifier((4,), max_iter=100, random_state=0), iris.data, flowers)
    test = {"X_test": X_TEST, "y_test": Y_TEST}
    boundary = DecisionBoundaryDisplay.from_estimator(network, X, Y, resolution=40, **test)
    return {
        "scatter": ClassScatterDisplay.from_data(X, Y, **test),
        "scatter_some": ClassScatterDisplay.from_data(
            iris.data, flowers, features=(0, 3), max_points=50
        ),
        "boundary": boundary,
        "boundary_zoomed": DecisionBoundaryDisplay.from_estimator(
            network, X, Y, resolution=40, zoom=3, max_points=30, title="$5 apart"
        ),
        "boundary_epochs": BoundaryEpochsDisplay.from_estimator(
            network, snapshots, X, Y, resolution=30, **test
        ),
        "hidden_space": HiddenSpaceDisplay.from_estimator(network, X, Y),
        "hidden_space_epochs": HiddenSpaceDisplay.from_estimator(
            network, X, Y, snapshots=snapshots, max_points=60
        ),
        "hidden_space_main": HiddenSpaceDisplay.from_estimator(botanist, iris.data, flowers),
        "network": NetworkDisplay.from_estimator(network, X[0]),
        "network_plain": NetworkDisplay.from_estimator(restarts()[0]),
        "network_wide": NetworkDisplay.from_estimator(classifier, images[0]),
        "disagreement": DisagreementDisplay.from_estimators(restarts(), X, Y, resolution=40),
        "function": FunctionEstimateDisplay.from_estimators(
            models, x, y, truth=lambda at: np.sin(2 * at), unit="s", target_unit="$"
        ),
        "function_one": FunctionEstimateDisplay.from_estimator(models[0], x, y, max_points=20),
        "report": ClassReportDisplay.from_estimator(
            botanist, iris.data, flowers, X_test=iris.data, y_test=flowers
        ),
        "report_one": ClassReportDisplay.from_predictions(labels, classifier.predict(images)),
        "report_many": ClassReportDisplay.from_predictions(
            np.repeat([f"genre {k}" for k in range(60)], 3), ["genre 1"] * 180
        ),
        "calibration": CalibrationDisplay.from_estimator(network, X, Y),
        "residuals": ResidualsDisplay.from_estimator(models[0], x, y, name="way", unit="m"),
        "images": ImagesDisplay.from_samples(images, labels, per_class=4),
        "reconstructions": ImagesDisplay.from_estimator(coder, images),
        "weights": WeightImagesDisplay.from_estimator(classifier, n_images=10),
        "health": LayerHealthDisplay.from_report(
            explain.health(network, X, Y, snapshots=snapshots)
        ),
        "health_zeros": LayerHealthDisplay.from_report(
            explain.health(MLPClassifier((3,) * 5, init="zeros").initialize(X, Y), X, Y)
        ),
        "comparison": LossComparisonDisplay.from_estimators(
            [fitted(MLPClassifier((3,), momentum=m, max_iter=9)) for m in (0.5, 0.9)],
            parameter="momentum",
        ),
        "comparison_many": LossComparisonDisplay(
            {str(k): ([1, 2, 3], [k, k / 2, k / 3]) for k in range(1, 12)}
        ),
        "grid": GridDisplay([boundary, boundary], titles=["ours", "theirs"]),
    }


DISPLAYS: dict[str, Display] = _all()
WITHOUT_AXES = {"network", "network_plain", "network_wide", "images", "reconstructions", "weights"}
"""Drawings without scales, so without labels of axes."""
GREY = {"images", "reconstructions"}
"""Pictures without colour."""
