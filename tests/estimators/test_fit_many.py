"""Estimators fitted together end as their own `fit` leaves them."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from tests.contracts.trainings import assert_equal_states, timeless
from tests.estimators.problems import load_problem

import mlplab
from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.engines import TrainingState, select_engine
from mlplab.errors import DivergedError, ParameterError
from mlplab.estimators import fit_many
from mlplab.results import FitOutcome, FitResult, StopReason

IRIS, DIABETES = load_problem("multiclass"), load_problem("regression")
NAMES = ("native", "reference")
# Outcomes hold warnings; here they shall not be errors.
pytestmark = pytest.mark.filterwarnings("default")


def _copies(estimators: Sequence[Any]) -> list[Any]:
    """Return copies that share generators where the originals do."""
    copies: list[Any] = copy.deepcopy(list(estimators))
    return copies


def _fit_alone(estimator: Any, fit: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Fit an estimator by itself; return the error and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            estimator.fit(**fit)
        except ValueError as error:
            return repr(error), [repr(warning.message) for warning in caught]
    return repr(None), [repr(warning.message) for warning in caught]


def _assert_equal(ours: Any, theirs: Any, name: str) -> None:
    """Compare values bit for bit, wall times excepted."""
    assert type(ours) is type(theirs), name
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    elif isinstance(ours, TrainingState):
        assert_equal_states(ours, theirs)
    elif isinstance(ours, FitResult):
        assert timeless(ours.history) == timeless(theirs.history)
        one, other = (
            dataclasses.replace(r, history=theirs.history, seconds=0.0) for r in (ours, theirs)
        )
        assert one == other, name
    elif isinstance(ours, np.random.RandomState):
        _assert_equal(ours.get_state(), theirs.get_state(), name)
    elif isinstance(ours, (list, tuple, Mapping)):
        assert len(ours) == len(theirs), name
        for key in ours if isinstance(ours, Mapping) else range(len(ours)):
            _assert_equal(ours[key], theirs[key], f"{name}[{key!r}]")
    elif isinstance(ours, float) and np.isnan(ours):
        assert np.isnan(theirs), name
    elif dataclasses.is_dataclass(ours):
        for field in dataclasses.fields(ours):
            _assert_equal(getattr(ours, field.name), getattr(theirs, field.name), field.name)
    else:
        assert ours == theirs, name


def _assert_same(ours: Any, theirs: Any) -> None:
    """Compare everything that two estimators hold."""
    assert vars(ours).keys() == vars(theirs).keys()
    for name, value in vars(ours).items():
        _assert_equal(value, vars(theirs)[name], name)


def _check(
    estimators: Sequence[Any], fits: Sequence[Mapping[str, Any]], **how: Any
) -> list[FitOutcome]:
    """Fit copies together and one by one, and compare all there is to compare."""
    together, alone = _copies(estimators), _copies(estimators)
    outcomes = fit_many(together, fits=fits, **how)
    # All of them first: they may share generators.
    expected = [_fit_alone(theirs, fit) for theirs, fit in zip(alone, fits, strict=True)]
    for outcome, ours, theirs, (error, warned) in zip(
        outcomes, together, alone, expected, strict=True
    ):
        assert outcome.estimator is ours
        assert repr(outcome.error) == error
        assert [repr(warning) for warning in outcome.warnings] == warned
        assert outcome.seconds >= 0
        assert outcome.result is None or outcome.result is ours.result_
        _assert_same(ours, theirs)
    return outcomes


def _small(**parameters: Any) -> MLPClassifier:
    """Return a quick classifier; parameters override."""
    return MLPClassifier(
        **{"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": 0, **parameters}
    )


# Equality


@st.composite
def _fits(draw: Any) -> tuple[Any, dict[str, Any]]:
    """Draw an estimator and what it is fitted to; bad parameters and early ends among them."""
    parameters = {
        "hidden_layer_sizes": draw(st.sampled_from([(4,), (3, 5), ()])),
        "solver": draw(st.sampled_from(["adam", "sgd", "nadam", "lbfgs", "rmsprop"])),
        "max_iter": draw(st.sampled_from([1, 4, 25])),
        "batch_size": draw(st.sampled_from(["auto", 16, 1000])),
        "early_stopping": draw(st.booleans()),
        "n_iter_no_change": draw(st.sampled_from([2, 10])),
        "dropout": draw(st.sampled_from([0.0, 0.3])),
        "learning_rate_init": draw(st.sampled_from([1e-3, 0.1, 1e4, -1.0])),
        "warm_start": draw(st.booleans()),
        "shuffle": draw(st.booleans()),
        "dtype": draw(st.sampled_from(["auto", "float32"])),
        "engine": draw(st.sampled_from(NAMES)),
        "random_state": draw(st.integers(0, 3)),
    }
    if draw(st.booleans()):
        parameters["random_state"] = np.random.RandomState(parameters["random_state"])
    kind = draw(st.sampled_from([MLPClassifier, MLPRegressor, MLPAutoencoder]))
    if kind is MLPAutoencoder:
        parameters["hidden_layer_sizes"] = parameters["hidden_layer_sizes"] or (2,)
    problem = DIABETES if kind is MLPRegressor else IRIS
    fit: dict[str, Any] = {"X": problem.X, "y": problem.y}
    if draw(st.booleans()):
        fit["sample_weight"] = WEIGHTS[: len(problem.X)]
    if draw(st.booleans()):
        fit["X_val"] = problem.X[::3]
        if kind is not MLPAutoencoder:
            fit["y_val"] = problem.y[::3]
    return kind(**parameters), fit


WEIGHTS = np.random.default_rng(0).integers(0, 3, 300).astype(float)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.lists(_fits(), min_size=1, max_size=6))
def test_together_is_alone(drawn: list[tuple[Any, dict[str, Any]]]) -> None:
    """Every attribute, error and warning, whatever is fitted to whatever."""
    _check([estimator for estimator, _ in drawn], [fit for _, fit in drawn])


@pytest.mark.parametrize("engine", NAMES)
def test_a_grid_over_the_same_rows(engine: str) -> None:
    """What sweeps do: the same rows for all, networks of several shapes and lengths."""
    grid = [
        _small(
            hidden_layer_sizes=sizes,
            activation=activation,
            max_iter=n,
            random_state=seed,
            engine=engine,
        )
        for sizes in ((4,), (3, 3))
        for activation in ("relu", "tanh")
        for n in (3, 7)
        for seed in range(4)
    ]
    alone = _copies(grid)
    outcomes = fit_many(grid, IRIS.X, IRIS.y, n_threads=2)
    for outcome, ours, theirs in zip(outcomes, grid, alone, strict=True):
        _fit_alone(theirs, {"X": IRIS.X, "y": IRIS.y})
        assert outcome.error is None
        _assert_same(ours, theirs)


def test_rows_of_their_own() -> None:
    """Folds and bootstrap samples, labels as text, tables with names, sparse rows."""
    import pandas as pd
    from scipy import sparse

    rng = np.random.default_rng(0)
    names = np.array(["low", "middle", "high"])[IRIS.y]
    table = pd.DataFrame(IRIS.X, columns=list("abcd"))
    chosen = rng.integers(0, 150, 150)
    fits = [
        {"X": table, "y": names},
        {"X": table, "y": names},
        {"X": IRIS.X[chosen], "y": IRIS.y[chosen]},
        {"X": sparse.csr_array(IRIS.X * (IRIS.X > 0)), "y": IRIS.y},
        {"X": IRIS.X[:, :2], "y": np.eye(3, dtype=int)[IRIS.y]},
        {"X": table, "y": IRIS.y[:, None]},  # warns that a column is no vector
        {"X": table, "y": IRIS.y[:, None]},
    ]
    _check([_small(random_state=seed, dtype="float32") for seed in range(7)], fits)


def test_warm_starts_go_on() -> None:
    """Fitted before, and fitted again together; a second fit anew forgets the first."""
    estimators: list[Any] = []
    for seed in range(3):
        for warm in (False, True, "state"):
            parameters = {"warm_start": warm, "random_state": seed}
            estimators += [_small(**parameters), _small(**parameters, solver="lbfgs")]
    fits = [{"X": IRIS.X, "y": IRIS.y}] * len(estimators)
    fit_many(estimators[::2], IRIS.X, IRIS.y)
    _check(estimators, fits)
    other = {"X": IRIS.X[:100, :3], "y": IRIS.y[:100]}
    outcomes = _check(estimators, [other] * len(estimators))
    # Other columns than before are refused where a warm start goes on.
    assert {type(outcome.error) for outcome in outcomes} == {type(None), ValueError}


def test_rows_of_those_that_go_on_are_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for those that begin, where they know the same columns and classes."""
    estimators = [_small(warm_start="state", random_state=seed) for seed in range(6)]
    fit_many(estimators, IRIS.X, IRIS.y)
    fit_many([estimators[5]], IRIS.X[:100], IRIS.y[:100])  # refused: a class is missing
    other = _small(warm_start="state", random_state=9).fit(IRIS.X, np.array(list("abc"))[IRIS.y])
    seen: list[int] = []
    validate = MLPClassifier._validate_rows

    def counting(self: Any, *rows: Any, **how: Any) -> Any:
        seen.append(self.random_state)
        return validate(self, *rows, **how)

    monkeypatch.setattr(MLPClassifier, "_validate_rows", counting)
    outcomes = fit_many([*estimators, other], IRIS.X, IRIS.y)
    assert [outcome.error is None for outcome in outcomes] == [True] * 6 + [False]
    assert seen == [0, 9]


