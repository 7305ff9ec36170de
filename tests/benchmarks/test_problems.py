"""What is trained, counted and compared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlplab.benchmarks import CASES, PEERS, choose_cases, choose_peers
from mlplab.benchmarks.problems import (
    Problem,
    draw,
    final_loss,
    loss_of_predictions,
    predictions,
)
from mlplab.errors import ParameterError

TINY = Problem((11, 32, 32, 6), 914, 32, epochs=2)


def test_operations_are_counted_as_in_the_literature() -> None:
    """0.2785 MFLOP for 32 rows of 11-32-32-6, 136 for 128 rows of the MNIST-sized network."""
    rows = Problem((11, 32, 32, 6), 32, 32)
    assert rows.training_flop == pytest.approx(0.2785e6, rel=1e-3)
    assert rows.prediction_flop == 2 * 32 * (11 * 32 + 32 * 32 + 32 * 6)
    mnist = Problem((784, 256, 128, 64, 32, 10), 128, 128)
    assert mnist.training_flop == pytest.approx(136.0e6, rel=1e-3)


def test_steps_count_the_smaller_last_batch() -> None:
    """914 rows in batches of 32 are 29 steps an epoch."""
    assert TINY.steps == 58
    assert not TINY.full_batch
    assert list(Problem((2, 2), 4, 2, n_networks=384).checked) == list(range(0, 384, 24))


def test_everybody_gets_the_same_numbers() -> None:
    """The same again for one dtype, rounded for the other; networks differ in start and order."""
    first, again, double = draw(TINY, "float32"), draw(TINY, "float32"), draw(TINY, "float64")
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.x, double.x)
    np.testing.assert_array_equal(first.arrays[0], double.arrays[0].astype("float32"))
    other = draw(TINY, "float32", network=1)
    np.testing.assert_array_equal(first.x, other.x)
    assert not np.array_equal(first.arrays[0], other.arrays[0])
    assert not np.array_equal(first.orders, other.orders)
    assert first.orders.shape == (2, 914)
    assert sorted(first.orders[1]) == list(range(914))
    assert first.x.dtype == first.arrays[1].dtype == first.targets.dtype == np.float32


def test_losses_by_hand() -> None:
    """Mean cross-entropies and half the squared error, on numbers that one can follow."""
    right = np.array([[1.0, 0.0], [0.0, 1.0]])
    said = np.array([[0.5, 0.5], [0.75, 0.25]])
    expected = (math.log(2) + math.log(4)) / 2
    assert loss_of_predictions(TINY, said, right) == pytest.approx(expected)
    logistic = Problem((2, 1), 2, 2, loss="logistic")
    found = loss_of_predictions(logistic, np.array([[0.5], [0.25]]), np.array([[1.0], [0.0]]))
    assert found == pytest.approx((math.log(2) - math.log(0.75)) / 2)
    squared = Problem((2, 2), 2, 2, loss="squared")
    assert loss_of_predictions(squared, said, right) == pytest.approx((0.25 + 0.5625) / 2)


@pytest.mark.parametrize("loss", ["softmax", "logistic", "squared"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_judge_agrees_with_our_engine(loss: str, activation: str) -> None:
    """Its forward pass and its loss are those of the objective, without penalties."""
    from mlplab.benchmarks.by_mlplab import make_plan
    from mlplab.nn import apply_link, forward_pass, mean_loss

    problem = Problem(
        (5, 7, 1 if loss == "logistic" else 3), 40, 8, 1, "sgd", 0.01, activation, loss
    )
    drawn, plan = draw(problem, "float64"), make_plan(problem, "float64")
    raw = forward_pass(plan.network, plan.network.pack(drawn.arrays), drawn.x)[0]
    expected = mean_loss(plan.loss, raw, drawn.targets)
    assert final_loss(problem, drawn, drawn.arrays) == pytest.approx(expected, rel=1e-12)
    linked = apply_link(plan.loss.link, raw, plan.loss.groups)
    np.testing.assert_allclose(predictions(problem, drawn.arrays, drawn.x), linked, rtol=1e-12)


def test_the_issue_s_cases_are_there() -> None:
    """SGD and Adam of every network, one and two threads where both matter."""
    names = {f"{name}-{solver}" for name in ("tiny", "2-2-1", "2-8-2", "wide", "many")
             for solver in ("sgd", "adam")}  # fmt: skip
    names |= {f"mnist-{solver}-{threads}" for solver in ("sgd", "adam") for threads in (1, 2)}
    assert set(CASES) == names | {"predict-1", "predict-100000", "import", "memory"}
    assert CASES["many-adam"].problem.n_networks == 384
    assert CASES["many-adam"].sized(full=False).n_networks == 384
    assert CASES["predict-100000"].problem.n_rows == 100_000
    assert all(case.sized(full=False).units == case.problem.units for case in CASES.values())


def test_words_choose_cases_and_peers() -> None:
    """A name, a beginning, or a library; ours takes part always; order is the table's."""
    assert [case.name for case in choose_cases(["tiny", "import"], full=False)] == [
        "tiny-sgd", "tiny-adam", "import",
    ]  # fmt: skip
    assert [case.name for case in choose_cases(["mnist-adam"], full=False)] == [
        "mnist-adam-1", "mnist-adam-2",
    ]  # fmt: skip
    assert len(choose_cases([], full=True)) == len(CASES)
    assert 3 < len(choose_cases([], full=False)) < len(CASES)
    assert [peer.name for peer in choose_peers(["jax"], full=False)] == ["mlplab", "jax"]
    torch = {peer.name for peer in choose_peers(["torch"], full=False)}
    assert torch == {"mlplab", *(name for name in PEERS if name.startswith("torch-"))}
    assert len(choose_peers([], full=True)) == len(PEERS)


@pytest.mark.parametrize(
    ("word", "meant"), [("tinny-adam", "tiny-adam"), ("memry", "memory"), ("zzz", "tiny-sgd")]
)
def test_unknown_cases_are_corrected(word: str, meant: str) -> None:
    """With the nearest name, or with the first."""
    with pytest.raises(ParameterError, match=rf"`--cases` must be.*{word}.*'{meant}'"):
        choose_cases([word], full=False)


def test_unknown_peers_are_corrected() -> None:
    """With the nearest peer or library."""
    with pytest.raises(
        ParameterError, match=r"`--peers` must be.*'skleran'.*Did you mean 'sklearn"
    ):
        choose_peers(["skleran"], full=False)
