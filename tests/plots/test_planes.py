"""Figures on the plane: boundaries, hidden spaces, disagreement, films."""

from __future__ import annotations

import io
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.inspection import DecisionBoundaryDisplay as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from tests.plots.samples import X_TEST, Y_TEST, X, Y, digits, fitted, restarts, watched

from mlplab import MLPClassifier
from mlplab.errors import DataError, ParameterError
from mlplab.plots import (
    BoundaryEpochsDisplay,
    ClassScatterDisplay,
    DecisionBoundaryDisplay,
    DisagreementDisplay,
    HiddenSpaceDisplay,
    to_figure,
    to_gif,
    to_html,
    to_png,
)
from mlplab.plots.planes import limits_around, plane_of
from mlplab.plots.points import CLASS_COLOURS, ClassPoints
from mlplab.results import Snapshots
from mlplab.train import WeightKeeper


@pytest.fixture(autouse=True)
def _close_figures() -> object:
    """Leave no pyplot figure open."""
    yield
    plt.close("all")


def test_the_plane_is_that_of_scikit_learn() -> None:
    """On the same mesh the same probabilities as scikit-learn's display."""
    network, _ = watched()
    theirs = Theirs.from_estimator(network, X, grid_resolution=30, response_method="predict_proba")
    limits = (theirs.xx0.min(), theirs.xx0.max(), theirs.xx1.min(), theirs.xx1.max())
    ours = plane_of(network, limits, 30, (0, 1))
    np.testing.assert_allclose(np.stack(np.meshgrid(*ours.axes())), [theirs.xx0, theirs.xx1])
    np.testing.assert_allclose(ours.surface[..., 1], theirs.response)


def test_accuracies_and_rings_are_of_the_estimator() -> None:
    """Shares in the title are `score`; as many rings as mistakes."""
    network, _ = watched()
    display = DecisionBoundaryDisplay.from_estimator(
        network, X, Y, X_test=X_TEST, y_test=Y_TEST, resolution=20
    ).plot()
    scores = {"train": network.score(X, Y), "test": network.score(X_TEST, Y_TEST)}
    assert display.accuracies == pytest.approx(scores)
    wrong = {"train": network.predict(X) != Y, "test": network.predict(X_TEST) != Y_TEST}
    assert wrong["train"].any()
    rings = [c for c in display.ax_.collections if c.get_zorder() == 4]
    drawn = np.concatenate([ring.get_offsets() for ring in rings])
    expected = np.concatenate([X[wrong["train"]], X_TEST[wrong["test"]]])
    np.testing.assert_array_equal(np.sort(drawn, axis=0), np.sort(expected, axis=0))
    assert f"train {scores['train']:.1%}, test {scores['test']:.1%}" in display.ax_.get_title()


def test_few_points_are_large() -> None:
    """Six points are seen from afar; many leave room for each other; a size that is given stays."""
    few = ClassScatterDisplay.from_data(X[:6], Y[:6]).plot().ax_.collections[0]
    many = ClassScatterDisplay.from_data(X, Y).plot().ax_.collections[0]
    given = ClassScatterDisplay.from_data(X[:6], Y[:6]).plot(size=9.0).ax_.collections[0]
    assert few.get_sizes()[0] > 3 * many.get_sizes()[0]
    assert given.get_sizes()[0] == 9.0


def test_the_black_line_lies_where_the_probability_is_a_half() -> None:
    """Points of the drawn boundary have a probability of 0.5 within the mesh's step."""
    network, _ = watched()
    display = DecisionBoundaryDisplay.from_estimator(network, X, Y, resolution=200).plot()
    line = display.ax_.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(network.predict_proba(line)[:, 1], 0.5, atol=0.02)


def test_shading_is_the_colour_of_the_answer_and_paler_where_unsure() -> None:
    """White at a half; the class's colour where the network is sure."""
    network, _ = watched()
    plane = DecisionBoundaryDisplay.from_estimator(network, X, Y, resolution=60).plane
    paleness = plane.colours(2).min(axis=-1)
    second = plane.surface[..., 1]
    order = np.argsort(np.abs(second - 0.5).ravel())
    assert paleness.ravel()[order[0]] > 0.95
    assert paleness.ravel()[order[-1]] < 0.6
    blue = [int(CLASS_COLOURS[0][k : k + 2], 16) / 255 for k in (1, 3, 5)]
    full = plane.colours(2)[second < 0.1]
    direction = (1 - full) / (1 - np.array(blue))
    assert np.ptp(direction, axis=-1).max() < 1e-9


