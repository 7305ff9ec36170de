"""Training with L-BFGS: iterations are recorded like epochs."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from tests.strategies import DTYPES, LOSS_CASES, draw_data

from mlplab import nn, optim
from mlplab.engines import StoppingRule, TrainingPlan, TrainingState
from mlplab.engines.reference import ReferenceEngine
from mlplab.results import EpochRecord, FitResult, StopReason
from mlplab.train import RowOrders, Training, train
from mlplab.train.observers import Watch
from mlplab.train.second_order import REASONS, run_iterations

N_ROWS = 30
BOTH = pytest.mark.parametrize("resumable", [False, True])


def _training(
    n: int = 15,
    *,
    loss: str = "categorical",
    dtype: str = "float64",
    monitor: Any = "training_loss",
    patience: float = math.inf,
    restore: bool = False,
    validation: bool = False,
    **recipe: Any,
) -> Training:
    """Return a training of a small tanh network by L-BFGS."""
    rng, case = np.random.default_rng(8), LOSS_CASES[loss]
    network = nn.multilayer(3, [6], case.n_outputs, "tanh")
    plan = TrainingPlan(
        network=network,
        loss=case.loss,
        optimiser=optim.LBFGS(**{"gradient_tolerance": 1e-9, **recipe}),
        schedule=optim.Constant(1.0),
        stopping=StoppingRule(n, monitor, 1e-4, patience, restore),
        penalties=nn.Penalties(l2=0.1),
        batch_size=N_ROWS,
        dtype=dtype,
    )
    return Training(
        plan=plan,
        data=draw_data(case, rng, N_ROWS, 3, dtype, weighted=True, validation=validation),
        engine=ReferenceEngine(),
        engine_reason="",
        state=TrainingState(nn.draw_parameters(network, "auto", np.random.RandomState(0), dtype)),
        orders=RowOrders(N_ROWS, np.random.RandomState(0), shuffle=False, batch_size=N_ROWS),
        n_epochs=n,
    )


class Observer:
    """Keeps the parameters of every iteration; may stop or interrupt."""

    def __init__(self, stop_after: int = 10**9, interrupt_at: int = 10**9) -> None:
        self.stop_after, self.interrupt_at = stop_after, interrupt_at
        self.parameters: list[Any] = []

    def on_start(self, plan: TrainingPlan, state: TrainingState) -> None:
        """Nothing to note."""

    def on_epoch(self, record: EpochRecord, state: TrainingState) -> bool:
        """Keep the parameters."""
        self.parameters.append(state.parameters.copy())
        if record.epoch == self.interrupt_at:
            raise KeyboardInterrupt
        return record.epoch >= self.stop_after

    def on_end(self, result: FitResult) -> None:
        """Nothing to note."""


def test_iterations_are_those_of_scipy() -> None:
    """The same parameters as SciPy's routine on the engine's objective, each on record."""
    training, engine = _training(), ReferenceEngine()
    start, iterates = training.state.parameters.copy(), []

    def objective(p: Any) -> tuple[float, Any]:
        value, _, gradient = engine.objective(training.plan, p, training.data)
        return value, gradient

    options = {"maxiter": 15, "gtol": 1e-9, "maxfun": 15000}
    expected = optimize.minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        options=options,
        callback=lambda p: iterates.append(p.copy()),
    )
    result = train(training)
    np.testing.assert_array_equal(training.state.parameters, expected.x)
    assert [r.epoch for r in result.history] == list(range(1, 16))
    assert [r.loss for r in result.history] == [objective(p)[0] for p in iterates]
    assert result.history[-1].gradient_norm == pytest.approx(np.linalg.norm(expected.jac))
    assert training.state.samples_seen == 0  # as in scikit-learn, whose t_ counts steps' rows


@BOTH
@pytest.mark.parametrize(
    ("n", "recipe", "status"),
    [
        (4, {}, StopReason.MAX_EPOCHS),
        (200, {"max_evaluations": 6}, StopReason.MAX_EVALUATIONS),
        (3000, {"gradient_tolerance": 1e-3}, StopReason.CONVERGED),
    ],
)
def test_status_says_why_it_ended(
    n: int, recipe: dict[str, Any], status: StopReason, resumable: bool
) -> None:
    """In the same words as every other training; the loss has fallen."""
    result = train(_training(n, resumable=resumable, **recipe))
    assert result.status is status
    assert 0 < result.n_epochs <= n
    assert result.history[-1].loss < result.history[0].loss


def test_every_status_has_a_reason() -> None:
    """The routine's words and ours are in one table."""
    assert set(REASONS) == {
        "converged", "max_iterations", "max_evaluations", "line_search", "stopped",
    }  # fmt: skip


