"""The gradient check: right derivatives pass, wrong ones fail loudly, kinks are neither."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from mlplab import nn
from mlplab.engines import TrainingData, TrainingPlan
from mlplab.errors import DataError, ParameterError
from mlplab.explain import PosesProblem, gradient_check
from mlplab.explain.differences import Scales, measure
from mlplab.optim import SGD, Constant

PAIRS = ((0.5, 2.0), (1.0, 3.0), (1.5, 0.25))
LOSSES = {
    "absolute": nn.AbsoluteError(),
    "binary": nn.BinaryCrossEntropy(),
    "binary_smooth_weighted": nn.BinaryCrossEntropy(label_smoothing=0.1, label_weights=PAIRS),
    "binary_focal": nn.BinaryFocal(label_weights=PAIRS),
    "binary_hinge": nn.BinaryHinge(label_weights=PAIRS),
    "categorical": nn.CategoricalCrossEntropy(),
    "categorical_groups": nn.CategoricalCrossEntropy(groups=(2, 1), label_smoothing=0.2),
    "categorical_focal": nn.CategoricalFocal(),
    "categorical_hinge": nn.CategoricalHinge(),
    "huber": nn.Huber(delta=0.7),
    "poisson": nn.Poisson(),
    "probability_logistic": nn.ProbabilitySquaredError(),
    "probability_softmax": nn.ProbabilitySquaredError(link="softmax"),
    "squared": nn.SquaredError(),
}


def make_data(n_rows: int, n_features: int, n_outputs: int, seed: int) -> TrainingData:
    """Return random rows of one class each."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, n_outputs, n_rows)
    return TrainingData(rng.normal(size=(n_rows, n_features)), np.eye(n_outputs)[classes])


def make_plan(activation: str = "tanh", loss: nn.Loss | None = None, **more: Any) -> TrainingPlan:
    """Return a plan for a 3-4-3-3 network."""
    network = nn.multilayer(3, [4, 3], 3, activation, more.pop("dropout", 0.0))
    return TrainingPlan(network, loss or nn.SquaredError(), SGD(), Constant(0.1), **more)


def break_derivative(monkeypatch: pytest.MonkeyPatch, name: str, factor: float) -> None:
    """Put a wrong derivative in the place of the right one."""
    right = nn.ACTIVATIONS[name]
    wrong = dataclasses.replace(right, derivative=lambda z, a: factor * right.derivative(z, a))
    monkeypatch.setitem(nn.ACTIVATIONS, name, wrong)


@pytest.mark.parametrize("activation", sorted(nn.ACTIVATIONS))
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_and_activation_passes(loss: str, activation: str, seed: int) -> None:
    """Each loss with each activation agrees at 1e-7 through dropout, penalties and weights."""
    rng = np.random.default_rng(seed)
    data = make_data(6, 3, 3, seed)
    if loss == "categorical_groups":
        # Each group of columns is one class variable: its targets sum to one.
        data.target[:, 1] = 1 - data.target[:, 0]
        data.target[:, 2] = 1
    data = dataclasses.replace(data, weight=rng.uniform(0.2, 2, 6))
    penalties = nn.Penalties(l1=0.03, l2=0.5)
    plan = make_plan(activation, LOSSES[loss], penalties=penalties, dropout=0.3, dropout_seed=5)
    report = gradient_check(plan, data=data, seed=seed)
    assert report.passed, report.to_text()
    assert [row.array for row in report.rows] == ["weight", "bias"] * 3
    assert all(row.n_checked == row.n_parameters for row in report.rows)


def test_every_loss_is_in_the_table() -> None:
    """A new loss has to join the table above."""
    classes = {
        value
        for name in nn.__all__
        if isinstance(value := getattr(nn, name), type) and hasattr(value, "reported_scale")
    } - {nn.Loss}
    assert classes == {type(loss) for loss in LOSSES.values()}


