"""What only the reference engine has; here shapes are checked on every call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from tests.strategies import LOSS_CASES, Case, cases, draw_data

from mlplab import nn, optim
from mlplab.engines import StoppingRule, TrainingPlan, TrainingState
from mlplab.engines.reference import ReferenceEngine, build_update


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_shapes_hold_on_every_plan(case: Case) -> None:
    """All annotations of `nn`, `optim` and `engines` hold while plans are carried out."""
    engine = ReferenceEngine()
    job = case.job()
    engine.advance(*job)
    engine.objective(case.plan, case.start, case.data)
    raw = engine.raw_predictions(case.plan.network, job.state.parameters, case.data.x)
    assert raw.shape == case.data.target.shape


def _update(gradient: Any, **fields: Any) -> Any:
    """Return the step that a plan makes of a gradient, from weights of one and a bias of one."""
    plan = TrainingPlan(
        network=nn.multilayer(2, [], 1),
        loss=nn.SquaredError(),
        optimiser=optim.SGD(momentum=0.0),
        schedule=optim.Constant(1.0),
        **fields,
    )
    update = build_update(plan, plan.network.penalty_mask())
    parameters = np.ones(3)
    step = optim.Step(1, 0.5, parameters)
    return update.update(np.asarray(gradient), update.init(parameters), step)[0]


def test_values_are_clipped_before_the_norm() -> None:
    """(10, 3, 0) is limited to (4, 3, 0), of norm 5, and then shortened to norm 1."""
    np.testing.assert_allclose(
        _update([10.0, 3.0, 0.0], clip_value=4.0, clip_norm=1.0), [-0.4, -0.3, 0.0]
    )
    np.testing.assert_allclose(_update([10.0, 3.0, 0.0], clip_value=4.0), [-2.0, -1.5, 0.0])
    np.testing.assert_allclose(_update([3.0, 4.0, 0.0], clip_norm=1.0), [-0.3, -0.4, 0.0])


def test_decay_comes_last_and_spares_the_bias() -> None:
    """It is neither clipped nor felt by the optimiser."""
    np.testing.assert_allclose(
        _update([0.0, 0.0, 0.0], weight_decay=0.2, clip_norm=1e-6), [-0.1, -0.1, 0.0]
    )


def test_rate_factors_scale_the_steps_of_their_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A layer whose parameters have a factor of zero does not move."""
    rng = np.random.default_rng(0)
    network = nn.multilayer(3, [2], 1, "tanh")
    mask = np.repeat([0.0, 1.0], [8, network.n_parameters - 8])
    monkeypatch.setattr(nn.NetworkSpec, "rate_factors", lambda *_: mask)
    plan = TrainingPlan(
        network=network,
        loss=nn.SquaredError(),
        optimiser=optim.Adam(),
        schedule=optim.Constant(0.1),
        stopping=StoppingRule(max_epochs=2),
        batch_size=5,
    )
    start = rng.normal(size=network.n_parameters)
    state = TrainingState(start.copy())
    data = draw_data(LOSS_CASES["squared"], rng, 10, 3)
    ReferenceEngine().advance(plan, state, data, None, 2)
    moved = state.parameters != start
    np.testing.assert_array_equal(moved, mask == 1)


def test_limit_of_threads_holds_while_it_works() -> None:
    """The linear algebra library is limited inside, and as before outside."""
    from threadpoolctl import threadpool_info

    seen = []

    class Loss(nn.SquaredError):
        """Looks at the threads in the middle of the work."""

        def values(self, raw: Any, target: Any) -> Any:
            """Note the limits."""
            seen.append({pool["num_threads"] for pool in threadpool_info() if _is_blas(pool)})
            return super().values(raw, target)

    before = threadpool_info()
    rng = np.random.default_rng(0)
    network = nn.multilayer(3, [], 1)
    plan = TrainingPlan(network, Loss(), optim.SGD(), optim.Constant(0.1))
    state = TrainingState(np.zeros(network.n_parameters))
    ReferenceEngine(1).advance(plan, state, draw_data(LOSS_CASES["squared"], rng, 5, 3), None, 1)
    assert seen
    assert all(limits == {1} for limits in seen)
    assert threadpool_info() == before


def _is_blas(pool: Any) -> bool:
    return bool(pool["user_api"] == "blas")
