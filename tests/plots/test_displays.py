"""The numbers of every figure are right, and so is what is drawn of them."""

from __future__ import annotations

import io
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from sklearn import metrics as sk
from tests.plots.samples import DISPLAYS as OF_NETWORKS
from tests.plots.samples import GREY, WITHOUT_AXES
from tests.plots.test_sweep_displays import DISPLAYS as OF_SWEEPS

from mlplab import plots
from mlplab.errors import DataError, ParameterError
from mlplab.plots import (
    ConfusionMatrixDisplay,
    Display,
    LabelHistogramDisplay,
    LossCurvesDisplay,
    PredictionErrorDisplay,
    to_figure,
    to_png,
    to_svg,
)
from mlplab.results import EpochRecord, FitResult, History, StopReason
from mlplab.workflows.metrics import classification_metrics


def _history(n_epochs: int, *, validated: bool = True) -> History:
    return History.of(
        tuple(
            EpochRecord(
                epoch,
                1.0 / epoch,
                1.5 / epoch if validated else None,
                1.0 - 1.0 / epoch if validated else None,
                0.01,
                1.0,
                0.1,
            )
            for epoch in range(1, n_epochs + 1)
        )
    )


def _result(n_epochs: int = 40, best: int | None = 7) -> FitResult:
    return FitResult(
        _history(n_epochs),
        StopReason.VALIDATION_PLATEAU,
        "reference",
        "it is there",
        1.0,
        best,
        restored_best=True,
        n_parameters=9,
        dtype="float64",
    )


class _Echo:
    """Predicts its first column."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X[:, 0]


DISPLAYS: dict[str, Display] = {
    "losses": LossCurvesDisplay.from_history(_history(40, validated=False)),
    "losses_and_scores": LossCurvesDisplay.from_result(_result()),
    "confusion_2": ConfusionMatrixDisplay([[50000, 3], [4, 60000]], labels=["no", "yes"]),
    "confusion_30": ConfusionMatrixDisplay(np.eye(30, dtype=int) * 1234, labels=range(30)),
    "errors_few": PredictionErrorDisplay([1.0, 2.0, 4.0], [1.1, 2.0, 3.0], residuals=True),
    "errors_many": PredictionErrorDisplay(np.arange(5000.0), np.arange(5000.0) + 3, unit="k$"),
    "labels": LabelHistogramDisplay.from_labels([3, 4, 4, 5], name="quality"),
    "labels_predicted": LabelHistogramDisplay.from_predictions(["a", "b"], ["a", "a"]),
    "labels_many": LabelHistogramDisplay.from_labels([f"genre {k % 114}" for k in range(999)]),
    **OF_NETWORKS,
}


@pytest.fixture(autouse=True)
def _close_figures() -> object:
    """Leave no pyplot figure open."""
    yield
    plt.close("all")


@pytest.mark.parametrize("name", DISPLAYS)
def test_every_display_follows_the_protocol(name: str) -> None:
    """`plot` returns the display and keeps axes and figure; axes are labelled."""
    display = DISPLAYS[name]
    assert isinstance(display, Display)
    assert display.plot() is display
    axes = list(np.ravel(display.ax_))
    assert axes[0].figure is display.figure_
    assert len(axes) == display.panels.count
    assert axes[0].get_title()
    if name not in WITHOUT_AXES:
        # Panels that share their axes are labelled at the left and at the bottom.
        columns = display.panels.columns
        assert all(ax.get_xlabel() for ax in axes[-columns:])
        assert all(ax.get_ylabel() for ax in axes[::columns])


@pytest.mark.parametrize("name", DISPLAYS)
def test_every_display_draws_into_given_axes(name: str) -> None:
    """An Axes of the caller's is used, and no other figure is made."""
    figure, ax = plt.subplots()
    display = DISPLAYS[name].plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("name", DISPLAYS)