@BOTH
def test_observer_may_stop(resumable: bool) -> None:
    """After the iteration at which it asks, with that iteration's parameters."""
    training, observer = _training(resumable=resumable), Observer(stop_after=3)
    result = train(training, [observer])
    assert result.status is StopReason.OBSERVER
    assert result.n_epochs == 3
    np.testing.assert_array_equal(training.state.parameters, observer.parameters[-1])


@BOTH
def test_interrupt_keeps_what_was_learned(resumable: bool) -> None:
    """The parameters of the last iteration stay."""
    training, observer = _training(resumable=resumable), Observer(interrupt_at=4)
    result = train(training, [observer])
    assert result.status is StopReason.INTERRUPTED
    assert result.n_epochs == 4
    np.testing.assert_array_equal(training.state.parameters, observer.parameters[-1])


@BOTH
@pytest.mark.parametrize("restore", [False, True])
def test_validation_rows_may_stop(restore: bool, resumable: bool) -> None:
    """Random labels are learned by heart, which the validation loss notices."""
    training = _training(
        500, monitor="validation_loss", patience=3, restore=restore, validation=True,
        resumable=resumable,
    )  # fmt: skip
    observer = Observer()
    result = train(training, [observer])
    assert result.status is StopReason.VALIDATION_PLATEAU
    assert result.restored_best is restore
    assert result.best_epoch is not None
    assert result.best_epoch < result.n_epochs < 500
    kept = observer.parameters[result.best_epoch - 1 if restore else -1]
    np.testing.assert_array_equal(training.state.parameters, kept)


def test_without_validation_rows_patience_does_not_stop() -> None:
    """The routine's own tests of convergence decide."""
    result = train(_training(40, patience=0))
    assert result.n_epochs == 40
    assert result.status is StopReason.MAX_EPOCHS


def test_resumed_iterations_are_uninterrupted_ones() -> None:
    """Three trainings of five iterations are one of fifteen, bit for bit."""
    whole, parts = _training(15, resumable=True), _training(15, resumable=True)
    train(whole)
    epochs = []
    for _ in range(3):
        result = train(dataclasses.replace(parts, n_epochs=5))
        epochs += [record.epoch for record in result.history]
        parts.state.begin_training(keep_optimiser=True)
    np.testing.assert_array_equal(parts.state.parameters, whole.state.parameters)
    assert epochs == list(range(1, 16))


@BOTH
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_is_kept(dtype: str, resumable: bool) -> None:
    """The routine works in float64; the network computes in its own dtype."""
    training = _training(dtype=dtype, resumable=resumable)
    result = train(training)
    assert training.state.parameters.dtype == dtype
    assert result.history[-1].loss < result.history[0].loss


def test_reported_loss_has_its_scale() -> None:
    """A squared error of two outputs is told as scikit-learn tells it: the mean."""
    training = _training(6, loss="squared_outputs")
    result = train(training)
    _, reported, _ = training.engine.objective(
        training.plan, training.state.parameters, training.data
    )
    assert result.history[-1].loss == pytest.approx(reported, rel=1e-12)


@BOTH
def test_divergence_is_told(resumable: bool) -> None:
    """Rows beyond all measure: no warning, and finite parameters at the end."""
    training = _training(20, loss="squared", resumable=resumable)
    training = dataclasses.replace(
        training, data=dataclasses.replace(training.data, target=np.full((N_ROWS, 1), 1e200))
    )
    result = train(training)
    assert result.status is StopReason.DIVERGED
    assert np.isfinite(training.state.parameters).all()


def test_other_optimisers_are_refused() -> None:
    """Only L-BFGS has iterations."""
    training = _training()
    plan = dataclasses.replace(training.plan, optimiser=optim.Adam())
    with pytest.raises(TypeError, match="L-BFGS only, not adam"):
        run_iterations(
            plan, training.data, training.engine, training.state, 1, Watch(training.state, [])
        )
