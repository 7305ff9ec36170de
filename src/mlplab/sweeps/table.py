"""A sweep from a table of a study file; every mistake names key, rule and nearest valid name.

The first name in backticks of each message is the dotted key, from which the reader of study
files finds the line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

from mlplab.errors import ParameterError, did_you_mean
from mlplab.results import Configuration
from mlplab.sweeps.checks import check_integer, is_number
from mlplab.sweeps.contract import Search
from mlplab.sweeps.halving import Halving, Hyperband
from mlplab.sweeps.learned import Learned
from mlplab.sweeps.searches import Grid, QuasiRandom, Random
from mlplab.sweeps.space import Parameter, Range, Space, Values
from mlplab.sweeps.sweep import Sweep

__all__ = ["SEARCHES", "space_from_table", "sweep_from_table"]

SEARCHES: dict[str, Callable[..., Search]] = {
    "grid": Grid,
    "random": Random,
    "sobol": QuasiRandom,
    "halton": lambda: QuasiRandom("halton"),
    "halving": Halving,
    "hyperband": Hyperband,
    "tpe": Learned,
    "gp": lambda **options: Learned("gp", **options),
}
"""The searches by the names that study files use."""

_OPTIONS = {
    "halving": ("factor", "min_epochs", "resource"),
    "hyperband": ("factor", "min_epochs", "resource", "rounds"),
    "tpe": ("batch",),
    "gp": ("batch",),
}
_RANGE = ("low", "high", "step", "n", "log")
_DOMAIN = ("values", *_RANGE, "when")
_HERE = "sweep.space"


def sweep_from_table(
    table: Mapping[str, Any],
    *,
    seed: int = 0,
    fixed: Configuration | None = None,
    defaults: Configuration | None = None,
    known: Collection[str] | None = None,
) -> Sweep:
    """Return the sweep that a table ``[sweep]`` describes.

    Parameters
    ----------
    table : mapping
        With the keys ``space``, ``search``, ``score``, ``folds``, ``repeats``, ``shuffle``,
        ``seeds``, ``trials`` and ``seconds``; only the first has to be there.
    seed : int
    fixed, defaults : mapping, optional
        See `Space`.
    known : collection of str, optional
        Every name that may vary; any if left out.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> sweep_from_table({"searhc": "grid", "space": {"alpha": [0.1, 1.0]}})
    Traceback (most recent call last):
    mlplab.errors.ParameterError: `sweep.searhc` is no key of [sweep]. Did you mean 'search'?
    """
    names = [f.name for f in dataclasses.fields(Sweep) if f.name not in {"scores", "seed"}]
    _check_keys(table, [*names, "score"], "sweep", "[sweep]")
    if "space" not in table:
        raise ParameterError(
            "`sweep.space` must be given; got nothing. Add a table [sweep.space] with a line for "
            "each parameter that varies."
        )
    plain = {key: table[key] for key in table if key not in {"space", "search", "score"}}
    if not isinstance(plain.get("shuffle", True), bool):
        raise ParameterError(
            f"`sweep.shuffle` must be true or false; got {plain['shuffle']!r}. Leave it out."
        )
    return Sweep(
        space=space_from_table(table["space"], fixed=fixed, defaults=defaults, known=known),
        search=_search(table.get("search", "grid")),
        scores=_scores(table.get("score", [])),
        seed=seed,
        **plain,
    )


def space_from_table(
    table: Mapping[str, Any],
    *,
    fixed: Configuration | None = None,
    defaults: Configuration | None = None,
    known: Collection[str] | None = None,
) -> Space:
    """Return the space that a table ``[sweep.space]`` describes.

    Parameters
    ----------
    table : mapping
        For each parameter a list of values, or a table: ``{low, high}`` with ``step``, ``n`` or
        ``log``, or ``{values}``; and ``when``, the values that others must have. Other tables
        hold parameters with dotted names.
    fixed, defaults, known
        See `sweep_from_table`.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> space = space_from_table({
    ...     "solver": ["sgd", "adam"],
    ...     "momentum": {"low": 0.5, "high": 0.9, "step": 0.2, "when": {"solver": "sgd"}},
    ...     "data": {"scaling": ["standard", "robust"]},
    ... })
    >>> space.at([0.1, 0.5, 0.7])
    {'solver': 'sgd', 'momentum': 0.7, 'data.scaling': 'robust'}
    """
    if not isinstance(table, Mapping):
        raise ParameterError(
            f"`{_HERE}` must be a table with a line for each parameter; got {table!r}. "
            "For example: alpha = [0.0001, 0.001]"
        )
    parameters = tuple(_parameters(table, ()))
    for parameter in parameters:
        if known is not None and parameter.name not in known:
            raise ParameterError(
                f"`{_HERE}.{parameter.name}` is nothing that a sweep can vary."
                f"{did_you_mean(parameter.name, known)} Take the name of a parameter of the "
                "network, or data. and the name of one of the preparation."
            )
    return Space(parameters, fixed=fixed, defaults=defaults)


def _parameters(table: Mapping[str, Any], path: tuple[str, ...]) -> list[Parameter]:
    found: list[Parameter] = []
    for key, value in table.items():
        name = ".".join((*path, key))
        if isinstance(value, Mapping) and not any(known in value for known in _DOMAIN):
            if not value:
                raise _not_a_domain(name, value)
            found += _parameters(value, (*path, key))
        elif isinstance(value, Mapping):
            found.append(_from_table(name, value))
        else:
            found.append(Parameter(name, _values(name, value)))
    return found


def _from_table(name: str, table: Mapping[str, Any]) -> Parameter:
    _check_keys(table, _DOMAIN, f"{_HERE}.{name}", "a parameter of a sweep")
    ranged = [key for key in _RANGE if key in table]
    if ("values" in table) == bool(ranged):
        raise ParameterError(
            f"`{_HERE}.{name}` must have either `values` or `low` and `high`; got "
            f"{', '.join(table)}. For example: {{ values = [1, 2] }} or {{ low = 1, high = 9 }}"
        )
    when = _when(name, table["when"]) if "when" in table else None
    domain = _range(name, table) if ranged else _values(f"{name}.values", table["values"])
    return Parameter(name, domain, when)


def _values(name: str, value: Any) -> Values:
    if not isinstance(value, (list, tuple)) or not value:
        raise _not_a_domain(name, value)
    return Values(tuple(value))


def _not_a_domain(name: str, value: Any) -> ParameterError:
    hint = did_you_mean(name.rpartition(".")[2], _DOMAIN) if "." in name else ""
    return ParameterError(
        f"`{_HERE}.{name}` must be a list with at least one value, or a table with `values` or "
        f"with `low` and `high`; got {value!r}.{hint} For example: [0.001, 0.01]"
    )


def _range(name: str, table: Mapping[str, Any]) -> Range:
    here = f"{_HERE}.{name}"
    for key in ("low", "high", "step"):
        if key in table and not is_number(table[key]):
            raise ParameterError(
                f"`{here}.{key}` must be a finite number; got {table[key]!r}. For example: 0.1"
            )
    low, high, log = table.get("low"), table.get("high"), table.get("log", False)
    if low is None or high is None or low >= high:
        raise ParameterError(
            f"`{here}` must have a `low` that is below `high`; got low = {low}, high = {high}. "
            "Give both, or list the values."
        )
    if not isinstance(log, bool) or (log and low <= 0):
        raise ParameterError(
            f"`{here}.log` must be true or false, and `low` positive for true; got log = {log}, "
            f"low = {low}. Leave `log` out, or start above zero."
        )
    _check_steps(here, table, log=log)
    return Range(low, high, step=table.get("step"), n=table.get("n"), log=log)


def _check_steps(here: str, table: Mapping[str, Any], *, log: bool) -> None:
    step, n = table.get("step"), table.get("n")
    if step is not None and (step <= 0 or log or n is not None):
        raise ParameterError(
            f"`{here}.step` must be positive, and alone: without `n`, without `log`; got "
            f"step = {step}, n = {n}, log = {log}. Use `n` for steps in the logarithm."
        )
    if n is not None:
        check_integer(f"{here.removeprefix('sweep.')}.n", n, 2)


def _when(name: str, when: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(when, Mapping) or not when:
        raise ParameterError(
            f"`{_HERE}.{name}.when` must be a table of other parameters and what they must be; "
            f'got {when!r}. For example: {{ solver = "sgd" }}'
        )
    return {
        key: tuple(value) if isinstance(value, (list, tuple)) else (value,)
        for key, value in _flat(when, ())
    }


def _flat(table: Mapping[str, Any], path: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Return what nested tables say, by dotted name."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        here = (*path, key)
        found += _flat(value, here) if isinstance(value, Mapping) else [(".".join(here), value)]
    return found


def _search(value: Any) -> Search:
    table = {"kind": value} if isinstance(value, str) else value
    kind = table.get("kind") if isinstance(table, Mapping) else None
    if not isinstance(table, Mapping) or kind not in SEARCHES:
        hint = did_you_mean(kind if isinstance(kind, str) else str(value), SEARCHES)
        raise ParameterError(
            f"`sweep.search` must be one of {', '.join(SEARCHES)}, or a table with such a `kind`; "
            f'got {value!r}.{hint} For example: search = "grid"'
        )
    options = {key: option for key, option in table.items() if key != "kind"}
    _check_keys(options, _OPTIONS.get(kind, ()), "sweep.search", f"the search {kind}")
    return SEARCHES[kind](**options)


def _scores(value: Any) -> tuple[str, ...]:
    scores = [value] if isinstance(value, str) else value
    if not isinstance(scores, (list, tuple)) or not all(isinstance(s, str) for s in scores):
        raise ParameterError(
            "`sweep.score` must be the name of a scorer of scikit-learn, or a list of them of "
            f'which the first decides; got {value!r}. For example: score = ["accuracy", "f1_macro"]'
        )
    return tuple(dict.fromkeys(scores))


def _check_keys(table: Mapping[str, Any], valid: Collection[str], here: str, whose: str) -> None:
    for key in table:
        if key not in valid:
            listed = f" Its keys are {', '.join(valid)}." if valid else " It has none."
            hint = did_you_mean(key, valid) or listed
            raise ParameterError(f"`{here}.{key}` is no key of {whose}.{hint}")
