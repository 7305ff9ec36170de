"""scikit-learn's own tests of its MLPs, run with our classes in place of its own."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
import sklearn
import sklearn.neural_network
import sklearn.neural_network.tests as suite_package

import mlplab

# These read private attributes of scikit-learn's classes; what they are about is tested by
# public means in test_parity.py and test_classifier.py.
READ_PRIVATE_ATTRIBUTES = {
    "test_gradient",
    "test_learning_rate_warmstart",
    "test_adaptive_learning_rate",
    "test_n_iter_no_change",
    "test_n_iter_no_change_inf",
}


def _load_suite() -> ModuleType:
    """Import the module of tests afresh while the estimators' names mean ours."""
    spec = importlib.util.find_spec(f"{suite_package.__name__}.test_mlp")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklearn.neural_network, "MLPClassifier", mlplab.MLPClassifier)
        patch.setattr(sklearn.neural_network, "MLPRegressor", mlplab.MLPRegressor)
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    return module


_suite = _load_suite()
TAKEN = sorted(
    name for name in dir(_suite) if name.startswith("test_") and name not in READ_PRIVATE_ATTRIBUTES
)
globals().update({name: getattr(_suite, name) for name in TAKEN})

# The suite expects to see warnings, as scikit-learn's own configuration lets it.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def global_random_seed(seed: int) -> int:
    """Return the seed under the name that scikit-learn's suite uses."""
    return seed


def test_the_suite_runs_with_our_classes() -> None:
    """The names in the suite must mean our classes, and only the five tests may be left out."""
    assert _suite.MLPClassifier is mlplab.MLPClassifier
    assert _suite.MLPRegressor is mlplab.MLPRegressor
    left_out = {name for name in dir(_suite) if name.startswith("test_")} - set(TAKEN)
    assert left_out == READ_PRIVATE_ATTRIBUTES


@pytest.mark.skipif(not sklearn.__version__.startswith("1.9."), reason="counted in 1.9")
def test_no_test_of_the_suite_was_lost(request: pytest.FixtureRequest) -> None:
    """Of the 59 cases in scikit-learn 1.9, 54 are run here."""
    here = [item for item in request.session.items if item.path == request.path]
    cases = [item for item in here if item.originalname in TAKEN]  # type: ignore[attr-defined]
    if len(here) < len(TAKEN):
        pytest.skip("only some of the tests were asked for")
    assert len(cases) == 54
