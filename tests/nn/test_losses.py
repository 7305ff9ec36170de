"""Losses: known values, gradients, large inputs, and the same figures from PyTorch and sklearn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import hinge_loss, mean_poisson_deviance
from tests.shapes import unchecked_shapes
from tests.strategies import DTYPES, LABEL_WEIGHTS, LOSS_CASES
from tests.torch_peer import functional, needs_torch, torch

from mlplab import nn
from mlplab.errors import ParameterError

LOG_2 = float(np.log(2))

KNOWN: list[tuple[Any, list[float], list[float], float]] = [
    (nn.BinaryCrossEntropy(), [0.0], [1.0], LOG_2),
    (nn.BinaryCrossEntropy(), [float(np.log(3))], [0.0], float(np.log(4))),
    (nn.BinaryCrossEntropy(label_weights=((1.0, 5.0),)), [0.0], [1.0], 5 * LOG_2),
    (nn.BinaryCrossEntropy(label_smoothing=0.5), [2.0], [1.0], float(np.log1p(np.exp(2))) - 1.5),
    (nn.CategoricalCrossEntropy(), [0.0, 0.0, LOG_2], [0.0, 0.0, 1.0], LOG_2),
    (nn.CategoricalCrossEntropy(groups=(2, 2)), [0.0] * 4, [1.0, 0.0, 0.0, 1.0], 2 * LOG_2),
    (nn.BinaryFocal(gamma=2.0), [0.0], [1.0], 0.25 * LOG_2),
    (nn.CategoricalFocal(gamma=1.0), [0.0, 0.0], [1.0, 0.0], 0.5 * LOG_2),
    (nn.BinaryHinge(), [0.25, 0.25, 3.0], [1.0, 0.0, 1.0], 0.75 + 1.25),
    (nn.CategoricalHinge(), [1.0, 2.0, 0.5], [1.0, 0.0, 0.0], 2.0),
    (nn.CategoricalHinge(), [3.5, 2.0, 0.5], [1.0, 0.0, 0.0], 0.0),
    (nn.SquaredError(), [1.0, 2.0], [0.0, 0.0], 2.5),
    (nn.AbsoluteError(), [1.0, -2.0], [0.0, 0.0], 3.0),
    (nn.Huber(delta=1.0), [0.5, 3.0], [0.0, 0.0], 0.125 + 2.5),
    (nn.Poisson(), [0.0], [0.0], 1.0),
    (nn.Poisson(), [LOG_2], [2.0], 0.0),
    (nn.ProbabilitySquaredError(), [0.0], [1.0], 0.125),
    (nn.ProbabilitySquaredError(link="softmax"), [0.0, 0.0], [1.0, 0.0], 0.25),
]


def test_every_loss_has_a_known_value() -> None:
    """A loss without a value worked out by hand is missing here."""
    assert {type(case.loss) for case in LOSS_CASES.values()} == {type(row[0]) for row in KNOWN}


@pytest.mark.parametrize(("loss", "raw", "target", "expected"), KNOWN)
def test_known_values(loss: Any, raw: list[float], target: list[float], expected: float) -> None:
    """Values that were worked out by hand."""
    values = loss.values(np.array([raw]), np.array([target]))
    np.testing.assert_allclose(values, [expected], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", LOSS_CASES)
def test_gradient_agrees_with_differences(name: str, seed: int) -> None:
    """Fourth-order differences on rows that lie away from kinks."""
    case, rng = LOSS_CASES[name], np.random.default_rng(seed)
    raw, target = rng.normal(size=(60, case.n_outputs)), case.target(rng, 60)
    if case.kinks is not None:
        kept = [
            b
            for b in range(60)
            if (np.abs(case.kinks(raw[b : b + 1], target[b : b + 1])) > 0.05).all()
        ]
        raw, target = raw[kept], target[kept]
    assert len(raw) >= 20
    with unchecked_shapes():
        numeric = nn.central_difference(
            lambda point: float(case.loss.values(point.reshape(raw.shape), target).sum()),
            raw.ravel(),
        )
    found = nn.agreement(case.loss.gradient(raw, target).ravel(), numeric)
    assert found.relative < 1e-9


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [104.0, 745.0, 1e4])
@pytest.mark.parametrize("name", LOSS_CASES)
def test_large_inputs_do_not_overflow(name: str, size: float, dtype: str, seed: int) -> None:
    """Values and gradients are finite without a warning, in the dtype and shape of the input."""
    case, rng = LOSS_CASES[name], np.random.default_rng(seed)
    raw = size * rng.choice([-1.0, 0.0, 1.0], (40, case.n_outputs)).astype(dtype)
    if case.loss.link == "exp":
        raw = np.minimum(raw, 80)  # the mean is exp(raw): a larger one is out of float32's range
    target = case.target(rng, 40, dtype)
    values, gradient = case.loss.values(raw, target), case.loss.gradient(raw, target)
    assert values.shape == (40,)
    assert gradient.shape == raw.shape
    assert values.dtype == gradient.dtype == dtype
    assert np.isfinite(values).all()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", LOSS_CASES)
def test_losses_are_not_negative(name: str, seed: int) -> None:
    """Each is zero at best; inputs are left as they are."""
    case, rng = LOSS_CASES[name], np.random.default_rng(seed)
    raw, target = 3 * rng.normal(size=(50, case.n_outputs)), case.target(rng, 50)
    raw.setflags(write=False)
    target.setflags(write=False)
    assert (case.loss.values(raw, target) >= -1e-14).all()
    case.loss.gradient(raw, target)


@pytest.mark.parametrize("name", [n for n, c in LOSS_CASES.items() if c.loss.link == "softmax"])
def test_softmax_losses_do_not_feel_a_shift(name: str, seed: int) -> None:
    """Adding a number to all raw predictions of a row changes nothing."""
    case, rng = LOSS_CASES[name], np.random.default_rng(seed)
    raw, target = rng.normal(size=(20, case.n_outputs)), case.target(rng, 20)
    shift = 100 * rng.normal(size=(20, 1))
    for of in (case.loss.values, case.loss.gradient):
        np.testing.assert_allclose(of(raw + shift, target), of(raw, target), atol=1e-12)
    np.testing.assert_allclose(case.loss.gradient(raw, target).sum(axis=1), 0, atol=1e-14)


def test_hinge_does_not_feel_a_shift(seed: int) -> None:
    """Crammer and Singer's hinge looks at differences of raw predictions only."""
    rng = np.random.default_rng(seed)
    raw, target = rng.normal(size=(20, 4)), LOSS_CASES["hinge"].target(rng, 20)
    loss = nn.CategoricalHinge()
    np.testing.assert_allclose(loss.values(raw + 7, target), loss.values(raw, target), rtol=1e-12)


