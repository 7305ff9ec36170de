"""With ``warm_start="state"`` fits add up: bits, split, orders and generator go on."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from tests.estimators.problems import load_problem

from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor
from mlplab.engines import engine_names
from mlplab.errors import DivergedError, ParameterError
from mlplab.estimators import fit_many
from mlplab.results import ModelArtifact, StopReason

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger:UserWarning"),
]

IRIS, DIABETES = load_problem("multiclass"), load_problem("regression")
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ADDING = ("constant", "invscaling", "adaptive", "plateau")
SPANNING = ("linear", "cosine", "step", "exponential", "one_cycle")
# The native and the reference engine; PyTorch's has a test of its own, where it is installed.
ENGINES = tuple(name for name in ("native", "reference") if name in engine_names())


def _halving(step: int) -> float:
    return float(0.02 * 0.5 ** (step / 50))


@st.composite
def _plans(draw: Any) -> dict[str, Any]:
    """Draw everything that decides how training goes on."""
    early = draw(st.booleans())
    return {
        "hidden_layer_sizes": draw(st.sampled_from([(4,), (3, 5), ()])),
        "solver": draw(st.sampled_from(["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad"])),
        "learning_rate": draw(st.sampled_from([*ADDING, _halving])),
        "learning_rate_init": draw(st.sampled_from([0.003, 0.02])),
        "batch_size": draw(st.sampled_from(["auto", 16, 41, 1000])),
        "shuffle": draw(st.booleans()),
        "early_stopping": early,
        "stopping": draw(st.sampled_from(["auto", "loss"])) if early else "auto",
        "n_iter_no_change": draw(st.sampled_from([1, 4, np.inf])),
        "tol": draw(st.sampled_from([0.0, 0.01])),
        "dropout": draw(st.sampled_from([0.0, 0.3])),
        "momentum": draw(st.sampled_from([0.0, 0.9])),
        "clip_norm": draw(st.sampled_from([None, 0.5])),
        "weight_decay": draw(st.sampled_from([0.0, 0.01])),
        "dtype": draw(st.sampled_from(["auto", "float32"])),
        "engine": draw(st.sampled_from(ENGINES)),
        "random_state": draw(st.integers(0, 2**32 - 1)),
    }


def _network(kind: type[Any], plan: dict[str, Any], **more: Any) -> tuple[Any, Any]:
    """Return a network and the rows that it learns."""
    problem = DIABETES if kind is MLPRegressor else IRIS
    plan = {**plan, **more}
    if kind is MLPAutoencoder:
        plan["hidden_layer_sizes"] = plan["hidden_layer_sizes"] or (2,)
    return kind(**plan), problem


def _assert_same_training(ours: Any, theirs: Any) -> None:
    """Compare weights, what the optimiser knows, curves, rows and generator, bit for bit."""
    for one, other in zip(
        [*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True
    ):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    for name in ("loss_curve_", "validation_scores_", "validation_loss_curve_", "t_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    one, other = ours._state, theirs._state
    assert one.slots.keys() == other.slots.keys()
    for name in one.slots:
        np.testing.assert_array_equal(one.slots[name], other.slots[name], err_msg=name)
    counters = ("step", "epoch", "divisions", "no_improvement", "best_figure", "best_epoch")
    assert [getattr(one, name) for name in counters] == [getattr(other, name) for name in counters]
    np.testing.assert_array_equal(one.best_parameters, other.best_parameters)
    _assert_same_standing(ours._standing, theirs._standing)


def _assert_same_standing(ours: Any, theirs: Any) -> None:
    assert (ours.n_rows, ours.share, ours.seed) == (theirs.n_rows, theirs.share, theirs.seed)
    np.testing.assert_array_equal(ours.order, theirs.order)
    np.testing.assert_array_equal(ours.aside, theirs.aside)
    assert (ours.generator is None) == (theirs.generator is None)
    if ours.generator is not None:
        one, other = ours.generator["state"], theirs.generator["state"]
        assert one["pos"] == other["pos"]
        np.testing.assert_array_equal(one["key"], other["key"])


# ---------------------------------------------------------------------- adding fits


@MANY
@given(
    plan=_plans(),
    kind=st.sampled_from([MLPClassifier, MLPRegressor, MLPAutoencoder]),
    pieces=st.lists(st.integers(1, 9), min_size=2, max_size=4),
)
def test_fits_of_some_epochs_each_are_one_of_all(
    plan: dict[str, Any], kind: type[Any], pieces: list[int]
) -> None:
    """Bit for bit, until the rule ends training, which it does in the same epoch."""
    parts, problem = _network(kind, plan, warm_start="state")
    for n_epochs in pieces:
        parts.set_params(max_iter=n_epochs).fit(problem.X, problem.y)
        if parts.result_.status is not StopReason.MAX_EPOCHS:
            break
    whole, _ = _network(kind, plan, warm_start="state", max_iter=sum(pieces))
    whole.fit(problem.X, problem.y)
    assert whole.result_.status is parts.result_.status
    assert whole.result_.restored_best == parts.result_.restored_best
    _assert_same_training(parts, whole)
    plain, _ = _network(kind, plan, max_iter=sum(pieces))
    np.testing.assert_array_equal(plain.fit(problem.X, problem.y).coefs_[0], whole.coefs_[0])


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "nadam"])
def test_fits_add_up_in_pytorch_too(solver: str, early: bool) -> None:
    """The contract is that of every engine."""
    pytest.importorskip("torch")
    plan = {"solver": solver, "batch_size": 16, "dropout": 0.2, "engine": "torch"}
    plan |= {"early_stopping": early, "random_state": 3, "warm_start": "state"}
    parts = MLPClassifier((4,), max_iter=3, **plan)
    parts.fit(IRIS.X, IRIS.y).set_params(max_iter=4).fit(IRIS.X, IRIS.y)
    whole = MLPClassifier((4,), max_iter=7, **plan).fit(IRIS.X, IRIS.y)
    _assert_same_training(parts, whole)


@pytest.mark.parametrize("batch_size", [16, 1000])
def test_a_generator_of_the_users_own_goes_on_by_itself(batch_size: int) -> None:
    """It stands after two fits where it stands after one, and nothing of it is kept."""
    plan = {"batch_size": batch_size, "early_stopping": True, "warm_start": "state"}
    ours, theirs = np.random.RandomState(5), np.random.RandomState(5)
    parts = MLPClassifier((4,), max_iter=3, random_state=ours, **plan)
    parts.fit(IRIS.X, IRIS.y).set_params(max_iter=4).fit(IRIS.X, IRIS.y)
    whole = MLPClassifier((4,), max_iter=7, random_state=theirs, **plan).fit(IRIS.X, IRIS.y)
    _assert_same_training(parts, whole)
    assert parts._standing.generator is None
    assert ours.randint(2**31) == theirs.randint(2**31)


def test_the_global_generator_goes_on_too() -> None:
    """Where nobody else draws from it in between."""
    plan = {"batch_size": 16, "early_stopping": True, "warm_start": "state"}
    weights = []
    for pieces in ([3, 4], [7]):
        np.random.seed(9)  # noqa: NPY002  (what random_state=None means)
        network = MLPClassifier((4,), **plan)
        for n_epochs in pieces:
            network.set_params(max_iter=n_epochs).fit(IRIS.X, IRIS.y)
        weights.append(network.coefs_[0])
    np.testing.assert_array_equal(*weights)


def test_partial_fits_are_the_epochs_of_a_fit() -> None:
    """A stream of the same rows goes through them in the orders of one fit."""
    plan = {"batch_size": 16, "random_state": 2, "warm_start": "state", "dropout": 0.2}
    parts = MLPClassifier((4,), **plan)
    for _ in range(5):
        parts.partial_fit(IRIS.X, IRIS.y, classes=[0, 1, 2])
    whole = MLPClassifier((4,), max_iter=5, **plan).fit(IRIS.X, IRIS.y)
    _assert_same_training(parts, whole)


@pytest.mark.parametrize("way", ["file", "pickle", "deepcopy"])
@pytest.mark.parametrize("early", [False, True])
def test_what_was_stored_in_between_goes_on(way: str, early: bool) -> None:
    """Generator, order, split and the weights after the last epoch are stored too."""
    plan = {"batch_size": 16, "early_stopping": early, "tol": 0.0, "n_iter_no_change": np.inf}
    parts = MLPClassifier((4,), max_iter=6, warm_start="state", random_state=1, **plan)
    parts.fit(IRIS.X, IRIS.y)
    stored = {
        "file": lambda: MLPClassifier.from_artifact(_through_json(parts.to_artifact())),
        "pickle": lambda: pickle.loads(pickle.dumps(parts)),  # noqa: S301  (our own bytes)
        "deepcopy": lambda: copy.deepcopy(parts),
    }[way]()
    stored.fit(IRIS.X, IRIS.y)
    whole = MLPClassifier((4,), max_iter=12, warm_start="state", random_state=1, **plan)
    _assert_same_training(stored, whole.fit(IRIS.X, IRIS.y))


def _through_json(artifact: ModelArtifact) -> ModelArtifact:
    import json

    return ModelArtifact(artifact.kind, json.loads(json.dumps(artifact.header)), artifact.arrays)


def test_a_generator_that_cannot_be_stored_is_named() -> None:
    """Order and split come back; the generator is the global one, as the header says."""
    network = MLPClassifier((4,), max_iter=2, warm_start="state", early_stopping=True)
    network.set_params(random_state=np.random.RandomState(0), batch_size=16).fit(IRIS.X, IRIS.y)
    artifact = network.to_artifact()
    assert artifact.header["replaced"] == {"random_state": "RandomState"}
    stored = MLPClassifier.from_artifact(artifact)
    _assert_same_standing(stored._standing, network._standing)
    assert stored.random_state is None


# ---------------------------------------------------------------------- what changes in between


def test_other_rows_are_dealt_anew_where_their_number_changes() -> None:
    """The split goes with the number of rows; the generator goes on all the same."""
    network = MLPClassifier((4,), max_iter=3, random_state=0, batch_size=16, warm_start="state")
    network.set_params(early_stopping=True).fit(IRIS.X, IRIS.y)
    first = network._standing
    network.fit(IRIS.X[::-1].copy(), IRIS.y[::-1].copy())
    np.testing.assert_array_equal(network._standing.aside, first.aside)
    network.fit(IRIS.X[20:], IRIS.y[20:])
    second = network._standing
    assert (second.n_rows, len(second.aside)) == (130, 13)
    assert sorted([*second.order, *second.aside]) == list(range(130))
    assert second.generator["state"]["pos"] != first.generator["state"]["pos"]


@pytest.mark.parametrize(
    "change", [{"validation_fraction": 0.3}, {"early_stopping": False}, {"random_state": 1}]
)
def test_another_split_is_drawn_only_where_another_is_asked_for(change: dict[str, Any]) -> None:
    """A larger part, none at all; another number begins other orders of the same rows."""
    plan = {"max_iter": 3, "random_state": 0, "batch_size": 16, "warm_start": "state"}
    network, other = (MLPClassifier((4,), early_stopping=True, **plan) for _ in range(2))
    network.fit(IRIS.X, IRIS.y).set_params(**change).fit(IRIS.X, IRIS.y)
    other.fit(IRIS.X, IRIS.y).fit(IRIS.X, IRIS.y)
    ours, theirs = network._standing, other._standing
    same = ours.aside is not None and np.array_equal(ours.aside, theirs.aside)
    assert same == ("random_state" in change)
    assert not np.array_equal(ours.order, theirs.order)
    n_aside = 0 if ours.aside is None else len(ours.aside)
    assert sorted(ours.order if n_aside == 0 else [*ours.order, *ours.aside]) == list(range(150))


def test_the_best_weights_are_shown_and_the_last_are_trained_on() -> None:
    """Unless the user puts others in their place."""
    plan: dict[str, Any] = {"batch_size": 16, "tol": 0.0, "n_iter_no_change": np.inf}
    plan |= {"early_stopping": True, "stopping": "loss", "learning_rate_init": 0.2}
    network = MLPClassifier((4,), max_iter=15, warm_start="state", random_state=0, **plan)
    network.fit(IRIS.X, IRIS.y)
    assert network.result_.best_epoch < 15
    assert not np.array_equal(network._state.last_parameters, network._state.parameters)
    changed = copy.deepcopy(network)
    changed.coefs_[0][:] = 0.0
    changed.set_params(max_iter=1).fit(IRIS.X, IRIS.y)
    network.set_params(max_iter=1).fit(IRIS.X, IRIS.y)
    assert changed.loss_curve_[-1] != network.loss_curve_[-1]
    whole = MLPClassifier((4,), max_iter=16, warm_start="state", random_state=0, **plan)
    _assert_same_training(network, whole.fit(IRIS.X, IRIS.y))


@pytest.mark.parametrize("warm", [False, True])
def test_without_the_state_nothing_more_is_kept(warm: bool) -> None:
    """Plain fits, and warm starts as scikit-learn's, begin their orders anew."""
    network = MLPClassifier((4,), max_iter=3, warm_start="state", early_stopping=True)
    network.fit(IRIS.X, IRIS.y).set_params(warm_start=warm).fit(IRIS.X, IRIS.y)
    assert not hasattr(network, "_standing")
    assert network._state.last_parameters is None


