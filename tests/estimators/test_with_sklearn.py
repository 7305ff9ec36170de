"""Networks go to scikit-learn and come from there: same predictions, and training goes on."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network as theirs
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.estimators.problems import load_problem

import mlplab
from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.errors import ExportError, ParameterError
from mlplab.optim import SGD, AdamW

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
KINDS = ("binary", "multiclass", "multilabel", "regression", "multioutput", "poisson")
SOLVERS: dict[str, dict[str, Any]] = {
    "adam": {"solver": "adam"},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 0.01},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "nesterovs_momentum": False},
    "plain": {"solver": "sgd", "momentum": 0.0},
    "early": {"solver": "adam", "early_stopping": True},
    "lbfgs": {"solver": "lbfgs"},
}


def network(room: Any, kind: str, **parameters: Any) -> Any:
    """Return an unfitted network of scikit-learn or mlplab for a problem."""
    problem = load_problem(kind)
    settings = {"hidden_layer_sizes": (6, 4), "max_iter": 12, "random_state": 0, **parameters}
    if problem.classifies:
        return room.MLPClassifier(**settings)
    return room.MLPRegressor(loss=problem.loss, **settings)


def same(one: Any, other: Any, X: Any, limit: float = 1e-12) -> None:
    """Compare predictions, probabilities included."""
    found, wanted = (np.asarray(model.predict(X), dtype=float) for model in (one, other))
    np.testing.assert_allclose(found, wanted, limit, limit)
    if hasattr(one, "predict_proba"):
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), 0, limit)


def go_on(model: Any, X: Any, y: Any) -> Any:
    """Train three epochs more."""
    for _ in range(3):
        model.partial_fit(X, y)
    return model


def same_weights(one: Any, other: Any) -> None:
    """Compare all weights and biases."""
    for name in ("coefs_", "intercepts_"):
        for mine, yours in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_allclose(mine, yours, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_theirs_become_ours_and_train_on_alike(kind: str, solver: str) -> None:
    """Predictions are the same, and `partial_fit` does what theirs would do."""
    problem = load_problem(kind)
    model = network(theirs, kind, **SOLVERS[solver]).fit(problem.X, problem.y)
    ours = mlplab.from_sklearn(model)
    same(ours, model, problem.X)
    assert ours.loss_curve_ == pytest.approx(getattr(model, "loss_curve_", []))
    assert ours.get_params()["solver"] == model.solver
    if solver not in {"lbfgs", "early"}:
        same_weights(go_on(ours, problem.X, problem.y), go_on(model, problem.X, problem.y))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_ours_become_theirs_and_train_on_alike(kind: str, solver: str) -> None:
    """Predictions are the same, also after pickling, and `partial_fit` does what ours would do."""
    problem = load_problem(kind)
    ours = network(mlplab, kind, **SOLVERS[solver]).fit(problem.X, problem.y)
    model = pickle.loads(pickle.dumps(ours.to_sklearn()))  # noqa: S301  (our own bytes)
    assert type(model).__module__.startswith("sklearn.")
    same(model, ours, problem.X)
    assert model.score(problem.X, problem.y) == pytest.approx(ours.score(problem.X, problem.y))
    if solver not in {"lbfgs", "early"}:
        same_weights(go_on(model, problem.X, problem.y), go_on(ours, problem.X, problem.y))
    again = mlplab.from_sklearn(model)
    same(again, model, problem.X)


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "lbfgs"])
def test_warm_starts_go_on_alike(solver: str) -> None:
    """A second fit from the first's weights ends alike on both sides."""
    problem = load_problem("multiclass")
    settings = {**SOLVERS[solver], "warm_start": True}
    model = network(theirs, "multiclass", **settings).fit(problem.X, problem.y)
    ours = mlplab.from_sklearn(model)
    back = ours.to_sklearn()
    for one in (model, ours, back):
        one.fit(problem.X, problem.y)
    same_weights(ours, model)
    same_weights(back, model)


def test_words_names_and_float32_come_along() -> None:
    """Classes of text, names of features and the precision are kept."""
    problem = load_problem("multiclass")
    frame = pd.DataFrame(problem.X.astype(np.float32), columns=list("abcd"))
    y = np.array(["iris", "lily", "rose"])[problem.y]
    model = theirs.MLPClassifier((3,), max_iter=3, random_state=0).fit(frame, y)
    ours = mlplab.from_sklearn(model)
    assert ours.coefs_[0].dtype == np.float32
    assert ours.predict(frame).tolist() == model.predict(frame).tolist()
    assert ours.feature_names_in_.tolist() == list("abcd")
    back = ours.to_sklearn()
    assert back.classes_.tolist() == ["iris", "lily", "rose"]
    assert back.predict(frame).tolist() == model.predict(frame).tolist()
    two = theirs.MLPClassifier((3,), max_iter=3).fit(frame, y == "rose")
    assert mlplab.from_sklearn(two).to_sklearn().predict(frame).dtype == bool


def test_the_other_steps_of_a_pipeline_stay() -> None:
    """Only the network is replaced, in a new pipeline."""
    problem = load_problem("regression")
    inner = make_pipeline(
        StandardScaler(), theirs.MLPRegressor(hidden_layer_sizes=(3,), max_iter=3)
    )
    model = make_pipeline(StandardScaler(), inner).fit(problem.X, problem.y)
    ours = mlplab.from_sklearn(model)
    assert ours[0] is model[0]
    assert ours[1][0] is model[1][0]
    assert isinstance(ours[1][1], MLPRegressor)
    assert isinstance(model[1][1], theirs.MLPRegressor)
    same(ours, model, problem.X)


