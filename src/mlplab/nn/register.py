"""Activations and losses of one's own, checked before they are let in."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlplab._typing import Matrix
from mlplab.errors import GradientError, ParameterError
from mlplab.nn import classification_losses, regression_losses
from mlplab.nn.activations import ACTIVATIONS, ALIASES, ActivationFunction
from mlplab.nn.gradient_check import agreement, central_difference
from mlplab.nn.losses import Loss

__all__ = ["CUSTOM_LOSSES", "LOSSES", "register", "unregister"]

TOLERANCE = 1e-6

CUSTOM_LOSSES: dict[str, Loss] = {}
"""Losses of one's own by name."""

_LOSS_CLASSES: list[Any] = [
    getattr(module, name)
    for module in (classification_losses, regression_losses)
    for name in module.__all__
]

LOSSES: dict[str, Any] = {cls.name: cls for cls in _LOSS_CLASSES}
"""Every built-in loss by its name."""

_BUILT_IN = frozenset(ACTIVATIONS)
# "auto" lets an estimator choose, so nothing may be called that.
_RESERVED = _BUILT_IN | frozenset(ALIASES) | frozenset(LOSSES) | {"auto"}


def register(function: ActivationFunction | Loss, *, overwrite: bool = False) -> None:
    """Add an activation or a loss, after checking its derivative by central differences.

    Parameters
    ----------
    function : ActivationFunction or Loss
        Its ``name`` is what estimators refer to afterwards.
    overwrite : bool
        Replace one of your own of the same name. Built-in names cannot be replaced.

    Raises
    ------
    GradientError
        The derivative is not the derivative of the value; nothing was registered.
    ParameterError
        The name is taken.

    Examples
    --------
    >>> square = ActivationFunction("square", "z²", lambda z: z * z, lambda z, a: 2 * z)
    >>> register(square)
    >>> unregister("square")
    """
    if not isinstance(function, (ActivationFunction, Loss)):
        message = (
            "`function` must be an ActivationFunction or a loss with name, link, values and "
            f"gradient; got {type(function).__name__}. Wrap it: "
            "ActivationFunction(name, formula, value, derivative)."
        )
        raise ParameterError(message)
    name = function.name
    taken = name in _RESERVED
    own = name in ACTIVATIONS or name in CUSTOM_LOSSES
    if taken or (own and not overwrite):
        message = f"`name` must be new; got {name!r}, which exists. Choose another name" + (
            "." if taken else ", or pass overwrite=True."
        )
        raise ParameterError(message)
    if isinstance(function, ActivationFunction):
        _check_activation(function)
        ACTIVATIONS[name] = function
    else:
        _check_loss(function)
        CUSTOM_LOSSES[name] = function


def unregister(name: str) -> None:
    """Remove a function of one's own; built-in ones stay."""
    if name not in _BUILT_IN:
        ACTIVATIONS.pop(name, None)
    CUSTOM_LOSSES.pop(name, None)


def _require_agreement(name: str, what: str, analytic: Matrix, numeric: Matrix) -> None:
    found = agreement(analytic, numeric)
    if found.relative <= TOLERANCE:
        return
    worst = int(np.abs(analytic - numeric).argmax())
    message = (
        f"The {what} of {name!r} must be its derivative; against central differences the relative "
        f"difference is {found.relative:.2g} (allowed {TOLERANCE:g}). The worst entry is "
        f"{analytic.flat[worst]:.6g} where the differences give {numeric.flat[worst]:.6g}. "
        "Derive it again, or name the points without a derivative in `kinks`."
    )
    raise GradientError(message)


def _check_activation(function: ActivationFunction) -> None:
    grid = np.linspace(-4.0, 4.0, 81)
    distance = [np.abs(grid - kink) for kink in function.kinks]
    z = grid[np.all(np.reshape(distance, (-1, grid.size)) > 0.02, axis=0)].reshape(1, -1)
    try:
        a = np.asarray(function.value(z.copy()))
        # A function of z alone, np.cos say, would take `a` for the array to write its result to.
        a.setflags(write=False)
        analytic = np.asarray(function.derivative(z.copy(), a))
    except (TypeError, ValueError) as wrong:
        message = (
            f"{function.name!r} must have value(z) and derivative(z, a), which leave their "
            f"arguments alone; calling them failed with {wrong}. Write them as "
            "lambda z: … and lambda z, a: …."
        )
        raise GradientError(message) from wrong
    for what, array in (("value", a), ("derivative", analytic)):
        if np.shape(array) != z.shape or not np.isfinite(array).all():
            message = (
                f"The {what} of {function.name!r} must be finite and of the shape of its input "
                f"{z.shape} on [-4, 4]; got shape {np.shape(array)}."
            )
            raise GradientError(message)
    # One entry depends on one input only, so the sum's gradient holds every derivative.
    numeric = central_difference(
        lambda point: float(function.value(point.reshape(z.shape)).sum()), z.ravel()
    )
    _require_agreement(function.name, "derivative", analytic, numeric.reshape(z.shape))


def _check_loss(loss: Loss) -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(7, 3))
    kinds = {"softmax": np.eye(3)[rng.integers(0, 3, 7)], "logistic": rng.integers(0, 2, (7, 3))}
    target = np.asarray(kinds.get(loss.link, np.abs(rng.normal(size=(7, 3)))), dtype=float)
    values, analytic = loss.values(raw, target), loss.gradient(raw, target)
    if np.shape(values) != (7,) or np.shape(analytic) != raw.shape:
        message = (
            f"Loss {loss.name!r} must return one value a row and a gradient of the shape of the "
            f"raw predictions {raw.shape}; got {np.shape(values)} and {np.shape(analytic)}."
        )
        raise GradientError(message)
    numeric = central_difference(
        lambda point: float(loss.values(point.reshape(raw.shape), target).sum()), raw.ravel()
    )
    _require_agreement(loss.name, "gradient", analytic, numeric.reshape(raw.shape))
