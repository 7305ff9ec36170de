"""Health of layers: ill networks are found ill, each by its name, and healthy ones are not."""

from __future__ import annotations

import functools
import itertools
import json
import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine, make_moons
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor, nn
from mlplab.engines import TrainingData, TrainingPlan
from mlplab.errors import ParameterError
from mlplab.explain import health
from mlplab.explain.layer_statistics import flatness_of, measure
from mlplab.nn import ACTIVATIONS, SquaredError, multilayer
from mlplab.optim import SGD, Constant
from mlplab.plots import LayerHealthDisplay
from mlplab.results import HealthLimits, HealthReport, Snapshot, Snapshots
from mlplab.train import WeightKeeper


@functools.cache
def digits() -> tuple[Any, Any]:
    """Return 600 images of digits, from 0 to 1, and their labels."""
    x, y = load_digits(return_X_y=True)
    return x[:600] / 16, y[:600]


def fit(estimator: Any, x: Any, y: Any) -> Any:
    """Fit without a word on convergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(x, y)


def watch(estimator: Any, epochs: Any = (0, 1, 5), data: Any = None) -> HealthReport:
    """Return the health of a training at some epochs and at its end."""
    x, y = data or digits()
    keeper = WeightKeeper(epochs)
    fit(estimator.set_callbacks(keeper), x, y)
    return health(estimator, x, y, snapshots=keeper.snapshots)


def names(report: HealthReport) -> set[str]:
    """Return what was found over the whole training."""
    return {finding.ailment for finding in report.findings}


# Figures


def test_figures_are_those_of_a_pass_by_hand() -> None:
    """Values, slopes, signals, gradients and the next step of a network written out."""
    rng = np.random.default_rng(0)
    network = multilayer(3, [4], 2, "tanh")
    parameters = nn.draw_parameters(network, "glorot_normal", rng)
    w1, b1, w2, b2 = network.views(parameters)
    x, target = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
    plan = TrainingPlan(network, SquaredError(), SGD(momentum=0.0), Constant(0.1))
    data = TrainingData(x, target)
    found = measure(plan, data, data, Snapshot(3, parameters))
    a = np.tanh(x @ w1 + b1)
    raw = a @ w2 + b2
    d_raw = raw - target
    d_z = (d_raw @ w2.T) * (1 - a * a)
    hidden, output = found.layers
    assert found.epoch == 3
    assert (hidden.layer, hidden.activation, hidden.n_units) == ("hidden 1", "tanh", 4)
    assert (output.layer, output.activation, output.n_units) == ("output", None, 2)
    assert hidden.mean == pytest.approx(a.mean())
    assert hidden.deviation == pytest.approx(np.sqrt(a.var(axis=0).mean()))
    assert output.signal == pytest.approx(np.sqrt((d_raw**2).sum(axis=1).mean()))
    assert hidden.signal == pytest.approx(np.sqrt((d_z**2).sum(axis=1).mean()))
    assert output.gradient_norm == pytest.approx(np.linalg.norm(a.T @ d_raw / 9))
    assert hidden.gradient_norm == pytest.approx(np.linalg.norm(x.T @ d_z / 9))
    assert hidden.weight_norm == pytest.approx(np.linalg.norm(w1))
    step = 0.1 * np.linalg.norm(x.T @ d_z / 9)
    assert hidden.update_ratio == pytest.approx(step / np.linalg.norm(w1))
    assert found.signal_ratio == pytest.approx(hidden.signal / output.signal)


def test_the_next_step_is_the_one_that_training_makes() -> None:
    """With the optimiser's memory: the change of the weights from one epoch to the next."""
    x, y = digits()
    keeper = WeightKeeper([7, 8])
    network = MLPClassifier((6,), batch_size=600, shuffle=False, max_iter=8, random_state=0)
    fit(network.set_callbacks(keeper), x, y)
    before, after = keeper.snapshots
    report = health(network, x, y, snapshots=[before])
    views = [network.network_.views(shot.parameters) for shot in (before, after)]
    for layer, place in zip(report.last.layers, (0, 2), strict=True):
        change = np.linalg.norm(views[1][place] - views[0][place])
        assert layer.update_ratio == pytest.approx(change / np.linalg.norm(views[0][place]))
    assert "without the memory" not in report.to_text()
    bare = Snapshot(7, before.parameters, step=7, learning_rate=0.001)
    assert "without the memory" in health(network, x, y, snapshots=[bare]).to_text()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_flatness_of_every_activation(name: str) -> None:
    """Logistic and tanh are flat at both ends, identity and leaky relu at most at none."""
    flatness = flatness_of(name)
    assert flatness.has_two_ends is (name in {"logistic", "tanh"})
    slope = ACTIVATIONS[name].derivative
    ends = np.array([-20.0, 20.0])
    flat = np.abs(slope(ends, ACTIVATIONS[name].value(ends))) < flatness.limit
    expected = {"identity": [0, 0], "leaky_relu": [1, 0], "logistic": [1, 1], "tanh": [1, 1]}
    assert flat.tolist() == [bool(end) for end in expected.get(name, [1, 0])]


