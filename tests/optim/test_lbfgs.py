"""L-BFGS: SciPy's routine as it is, and ours, which can be taken up again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize
from tests.shapes import unchecked_shapes

from mlplab import nn, optim

RECIPE = optim.LBFGS(gradient_tolerance=1e-8)


def _rosenbrock(x: Any) -> tuple[float, Any]:
    return float(optimize.rosen(x)), np.asarray(optimize.rosen_der(x))


def _regression(seed: int) -> Any:
    """Return the objective of a small network over its rows."""
    rng = np.random.default_rng(seed)
    network = nn.multilayer(3, [5], 1, "tanh")
    x = rng.normal(size=(40, 3))
    y = np.sin(x.sum(axis=1, keepdims=True))

    def objective(parameters: Any) -> tuple[float, Any]:
        found = nn.objective_and_gradient(
            network, nn.SquaredError(), nn.Penalties(l2=0.01), parameters, x, y
        )
        return found.value, found.gradient

    return objective, nn.draw_parameters(network, "glorot_uniform", rng)


def _go_on(parameters: Any, value: float) -> bool:  # noqa: ARG001  (the signature of the callback)
    return False


def _minimise(
    recipe: optim.LBFGS, objective: Any, start: Any, n: int, after: Any = _go_on
) -> optim.LbfgsOutcome:
    """Call the routine that the recipe names."""
    with unchecked_shapes():
        if recipe.resumable:
            return optim.minimise_resumable(objective, start, recipe, n, after, {})
        return optim.minimise(objective, start, recipe, n, after)


BOTH = pytest.mark.parametrize("resumable", [False, True])


def _recipe(resumable: bool, **settings: Any) -> optim.LBFGS:
    return optim.LBFGS(**{"gradient_tolerance": 1e-8, **settings}, resumable=resumable)


@BOTH
@pytest.mark.parametrize("start", [[-1.2, 1.0], [3.0, -2.0], [-1.0, 2.0, 0.5, -1.5]])
def test_valley_is_solved(start: list[float], resumable: bool) -> None:
    """Rosenbrock's, in two dimensions and in four."""
    found = _minimise(_recipe(resumable), _rosenbrock, np.array(start), 500)
    assert found.status == "converged"
    # In four dimensions there is a second minimum near (−1, 1, 1, 1).
    # SciPy also ends where the value hardly falls any more.
    tolerance = 1e-8 if resumable else 1e-3
    assert np.abs(optimize.rosen_der(found.parameters)).max() < tolerance
    assert found.value == _rosenbrock(found.parameters)[0]
    if len(start) == 2:
        np.testing.assert_allclose(found.parameters, 1, atol=1e-5)


def test_minimise_is_scipy(seed: int) -> None:
    """The same point, value and counts as `scipy.optimize.minimize` itself."""
    objective, start = _regression(seed)
    found = _minimise(RECIPE, objective, start, 60)
    with unchecked_shapes():
        expected = optimize.minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 60, "gtol": 1e-8, "maxfun": 15000},
        )
    np.testing.assert_array_equal(found.parameters, expected.x)
    assert found.value == expected.fun
    assert (found.iterations, found.evaluations) == (expected.nit, expected.nfev)


def test_resumable_reaches_what_scipy_reaches(seed: int) -> None:
    """On a smooth objective both end in a minimum of much the same value."""
    objective, start = _regression(seed)
    theirs = _minimise(_recipe(resumable=False), objective, start, 2000)
    ours = _minimise(_recipe(resumable=True), objective, start, 2000)
    assert ours.status == "converged"
    assert np.abs(objective(ours.parameters)[1]).max() < 1e-8
    assert ours.value < 1.2 * theirs.value


