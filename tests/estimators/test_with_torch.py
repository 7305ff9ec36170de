"""Networks go to PyTorch and come back with the same outputs."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
from tests.estimators.problems import PROBLEMS, load_problem
from tests.torch_peer import needs_torch, torch

import mlplab
from mlplab import MLPAutoencoder, MLPClassifier, MLPRegressor, nn
from mlplab.errors import ExportError, ParameterError
from mlplab.nn import ActivationFunction, register, unregister

pytestmark = [
    needs_torch,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
ACTIVATIONS = sorted(nn.ACTIVATIONS)


def fitted(kind: str, **parameters: Any) -> Any:
    """Return a network for a problem."""
    problem = load_problem(kind)
    settings = {"hidden_layer_sizes": (6, 4), "max_iter": 12, "random_state": 0, **parameters}
    if problem.classifies:
        return MLPClassifier(**settings).fit(problem.X, problem.y)
    return MLPRegressor(**{"loss": problem.loss, **settings}).fit(problem.X, problem.y)


def outputs(module: Any, X: Any) -> Any:
    """Return what a module gives for rows."""
    with torch.no_grad():
        return module(torch.from_numpy(np.array(X))).numpy()


def expected(estimator: Any, X: Any) -> Any:
    """Return the predictions that a module should give, one column a raw prediction."""
    if not hasattr(estimator, "classes_"):
        return np.reshape(estimator.predict(X), (len(X), -1))
    shares = estimator.predict_proba(X)
    if isinstance(shares, list):
        return np.concatenate(shares, axis=1)
    return shares[:, 1:] if estimator.n_outputs_ == 1 else shares


@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_module_gives_the_same_outputs(kind: str) -> None:
    """For every kind of target, to the last digits of float64."""
    estimator, X = fitted(kind), load_problem(kind).X
    found = outputs(estimator.to_torch(), X)
    np.testing.assert_allclose(found, expected(estimator, X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_its_module(name: str) -> None:
    """Also far from zero, where formulas overflow."""
    X = np.linspace(-60, 60, 241)[:, None]
    settings = {"activation": name, "solver": "lbfgs", "max_iter": 3, "random_state": 0}
    estimator = MLPRegressor(hidden_layer_sizes=(5,), **settings).fit(X / 60, X[:, 0] / 60)
    found = outputs(estimator.to_torch(), X)[:, 0]
    np.testing.assert_allclose(found, estimator.predict(X), rtol=1e-12, atol=1e-12)
    again = mlplab.from_torch(estimator.to_torch())
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    assert again.activation == name


def test_several_class_variables_and_hinge() -> None:
    """Groups of columns have a softmax each; hinge has no link."""
    problem = load_problem("multiclass")
    y = np.stack([problem.y, problem.y > 1], axis=1)
    settings = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0}
    several = MLPClassifier(**settings).fit(problem.X, y)
    module = several.to_torch()
    np.testing.assert_allclose(
        outputs(module, problem.X), expected(several, problem.X), rtol=1e-12, atol=1e-12
    )
    again = mlplab.from_torch(module, classes=[[0, 1, 2], [0, 1]])
    np.testing.assert_array_equal(again.predict(problem.X), several.predict(problem.X))
    hinge = MLPClassifier(**settings, loss="hinge").fit(problem.X, problem.y)
    found = outputs(hinge.to_torch(), problem.X)
    np.testing.assert_allclose(found, hinge.decision_function(problem.X), rtol=1e-12, atol=1e-12)


def test_raw_predictions_are_what_torch_losses_want() -> None:
    """Without the link, PyTorch's cross-entropy goes on training."""
    problem = load_problem("multiclass")
    estimator = fitted("multiclass", dropout=0.2)
    module = estimator.to_torch(raw=True)
    assert not module.training
    raw = outputs(module, problem.X)
    shares = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, estimator.predict_proba(problem.X), rtol=1e-12)
    x, y = torch.from_numpy(problem.X.copy()), torch.from_numpy(problem.y.copy())
    optimiser = torch.optim.Adam(module.train().parameters(), 0.01)
    torch.manual_seed(0)
    losses = []
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(module(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(estimator.to_torch(raw=True)(x).detach().numpy(), raw)
    back = mlplab.from_torch(module.eval(), classes=[0, 1, 2])
    assert back.dropout == [0.2, 0.2]
    decided = outputs(module, problem.X).argmax(axis=1)
    assert back.predict(problem.X).tolist() == decided.tolist()


def test_float32_stays_float32() -> None:
    """The module has the precision of the network."""
    problem = load_problem("regression")
    reg = MLPRegressor(max_iter=3, dtype="float32").fit(problem.X, problem.y)
    module = reg.to_torch()
    found = outputs(module, problem.X.astype(np.float32))[:, 0]
    np.testing.assert_allclose(found, reg.predict(problem.X), rtol=1e-5, atol=1e-5)
    assert mlplab.from_torch(module).coefs_[0].dtype == np.float32


@pytest.mark.parametrize("kind", ["regression", "poisson", "multiclass", "multilabel", "binary"])
def test_back_and_forth_is_the_same_network(kind: str) -> None:
    """What comes back predicts the same and can be trained on, saved and loaded."""
    estimator, problem = fitted(kind), load_problem(kind)
    again = mlplab.from_torch(estimator.to_torch(), learning_rate_init=0.01, random_state=0)
    assert type(again) is type(estimator)
    np.testing.assert_array_equal(again.predict(problem.X), estimator.predict(problem.X))
    copied = type(again).from_artifact(again.to_artifact())
    np.testing.assert_array_equal(copied.predict(problem.X), estimator.predict(problem.X))
    for one in (again, copied):
        one.partial_fit(problem.X, problem.y)
    np.testing.assert_array_equal(again.coefs_[0], copied.coefs_[0])
    assert again.fit(problem.X, problem.y).score(problem.X, problem.y) > 0


def test_modules_can_be_pickled_and_kept() -> None:
    """Links of ours are found by name."""
    problem = load_problem("poisson")
    module = fitted("poisson").to_torch()
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    again = pickle.loads(pickle.dumps(module))  # noqa: S301  (our own bytes)
    np.testing.assert_array_equal(outputs(again, problem.X), outputs(module, problem.X))


def test_an_autoencoder_goes_to_torch() -> None:
    """The module reproduces rows."""
    X = load_problem("multiclass").X
    coder = MLPAutoencoder((3, 2, 3), max_iter=5, random_state=0).fit(X)
    np.testing.assert_allclose(outputs(coder.to_torch(), X), coder.reconstruct(X), 1e-12, 1e-12)


# ---------------------------------------------------------------------- from PyTorch


def layers(*more: Any, n_in: int = 4, n_out: int = 3, bias: bool = True) -> Any:
    """Return a small module in float64 with the same weights every time."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(n_in, 5, bias=bias), torch.nn.ReLU(), torch.nn.Linear(5, n_out), *more
    ).double()


X = np.random.default_rng(0).normal(size=(40, 4))


def test_classes_may_stand_in_any_order() -> None:
    """Outputs are brought into the order of sorted classes."""
    module = layers()
    names = np.array(["rose", "iris", "lily"])
    clf = mlplab.from_torch(module, classes=names)
    assert clf.predict(X).tolist() == names[outputs(module, X).argmax(axis=1)].tolist()
    assert clf.classes_.tolist() == ["iris", "lily", "rose"]


@pytest.mark.parametrize("names", [["no", "yes"], ["yes", "no"]])
@pytest.mark.parametrize("n_out", [1, 2])
def test_two_classes_from_one_output_or_two(n_out: int, names: list[str]) -> None:
    """One output is that of the second name; of two the larger decides."""
    module = layers(n_out=n_out)
    raw = outputs(module, X)
    second = raw[:, 0] > 0 if n_out == 1 else raw[:, 1] > raw[:, 0]
    clf = mlplab.from_torch(module, classes=names)
    assert clf.predict(X).tolist() == np.array(names)[second.astype(int)].tolist()
    share = 1 / (1 + np.exp(-(raw[:, 0] if n_out == 1 else raw[:, 1] - raw[:, 0])))
    yes = clf.predict_proba(X)[:, 1]
    np.testing.assert_allclose(yes, share if names[1] == "yes" else 1 - share, rtol=1e-12)


def test_links_tell_what_is_predicted() -> None:
    """Without classes, the last layer says what the outputs are."""
    found = {
        "numbers": mlplab.from_torch(layers()),
        "classes": mlplab.from_torch(layers(torch.nn.Softmax(dim=1))),
        "labels": mlplab.from_torch(layers(torch.nn.Sigmoid())),
        "two": mlplab.from_torch(layers(torch.nn.Sigmoid(), n_out=1)),
    }
    assert isinstance(found["numbers"], MLPRegressor)
    assert found["classes"].classes_.tolist() == [0, 1, 2]
    assert found["labels"].predict(X).shape == (40, 3)
    assert found["two"].classes_.tolist() == [0, 1]
    for name, module in (("classes", torch.nn.Softmax(dim=1)), ("labels", torch.nn.Sigmoid())):
        np.testing.assert_allclose(
            found[name].predict_proba(X), outputs(layers(module), X), rtol=1e-12
        )


def test_nested_modules_and_missing_biases() -> None:
    """Sequentials inside are read in order, a missing bias is zero, dropout is kept."""
    inner = layers(bias=False)
    module = torch.nn.Sequential(torch.nn.Flatten(), inner, torch.nn.Dropout(0.3))
    module = torch.nn.Sequential(module, torch.nn.Linear(3, 2).double())
    reg = mlplab.from_torch(module.eval())
    np.testing.assert_allclose(reg.predict(X), outputs(module, X), rtol=1e-12)
    assert (reg.hidden_layer_sizes, reg.activation, reg.dropout) == (
        (5, 3),
        ["relu", "identity"],
        [0.0, 0.3],
    )


def bad_modules() -> dict[str, tuple[Any, dict[str, Any], str]]:
    """Return modules that have no counterpart, and what is said of them."""
    n = torch.nn
    return {
        "a single layer": (n.Linear(2, 1), {}, "must be a torch.nn.Sequential; got Linear"),
        "nothing": (n.Sequential(), {}, "must hold a Linear"),
        "batch norm": (layers(n.BatchNorm1d(3)), {}, r"layer 3, BatchNorm1d.* has none: known"),
        "convolution": (n.Sequential(n.Conv1d(1, 1, 1)), {}, "first layer must be Linear"),
        "slope": (
            n.Sequential(n.Linear(2, 2), n.LeakyReLU(0.2), n.Linear(2, 1)),
            {},
            r"negative_slope must be 0\.01; it is 0\.2",
        ),
        "approximate": (
            n.Sequential(n.Linear(2, 2), n.GELU("tanh"), n.Linear(2, 1)),
            {},
            "approximate must be 'none'; it is 'tanh'",
        ),
        "two activations": (layers(n.ReLU(), n.Tanh()), {}, "two activations follow"),
        "activation at the end": (layers(n.ReLU()), {}, "may follow the last Linear; got 'relu'"),
        "dropout at the end": (layers(n.Dropout(0.5)), {}, "got 'dropout'"),
        "shapes": (n.Sequential(n.Linear(2, 3), n.Linear(2, 1)), {}, "gives 3 values .* takes 2"),
        "after the link": (layers(n.Softmax(1), n.Linear(3, 1)), {}, "comes last"),
        "dim": (layers(n.Softmax(0)), {}, "dim must be 1 or -1; it is 0"),
        "too few classes": (layers(), {"classes": ["a", "b"]}, "each of the 3 outputs once"),
        "classes twice": (layers(), {"classes": ["a", "b", "b"]}, "each of the 3 outputs once"),
        "one class": (layers(n_out=1), {"classes": ["a"]}, "two classes for one output"),
        "classes of labels": (
            layers(n.Sigmoid()),
            {"classes": ["a", "b", "c"]},
            "Leave `classes` out",
        ),
        "unknown parameter": (layers(), {"solver": "adm"}, "Did you mean 'adam'"),
    }


BAD = sorted(bad_modules()) if not needs_torch.args[0] else ["skipped"]


@pytest.mark.parametrize("name", BAD)
def test_what_has_no_counterpart_is_named(name: str) -> None:
    """The layer, the setting and the way out stand in the message."""
    module, options, words = bad_modules()[name]
    with pytest.raises(ParameterError, match=words):
        mlplab.from_torch(module, **options)


def test_functions_of_ones_own_have_no_module() -> None:
    """The message names the function."""
    register(ActivationFunction("square", "z²", lambda z: z * z, lambda z, _: 2 * z))
    try:
        reg = MLPRegressor(hidden_layer_sizes=(2,), activation="square", max_iter=2).fit(X, X[:, 0])
        with pytest.raises(ExportError, match="got 'square', which is your own"):
            reg.to_torch()
    finally:
        unregister("square")
