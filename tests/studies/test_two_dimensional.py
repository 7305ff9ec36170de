"""The studies of two features and of one, on generated data: what their notes say must be true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlplab import data, workflows
from mlplab.results import RunResult, Variant
from mlplab.workflows.study import Study

STUDIES = Path(__file__).resolve().parents[2] / "studies"
pytest.importorskip("pandas")


def _study(name: str, **changes: object) -> Study:
    """Return a study with tables replaced, its data found from anywhere."""
    study = workflows.read_study(STUDIES / f"{name}.toml")
    assert study.data is not None
    found = {
        key: str(STUDIES / value)
        for key in ("source", "test_source")
        if (value := getattr(study.data, key)) and value.startswith("data/")
    }
    update = {"data": study.data.model_copy(update=found), **changes}
    return study.model_copy(update=update)


def _variants(result: RunResult) -> dict[str, Variant]:
    assert result.variants is not None
    return {one.name: one for one in result.variants.variants}


@pytest.fixture(scope="module")
def binary() -> RunResult:
    """Run the whole study of rows A once."""
    return workflows.run(_study("two-dimensional-binary"), out=None)


@pytest.mark.slow
def test_every_program_trains_the_same_network(binary: RunResult) -> None:
    """A7: equal weights in our engines, scikit-learn and PyTorch, and one accuracy."""
    (comparison,) = binary.comparisons
    programs = {peer.name.partition(" ")[0] for peer in comparison.peers}

    assert {"mlplab", "scikit-learn"} <= programs
    assert comparison.difference < 1e-12
    assert {peer.score for peer in comparison.peers} == {0.91}
    assert comparison.sentence.startswith("The same network")


@pytest.mark.slow
def test_momentum_leaves_the_plateau_of_the_straight_line(binary: RunResult) -> None:
    """A3 to A6: plain steps stay with a straight line; momentum and larger steps leave it."""
    found = _variants(binary)

    assert found["plain SGD"].score == pytest.approx(0.765)
    assert found["max_iter = 300"].score == pytest.approx(0.765)
    assert found["momentum"].score == pytest.approx(0.91)
    assert found["momentum = 0.99"].loss < found["momentum"].loss
    assert found["learning_rate_init = 2"].loss < found["momentum"].loss
    assert set(binary.pictures) >= {
        "scatter",
        "decision_boundary",
        "compare_losses",
        "compare_boundaries",
        "variant_effects",
    }


def test_standardisation_knows_the_training_rows_alone() -> None:
    """A1 and A2: two files; mean 0 and deviation 1 on the training rows, not on all."""
    study = _study("two-dimensional-binary", compare=None, variants=None)
    short = study.model.model_copy(update={"max_iter": 2})
    result = workflows.run(study.model_copy(update={"model": short}), out=None)
    train, test = (
        result.model.features(data.read(STUDIES / "data" / f"two-dimensional-{part}.csv"))
        for part in ("train", "test")
    )

    assert (len(train), len(test)) == (result.split.train, result.split.test) == (400, 200)
    np.testing.assert_allclose(train.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(train.std(axis=0), 1.0, rtol=1e-12)
    assert abs(test.mean(axis=0)).max() > 0.01


@pytest.mark.slow
def test_hidden_space_parts_a_stripe_with_nine_weights() -> None:
    """B3 to B6: training stops by itself, and scikit-learn's solvers find the same networks."""
    result = workflows.run(_study("hidden-space"), out=None)
    found = _variants(result)

    assert sum(view.size for view in (*result.model.estimator.coefs_,)) == 6
    assert result.network.n_parameters == 9
    assert result.fit.status.name == "LOSS_PLATEAU"
    assert result.fit.n_epochs < 1000
    assert {c.of: c.difference < 1e-3 for c in result.comparisons} == dict.fromkeys(
        ["", "lbfgs", "sgd", "adam"], True
    )
    assert {name: one.successes for name, one in found.items()} == {
        "lbfgs": 15,
        "sgd": 17,
        "adam": 16,
    }
    assert {"boundary_epochs", "hidden_space", "network"} <= set(result.pictures)


def test_two_units_often_fail_at_xor_and_three_never() -> None:
    """B7: success by width, from fifty seeds each; restarts disagree away from the points."""
    study = _study("xor")
    figures = study.figures.model_copy(update={"show": ["disagreement"]})
    result = workflows.run(study.model_copy(update={"figures": figures}), out=None)
    found = _variants(result)
    maps = result.pictures["disagreement"].displays

    assert found["2 units"].successes is not None
    assert 30 <= found["2 units"].successes <= 45
    assert {found[f"{n} units"].successes for n in (3, 4, 8, 16)} == {50}
    for drawn in maps:
        assert drawn.contested["all"] > drawn.contested["near"]


def test_hinge_loss_recovers_the_maximum_margin_line() -> None:
    """C8: w = (−2, −2), b = 3, margin 1/√8 and the four support vectors, to 1e-3."""
    result = workflows.run(_study("margin"), out=None)
    assert result.margin is not None
    sign = 1 if result.model.estimator.classes_[1] == "plus" else -1

    np.testing.assert_allclose(sign * np.array(result.margin.weight), [-2, -2], atol=1e-3)
    assert sign * result.margin.bias == pytest.approx(3, abs=1e-3)
    assert result.margin.margin == pytest.approx(1 / np.sqrt(8), abs=1e-3)
    points = {one.values: round(sign * one.decision) for one in result.margin.support}
    assert points == {(1.0, 0.0): 1, (0.0, 1.0): 1, (1.0, 1.0): -1, (2.0, 0.0): -1}
    assert result.margin.inside == 0


@pytest.mark.slow
def test_function_estimation_gives_the_figures_of_its_notes() -> None:
    """D1 to D5 and D8: 1-75-50-1 on 120 and 25 points; what each device does for the error."""
    result = workflows.run(_study("function-estimation"), out=None)
    found = _variants(result)
    test = result.metrics.test

    assert (result.split.train, result.split.test) == (120, 25)
    assert [layer.n_units for layer in result.network.layers] == [75, 50, 1]
    assert test is not None
    assert test.rmse**2 == pytest.approx(1.33, abs=0.02)  # type: ignore[union-attr]
    assert found["leaky ReLU"].score > found["without L1"].score
    assert found["sigmoid"].train_score < 0.01
    rates = [found[f"learning_rate_final = {rate}"].score for rate in (0.001, 0.02, 0.075)]
    assert rates == sorted(rates, reverse=True)
    assert {"function_estimate", "variant_estimates"} <= set(result.pictures)
