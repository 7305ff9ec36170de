"""Figures of networks and their predictions: the numbers are right, and so is what is drawn."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_iris
from sklearn.metrics import classification_report, precision_recall_fscore_support
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.plots.samples import X, Y, digits, estimates, fitted, watched

from mlplab import MLPClassifier, MLPRegressor
from mlplab.errors import DataError, ParameterError
from mlplab.plots import (
    CalibrationDisplay,
    ClassReportDisplay,
    ConfusionMatrixDisplay,
    FunctionEstimateDisplay,
    GridDisplay,
    ImagesDisplay,
    LossComparisonDisplay,
    NetworkDisplay,
    ResidualsDisplay,
    WeightImagesDisplay,
)
from mlplab.results import EpochRecord, History
from mlplab.workflows.metrics import classification_metrics


@pytest.fixture(autouse=True)
def _close_figures() -> object:
    """Leave no pyplot figure open."""
    yield
    plt.close("all")


# Network


def test_lines_of_a_network_are_its_weights() -> None:
    """As many as weights, the thickest for the largest, dashed and orange where negative."""
    network, _ = watched()
    display = NetworkDisplay.from_estimator(network).plot()
    (lines,) = display.ax_.collections
    weights = np.concatenate([weight.ravel() for weight in network.coefs_])
    assert len(lines.get_segments()) == weights.size == 6
    assert np.argmax(lines.get_linewidth()) == np.argmax(np.abs(weights))
    dashed = [style[1] is not None for style in lines.get_linestyle()]
    assert dashed == (weights < 0).tolist()
    texts = {text.get_text() for text in display.ax_.texts}
    assert {f"{weight:.2g}" for weight in weights} <= texts
    assert {f"b = {bias:.2g}" for bias in network.intercepts_[0]} <= texts


def test_values_of_a_row_stand_in_the_units() -> None:
    """They are those of `activations`, from the input to the prediction."""
    network, _ = watched()
    display = NetworkDisplay.from_estimator(network, X[3])
    for ours, theirs in zip(display.values, network.activations(X[3:4]), strict=True):
        np.testing.assert_allclose(ours, theirs[0])
    texts = [text.get_text() for text in display.plot().ax_.texts]
    assert f"{network.predict_proba(X[3:4])[0, 1]:.2g}" in texts
    assert "P(1)" in texts


def test_wide_layers_are_shortened_and_say_so() -> None:
    """The first and last units, and the number of those between."""
    x, _, classifier, _ = digits()
    display = NetworkDisplay.from_estimator(classifier, x[0], max_units=5)
    assert display.shown(0) == [0, 1, -1, 62, 63]
    texts = [text.get_text() for text in display.plot().ax_.texts]
    assert "⋮ 60 more" in texts
    assert "⋮ 16 more" in texts


def test_names_of_inputs_and_outputs() -> None:
    """Columns of the frame and classes."""
    iris = load_iris(as_frame=True)
    y = iris.target_names[iris.target]
    network = fitted(MLPClassifier((2,), max_iter=5), iris.data, y)
    display = NetworkDisplay.from_estimator(network, iris.data.iloc[0])
    assert display.input_names == list(iris.data.columns)
    assert display.output_names == list(iris.target_names)
    assert NetworkDisplay([np.ones((1, 1))], [np.zeros(1)]).layer_names == ["input", "output"]


# Function estimates


def test_estimates_are_the_models_predictions() -> None:
    """Median and band over the models at each place; names and units on the axes."""
    x, y, models = estimates()
    frame = pd.DataFrame(x, columns=["distance"])
    named = [fitted(MLPRegressor(hidden_layer_sizes=(3,), max_iter=5), frame, y) for _ in range(2)]
    display = FunctionEstimateDisplay.from_estimators(named, frame, y, unit="m").plot()
    assert display.ax_.get_xlabel() == "distance (m)"
    display = FunctionEstimateDisplay.from_estimators(models, x, y, truth=np.sin, margin=0.5)
    asked = np.array([model.predict(display.x[:, None]) for model in models])
    np.testing.assert_allclose(display.median, np.median(asked, axis=0))
    np.testing.assert_allclose(display.band, [asked.min(axis=0), asked.max(axis=0)])
    np.testing.assert_allclose(display.truth, np.sin(display.x))
    assert np.ptp(display.x) == pytest.approx(2 * np.ptp(x))


def test_the_band_of_many_models_leaves_the_outermost_out() -> None:
    """From ten models on it holds the middle 80 %."""
    display = FunctionEstimateDisplay([0.0], np.arange(11.0)[:, None])
    assert [float(edge[0]) for edge in display.band] == [1.0, 9.0]
    labels = [text.get_text() for text in display.plot().ax_.get_legend().get_texts()]
    assert labels == ["middle 80 % of 11 models", "their median"]


# Class report


def test_class_report_is_scikit_learns() -> None:
    """Precision, recall, F1 and rows as in classification_report, with weights too."""
    rng = np.random.default_rng(0)
    true, pred = rng.choice(["a", "b", "c"], 90), rng.choice(["a", "b", "c"], 90)
    display = ClassReportDisplay.from_predictions(true, pred)
    theirs = classification_report(true, pred, output_dict=True)
    for place, label in enumerate(display.labels):
        row = theirs[label]
        assert display.scores["rows"][place].tolist() == pytest.approx(
            [row["precision"], row["recall"], row["f1-score"]]
        )
        assert display.supports["rows"][place] == row["support"]
    weight = rng.uniform(0, 1, 90)
    weighted = ClassReportDisplay.from_predictions(true, pred, sample_weight=weight)
    expected = precision_recall_fscore_support(true, pred, sample_weight=weight)
    np.testing.assert_allclose(weighted.scores["rows"], np.transpose(expected[:3]))


def test_class_report_of_train_and_test_side_by_side() -> None:
    """From an estimator, and the same from figures that were computed before."""
    x, y, classifier, _ = digits()
    train, test = slice(0, 1000), slice(1000, None)
    ours = ClassReportDisplay.from_estimator(
        classifier, x[train], y[train], X_test=x[test], y_test=y[test]
    )
    metrics = {
        name: classification_metrics(y[part], classifier.predict(x[part]))
        for name, part in (("train", train), ("test", test))
    }
    same = ClassReportDisplay.from_metrics(**metrics)
    for part in ("train", "test"):
        np.testing.assert_allclose(ours.scores[part], same.scores[part])
        np.testing.assert_array_equal(ours.supports[part], same.supports[part])
    assert ours.plot().ax_.get_xlabel() == "1,000 train rows, 797 test rows"


def test_class_report_draws_the_frequent_of_many_classes() -> None:
    """Forty of them, and the title says how many others there are."""
    y = np.repeat(np.arange(50), np.arange(1, 51))
    display = ClassReportDisplay.from_predictions(y, y)
    assert display.kept.tolist() == list(range(10, 50))
    assert "40 with the most rows; 10 others" in display.plot().ax_.get_title()


# Calibration


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("n_bins", [4, 10])
def test_reliability_curve_is_scikit_learns(strategy: Any, n_bins: int) -> None:
    """The same bins, means and shares; the counts add up to all rows."""
    rng = np.random.default_rng(0)
    prob = rng.beta(0.5, 0.5, 400)
    true = rng.uniform(size=400) < prob**2
    ours = CalibrationDisplay.from_predictions(true, prob, n_bins=n_bins, strategy=strategy)
    share, mean = calibration_curve(true, prob, n_bins=n_bins, strategy=strategy)
    np.testing.assert_allclose(ours.observed, share)
    np.testing.assert_allclose(ours.predicted, mean)
    assert ours.counts.sum() == 400
    expected = sum(n * abs(a - b) for n, a, b in zip(ours.counts, mean, share, strict=True)) / 400
    assert ours.error == pytest.approx(expected)
    assert f"error {expected:.3f}, 400 rows" in ours.plot().ax_[0].get_title()


def test_intervals_are_wilsons() -> None:
    """5 of 10: 0.237 to 0.763 (Wilson's table); 0 of 10 starts at 0."""
    display = CalibrationDisplay([0.5, 0.1], [0.5, 0.0], [10, 10])
    np.testing.assert_allclose(display.intervals[:, 0], [0.23659, 0.76341], atol=1e-5)
    np.testing.assert_allclose(display.intervals[:, 1], [0.0, 0.27753], atol=1e-5)


def test_calibration_of_an_estimator() -> None:
    """Of two classes the second, of more the predicted one, or one that is named."""
    network, _ = watched()
    ours = CalibrationDisplay.from_estimator(network, X, Y, n_bins=5)
    same = CalibrationDisplay.from_predictions(Y, network.predict_proba(X)[:, 1], n_bins=5)
    np.testing.assert_array_equal(ours.observed, same.observed)
    assert ours.name == "class 1"
    x, y, classifier, _ = digits()
    sure = CalibrationDisplay.from_estimator(classifier, x, y)
    right = (sure.observed * sure.counts).sum() / len(y)
    assert right == pytest.approx(classifier.score(x, y))
    three = CalibrationDisplay.from_estimator(classifier, x, y, label=3)
    assert (three.observed * three.counts).sum() == pytest.approx((y == 3).sum())


# Residuals


def test_residuals_are_predicted_minus_true() -> None:
    """Mean, deviation, groups of equal size, histogram of all rows."""
    x, y, models = estimates()
    display = ResidualsDisplay.from_estimator(models[0], x, y, max_points=20)
    residual = models[0].predict(x) - y
    np.testing.assert_allclose(display.residual, residual)
    assert display.mean == pytest.approx(residual.mean())
    assert display.deviation == pytest.approx(residual.std())
    order = np.argsort(models[0].predict(x), kind="stable")
    assert display.groups.shape == (12, 4)
    np.testing.assert_allclose(display.groups[0, 2], np.median(residual[order[:5]]))
    left, right = display.plot().ax_
    assert len(left.collections[0].get_offsets()) == 20
    assert sum(bar.get_height() for bar in right.patches) == 60
    assert "20 of 60" in left.get_title()


def test_few_residuals_have_no_groups() -> None:
    """Fewer than five rows make none, and constant residuals no normal curve."""
    display = ResidualsDisplay([1.0, 2.0], [2.0, 3.0])
    assert display.groups.shape == (0, 4)
    assert len(display.plot().ax_[1].get_lines()) == 1


# Images


def test_samples_are_images_of_their_class() -> None:
    """As many of each class as there are, up to the number that was asked for."""
    x, y, _, _ = digits()
    display = ImagesDisplay.from_samples(x, y, per_class=5, class_names={3: "three"})
    assert list(display.rows)[3] == "three"
    known = {row.tobytes() for row in x[y == 3]}
    assert all(image.ravel().tobytes() in known for image in display.rows["three"])
    assert len(ImagesDisplay.from_samples(x[:3], y[:3], per_class=5).rows["0"]) == 1
    pictures = display.plot().ax_.images
    assert len(pictures) == 50
    np.testing.assert_array_equal(pictures[0].get_array(), display.rows["0"][0])


def test_reconstructions_stand_under_their_originals_with_their_error() -> None:
    """Of a network, and of a pipeline on the scale of its input."""
    x, _, _, coder = digits()
    display = ImagesDisplay.from_estimator(coder, x, n_images=4)
    original = display.rows["original"].reshape(4, -1)
    again = display.rows["reconstruction"].reshape(4, -1)
    np.testing.assert_allclose(again, coder.reconstruct(original))
    errors = ((original - again) ** 2).mean(axis=1)
    assert display.captions[1] == [f"{error:.2g}" for error in errors]
    assert {image.get_clim() for image in display.plot().ax_.images} == {(0.0, 1.0)}
    model = fitted(make_pipeline(StandardScaler(), coder), x, None)
    scaled = ImagesDisplay.from_estimator(model, x, n_images=4)
    expected = model[0].inverse_transform(coder.reconstruct(model[0].transform(original)))
    np.testing.assert_allclose(scaled.rows["reconstruction"].reshape(4, -1), expected)


def test_weight_images_are_columns_of_the_first_layer() -> None:
    """Largest first, symmetric limits, for scikit-learn's networks as well."""
    x, y, classifier, _ = digits()
    display = WeightImagesDisplay.from_estimator(classifier, n_images=6)
    norms = np.linalg.norm(classifier.coefs_[0], axis=0)
    assert display.units == np.argsort(-norms)[:6].tolist()
    np.testing.assert_array_equal(
        display.images[0].ravel(), classifier.coefs_[0][:, display.units[0]]
    )
    low, high = display.limits
    assert -low == high == np.abs(display.images).max()
    assert "6 of 20 units" in display.plot().ax_.get_title()
    theirs = fitted(TheirClassifier((4,), max_iter=2), x, y)
    assert WeightImagesDisplay.from_estimator(theirs).images.shape == (4, 8, 8)
    model = fitted(make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=2)), x, y)
    assert WeightImagesDisplay.from_estimator(model).images.shape == (4, 8, 8)


