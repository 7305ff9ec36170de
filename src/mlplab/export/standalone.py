"""The predictor that `mlplab.export.to_python` writes: this module, with a model put into it."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import functools
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

# What was learned; a file that was written holds it in place of these empty ones.
MODEL: dict[str, Any] = {}
ARRAYS: dict[str, tuple[str, tuple[int, ...], str]] = {}

# What stands for a missing value in a CSV file.
MISSING = {"", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null"}


@functools.cache
def array(name: str) -> Any:
    """Return an array that was learned."""
    dtype, shape, text = ARRAYS[name]
    stored = np.frombuffer(base64.b64decode(text), dtype=f"<{dtype}").reshape(shape)
    return stored.astype(dtype)


# ---------------------------------------------------------------------- from rows to features


def is_missing(value: Any) -> bool:
    """Tell None, NaN, NaT and pandas' NA from values."""
    if value is None or type(value).__name__ == "NAType":
        return True
    return bool(value != value)  # noqa: PLR0124  (NaN alone differs from itself)


def column(rows: Any, place: int) -> Any:
    """Return the values of a column: by name of a table, by place of an array."""
    name = MODEL["columns"][place][0]
    try:
        if hasattr(rows, "columns") or isinstance(rows, dict):
            return rows[name]
        if isinstance(rows, (list, tuple)) and rows and isinstance(rows[0], dict):
            return [row[name] for row in rows]
    except KeyError:
        message = f"The rows must have the column {name!r}; they have not."
        raise ValueError(message) from None
    # As objects, lest NumPy make words of the numbers beside words.
    table = rows if isinstance(rows, np.ndarray) else np.asarray(rows, dtype=object)
    n_columns = len(MODEL["columns"])
    if table.ndim != 2 or table.shape[1] != n_columns:
        message = f"Rows must be an array of shape (rows, {n_columns}); got shape {table.shape}."
        raise ValueError(message)
    return table[:, place]


def numbers(rows: Any, place: int) -> Any:
    """Return a column as float64, NaN where a value is missing."""
    values = np.asarray(column(rows, place))
    if values.dtype.kind == "m":
        values = values / np.timedelta64(1, "s")
    if values.dtype.kind not in "biuf":
        values = np.array([number(value, row, place) for row, value in enumerate(values)])
    found = values.astype(np.float64)
    if np.isinf(found).any():
        message = f"Column {MODEL['columns'][place][0]!r} must hold finite numbers."
        raise ValueError(message)
    return found