def test_groups_are_separate_losses_side_by_side(seed: int) -> None:
    """Two class variables cost what each costs alone."""
    rng = np.random.default_rng(seed)
    raw, target = rng.normal(size=(30, 5)), LOSS_CASES["grouped"].target(rng, 30)
    both = nn.CategoricalCrossEntropy(groups=(2, 3), label_smoothing=0.1)
    one = nn.CategoricalCrossEntropy(label_smoothing=0.1)
    parts = [(raw[:, :2], target[:, :2]), (raw[:, 2:], target[:, 2:])]
    np.testing.assert_allclose(both.values(raw, target), sum(one.values(*part) for part in parts))
    np.testing.assert_array_equal(
        both.gradient(raw, target), np.hstack([one.gradient(*part) for part in parts])
    )


def _against_autograd(loss: Any, raw: Any, target: Any, peer: Any) -> None:
    """Compare values and gradients with a function of tensors that gives one number a row."""
    tensor = torch.tensor(raw, requires_grad=True)
    values = peer(tensor, torch.tensor(target))
    values.sum().backward()
    np.testing.assert_allclose(loss.values(raw, target), values.detach(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(loss.gradient(raw, target), tensor.grad, rtol=1e-12, atol=1e-13)


def _weights(target: torch.Tensor) -> torch.Tensor:
    pairs = torch.tensor(LABEL_WEIGHTS, dtype=target.dtype)
    return torch.where(target == 1, pairs[:, 1], pairs[:, 0])


@needs_torch
def test_binary_cross_entropy_is_that_of_pytorch(seed: int) -> None:
    """With smoothed targets and weights of zeros and ones for each label."""
    rng = np.random.default_rng(seed)
    raw, target = 3 * rng.normal(size=(25, 3)), LOSS_CASES["labels"].target(rng, 25)
    _against_autograd(
        LOSS_CASES["labels"].loss,
        raw,
        target,
        lambda raw, target: functional.binary_cross_entropy_with_logits(
            raw, 0.9 * target + 0.05, weight=_weights(target), reduction="none"
        ).sum(dim=1),
    )


@needs_torch
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_that_of_pytorch(smoothing: float, seed: int) -> None:
    """With and without label smoothing."""
    rng = np.random.default_rng(seed)
    _against_autograd(
        nn.CategoricalCrossEntropy(label_smoothing=smoothing),
        3 * rng.normal(size=(25, 3)),
        LOSS_CASES["categorical"].target(rng, 25),
        lambda raw, target: functional.cross_entropy(
            raw, target.argmax(dim=1), label_smoothing=smoothing, reduction="none"
        ),
    )


@needs_torch
@pytest.mark.parametrize("gamma", [1.0, 1.5, 2.0, 5.0])
def test_binary_focal_loss_is_its_formula(gamma: float, seed: int) -> None:
    """−(1−p_t)^γ log p_t, written down and differentiated by PyTorch."""
    rng = np.random.default_rng(seed)

    def formula(raw: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        p = torch.sigmoid(raw)
        right = torch.where(target == 1, p, 1 - p)
        return (-_weights(target) * (1 - right) ** gamma * torch.log(right)).sum(dim=1)

    loss = nn.BinaryFocal(gamma=gamma, label_weights=LABEL_WEIGHTS)
    target = LOSS_CASES["binary_focal"].target(rng, 25)
    _against_autograd(loss, 2 * rng.normal(size=(25, 3)), target, formula)


@needs_torch
@pytest.mark.parametrize("gamma", [1.0, 2.0, 3.5])
def test_focal_loss_is_its_formula(gamma: float, seed: int) -> None:
    """The same over classes."""
    rng = np.random.default_rng(seed)

    def formula(raw: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        right = (torch.softmax(raw, dim=1) * target).sum(dim=1)
        return -((1 - right) ** gamma) * torch.log(right)

    target = LOSS_CASES["focal"].target(rng, 25)
    _against_autograd(nn.CategoricalFocal(gamma), 2 * rng.normal(size=(25, 3)), target, formula)


@pytest.mark.parametrize("loss", [nn.BinaryFocal, nn.CategoricalFocal])
def test_focal_loss_needs_gamma_of_one_or_more(loss: Any) -> None:
    """Below one its gradient is not bounded."""
    with pytest.raises(ParameterError, match=r"`gamma` .* must be at least 1; got 0.5"):
        loss(gamma=0.5)


def test_hinge_is_that_of_sklearn(seed: int) -> None:
    """`hinge_loss` is an oracle for both; its multi-class form is Crammer and Singer's."""
    rng = np.random.default_rng(seed)
    raw, classes = rng.normal(size=(40, 4)), rng.permutation(np.arange(40) % 4)
    found = nn.CategoricalHinge().values(raw, np.eye(4)[classes]).mean()
    assert found == pytest.approx(hinge_loss(classes, raw), rel=1e-12)
    found = nn.BinaryHinge().values(raw[:, :1], (classes[:, None] > 1).astype(float)).mean()
    assert found == pytest.approx(hinge_loss(classes > 1, raw[:, 0]), rel=1e-12)


@needs_torch
@pytest.mark.parametrize("delta", [0.3, 1.0, 2.5])
def test_huber_is_that_of_pytorch(delta: float, seed: int) -> None:
    """Both branches."""
    rng = np.random.default_rng(seed)
    _against_autograd(
        nn.Huber(delta),
        2 * rng.normal(size=(25, 2)),
        rng.normal(size=(25, 2)),
        lambda raw, target: functional.huber_loss(raw, target, delta=delta, reduction="none").sum(
            dim=1
        ),
    )


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan")])
def test_huber_needs_a_positive_delta(delta: float) -> None:
    """Zero, negative and NaN are refused."""
    with pytest.raises(ParameterError, match=r"`delta` .* must be positive"):
        nn.Huber(delta)


def test_poisson_is_half_the_deviance_of_sklearn(seed: int) -> None:
    """Counts with zeros among them."""
    rng = np.random.default_rng(seed)
    raw, target = rng.normal(size=(50, 1)), rng.poisson(1.0, (50, 1)).astype(float)
    assert (target == 0).any()
    expected = mean_poisson_deviance(target[:, 0], np.exp(raw[:, 0])) / 2
    assert nn.Poisson().values(raw, target).mean() == pytest.approx(expected, rel=1e-12)


@needs_torch
@pytest.mark.parametrize("link", ["logistic", "softmax"])
def test_squared_error_of_probabilities_is_that_of_autograd(link: str, seed: int) -> None:
    """The textbooks' squared error, through its link."""
    rng = np.random.default_rng(seed)
    through = torch.sigmoid if link == "logistic" else lambda raw: torch.softmax(raw, dim=1)
    kind = "probability" if link == "logistic" else "categorical"
    target = LOSS_CASES[kind].draw(rng, 25, 3).astype(float)
    _against_autograd(
        nn.ProbabilitySquaredError(link=link),
        2 * rng.normal(size=(25, 3)),
        target,
        lambda raw, target: 0.5 * ((through(raw) - target) ** 2).sum(dim=1),
    )


@needs_torch
def test_regression_losses_are_those_of_pytorch(seed: int) -> None:
    """Half the summed squares, and the summed absolute differences."""
    rng = np.random.default_rng(seed)
    raw, target = rng.normal(size=(25, 2)), rng.normal(size=(25, 2))
    _against_autograd(
        nn.SquaredError(),
        raw,
        target,
        lambda raw, target: functional.mse_loss(raw, target, reduction="none").sum(dim=1) / 2,
    )
    _against_autograd(
        nn.AbsoluteError(),
        raw,
        target,
        lambda raw, target: functional.l1_loss(raw, target, reduction="none").sum(dim=1),
    )


def test_losses_are_data() -> None:
    """Equal parameters make equal losses, so plans can be compared and stored."""
    assert nn.Huber(2.0) == nn.Huber(2.0) != nn.Huber(1.0)
    assert len({nn.CategoricalCrossEntropy(groups=(2, 3)), nn.CategoricalCrossEntropy()}) == 2