def test_images_that_are_no_squares() -> None:
    """Their shape is given; wrong ones are refused."""
    rows = np.arange(12.0).reshape(2, 6)
    display = ImagesDisplay({"a": rows}, shape=(2, 3))
    assert display.rows["a"].shape == (2, 2, 3)
    assert display.limits == (0.0, 11.0)
    assert WeightImagesDisplay(rows, shape=(3, 2)).images.shape == (2, 3, 2)


# Losses of several trainings


def _history(losses: list[float]) -> History:
    return History.of(
        [EpochRecord(k, loss, None, None, 0.1, 1.0, 0.0) for k, loss in enumerate(losses, start=1)]
    )


def test_each_curve_is_its_training() -> None:
    """Values in the order of the parameter, different colours, dashes and markers."""
    networks = [fitted(MLPClassifier((3,), alpha=a, max_iter=4)) for a in (1.0, 0.001, 0.1)]
    display = LossComparisonDisplay.from_estimators(networks, parameter="alpha").plot()
    lines = display.ax_.get_lines()
    assert [line.get_label() for line in lines] == ["0.001", "0.1", "1"]
    for line, place in zip(lines, (1, 2, 0), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), networks[place].loss_curve_)
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}) == 3
    assert display.ax_.get_legend().get_title().get_text() == "alpha"
    assert display.final["0.1"] == networks[2].loss_
    assert display.ax_.get_title() == "Effect of alpha"