def test_no_texts_overlap_or_leave_the_picture(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, ticks, titles and counts do not cover each other and stay inside."""
    figure = to_figure(DISPLAYS[name])
    figure.draw_without_rendering()  # settles the layout
    drawn: dict[int, Text] = {}
    draw = Text.draw
    monkeypatch.setattr(
        Text, "draw", lambda self, *args: [drawn.update({id(self): self}), draw(self, *args)]
    )
    figure.draw_without_rendering()
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in drawn.values()
        if text.get_text().strip() and text.get_visible()
    ]
    assert len(boxes) > 8
    frame = figure.bbox.padded(1.0)
    for i, (one, box) in enumerate(boxes):
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1, one
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1, one
        for other, second in boxes[i + 1 :]:
            width = min(box.x1, second.x1) - max(box.x0, second.x0)
            height = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert width < 1 or height < 1, (one, other)


def test_every_display_of_the_room_is_in_the_table() -> None:
    """A new Display has to join these tests."""
    classes = {getattr(plots, name) for name in plots.__all__ if name.endswith("Display")}
    tables = (DISPLAYS, OF_SWEEPS)
    assert classes - {Display} == {type(d) for table in tables for d in table.values()}


def test_loss_curves_show_losses_scores_best_epoch_and_reason() -> None:
    """Curves are the history's, the best epoch is marked in both panels."""
    display = LossCurvesDisplay.from_estimator(
        SimpleNamespace(result_=_result()), score_name="accuracy", loss_unit="nats"
    ).plot()
    losses, scores = display.ax_
    training, validation, best = losses.get_lines()
    assert training.get_ydata().tolist() == [1.0 / k for k in range(1, 41)]
    assert validation.get_ydata().tolist() == [1.5 / k for k in range(1, 41)]
    assert list(best.get_xdata()) == [7, 7]
    assert scores.get_lines()[0].get_ydata().tolist() == [1 - 1 / k for k in range(1, 41)]
    assert losses.get_ylabel() == "loss (nats)"
    assert scores.get_ylabel() == "validation accuracy"
    assert losses.texts[0].get_text() == StopReason.VALIDATION_PLATEAU.sentence
    names = [text.get_text() for text in losses.get_legend().get_texts()]
    assert names == ["training loss", "validation loss", "best epoch: 7"]


def test_loss_curves_without_validation_have_one_panel() -> None:
    """Curves that are all None are left out."""
    display = LossCurvesDisplay.from_history(_history(3, validated=False))
    assert display.validation_loss is None
    assert display.panels.count == 1


def test_loss_curves_of_one_epoch_are_visible() -> None:
    """A line of one point would be invisible; it has a marker."""
    display = LossCurvesDisplay.from_history(_history(1, validated=False)).plot()
    assert display.ax_.get_lines()[0].get_marker() == "o"


def test_best_epoch_before_the_curves_is_not_marked() -> None:
    """After a warm start the best epoch may belong to an earlier call."""
    display = LossCurvesDisplay(epochs=[11, 12], loss=[1.0, 0.5], best_epoch=4).plot()
    assert len(display.ax_.get_lines()) == 1


def test_loss_curves_keep_gaps_and_logarithm() -> None:
    """A loss that is not finite leaves a gap; the axis can be logarithmic."""
    display = LossCurvesDisplay(epochs=[1, 2, 3], loss=[1.0, np.nan, 0.1]).plot(log_loss_axis=True)
    assert np.isnan(display.ax_.get_lines()[0].get_ydata()).tolist() == [False, True, False]
    assert display.ax_.get_yscale() == "log"


def test_confusion_matrix_counts_as_scikit_learn_with_weights_and_order() -> None:
    """Labels give the order; weights are summed."""
    true, pred = ["b", "a", "b", "c"], ["b", "b", "a", "c"]
    display = ConfusionMatrixDisplay.from_predictions(
        true, pred, labels=["c", "b", "a"], sample_weight=[1.0, 2.5, 1.0, 1.0]
    )
    theirs = sk.confusion_matrix(
        true, pred, labels=["c", "b", "a"], sample_weight=[1.0, 2.5, 1.0, 1.0]
    )
    assert np.array_equal(display.confusion_matrix, theirs)
    assert display.texts[2] == ["0", "2.5", "0"]


def test_confusion_matrix_from_estimator_and_from_metrics_agree() -> None:
    """Both ways give the same counts and labels."""
    X, y = np.array([[0], [1], [1], [2]]), [0, 1, 2, 2]
    one = ConfusionMatrixDisplay.from_estimator(_Echo(), X, y)
    two = ConfusionMatrixDisplay.from_metrics(classification_metrics(y, X[:, 0]))
    assert np.array_equal(one.confusion_matrix, two.confusion_matrix)
    assert one.labels == two.labels == (0, 1, 2)


def test_confusion_matrix_shades_by_row_share() -> None:
    """Colours are shares of the true class; a class without rows has none, without a warning."""
    display = ConfusionMatrixDisplay([[3, 1, 0], [0, 0, 0], [0, 0, 2]])
    shares = display.row_shares
    assert shares.tolist() == [[0.75, 0.25, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    mesh = display.plot().ax_.collections[0]
    assert np.array_equal(np.ravel(mesh.get_array()), shares.ravel())
    assert mesh.get_clim() == (0.0, 1.0)


def test_counts_are_white_on_dark_and_black_on_light() -> None:
    """A number can be read on its cell."""
    display = ConfusionMatrixDisplay([[9, 0], [0, 9]]).plot()
    assert [text.get_color() for text in display.ax_.texts] == ["white", "black", "black", "white"]


@pytest.mark.parametrize("n_classes", [2, 10, 30])
def test_counts_fit_into_their_cells(n_classes: int) -> None:
    """Five digits stay inside the cell, at a size that can be read."""
    figure = to_figure(ConfusionMatrixDisplay(np.full((n_classes, n_classes), 12345)))
    figure.draw_without_rendering()
    ax = figure.axes[0]
    cell = ax.get_window_extent().width / n_classes
    assert all(text.get_window_extent().width <= cell for text in ax.texts)
    assert ax.texts[0].get_fontsize() >= 4.5


def test_prediction_error_shows_points_identity_and_residuals() -> None:
    """Points are (true, predicted) and (predicted, predicted - true)."""
    X, y = np.array([[1.5], [2.0], [5.0]]), [1.0, 2.0, 4.0]
    display = PredictionErrorDisplay.from_estimator(
        _Echo(), X, y, name="price", unit="k$", residuals=True
    ).plot()
    left, right = display.ax_
    assert left.collections[0].get_offsets().tolist() == [[1.0, 1.5], [2.0, 2.0], [4.0, 5.0]]
    assert right.collections[0].get_offsets().tolist() == [[1.5, 0.5], [2.0, 0.0], [5.0, 1.0]]
    line = left.get_lines()[0]
    assert list(line.get_xdata()) == list(line.get_ydata())
    assert left.get_xlabel() == r"true price (k\$)"
    assert left.get_xlim() == left.get_ylim()


def test_many_predictions_are_shown_as_density() -> None:
    """Above 2,000 rows every row is counted in some hexagon."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=3000)
    display = PredictionErrorDisplay.from_predictions(y, y + rng.normal(size=3000)).plot()
    assert display.ax_.collections[0].get_array().sum() == 3000


@pytest.mark.parametrize("value", [0.0, 1e-9, -1e12])
def test_constant_predictions_can_be_drawn(value: float) -> None:
    """A range of zero width still gives axes with a width."""
    display = PredictionErrorDisplay([value] * 3, [value] * 3, residuals=True)
    low, high = display.limits
    assert low < value < high
    assert to_png(display)


def test_label_histogram_counts_labels_and_indicators() -> None:
    """Counts are right for labels, for indicators and for predictions of a class never true."""
    assert LabelHistogramDisplay.from_labels([2, 1, 2]).counts.tolist() == [1, 2]
    indicator = LabelHistogramDisplay.from_labels([[1, 0], [1, 1]], label_names=["rock", "pop"])
    assert dict(zip(indicator.labels, indicator.counts.tolist(), strict=True)) == {
        "rock": 2,
        "pop": 1,
    }
    both = LabelHistogramDisplay.from_predictions([0, 0, 1], [0, 2, 2])
    assert both.labels == (0, 1, 2)
    assert both.counts.tolist() == [2, 1, 0]
    assert both.predicted_counts.tolist() == [1, 0, 2]
    heights = [bar.get_height() for bar in both.plot().ax_.patches]
    assert heights == [2, 1, 0, 1, 0, 2]


def test_label_histogram_of_many_labels_says_what_it_leaves_out() -> None:
    """Forty bars are drawn and the rest is counted in the axis."""
    y = [k for k in range(50) for _ in range(1 + k)]
    display = LabelHistogramDisplay.from_labels(y, name="genre")
    names, counts, predicted = display.bars
    assert (len(names), counts[0], predicted) == (40, 11, None)
    assert display.note == "genre (the 40 most frequent; 10 others have 55 rows)"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LossCurvesDisplay.from_history(History()), "at least one epoch"),
        (lambda: LossCurvesDisplay(epochs=[1, 2], loss=[1.0]), r"`loss`.*\(1,\)"),
        (lambda: LossCurvesDisplay.from_estimator(_Echo()), "_Echo without `result_`"),
        (lambda: ConfusionMatrixDisplay([[1, 2]]), r"square.*\(1, 2\)"),
        (lambda: ConfusionMatrixDisplay([[1, 2], [3, 4]], labels=["a"]), "1 labels"),
        (lambda: ConfusionMatrixDisplay([]), "square"),
        (lambda: PredictionErrorDisplay([], []), "at least one row"),
        (lambda: PredictionErrorDisplay([1.0], [np.nan]), "`y_pred`.*NaN"),
        (lambda: PredictionErrorDisplay([1.0, 2.0], [1.0]), "2 and 1"),
        (lambda: PredictionErrorDisplay(np.ones((3, 2)), np.ones((3, 2))), r"\(3, 2\)"),
        (lambda: LabelHistogramDisplay.from_labels([]), "at least one"),
        (lambda: LabelHistogramDisplay(["a"], [1, 2]), "1 labels"),
    ],
)
def test_unusable_numbers_are_refused_in_a_sentence(make: object, words: str) -> None:
    """Empty and unfitting numbers raise DataError, not an error of Matplotlib."""
    with pytest.raises(DataError, match=words):
        make()


def test_a_wrong_number_of_axes_is_refused() -> None:
    """Three axes for two panels are a mistake."""
    with pytest.raises(ParameterError, match="got 3"):
        LossCurvesDisplay.from_result(_result()).plot(ax=Figure().subplots(1, 3))


def test_names_from_data_are_no_formulas() -> None:
    """Dollars, which Matplotlib would read as a formula, and line breaks are drawn as they are."""
    names = ["$5 to $10^", "a\nb", r"$\frac$", "<b>&"]
    for display in (
        ConfusionMatrixDisplay(np.eye(4), labels=names),
        LabelHistogramDisplay(names, [1, 2, 3, 4], name="$x_$"),
        PredictionErrorDisplay([1.0], [2.0], name="$_$", unit="k$", residuals=True),
        LossCurvesDisplay(
            epochs=[1], loss=[1.0], validation_score=[1.0], score_name="$^$", stop_reason="$_$"
        ),
    ):
        assert to_png(display)
        ET.fromstring(to_svg(display))  # noqa: S314  # our own text


@pytest.mark.parametrize("name", DISPLAYS)
def test_the_picture_has_ink_of_the_palette(name: str) -> None:
    """The PNG is neither empty nor grey."""
    picture = plt.imread(io.BytesIO(to_png(DISPLAYS[name], dpi=50)))[..., :3]
    coloured = np.ptp(picture, axis=2) > 0.15
    assert name in GREY or 0.0005 < coloured.mean() < 0.9
    white = (picture > 0.99).all(axis=2).mean()
    assert white > 0.1
