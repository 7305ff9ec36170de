"""Initial weights: bounds, variances, and scikit-learn's own draws."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from tests.strategies import DTYPES

from mlplab import nn
from mlplab.errors import ParameterError

FAN_IN, FAN_OUT = 300, 200
# Standard deviation of the weights, and the largest absolute value where there is a bound.
EXPECTED: dict[str, tuple[float, float | None]] = {
    "glorot_uniform": (np.sqrt(2 / (FAN_IN + FAN_OUT)), np.sqrt(6 / (FAN_IN + FAN_OUT))),
    "glorot_normal": (np.sqrt(2 / (FAN_IN + FAN_OUT)), None),
    "he_uniform": (np.sqrt(2 / FAN_IN), np.sqrt(6 / FAN_IN)),
    "he_normal": (np.sqrt(2 / FAN_IN), None),
    "lecun_normal": (np.sqrt(1 / FAN_IN), None),
    "uniform": (0.05 / np.sqrt(3), 0.05),
    "normal": (0.05, None),
    "zeros": (0.0, 0.0),
}


def test_every_initialiser_is_in_the_table() -> None:
    """An initialiser that is missing here would not be tested."""
    assert set(EXPECTED) == set(nn.INITIALISERS)


@pytest.mark.parametrize("name", EXPECTED)
def test_spread_and_bounds(name: str, seed: int) -> None:
    """Mean zero, the variance of the paper, nothing beyond the bound, biases zero."""
    network = nn.multilayer(FAN_IN, [FAN_OUT], 1)
    drawn = nn.draw_parameters(network, name, np.random.default_rng(seed))
    weight_IO, bias_O, _, last_bias = network.views(drawn)
    deviation, bound = EXPECTED[name]
    assert float(weight_IO.std()) == pytest.approx(deviation, rel=0.02)
    assert abs(float(weight_IO.mean())) <= 5 * deviation / np.sqrt(weight_IO.size)
    if bound is not None:
        assert float(np.abs(weight_IO).max()) <= bound
        assert float(np.abs(weight_IO).max()) == pytest.approx(bound, rel=0.01)
    assert not bias_O.any()
    assert not last_bias.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["auto", *EXPECTED])
def test_dtype_is_rounded_after_drawing(name: str, dtype: str, seed: int) -> None:
    """float32 weights are the float64 ones, rounded: the generator draws the same."""
    network = nn.multilayer(4, [3, 2], 2)
    drawn = nn.draw_parameters(network, name, np.random.RandomState(seed), dtype)
    wide = nn.draw_parameters(network, name, np.random.RandomState(seed))
    assert drawn.dtype == dtype
    assert drawn.shape == (network.n_parameters,)
    np.testing.assert_array_equal(drawn, wide.astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("activation", "hidden"),
    # Without hidden layers a network holds no activation, so "logistic" has no say in its draws.
    [("relu", ()), *itertools.product(["identity", "logistic", "tanh", "relu"], [(7,), (5, 4, 3)])],
)
@pytest.mark.parametrize("peer", [MLPClassifier, MLPRegressor])
def test_auto_draws_what_sklearn_draws(
    peer: Any, activation: str, hidden: tuple[int, ...], dtype: str, seed: int
) -> None:
    """Bit for bit, weights and biases, for classifiers and regressors alike."""
    x = np.random.default_rng(seed).normal(size=(30, 6)).astype(dtype)
    # A rate that vanishes beside any weight: what it has after fitting is what it started from.
    model = peer(
        hidden_layer_sizes=hidden, activation=activation, solver="sgd", momentum=0.0, alpha=0.0,
        learning_rate_init=1e-300, max_iter=1, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, np.arange(30) % 3)
    network = nn.multilayer(6, hidden, model.n_outputs_, activation)
    drawn = nn.draw_parameters(network, "auto", np.random.RandomState(seed), dtype)
    expected = [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]
    np.testing.assert_array_equal(drawn, network.pack(expected))


def test_unknown_name_is_answered_with_the_nearest() -> None:
    """The message has the rule, what was received and the way out."""
    network = nn.multilayer(2, [], 1)
    with pytest.raises(ParameterError, match=r"`init` must be one of auto.*'he_normal'"):
        nn.draw_parameters(network, "he_norml", np.random.RandomState(0))
