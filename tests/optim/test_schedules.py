"""Schedules: against PyTorch's schedulers where they are the same, else against closed forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer
from tests.strategies import SCHEDULES
from tests.torch_peer import lr_scheduler, needs_torch, torch

from mlplab import optim

STEPS, EPOCHS, ROWS = 4, 10, 32


def _moments(steps: int = STEPS, epochs: int = EPOCHS) -> Iterator[optim.Moment]:
    """Yield every moment at which a training asks for a rate."""
    for step in range(steps * epochs):
        epoch = step // steps
        yield optim.Moment(step, epoch, steps, epochs, ROWS * epoch, divisions=0)


def _rates(schedule: optim.Schedule) -> Any:
    return np.array([schedule.rate(moment) for moment in _moments()])


def _torch_rates(n: int, make: Callable[[Any], Any]) -> Any:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
    scheduler, rates = make(optimiser), []
    for _ in range(n):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return np.array(rates)


BY_EPOCH: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "linear": (
        optim.Linear(0.2, 0.05),
        lambda o: lr_scheduler.LinearLR(o, 1.0, 0.25, total_iters=EPOCHS - 1),
    ),
    "step": (
        optim.StepDecay(0.2, factor=0.5, every=3),
        lambda o: lr_scheduler.StepLR(o, step_size=3, gamma=0.5),
    ),
    "exponential": (
        optim.Exponential(0.2, 0.002),
        lambda o: lr_scheduler.ExponentialLR(o, gamma=0.01 ** (1 / (EPOCHS - 1))),
    ),
}


@needs_torch
@pytest.mark.parametrize("name", BY_EPOCH)
def test_schedules_over_epochs_are_those_of_pytorch(name: str) -> None:
    """All steps of an epoch share its rate; the last epoch has the final one."""
    schedule, make = BY_EPOCH[name]
    expected = np.repeat(_torch_rates(EPOCHS, make), STEPS)
    np.testing.assert_allclose(_rates(schedule), expected, rtol=1e-12)


@needs_torch
def test_cosine_is_that_of_pytorch() -> None:
    """Half a wave over all steps, the last one at the final rate."""
    expected = _torch_rates(
        STEPS * EPOCHS,
        lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS * EPOCHS - 1, eta_min=0.01),
    )
    rates = _rates(optim.Cosine(0.2, 0.01))
    np.testing.assert_allclose(rates, expected, rtol=1e-10)
    assert rates[0] == 0.2
    assert rates[-1] == pytest.approx(0.01, rel=1e-14)


@needs_torch
def test_one_cycle_is_that_of_pytorch() -> None:
    """Where its warm-up ends at the same step: PyTorch counts it from one step earlier."""
    n = STEPS * EPOCHS
    share = (0.3 * (n - 1) + 1) / n
    expected = _torch_rates(
        n - 1, lambda o: lr_scheduler.OneCycleLR(o, 0.2, total_steps=n, pct_start=share)
    )
    rates = _rates(optim.OneCycle(0.2))
    np.testing.assert_allclose(rates[:-1], expected, rtol=1e-10)
    assert rates[0] == pytest.approx(0.2 / 25, rel=1e-14)
    assert rates[-1] == pytest.approx(0.2 / 25 * 1e-4, rel=1e-9)


def test_one_cycle_rises_to_its_peak_and_falls() -> None:
    """With a chosen share and end; the peak is the parameter `initial`."""
    rates = _rates(optim.OneCycle(0.2, final=0.01, warm_share=1 / 3))
    assert int(rates.argmax()) == 13  # a third of the 39 steps after the first
    assert rates.max() == pytest.approx(0.2, rel=1e-14)
    assert (np.diff(rates[:14]) > 0).all()
    assert (np.diff(rates[13:]) < 0).all()
    assert rates[-1] == pytest.approx(0.01, rel=1e-12)


def test_inverse_scaling_is_that_of_sklearn() -> None:
    """Told after each epoch how many rows have been seen."""
    peer = SGDOptimizer([np.zeros(1)], 0.2, "invscaling", power_t=0.4)
    expected = []
    for epoch in range(EPOCHS):
        expected += [peer.learning_rate] * STEPS
        peer.iteration_ends(ROWS * (epoch + 1))
    np.testing.assert_array_equal(_rates(optim.InverseScaling(0.2, power=0.4)), expected)


def test_adaptive_is_that_of_sklearn() -> None:
    """Divided by five again and again, with the same rounding."""
    peer = SGDOptimizer([np.zeros(1)], 0.3, "adaptive")
    for divisions in range(7):
        moment = optim.Moment(0, 0, 1, 1, 0, divisions)
        assert optim.Adaptive(0.3).rate(moment) == peer.learning_rate
        peer.trigger_stopping("", verbose=False)


def test_constant_and_own_functions() -> None:
    """The same always; or whatever the function says of the step."""
    assert set(_rates(optim.Constant(0.2))) == {0.2}
    rates = _rates(optim.FunctionOfStep(lambda step: 1 / (1 + step)))
    np.testing.assert_array_equal(rates, 1 / np.arange(1, STEPS * EPOCHS + 1))


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_positive_numbers_also_beyond_the_end(name: str) -> None:
    """Training of one epoch, of one step, and longer than was planned."""
    schedule = SCHEDULES[name](0.1)
    for steps, epochs in ((1, 1), (1, 2), (3, 1)):
        for moment in _moments(steps, epochs):
            rate = schedule.rate(moment)
            assert isinstance(rate, float)
            assert 0 <= rate <= 0.1
    beyond = optim.Moment(10**6, 10**5, STEPS, EPOCHS, 10**7, 0)
    assert 0 <= schedule.rate(beyond) <= 0.1


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_data(name: str) -> None:
    """Equal settings make equal schedules."""
    assert SCHEDULES[name](0.1) == SCHEDULES[name](0.1) != SCHEDULES[name](0.2)
