"""Estimators: rows, targets, weights, parameters; saving and loading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from tests.faults.kit import Kit
from tests.faults.row import Row

import mlplab

NAN, INF = np.nan, np.inf
CLASSES = {
    "MLPClassifier": "fitted",
    "MLPRegressor": "fitted_regressor",
    "MLPAutoencoder": "fitted_autoencoder",
    "MLPEnsemble": "fitted_ensemble",
}
MAKERS = {
    "MLPClassifier": Kit.classifier,
    "MLPRegressor": Kit.regressor,
    "MLPAutoencoder": Kit.autoencoder,
    "MLPEnsemble": Kit.ensemble,
}
LEARNING = ("fit", "partial_fit", "initialize")
ASKING = (
    *("predict", "predict_proba", "predict_log_proba", "transform", "activations"),
    *("reconstruct", "reconstruction_error", "spread"),
)

# Damage of rows: how it is made, and what is said of it.
ROWS_DAMAGED: dict[str, tuple[Any, str]] = {
    "X holds NaN": (lambda k: k.spoiled(NAN), "Input X contains NaN"),
    "X holds infinity": (lambda k: k.spoiled(INF), "Input X contains infinity"),
    "X has no rows": (lambda k: k.X[:0], r"0 sample\(s\)|one row"),
    "X has one axis": (lambda k: k.X[0], "Expected 2D array"),
    "X has three axes": (lambda k: k.X[None], "dim 3"),
    "X holds words": (lambda k: k.X.astype(str).astype(object) + "a", "must hold numbers alone"),
    "X is ragged": (lambda _: [[1, 2, 3], [4]] * 20, "as many in each row"),
    "X is complex": (lambda k: k.X * 1j, "Complex data not supported"),
    "X holds dates": (lambda _: np.full((40, 3), np.datetime64("2020-01-01")), "dates or dur"),
    "X is a frame with dates": (
        lambda k: pd.DataFrame(k.X).assign(**{"2": pd.Timestamp("2020-01-01")}),
        "dates or durations",
    ),
    "X is masked": (lambda k: np.ma.masked_array(k.X, mask=k.X > 1), "must have no masked values"),
    "X holds huge integers": (lambda _: [[10**400, 1, 2]] * 40, "a larger one"),
    "X is a number": (lambda _: 5, "Expected 2D array"),
    "X is sparse with NaN": (lambda k: sp.csr_array(k.spoiled(NAN)), "Input X contains NaN"),
    "X has other columns": (lambda k: k.X[:, :2], "is expecting 3 features"),
}
TARGETS_DAMAGED: dict[str, tuple[Any, str]] = {
    "y holds NaN": (lambda k: np.where(np.arange(40) == 3, NAN, k.y), "Input y contains NaN"),
    "y holds infinity": (lambda k: np.where(np.arange(40) == 3, INF, k.y), "Input y contains inf"),
    "y is missing": (lambda _: None, "requires y to be passed"),
    "y is shorter": (lambda k: k.y[:-1], "inconsistent numbers of samples"),
    "y has three axes": (lambda _: np.ones((40, 1, 1)), "dim 3|Unknown label type"),
    "y is a number": (lambda _: 5, "must be tables of numbers"),
    "y is complex": (lambda k: k.y * 1j, "Complex data not supported"),
    "y is ragged": (lambda _: [[1], [1, 2]] * 20, "as many in each row"),
}


def _learning(name: str, method: str, X: Any, y: Any) -> Any:
    def call(k: Kit) -> Any:
        more: Any = {"classes": [0, 1]} if (name, method) == _STREAM else {}
        rows = X(k)
        targets = () if name == "MLPAutoencoder" else (y(k)[: _length(rows)],)
        return getattr(MAKERS[name](k), method)(rows, *targets, **more)

    return call


_STREAM = ("MLPClassifier", "partial_fit")


def _length(rows: Any) -> int | None:
    return 0 if getattr(rows, "shape", (1,))[0] == 0 else None


def _with_target(name: str, method: str, y: Any) -> Any:
    def call(k: Kit) -> Any:
        more: Any = {"classes": [0, 1]} if (name, method) == _STREAM else {}
        return getattr(MAKERS[name](k), method)(k.X, y(k), **more)

    return call


def _asking(attribute: str, method: str, X: Any) -> Any:
    return lambda k: getattr(getattr(k, attribute), method)(X(k))


def _rows() -> list[Row]:
    found = []
    for name, attribute in CLASSES.items():
        cls = getattr(mlplab, name)
        for damage, (X, words) in ROWS_DAMAGED.items():
            for method in LEARNING:
                if hasattr(cls, method) and damage != "X has other columns":
                    call = _learning(name, method, X, lambda k: k.y)
                    found.append(Row(f"{name}.{method}", damage, call, words))
            found += [
                Row(f"{name}.{method}", damage, _asking(attribute, method, X), words)
                for method in ASKING
                if hasattr(cls, method)
            ]
        if name == "MLPAutoencoder":
            continue
        for damage, (y, words) in TARGETS_DAMAGED.items():
            found += [
                Row(f"{name}.{method}", damage, _with_target(name, method, y), words)
                for method in ("fit",)
            ]
    return found


def _parameters() -> list[Row]:
    wrong: dict[str, Any] = {
        "hidden_layer_sizes": (0,), "activation": "rleu", "solver": "adm", "alpha": -1,
        "batch_size": 0, "learning_rate": "fast", "learning_rate_init": 0, "max_iter": 0,
        "shuffle": "yes", "random_state": -1, "tol": NAN, "momentum": 2, "beta_1": 1.0,
        "epsilon": 0, "n_iter_no_change": 0, "max_fun": 0, "loss": "log", "init": "he",
        "l1": INF, "weight_decay": -1, "dropout": 1.0, "clip_norm": 0, "clip_value": "1",
        "stopping": "lss", "engine": "gpu", "dtype": "float16", "n_threads": 0, "power_t": -1,
        "verbose": -1, "warm_start": "stat", "early_stopping": 1, "validation_fraction": 1.0,
        "learning_rate_final": 0.1, "nesterovs_momentum": None,
    }  # fmt: skip
    return [
        Row(
            f"{name}.fit",
            f"{parameter} is {value!r}",
            lambda k, make=make, p=parameter, v=value: make(k, **{p: v}).fit(k.X, k.y),
            f"`{parameter}` must",
        )
        for name, make in MAKERS.items()
        if name != "MLPEnsemble"
        for parameter, value in wrong.items()
    ]


def _diverging(k: Kit) -> Any:
    return k.regressor(solver="sgd", learning_rate_init=1e6, max_iter=50).fit(k.X, k.X[:, 0])


def _several(k: Kit) -> Any:
    pairs = np.column_stack([k.y + 1, k.y + 2])
    return k.classifier(max_iter=200, tol=1.0).fit(k.X, pairs).score(k.X, pairs[:, :1])


def _refit(k: Kit, **parameters: Any) -> Any:
    return k.classifier(warm_start=True, **parameters).fit(k.X, k.y)


MORE = [
    Row("MLPClassifier.fit", "continuous targets", lambda k: k.classifier().fit(k.X, k.X[:, 0]),
        "Unknown label type: continuous"),
    Row("MLPClassifier.fit", "labels of bytes",
        lambda k: k.classifier().fit(k.X, np.array([b"a", b"b"] * 20)), "labels of one kind"),
    Row("MLPClassifier.fit", "unknown class weights",
        lambda k: k.classifier(class_weight={"x": 1}).fit(k.X, k.y), "class_weight"),
    Row("MLPClassifier.fit", "validation rows without targets",
        lambda k: k.classifier().fit(k.X, k.y, X_val=k.X), "y_val"),
    Row("MLPClassifier.fit", "weights of another length",
        lambda k: k.classifier().fit(k.X, k.y, [1.0, 2.0]), "sample_weight"),
    Row("MLPClassifier.partial_fit", "no classes at first",
        lambda k: k.classifier().partial_fit(k.X, k.y), "classes must be passed"),
    Row("MLPClassifier.partial_fit", "a class that was not announced",
        lambda k: k.classifier().partial_fit(k.X, k.y + 5, classes=[0, 1]), "classes"),
    Row("MLPClassifier.score", "labels of another kind",
        lambda k: k.fitted.score(k.X, np.array([1, "a"] * 20, object)), "labels of one kind"),
    Row("MLPClassifier.score", "several targets, fewer columns", _several, "each class variable"),
    Row("MLPClassifier.score", "no targets", lambda k: k.fitted.score(k.X, None), "y_true"),
    Row("MLPClassifier.decision_function", "X holds NaN",
        lambda k: _hinge(k).decision_function(k.spoiled(NAN)), "Input X contains NaN"),
    Row("MLPClassifier.predict", "not fitted", lambda k: k.classifier().predict(k.X),
        "not fitted yet"),
    Row("MLPClassifier.predict", "weights of another shape", lambda k: _broken(k).predict(k.X),
        "`coefs_`"),
    Row("MLPClassifier.transform", "no such layer", lambda k: k.fitted.transform(k.X, layer=7),
        "`layer` must"),
    Row("MLPClassifier.pause_after", "less than one epoch",
        lambda k: k.classifier().pause_after(0), "must be"),
    Row("MLPClassifier.with_parameters", "another length",
        lambda k: k.fitted.with_parameters(np.zeros(3)), "parameters"),
    Row("MLPClassifier.training_problem", "X holds NaN",
        lambda k: k.fitted.training_problem(k.spoiled(NAN), k.y), "Input X contains NaN"),
    Row("MLPClassifier.set_callbacks", "no observer",
        lambda k: k.classifier().set_callbacks(5).fit(k.X, k.y), "callback|observer"),
    Row("MLPClassifier.to_sklearn", "not fitted", lambda k: k.classifier().to_sklearn(), "fitted"),
    Row("MLPClassifier.to_torch", "not fitted", lambda k: k.classifier().to_torch(), "fitted"),
    Row("MLPClassifier.snapshot", "not fitted", lambda k: k.classifier().snapshot(), "fitted"),
    Row("MLPRegressor.fit", "words as targets",
        lambda k: k.regressor().fit(k.X, np.array(["a", "b"] * 20)), "must hold numbers alone"),
    Row("MLPRegressor.fit", "dates as targets",
        lambda k: k.regressor().fit(k.X, np.full(40, np.datetime64("2020"))), "dates or durations"),
    Row("MLPRegressor.fit", "a loss that diverges", _diverging, "non-finite parameter weights"),
    Row("MLPRegressor.fit", "negative counts with poisson",
        lambda k: k.regressor(loss="poisson").fit(k.X, k.X[:, 0]), "must not be negative"),
    Row("MLPRegressor.score", "y holds NaN",
        lambda k: k.fitted_regressor.score(k.X, np.full(40, NAN)), "contains NaN"),
    Row("MLPAutoencoder.inverse_transform", "codes of another width",
        lambda k: k.fitted_autoencoder.inverse_transform(k.X), "each of the 4 units"),
    Row("MLPAutoencoder.inverse_transform", "sparse codes",
        lambda k: k.fitted_autoencoder.inverse_transform(sp.csr_array(np.ones((2, 4)))), "dense"),
    Row("MLPAutoencoder.reconstruction_error", "neither rows nor columns",
        lambda k: k.fitted_autoencoder.reconstruction_error(k.X, per="cell"), "`per` must"),
    Row("MLPAutoencoder.score", "X holds NaN",
        lambda k: k.fitted_autoencoder.score(k.spoiled(NAN)), "Input X contains NaN"),
    Row("MLPAutoencoder.fit", "no hidden layer",
        lambda k: k.autoencoder(hidden_layer_sizes=()).fit(k.X), "at least one hidden layer"),
    Row("MLPEnsemble.fit", "no network", lambda k: mlplab.MLPEnsemble(5, 2).fit(k.X, k.y),
        "network|estimator"),
    Row("MLPEnsemble.fit", "no members", lambda k: k.ensemble(0).fit(k.X, k.y), "must be"),
    Row("MLPEnsemble.score", "labels of another kind",
        lambda k: k.fitted_ensemble.score(k.X, np.array([1, "a"] * 20, object)), "of one kind"),
    Row("mlplab.calibrate", "not fitted", lambda k: mlplab.calibrate(k.classifier(), k.X, k.y),
        "fitted"),
    Row("mlplab.calibrate", "no classifier",
        lambda k: mlplab.calibrate(k.fitted_regressor, k.X, k.y), "must be"),
    Row("mlplab.calibrate", "X holds NaN",
        lambda k: mlplab.calibrate(k.fitted, k.spoiled(NAN), k.y), "contains NaN"),
    Row("mlplab.fit_many", "no list", lambda k: mlplab.fit_many(k.classifier(), k.X, k.y),
        "must be a list of networks"),
    Row("mlplab.fit_many", "a stranger in the list", lambda k: mlplab.fit_many([5], k.X, k.y),
        "must be networks of mlplab; got int at 0"),
    Row("mlplab.fit_many", "no rows", lambda k: mlplab.fit_many([k.classifier()]),
        "must be given; got neither"),
    Row("mlplab.fit_many", "fits of another number",
        lambda k: mlplab.fit_many([k.classifier()], fits=[]), "`fits`"),
    Row("mlplab.fit_many", "no threads",
        lambda k: mlplab.fit_many([k.classifier()], k.X, k.y, n_threads=0), "`n_threads` must"),
    Row("mlplab.from_sklearn", "something else", lambda _: mlplab.from_sklearn(5), "must be"),
    Row("mlplab.from_torch", "something else", lambda _: mlplab.from_torch(5),
        "must be|torch, which is not"),
]  # fmt: skip


def _hinge(k: Kit) -> Any:
    return k.classifier(loss="hinge", max_iter=400, tol=0.1).fit(k.X, k.y)


def _broken(k: Kit) -> Any:
    import copy

    model = copy.deepcopy(k.fitted)
    model.coefs_[0] = model.coefs_[0][:2]
    return model


ROWS = [*_rows(), *_parameters(), *MORE]
