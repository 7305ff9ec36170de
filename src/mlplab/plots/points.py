"""Points of two features by class: read, sampled and drawn in one way for all figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError, ParameterError
from mlplab.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CLASS_COLOURS", "ClassPoints", "class_style", "draw_points", "sampled", "two_columns"]

CLASS_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY, BLACK)
"""Colours of the classes: the first two differ in lightness too, for prints in grey."""
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

_FEW = 30  # points that a figure can afford to draw large

MOST_POINTS = 2000
"""Points of a part that are drawn where nobody asks for more."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassPoints:
    """Rows of two features with a class each, and what was predicted for them.

    Attributes
    ----------
    x : ndarray of shape (n_rows, 2)
        Finite numbers.
    codes : int ndarray of shape (n_rows,)
        Place of each row's class among the classes.
    predicted : int ndarray of shape (n_rows,) or None
        Place of the class that was predicted.
    """

    x: NDArray[np.float64]
    codes: NDArray[np.intp]
    predicted: NDArray[np.intp] | None = None

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which rows are predicted as another class than theirs; none without predictions."""
        if self.predicted is None:
            return np.zeros(len(self.codes), dtype=bool)
        return np.asarray(self.codes != self.predicted)

    def sampled(self, limit: int) -> ClassPoints:
        """Return up to so many of the rows, at random but always the same ones."""
        kept = sampled(len(self.codes), limit)
        predicted = None if self.predicted is None else self.predicted[kept]
        return ClassPoints(self.x[kept], self.codes[kept], predicted)


def sampled(n_rows: int, limit: int) -> NDArray[np.intp]:
    """Return the places of up to `limit` rows, drawn from a fixed seed, in their order.

    Raises
    ------
    ParameterError
        The limit is below 1.
    """
    if limit < 1:
        message = f"`max_points` must be at least 1; got {limit}. Leave it out for {MOST_POINTS:,}."
        raise ParameterError(message)
    if n_rows <= limit:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, limit, replace=False))


def _place_of(feature: Any, columns: Sequence[str], n_columns: int) -> int:
    """Return which column a number or a name means."""
    if isinstance(feature, str) and feature in columns:
        return columns.index(feature)
    if not isinstance(feature, str) and -n_columns <= int(feature) < n_columns:
        return int(feature)
    message = (
        f"`features` must name columns of `X`, or count them from 0; got {feature!r} where there "
        f"are {n_columns}. Choose two of them."
    )
    raise DataError(message)


def two_columns(
    X: Any,
    names: Sequence[str] | None = None,
    *,
    features: Sequence[Any] | None = None,
) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """Return two columns of a table as numbers, and their names.

    Parameters
    ----------
    X : array-like or data frame of shape (n_rows, n_features)
    names : sequence of str, optional
        Names of the two columns; those of a frame, or x₁ and x₂, if None.
    features : two ints, or two names of a frame's columns, optional
        Which columns; needed where there are more than two.

    Raises
    ------
    DataError
        There are not two columns of finite numbers.
    """
    columns = [str(name) for name in getattr(X, "columns", ())]
    table = np.asarray(X)
    if table.ndim == 2 and features is not None:
        places = [_place_of(f, columns, table.shape[1]) for f in features]
        table = table[:, places]
        columns = [columns[place] for place in places] if columns else _numbered(places)
    try:
        x = table.astype(float)
    except (TypeError, ValueError) as error:
        message = f"`X` must hold numbers; {error}. Encode words first."
        raise DataError(message) from None
    if x.ndim != 2 or x.shape[1] != 2 or not len(x) or not np.isfinite(x).all():
        message = (
            "`X` must have two columns of finite numbers and at least one row; got shape "
            f"{x.shape}{' with NaN or infinity' if not np.isfinite(x).all() else ''}. Choose two "
            "columns."
        )
        raise DataError(message)
    first, second = names or columns or _numbered((0, 1))
    return x, (str(first), str(second))


def _numbered(places: Sequence[int]) -> list[str]:
    digits = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return [f"x{str(place + 1).translate(digits)}" for place in places]


def coded(y: ArrayLike, classes: Sequence[object], n_rows: int) -> NDArray[np.intp]:
    """Return the place of each label among the classes.

    Raises
    ------
    DataError
        Not one known label a row.
    """
    labels = np.asarray(y)
    if labels.shape != (n_rows,):
        message = (
            f"`y` must have one label for each of {n_rows} rows; got shape {labels.shape}. Pass "
            "a single column of labels."
        )
        raise DataError(message)
    places = {label: place for place, label in enumerate(classes)}
    unknown = set(labels.tolist()) - set(places)
    if unknown:
        message = (
            f"`y` must hold the classes {', '.join(map(str, classes))}; got "
            f"{', '.join(sorted(map(str, unknown)))} too. Pass the labels the network knows."
        )
        raise DataError(message)
    return np.array([places[label] for label in labels.tolist()], dtype=np.intp)


def classes_of(*parts: ArrayLike | None) -> tuple[object, ...]:
    """Return the labels that occur, sorted."""
    found = {label for y in parts if y is not None for label in np.ravel(np.asarray(y)).tolist()}
    try:
        return tuple(sorted(found))
    except TypeError:
        return tuple(sorted(found, key=str))


def class_style(place: int) -> dict[str, Any]:
    """Return colour and marker of a class; both differ from those of its neighbours."""
    return {
        "color": CLASS_COLOURS[place % len(CLASS_COLOURS)],
        "marker": _MARKERS[place % len(_MARKERS)],
    }


def draw_points(
    ax: Axes,
    points: ClassPoints,
    classes: Sequence[object],
    *,
    held_out: bool = False,
    size: float | None = None,
    **options: Any,
) -> None:
    """Draw points by class; rings around those that are predicted as another.

    Points to test with have a black edge, points to learn from a white one. Many points are drawn
    as an image, so that files stay small; few points are large.
    """
    if size is None:
        size = 22.0 if len(points.codes) > _FEW else 80.0
    edge: dict[str, Any] = (
        {"edgecolor": "black", "linewidth": 0.9} if held_out else {"edgecolor": "white"}
    )
    style: dict[str, Any] = {
        "s": size,
        "linewidth": 0.5,
        "rasterized": len(points.codes) > 500,
        "zorder": 3,
    }
    for place in range(len(classes)):
        chosen = points.codes == place
        if chosen.any():
            given = {**style, **class_style(place), **edge, **options}
            ax.scatter(*points.x[chosen].T, **given)
    if points.wrong.any():
        ring: dict[str, Any] = {
            "facecolor": "none",
            "edgecolor": "black",
            "linewidth": 1.1 if size > 15 else 0.8,
            "zorder": 4,
        }
        x, y = points.x[points.wrong].T
        ax.scatter(x, y, s=4.2 * size, marker="o", **ring)


def legend_of(
    classes: Sequence[object], *, held_out: bool = False, wrong: bool = False
) -> list[Any]:
    """Return the handles of a legend: classes, what an edge says, what a ring says."""
    from matplotlib.lines import Line2D  # noqa: PLC0415  # drawing alone needs it

    def handle(label: str, **style: Any) -> Line2D:
        return Line2D([], [], linestyle="none", label=label, **style)

    handles = [
        handle(shortened(name), markersize=6, markeredgecolor="white", **class_style(place))
        for place, name in enumerate(classes)
    ]
    if held_out:
        grey: dict[str, Any] = {"marker": "o", "color": "#BBBBBB", "markersize": 6}
        handles.append(handle("train", markeredgecolor="white", **grey))
        handles.append(handle("test", markeredgecolor="black", **grey))
    if wrong:
        ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": "black"}
        handles.append(handle("predicted wrongly", marker="o", markersize=10, **ring))
    return handles
