"""Strategies of bad input: arrays, tables, texts, settings and bytes that nobody would write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

NUMBERS = (0.0, -0.0, 1.0, -1e308, 1e308, 5e-324, 1e-310, np.nan, np.inf, -np.inf, 1e18)
VALUES = (None, "", " ", "nan", "é🙂", "1,5", "-", b"x", 1j, 10**400, True, object)
NESTED = ([1], {}, (1, 2))
KINDS = ("float64", "float32", "int8", "uint64", "bool", "complex64", "U5", "S3", "datetime64[D]")
PARAMETERS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 10**9, 0.0, 0.5, -0.5, 1.0, np.nan, np.inf, 1e-300),
    *("", "auto", "x", "é", (), (1,), (0,), [], [2, "a"], {}, {"a": 1}, b"x"),
)

shapes = st.one_of(
    st.just((12, 3)),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    st.sampled_from([(0, 3), (12, 0), (1, 3), (12, 2), (11, 3), (12,), (12, 1)]),
)
"""Of rows, where (12, 3) is what was learned from."""


@st.composite
def arrays(draw: Any) -> Any:
    """Draw an array of a plain kind, or of objects, with some values that are hard."""
    shape = draw(shapes)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    kind = draw(st.sampled_from((*KINDS, *("float64",) * 4, "object")))
    if kind == "object":
        array = np.full(shape, 1.0, dtype=object)
        hard: tuple[Any, ...] = VALUES
    else:
        array = (3 * rng.normal(size=shape)).astype("int64").astype(kind)
        hard = NUMBERS if kind.startswith("float") else ()
    for _ in range(draw(st.integers(0, 2)) if hard and array.size else 0):
        place, value = draw(st.integers(0, array.size - 1)), draw(st.sampled_from(hard))
        with np.errstate(over="ignore"):  # 1e308 in single precision is infinity
            array.flat[place] = value
    return array


cells = st.one_of(
    st.floats(width=32),
    st.integers(-(10**20), 10**20),
    st.text(max_size=6),
    st.sampled_from((*VALUES, *NESTED)),
)


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    """Draw a table like the kit's whose columns, rows or names are spoiled."""
    n = draw(st.integers(0, 8))
    names = draw(st.lists(st.sampled_from(["size", "age", "colour", "answer", "", 3]), max_size=6))
    columns = [draw(st.lists(cells, min_size=n, max_size=n)) for _ in names]
    frame = pd.DataFrame({place: pd.Series(c, dtype=object) for place, c in enumerate(columns)})
    frame.columns = pd.Index(names, dtype=object)
    return frame


@st.composite
def spoiled_texts(draw: Any, text: str) -> bytes:
    """Draw a text of which a part was cut out, doubled, or written over."""
    content = bytearray(text.encode())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(0, 12))
        other = draw(st.one_of(st.binary(max_size=4), st.text(max_size=4).map(str.encode)))
        content[start : start + length] = other
    return bytes(content)