# Generators


def test_generators_are_drawn_from_in_the_order_of_the_list() -> None:
    """Estimators that share one are fitted one after another; the others do not matter."""
    shared = np.random.RandomState(3)
    estimators = [
        _small(random_state=shared, early_stopping=True),
        _small(random_state=1),
        _small(random_state=shared, solver="lbfgs"),
        _small(random_state=np.random.RandomState(3)),
        _small(random_state=shared, dropout=0.2),
        _small(random_state=2),
    ]
    _check(estimators, [{"X": IRIS.X, "y": IRIS.y}] * 6)


def test_the_global_generator_is_shared_by_those_without_a_seed() -> None:
    """The same draws as of one fit after another."""
    weights = []
    for together in (True, False):
        estimators = [_small(random_state=state) for state in (None, 5, None, np.random, None)]
        np.random.seed(7)  # noqa: NPY002  (scikit-learn's default generator)
        if together:
            fit_many(estimators, IRIS.X, IRIS.y)
        else:
            for estimator in estimators:
                _fit_alone(estimator, {"X": IRIS.X, "y": IRIS.y})
        weights.append([estimator.coefs_[0] for estimator in estimators])
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_estimator_twice() -> None:
    """It is fitted twice, as in a loop."""
    ours, theirs = (_small(warm_start="state", random_state=4) for _ in range(2))
    fit_many([ours, ours], IRIS.X, IRIS.y)
    for _ in range(2):
        _fit_alone(theirs, {"X": IRIS.X, "y": IRIS.y})
    _assert_same(ours, theirs)