def number(value: Any, row: int, place: int) -> float:
    """Return one value as a number."""
    if is_missing(value):
        return math.nan
    try:
        # Python reads 1_000 as a number; tables do not.
        return float(value.replace("_", "?") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        name = MODEL["columns"][place][0]
        message = f"Column {name!r} must hold numbers; row {row + 1} holds {value!r}."
        raise ValueError(message) from None


def word(value: Any) -> str:
    """Return one value as a word; whole numbers lose their ``.0``."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def moment(value: Any, form: str) -> Any:
    """Return a date, as text or not, as a moment in UTC."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, str):
        text = value.strip()
        iso = form in {"", "ISO8601"}
        value = dt.datetime.fromisoformat(text) if iso else dt.datetime.strptime(text, form)  # noqa: DTZ007  (UTC below)
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  (same)
    utc = dt.timezone.utc  # noqa: UP017  (older Pythons have no dt.UTC)
    return value.replace(tzinfo=utc) if value.tzinfo is None else value.astimezone(utc)


def date_parts(value: Any, form: str) -> dict[str, float]:
    """Return what features can be made of a date."""
    when = moment(value, form)
    since = when - dt.datetime(1970, 1, 1, tzinfo=when.tzinfo)
    return {
        "year": when.year,
        "month": when.month,
        "day_of_week": when.weekday(),
        "second_of_day": when.hour * 3600.0 + when.minute * 60.0 + when.second,
        "days": since / dt.timedelta(days=1),
    }


def gap(rows: Any, place: int) -> Any:
    """Return 1 where a value is missing, else 0."""
    return np.array([is_missing(value) for value in column(rows, place)], dtype=np.float64)


def look_up(rows: Any, block: dict[str, Any]) -> Any:
    """Return the features of categories, from a table of what each of them means."""
    table = array(block["rows"])
    keys: dict[Any, Any] = dict(zip(block["keys"], table, strict=True))
    others = {name: block[name] and array(block[name]) for name in ("unknown", "missing")}
    made = []
    for value in column(rows, block["column"]):
        if block["words"] and not is_missing(value):
            key: Any = word(value).lower() if block["any_case"] else word(value)
        else:
            key = None if is_missing(value) else float(value)
        features = others["missing"] if key is None else keys.get(key, others["unknown"])
        if features is None:
            name = MODEL["columns"][block["column"]][0]
            message = f"Column {name!r} holds {str(value)!r}, which training never saw."
            raise ValueError(message)
        made.append(features)
    return np.array(made).reshape(len(made), table.shape[1])


def read_dates(rows: Any, block: dict[str, Any]) -> Any:
    """Return parts of dates, NaN where a date is missing."""
    made = []
    for row, value in enumerate(column(rows, block["column"])):
        try:
            parts = {} if is_missing(value) else date_parts(value, block["form"])
        except ValueError:
            name = MODEL["columns"][block["column"]][0]
            message = f"Column {name!r} must hold dates; row {row + 1} holds {value!r}."
            raise ValueError(message) from None
        made.append([parts.get(part, math.nan) for part in block["parts"]])
    return np.array(made, dtype=np.float64).reshape(len(made), len(block["parts"]))


def features_of(rows: Any, block: dict[str, Any]) -> Any:
    """Return the features of one block, shape (rows, features)."""
    if block["kind"] == "numbers":
        return np.stack([numbers(rows, place) for place in block["columns"]], axis=1)
    if block["kind"] == "gaps":
        return np.stack([gap(rows, place) for place in block["columns"]], axis=1)
    return look_up(rows, block) if block["kind"] == "lookup" else read_dates(rows, block)


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "fill": lambda x, values: np.where(np.isnan(x), values, x),
    "subtract": lambda x, values: x - values,
    "divide": lambda x, values: x / values,
    "multiply": lambda x, values: x * values,
    "add": lambda x, values: x + values,
    "at_least": np.maximum,
    "at_most": np.minimum,
}


def prepare(rows: Any) -> Any:
    """Return what the network gets for rows, shape (rows, features).

    Rows are an array, or, where columns have names, a table: a frame of pandas, a dict of
    columns, or a list of dicts. Missing values are None or NaN.
    """
    x = np.concatenate([features_of(rows, block) for block in MODEL["blocks"]], axis=1)
    for kind, name in MODEL["operations"]:
        x = OPERATIONS[kind](x, array(name))
    return x


# ---------------------------------------------------------------------- the network


def sigmoid(z: Any) -> Any:
    """Return 1/(1+e^(-z)) without overflow."""
    decay = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, decay) / (1 + decay)


def softplus(z: Any) -> Any:
    """Return log(1+e^z) without overflow."""
    return np.logaddexp(z.dtype.type(0), z)


def exp_minus_1(z: Any) -> Any:
    """Return e^z − 1 where z is negative, else 0."""
    return np.expm1(np.minimum(z, 0))


def normal_share(z: Any) -> Any:
    """Return the share of a standard normal distribution that lies below z."""
    below = np.frompyfunc(lambda value: 0.5 * math.erfc(-value / math.sqrt(2)), 1, 1)
    return below(z).astype(z.dtype)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "logistic": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, z * z.dtype.type(0.01)),
    "elu": lambda z: np.where(z > 0, z, exp_minus_1(z)),
    "selu": lambda z: (
        z.dtype.type(1.0507009873554805)
        * np.where(z > 0, z, z.dtype.type(1.6732632423543772) * exp_minus_1(z))
    ),
    "gelu": lambda z: z * normal_share(z),
    "silu": lambda z: z * sigmoid(z),
    "mish": lambda z: z * np.tanh(softplus(z)),
    "softplus": softplus,
}


def forward(x: Any) -> list[Any]:
    """Return the values of all layers for features; the last are the raw predictions."""
    values = [np.asarray(x).astype(MODEL["dtype"])]
    for i, activation in enumerate(MODEL["activations"]):
        z = values[-1] @ array(f"weight_{i}") + array(f"bias_{i}")
        values.append(ACTIVATIONS[activation](z))
    return values[1:]


