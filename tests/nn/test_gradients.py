"""The gradient of the whole objective: every loss with every activation, through everything."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from tests.shapes import unchecked_shapes
from tests.strategies import ACTIVATION_NAMES, LOSS_CASES, LossCase

from mlplab import nn

N_ROWS = 4
PENALTIES = nn.Penalties(l2=0.3, l1=0.02)
# Points closer than this to a kink could cross it within a difference.
DISTANCE = 0.02


@functools.cache
def _network(activation: str, n_outputs: int) -> nn.NetworkSpec:
    return nn.multilayer(3, [3, 2], n_outputs, activation, [0.25, 0.0])


def _distances(network: nn.NetworkSpec, case: LossCase, point: Any, x: Any, y: Any) -> Any:
    """Distances from all kinks: of activations at zero, of the loss, of the L1 penalty."""
    context = nn.ForwardContext(training=True, seed=5, step=3)
    found = [np.ravel(point)]
    for index, layer in enumerate(network.layers):
        if isinstance(layer, nn.Activation):
            found.append(nn.forward_pass(network, point, x, context, stop=index)[0].ravel())
    if case.kinks is not None:
        raw, _ = nn.forward_pass(network, point, x, context)
        found.append(np.ravel(case.kinks(raw, y)))
    return np.abs(np.concatenate(found))


def _far_from_kinks(network: nn.NetworkSpec, case: LossCase, seed: int) -> tuple[Any, ...]:
    """Return parameters, rows, targets and weights at which the objective is smooth."""
    for attempt in range(5000):
        rng = np.random.default_rng([seed, attempt])
        x, y = rng.normal(size=(N_ROWS, 3)), case.target(rng, N_ROWS)
        point = rng.normal(size=network.n_parameters)
        if _distances(network, case, point, x, y).min() > DISTANCE:
            return point, x, y, rng.uniform(0.2, 3.0, N_ROWS)
    pytest.fail("no smooth point was found")


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
@pytest.mark.parametrize("loss", LOSS_CASES)
def test_gradient_of_every_loss_with_every_activation(
    loss: str, activation: str, seed: int
) -> None:
    """Relative difference below 1e-7 through dropout, penalties, label and sample weights."""
    case = LOSS_CASES[loss]
    with unchecked_shapes():
        network = _network(activation, case.n_outputs)
        point, x, y, weight = _far_from_kinks(network, case, seed)
        context = nn.ForwardContext(training=True, seed=5, step=3)
        arguments = (x, y, weight, context)
        found = nn.objective_and_gradient(network, case.loss, PENALTIES, point, *arguments)
        numeric = nn.central_difference(
            lambda p: nn.objective(network, case.loss, PENALTIES, p, *arguments), point
        )
        assert found.value == nn.objective(network, case.loss, PENALTIES, point, *arguments)
    assert nn.agreement(found.gradient, numeric).relative < 1e-7


@pytest.mark.parametrize("activation", ["tanh", "gelu", "softplus"])
@pytest.mark.parametrize("loss", ["labels", "grouped", "focal", "poisson"])
def test_gradient_along_a_direction_of_a_realistic_network(
    loss: str, activation: str, seed: int
) -> None:
    """One random direction tests a hundred thousand derivatives at once."""
    case, rng = LOSS_CASES[loss], np.random.default_rng(seed)
    network = nn.multilayer(60, [256, 128], case.n_outputs, activation, 0.1)
    x, y = rng.normal(size=(64, 60)), case.target(rng, 64)
    point = nn.draw_parameters(network, "glorot_uniform", rng)
    direction = rng.normal(size=point.size)
    direction /= np.linalg.norm(direction)
    context = nn.ForwardContext(training=True, seed=1, step=1)
    found = nn.objective_and_gradient(network, case.loss, PENALTIES, point, x, y, None, context)
    numeric = nn.directional_difference(
        lambda p: nn.objective(network, case.loss, nn.Penalties(l2=0.3), p, x, y, None, context),
        point,
        direction,
    )
    # The L1 part has kinks everywhere near zero, so its derivative is taken by itself.
    l1 = nn.Penalties(l1=0.02).gradient(point, network.penalty_mask(), 64.0)
    assert (found.gradient - l1) @ direction == pytest.approx(numeric, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("loss", LOSS_CASES)
def test_sparse_rows_have_the_gradient_of_dense_ones(loss: str, seed: int) -> None:
    """CSR matrices and arrays, to rounding."""
    case, rng = LOSS_CASES[loss], np.random.default_rng(seed)
    network = _network("tanh", case.n_outputs)
    x = rng.normal(size=(9, 3)) * (rng.random((9, 3)) > 0.5)
    y, point = case.target(rng, 9), rng.normal(size=network.n_parameters)
    expected = nn.objective_and_gradient(network, case.loss, PENALTIES, point, x, y)
    for rows in (sp.csr_matrix(x), sp.csr_array(x)):
        found = nn.objective_and_gradient(network, case.loss, PENALTIES, point, rows, y)
        np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-12, atol=1e-14)
        assert found.value == pytest.approx(expected.value, rel=1e-13)


@pytest.mark.parametrize("loss", LOSS_CASES)
def test_float32_stays_float32(loss: str, seed: int) -> None:
    """Nothing on the way to the gradient widens the dtype."""
    case, rng = LOSS_CASES[loss], np.random.default_rng(seed)
    network = _network("elu", case.n_outputs)
    x, y = rng.normal(size=(5, 3)).astype("float32"), case.target(rng, 5, "float32")
    weight = rng.random(5).astype("float32")
    point = rng.normal(size=network.n_parameters).astype("float32")
    context = nn.ForwardContext(training=True)
    raw, _ = nn.forward_pass(network, point, x, context)
    found = nn.objective_and_gradient(network, case.loss, PENALTIES, point, x, y, weight, context)
    assert raw.dtype == found.gradient.dtype == np.float32


def test_reported_value_is_scaled_but_the_gradient_is_not(seed: int) -> None:
    """scikit-learn's mean over the outputs is told; ½Σ is differentiated."""
    rng = np.random.default_rng(seed)
    network = nn.multilayer(3, [], 2)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    point = rng.normal(size=network.n_parameters)
    whole = nn.objective_and_gradient(network, nn.SquaredError(), PENALTIES, point, x, y)
    mean = nn.objective_and_gradient(network, nn.SquaredError(0.5), PENALTIES, point, x, y)
    penalty = PENALTIES.value(point, network.penalty_mask(), 6.0)
    np.testing.assert_array_equal(whole.gradient, mean.gradient)
    assert whole.value == mean.value == whole.reported
    assert mean.reported == pytest.approx((mean.value - penalty) / 2 + penalty, rel=1e-12)


