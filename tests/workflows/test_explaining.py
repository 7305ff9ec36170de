"""Explanations of saved models, and worked examples to the digits of the requirements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlplab
from mlplab import workflows
from mlplab.errors import DataError, StudyError
from mlplab.results import RunResult
from mlplab.workflows.study_file import parse_study

STUDIES = Path(__file__).parents[2] / "studies"


def test_relu_example_comes_out_to_the_digits() -> None:
    """Row C7: weights after the second and the third sample, to six digits."""
    found = workflows.trace(STUDIES / "by-hand-relu.toml")
    second = {"w₁": 1.058328, "w₂": 1.058703, "b₁": 0.039164, "b₂": 0.038788}
    third = {"w₁": 1.107824, "w₂": 1.108792, "b₁": 0.055662, "b₂": 0.054372}
    for step, values in ((2, second), (3, third)):
        for symbol, value in values.items():
            assert found.value(symbol, step=step) == pytest.approx(value, abs=5e-7)


def test_2_2_1_example_shows_every_number() -> None:
    """Row B2: sums, values, errors, nine derivatives and nine updates, checked by formula."""
    found = workflows.trace(STUDIES / "by-hand-2-2-1.toml")
    g = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    a1, a2 = 0.1 + 0.1 - 0.1, -0.1 + 0.3 + 0.2
    z1, z2 = g(a1), g(a2)
    z3 = g(0.2 + 0.5 * z1 - 0.6 * z2)
    d3 = z3 - 1
    d1, d2 = z1 * (1 - z1) * 0.5 * d3, z2 * (1 - z2) * -0.6 * d3
    expected = {"a₁": a1, "a₂": a2, "z₁": z1, "z₂": z2, "z₃": z3, "δ₁": d1, "δ₂": d2, "δ₃": d3}
    gradient = [d1, d1, d1 * 0.5, d2, d2, d2 * 0.5, d3, d3 * z1, d3 * z2]
    names = ["w₁₀", "w₁₁", "w₁₂", "w₂₀", "w₂₁", "w₂₂", "w₃₀", "w₃₁", "w₃₂"]
    expected |= {f"∂E/∂{name}": value for name, value in zip(names, gradient, strict=True)}
    for symbol, value in expected.items():
        assert found.value(symbol) == pytest.approx(value), symbol
    before = dict(found.initial)
    for name, value in zip(names, gradient, strict=True):
        assert dict(found.final)[name] == pytest.approx(before[name] - 0.1 * value)


TRACES = {
    "a row too short": ("weights = [[[1.0]], [[1.0]]]", "weights = [[[1.0, 2.0]], [[1.0]]]"),
    "a layer too few": ("weights = [[[1.0]], [[1.0]]]", "weights = [[[1.0]]]"),
    "targets missing": ("targets = [[3.0], [4.0], [5.0]]", "targets = [[3.0]]"),
    "no such loss": ('loss = "squared_error"', 'loss = "squared_eror"'),
    "no such activation": ('activation = "relu"', 'activation = "rleu"'),
}


@pytest.mark.parametrize("name", TRACES)
def test_parts_of_a_trace_must_fit(name: str) -> None:
    """What does not fit together is named, with what would."""
    text = (STUDIES / "by-hand-relu.toml").read_text()
    assert TRACES[name][0] in text
    with pytest.raises(StudyError, match="must"):
        workflows.trace(parse_study(text.replace(*TRACES[name])))


def test_study_without_trace_and_trace_without_data_are_told_apart() -> None:
    """Each verb says which table it needs."""
    with pytest.raises(StudyError, match=r"must have a table \[trace\]"):
        workflows.trace(parse_study('[data]\nsource = "iris"'))
    with pytest.raises(StudyError, match="only traces"):
        workflows.run(STUDIES / "by-hand-relu.toml", out=None)


def test_description_tells_network_preparation_choices_and_engine(mixed_run: RunResult) -> None:
    """Everything about a model is told from its file alone."""
    found = workflows.describe(mixed_run.folder)
    text = found.to_text()
    assert found.network.n_parameters == sum(
        coef.size for coef in mixed_run.model.estimator.coefs_
    ) + sum(bias.size for bias in mixed_run.model.estimator.intercepts_)
    for part in (
        *("64, 32", f"{mixed_run.fit.engine} engine", "colour"),
        *("Every row holds", "answer (2 classes"),
    ):
        assert part in text


def test_gradients_of_every_kind_of_model_agree(
    mixed_run: RunResult, diabetes_run: RunResult
) -> None:
    """Derivatives are right on drawn rows and on rows that are passed."""
    assert workflows.check(mixed_run.folder).passed
    assert "drawn at random" in workflows.check(mixed_run.folder).notes[-1]
    found = workflows.check(diabetes_run.folder, "diabetes")
    assert found.passed
    assert "were passed" in found.notes[-1]


def test_gradients_of_bare_estimators_agree(seed: int) -> None:
    """Several labels, several outputs and codes are drawn a fitting batch."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 3))
    options = {"hidden_layer_sizes": (4,), "solver": "lbfgs", "max_iter": 300, "random_state": 0}
    models = [
        mlplab.MLPClassifier(**options).fit(X, (X[:, :2] > 0).astype(int)),
        mlplab.MLPClassifier(**options).fit(X, X[:, 0] > 0),
        mlplab.MLPRegressor(**options).fit(X, X[:, :2]),
        mlplab.MLPAutoencoder((2,), solver="lbfgs", max_iter=2000, random_state=0).fit(X),
    ]
    for model in models:
        assert workflows.check(model).passed
        assert workflows.describe(model).kind == type(model).__name__


def test_check_needs_rows_with_a_target(iris_run: RunResult) -> None:
    """A table without the target is answered as evaluate does."""
    rows = mlplab.data.load("iris").frame.drop(columns="species")
    with pytest.raises(DataError, match="must hold the target 'species' to be checked"):
        workflows.check(iris_run.folder, rows)
