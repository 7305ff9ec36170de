"""Estimators as plain data and back: nothing is lost, and training goes on identically."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from tests.estimators.problems import PROBLEMS, Problem, load_problem

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.errors import DataError, ModelFileError
from mlplab.nn import ActivationFunction, Huber, register, unregister
from mlplab.optim import AdamW
from mlplab.results import ModelArtifact

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = load_problem("multiclass")


class OwnLoss:
    """Half the squared error, written by hand."""

    name, link, groups, reported_scale = "own", "identity", (), 1.0

    def values(self, raw: Any, target: Any) -> Any:
        """Return the loss of each row."""
        return 0.5 * ((raw - target) ** 2).sum(axis=1)

    def gradient(self, raw: Any, target: Any) -> Any:
        """Return its derivative."""
        return raw - target


def unfitted(problem: Problem, **parameters: Any) -> Any:
    """Return an estimator for the problem."""
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0, **parameters}
    if problem.classifies:
        return MLPClassifier(**parameters)
    return MLPRegressor(loss=problem.loss, **parameters)


def there_and_back(estimator: Any) -> Any:
    """Store, pass the header through JSON, and return what comes back."""
    artifact = estimator.to_artifact()
    header = json.loads(json.dumps(artifact.header))
    arrays = {name: array.copy() for name, array in artifact.arrays.items()}
    return type(estimator).from_artifact(ModelArtifact(artifact.kind, header, arrays))


def assert_equal_networks(one: Any, other: Any) -> None:
    """Weights and biases are the same bits."""
    for name in ("coefs_", "intercepts_"):
        for mine, theirs in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_what_comes_back_predicts_the_same(kind: str) -> None:
    """Predictions, scores and every fitted attribute must be those of before."""
    problem = load_problem(kind)
    before = unfitted(problem, early_stopping=True).fit(problem.X, problem.y)
    after = there_and_back(before)
    np.testing.assert_array_equal(before.predict(problem.X), after.predict(problem.X))
    assert after.score(problem.X, problem.y) == before.score(problem.X, problem.y)
    assert_equal_networks(before, after)
    names = {name for name in vars(before) if name.endswith("_") and not name.startswith("_")}
    assert names == {
        name for name in vars(after) if name.endswith("_") and not name.startswith("_")
    }
    for name in names - {"coefs_", "intercepts_", "classes_"}:
        assert getattr(after, name) == getattr(before, name), name
    assert after.get_params() == before.get_params()
    assert after.network_ == before.network_


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
        {"solver": "nadam", "learning_rate": "cosine", "dropout": 0.3, "max_iter": 12},
        {"solver": "rmsprop", "clip_norm": 0.1, "l1": 0.01, "weight_decay": 0.01},
        {"solver": "lbfgs"},
        {"solver": AdamW(0.8, 0.99), "loss": "focal", "class_weight": {0: 1.0, 1: 3.0, 2: 1.0}},
    ],
    ids=str,
)
def test_training_goes_on_identically(parameters: dict[str, Any]) -> None:
    """One that was stored between two fits must end with the same bits as one that was not."""
    settings: dict[str, Any] = {"batch_size": 40, "warm_start": "state", **parameters}
    kept = unfitted(IRIS, **settings).fit(IRIS.X, IRIS.y)
    stored = there_and_back(kept)
    assert_equal_networks(kept.fit(IRIS.X, IRIS.y), stored.fit(IRIS.X, IRIS.y))
    assert stored.loss_curve_ == kept.loss_curve_
    assert stored.n_iter_ == kept.n_iter_


@pytest.mark.parametrize("kind", PROBLEMS)
def test_partial_fits_go_on_identically(kind: str) -> None:
    """A stream of partial fits must not notice that it was stored in between."""
    problem = load_problem(kind)
    classes = {"classes": np.unique(problem.y)} if problem.classifies else {}
    if kind == "multilabel":
        classes = {"classes": np.arange(3)}
    kept = unfitted(problem).partial_fit(problem.X, problem.y, **classes)
    stored = there_and_back(kept)
    for _ in range(3):
        kept.partial_fit(problem.X, problem.y)
        stored.partial_fit(problem.X, problem.y)
    assert_equal_networks(kept, stored)


@pytest.mark.parametrize(
    "names",
    [
        np.array(["rose", "lily", "iris"]),
        np.array(["a", "b", "c"], dtype=object),
        np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]"),
        np.array([1, 2, 3], dtype="datetime64[ns]"),
        [7, 8, 9],
    ],
)
def test_classes_come_back_with_their_type(names: Any) -> None:
    """Text stays text and numbers stay numbers."""
    y = np.asarray(names)[IRIS.y]
    before = unfitted(IRIS, solver="lbfgs").fit(IRIS.X, y)
    after = there_and_back(before)
    assert after.classes_.dtype == before.classes_.dtype
    np.testing.assert_array_equal(after.classes_, before.classes_)
    np.testing.assert_array_equal(after.predict(IRIS.X), before.predict(IRIS.X))


def test_classes_that_are_no_plain_values_cannot_be_stored() -> None:
    """A class of dates of the datetime module is refused in words, not by JSON."""
    days = np.array([dt.date(2020, 1, day) for day in (1, 2, 3)], dtype=object)
    clf = unfitted(IRIS).partial_fit(IRIS.X, days[IRIS.y], classes=days)
    with pytest.raises(DataError, match=r"Classes must be text, .* or datetime64 .* got date"):
        clf.to_artifact()


@pytest.mark.parametrize("where", ["activation", "loss"])
def test_functions_of_ones_own_must_be_registered_to_be_loaded(where: str) -> None:
    """What to do must be said when the model is loaded, not when it predicts."""
    square = ActivationFunction("square", "z²", lambda z: z * z, lambda z, _: 2 * z)
    register(square if where == "activation" else OwnLoss())
    try:
        reg = MLPRegressor(
            "own" if where == "loss" else "squared_error",
            (3,),
            "square" if where == "activation" else "relu",
            max_iter=2,
        ).fit(IRIS.X, IRIS.y)
        artifact = reg.to_artifact()
        assert there_and_back(reg).predict(IRIS.X).shape == (150,)
    finally:
        unregister("square")
        unregister("own")
    name = "square" if where == "activation" else "own"
    with pytest.raises(
        ModelFileError, match=f"^The model was .* {where} '{name}'.* Register it .* before loading"
    ):
        MLPRegressor.from_artifact(artifact)


def test_several_class_variables_come_back() -> None:
    """Each column's classes must be kept."""
    y = np.column_stack([np.array(list("abc"))[IRIS.y], np.array(list("xyz"))[IRIS.y[::-1]]])
    before = unfitted(IRIS, solver="lbfgs").fit(IRIS.X, y)
    after = there_and_back(before)
    np.testing.assert_array_equal(after.predict(IRIS.X), before.predict(IRIS.X))
    assert [list(values) for values in after.classes_] == [list("abc"), list("xyz")]