def test_zoom_enlarges_around_the_middle() -> None:
    """Three times as wide and high, the frame where the unzoomed plane was."""
    one, three = limits_around(X), limits_around(X, zoom=3)
    np.testing.assert_allclose(np.diff(three)[[0, 2]], 3 * np.diff(one)[[0, 2]])
    network, _ = watched()
    display = DecisionBoundaryDisplay.from_estimator(network, X, Y, zoom=3, resolution=20).plot()
    (frame,) = display.ax_.patches
    left, bottom = frame.get_xy()
    found = (left, left + frame.get_width(), bottom, bottom + frame.get_height())
    np.testing.assert_allclose(found, one)
    assert limits_around(np.ones((3, 2))) == (0.38, 1.62, 0.38, 1.62)


def test_frames_pipelines_and_words_as_classes() -> None:
    """Names of columns label the axes; a pipeline is asked with a frame."""
    iris = load_iris(as_frame=True)
    frame = iris.data.iloc[:, [2, 3]]
    y = iris.target_names[iris.target]
    model = make_pipeline(StandardScaler(), MLPClassifier((4,), solver="lbfgs", random_state=0))
    display = DecisionBoundaryDisplay.from_estimator(fitted(model, frame, y), frame, y).plot()
    assert display.ax_.get_xlabel() == "petal length (cm)"
    assert display.classes == tuple(iris.target_names)
    xx, yy = np.meshgrid(*display.plane.axes())
    mesh = pd.DataFrame({frame.columns[0]: xx.ravel(), frame.columns[1]: yy.ravel()})
    answers = np.array(display.classes)[display.plane.answers.ravel()]
    np.testing.assert_array_equal(answers, model.predict(mesh))
    assert display.ax_.get_legend().get_texts()[0].get_text() == "setosa"


def test_models_without_probabilities() -> None:
    """A hinge network shows its margin, a tree its answers."""
    hinge = fitted(MLPClassifier((), loss="hinge", solver="lbfgs", random_state=0))
    display = DecisionBoundaryDisplay.from_estimator(hinge, X, Y, resolution=100).plot()
    assert display.plane.meaning == "score"
    levels = [level for c in display.ax_.collections[:2] for level in c.levels]
    assert levels == [0.0, -1.0, 1.0]
    edge = display.ax_.collections[1].get_paths()[1].vertices
    np.testing.assert_allclose(hinge.decision_function(edge), 1.0, atol=1e-6)
    theirs = LinearSVC().fit(X, Y)
    assert (
        DecisionBoundaryDisplay.from_estimator(theirs, X, Y, resolution=9).plane.meaning == "score"
    )
    labels = np.where(X[:, 0] > 1, 2, Y)
    for other in (LinearSVC().fit(X, labels), DecisionTreeClassifier().fit(X, labels)):
        plane = DecisionBoundaryDisplay.from_estimator(other, X, labels, resolution=9).plane
        xx, yy = np.meshgrid(*plane.axes())
        answers = other.predict(np.c_[xx.ravel(), yy.ravel()])
        np.testing.assert_array_equal(plane.answers.ravel(), answers)


def test_many_points_are_thinned_and_said() -> None:
    """The sample is random, of a stated size, and figures stay those of all rows."""
    rng = np.random.default_rng(0)
    many = np.tile(X, (100, 1)) + rng.normal(0, 0.01, (8000, 2))
    display = ClassScatterDisplay.from_data(many, np.tile(Y, 100)).plot()
    drawn = sum(len(c.get_offsets()) for c in display.ax_.collections)
    assert drawn == 2000
    assert "2,000 of 8,000 points, drawn at random" in display.ax_.get_title()
    assert all(c.get_rasterized() for c in display.ax_.collections)
    network, _ = watched()
    ring = DecisionBoundaryDisplay.from_estimator(network, X, Y, max_points=5, resolution=9)
    assert ring.accuracies["train"] == pytest.approx(network.score(X, Y))
    assert "5 of 80 points" in ring.plot().ax_.get_title()


def test_scatter_takes_the_columns_that_are_named() -> None:
    """By name or by number; the axes carry the names."""
    iris = load_iris(as_frame=True)
    by_name = ClassScatterDisplay.from_data(
        iris.data, iris.target, features=("sepal length (cm)", "petal width (cm)")
    )
    by_number = ClassScatterDisplay.from_data(iris.data.to_numpy(), iris.target, features=(0, 3))
    np.testing.assert_array_equal(by_name.train.x, by_number.train.x)
    assert by_name.feature_names == ("sepal length (cm)", "petal width (cm)")
    assert by_number.feature_names == ("x₁", "x₄")