@pytest.mark.parametrize("n", [2, 7, 20])
def test_calls_of_one_iteration_are_one_call_of_many(n: int, seed: int) -> None:
    """Bit for bit, also with a memory shorter than the way."""
    objective, start = _regression(seed)
    recipe = _recipe(resumable=True, memory=5)
    with unchecked_shapes():
        whole = optim.minimise_resumable(objective, start, recipe, n, _go_on, {})
        x, slots = start, {}
        for _ in range(n):
            part = optim.minimise_resumable(objective, x, recipe, 1, _go_on, slots)
            x, slots = part.parameters, part.slots
    np.testing.assert_array_equal(x, whole.parameters)
    assert part.value == whole.value
    assert slots.keys() == whole.slots.keys()
    assert len(slots["lbfgs_steps"]) == min(n, 5)
    for name, slot in slots.items():
        np.testing.assert_array_equal(slot, whole.slots[name])


def test_direction_is_that_of_the_updated_matrix(seed: int) -> None:
    """The two loops give −H g of the matrix that BFGS updates pair by pair."""
    rng = np.random.default_rng(seed)
    hessian = np.diag([1.0, 3.0, 10.0, 0.5])
    steps, gradient = rng.normal(size=(3, 4)), rng.normal(size=4)
    changes = steps @ hessian
    last = float(steps[-1] @ changes[-1])
    inverse = np.eye(4) * last / float(changes[-1] @ changes[-1])
    for s, y in zip(steps, changes, strict=True):
        rho = 1 / float(s @ y)
        left = np.eye(4) - rho * np.outer(s, y)
        inverse = left @ inverse @ left.T + rho * np.outer(s, s)
    np.testing.assert_allclose(
        optim.two_loop_direction(gradient, steps, changes), -inverse @ gradient, rtol=1e-10
    )


def test_direction_without_memory_is_downhill() -> None:
    """No pairs: the negative gradient, in a new array."""
    gradient = np.array([1.0, -2.0])
    direction = optim.two_loop_direction(gradient, np.empty((0, 2)), np.empty((0, 2)))
    np.testing.assert_array_equal(direction, -gradient)
    assert gradient[0] == 1.0


@BOTH
@pytest.mark.parametrize(
    ("settings", "n", "status"),
    [
        ({}, 3, "max_iterations"),
        ({"max_evaluations": 5}, 100, "max_evaluations"),
        ({"gradient_tolerance": 1e3}, 100, "converged"),
    ],
)
def test_status_says_why_it_ended(
    settings: dict[str, Any], n: int, status: str, resumable: bool
) -> None:
    """The words are the same for both routines."""
    found = _minimise(_recipe(resumable, **settings), _rosenbrock, np.array([-1.2, 1.0]), n)
    assert found.status == status
    assert found.message
    assert found.iterations <= n


@BOTH
def test_callback_stops(resumable: bool) -> None:
    """It is told every iteration's point and value, and its wish is respected."""
    seen: list[float] = []

    def after(parameters: Any, value: float) -> bool:
        assert value == _rosenbrock(parameters)[0]
        seen.append(value)
        return len(seen) == 4

    found = _minimise(_recipe(resumable), _rosenbrock, np.array([-1.2, 1.0]), 100, after)
    assert found.status == "stopped"
    assert found.iterations == len(seen) == 4
    assert sorted(seen, reverse=True) == seen


@BOTH
def test_line_search_without_a_better_point_is_told(resumable: bool) -> None:
    """A gradient that points the wrong way: no warning, but a status."""

    def uphill(x: Any) -> tuple[float, Any]:
        return float(np.abs(x).sum()), -np.sign(x)

    start = np.array([1.0, 2.0])
    found = _minimise(_recipe(resumable), uphill, start, 50)
    assert found.status == "line_search"
    assert np.isfinite(found.parameters).all()


def test_recipe_has_no_transform() -> None:
    """L-BFGS cannot be chained, and says so instead of doing something else."""
    with pytest.raises(NotImplementedError, match="LBFGS"):
        optim.LBFGS().transform()


def test_outcome_leaves_the_start_alone() -> None:
    """The start belongs to the caller."""
    start = np.array([-1.2, 1.0])
    for resumable in (False, True):
        _minimise(_recipe(resumable), _rosenbrock, start, 5)
    np.testing.assert_array_equal(start, [-1.2, 1.0])
