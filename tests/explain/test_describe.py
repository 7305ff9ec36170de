"""Descriptions: layers, shapes and counts, and how a network was trained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlplab import nn
from mlplab.engines import TrainingPlan
from mlplab.errors import ParameterError
from mlplab.explain import describe
from mlplab.optim import SGD, Constant
from mlplab.results import EpochRecord, FitResult, History, StopReason


def test_2_2_1_has_nine() -> None:
    """The network of row B1 has nine parameters, six weights and three biases."""
    found = describe(nn.multilayer(2, [2], 1, "logistic"))
    assert found.n_parameters == 9
    assert found.shape == "2-2-1"
    assert found.summary == (
        "A 2-2-1 network: 2 inputs, 1 hidden layer, 1 output; 9 parameters to learn "
        "(6 weights and 3 biases)."
    )
    assert [(layer.name, layer.n_parameters) for layer in found.layers] == [
        ("hidden 1", 6),
        ("output", 3),
    ]
    assert (found.link, found.loss, found.training) == (None, None, ())


def test_counts_of_a_deep_network() -> None:
    """Layers come with their shapes, activations, dropout and counts."""
    found = describe(nn.multilayer(10, [20, 5], 3, ["relu", "tanh"], dropout=(0.25, 0.0)))
    assert [(layer.kind, layer.n_inputs, layer.n_units) for layer in found.layers] == [
        ("dense", 10, 20),
        ("dense", 20, 5),
        ("dense", 5, 3),
    ]
    assert [layer.activation for layer in found.layers] == ["relu", "tanh", "identity"]
    assert [layer.dropout for layer in found.layers] == [0.25, 0.0, 0.0]
    assert [layer.n_parameters for layer in found.layers] == [220, 105, 18]
    assert found.n_parameters == 343
    assert found.units == (10, 20, 5, 3)


def test_network_without_hidden_layers() -> None:
    """A linear model is described too."""
    found = describe(nn.multilayer(4, [], 1))
    assert "no hidden layer, 1 output; 5 parameters to learn (4 weights and 1 bias)" in str(found)


def test_plan_tells_link_and_loss() -> None:
    """With a plan the output has the link of its loss."""
    plan = TrainingPlan(
        nn.multilayer(2, [3], 3), nn.CategoricalCrossEntropy(), SGD(), Constant(0.1)
    )
    found = describe(plan)
    assert (found.link, found.loss) == ("softmax", "log_loss")
    assert found.layers[-1].activation == "softmax"
    assert "It learns by the loss log_loss." in found.to_text()


class Fitted:
    """What a fitted estimator looks like to this room."""

    network_ = nn.multilayer(2, [2], 1, "tanh")
    plan_ = TrainingPlan(network_, nn.BinaryCrossEntropy(), SGD(), Constant(0.1))
    result_ = FitResult(
        History.of(
            tuple(EpochRecord(e, 1 / e, None, None, 0.1, 1.0, 0.0) for e in range(1, 5)),
        ),
        StopReason.LOSS_PLATEAU,
        "reference",
        "the fastest that can",
        1.25,
        best_epoch=3,
        restored_best=True,
        n_parameters=9,
        dtype="float64",
    )


def test_fitted_model_tells_who_trained_it_and_why() -> None:
    """Engine, reason, epochs, losses and the best epoch are told in sentences."""
    found = describe(Fitted())
    assert (found.link, found.loss) == ("logistic", "binary_log_loss")
    assert found.training == (
        "It was trained for 4 epochs in 1.2 s.",
        "The reference engine did it (the fastest that can), in float64.",
        "The training loss did not improve any more.",
        "The loss went from 1 to 0.25.",
        "Its weights are those of the best epoch, 3.",
    )


def test_estimators_are_described_once_initialised() -> None:
    """An initialised estimator has a network but no training; a fitted one has both."""
    from sklearn.datasets import load_iris

    from mlplab.estimators import MLPClassifier

    X, y = load_iris(return_X_y=True)
    estimator = MLPClassifier((5,), solver="lbfgs", random_state=0, max_iter=500)
    with pytest.raises(ParameterError, match="Call fit or initialize first"):
        describe(estimator)
    before = describe(estimator.initialize(X, y))
    assert (before.shape, before.n_parameters, before.training) == ("4-5-3", 43, ())
    after = describe(estimator.fit(X, y))
    assert "engine did it" in after.training[1]
    assert (after.link, after.loss) == ("softmax", "log_loss")


def test_every_form() -> None:
    """Text, Markdown, HTML and JSON hold table, totals and sentences."""
    found = describe(Fitted())
    text = found.to_text()
    assert text.splitlines()[2].split() == [
        *("layer", "kind", "inputs", "→", "units", "activation", "dropout"),
        *("weights", "biases", "parameters"),
    ]
    assert "total" in text
    markdown = found.to_markdown()
    assert sum(line.startswith("|") for line in markdown.splitlines()) == 2 + 3
    assert "- The reference engine did it" in markdown
    page = found._repr_html_()
    assert page.count("<tr>") == 4
    assert "<li>The loss went from 1 to 0.25.</li>" in page
    data: dict[str, Any] = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (data["n_parameters"], data["units"]) == (9, [2, 2, 1])
    assert data["layers"][0]["activation"] == "tanh"


@pytest.mark.parametrize("nothing", [None, "model", 3])
def test_what_has_no_network(nothing: Any) -> None:
    """Something without a network is refused in words."""
    with pytest.raises(ParameterError, match="`model_or_network` must be"):
        describe(nothing)