def test_weights_of_rows_count_and_rows_without_do_not() -> None:
    """Rows of weight zero are not looked at; weights change the gradient."""
    x, y = digits()
    network = fit(MLPClassifier((6,), max_iter=3, random_state=0), x, y)
    weight = np.r_[np.ones(300), np.zeros(300)]
    one = health(network, x, y, sample_weight=weight)
    two = health(network, x[:300], y[:300])
    assert one.last.layers[0].gradient_norm == pytest.approx(two.last.layers[0].gradient_norm)
    assert one.last.layers[0].signal == pytest.approx(two.last.layers[0].signal)
    uneven = health(network, x, y, sample_weight=np.linspace(0.1, 2, 600))
    assert uneven.last.layers[0].signal != health(network, x, y).last.layers[0].signal


def test_many_rows_are_sampled_and_said() -> None:
    """The same rows for the same seed; the note counts them."""
    x, y = digits()
    network = fit(MLPClassifier((6,), max_iter=3, random_state=0), x, y)
    one, two = (health(network, x, y, max_rows=50) for _ in range(2))
    assert one == two
    assert "50 of 600" in one.to_text()
    assert "Dropout" not in one.to_text()
    thinned = fit(MLPClassifier((6,), max_iter=3, dropout=0.5, random_state=0), x, y)
    assert "Dropout acts in the next step only." in health(thinned, x, y).to_text()
    assert health(network, x, y, max_rows=50, seed=1) != one


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sparse_rows_and_both_dtypes(dtype: str) -> None:
    """Figures are those of dense rows."""
    x, y = digits()
    network = fit(MLPClassifier((6,), max_iter=3, dtype=dtype, random_state=0), x, y)
    dense, thin = health(network, x, y), health(network, sparse.csr_matrix(x), y)
    assert dense.last.loss == pytest.approx(thin.last.loss)
    assert dense.last.layers[0].signal == pytest.approx(thin.last.layers[0].signal)