def test_ours_and_scikit_learns_side_by_side() -> None:
    """Both kinds of estimators have curves; histories too, and the axis may be logarithmic."""
    ours = fitted(MLPClassifier((3,), max_iter=6, random_state=0))
    theirs = fitted(TheirClassifier((3,), max_iter=6, random_state=0))
    display = LossComparisonDisplay.from_estimators({"mlplab": ours, "scikit-learn": theirs})
    np.testing.assert_allclose(
        display.curves["mlplab"][1], display.curves["scikit-learn"][1], rtol=1e-9
    )
    display = LossComparisonDisplay.from_histories({"a": _history([2.0, 1.0])}, unit="nats")
    display.plot(log_axis=True)
    assert display.ax_.get_yscale() == "log"
    assert display.ax_.get_ylabel() == "training loss (nats)"


def test_median_of_many_goes_as_far_as_half_of_them() -> None:
    """Epochs that fewer reached are left out."""
    curves = {str(k): _history([1.0 + k, 2.0 + k, 3.0 + k][: 2 + (k < 4)]) for k in range(9)}
    display = LossComparisonDisplay.from_histories(curves)
    epochs, median = display.median
    assert (epochs.tolist(), median.tolist()) == ([1, 2], [5.0, 6.0])
    assert len(display.plot().ax_.get_lines()) == 10


