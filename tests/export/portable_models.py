"""Models of every kind that can be exported, each with rows to predict; trained once a process."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor, nn, workflows
from mlplab.data import Preparation
from mlplab.workflows import TabularModel

__all__ = ["ESTIMATORS", "PIPELINES", "TABLES", "Case", "dated_table", "mixed_table", "trained"]

N = 120


@dataclass(frozen=True)
class Case:
    """A model and rows that it can predict, also with gaps and categories it never saw."""

    model: Any
    rows: Any

    @property
    def estimator(self) -> Any:
        """The network of the model."""
        model = self.model
        if isinstance(model, TabularModel):
            return model.estimator
        inner = getattr(model, "regressor_", model)
        return inner[-1] if hasattr(inner, "steps") else inner


def _rows() -> Any:
    return np.random.default_rng(0).normal(size=(N, 4)) * [1, 2, 0.5, 3] + [0, 1, -1, 5]


def _numbers(X: Any) -> Any:
    return np.sin(X[:, 0]) + 0.3 * X[:, 1] - 0.1 * X[:, 3]


def _three(X: Any) -> Any:
    return np.digitize(X[:, 0] + X[:, 1], [0, 2])


SMALL: dict[str, Any] = {"hidden_layer_sizes": (6, 5), "max_iter": 15, "random_state": 0}


def _classifier(target: Callable[[Any], Any], **parameters: Any) -> Callable[[], Case]:
    def build() -> Case:
        X = _rows()
        return Case(MLPClassifier(**{**SMALL, **parameters}).fit(X, target(X)), X)

    return build


def _regressor(target: Callable[[Any], Any] = _numbers, **parameters: Any) -> Callable[[], Case]:
    def build() -> Case:
        X = _rows()
        return Case(MLPRegressor(**{**SMALL, **parameters}).fit(X, target(X)), X)

    return build


def _autoencoder(**parameters: Any) -> Callable[[], Case]:
    def build() -> Case:
        X = _rows()
        settings = {**SMALL, "hidden_layer_sizes": (5, 2, 5), **parameters}
        return Case(MLPAutoencoder(**settings).fit(X), X)

    return build


def _two(X: Any) -> Any:
    return np.where(_three(X) > 0, "über", 'no "*/"')


def _labels(X: Any) -> Any:
    return np.stack([X[:, 0] > 0, X[:, 1] > 1, X[:, 2] > -1], axis=1).astype(int)


def _variables(X: Any) -> Any:
    return np.stack([np.array(["a", "b", "c"])[_three(X)], np.where(X[:, 3] > 5, "y", "n")], axis=1)


ESTIMATORS: dict[str, Callable[[], Case]] = {
    **{f"activation {name}": _regressor(activation=name) for name in sorted(nn.ACTIVATIONS)},
    "activation of each layer": _classifier(_three, activation=["mish", "selu"], dropout=0.2),
    "float32": lambda: Case(
        MLPClassifier(**SMALL).fit(_rows().astype(np.float32), _three(_rows())),
        _rows().astype(np.float32),
    ),
    "two classes": _classifier(_two),
    "three classes": _classifier(_three),
    "classes of truth": _classifier(lambda X: X[:, 0] > 0),
    "classes of floats": _classifier(lambda X: _three(X) * 2.0),
    "classes of dates": _classifier(
        lambda X: np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="datetime64[D]")[
            _three(X)
        ]
    ),
    "one class": _classifier(lambda X: np.full(len(X), "only"), solver="lbfgs"),
    "focal": _classifier(_three, loss="focal"),
    "hinge of two": _classifier(_two, loss="hinge"),
    "hinge of three": _classifier(_three, loss="hinge"),
    "squared error of classes": _classifier(_three, loss="squared_error"),
    "labels": _classifier(_labels, class_weight="balanced"),
    "labels by hinge": _classifier(_labels, loss="hinge"),
    "class variables": _classifier(_variables),
    "linear": _classifier(_three, hidden_layer_sizes=()),
    "wide": _regressor(hidden_layer_sizes=(40, 3, 30)),
    "huber": _regressor(loss="huber"),
    "absolute": _regressor(loss="absolute_error"),
    "poisson": _regressor(lambda X: np.exp(_numbers(X) / 3), loss="poisson"),
    "outputs": _regressor(lambda X: np.stack([_numbers(X), X[:, 2], -X[:, 0]], axis=1)),
    "autoencoder": _autoencoder(),
    "autoencoder of one layer": _autoencoder(hidden_layer_sizes=(2,), activation="tanh"),
}


# ---------------------------------------------------------------------- pipelines


def _gappy() -> Any:
    X = _rows()
    X[::7, 1] = np.nan
    X[3::11, 3] = np.nan
    return X


def mixed_table() -> pd.DataFrame:
    """Return columns of numbers, words and truth, with gaps, and targets of all kinds."""
    rng = np.random.default_rng(1)
    size = rng.normal(size=N) * 20 + 100
    colour = rng.choice(["red", "blue", "green", "*/ \"'"], N).astype(object)
    member = rng.choice(["Yes", "no"], N).astype(object)
    rooms = rng.integers(1, 5, N).astype(float)
    signal = (size - 100) / 20 + (colour == "red") + 0.5 * (member == "Yes")
    frame = pd.DataFrame(
        {
            "size of the house": size,
            "colour": colour,
            "member": member,
            "rooms": rooms,
            "label": rng.normal(size=N),  # as outputs of ONNX are called
            "word_number": rng.choice(["1", "2", "x"], N),
            "answer": np.where(signal > 0.5, "yes", "no"),
            "price": 1000 + 250 * signal,
            "tags": np.where(signal > 0.5, np.where(size > 100, "big;good", "good"), "bad"),
        }
    )
    frame.loc[::9, "size of the house"] = np.nan
    frame.loc[1::8, "colour"] = None
    frame.loc[2::10, "member"] = None
    frame.loc[40, "colour"] = "violet"
    return frame


def dated_table() -> pd.DataFrame:
    """Return dates as text and as dates, some of them missing, and a target."""
    rng = np.random.default_rng(2)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, N), unit="D")
    hours = days + pd.to_timedelta(rng.integers(0, 86400, N), unit="s")
    frame = pd.DataFrame(
        {
            "day": days.strftime("%d.%m.%Y"),
            "iso": days.strftime("%Y-%m-%d"),
            "moment": hours,
            "price": (days.month + rng.normal(size=N)) * 10,
        }
    )
    frame.loc[::9, "day"] = None
    frame.loc[::8, "moment"] = pd.NaT
    return frame


FEATURES = ["size of the house", "colour", "member", "rooms", "label", "word_number"]


def _columns() -> ColumnTransformer:
    words = make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder())
    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    return ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), [0, 4]),
            ("colour", words.set_params(onehotencoder__handle_unknown="ignore"), ["colour"]),
            ("member", OrdinalEncoder(**unknown, encoded_missing_value=-2), ["member"]),
            ("rooms", OneHotEncoder(drop="first", handle_unknown="ignore"), ["rooms"]),
            ("rare", OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist"), [1]),
        ]
    )


def _pipeline_of_table(*more: Any) -> Case:
    frame = mixed_table()
    network = MLPClassifier(**SMALL)
    model = make_pipeline(_columns(), *more, network).fit(frame[FEATURES], frame["answer"])
    rows = frame[FEATURES].copy()
    rows.loc[5, "colour"], rows.loc[6, "member"], rows.loc[7, "rooms"] = "mauve", "perhaps", 9.0
    return Case(model, rows)


def _pipeline(*steps: Any, gaps: bool = False, last: Any = None) -> Callable[[], Case]:
    def build() -> Case:
        X = _gappy() if gaps else _rows()
        network = last or MLPClassifier(**SMALL)
        return Case(make_pipeline(*steps, network).fit(X, _three(_rows())), X)

    return build


def _scaled_target(transformer: Any, network: Any, target: Any) -> Case:
    X = _rows()
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), network), transformer=transformer
    )
    return Case(model.fit(X, target(X)), X)


def _several(X: Any) -> Any:
    return np.stack([1000 * _numbers(X) + 5000, X[:, 2]], axis=1)


def _named(*steps: Any) -> Case:
    frame = pd.DataFrame(_rows(), columns=["d", "c", "b", "a"])
    return Case(make_pipeline(*steps, MLPClassifier(**SMALL)).fit(frame, _three(_rows())), frame)


PIPELINES: dict[str, Callable[[], Case]] = {
    "standard": _pipeline(StandardScaler()),
    "standard without mean": _pipeline(StandardScaler(with_mean=False)),
    "robust": _pipeline(RobustScaler(with_scaling=False)),
    "minmax, clipped": _pipeline(MinMaxScaler((-1, 2), clip=True), gaps=False),
    "maxabs": _pipeline(MaxAbsScaler()),
    "gaps": _pipeline(SimpleImputer(strategy="median", add_indicator=True), gaps=True),
    "gaps after scaling": _pipeline(StandardScaler(), SimpleImputer(), RobustScaler(), gaps=True),
    "selected": _pipeline(SelectKBest(k=2), StandardScaler(), "passthrough"),
    "components": _pipeline(StandardScaler(), PCA(3, whiten=True, random_state=0)),
    "codes": _pipeline(StandardScaler(), MLPAutoencoder(**{**SMALL, "hidden_layer_sizes": (3,)})),
    "hidden layer": _pipeline(StandardScaler(), MLPClassifier(**SMALL)),
    "autoencoder": _pipeline(
        StandardScaler(), PCA(3), last=MLPAutoencoder(**{**SMALL, "hidden_layer_sizes": (2,)})
    ),
    "columns of numbers": _pipeline(
        make_column_transformer(
            (StandardScaler(), [2, 0]), (SimpleImputer(), [1]), remainder="passthrough"
        ),
        SimpleImputer(),
        gaps=True,
    ),
    "names": lambda: _named(StandardScaler(), SelectKBest(k=2)),
    "scaled target": lambda: _scaled_target(StandardScaler(), MLPRegressor(**SMALL), _several),
    "minmax target": lambda: _scaled_target(
        MinMaxScaler((0, 5)), MLPRegressor(**SMALL), lambda X: 100 * _numbers(X)
    ),
    "plain target": lambda: _scaled_target(None, MLPRegressor(**SMALL), _numbers),
    "mixed table": _pipeline_of_table,
    "mixed table, scaled": lambda: _pipeline_of_table(MaxAbsScaler()),
}


# ---------------------------------------------------------------------- models of tables


def _table(frame: pd.DataFrame, target: str, **more: Any) -> Any:
    settings = {"max_iter": 15, "hidden_layer_sizes": [6], **more.pop("settings", {})}
    return workflows.fit(frame, target=target, settings=settings, out=None, **more).model


def _mixed(target: str, **more: Any) -> Case:
    frame = mixed_table()
    model = _table(frame[[*FEATURES, target]], target, **more)
    rows = frame[FEATURES].copy()
    rows.loc[5, "colour"], rows.loc[6, "member"], rows.loc[7, "word_number"] = "mauve", "?!", "9"
    rows.loc[8, "label"] = np.nan
    return Case(model, rows)


def _dated() -> Case:
    frame = dated_table()
    return Case(_table(frame, "price"), frame)


def _preparation_in_a_pipeline() -> Case:
    frame = mixed_table()
    model = make_pipeline(Preparation(indicator=True), MLPClassifier(**SMALL))
    return Case(model.fit(frame[FEATURES], frame["answer"]), frame[FEATURES])


TABLES: dict[str, Callable[[], Case]] = {
    "mixed": lambda: _mixed("answer"),
    "mixed, numbers": lambda: _mixed("price"),
    "mixed, tags": lambda: _mixed("tags", task="multilabel"),
    "iris": lambda: Case(
        workflows.fit("iris", settings={"max_iter": 15}, out=None).model,
        workflows.fitting.read_source("iris").frame,
    ),
    "wine by pixels": lambda: Case(
        workflows.fit("wine", task="autoencoder", settings={"max_iter": 15}, out=None).model,
        workflows.fitting.read_source("wine").frame,
    ),
    "preparation": _preparation_in_a_pipeline,
    "dates": _dated,
}

_ALL = {
    **{f"estimator: {name}": build for name, build in ESTIMATORS.items()},
    **{f"pipeline: {name}": build for name, build in PIPELINES.items()},
    **{f"table: {name}": build for name, build in TABLES.items()},
}


@functools.cache
def trained(name: str) -> Case:
    """Return a case by its kind and name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _ALL[name]()