# Healthy networks


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "gelu"])
def test_no_false_alarm_with_defaults(activation: str, solver: str) -> None:
    """On breast cancer and digits nothing is found, at no epoch."""
    cancer = load_breast_cancer()
    for data in ((scale(cancer.data), cancer.target), digits()):
        network = MLPClassifier(activation=activation, solver=solver, max_iter=60, random_state=0)
        report = watch(network, (0, 1, 5, 20), data)
        assert report.findings == ()
        assert report.healthy
        assert report.verdict == (
            f"Nothing is wrong with the layers at any of {len(report.epochs)} epochs."
        )


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": (64, 32, 16)},
        {"hidden_layer_sizes": (20,) * 8, "activation": "tanh"},
        {"hidden_layer_sizes": (32,), "dropout": 0.3, "early_stopping": True},
        {"hidden_layer_sizes": (16,), "solver": "sgd", "batch_size": 1, "max_iter": 5},
        {"hidden_layer_sizes": (), "max_iter": 20},
        {"hidden_layer_sizes": (32, 32), "init": "he_normal", "activation": "elu"},
    ],
    ids=lambda parameters: "-".join(map(str, parameters)),
)
def test_no_false_alarm_with_other_sensible_networks(parameters: dict[str, Any]) -> None:
    """Deeper ones, dropout, single rows, no hidden layer."""
    given = {"max_iter": 40, "random_state": 0, **parameters}
    assert watch(MLPClassifier(**given)).findings == ()


def test_no_false_alarm_for_regression_codes_and_long_training() -> None:
    """A regressor, an autoencoder, and a tanh network trained until it is sure."""
    x, y = load_diabetes(return_X_y=True)
    regressor = MLPRegressor(hidden_layer_sizes=(30,), random_state=0)
    assert watch(regressor, (0, 10), (scale(x), scale(y))).findings == ()
    wine = scale(load_wine().data)
    coder = fit(MLPAutoencoder((8, 3, 8), activation="tanh", random_state=0), wine, None)
    assert health(coder, wine).findings == ()
    moons = make_moons(200, noise=0.1, random_state=0)
    sure = MLPClassifier(
        (8,), activation="tanh", learning_rate_init=0.05, max_iter=2000, tol=0, random_state=0
    )
    assert watch(sure, (0, 100), moons).findings == ()


# Ill networks


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_zero_weights_make_twins(activation: str) -> None:
    """All units are told to be alike, at every epoch, and random weights are the advice."""
    report = watch(MLPClassifier((10, 10), activation=activation, init="zeros", max_iter=20))
    finding = report.findings[0]
    assert finding.ailment == "identical units"
    assert finding.layers == ("hidden 1", "hidden 2")
    assert finding.epochs == tuple(moment.epoch for moment in report.epochs)
    assert "all 10 units" in finding.sentence
    assert 'init="auto"' in finding.advice
    assert not report.healthy
    assert {layer.identical for layer in report.last.layers[:-1]} == {10}
    if activation != "logistic":
        assert report.last.same_answer
        assert "same answer" in names(report)
        assert all(math.isnan(layer.update_ratio or 0) for layer in report.last.layers)


def test_dead_units_are_counted() -> None:
    """Those whose bias keeps them at 0; below 40 % they are no alarm."""
    x, y = digits()
    rng = np.random.default_rng(0)
    for n_dead, alarm in ((15, True), (5, False)):
        coefs = [rng.normal(0, 0.1, (64, 20)), rng.normal(0, 0.1, (20, 10))]
        biases = [np.r_[np.full(n_dead, -50.0), np.ones(20 - n_dead)], np.zeros(10)]
        report = watch(MLPClassifier((20,), init=(coefs, biases), max_iter=5, random_state=0))
        assert report.last.layers[0].dead == n_dead
        assert names(report) == ({"dead units"} if alarm else set())
    network = fit(MLPClassifier((20,), init=(coefs, biases), max_iter=5, random_state=0), x, y)
    strict = health(network, x, y, limits=HealthLimits(dead=0.2))
    assert "5 of 20 units are dead: 0 at every row" in strict.findings[0].sentence
    assert strict.limits.dead == 0.2


