"""What is wrong with a value of a study, in sentences of our own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlplab.errors import did_you_mean

__all__ = ["rule_broken"]

_SHARE = ("a share from 0 to 1 or a number of rows from 0", "Use 0.1, for example.")
_OF_KEY = {
    "max_categories": ("a whole number of at least 2, or 'none'", "Use 50, for example."),
    "mlflow": ("true, false or a table", "Write mlflow = true."),
    "rare": (_SHARE[0], "Use 0.01, for example."),
    "seed": ("a whole number from 0 to 4294967295", "Use 0, for example."),
    "tensorboard": ("true, false or a table", "Write tensorboard = true."),
    "test": _SHARE,
    "validation": _SHARE,
    "wandb": ("true, false or a table", "Write wandb = true."),
}
"""Rule and way out of keys that may hold several kinds of values."""

_OF_TYPE = {
    "bool_type": ("true or false", "Write one of them, without quotes."),
    "dict_type": ("a table", "Write { key = value }."),
    "float_type": ("a number", "Write it without quotes."),
    "greater_than": ("more than {gt}", "Use a larger number."),
    "greater_than_equal": ("at least {ge}", "Use a larger number."),
    "int_type": ("a whole number", "Write it without quotes and point."),
    "less_than": ("less than {lt}", "Use a smaller number."),
    "list_type": ("a list", "Put it in square brackets."),
    "literal_error": ("{expected}", "Choose one of them."),
    "model_type": ("a table", "Write { key = value }."),
    "string_too_short": ("a text that is not empty", "Leave the line out, or fill it."),
    "string_type": ("a text", "Put it in quotes."),
}
"""Rule and way out by the type of a mistake, as pydantic calls it."""


def rule_broken(name: str, mistakes: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence about a value that was refused.

    Parameters
    ----------
    name : str
        The key, with its tables: ``"data.split.test"``.
    mistakes : sequence of mappings
        What pydantic says about it; several where it may be of several types.

    Examples
    --------
    >>> rule_broken("seed", [{"type": "int_type", "input": "x"}])
    "`seed` must be a whole number from 0 to 4294967295; got 'x'. Use 0, for example."
    """
    value = mistakes[0]["input"]
    key = name.rpartition(".")[2]
    rules = [_OF_KEY[key]] if key in _OF_KEY else [_rule(mistake) for mistake in mistakes]
    wanted = " or ".join(dict.fromkeys(rule for rule, _ in rules))
    names = re.findall(r"'(\w+)'", wanted)
    hint = did_you_mean(value, names) if isinstance(value, str) and names else ""
    return f"`{name}` must be {wanted}; got {value!r}.{hint or f' {rules[-1][1]}'}"


def _rule(mistake: Mapping[str, Any]) -> tuple[str, str]:
    rule, way_out = _OF_TYPE.get(mistake["type"], ("of another type", "Correct the value."))
    return rule.format(**mistake.get("ctx", {})), way_out