def test_weights_of_several_labels_come_back() -> None:
    """Balanced weights belong to the rows of the fit, so they must be stored."""
    problem = load_problem("multilabel")
    before = unfitted(problem, class_weight="balanced", warm_start=True).fit(problem.X, problem.y)
    after = there_and_back(before)
    assert_equal_networks(before.fit(problem.X, problem.y), after.fit(problem.X, problem.y))


def test_an_autoencoder_comes_back() -> None:
    """Codes and the way back must be those of before."""
    before = MLPAutoencoder((3, 2, 3), solver="lbfgs", max_iter=20, random_state=0).fit(IRIS.X)
    after = there_and_back(before)
    np.testing.assert_array_equal(after.transform(IRIS.X), before.transform(IRIS.X))
    codes = before.transform(IRIS.X)
    np.testing.assert_array_equal(after.inverse_transform(codes), before.inverse_transform(codes))
    assert after.code_layer_ == 1


def test_names_of_features_come_back() -> None:
    """A frame with other columns must be refused afterwards too."""
    frame = pd.DataFrame(IRIS.X, columns=list("abcd"))
    after = there_and_back(unfitted(IRIS, solver="lbfgs").fit(frame, IRIS.y))
    assert list(after.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        after.predict(frame.rename(columns={"a": "z"}))


def test_what_is_code_is_replaced_and_named() -> None:
    """A generator and functions cannot be data; the header must say so."""
    reg = MLPRegressor(
        loss=Huber(2.0),
        hidden_layer_sizes=[4],
        random_state=np.random.RandomState(0),
        learning_rate=lambda step: 0.01 / (step + 1),
        max_iter=3,
    ).fit(IRIS.X, IRIS.X[:, 0])
    artifact = reg.to_artifact()
    assert set(artifact.header["replaced"]) == {"random_state", "learning_rate"}
    after = there_and_back(reg)
    assert (after.random_state, after.learning_rate) == (None, "constant")
    assert after.loss == Huber(2.0)
    np.testing.assert_array_equal(after.predict(IRIS.X), reg.predict(IRIS.X))


def test_given_initial_arrays_do_not_stand_in_the_way() -> None:
    """What was the start is of no use afterwards, so it may be left out."""
    init = ([np.ones((4, 6)), np.ones((6, 3))], [np.zeros(6), np.zeros(3)])
    before = unfitted(IRIS, init=init).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(there_and_back(before).predict(IRIS.X), before.predict(IRIS.X))


def test_an_initialised_network_can_be_stored() -> None:
    """Before any training there is a network all the same."""
    before = unfitted(IRIS).initialize(IRIS.X, IRIS.y)
    after = there_and_back(before)
    np.testing.assert_array_equal(after.predict_proba(IRIS.X), before.predict_proba(IRIS.X))
    assert not hasattr(after, "result_")


def test_without_a_fit_there_is_nothing_to_store() -> None:
    """scikit-learn's error must say so."""
    with pytest.raises(NotFittedError):
        MLPClassifier().to_artifact()


def test_another_kind_is_refused() -> None:
    """A regressor must not be made of a classifier's file."""
    artifact = unfitted(IRIS).fit(IRIS.X, IRIS.y).to_artifact()
    with pytest.raises(ModelFileError, match="must be a MLPRegressor; the file holds a MLPClass"):
        MLPRegressor.from_artifact(artifact)


@pytest.mark.parametrize("missing", ["network", "loss", "state", "plan", "fitted", "parameters"])
def test_a_header_with_a_hole_is_refused(missing: str) -> None:
    """Whatever is missing, the answer must be our error."""
    artifact = unfitted(IRIS).fit(IRIS.X, IRIS.y).to_artifact()
    header = {name: value for name, value in artifact.header.items() if name != missing}
    with pytest.raises(ModelFileError, match="does not hold together"):
        MLPClassifier.from_artifact(ModelArtifact(artifact.kind, header, artifact.arrays))


def test_a_missing_or_misshapen_array_is_refused() -> None:
    """Weights that do not fit the network must not be taken."""
    artifact = unfitted(IRIS).fit(IRIS.X, IRIS.y).to_artifact()
    fewer = {name: array for name, array in artifact.arrays.items() if name != "coef/1"}
    wrong = [{**artifact.arrays, name: np.zeros((2, 2))} for name in artifact.arrays]
    for arrays in [fewer, *wrong]:
        with pytest.raises(ModelFileError, match="does not hold together"):
            MLPClassifier.from_artifact(ModelArtifact(artifact.kind, artifact.header, arrays))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("rows/order", np.arange(135, dtype=np.uint16)),
        ("rows/aside", np.full(15, 2**40)),
        ("rows/aside", np.full(15, -1)),
        ("generator/key", np.zeros(3, dtype=np.uint32)),
        ("generator/key", np.zeros(624)),
        ("last_parameters", np.zeros(5)),
    ],
)
def test_places_of_rows_and_generator_are_checked(name: str, array: Any) -> None:
    """Nobody reads beyond the rows because a file says so."""
    before = unfitted(IRIS, warm_start="state", early_stopping=True, random_state=0)
    artifact = before.fit(IRIS.X, IRIS.y).to_artifact()
    arrays = {**artifact.arrays, name: array}
    with pytest.raises(ModelFileError, match="does not hold together"):
        MLPClassifier.from_artifact(ModelArtifact(artifact.kind, artifact.header, arrays))
    header = copy.deepcopy(dict(artifact.header))
    header["standing"]["generator"]["pos"] = 10**6
    with pytest.raises(ModelFileError, match="does not hold together"):
        MLPClassifier.from_artifact(ModelArtifact(artifact.kind, header, artifact.arrays))