# What goes wrong


def test_errors_stay_where_they_belong() -> None:
    """Bad parameters, bad rows and divergence end one fit; the others end as they would."""
    good: dict[str, Any] = {"X": IRIS.X, "y": IRIS.y}
    wide = {"solver": "sgd", "learning_rate_init": 1e300}
    cases: list[tuple[Any, dict[str, Any]]] = [
        (_small(), good),
        (_small(activation="rleu"), good),
        (_small(**wide), good),
        (_small(random_state=1), {"X": IRIS.X[:9], "y": IRIS.y}),
        (_small(random_state="one"), good),
        (_small(**wide, early_stopping=True), good),
        (_small(), {**good, "sample_weight_val": WEIGHTS[:150]}),
        (_small(), {**good, "X_val": IRIS.X}),
        (_small(), {**good, "sample_weight": np.zeros(150)}),
        (_small(random_state=2), good),
    ]
    outcomes = _check([estimator for estimator, _ in cases], [fit for _, fit in cases])
    failed = {n: type(outcome.error) for n, outcome in enumerate(outcomes) if outcome.error}
    assert sorted(failed) == [1, 2, 3, 4, 6, 7, 8]
    assert failed[1] is ParameterError
    assert failed[2] is DivergedError
    # Divergence has a result, early stopping makes a warning of it.
    assert outcomes[2].result is not None
    assert outcomes[2].result.status is StopReason.DIVERGED
    assert outcomes[1].result is None
    assert [type(w) for w in outcomes[5].warnings] == [ConvergenceWarning]