@pytest.mark.parametrize(("solver", "rate"), [("adam", 1.0), ("sgd", 10.0)], ids=["adam", "sgd"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_a_huge_rate_is_seen_before_and_after(activation: str, solver: str, rate: float) -> None:
    """At the start the step is too large; then units are dead or saturated."""
    network = MLPClassifier(
        (20, 20),
        activation=activation,
        solver=solver,
        learning_rate_init=rate,
        max_iter=20,
        random_state=0,
    )
    report = watch(network)
    large = next(finding for finding in report.findings if finding.ailment == "large updates")
    assert large.epochs[0] == 0
    assert "`learning_rate_init`" in large.advice
    assert names(report) >= {"dead units" if activation == "relu" else "saturated units"}
    assert not report.healthy
    assert network.score(*digits()) < 0.4


def test_large_inputs_saturate_and_standardising_is_the_first_advice() -> None:
    """A tanh layer on values up to 100 times as large."""
    x, y = digits()
    report = watch(MLPClassifier((20,), activation="tanh", random_state=0), data=(100 * x, y))
    assert names(report) == {"saturated units"}
    reach = np.sqrt(((100 * x) ** 2).mean(axis=0)).max()
    assert f"root mean square of {reach:.3g}: standardise it." in report.findings[0].advice
    raw = load_breast_cancer()
    unscaled = watch(MLPClassifier(random_state=0), data=(raw.data, raw.target))
    assert names(unscaled) == {"dead units"}
    assert "standardise it" in unscaled.findings[0].advice


def test_deep_logistic_networks_lose_their_gradient() -> None:
    """Six layers: the signal shrinks by more than a thousand; the slope is named."""
    report = watch(MLPClassifier((20,) * 6, activation="logistic", max_iter=10, random_state=0))
    assert names(report) == {"vanishing gradients"}
    assert report.last.signal_ratio < 1e-3
    assert "at most 1/4" in report.findings[0].advice
    signals = [layer.signal for layer in report.last.layers]
    assert signals == sorted(signals)
    tanh = watch(MLPClassifier((20,) * 6, activation="tanh", max_iter=10, random_state=0))
    assert tanh.findings == ()


def test_large_weights_make_gradients_explode() -> None:
    """Weights of size 1 in five layers of 60."""
    sizes, rng = [64, 60, 60, 60, 60, 10], np.random.default_rng(0)
    coefs = [rng.normal(0, 1, pair) for pair in itertools.pairwise(sizes)]
    biases = [np.zeros(size) for size in sizes[1:]]
    report = watch(MLPClassifier(sizes[1:-1], init=(coefs, biases), max_iter=5, random_state=0))
    assert names(report) == {"exploding gradients"}
    assert report.last.signal_ratio > 100
    assert "clip_norm" in report.findings[0].advice


@pytest.mark.parametrize("rate", [1e-7, 2e-5])
def test_a_tiny_rate_is_seen_while_the_loss_stands_still(rate: float) -> None:
    """Over the training, and from its end alone by its history; a finished one is no alarm."""
    x, y = digits()
    network = MLPClassifier(
        (20,), solver="sgd", learning_rate_init=rate, max_iter=60, random_state=0
    )
    report = watch(network)
    assert names(report) == {"small updates"}
    assert names(health(network, x, y)) == {"small updates"}
    assert "Raise `learning_rate_init`" in report.findings[0].advice


def test_rates_that_have_fallen_to_nothing_are_no_alarm() -> None:
    """At the end of a cosine the steps are tiny, and the loss has long fallen."""
    x, y = digits()
    network = MLPClassifier(
        (20,),
        solver="sgd",
        learning_rate="cosine",
        learning_rate_init=0.2,
        max_iter=60,
        random_state=0,
    )
    report = health(fit(network, x, y), x, y, limits=HealthLimits(small_update=1e-2))
    assert max(layer.update_ratio for layer in report.last.layers) < 1e-2
    assert report.findings == ()


def test_numbers_that_are_not_finite() -> None:
    """They are the only finding, whatever else they bring about."""
    x, y = digits()
    network = fit(MLPClassifier((20,), max_iter=3, random_state=0), x, y)
    network.coefs_[0][0, 0] = np.inf
    assert names(health(network, x, y)) == {"not finite"}


def test_what_is_over_is_told_as_over() -> None:
    """An ailment of the start that has gone does not make the network ill."""
    report = watch(
        MLPClassifier((20,) * 4, activation="logistic", max_iter=120, random_state=0),
        (0, 1, 5),
    )
    assert report.findings[0].ailment == "vanishing gradients"
    assert report.healthy
    assert report.present == ()
    assert "and not any more at the end" in report.findings[0].sentence
    assert report.verdict.endswith("earlier there were vanishing gradients.")


# The report


def test_report_in_text_markdown_json_and_html() -> None:
    """Verdict, findings with advice, a row a layer, a row an epoch, notes."""
    report = watch(MLPClassifier((10, 10), init="zeros", max_iter=5))
    text = report.to_text()
    assert text.startswith("Something is wrong after epoch 5: identical units")
    assert text.count("\nhidden ") == 2
    assert "weights are 0" in text
    assert "Rows: all 600." in text
    assert "first signal/last" in text
    assert "| hidden 1 | relu | 10 |" in report.to_markdown()
    loaded = json.loads(json.dumps(report.to_dict()))
    assert loaded["healthy"] is False
    assert loaded["epochs"][0]["layers"][0]["update_ratio"] is None
    assert str(report) == text
    assert "<li>In hidden 1 all 10 units" in report._repr_html_()


def test_a_network_that_was_only_initialised_and_one_from_lbfgs() -> None:
    """The first is looked at before any step; the second has no single step."""
    x, y = digits()
    start = health(MLPClassifier((9,), random_state=0).initialize(x, y), x, y)
    assert (start.last.epoch, start.healthy) == (0, True)
    assert "one of adam on 200" in start.to_text()
    assert start.verdict == "Nothing is wrong with the layers now."
    second = fit(MLPClassifier((9,), solver="lbfgs", max_iter=5), x, y)
    report = health(second, x, y)
    assert {layer.update_ratio for layer in report.last.layers} == {None}
    assert "no single step" in report.to_text()


def test_what_cannot_be_looked_at_is_refused_in_a_sentence() -> None:
    """A pipeline, no rows, no snapshots, snapshots of another network."""
    x, y = digits()
    network = fit(MLPClassifier((6,), max_iter=2, random_state=0), x, y)
    with pytest.raises(ParameterError, match=r"got Pipeline.*pipeline\[-1\]"):
        health(make_pipeline(StandardScaler(), network), x, y)
    with pytest.raises(ParameterError, match="`max_rows`"):
        health(network, x, y, max_rows=0)
    with pytest.raises(ParameterError, match="got none"):
        health(network, x, y, snapshots=Snapshots())
    with pytest.raises(ParameterError, match=r"460 each; got one of shape \(3,\)"):
        health(network, x, y, snapshots=[Snapshot(0, np.zeros(3))])


def test_display_shows_the_figures_of_the_report() -> None:
    """A line an epoch over the layers; zeros at the foot; of many epochs seven."""
    report = watch(MLPClassifier((6, 5), max_iter=12, random_state=0), range(12))
    display = LayerHealthDisplay.from_report(report)
    assert len(display.moments) == 7
    assert (display.moments[0].epoch, display.moments[-1].epoch) == (0, 12)
    assert display.signal[-1].tolist() == [layer.signal for layer in report.last.layers]
    axes = display.plot().ax_
    assert axes[2].get_lines()[6].get_ydata().tolist() == display.signal[-1].tolist()
    assert axes[3].get_lines()[0].get_ydata().tolist() == display.update_ratio[0].tolist()
    zeros = watch(MLPClassifier((6,), init="zeros", max_iter=2))
    signal = LayerHealthDisplay.from_report(zeros).plot().ax_[2]
    feet = [line for line in signal.get_lines() if line.get_marker() == "v"]
    assert feet
    assert feet[0].get_xdata().tolist() == [0]