@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic", "elu"])
@pytest.mark.parametrize("factor", [-2.0, 0.0, 0.5, 1.00001])
def test_wrong_derivative_fails(
    activation: str, factor: float, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A derivative wrong in the fifth digit fails in the layers below it, and only there."""
    break_derivative(monkeypatch, activation, factor)
    report = gradient_check(make_plan(activation), data=make_data(20, 3, 3, seed), seed=seed)
    assert not report.passed
    assert [row.passed for row in report.rows] == [False] * 4 + [True] * 2
    assert "failed for weight of hidden 1, bias of hidden 1" in report.verdict
    failed = report.rows[0]
    assert failed.verdict.startswith(f"differs: {failed.worst} is {failed.worst_analytic:.6g} by")
    assert failed.n_checked == failed.n_parameters


def test_relative_difference_of_0_026_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The figure that a source document took for a success is reported and called a failure."""
    break_derivative(monkeypatch, "tanh", (1 + 0.026) / (1 - 0.026))
    plan = TrainingPlan(nn.multilayer(3, [5], 1, "tanh"), nn.SquaredError(), SGD(), Constant(0.1))
    report = gradient_check(plan, data=make_data(9, 3, 1, seed), seed=seed)
    assert report.rows[0].relative == pytest.approx(0.026, rel=1e-6)
    assert not report.passed


def test_wrong_loss_fails_everywhere(seed: int) -> None:
    """The gradient of (raw − y)² does not pass for that of ½(raw − y)²."""

    class Doubled(nn.SquaredError):
        def gradient(self, raw: Any, target: Any) -> Any:
            return 2 * (raw - target)

    report = gradient_check(make_plan(loss=Doubled()), data=make_data(8, 3, 3, seed), seed=seed)
    assert not any(row.passed for row in report.rows)
    assert report.rows[0].relative == pytest.approx(1 / 3, rel=1e-6)


def test_forgotten_penalty_fails_for_weights_only(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A penalty without its gradient is noticed at the weights; biases are exempt."""
    monkeypatch.setattr(nn.Penalties, "gradient", lambda *_: 0.0)
    plan = make_plan(penalties=nn.Penalties(l2=0.5))
    report = gradient_check(plan, data=make_data(8, 3, 3, seed), seed=seed)
    assert [row.passed for row in report.rows] == [False, True] * 3


def test_dropout_without_its_mask_fails(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """A pullback that forgets the mask is noticed below the dropout layer."""
    right = nn.Dropout.forward

    def forward(self: nn.Dropout, parameters: Any, x: Any, context: Any) -> Any:
        return right(self, parameters, x, context)[0], lambda d_value: (d_value, [])

    monkeypatch.setattr(nn.Dropout, "forward", forward)
    report = gradient_check(make_plan(dropout=0.4), data=make_data(9, 3, 3, seed), seed=seed)
    assert [row.passed for row in report.rows] == [False] * 4 + [True] * 2


def relu_at(z: float, **more: Any) -> tuple[TrainingPlan, TrainingData, Any]:
    """One relu unit whose only sum is z, in front of a clear error."""
    plan = TrainingPlan(
        nn.multilayer(1, [1], 1, "relu"), nn.SquaredError(), SGD(), Constant(0.1), **more
    )
    return plan, TrainingData(np.ones((1, 1)), np.ones((1, 1))), np.array([z, 0.0, 1.0, 5.0])


@pytest.mark.parametrize("z", [1.9e-3, -1e-3, 3e-4, -2e-5, 8.8889e-4])
def test_kink_within_the_step_shrinks_it(z: float) -> None:
    """Near the kink of relu the step is shrunk, the right derivative passes, the words say so."""
    plan, data, parameters = relu_at(z)
    report = gradient_check(plan, data=data, parameters=parameters)
    assert report.passed, report.to_text()
    bias = report.rows[1]
    assert (bias.n_checked, bias.n_refined, bias.n_left_out) == (1, 1, 0)
    assert "a kink or sharp bend lies within the usual one" in bias.verdict
    assert any("relu" in note for note in report.notes)


@pytest.mark.parametrize("z", [1.9e-3, -1e-3, 3e-4, 8.8889e-4])
def test_wrong_derivative_near_a_kink_still_fails(
    z: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kink is no excuse: with the derivatives of the two sides exchanged the check fails."""
    right = nn.ACTIVATIONS["relu"]
    wrong = dataclasses.replace(right, derivative=lambda z, _: (z <= 0).astype(z.dtype))
    monkeypatch.setitem(nn.ACTIVATIONS, "relu", wrong)
    plan, data, parameters = relu_at(z)
    report = gradient_check(plan, data=data, parameters=parameters)
    assert not report.rows[0].passed
    assert report.rows[0].n_checked == 1


def test_entry_on_a_kink_is_left_out_and_said() -> None:
    """Where every entry of an array sits on a kink nothing was checked, so it has not passed."""
    plan, data, parameters = relu_at(0.0)
    report = gradient_check(plan, data=data, parameters=parameters)
    bias = report.rows[1]
    assert (bias.n_checked, bias.n_left_out, bias.passed) == (0, 1, False)
    assert bias.verdict == "not checked: a kink lies within every step at each of its entries"
    assert not report.passed
    assert report.to_dict()["rows"][1]["worst_analytic"] is None


def test_some_entries_on_a_kink_do_not_spoil_the_others() -> None:
    """With one dead-centre unit among live ones its entries are left out and the rest passes."""
    plan = TrainingPlan(nn.multilayer(1, [3], 1, "relu"), nn.SquaredError(), SGD(), Constant(0.1))
    data = TrainingData(np.ones((1, 1)), np.full((1, 1), 9.0))
    parameters = plan.network.pack([[[0.0, 1, 2]], [0.0, 0.5, 0.5], [[1.0], [1], [1]], [0.0]])
    report = gradient_check(plan, data=data, parameters=parameters)
    assert report.passed
    assert (report.rows[1].n_checked, report.rows[1].n_left_out) == (2, 1)
    assert "1 left out" in report.rows[1].verdict


def test_few_comparable_entries_are_inconclusive() -> None:
    """An array of which most entries sit on a kink has not passed, and the verdict says why."""
    plan = TrainingPlan(nn.multilayer(1, [5], 1, "relu"), nn.SquaredError(), SGD(), Constant(0.1))
    data = TrainingData(np.ones((1, 1)), np.full((1, 1), 9.0))
    parameters = plan.network.pack([[[0.0, 0, 0, 1, 2]], [0.0, 0, 0, 1, 1], [[1.0]] * 5, [0.0]])
    report = gradient_check(plan, data=data, parameters=parameters)
    bias = report.rows[1]
    assert (bias.n_checked, bias.passed, bias.inconclusive) == (2, False, True)
    assert bias.verdict.startswith("inconclusive: only 2 of 5 agree")
    assert not report.passed
    assert "is inconclusive for weight of hidden 1, bias of hidden 1" in report.verdict


def test_huber_has_a_derivative_everywhere() -> None:
    """Only losses whose slope jumps are named among the sources of kinks."""
    data = make_data(4, 3, 3, 0)
    notes = {
        loss.name: " ".join(gradient_check(make_plan(loss=loss), data=data).notes)
        for loss in (nn.Huber(), nn.AbsoluteError())
    }
    assert "without a derivative" not in notes["huber"]
    assert "come from the loss absolute_error" in notes["absolute_error"]


@given(
    kink=st.floats(-5e-3, 5e-3),
    slopes=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    curvature=st.floats(-1, 1),
    expected=st.floats(-2, 2),
)
def test_measured_derivative_is_right_wherever_the_kink_lies(
    kink: float, slopes: tuple[float, float], curvature: float, expected: float
) -> None:
    """Whatever was expected, a trusted difference is the derivative on the point's own side."""
    left, right = slopes

    def along(t: float) -> float:
        return (right if t > kink else left) * (t - kink) + curvature * t * t

    scales = Scales(noise=1e-16, derivative=1.0, tolerance=1e-7)
    found = measure(along, expected, scales)
    true = right if kink < 0 else left
    near = abs(kink) < 1e-7 and left != right
    limit = 1e-6 + found.rounding
    if found.trusted and not near and abs(found.derivative - expected) > limit:
        assert abs(found.derivative - true) <= limit
    assert found.trusted or abs(kink) < 1e-6


def test_saturated_units_agree_within_rounding() -> None:
    """Derivatives of almost zero agree although their relative difference is large."""
    plan = TrainingPlan(
        nn.multilayer(1, [1], 1, "logistic"), nn.SquaredError(), SGD(), Constant(0.1)
    )
    data = TrainingData(np.ones((1, 1)), np.zeros((1, 1)))
    report = gradient_check(plan, data=data, parameters=np.array([33.0, 0.0, 1.0, 3.0]))
    assert report.passed
    assert report.rows[0].verdict.startswith("agrees within rounding")


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e3, 1e6])
def test_scale_of_the_data_does_not_matter(
    scale: float, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Targets in any unit pass, and a wrong derivative fails in any unit."""
    network = nn.multilayer(3, [4], 1, "tanh")
    plan = TrainingPlan(network, nn.SquaredError(), SGD(), Constant(0.1))
    rng = np.random.default_rng(seed)
    parameters = nn.draw_parameters(network, "auto", rng)
    parameters[network.slots[2].start :] *= scale
    data = TrainingData(rng.normal(size=(7, 3)), scale * rng.normal(size=(7, 1)))
    assert gradient_check(plan, data=data, parameters=parameters).passed
    break_derivative(monkeypatch, "tanh", 1.001)
    assert not gradient_check(plan, data=data, parameters=parameters).passed


def test_large_network_is_sampled(seed: int) -> None:
    """Of a large network a sample of each array and a random direction are checked, and said."""
    network = nn.multilayer(60, [80, 30], 4, "relu")
    plan = TrainingPlan(network, nn.CategoricalCrossEntropy(), SGD(), Constant(0.1))
    report = gradient_check(plan, data=make_data(300, 60, 4, seed), seed=seed, max_rows=50)
    assert report.passed, report.to_text()
    assert [row.n_checked for row in report.rows] == [20, 20, 20, 20, 20, 4, 1]
    assert (report.rows[-1].layer, report.rows[-1].array) == ("all layers", "direction")
    assert any("7,434 parameters: at most 20 of each array" in note for note in report.notes)
    assert any("50 of 300, at random" in note for note in report.notes)


def test_sampled_check_finds_a_wrong_derivative(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """The sample and the direction both notice a wrong derivative."""
    break_derivative(monkeypatch, "tanh", 1.01)
    report = gradient_check(
        make_plan(), data=make_data(8, 3, 3, seed), max_parameters=10, seed=seed
    )
    assert [row.passed for row in report.rows] == [False] * 4 + [True] * 2 + [False]


def test_sampling_is_repeatable(seed: int) -> None:
    """The same seed gives the same report."""
    plan, data = make_plan(), make_data(30, 3, 3, seed)
    first, second = (
        gradient_check(plan, data=data, max_parameters=10, max_rows=5, seed=3) for _ in range(2)
    )
    assert first == second


def test_rows_of_no_weight_are_not_drawn(seed: int) -> None:
    """A sample of rows takes only rows that count."""
    data = make_data(40, 3, 3, seed)
    weight = np.zeros(40)
    weight[7] = 2.0
    report = gradient_check(
        make_plan(), data=dataclasses.replace(data, weight=weight), max_rows=5, seed=seed
    )
    assert report.passed
    assert any("1 of 40" in note for note in report.notes)


def test_sparse_rows_and_single_precision(seed: int) -> None:
    """Sparse float32 rows are checked in float64."""
    data = make_data(10, 3, 3, seed)
    data = TrainingData(sparse.csr_matrix(data.x.astype("float32")), data.target.astype("float32"))
    report = gradient_check(make_plan(dtype="float32"), data=data, seed=seed)
    assert report.passed
    assert any("float32" in note for note in report.notes)


class Model:
    """What an estimator looks like to this room."""

    def training_problem(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Return plan, data and parameters."""
        plan = make_plan()
        parameters = nn.draw_parameters(plan.network, "auto", np.random.default_rng(1))
        return plan, TrainingData(X, y, sample_weight), parameters


def test_model_is_asked_for_its_problem(seed: int) -> None:
    """Anything with `training_problem` can be checked, at its own parameters."""
    data = make_data(6, 3, 3, seed)
    assert isinstance(Model(), PosesProblem)
    weight = np.arange(1.0, 7.0)
    from_model = gradient_check(Model(), data.x, data.target, sample_weight=weight)
    plan, rows, parameters = Model().training_problem(data.x, data.target, weight)
    assert from_model == gradient_check(plan, data=rows, parameters=parameters)
    assert from_model.passed


@pytest.mark.parametrize("kind", ["classifier", "regressor", "autoencoder"])
def test_fitted_estimators_pass(kind: str) -> None:
    """Fitted estimators pass on real data, penalties, dropout and weights included."""
    from sklearn.datasets import load_diabetes, load_wine

    from mlplab.estimators import MLPAutoencoder, MLPClassifier, MLPRegressor

    X, y = (load_diabetes if kind == "regressor" else load_wine)(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    settings = {"max_iter": 3, "random_state": 0, "tol": 0.0}
    estimator = {
        "classifier": MLPClassifier((8,), class_weight="balanced", dropout=0.2, **settings),
        "regressor": MLPRegressor(hidden_layer_sizes=(8, 4), alpha=0.1, l1=0.01, **settings),
        "autoencoder": MLPAutoencoder((6, 3, 6), activation="tanh", **settings),
    }[kind]
    with pytest.warns(UserWarning, match="(?i)converge"):
        estimator.fit(X, y)
    report = gradient_check(estimator, X, None if kind == "autoencoder" else y)
    assert report.passed, report.to_text()


def test_report_is_written_in_every_form(seed: int) -> None:
    """Text, Markdown, HTML and JSON hold the verdicts; text has one line a row."""
    report = gradient_check(make_plan(), data=make_data(6, 3, 3, seed), seed=seed)
    assert "The gradient check passed: 43 derivatives compared" in report.to_text()
    assert str(report) == report.to_text()
    rows = [line for line in report.to_markdown().splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 6
    assert report._repr_html_().count("<tr>") == 1 + 6
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["passed"] is True
    assert len(found["rows"]) == 6
    assert all(row["verdict"].startswith("agrees to 1e-") for row in found["rows"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "`data` must be given with a plan"),
        ({"data": make_data(3, 3, 3, 0), "X": np.ones((3, 3))}, "`data` must be given with a plan"),
        ({"data": make_data(3, 3, 3, 0), "tolerance": 0.0}, "`tolerance` must be positive"),
        ({"data": make_data(3, 3, 3, 0), "parameters": np.ones(4)}, "vector of 43 numbers"),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict[str, Any], words: str) -> None:
    """A plan without rows, rows twice and wrong sizes are told in words."""
    with pytest.raises(ParameterError, match=words):
        gradient_check(make_plan(), **arguments)


def test_models_need_rows_and_a_problem() -> None:
    """An estimator without X, and something else than an estimator, are told in words."""
    with pytest.raises(ParameterError, match="`X` and `y` must be given"):
        gradient_check(Model())
    with pytest.raises(ParameterError, match="must be a TrainingPlan or an estimator"):
        gradient_check("model", np.ones((2, 2)), np.ones(2))  # type: ignore[arg-type]  # on purpose


def test_rows_that_cannot_be_checked() -> None:
    """Missing values and rows without weight are told in words."""
    data = make_data(3, 3, 3, 0)
    broken = dataclasses.replace(data, x=np.full((3, 3), np.nan))
    with pytest.raises(DataError, match="must be finite"):
        gradient_check(make_plan(), data=broken)
    with pytest.raises(DataError, match="positive sum"):
        gradient_check(make_plan(), data=dataclasses.replace(data, weight=np.zeros(3)))