def test_after_divergence_the_optimiser_begins_anew() -> None:
    """What it remembers are no numbers, the weights are."""
    network = MLPClassifier((4,), learning_rate_init=1e200, max_iter=5, warm_start="state")
    with pytest.raises(DivergedError):
        network.set_params(solver="sgd", activation="identity").fit(IRIS.X, IRIS.y)
    network.set_params(learning_rate_init=0.01).fit(IRIS.X, IRIS.y)
    assert network.result_.status is StopReason.MAX_EPOCHS
    assert np.isfinite(network.loss_curve_[-5:]).all()


# ---------------------------------------------------------------------- pauses


@MANY
@given(
    plan=_plans(),
    schedule=st.sampled_from([*ADDING, *SPANNING]),
    pauses=st.lists(st.integers(1, 19), min_size=1, max_size=3, unique=True).map(sorted),
    stored=st.booleans(),
)
def test_a_training_with_pauses_is_one_without(
    plan: dict[str, Any], schedule: str, pauses: list[int], stored: bool
) -> None:
    """Schedules with an end, length and stopping rule are those of the whole."""
    plan = {**plan, "learning_rate": schedule, "max_iter": 20}
    paused = MLPClassifier(warm_start="state", **plan)
    for pause in [*pauses, None]:
        paused.pause_after(pause).fit(IRIS.X, IRIS.y)
        if paused.result_.status is not StopReason.PAUSED:
            break
        assert len(paused.loss_curve_) == pause
        if stored:
            paused = MLPClassifier.from_artifact(paused.to_artifact())
    whole = MLPClassifier(warm_start="state", **plan).fit(IRIS.X, IRIS.y)
    assert paused.result_.status is whole.result_.status
    _assert_same_training(paused, whole)


