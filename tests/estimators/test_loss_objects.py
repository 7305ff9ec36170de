"""Losses given as objects or registered: each must fit the targets and carry what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from tests.estimators.problems import load_problem, small_classifier

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor, nn
from mlplab.errors import ParameterError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BINARY, IRIS, LABELS = (load_problem(kind) for kind in ("binary", "multiclass", "multilabel"))
PAIRS = np.column_stack([IRIS.y, IRIS.y > 0])
TARGETS: dict[str, tuple[Any, Any]] = {
    "binary": (BINARY.X, BINARY.y),
    "multilabel": (LABELS.X, LABELS.y),
    "multiclass": (IRIS.X, IRIS.y),
    "multioutput": (IRIS.X, PAIRS),
}


@dataclass(frozen=True)
class SquaredHinge:
    """½Σ max(0, 1 − m)²: a loss of one's own that decides by sign."""

    name: str = "squared_hinge"
    link: str = "identity"
    groups: tuple[int, ...] = ()
    reported_scale: float = 1.0

    def values(self, raw: Any, target: Any) -> Any:
        """Return the loss of each row."""
        return 0.5 * (np.maximum(0, 1 - (2 * target - 1) * raw) ** 2).sum(axis=1)

    def gradient(self, raw: Any, target: Any) -> Any:
        """Return its derivative."""
        sign = 2 * target - 1
        return -sign * np.maximum(0, 1 - sign * raw)


@pytest.fixture
def _registered() -> Iterator[None]:
    nn.register(SquaredHinge())
    yield
    nn.unregister("squared_hinge")


BY_SIGN = {"binary", "multilabel"}
FITS: list[tuple[Any, set[str]]] = [
    (nn.BinaryCrossEntropy(), BY_SIGN),
    (nn.BinaryFocal(), BY_SIGN),
    (nn.BinaryHinge(), BY_SIGN),
    (SquaredHinge(), BY_SIGN),
    (nn.ProbabilitySquaredError("logistic"), BY_SIGN),
    (nn.ProbabilitySquaredError("softmax"), {"multiclass"}),
    (nn.CategoricalCrossEntropy(), {"multiclass"}),
    (nn.CategoricalCrossEntropy((3,)), {"multiclass"}),
    (nn.CategoricalCrossEntropy((3, 2)), {"multioutput"}),
    (nn.CategoricalCrossEntropy((2, 3)), set()),
    (nn.CategoricalFocal(), {"multiclass"}),
    (nn.CategoricalHinge(), {"multiclass"}),
    (nn.SquaredError(), set()),
    (nn.AbsoluteError(), set()),
    (nn.Huber(), set()),
    (nn.Poisson(), set()),
]


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize(("loss", "fitting"), FITS, ids=lambda value: getattr(value, "name", ""))
def test_a_loss_object_must_fit_the_kind_of_target(loss: Any, fitting: set[str], kind: str) -> None:
    """The link, the groups and the way to decide must be those of the targets."""
    X, y = TARGETS[kind]
    clf = small_classifier(loss=loss, max_iter=3)
    if kind not in fitting:
        with pytest.raises(ParameterError, match=f"^`loss` must have .* kind '{kind}'; got"):
            clf.fit(X, y)
        return
    clf.fit(X, y)
    assert hasattr(clf, "predict_proba") == (loss.link != "identity")
    assert hasattr(clf, "decision_function") == (loss.link == "identity")
    assert clf.predict(X).shape == y.shape


@pytest.mark.usefixtures("_registered")
def test_a_registered_loss_without_a_link_has_no_probabilities() -> None:
    """By its name, too, and before the fit."""
    clf = small_classifier(loss="squared_hinge", alpha=1.0)
    assert hasattr(clf, "decision_function")
    assert not hasattr(clf, "predict_proba")
    assert clf.fit(BINARY.X, BINARY.y).score(BINARY.X, BINARY.y) > 0.95
    with pytest.raises(ParameterError, match="kind 'multiclass'; got 'squared_hinge'"):
        clf.fit(IRIS.X, IRIS.y)


def test_after_the_fit_the_loss_that_was_used_tells() -> None:
    """A parameter that was set afterwards does not change what was learned."""
    clf = small_classifier().fit(BINARY.X, BINARY.y).set_params(loss="hinge")
    assert clf.predict_proba(BINARY.X).shape == (300, 2)
    assert not hasattr(clf.fit(BINARY.X, BINARY.y), "predict_proba")


def test_a_loss_object_takes_on_smoothing_and_weights() -> None:
    """What it has a field for is written into it."""
    clf = small_classifier(loss=nn.CategoricalCrossEntropy(), label_smoothing=0.2)
    named = small_classifier(label_smoothing=0.2).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(clf.fit(IRIS.X, IRIS.y).coefs_[0], named.coefs_[0])
    clf = small_classifier(loss=nn.BinaryFocal(gamma=3.0), class_weight=[{0: 1, 1: 9}] * 3)
    assert clf.fit(LABELS.X, LABELS.y).plan_.loss == nn.BinaryFocal(3.0, ((1.0, 9.0),) * 3)


@pytest.mark.parametrize(
    ("loss", "parameters", "message"),
    [
        (nn.BinaryCrossEntropy(0.1), {"label_smoothing": 0.3}, "`label_smoothing` must be given"),
        (nn.BinaryFocal(), {"label_smoothing": 0.3}, "`label_smoothing` acts on log_loss only"),
        (SquaredHinge(), {"label_smoothing": 0.3}, "`label_smoothing` acts on log_loss only"),
        (
            nn.BinaryHinge(((1.0, 2.0),) * 3),
            {"class_weight": "balanced"},
            "`label_weights` must be given once",
        ),
        (nn.BinaryHinge(((1.0, 2.0),) * 2), {}, "`label_weights` of a loss must hold a pair for"),
        ("squared_error", {"class_weight": "balanced"}, "`class_weight` of several labels acts on"),
        (
            nn.ProbabilitySquaredError(),
            {"class_weight": {1: 5.0}},
            "`class_weight` of several labels acts on",
        ),
        (SquaredHinge(), {"class_weight": {1: 5.0}}, "`class_weight` of several labels acts on"),
    ],
    ids=str,
)
def test_what_a_loss_cannot_carry_is_refused(
    loss: Any, parameters: dict[str, Any], message: str
) -> None:
    """A parameter that would be passed over is refused."""
    with pytest.raises(ParameterError, match=f"^{message}"):
        small_classifier(loss=loss, **parameters).fit(LABELS.X, LABELS.y)


@pytest.mark.parametrize("cls", [MLPRegressor, MLPAutoencoder])
@pytest.mark.parametrize(
    "loss",
    [nn.BinaryCrossEntropy(), nn.CategoricalFocal(), nn.BinaryHinge(), nn.CategoricalHinge()],
    ids=lambda loss: loss.name,
)
def test_numbers_refuse_losses_of_classes(cls: type[Any], loss: Any) -> None:
    """A loss of probabilities or margins means nothing for numbers."""
    with pytest.raises(ParameterError, match=r"^`loss` must be one for numbers, with link"):
        cls(loss=loss).fit(IRIS.X, IRIS.y)


def test_a_loss_of_one_class_variable_counts_the_groups_itself() -> None:
    """Cross-entropy as an object without groups is the one that a name gives."""
    by_name = MLPClassifier((4,), max_iter=3, random_state=0).fit(IRIS.X, IRIS.y)
    by_object = MLPClassifier(
        (4,), max_iter=3, random_state=0, loss=nn.CategoricalCrossEntropy()
    ).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(by_name.coefs_[0], by_object.coefs_[0])