def test_what_is_not_fitted_stays_so() -> None:
    """An unfitted network has the same parameters here."""
    ours = mlplab.from_sklearn(theirs.MLPClassifier((5,), alpha=0.5))
    assert (ours.hidden_layer_sizes, ours.alpha) == ((5,), 0.5)
    assert not hasattr(ours, "coefs_")


def test_a_copy_is_a_copy() -> None:
    """Training one on does not move the other."""
    problem = load_problem("multiclass")
    model = network(theirs, "multiclass").fit(problem.X, problem.y)
    before = model.predict_proba(problem.X)
    ours = go_on(mlplab.from_sklearn(model), problem.X, problem.y)
    np.testing.assert_array_equal(model.predict_proba(problem.X), before)
    after = ours.predict_proba(problem.X)
    go_on(ours.to_sklearn(), problem.X, problem.y)
    np.testing.assert_array_equal(ours.predict_proba(problem.X), after)


class Derived(theirs.MLPClassifier):
    """Predicts in a way of its own."""


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (StandardScaler(), "got StandardScaler"),
        (MLPClassifier(), "of scikit-learn"),
        (Derived(), "got Derived"),
        (make_pipeline(StandardScaler()), "got a Pipeline of StandardScaler"),
    ],
)
def test_what_is_no_network_of_theirs_is_refused(model: Any, words: str) -> None:
    """The message says what was received."""
    with pytest.raises(ParameterError, match=words):
        mlplab.from_sklearn(model)


def test_a_search_is_asked_for_its_best() -> None:
    """The message says where the network is."""
    problem = load_problem("multiclass")
    search = GridSearchCV(theirs.MLPClassifier((2,), max_iter=2), {"alpha": [1, 2]}, cv=2)
    with pytest.raises(ParameterError, match="best_estimator_"):
        mlplab.from_sklearn(search.fit(problem.X, problem.y))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"activation": "mish"}, "activation 'mish'"),
        ({"activation": ["relu", "tanh"]}, "differ from layer to layer"),
        ({"loss": "focal"}, "loss 'focal'"),
        ({"loss": "hinge"}, "loss 'hinge'"),
        ({"loss": "squared_error"}, "loss 'probability_squared_error'"),
    ],
)
def test_what_they_lack_is_named(parameters: dict[str, Any], words: str) -> None:
    """There is no silent substitute."""
    problem = load_problem("multiclass")
    ours = network(mlplab, "multiclass", **parameters).fit(problem.X, problem.y)
    with pytest.raises(ExportError, match=words):
        ours.to_sklearn()
    if "loss" in parameters:
        return
    two = np.stack([problem.y, problem.y], axis=1)
    with pytest.raises(ExportError, match="several class variables"):
        network(mlplab, "multiclass").fit(problem.X, two).to_sklearn()
    huber = MLPRegressor("huber", (3,), max_iter=2).fit(problem.X, problem.y)
    with pytest.raises(ExportError, match="loss 'huber'"):
        huber.to_sklearn()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"dropout": 0.2}, r"dropout=0\.2\. Predictions are the same"),
        ({"dropout": [0.0, 0.1], "l1": 0.1}, r"l1=0\.1, dropout=\[0\.0, 0\.1\]"),
        ({"solver": "nadam", "learning_rate": "cosine"}, r"solver='nadam', learning_rate='cosine'"),
        ({"solver": AdamW(0.8), "weight_decay": 0.1}, r"weight_decay=0\.1, solver=AdamW"),
        ({"class_weight": "balanced", "label_smoothing": 0.1}, "label_smoothing"),
    ],
)
def test_what_acts_in_training_only_is_told(parameters: dict[str, Any], words: str) -> None:
    """Predictions need none of it, training on goes without."""
    problem = load_problem("multiclass")
    ours = network(mlplab, "multiclass", **parameters).fit(problem.X, problem.y)
    with pytest.warns(UserWarning, match=words):
        model = ours.to_sklearn()
    same(model, ours, problem.X)
    assert go_on(model, problem.X, problem.y).score(problem.X, problem.y) > 0.3


def test_recipes_become_parameters() -> None:
    """SGD as an object is scikit-learn's solver with its momentum."""
    problem = load_problem("multiclass")
    ours = network(mlplab, "multiclass", solver=SGD(0.5, nesterov=False)).fit(problem.X, problem.y)
    model = ours.to_sklearn()
    assert (model.solver, model.momentum, model.nesterovs_momentum) == ("sgd", 0.5, False)
    same_weights(go_on(model, problem.X, problem.y), go_on(ours, problem.X, problem.y))


def test_an_autoencoder_becomes_a_regressor() -> None:
    """Its predictions are the rows again."""
    problem = load_problem("multiclass")
    coder = MLPAutoencoder((3, 2, 3), "tanh", code_activation="tanh", max_iter=5, random_state=0)
    model = coder.fit(problem.X).to_sklearn()
    np.testing.assert_allclose(model.predict(problem.X), coder.reconstruct(problem.X), 1e-12)


def test_a_linear_network_goes_both_ways() -> None:
    """Without hidden layers too."""
    problem = load_problem("multiclass")
    ours = MLPClassifier((), max_iter=5, random_state=0).fit(problem.X, problem.y)
    same(ours.to_sklearn(), ours, problem.X)
    same(mlplab.from_sklearn(ours.to_sklearn()), ours, problem.X)