def test_pauses_of_many_at_once() -> None:
    """Together as alone, and rows that all share are validated once a round."""
    networks = [
        MLPClassifier((4,), learning_rate=rate, batch_size=16, random_state=seed, max_iter=12)
        for rate in ("constant", "cosine")
        for seed in range(3)
    ]
    wholes = [clone(network).set_params(warm_start="state") for network in networks]
    for network in networks:
        network.set_params(warm_start="state")
    for pause in (3, 7, None):
        for network in networks:
            network.pause_after(pause)
        outcomes = fit_many(networks, IRIS.X, IRIS.y)
        assert all(outcome.error is None for outcome in outcomes)
    for network, whole in zip(networks, wholes, strict=True):
        _assert_same_training(network, whole.fit(IRIS.X, IRIS.y))


def test_a_pause_is_no_warning_and_no_end() -> None:
    """It warns of nothing; a pause that lies behind trains nothing; a clone does not pause."""
    network = MLPClassifier((4,), max_iter=9, random_state=0, warm_start="state").pause_after(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.fit(IRIS.X, IRIS.y)
        before = network.coefs_[0].copy()
        network.pause_after(2).fit(IRIS.X, IRIS.y)
    np.testing.assert_array_equal(network.coefs_[0], before)
    assert (network.n_iter_, network.result_.status) == (0, StopReason.PAUSED)
    assert clone(network).fit(IRIS.X, IRIS.y).n_iter_ == 9


def test_without_the_state_a_paused_fit_begins_anew() -> None:
    """As every fit does."""
    network = MLPClassifier((4,), max_iter=9, random_state=0).pause_after(4).fit(IRIS.X, IRIS.y)
    first = network.coefs_[0].copy()
    assert network.fit(IRIS.X, IRIS.y).n_iter_ == 4
    np.testing.assert_array_equal(network.coefs_[0], first)


@pytest.mark.parametrize("wrong", [0, -3, 2.5, "ten"])
def test_a_pause_is_after_some_epochs(wrong: Any) -> None:
    """Anything else is answered with the rule."""
    with pytest.raises(ParameterError, match=r"`n_epochs` must be a positive integer or None"):
        MLPClassifier().pause_after(wrong)


def test_lbfgs_does_not_pause() -> None:
    """Its iterations depend on where they end; two fits add up all the same."""
    assert not hasattr(MLPClassifier(solver="lbfgs"), "pause_after")


def test_what_is_kept_of_a_paused_network_is_small() -> None:
    """No rows: weights, what the optimiser remembers, and two bytes for each row."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4000, 60)), rng.integers(0, 2, 4000)
    network = MLPClassifier((8,), random_state=0, warm_start="state", batch_size=50)
    network.pause_after(2).fit(X, y)
    weights = sum(array.nbytes for array in [*network.coefs_, *network.intercepts_])
    assert len(pickle.dumps(network)) < 8 * weights + 2 * len(X) + 12_000 < X.nbytes / 20