def test_warnings_as_errors() -> None:
    """Who makes errors of warnings finds them in the outcomes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        (outcome,) = fit_many([_small()], IRIS.X, IRIS.y)
    assert isinstance(outcome.error, ConvergenceWarning)
    assert outcome.result is not None


def test_a_score_of_ones_own_may_fail() -> None:
    """Its error stands in the outcome of its estimator, whoever was under way beside it."""

    def scorer(estimator: Any, X: Any, y: Any) -> float:
        if estimator.n_iter_no_change == 3:
            message = "no score"
            raise RuntimeError(message)
        return float(estimator.score(X, y))

    own = {"early_stopping": True, "stopping": scorer}
    estimators = [_small(random_state=seed, **own) for seed in range(3)]
    estimators.insert(1, _small(n_iter_no_change=3, **own))
    alone = _copies(estimators)
    outcomes = fit_many(estimators, IRIS.X, IRIS.y)
    assert [str(outcome.error) for outcome in outcomes] == ["None", "no score", "None", "None"]
    for ours, theirs in zip(estimators[2:], alone[2:], strict=True):
        _fit_alone(theirs, {"X": IRIS.X, "y": IRIS.y})
        _assert_same(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "`X` or `fits` must be given; got neither"),
        ({"X": IRIS.X, "fits": []}, "got both"),
        ({"fits": [{"X": IRIS.X}]}, "arguments of 2 fits, one for each estimator; got 1"),
        ({"fits": [{"X": IRIS.X, "weight": 1}] * 2}, "got 'weight'"),
        ({"fits": [{"X": IRIS.X, "Y": 1}] * 2}, "Did you mean 'y'"),
        ({"X": IRIS.X, "n_threads": 0}, "`n_threads` must be"),
    ],
)
def test_arguments_that_do_not_go_together(arguments: dict[str, Any], words: str) -> None:
    """These are errors of the call, told before anything is fitted."""
    with pytest.raises(ParameterError, match=words):
        fit_many([_small(), _small()], **arguments)


def test_other_estimators_are_refused() -> None:
    """They are fitted elsewhere."""
    with pytest.raises(ParameterError, match="got LogisticRegression at 1"):
        fit_many([_small(), LogisticRegression()], IRIS.X, IRIS.y)


def test_no_estimators_no_outcomes() -> None:
    """An empty list is a list."""
    assert fit_many([], IRIS.X, IRIS.y) == []


def test_it_has_a_public_place() -> None:
    """Beside the estimators."""
    assert mlplab.fit_many is fit_many


# Who is told, and when


def test_outcomes_are_told_as_soon_as_they_are_there() -> None:
    """Each once, fitted or failed, while others are still under way."""
    estimators = [_small(max_iter=n, random_state=n) for n in (300, 1, 200, 2)]
    estimators.append(_small(solver="none"))
    told: dict[int, FitOutcome] = {}
    unfitted: list[int] = []

    def on_done(index: int, outcome: FitOutcome) -> None:
        assert index not in told
        told[index] = outcome
        unfitted.append(sum(not hasattr(estimator, "result_") for estimator in estimators))
        assert hasattr(estimators[index], "result_") or outcome.error is not None

    outcomes = fit_many(estimators, IRIS.X, IRIS.y, on_done=on_done)
    assert outcomes == [told[n] for n in range(5)]
    assert unfitted[0] >= 3


class Watcher:
    """An observer, and a callback of scikit-learn's kind, that write down what they are told."""

    def __init__(self, fails: bool = False) -> None:
        self.told: list[Any] = []
        self.fails = fails

    def on_start(self, plan: Any, state: Any) -> None:
        """Note the start."""
        self.told.append((plan.batch_size, state.epoch))

    def on_epoch(self, record: Any, state: Any) -> bool:
        """Note the epoch; ask to stop after five."""
        self.told.append((record.loss, state.parameters.tobytes()))
        if self.fails:
            message = "an observer's mistake"
            raise RuntimeError(message)
        return bool(record.epoch == 5)

    def on_end(self, result: Any) -> None:
        """Note the end."""
        self.told.append(result.status)


