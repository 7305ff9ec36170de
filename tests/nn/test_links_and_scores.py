"""Links and scores, against PyTorch and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score
from tests.strategies import DTYPES, LOSS_CASES
from tests.torch_peer import needs_torch, torch

from mlplab import nn
from mlplab.nn.links import log_softmax, softmax, spans

PEERS: dict[str, Any] = {
    "identity": lambda raw: raw,
    "logistic": torch.sigmoid,
    "softmax": lambda raw: torch.softmax(raw, dim=1),
    "exp": torch.exp,
}


def test_every_link_has_a_peer_and_every_loss_a_link() -> None:
    """Neither a link without a test nor a loss with an unknown link."""
    assert set(PEERS) == set(nn.LINKS)
    assert {case.loss.link for case in LOSS_CASES.values()} <= set(nn.LINKS)


@needs_torch
@pytest.mark.parametrize("name", PEERS)
def test_links_are_those_of_pytorch(name: str, seed: int) -> None:
    """On random raw predictions."""
    raw = 3 * np.random.default_rng(seed).normal(size=(20, 4))
    expected = PEERS[name](torch.tensor(raw)).numpy()
    np.testing.assert_allclose(nn.apply_link(name, raw), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_probabilities_do_not_overflow(name: str, dtype: str) -> None:
    """Extreme raw predictions give finite probabilities between zero and one."""
    raw = np.array([[-1e4, 745.0, 1e4], [-745.0, 0.0, -1e4]], dtype=dtype)
    p = nn.apply_link(name, raw)
    assert p.dtype == dtype
    assert np.isfinite(p).all()
    assert ((p >= 0) & (p <= 1)).all()


def test_softmax_acts_on_each_group_by_itself(seed: int) -> None:
    """The probabilities of every class variable sum to one; log softmax is its logarithm."""
    raw = np.random.default_rng(seed).normal(size=(10, 5))
    p = nn.apply_link("softmax", raw, (2, 3))
    np.testing.assert_allclose([p[:, :2].sum(axis=1), p[:, 2:].sum(axis=1)], 1, rtol=1e-14)
    np.testing.assert_array_equal(p[:, 2:], softmax(raw[:, 2:]))
    np.testing.assert_allclose(np.exp(log_softmax(raw)), softmax(raw), rtol=1e-13)
    assert list(spans((1, 4))) == [slice(0, 1), slice(1, 5)]


def _weights(rng: np.random.Generator, weighted: bool) -> Any:
    return rng.integers(0, 4, 40).astype(float) if weighted else None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "name", ["binary", "labels", "categorical", "binary_hinge", "hinge", "probabilities", "focal"]
)
def test_accuracy_is_that_of_sklearn(name: str, weighted: bool, seed: int) -> None:
    """For one label, several labels (every one must be right) and classes, with weights."""
    case, rng = LOSS_CASES[name], np.random.default_rng(seed)
    target, raw = case.target(rng, 40), rng.normal(size=(40, case.n_outputs))
    raw += target - 0.5  # right more often than not
    weight = _weights(rng, weighted)
    if case.loss.link == "softmax" or name == "hinge":
        expected = accuracy_score(target.argmax(1), raw.argmax(1), sample_weight=weight)
    else:
        expected = accuracy_score(target.astype(int), (raw > 0).astype(int), sample_weight=weight)
    assert nn.accuracy(case.loss, raw, target, weight) == pytest.approx(expected, rel=1e-13)
    assert 0 < expected < 1


def test_accuracy_of_groups_needs_every_class_variable(seed: int) -> None:
    """One class is decided for each group, and a row is right only where all are."""
    loss = LOSS_CASES["grouped"].loss
    target = np.array([[1.0, 0, 0, 1, 0], [0, 1, 0, 0, 1]])
    raw = np.array([[5.0, 1, 0, 9, 1], [2, 1, 0, 0, 3]])
    assert nn.decide(loss, raw).tolist() == [[1, 0, 0, 1, 0], [1, 0, 0, 0, 1]]
    assert nn.accuracy(loss, raw, target) == 0.5
    assert nn.decide(loss, np.random.default_rng(seed).normal(size=(9, 5))).sum() == 18


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_r2_is_that_of_sklearn(outputs: int, weighted: bool, seed: int) -> None:
    """Averaged over the outputs, with weights."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(40, outputs))
    raw, weight = target + rng.normal(size=(40, outputs)) / 3, _weights(rng, weighted)
    expected = r2_score(target, raw, sample_weight=weight)
    assert nn.r2(nn.SquaredError(), raw, target, weight) == pytest.approx(expected, rel=1e-12)


def test_r2_of_a_poisson_loss_looks_at_the_mean(seed: int) -> None:
    """The prediction is exp(raw), not raw."""
    rng = np.random.default_rng(seed)
    raw, target = rng.normal(size=(40, 1)), rng.poisson(2.0, (40, 1)).astype(float)
    expected = r2_score(target, np.exp(raw))
    assert nn.r2(nn.Poisson(), raw, target) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_r2_of_a_constant_target_is_that_of_sklearn(offset: float) -> None:
    """One where the constant is met exactly, else zero; other outputs are not disturbed."""
    target = np.array([[2.0, 0.0], [2.0, 1.0], [2.0, 5.0]])
    raw = target + offset
    expected = r2_score(target, raw)
    assert nn.r2(nn.SquaredError(), raw, target) == pytest.approx(expected, rel=1e-12)


def test_scores_that_do_not_exist_are_nan() -> None:
    """Non-finite predictions have no score, and one row has no R²."""
    one = np.ones((1, 1))
    assert np.isnan(nn.r2(nn.SquaredError(), one, one))
    for score in nn.SCORES.values():
        assert np.isnan(score(nn.SquaredError(), np.full((3, 1), np.inf), np.ones((3, 1)), None))
    wobble = 0.1 + np.array([0, 1, -1, 2]) * np.spacing(0.1)
    target = np.column_stack([wobble, [1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 1e-9]])
    settled = nn.settle_constant_columns(target)

    assert np.ptp(settled[:, 0]) == 0
    np.testing.assert_array_equal(settled[:, 1:], target[:, 1:])
    assert np.ptp(target[:, 0]) > 0