# Epochs


def test_each_panel_is_the_network_of_its_epoch() -> None:
    """Planes and accuracies are those of `with_parameters`."""
    network, snapshots = watched()
    display = BoundaryEpochsDisplay.from_estimator(network, snapshots, X, Y, resolution=12)
    assert display.epochs == snapshots.epochs == (0, 5, 40, 150)
    for snapshot, boundary in zip(snapshots, display.boundaries, strict=True):
        then = network.with_parameters(snapshot.parameters)
        assert boundary.accuracies["train"] == pytest.approx(then.score(X, Y))
        mesh = np.stack(np.meshgrid(*boundary.plane.axes()), axis=-1).reshape(-1, 2)
        np.testing.assert_allclose(boundary.plane.surface.reshape(-1, 2), then.predict_proba(mesh))
    last = DecisionBoundaryDisplay.from_estimator(network, X, Y, resolution=12)
    np.testing.assert_allclose(display.boundaries[-1].plane.surface, last.plane.surface)
    titles = [ax.get_title().split("\n")[0] for ax in display.plot().ax_]
    assert titles == ["epoch 0", "epoch 5", "epoch 40", "epoch 150"]


def test_epochs_of_a_pipeline_fitted_to_a_frame() -> None:
    """The scaler stays as it is, the network goes back to its epoch."""
    frame = pd.DataFrame(X, columns=["a", "b"])
    keeper = WeightKeeper([0])
    network = MLPClassifier((3,), max_iter=30, random_state=0).set_callbacks(keeper)
    model = fitted(make_pipeline(StandardScaler(), network), frame, Y)
    display = BoundaryEpochsDisplay.from_estimator(model, keeper.snapshots, frame, Y)
    assert display.boundaries[-1].accuracies["train"] == pytest.approx(model.score(frame, Y))
    other = WeightKeeper([0])
    bare = MLPClassifier((3,), max_iter=30, random_state=0).set_callbacks(other)
    bare = fitted(bare, frame, Y)
    plain = BoundaryEpochsDisplay.from_estimator(bare, other.snapshots, frame, Y)
    assert plain.boundaries[-1].accuracies["train"] == pytest.approx(bare.score(frame, Y))
    hidden = HiddenSpaceDisplay.from_estimator(model, frame, Y, snapshots=keeper.snapshots)
    scaled = model[:-1].transform(frame)
    values = model[-1].transform(scaled)
    np.testing.assert_allclose(
        np.abs(hidden.spaces[-1].points), np.abs(PCA(2).fit_transform(values)), atol=1e-8
    )
    assert hidden.spaces[0].axis_names == ("a", "b")


def test_hidden_space_of_two_units_is_shown_as_it_is() -> None:
    """(z₁, z₂) are `transform`, and the plane is what the output layer makes of them."""
    network, snapshots = watched()
    display = HiddenSpaceDisplay.from_estimator(network, X, Y, snapshots=snapshots)
    np.testing.assert_array_equal(display.spaces[0].points, X)
    for space, snapshot in zip(display.spaces[1:], snapshots, strict=True):
        then = network.with_parameters(snapshot.parameters)
        np.testing.assert_allclose(space.points, then.transform(X))
        assert space.plane is not None
        mesh = np.stack(np.meshgrid(*space.plane.axes()), axis=-1).reshape(-1, 2)
        raw = mesh @ then.coefs_[-1] + then.intercepts_[-1]
        second = 1 / (1 + np.exp(-raw[:, 0]))
        np.testing.assert_allclose(space.plane.surface.reshape(-1, 2)[:, 1], second, atol=1e-12)
    assert [ax.get_title() for ax in display.plot().ax_][:2] == ["Input space", "epoch 0"]


def test_hidden_space_of_more_units_is_scikit_learns_principal_components() -> None:
    """Up to the sign of each; the axes say the share of the variance."""
    x, y, classifier, _ = digits()
    display = HiddenSpaceDisplay.from_estimator(classifier, x, y, max_points=300)
    pca = PCA(2)
    rows = np.sort(np.random.default_rng(0).choice(len(x), 300, replace=False))
    theirs = pca.fit_transform(classifier.transform(x[rows]))
    ours = display.spaces[1].points
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs * signs, atol=1e-6)
    assert f"{pca.explained_variance_ratio_[0]:.0%}" in display.spaces[1].axis_names[0]
    assert display.note.endswith("; 300 of 1,797 points, drawn at random")