def test_weights_are_repeated_rows(seed: int) -> None:
    """A row of weight three counts like three equal rows, and one of weight zero not at all."""
    rng = np.random.default_rng(seed)
    network = _network("tanh", 3)
    loss = nn.CategoricalCrossEntropy()
    x, y = rng.normal(size=(4, 3)), LOSS_CASES["categorical"].target(rng, 4)
    point = rng.normal(size=network.n_parameters)
    times = np.array([1, 0, 3, 2])
    found = nn.objective_and_gradient(network, loss, PENALTIES, point, x, y, times.astype(float))
    expected = nn.objective_and_gradient(
        network, loss, PENALTIES, point, np.repeat(x, times, axis=0), np.repeat(y, times, axis=0)
    )
    assert found.value == pytest.approx(expected.value, rel=1e-13)
    np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-12, atol=1e-14)


def test_penalties_spare_biases_and_divide_l2_by_the_rows() -> None:
    """½·l2·Σw²/n + l1·Σ|w| over weights only; at a weight of zero the L1 slope is zero."""
    penalties = nn.Penalties(l2=2.0, l1=0.5)
    parameters, mask = np.array([3.0, -4.0, 0.0, 7.0]), np.array([1.0, 1.0, 1.0, 0.0])
    assert penalties.value(parameters, mask, 5.0) == pytest.approx(25 / 5 + 3.5)
    np.testing.assert_allclose(
        penalties.gradient(parameters, mask, 5.0), [3 * 0.4 + 0.5, -4 * 0.4 - 0.5, 0.0, 0.0]
    )


def test_central_differences_are_of_fourth_order() -> None:
    """Halving the step divides the error by sixteen."""

    def error(step: float) -> float:
        point = np.array([0.7])
        found = nn.central_difference(lambda x: float(np.exp(2 * x[0])), point, step)
        return abs(float(found[0]) - 2 * np.exp(1.4))

    assert error(0.1) / error(0.05) == pytest.approx(16, rel=0.05)


def test_agreement_of_equal_and_of_zero_gradients() -> None:
    """Equal gradients differ by nothing, zeros included; opposite ones differ wholly."""
    g = np.array([1.0, -2.0])
    assert nn.agreement(g, g) == nn.Agreement(0.0, 0.0)
    assert nn.agreement(0 * g, 0 * g) == nn.Agreement(0.0, 0.0)
    assert nn.agreement(g, -g).relative == pytest.approx(1.0)
