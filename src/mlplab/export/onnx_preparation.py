"""From the columns of rows to features, in ONNX."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from mlplab._typing import AnyArray
from mlplab.errors import ExportError
from mlplab.export.onnx_graph import Graph
from mlplab.results.portable import (
    Block,
    Elementwise,
    Gaps,
    Lookup,
    Numbers,
    PortablePreparation,
)

__all__ = ["MISSING_WORDS", "add_preparation"]

MISSING_WORDS = ("", "nan", "NaN", "None", "<NA>", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "?")
"""Words that stand for a missing one, unless a category is so called.

ONNX knows no missing text. These are what tables in memory give as text, and what
`mlplab.data.read` takes for missing.
"""


def add_preparation(graph: Graph, preparation: PortablePreparation) -> str:
    """Add inputs and preparation to a graph.

    Rows whose columns are all numbers are one float tensor, ``X``; otherwise every column is an
    input of its own, (rows, 1), of floats or text. What is computed is computed in double
    precision, so that nothing but the rounding of the inputs is lost.

    Returns
    -------
    str
        The features: float, (rows, features).

    Raises
    ------
    ExportError
        A column holds dates, or numbers that are alike in float32 mean different categories.
    """
    inputs = _Inputs(graph, preparation)
    if preparation.does_nothing:
        return inputs.numbers(preparation.blocks[0].columns)  # type: ignore[union-attr]  # they are Numbers
    made = [_add_block(graph, inputs, block) for block in preparation.blocks]
    features = made[0] if len(made) == 1 else graph.add("Concat", *made, axis=1)
    for operation in preparation.operations:
        features = _add_operation(graph, features, operation)
    return graph.cast(features, "float")


class _Inputs:
    """The inputs of the graph, whole or column by column."""

    def __init__(self, graph: Graph, preparation: PortablePreparation) -> None:
        self._graph = graph
        self._n = len(preparation.columns)
        self._single = preparation.only_numbers
        for column in preparation.columns:
            if column.holds == "date":
                message = (
                    f"Every step of a preparation must have a form in ONNX; reading the dates of "
                    f"column {column.name!r} has none. Export the network alone with "
                    "network_only=True (--network-only), or to Python, or replace the column by "
                    "numbers before training."
                )
                raise ExportError(message)
        if self._single:
            listed = ", ".join(column.name for column in preparation.columns)
            self._names = [graph.input("X", "float", self._n, f"Columns: {listed}")]
        else:
            self._names = [
                graph.input(
                    column.name,
                    "float" if column.holds == "number" else "string",
                    1,
                    f"Column {column.name!r}, a {column.holds} in each row",
                )
                for column in preparation.columns
            ]

    def numbers(self, places: Sequence[int]) -> str:
        """Return columns side by side: (rows, places)."""
        if not self._single:
            parts = [self._names[place] for place in places]
            return parts[0] if len(parts) == 1 else self._graph.add("Concat", *parts, axis=1)
        if tuple(places) == tuple(range(self._n)):
            return self._names[0]
        chosen = self._graph.constant(np.array(places, dtype=np.int64), "places")
        return self._graph.add("Gather", self._names[0], chosen, axis=1)


def _add_block(graph: Graph, inputs: _Inputs, block: Block) -> str:
    """Add the features of a block: double, (rows, width)."""
    if isinstance(block, Numbers):
        return graph.cast(inputs.numbers(block.columns), "double")
    if isinstance(block, Gaps):
        return graph.cast(graph.add("IsNaN", inputs.numbers(block.columns)), "double")
    assert isinstance(block, Lookup), block  # noqa: S101  (columns of dates were refused)
    column = inputs.numbers((block.column,))
    words = isinstance(block.keys[0], str)
    index = _add_index_of_word(graph, column, block) if words else _add_index(graph, column, block)
    refused = np.full(block.width, np.nan)  # no error can be raised, so no number comes out
    others = [refused if row is None else row for row in (block.missing, block.unknown)]
    table = graph.constant(np.vstack([block.rows, *others]).astype(np.float64), "table")
    return graph.add("Gather", table, index, axis=0)


def _add_index(graph: Graph, column: str, block: Lookup) -> str:
    """Add the row of the table for a number: that of its key, then missing, then unknown."""
    keys: AnyArray = np.array(block.keys, dtype=np.float32)
    if len(np.unique(keys)) < len(keys):
        message = (
            "Numbers that name categories must differ in float32, in which ONNX gets them; some "
            f"of {block.keys[:5]} … do not. Make them text before training."
        )
        raise ExportError(message)
    gap = graph.add("IsNaN", column)
    equal = graph.add("Equal", column, graph.constant(keys[np.newaxis], "keys"))
    marks = graph.add("Concat", equal, gap, graph.add("Not", gap), axis=1)
    # The first of the largest: the key if there is one, else whether it is missing.
    return graph.add("ArgMax", graph.cast(marks, "float"), axis=1, keepdims=0)


def _add_index_of_word(graph: Graph, column: str, block: Lookup) -> str:
    n = len(block.keys)
    index = dict(_spellings(block))
    for word in MISSING_WORDS:
        index.setdefault(word, n)
    found = graph.add(
        "LabelEncoder",
        column,
        domain="ai.onnx.ml",
        keys_strings=list(index),
        values_int64s=list(index.values()),
        default_int64=n + 1,
    )
    flat = graph.constant(np.array([-1], dtype=np.int64), "flat")
    return graph.add("Reshape", found, flat)


def _spellings(block: Lookup) -> Iterator[tuple[str, int]]:
    """Yield the ways in which a word may be written, with its place; plain ones come last.

    Whole numbers may end in ``.0``, as they do in a column that misses some; where case does not
    matter, words may be in capitals.
    """
    words = [str(key) for key in block.keys]
    for place, word in enumerate(words):
        if word.lstrip("-").isdigit():
            yield f"{word}.0", place
        if block.any_case:
            yield word.upper(), place
            yield word.capitalize(), place
    for place, word in enumerate(words):
        yield word, place


_OPERATORS = {
    "subtract": "Sub",
    "divide": "Div",
    "multiply": "Mul",
    "add": "Add",
    "at_least": "Max",
    "at_most": "Min",
}


def _add_operation(graph: Graph, features: str, operation: Elementwise) -> str:
    values = graph.constant(operation.values.astype(np.float64), operation.kind)
    if operation.kind == "fill":
        known = [value for value in operation.values if not math.isnan(value)]
        if not known:
            return features
        return graph.add("Where", graph.add("IsNaN", features), values, features)
    return graph.add(_OPERATORS[operation.kind], features, values)