class Hooks:
    """A callback of scikit-learn's kind."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def setup(self, estimator: Any, context: Any) -> None:  # noqa: ARG002  (the protocol's signature)
        """Note the beginning."""
        self.told.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:  # noqa: ARG002  (same)
        """Note the end."""
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:  # noqa: ARG002  (same)
        """Note a task."""
        self.told.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(
        self,
        estimator: Any,  # noqa: ARG002  (same)
        context: Any,
        *,
        X: Any,
        y: Any,
        metadata: Any,  # noqa: ARG002  (same)
        fitted_estimator: Any,
    ) -> None:
        """Score what would be left if training ended here."""
        self.told.append(f"{context.task_name} {fitted_estimator.score(X, y)}")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_observers_and_callbacks_see_what_they_see_alone(solver: str, capsys: Any) -> None:
    """Every epoch of their own estimator, printed lines too, and all is torn down."""
    seen = []
    for together in (True, False):
        watched, hooked, talking = (_small(random_state=n, solver=solver) for n in range(3))
        watcher, hooks = Watcher(), Hooks()
        watched.set_callbacks(watcher)
        hooked.set_callbacks(hooks)
        talking.verbose = True
        estimators = [watched, clone(watched).set_callbacks(), hooked, talking]
        if together:
            fit_many(estimators, IRIS.X, IRIS.y)
        else:
            for estimator in estimators:
                _fit_alone(estimator, {"X": IRIS.X, "y": IRIS.y})
        weights = [estimator.coefs_[0].tobytes() for estimator in estimators]
        seen.append((watcher.told, hooks.told, weights, capsys.readouterr().out))
        assert not any(hasattr(estimator, "_callback_fit_ctx") for estimator in estimators)
    assert seen[0] == seen[1]
    assert seen[0][0][-1] is StopReason.OBSERVER
    assert seen[0][1][-1] == "teardown"


def test_a_failing_observer_ends_its_own_fit() -> None:
    """And scikit-learn's callbacks of that estimator are torn down."""
    hooks = Hooks()
    estimators = [_small(random_state=n) for n in range(3)]
    estimators[1].set_callbacks(Watcher(fails=True), hooks)
    outcomes = fit_many(estimators, IRIS.X, IRIS.y)
    assert [str(outcome.error) for outcome in outcomes] == [
        "None",
        "an observer's mistake",
        "None",
    ]
    assert (hooks.told[0], hooks.told[-1]) == ("setup", "teardown")
    assert not hasattr(estimators[1], "_callback_fit_ctx")


# Interrupts


