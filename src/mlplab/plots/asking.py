"""What displays are made from: looked at before anything is computed."""

from __future__ import annotations

from typing import Any

from mlplab.errors import ParameterError

__all__ = ["check_fitted", "check_kind", "check_list"]


def check_fitted(estimator: Any, *needed: str) -> None:
    """Check that an estimator has what a display asks of it.

    Parameters
    ----------
    estimator : estimator
    *needed : str
        Names of methods and fitted attributes.

    Raises
    ------
    ParameterError
        It is no estimator, not fitted, or has no such answers.
    """
    # What a pipeline learned lies in its last step.
    homes = [estimator, *(step for _, step in getattr(estimator, "steps", [])[-1:])]
    homes = [] if isinstance(estimator, type) else homes
    lacking = [name for name in needed if not any(hasattr(home, name) for home in homes)]
    if not lacking:
        return
    fittable = hasattr(estimator, "fit") and not isinstance(estimator, type)
    unfitted = fittable and all(name.endswith("_") for name in lacking)
    raise ParameterError(
        f"`estimator` must be fitted and have {', '.join(needed)}; got {_named(estimator)} without "
        f"{', '.join(lacking)}. {'Call fit first.' if unfitted else 'Pass another estimator.'}"
    )


def check_list(estimators: Any, *needed: str) -> list[Any]:
    """Return several estimators as a list, each checked as `check_fitted` does."""
    if isinstance(estimators, str) or not hasattr(estimators, "__iter__"):
        raise ParameterError(
            f"`estimators` must be a list of fitted estimators; got {_named(estimators)}. "
            "Put them in a list."
        )
    found = list(estimators)
    for estimator in found:
        check_fitted(estimator, *needed)
    return found


def check_kind(value: Any, kind: type, name: str, way_out: str) -> None:
    """Check that a display is made from what it shows.

    Raises
    ------
    ParameterError
        It is something else; `way_out` says where the right thing comes from.
    """
    if not isinstance(value, kind):
        raise ParameterError(f"`{name}` must be a {kind.__name__}; got {_named(value)}. {way_out}")


def _named(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
