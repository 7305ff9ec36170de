"""L-BFGS on a loss-and-gradient function: SciPy's routine, and one that can be resumed.

References
----------
Liu and Nocedal, 1989; Nocedal and Wright, Numerical Optimization, 2006, algorithms 7.4 and 7.5.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mlplab._typing import AnyArray, Vector
from mlplab.optim.recipes import LBFGS
from mlplab.optim.transforms import Slots

__all__ = ["LbfgsOutcome", "Objective", "minimise", "minimise_resumable", "two_loop_direction"]

Objective: TypeAlias = Callable[[Vector], tuple[float, Vector]]
AfterIteration: TypeAlias = Callable[[Vector, float], bool]


@dataclass(frozen=True, slots=True)
class LbfgsOutcome:
    """Where a minimisation ended.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
    value : float
    iterations, evaluations : int
    status : {"converged", "max_iterations", "max_evaluations", "line_search", "stopped"}
    message : str
        In the words of the routine.
    slots : mapping of str to ndarray
        Curvature pairs, where the routine can be resumed.
    """

    parameters: Vector
    value: float
    iterations: int
    evaluations: int
    status: str
    message: str
    slots: Slots


def _scipy_status(outcome: Any) -> str:
    text = str(outcome.message)
    if outcome.status == 0:
        return "converged"
    if outcome.status == 1:
        return "max_evaluations" if "EVALUATIONS" in text else "max_iterations"
    return "stopped" if "CALLBACK" in text or "StopIteration" in text else "line_search"


def minimise(
    objective: Objective,
    start: Vector,
    recipe: LBFGS,
    max_iterations: int,
    after_iteration: AfterIteration,
) -> LbfgsOutcome:
    """Minimise with SciPy's L-BFGS-B, as scikit-learn does.

    Parameters
    ----------
    objective : callable
        ``objective(parameters) -> (value, gradient)``.
    start : ndarray of shape (n_parameters,)
    recipe : LBFGS
    max_iterations : int
    after_iteration : callable
        ``after_iteration(parameters, value)``; returning True stops.
    """
    from scipy import optimize  # noqa: PLC0415  (SciPy is loaded only where it is used)

    def callback(intermediate_result: Any) -> None:
        if after_iteration(intermediate_result.x, float(intermediate_result.fun)):
            raise StopIteration

    outcome = optimize.minimize(
        objective,
        start,
        method="L-BFGS-B",
        jac=True,
        callback=callback,
        options={
            "maxfun": recipe.max_evaluations,
            "maxiter": max_iterations,
            "gtol": recipe.gradient_tolerance,
            "maxcor": recipe.memory,
        },
    )
    return LbfgsOutcome(
        parameters=np.asarray(outcome.x),
        value=float(outcome.fun),
        iterations=int(outcome.nit),
        evaluations=int(outcome.nfev),
        status=_scipy_status(outcome),
        message=str(outcome.message),
        slots={},
    )


def two_loop_direction(gradient: Vector, steps: AnyArray, changes: AnyArray) -> Vector:
    """Return ``−H g`` with the inverse Hessian of the curvature pairs (algorithm 7.4).

    Parameters
    ----------
    gradient : ndarray of shape (n_parameters,)
    steps, changes : ndarray of shape (pairs, n_parameters)
        Steps s and changes of the gradient y, oldest first.
    """
    q = gradient.copy()
    scales = []
    for s, y in zip(steps[::-1], changes[::-1], strict=True):
        scale = float(s @ q) / float(y @ s)
        scales.append(scale)
        q -= scale * y
    if len(steps):
        q *= float(steps[-1] @ changes[-1]) / float(changes[-1] @ changes[-1])
    for s, y, scale in zip(steps, changes, reversed(scales), strict=True):
        q += s * (scale - float(y @ q) / float(y @ s))
    return -q


def minimise_resumable(
    objective: Objective,
    start: Vector,
    recipe: LBFGS,
    max_iterations: int,
    after_iteration: AfterIteration,
    slots: Slots,
) -> LbfgsOutcome:
    """Minimise with the two-loop recursion; passing the slots on continues as if never stopped.

    Parameters
    ----------
    objective, start, recipe, max_iterations, after_iteration
        As in `minimise`.
    slots : mapping of str to ndarray
        Slots of an earlier outcome, or empty.
    """
    x = np.array(start, dtype=np.float64)
    value, gradient = objective(x)
    steps = slots.get("lbfgs_steps", np.empty((0, x.size)))
    changes = slots.get("lbfgs_changes", np.empty((0, x.size)))
    evaluations, iteration, status = 1, 0, "max_iterations"
    while iteration < max_iterations:
        if np.abs(gradient).max() <= recipe.gradient_tolerance:
            status = "converged"
            break
        if evaluations >= recipe.max_evaluations:
            status = "max_evaluations"
            break
        found = _line_search(objective, x, value, gradient, steps, changes)
        if found is None:
            status = "line_search"
            break
        new_x, value, new_gradient, used = found
        evaluations += used
        pair = new_x - x, new_gradient - gradient
        steps, changes = _remember(steps, changes, *pair, recipe.memory)
        x, gradient = new_x, new_gradient
        iteration += 1
        if after_iteration(x, value):
            status = "stopped"
            break
    message, kept = status.replace("_", " "), {"lbfgs_steps": steps, "lbfgs_changes": changes}
    return LbfgsOutcome(x, value, iteration, evaluations, status, message, kept)


def _remember(
    steps: AnyArray, changes: AnyArray, s: Vector, y: Vector, memory: int
) -> tuple[AnyArray, AnyArray]:
    """Return the pairs with the newest at their end, the oldest dropped beyond the memory."""
    # The pair is kept only where the curvature is positive, which keeps H positive definite.
    if float(s @ y) <= np.finfo(float).eps * float(y @ y):
        return steps, changes
    return np.vstack([steps, s])[-memory:], np.vstack([changes, y])[-memory:]


def _line_search(
    objective: Objective,
    x: Vector,
    value: float,
    gradient: Vector,
    steps: AnyArray,
    changes: AnyArray,
) -> tuple[Vector, float, Vector, int] | None:
    """Return the next point by a search for the strong Wolfe conditions, or None."""
    from scipy import optimize  # noqa: PLC0415  (SciPy is loaded only where it is used)

    direction = two_loop_direction(gradient, steps, changes)
    if not len(steps):
        # Without curvature the gradient has no length of its own; start with a short step.
        direction = direction * min(1.0, 1.0 / max(float(np.abs(gradient).sum()), 1e-300))
    seen: dict[bytes, tuple[float, Vector]] = {}

    def evaluate(point: Vector) -> tuple[float, Vector]:
        key = point.tobytes()
        if key not in seen:
            seen[key] = objective(point)
        return seen[key]

    with warnings.catch_warnings():
        # What SciPy would warn of is told by the status.
        warnings.simplefilter("ignore", RuntimeWarning)
        length, *_ = optimize.line_search(
            lambda point: evaluate(point)[0],
            lambda point: evaluate(point)[1],
            x,
            direction,
            gradient,
            value,
        )
    if length is None:
        return None
    point = x + length * direction
    new_value, new_gradient = evaluate(point)
    return point, new_value, new_gradient, len(seen)