@pytest.mark.parametrize("engine", NAMES)
def test_an_interrupt_keeps_what_there_is(engine: str) -> None:
    """Those under way are fitted to what they learned, the others are left as they are."""
    estimators = [
        _small(max_iter=10**5, tol=0, n_iter_no_change=10**5, random_state=n, engine=engine)
        for n in range(200)
    ]
    estimators[0].set_params(max_iter=10)  # by its name before the others
    told: list[int] = []

    def on_done(index: int, outcome: FitOutcome) -> None:
        told.append(index)
        assert outcome.estimator is estimators[index]
        if len(told) == 1:
            raise KeyboardInterrupt

    outcomes = fit_many(estimators, IRIS.X, IRIS.y, on_done=on_done)
    assert outcomes[0].result is not None
    assert outcomes[0].result.status is StopReason.MAX_EPOCHS
    begun = [n for n, outcome in enumerate(outcomes) if outcome.result is not None]
    assert sorted(told) == begun
    assert 1 < len(begun) < 200
    for n in begun[1:]:
        outcome, estimator = outcomes[n], estimators[n]
        assert outcome.result is estimator.result_
        assert outcome.result.status is StopReason.INTERRUPTED
        assert [str(warning) for warning in outcome.warnings] == ["Training interrupted by user."]
        assert estimator.n_iter_ == len(estimator.loss_curve_) == outcome.result.n_epochs
        assert estimator.predict(IRIS.X).shape == (150,)
    for n in set(range(200)).difference(begun):
        assert outcomes[n] == FitOutcome(estimators[n], None)
        assert not hasattr(estimators[n], "coefs_")


def test_an_interrupt_also_ends_those_that_are_fitted_alone() -> None:
    """One that shares a generator is the last; those after it are not begun."""

    def on_done(index: int, _: FitOutcome) -> None:
        if index == 1:
            raise KeyboardInterrupt

    estimators = [_small(random_state=None) for _ in range(3)]
    outcomes = fit_many(estimators, IRIS.X, IRIS.y, on_done=on_done)
    assert [outcome.result is None for outcome in outcomes] == [False, False, True]


# What is shared


def test_rows_are_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same objects, for all that would see the same in them; not for a loss that may not."""
    validated: list[Any] = []
    plain = MLPRegressor._validate_rows

    def spy(self: Any, *tables: Any, **how: Any) -> Any:
        validated.append(self.loss)
        return plain(self, *tables, **how)

    monkeypatch.setattr(MLPRegressor, "_validate_rows", spy)
    counts = np.abs(DIABETES.y)
    estimators = [MLPRegressor("poisson", (3,), max_iter=2, random_state=n) for n in range(4)]
    estimators += [MLPRegressor("huber", (3,), max_iter=2, random_state=n) for n in range(4)]
    fit_many(estimators, fits=[{"X": DIABETES.X, "y": counts}] * 8)
    assert sorted(validated) == ["huber", "poisson"]
    validated.clear()
    # What cannot be used is told to each that cannot use it.
    outcomes = fit_many(estimators, fits=[{"X": DIABETES.X, "y": DIABETES.y}] * 8)
    assert [outcome.error is None for outcome in outcomes] == [False] * 4 + [True] * 4
    assert validated.count("poisson") == 4


@pytest.mark.parametrize("own", [None, 1])
def test_engines_keep_to_the_limit_of_threads(own: int | None) -> None:
    """An estimator's own limit comes first; what the result says is what it asked for."""
    made = [_small(n_threads=own, random_state=n) for n in range(3)]
    plan = clone(made[0]).initialize(IRIS.X, IRIS.y).plan_
    used: list[int | None] = []
    kind = type(select_engine("auto", plan)[0])
    plain = kind.queue

    def spy(self: Any) -> Any:
        used.append(self.n_threads)
        return plain(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "queue", spy)
        outcomes = fit_many(made, IRIS.X, IRIS.y, n_threads=2)
    assert set(used) == {own or 2}
    assert all(outcome.result and outcome.result.n_threads == own for outcome in outcomes)
