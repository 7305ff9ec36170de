"""The points as a hidden layer sees them, beside the points as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError, ParameterError
from mlplab.nn import NetworkSpec, apply_link, forward_pass
from mlplab.plots.planes import Plane, draw_plane, limits_around
from mlplab.plots.points import (
    MOST_POINTS,
    ClassPoints,
    classes_of,
    coded,
    draw_points,
    legend_of,
    sampled,
)
from mlplab.plots.style import (
    Panels,
    as_written,
    dress,
    legend_below,
    legend_under,
    shortened,
    take_axes,
)
from mlplab.results import Snapshot, Snapshots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["HiddenSpace", "HiddenSpaceDisplay"]

_MOST_PANELS = 23
_RESOLUTION = 150


@dataclass(frozen=True, slots=True, eq=False)
class HiddenSpace:
    """Points in two directions of a space, and what the rest of the network makes of them.

    Attributes
    ----------
    title : str
    points : ndarray of shape (n_rows, 2)
    axis_names : tuple of two str
    plane : Plane or None
        What the rest of the network answers in this plane, where the layer has two units.
    """

    title: str
    points: NDArray[np.float64]
    axis_names: tuple[str, str]
    plane: Plane | None = None


class HiddenSpaceDisplay:
    """The input space, and beside it the space of a hidden layer after chosen epochs.

    Make it with `from_estimator`. A layer of two units is shown as it is, (z₁, z₂), shaded by
    what the rest of the network answers; of more units the two main directions of the points are
    shown (principal components, of each epoch by itself, with their share of the variance); a
    layer of one unit against the classes.

    Parameters
    ----------
    spaces : sequence of HiddenSpace
        The first is the input space.
    codes : int ndarray of shape (n_rows,)
        Place of each point's class.
    classes : sequence
    n_rows : int, optional
        Points there are, if not all are drawn.

    Attributes
    ----------
    ax_ : list of Axes, or the Axes that was given
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from mlplab import MLPClassifier
    >>> X, y = make_moons(100, noise=0.1, random_state=0)
    >>> network = MLPClassifier((2,), solver="lbfgs", random_state=0).fit(X, y)
    >>> display = HiddenSpaceDisplay.from_estimator(network, X, y)
    >>> bool((display.spaces[1].points == network.transform(X)).all())
    True
    """

    ax_: Axes | list[Axes]
    figure_: Figure

    def __init__(
        self,
        spaces: Sequence[HiddenSpace],
        codes: NDArray[np.intp],
        classes: Sequence[object],
        *,
        n_rows: int | None = None,
    ) -> None:
        self.spaces = tuple(spaces)
        self.codes = codes
        self.classes = tuple(classes)
        self.n_rows = len(codes) if n_rows is None else n_rows

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        snapshots: Snapshots | None = None,
        layer: int = -1,
        feature_names: Sequence[str] | None = None,
        max_points: int = MOST_POINTS,
    ) -> HiddenSpaceDisplay:
        """Take the values of a hidden layer for some rows.

        Parameters
        ----------
        estimator : network of mlplab, or a pipeline that ends in one
            Fitted or initialised.
        X : array-like or data frame of shape (n_rows, n_features)
            As it was fitted to.
        y : array-like of shape (n_rows,)
            Labels, for the colours.
        snapshots : Snapshots, optional
            The epochs to show; the network as it is if None.
        layer : int, default=-1
            Which hidden layer: 0 is the first, -1 the last.
        feature_names : two str, optional
            Labels of the input space's axes.
        max_points : int, default=2000
            Points that are drawn, at random.

        Raises
        ------
        DataError
            More than 23 epochs, or not one label a row.
        ParameterError
            The network has no such hidden layer.
        """
        network, rows = _network_and_rows(estimator, X)
        shots = Snapshots((network.snapshot(),)) if snapshots is None else snapshots
        if not 0 < len(shots) <= _MOST_PANELS:
            message = (
                f"`snapshots` must hold 1 to {_MOST_PANELS} epochs, a panel each; got "
                f"{len(shots)}. Choose some with snapshots.of(0, 10, 100)."
            )
            raise DataError(message)
        classes = classes_of(y)
        kept = sampled(len(rows), max_points)
        codes = coded(y, classes, len(rows))[kept]
        names = feature_names or [str(name) for name in getattr(X, "columns", ())]
        spaces = [_input_space(np.asarray(X, dtype=float)[kept], names)]
        n_units = _width(network, layer)
        for shot in shots:
            model = network.with_parameters(shot.parameters)
            values = np.asarray(model.transform(rows[kept], layer=layer), dtype=float)
            plane = _plane(model, shot, layer, values, classes) if n_units == 2 else None
            title = f"epoch {shot.epoch:,}" if snapshots is not None else "Hidden space"
            spaces.append(_space(title, values, codes, plane))
        return cls(spaces, codes, classes, n_rows=len(rows))

    @property
    def panels(self) -> Panels:
        """The input space and a panel an epoch."""
        count = len(self.spaces)
        if count == 2:
            return Panels((8.4, 4.4), 1, 2)
        grid = Panels.grid(count, 2.9, 2.8)
        return Panels((grid.size[0], grid.size[1] + 0.5), grid.rows, grid.columns, used=count)

    @property
    def note(self) -> str:
        """What is said of main directions, and of points that are not drawn; may be empty."""
        parts = []
        if any("direction" in space.axis_names[0] for space in self.spaces):
            parts.append("percentages are shares of the variance")
        if self.n_rows != len(self.codes):
            parts.append(f"{len(self.codes):,} of {self.n_rows:,} points, drawn at random")
        return "; ".join(parts)

    @property
    def frames(self) -> tuple[HiddenSpaceDisplay, ...]:
        """The pictures of a film: the input space beside each epoch."""
        first, *others = self.spaces
        return tuple(
            HiddenSpaceDisplay((first, space), self.codes, self.classes, n_rows=self.n_rows)
            for space in others
        )

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **point_options: Any
    ) -> HiddenSpaceDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : Axes, sequence of Axes, or None
            Where to draw; None makes a figure. In a single Axes the last hidden space alone is
            drawn.
        **point_options
            Passed to `Axes.scatter`.
        """
        axes = take_axes(ax, self.panels)
        shown = self.spaces if len(axes) > 1 else self.spaces[-1:]
        style: dict[str, Any] = {"size": 22.0 if len(axes) < 3 else 12.0, **point_options}
        for panel, space in zip(axes, shown, strict=True):
            self._draw(panel, space, style)
        handles = legend_of(self.classes)
        if len(axes) > 1:
            legend_under(axes, handles, note=self.note)
        else:
            legend_below(axes[0], handles)
        self.ax_ = axes if len(axes) > 1 else axes[0]
        self.figure_ = axes[0].figure  # type: ignore[assignment]  # panels live in whole figures
        return self

    def _draw(self, ax: Axes, space: HiddenSpace, style: dict[str, Any]) -> None:
        if space.plane is not None:
            draw_plane(ax, space.plane, len(self.classes))
            left, right, bottom, top = space.plane.limits
            ax.set_xlim(left, right)
            ax.set_ylim(bottom, top)
        draw_points(ax, ClassPoints(space.points, self.codes), self.classes, **style)
        if space.axis_names[1] == "class":
            ax.set_yticks(range(len(self.classes)), [shortened(one) for one in self.classes])
        x, y = map(as_written, space.axis_names)
        dress(ax, x=x, y=y, title=as_written(space.title))