def test_a_grid_draws_each_display_in_a_panel() -> None:
    """With titles of one's own; five are three and two."""
    matrix = ConfusionMatrixDisplay([[1, 2], [3, 4]])
    grid = GridDisplay([matrix] * 5, titles=list("abcde"))
    assert (grid.panels.rows, grid.panels.columns, grid.panels.count) == (2, 3, 5)
    axes = grid.plot(colorbar=False).ax_
    assert [ax.get_title() for ax in axes] == list("abcde")
    assert len(grid.figure_.axes) == 5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: NetworkDisplay([np.ones((2, 1))], [np.zeros(2)]), r"`biases`.*\(2,\) biases"),
        (
            lambda: NetworkDisplay([np.ones((2, 1))], [np.zeros(1)], values=[[1.0], [1.0]]),
            r"\(1, 1\) values",
        ),
        (lambda: FunctionEstimateDisplay([1.0], [[1.0, 2.0]]), "`estimates`"),
        (
            lambda: FunctionEstimateDisplay([1.0], [[1.0]], train=([1.0], [1.0, 2.0])),
            "1 rows and 2 targets",
        ),
        (
            lambda: FunctionEstimateDisplay.from_estimator(SimpleNamespace(), np.ones((2, 2)), [1]),
            "one variable",
        ),
        (lambda: ClassReportDisplay(["a"], {"x": [[1, 2]]}, {"x": [1]}), "`scores`"),
        (ClassReportDisplay.from_metrics, "got none"),
        (lambda: CalibrationDisplay([1.0], [1.0, 2.0], [1]), "one number a bin"),
        (lambda: CalibrationDisplay.from_predictions([0, 2], [0.1, 0.2]), "0 or 1"),
        (lambda: CalibrationDisplay.from_predictions([0, 1], [0.1, 1.2]), r"\[0, 1\]"),
        (lambda: ResidualsDisplay([1.0], [np.inf]), "finite"),
        (lambda: ImagesDisplay({}), "`rows`"),
        (lambda: ImagesDisplay({"a": np.ones((2, 5))}), "fill no square"),
        (lambda: ImagesDisplay({"a": np.ones(4)}), r"\(4,\)"),
        (lambda: WeightImagesDisplay(np.ones((2, 6)), shape=(2, 2)), r"\(2, 2\)"),
        (lambda: LossComparisonDisplay({}), "got none"),
        (lambda: LossComparisonDisplay({"a": ([1], [np.nan])}), "'a'"),
        (
            lambda: LossComparisonDisplay.from_histories(
                {"a": _history([1.0])}, figure="validation_loss"
            ),
            "validation rows",
        ),
        (lambda: LossComparisonDisplay.from_estimators([MLPClassifier()]), "`parameter`"),
        (
            lambda: LossComparisonDisplay.from_estimators(
                [MLPClassifier(), MLPClassifier()], parameter="alpha"
            ),
            "same value",
        ),
        (lambda: LossComparisonDisplay.from_estimators({"a": MLPClassifier()}), "has no loss"),
        (lambda: GridDisplay([]), "0 displays"),
    ],
)
def test_unusable_numbers_are_refused_in_a_sentence(make: Any, words: str) -> None:
    """Empty and unfitting numbers raise DataError, not an error of Matplotlib."""
    with pytest.raises(DataError, match=words):
        make()


def test_a_class_that_is_unknown_is_refused() -> None:
    """With the list of those there are."""
    network, _ = watched()
    with pytest.raises(ParameterError, match="one of 0, 1; got 7"):
        CalibrationDisplay.from_estimator(network, X, Y, label=7)
