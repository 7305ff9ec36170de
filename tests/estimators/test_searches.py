"""scikit-learn's own searches over the estimators: the same ranking as over its own networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed, parallel_config
from scipy.stats import loguniform
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (lets the next import work)
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tests.estimators.problems import load_problem

import mlplab as ours
from mlplab._config import usual_threads
from mlplab.engines.native_abi import library_path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CLASSES, NUMBERS = load_problem("multiclass"), load_problem("regression")

# For each kind of network: its settings, a grid that tells configurations apart, and scorers of
# predictions and of probabilities.
KINDS: dict[str, tuple[dict[str, Any], dict[str, list[Any]], list[str]]] = {
    "MLPClassifier": (
        {"max_iter": 25, "learning_rate_init": 0.01, "batch_size": 16, "random_state": 0},
        {
            "mlp__hidden_layer_sizes": [(5,), (8, 4)],
            "mlp__solver": ["adam", "sgd"],
            "mlp__activation": ["tanh", "relu"],
        },
        ["accuracy", "f1_macro", "neg_log_loss", "roc_auc_ovr"],
    ),
    "MLPRegressor": (
        {"max_iter": 25, "learning_rate_init": 0.01, "batch_size": 32, "random_state": 0},
        {
            "mlp__hidden_layer_sizes": [(5,), (8, 4)],
            "mlp__alpha": [1e-4, 3.0],
            "mlp__learning_rate": ["constant", "invscaling"],
            "mlp__early_stopping": [False, True],
        },
        ["r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"],
    ),
}


def pipeline(module: Any, kind: str, prepare: Any = None) -> Pipeline:
    """Return preparation and network, of this package or of scikit-learn."""
    network = getattr(module, kind)(**KINDS[kind][0])
    return Pipeline([("prepare", prepare or StandardScaler()), ("mlp", network)])


def table(kind: str) -> tuple[pd.DataFrame, Any]:
    """Return a frame with numbers and words, and its targets."""
    problem = CLASSES if kind == "MLPClassifier" else NUMBERS
    frame = pd.DataFrame(problem.X[:, :4], columns=list("abcd"))
    frame["word"] = np.where(frame["a"] > frame["b"], "more", "less")
    return frame, problem.y


def columns() -> ColumnTransformer:
    """Return a preparation of numbers and words."""
    return ColumnTransformer(
        [("numbers", StandardScaler(), list("abcd")), ("words", OneHotEncoder(), ["word"])]
    )


def assert_same_search(ours_: Any, theirs_: Any) -> None:
    """Check that two finished searches tried the same and judged it alike."""
    one, other = ours_.cv_results_, theirs_.cv_results_
    assert one["params"] == other["params"]
    assert set(one) == set(other)
    for name in one:
        if "_test_" in name and not name.startswith("rank"):
            np.testing.assert_allclose(one[name], other[name], rtol=1e-6, atol=1e-9, err_msg=name)
        elif name.startswith("rank") or name in {"iter", "n_resources"}:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert ours_.best_params_ == theirs_.best_params_


@pytest.mark.parametrize("kind", KINDS)
def test_grid_search_ranks_as_over_scikit_learns_networks(kind: str) -> None:
    """By several scorers at once, behind a ColumnTransformer, in two processes."""
    _, grid, scorers = KINDS[kind]
    frame, y = table(kind)
    found = [
        GridSearchCV(
            pipeline(module, kind, columns()),
            grid,
            scoring=scorers,
            refit=scorers[0],
            cv=3,
            n_jobs=2,
        ).fit(frame, y)
        for module in (ours, theirs)
    ]
    assert len(found[0].cv_results_["params"]) >= 8
    assert_same_search(*found)
    np.testing.assert_allclose(
        found[0].best_estimator_["mlp"].coefs_[0],
        found[1].best_estimator_["mlp"].coefs_[0],
        atol=1e-8,
    )
    assert found[0].score(frame, y) == pytest.approx(found[1].score(frame, y))


@pytest.mark.parametrize("kind", KINDS)
def test_random_search_ranks_as_over_scikit_learns_networks(kind: str) -> None:
    """Distributions are drawn from alike."""
    scorers = KINDS[kind][2]
    frame, y = table(kind)
    space = {
        "mlp__alpha": loguniform(1e-5, 10),
        "mlp__learning_rate_init": loguniform(1e-4, 0.1),
        "mlp__hidden_layer_sizes": [(4,), (9,), (5, 3)],
    }
    found = [
        RandomizedSearchCV(
            pipeline(module, kind, columns()), space, n_iter=6, scoring=scorers[1], cv=3,
            random_state=3, n_jobs=2,
        ).fit(frame, y)
        for module in (ours, theirs)
    ]  # fmt: skip
    assert_same_search(*found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("resource", ["n_samples", "mlp__max_iter"])
def test_halving_ranks_as_over_scikit_learns_networks(kind: str, resource: str) -> None:
    """Whether rows or epochs are what is halved."""
    problem = CLASSES if kind == "MLPClassifier" else NUMBERS
    n_rows = len(problem.y)
    least, most = (n_rows // 3, n_rows) if resource == "n_samples" else (12, 36)
    found = [
        HalvingGridSearchCV(
            pipeline(module, kind), KINDS[kind][1], resource=resource, min_resources=least,
            max_resources=most, factor=3, cv=KFold(3, shuffle=True, random_state=0), random_state=0,
            scoring=KINDS[kind][2][1], n_jobs=2,
        ).fit(problem.X, problem.y)
        for module in (ours, theirs)
    ]  # fmt: skip
    assert found[0].n_iterations_ == 2
    assert_same_search(*found)


def test_random_halving_searches_too() -> None:
    """Over a distribution, with epochs as the resource."""
    search = HalvingRandomSearchCV(
        pipeline(ours, "MLPClassifier"), {"mlp__alpha": loguniform(1e-5, 10)},
        resource="mlp__max_iter", min_resources=5, max_resources=45, n_candidates=6, cv=3,
        random_state=0,
    ).fit(CLASSES.X, CLASSES.y)  # fmt: skip
    assert search.best_score_ > 0.85


class TestAutoencoder:
    """Judged by how much it gives back, or by what learns from its codes."""

    def test_alone_by_each_search(self) -> None:
        """A wider code gives more back; three searches agree on that."""
        cv = KFold(3, shuffle=True, random_state=0)  # the rows are in the order of their classes
        network = ours.MLPAutoencoder(max_iter=60, learning_rate_init=0.02, random_state=0)
        space: Mapping[str, Any] = {"hidden_layer_sizes": [(1,), (3,)], "alpha": [1e-4, 1.0]}
        halving = {"resource": "max_iter", "min_resources": 20, "max_resources": 60}
        searches = [
            GridSearchCV(network, space, cv=cv, n_jobs=2),
            RandomizedSearchCV(network, space, n_iter=4, cv=cv, random_state=0),
            HalvingGridSearchCV(network, space, cv=cv, random_state=0, **halving),
        ]
        for search in searches:
            search.fit(CLASSES.X)
            assert search.best_params_["hidden_layer_sizes"] == (3,)
            assert search.best_score_ > 0.8

    def test_before_a_classifier(self) -> None:
        """Its settings are searched by the score of what comes behind it, in two processes."""
        steps = [
            StandardScaler(),
            ours.MLPAutoencoder((2,), max_iter=80, learning_rate_init=0.02, random_state=0),
            ours.MLPClassifier((8,), solver="lbfgs", max_iter=60, random_state=0),
        ]
        grid = {
            "mlpautoencoder__hidden_layer_sizes": [(1,), (3,)],
            "mlpclassifier__alpha": [0.01, 1.0],
        }
        search = GridSearchCV(make_pipeline(*steps), grid, scoring="neg_log_loss", cv=3, n_jobs=2)
        search.fit(CLASSES.X, CLASSES.y)
        assert search.best_params_["mlpautoencoder__hidden_layer_sizes"] == (3,)
        assert search.score(CLASSES.X, CLASSES.y) > -0.3


def test_repeated_searches_give_the_same_bits() -> None:
    """In one process, in two, and in threads."""
    _, grid, scorers = KINDS["MLPClassifier"]
    search = GridSearchCV(pipeline(ours, "MLPClassifier"), grid, scoring=scorers[2], cv=3)
    alone = clone(search).fit(CLASSES.X, CLASSES.y).cv_results_["mean_test_score"]
    for backend in ("loky", "threading"):
        with parallel_config(backend=backend, n_jobs=2):
            beside = clone(search).fit(CLASSES.X, CLASSES.y).cv_results_["mean_test_score"]
        np.testing.assert_array_equal(alone, beside)


# ---------------------------------------------------------------------- threads of workers


def _large() -> tuple[Any, Any, Any]:
    """Return a network whose steps are worth several threads, and rows for it."""
    digits = load_digits()
    network = ours.MLPClassifier((256, 128), batch_size=256, max_iter=2, random_state=0)
    return network, digits.data / 16.0, digits.target


def _threads_of_a_training() -> tuple[int, int]:
    """Train, and return how many threads may be used and how many there were more than before."""
    from mlplab.engines.native_training import Training

    used: list[int] = []
    begin = Training.__init__

    def spying(self: Any, library: Any, job: Any, n_threads: int, **options: Any) -> None:
        used.append(n_threads)
        begin(self, library, job, n_threads, **options)

    network, X, y = _large()
    Training.__init__ = spying  # type: ignore[method-assign]
    try:
        network.fit(X, y)
    finally:
        Training.__init__ = begin  # type: ignore[method-assign]
    return usual_threads(), max(used)


@pytest.mark.skipif(library_path() is None, reason="the native engine was not built")
def test_two_processes_share_the_processors_between_them() -> None:
    """Each uses its share of them, not all, as joblib tells it."""
    here, _ = _threads_of_a_training()
    for limit, used in Parallel(n_jobs=2)(delayed(_threads_of_a_training)() for _ in range(4)):
        assert used <= limit <= max(1, here // 2)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of Python 3.12
@pytest.mark.skipif(library_path() is None, reason="the native engine was not built")
def test_processes_that_are_forks_do_not_hang() -> None:
    """Although the parent trained and predicted on several threads before it was forked."""
    network, X, y = _large()
    network.set_params(n_threads=2).fit(X, y)
    with parallel_config(backend="multiprocessing", n_jobs=2):
        search = GridSearchCV(network, {"alpha": [1e-4, 1.0]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("said", "limit"),
    [("1", 1), (" 1,4", 1), ("100000", None), ("0", 1), ("many", None), ("", None)],
)
def test_the_usual_number_of_threads_may_be_limited(
    said: str, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable that other libraries listen to; more than there are processors is no use."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    processors = usual_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert usual_threads() == (processors if limit is None else limit)