def _network_and_rows(estimator: Any, X: Any) -> tuple[Any, NDArray[Any]]:
    """Return the network, and the rows as what comes before it in a pipeline hands them on."""
    steps = getattr(estimator, "steps", None)
    network = steps[-1][1] if steps else estimator
    if not hasattr(network, "with_parameters"):
        message = (
            "`estimator` must be a network of mlplab, or a pipeline that ends in one; got "
            f"{type(estimator).__name__}. Others keep no hidden values."
        )
        raise ParameterError(message)
    rows = estimator[:-1].transform(X) if steps and len(steps) > 1 else X
    return network, np.asarray(rows)


def _width(network: Any, layer: int) -> int:
    hidden = network.network_.units[1:-1]
    if not -len(hidden) <= layer < len(hidden):
        message = (
            f"`layer` must name one of the {len(hidden)} hidden layers, from 0 or from the end "
            f"with -1; got {layer}."
        )
        raise ParameterError(message)
    return int(hidden[layer])


def _plane(
    model: Any, shot: Snapshot, layer: int, values: NDArray[np.float64], classes: Sequence[object]
) -> Plane | None:
    """Return what the layers after this one answer in its plane, of a classifier."""
    own = getattr(model, "classes_", None)
    if own is None or isinstance(own, list) or classes_of(own) != tuple(classes):
        return None
    network = model.network_
    rest = NetworkSpec(network.layers[network.hidden_ends[layer] :])
    limits = limits_around(values)
    left, right, bottom, top = limits
    mesh = np.meshgrid(np.linspace(left, right, _RESOLUTION), np.linspace(bottom, top, _RESOLUTION))
    rows = np.column_stack([part.ravel() for part in mesh])
    # The parameters lie layer by layer, so those of the rest are the last ones.
    raw, _ = forward_pass(rest, shot.parameters[-rest.n_parameters :].astype(float), rows)
    if model.out_activation_ not in {"logistic", "softmax"}:
        return (
            Plane(limits, raw.reshape(_RESOLUTION, _RESOLUTION, -1), "score")
            if raw.shape[1] == 1
            else None
        )
    answers = apply_link(model.out_activation_, raw)
    if answers.shape[1] == 1:
        answers = np.column_stack([1 - answers, answers])
    return Plane(limits, answers.reshape(_RESOLUTION, _RESOLUTION, -1))