def softmax(raw: Any) -> Any:
    """Return shares that sum to one in each row."""
    weights = np.exp(raw - raw.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def linked(raw: Any) -> Any:
    """Return predictions of raw predictions."""
    if MODEL["link"] == "softmax":
        ends = np.cumsum(MODEL["groups"])[:-1]
        return np.concatenate([softmax(part) for part in np.split(raw, ends, axis=1)], axis=1)
    links: dict[str, Callable[[Any], Any]] = {"logistic": sigmoid, "exp": np.exp}
    return links.get(MODEL["link"], lambda values: values)(raw)


# ---------------------------------------------------------------------- answers


def predict(rows: Any) -> Any:
    """Return predictions: classes, labels, numbers, or an autoencoder's reconstruction."""
    raw = forward(prepare(rows))[-1]
    kind = MODEL["answer"]
    if kind == "class":
        largest = raw.argmax(axis=1) if MODEL["exclusive"] else (raw[:, 0] > 0).astype(int)
        return np.array(MODEL["classes"][0])[np.minimum(largest, len(MODEL["classes"][0]) - 1)]
    if kind == "variables":
        parts = zip(MODEL["classes"], split(raw), strict=True)
        return np.column_stack([np.array(of)[part.argmax(axis=1)] for of, part in parts])
    if kind == "labels":
        return labels((raw > 0).astype(int))
    values = linked(raw)
    if MODEL["scaled"]:
        values = values * array("target_scale") + array("target_mean")
    return values.ravel() if kind == "numbers" and values.shape[1] == 1 else values


def labels(decided: Any) -> Any:
    """Return labels as the table wrote them, or as ones and zeros."""
    if MODEL["separator"] is None:
        return decided
    named = np.array(MODEL["classes"][0])
    return np.array([MODEL["separator"].join(named[row > 0]) for row in decided], dtype=object)


def split(raw: Any) -> list[Any]:
    """Return the columns of each of several class variables."""
    return np.split(raw, np.cumsum([len(of) for of in MODEL["classes"]])[:-1], axis=1)


def predict_proba(rows: Any) -> Any:
    """Return probabilities, a column for each class; a list of them for several variables."""
    if not MODEL["has_probabilities"]:
        raise ValueError("This model has no probabilities.")
    shares = linked(forward(prepare(rows))[-1])
    if MODEL["answer"] == "variables":
        return split(shares)
    two = MODEL["answer"] == "class" and not MODEL["exclusive"]
    return np.concatenate([1 - shares, shares], axis=1) if two else shares


def codes(rows: Any) -> Any:
    """Return the codes of an autoencoder."""
    if MODEL["code_layer"] is None:
        raise ValueError("This model is no autoencoder.")
    return forward(prepare(rows))[MODEL["code_layer"]]


# ---------------------------------------------------------------------- the command line


def answers(rows: Any) -> dict[str, Any]:
    """Return predictions as columns of a table."""
    found = np.asarray(predict(rows))
    names = MODEL["names"] or [str(i) for i in range(found.shape[-1])]
    made = {"prediction": found}
    if found.ndim == 2:
        made = {f"prediction_{name}": part for name, part in zip(names, found.T, strict=False)}
    if MODEL["has_probabilities"] and MODEL["answer"] != "variables":
        shares = predict_proba(rows).T
        pairs = zip(MODEL["classes"][0], shares, strict=False)
        made |= {f"probability_{name}": part for name, part in pairs}
    return made


def read_csv(path: str) -> list[dict[str, Any]]:
    """Return the rows of a CSV file; commas, semicolons or tabs stand between values."""
    with open(path, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123  (plain is enough)
        text = file.read().splitlines(keepends=True)
    separator = max(",;\t", key=text[0].count)
    table = csv.DictReader(text, delimiter=separator, skipinitialspace=True)
    return [
        {str(name).strip(): None if cell in MISSING else cell for name, cell in row.items()}
        for row in table
    ]


def write_csv(path: str | None, table: dict[str, Any]) -> None:
    """Write columns to a CSV file, or to the screen."""
    lines: Iterable[Any] = zip(*(values.tolist() for values in table.values()), strict=True)
    file = open(path, "w", encoding="utf-8", newline="") if path else sys.stdout  # noqa: PTH123, SIM115  (closed below)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(lines)
    if path:
        file.close()


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3 or sys.argv[1] in {"-h", "--help"}:
        sys.exit(f"usage: python {sys.argv[0]} ROWS.csv [PREDICTIONS.csv]")
    try:
        write_csv(sys.argv[2] if len(sys.argv) == 3 else None, answers(read_csv(sys.argv[1])))
    except (OSError, ValueError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