def test_labels_of_many_hidden_spaces_stay_in_their_panels() -> None:
    """Names of main directions are no longer than the axes beside which they stand."""
    x, y, _, _ = digits()
    keeper = WeightKeeper(range(7))
    network = MLPClassifier((8,), max_iter=7, random_state=0).set_callbacks(keeper)
    display = HiddenSpaceDisplay.from_estimator(
        fitted(network, x, y), x, y, snapshots=keeper.snapshots
    )
    figure = to_figure(display)
    figure.canvas.draw()
    for ax in figure.axes:
        box = ax.get_window_extent()
        assert ax.yaxis.label.get_window_extent().height <= box.height * 1.05
        assert ax.xaxis.label.get_window_extent().width <= box.width * 1.05


def test_hidden_space_of_one_unit_and_of_an_inner_layer() -> None:
    """One unit stands against the class; an inner layer of two goes through what follows it."""
    deep = fitted(MLPClassifier((2, 1), activation="tanh", solver="lbfgs", random_state=0))
    one = HiddenSpaceDisplay.from_estimator(deep, X, Y)
    np.testing.assert_allclose(one.spaces[1].points[:, 0], deep.transform(X)[:, 0])
    assert (np.round(one.spaces[1].points[:, 1]) == Y).all()
    named = HiddenSpaceDisplay.from_estimator(deep, X, np.array(["moon", "sun"])[Y]).plot()
    assert [text.get_text() for text in named.ax_[1].get_yticklabels()] == ["moon", "sun"]
    inner = HiddenSpaceDisplay.from_estimator(deep, X, Y, layer=0).spaces[1]
    np.testing.assert_allclose(inner.points, deep.transform(X, layer=0))
    mesh = np.stack(np.meshgrid(*inner.plane.axes()), axis=-1).reshape(-1, 2)
    last = np.tanh(mesh @ deep.coefs_[1] + deep.intercepts_[1])
    raw = last @ deep.coefs_[2] + deep.intercepts_[2]
    np.testing.assert_allclose(
        inner.plane.surface.reshape(-1, 2)[:, 1], 1 / (1 + np.exp(-raw[:, 0])), atol=1e-12
    )


def test_hidden_space_of_several_classes_and_of_hinge_and_of_an_autoencoder() -> None:
    """Softmax gives a plane of all classes, a score one of two; codes have none."""
    iris = load_iris()
    three = fitted(
        MLPClassifier((2,), activation="tanh", solver="lbfgs", random_state=0),
        iris.data,
        iris.target,
    )
    plane = HiddenSpaceDisplay.from_estimator(three, iris.data, iris.target).spaces[1].plane
    assert plane.surface.shape[-1] == 3
    np.testing.assert_allclose(plane.surface.sum(axis=-1), 1.0)
    hinge = fitted(MLPClassifier((2,), loss="hinge", solver="lbfgs", random_state=0))
    assert HiddenSpaceDisplay.from_estimator(hinge, X, Y).spaces[1].plane.meaning == "score"
    x, y, _, coder = digits()
    codes = HiddenSpaceDisplay.from_estimator(coder, x, y, max_points=100)
    assert codes.spaces[1].plane is None
    assert codes.spaces[1].points.shape == (100, 2)


# Disagreement


def test_disagreement_is_the_share_of_the_minority() -> None:
    """Counted by hand over the restarts' predictions; contested where it is not zero."""
    models = restarts()
    display = DisagreementDisplay.from_estimators(models, X, Y, zoom=2, resolution=21)
    left, right, bottom, top = display.limits
    xx, yy = np.meshgrid(np.linspace(left, right, 21), np.linspace(bottom, top, 21))
    votes = np.array([m.predict(np.c_[xx.ravel(), yy.ravel()]) for m in models])
    ones = votes.mean(axis=0)
    np.testing.assert_allclose(display.disagreement.ravel(), np.minimum(ones, 1 - ones))
    differs = ((ones > 0) & (ones < 1)).reshape(21, 21)
    assert display.contested["all"] == pytest.approx(differs.mean())
    near = (np.abs(xx - (left + right) / 2) <= (right - left) / 4 + 1e-9) & (
        np.abs(yy - (bottom + top) / 2) <= (top - bottom) / 4 + 1e-9
    )
    assert display.contested["near"] == pytest.approx(differs[near].mean())
    assert f"{differs[near].mean():.0%} of the area" in display.plot().ax_.get_title()


def test_networks_that_agree_have_nothing_to_show() -> None:
    """No colour and no share."""
    network, _ = watched()
    display = DisagreementDisplay.from_estimators([network, network], X, Y, resolution=9)
    assert not display.disagreement.any()
    assert display.contested == {"near": 0.0, "all": 0.0}


# Films