def _input_space(x: NDArray[np.float64], names: Sequence[str]) -> HiddenSpace:
    if x.shape[1] == 2:
        first, second = names or ("x₁", "x₂")
        return HiddenSpace("Input space", x, (first, second))
    points, shares = _main_directions(x)
    return HiddenSpace(f"Input space ({x.shape[1]} features)", points, _direction_names(shares))


def _space(
    title: str, values: NDArray[np.float64], codes: NDArray[np.intp], plane: Plane | None
) -> HiddenSpace:
    if values.shape[1] == 2:
        return HiddenSpace(title, values, ("z₁", "z₂"), plane)
    if values.shape[1] == 1:
        # Spread a little, so that points do not hide each other.
        spread = np.random.default_rng(0).uniform(-0.3, 0.3, len(codes))
        return HiddenSpace(title, np.column_stack([values[:, 0], codes + spread]), ("z₁", "class"))
    points, shares = _main_directions(values)
    return HiddenSpace(f"{title} ({values.shape[1]} units)", points, _direction_names(shares))


def _main_directions(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows in their first two principal components, and those's shares of variance.

    The sign of a component is free; here its entry of largest size is positive, so that pictures
    of one layer after different epochs can be compared.
    """
    centred = values - values.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    two = directions[:2]
    signs = np.sign(two[np.arange(len(two)), np.abs(two).argmax(axis=1)])
    points = centred @ (two * signs[:, None]).T
    total = float((lengths**2).sum())
    shares = lengths[:2] ** 2 / total if total > 0 else np.zeros(2)
    if points.shape[1] < 2:
        points = np.column_stack([points, np.zeros(len(points))])
        shares = np.append(shares, 0.0)
    return points, shares


def _direction_names(shares: NDArray[np.float64]) -> tuple[str, str]:
    first, second = shares
    return f"main direction ({first:.0%})", f"second direction ({second:.0%})"
