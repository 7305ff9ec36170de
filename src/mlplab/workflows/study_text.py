"""A study as TOML text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplab.errors import ParameterError
from mlplab.workflows.study import Study

__all__ = ["study_to_toml", "toml_value"]


def study_to_toml(study: Study, comments: Mapping[str, str] | None = None) -> str:
    """Return a study as TOML; `read_study` gives the same study back.

    Parameters
    ----------
    study : Study
    comments : mapping of str to str, optional
        Remarks behind values, by dotted key: ``{"model.solver": "chosen: …"}``.
    """
    content = study.model_dump(exclude_unset=False, exclude_none=True)
    return "\n".join([*_table(content, (), comments or {}), ""])


def _table(
    content: Mapping[str, Any], path: tuple[str, ...], comments: Mapping[str, str]
) -> Iterator[str]:
    plain = {k: v for k, v in content.items() if not (isinstance(v, Mapping) and len(path) < 1)}
    for key, value in plain.items():
        remark = comments.get(".".join((*path, key)))
        end = f"  # {' '.join(remark.split())}" if remark else ""
        yield f"{_key(key)} = {toml_value(value)}{end}"
    for key, value in content.items():
        if key not in plain and value:
            yield ""
            yield f"[{'.'.join(map(_key, (*path, key)))}]"
            yield from _table(value, (*path, key), comments)


def toml_value(value: Any) -> str:
    """Return a value as TOML writes it.

    Raises
    ------
    ParameterError
        TOML has no word for it.

    Examples
    --------
    >>> toml_value({"a": [1, 2.0, True], "b c": "x"})
    '{ a = [1, 2.0, true], "b c" = "x" }'
    """
    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        items = ", ".join(f"{_key(str(k))} = {toml_value(v)}" for k, v in value.items())
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, Sequence) or hasattr(value, "tolist"):
        return f"[{', '.join(map(toml_value, value))}]"
    raise ParameterError(
        f"A setting must be a number, a text, a list or a table to stand in a study file; got "
        f"{type(value).__name__}. Pass the name of it, or use the estimator directly."
    )


def _number(value: float) -> str:
    if math.isfinite(value):
        text = repr(value)
        # TOML wants digits on both sides of the point, or an exponent.
        return text if any(mark in text for mark in ".e") else f"{text}.0"
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")


def _key(key: str) -> str:
    bare = key.isascii() and key and all(c.isalnum() or c in "_-" for c in key)
    return key if bare else json.dumps(key, ensure_ascii=False)