def test_a_gif_has_a_picture_an_epoch() -> None:
    """Of one size and few colours, the last shown longest; equal films have equal bytes."""
    network, snapshots = watched()
    film = BoundaryEpochsDisplay.from_estimator(network, snapshots, X, Y, resolution=20)
    data = to_gif(film, seconds=0.5, dpi=40)
    with Image.open(io.BytesIO(data)) as gif:
        assert gif.n_frames == 4
        durations = []
        for k in range(4):
            gif.seek(k)
            durations.append(gif.info["duration"])
        assert gif.info["loop"] == 0
    assert durations == [500, 500, 500, 1500]
    assert to_gif(film, seconds=0.5, dpi=40) == data
    assert len(data) < 100_000


def test_a_page_is_one_file_with_all_pictures() -> None:
    """Nothing is loaded from elsewhere; every picture is described; the title is escaped."""
    network, snapshots = watched()
    film = HiddenSpaceDisplay.from_estimator(network, X, Y, snapshots=snapshots)
    page = to_html(film, title="a < b", dpi=30)
    assert page.count("data:image/png;base64,") == len(snapshots)
    assert page.count(" hidden src=") == len(snapshots) - 1
    assert "http" not in page
    assert "<h1>a &lt; b</h1>" in page
    assert 'max="3"' in page


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: to_gif(ClassScatterDisplay.from_data(X, Y)), "`film`.*ClassScatterDisplay"),
        (lambda: limits_around(X, zoom=0), "`zoom` must be positive"),
        (
            lambda: DecisionBoundaryDisplay.from_estimator(watched()[0], X, Y, resolution=1),
            "`resolution` must be at least 2",
        ),
        (lambda: ClassScatterDisplay.from_data(X, Y, max_points=0).plot(), "`max_points`"),
        (
            lambda: HiddenSpaceDisplay.from_estimator(watched()[0], X, Y, layer=1),
            "`layer` must name one of the 1",
        ),
        (
            lambda: HiddenSpaceDisplay.from_estimator(DecisionTreeClassifier().fit(X, Y), X, Y),
            "network of mlplab.*DecisionTree",
        ),
        (
            lambda: BoundaryEpochsDisplay.from_estimator(
                DecisionTreeClassifier().fit(X, Y), watched()[1], X, Y
            ),
            "network of mlplab",
        ),
    ],
)
def test_wrong_parameters_are_refused_in_a_sentence(make: Any, words: str) -> None:
    """A parameter out of its range is named."""
    with pytest.raises(ParameterError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ClassScatterDisplay.from_data(np.ones((3, 3)), [0, 1, 0]), r"two columns.*\(3, 3"),
        (lambda: ClassScatterDisplay.from_data([[0, np.nan]], [0]), "NaN"),
        (lambda: ClassScatterDisplay.from_data([["a", "b"]], [0]), "numbers"),
        (lambda: ClassScatterDisplay.from_data(X, Y[:-1]), "one label for each of 80"),
        (
            lambda: DecisionBoundaryDisplay.from_estimator(watched()[0], X, Y + 5),
            "classes 0, 1; got 5, 6",
        ),
        (
            lambda: DecisionBoundaryDisplay.from_estimator(digits()[2], X, Y),
            "features|classes",
        ),
        (
            lambda: BoundaryEpochsDisplay.from_estimator(watched()[0], Snapshots(), X, Y),
            "1 to 24 epochs",
        ),
        (
            lambda: HiddenSpaceDisplay.from_estimator(watched()[0], X, Y, snapshots=Snapshots()),
            "1 to 23 epochs",
        ),
        (lambda: DisagreementDisplay.from_estimators(restarts()[:1], X, Y), "at least two"),
    ],
)
def test_unusable_points_are_refused_in_a_sentence(make: Any, words: str) -> None:
    """What was received and what to do."""
    with pytest.raises((DataError, ValueError), match=words):
        make()


def test_panels_of_a_callers_figure_are_used() -> None:
    """As many axes as epochs, whatever the figure's layout."""
    network, snapshots = watched()
    display = BoundaryEpochsDisplay.from_estimator(network, snapshots, X, Y, resolution=9)
    axes = Figure().subplots(1, 4)
    assert display.plot(ax=axes).ax_ == list(axes)


def test_points_without_predictions_have_no_rings() -> None:
    """And a class without points leaves no trace."""
    points = ClassPoints(X, np.asarray(Y))
    assert not points.wrong.any()
    assert points.sampled(7).codes.shape == (7,)
    assert to_png(ClassScatterDisplay(points, classes=("a", "b", "c")), dpi=30)