# ---------------------------------------------------------------------- pickle, joblib, clone


@pytest.mark.parametrize("kind", ["multiclass", "multilabel", "regression"])
def test_pickle_keeps_everything(kind: str) -> None:
    """What pickle brings back must predict and go on training identically."""
    problem = load_problem(kind)
    before = unfitted(problem, warm_start="state", batch_size=40).fit(problem.X, problem.y)
    after = pickle.loads(pickle.dumps(before))  # noqa: S301  (our own bytes)
    np.testing.assert_array_equal(after.predict(problem.X), before.predict(problem.X))
    assert_equal_networks(before.fit(problem.X, problem.y), after.fit(problem.X, problem.y))


def test_joblib_keeps_everything(tmp_path: Path) -> None:
    """A file of joblib must give the same predictions."""
    before = unfitted(IRIS).fit(IRIS.X, IRIS.y)
    joblib.dump(before, tmp_path / "model.joblib")
    after = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(after.predict_proba(IRIS.X), before.predict_proba(IRIS.X))


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor, MLPAutoencoder])
def test_a_clone_has_the_parameters_and_nothing_learned(cls: type[Any]) -> None:
    """Parameters are copied, fitted attributes are not."""
    fitted = cls((3,) if cls is not MLPRegressor else "huber", max_iter=2, alpha=0.5)
    fitted.fit(IRIS.X, IRIS.y)
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params()
    assert not hasattr(copied, "coefs_")
    assert copied.set_params(solver="sgd").solver == "sgd"
    assert fitted.solver == "adam"
