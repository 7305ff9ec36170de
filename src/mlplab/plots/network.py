"""A network drawn: units, weights and the values that a row gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_fitted
from mlplab.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    SEQUENTIAL,
    Panels,
    shortened,
    take_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["NetworkDisplay"]

_FEW_UNITS = 4  # in a column; up to here the numbers of the weights are written
_RADIUS = 0.22


class NetworkDisplay:
    """Units in columns, weights as lines: the thicker the larger, dashed where negative.

    Make it with `from_estimator`. With a row its values stand in the units and shade them. Of
    wide layers the first and last units are drawn and the number of those between is said. The
    numbers of weights and biases are written where there are few.

    Parameters
    ----------
    weights : sequence of ndarray of shape (fan_in, fan_out)
        One a layer.
    biases : sequence of ndarray of shape (fan_out,)
    values : sequence of array-like, optional
        Values of the units of each layer, from the input to the prediction.
    input_names, output_names : sequence of str, optional
    layer_names : sequence of str, optional
        What stands over the columns.
    max_units : int, default=10
        Units of a layer that are drawn.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = NetworkDisplay([np.eye(2), np.ones((2, 1))], [np.zeros(2), np.zeros(1)])
    >>> display.units, display.shown(0)
    ((2, 2, 1), [0, 1])
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        weights: Sequence[NDArray[Any]],
        biases: Sequence[NDArray[Any]],
        *,
        values: Sequence[ArrayLike] | None = None,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        layer_names: Sequence[str] | None = None,
        max_units: int = 10,
    ) -> None:
        self.weights = [np.asarray(weight, dtype=float) for weight in weights]
        self.biases = [np.asarray(bias, dtype=float) for bias in biases]
        self.units = (len(self.weights[0]), *(weight.shape[1] for weight in self.weights))
        self.values = None if values is None else [np.ravel(v).astype(float) for v in values]
        self.input_names = [] if input_names is None else list(input_names)
        self.output_names = [] if output_names is None else list(output_names)
        self.layer_names = list(layer_names or self._layer_names())
        self.max_units = max_units
        sizes = tuple(len(bias) for bias in self.biases)
        given = self.units if self.values is None else tuple(map(len, self.values))
        if sizes != self.units[1:] or given != self.units or max_units < 3:
            message = (
                "`biases` and `values` must fit the weights, and `max_units` be at least 3; got "
                f"layers of {self.units} units, {sizes} biases, {given} values, max_units="
                f"{max_units}. Use NetworkDisplay.from_estimator(network, row)."
            )
            raise DataError(message)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        row: Any = None,
        *,
        feature_names: Sequence[str] | None = None,
        max_units: int = 10,
    ) -> NetworkDisplay:
        """Take the weights of a fitted network, and the values that a row gives its units.

        Parameters
        ----------
        estimator : network of mlplab
            Fitted or initialised.
        row : array-like of shape (n_features,) or (1, n_features), optional
            What goes through it; prepared as it was fitted.
        feature_names : sequence of str, optional
            Names of the inputs; those it was fitted with, or x₁, x₂ and so on, if None.
        max_units : int, default=10
            Units of a layer that are drawn.
        """
        check_fitted(estimator, "coefs_", "intercepts_")
        names = getattr(estimator, "feature_names_in_", None)
        names = names if feature_names is None else feature_names
        values = None
        if row is not None:
            one = np.asarray(row, dtype=float).reshape(1, -1)
            plain = estimator.with_parameters(estimator.snapshot().parameters)
            values = [layer[0] for layer in plain.activations(one)]
        return cls(
            estimator.coefs_,
            estimator.intercepts_,
            values=values,
            input_names=None if names is None else [str(name) for name in names],
            output_names=_output_names(estimator),
            max_units=max_units,
        )

    def _layer_names(self) -> list[str]:
        hidden = [f"hidden {k}" for k in range(1, len(self.units) - 1)]
        return ["input", *hidden, "output"]

    def shown(self, layer: int) -> list[int]:
        """Return the units of a layer that are drawn; -1 stands for those left out."""
        n = self.units[layer]
        if n <= self.max_units:
            return list(range(n))
        head = self.max_units // 2
        tail = self.max_units - head - 1
        return [*range(head), -1, *range(n - tail, n)]

    @property
    def places(self) -> list[dict[int, tuple[float, float]]]:
        """For each layer the places of the units that are drawn, in units of the figure."""
        tall = max(len(self.shown(layer)) for layer in range(len(self.units)))
        gap = 2.6 if tall <= 4 else 3.4
        return [
            {
                unit: (layer * gap, (len(self.shown(layer)) - 1) / 2 - k)
                for k, unit in enumerate(self.shown(layer))
            }
            for layer in range(len(self.units))
        ]

    @property
    def panels(self) -> Panels:
        """One panel; it grows with the network."""
        tall = max(len(places) for places in self.places)
        wide = max(x for places in self.places for x, _ in places.values())
        return Panels(size=(max(4.0, wide * 0.85 + 3.0), max(2.6, tall * 0.75 + 1.3)))

    def plot(self, ax: Axes | Sequence[Axes] | None = None, **line_options: Any) -> NetworkDisplay:
        """Draw the network.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **line_options
            Passed to the lines of the weights, a `LineCollection`.
        """
        (axes,) = take_axes(ax, self.panels)
        self._draw_weights(axes, line_options)
        self._draw_units(axes)
        self._write_names(axes)
        axes.set_aspect("equal")
        axes.set_axis_off()
        shape = "-".join(map(str, self.units))
        dashed = "dashed: negative" if any((w < 0).any() for w in self.weights) else ""
        note = "; ".join(part for part in ("thickness: size of the weight", dashed) if part)
        axes.set_title(f"A {shape} network", fontsize="large", pad=20)
        axes.text(
            0.5, 1.01, note, transform=axes.transAxes, ha="center", va="bottom", fontsize="small",
            color=GREY,
        )  # fmt: skip
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self

    def _draw_weights(self, ax: Axes, options: dict[str, Any]) -> None:
        from matplotlib.collections import LineCollection  # noqa: PLC0415  # drawing alone needs it

        places = self.places
        largest = max(float(np.abs(weight).max(initial=0.0)) for weight in self.weights) or 1.0
        lines, widths, colours, dashes = [], [], [], []
        for layer, weight in enumerate(self.weights):
            for i, start in places[layer].items():
                for j, end in places[layer + 1].items():
                    if i >= 0 and j >= 0:
                        share = abs(weight[i, j]) / largest
                        lines.append([start, end])
                        widths.append(0.15 + 2.85 * share)
                        colours.append(BLUE if weight[i, j] >= 0 else ORANGE)
                        dashes.append("solid" if weight[i, j] >= 0 else (0, (3, 1.2)))
        style: dict[str, Any] = {
            "linewidths": widths,
            "colors": colours,
            "linestyles": dashes,
            "zorder": 1,
        }
        ax.add_collection(LineCollection(lines, **{**style, **options}))
        if max(map(len, places)) <= _FEW_UNITS:
            self._write_weights(ax, places)

    def _write_weights(self, ax: Axes, places: list[dict[int, tuple[float, float]]]) -> None:
        for layer, weight in enumerate(self.weights):
            lines = [
                (start, end, f"{weight[i, j]:.2g}")
                for i, start in places[layer].items()
                for j, end in places[layer + 1].items()
            ]
            share = _free_share([(start[1], end[1]) for start, end, _ in lines])
            for (x0, y0), (x1, y1), text in lines:
                _write(ax, (x0 + share * (x1 - x0), y0 + share * (y1 - y0)), text, boxed=True)

    def _draw_units(self, ax: Axes) -> None:
        from matplotlib.patches import Circle  # noqa: PLC0415  # drawing alone needs it

        few = sum(len(places) for places in self.places) <= 40
        for layer, places in enumerate(self.places):
            shades = self._shades(layer)
            for unit, (x, y) in places.items():
                if unit < 0:
                    left_out = self.units[layer] - len(places) + 1
                    _write(ax, (x, y), f"⋮ {left_out:,} more", size="small")
                    continue
                face, ink = shades[unit] if shades else ("white", "black")
                circle: dict[str, Any] = {
                    "facecolor": face,
                    "edgecolor": "black",
                    "linewidth": 1.0,
                    "zorder": 3,
                }
                ax.add_patch(Circle((x, y), _RADIUS, **circle))
                if self.values is not None and few:
                    text = f"{self.values[layer][unit]:.2g}"
                    _write(ax, (x, y), text, colour=ink, size=min(7.5, 32 / len(text)))
                if layer and few and len(places) <= 6:
                    bias = self.biases[layer - 1][unit]
                    _write(ax, (x, y - _RADIUS - 0.13), f"b = {bias:.2g}", colour=GREY)

    def _shades(self, layer: int) -> dict[int, tuple[Any, str]]:
        """Return the colours of a layer's units and of the numbers in them: dark is large."""
        if self.values is None:
            return {}
        from matplotlib import colormaps  # noqa: PLC0415  # drawing alone needs it

        shade = colormaps[SEQUENTIAL]
        sizes = np.abs(self.values[layer])
        shares = sizes / (sizes.max() or 1.0)
        return {
            unit: (shade(0.85 * share), "white" if share > 0.6 else "black")
            for unit, share in enumerate(shares)
        }

    def _write_names(self, ax: Axes) -> None:
        digits = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
        inputs = self.input_names or [
            f"x{str(k + 1).translate(digits)}" for k in range(self.units[0])
        ]
        outputs = self.output_names or [
            f"ŷ{str(k + 1).translate(digits)}" if self.units[-1] > 1 else "ŷ"
            for k in range(self.units[-1])
        ]
        top = max(y for places in self.places for _, y in places.values()) + 0.62
        for side, names in ((0, inputs), (-1, outputs)):
            for unit, (x, y) in self.places[side].items():
                if unit >= 0:
                    shift, align = (-1, "right") if side == 0 else (1, "left")
                    at = (x + shift * (_RADIUS + 0.1), y)
                    _write(ax, at, shortened(names[unit]), align=align, size="medium")
        for layer, name in enumerate(self.layer_names):
            x = next(iter(self.places[layer].values()))[0]
            _write(ax, (x, top), name, size="medium", colour=GREY)
        right = max(x for x, _ in self.places[-1].values())
        low = min(y for places in self.places for _, y in places.values()) - 0.55
        ax.set_xlim(-1.6, right + 1.6)
        ax.set_ylim(low, top + 0.25)


def _free_share(heights: list[tuple[float, float]]) -> float:
    """Return how far along their lines numbers stand that keep most distance from each other."""

    def nearest(share: float) -> float:
        here = np.sort([start + share * (end - start) for start, end in heights])
        return float(np.diff(here).min(initial=np.inf))

    return max((0.3, 0.25, 0.2, 0.35, 0.4), key=nearest)


def _write(
    ax: Axes,
    at: tuple[float, float],
    text: str,
    *,
    colour: Any = "black",
    align: str = "center",
    size: Any = 7.5,
    boxed: bool = False,
) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6} if boxed else None
    style: dict[str, Any] = {
        "ha": align,
        "va": "center",
        "color": colour,
        "fontsize": size,
        "bbox": box,
    }
    ax.text(*at, text, zorder=4 if not boxed else 2, **style)


def _output_names(estimator: Any) -> list[str] | None:
    classes = getattr(estimator, "classes_", None)
    if classes is None or isinstance(classes, list):
        return None
    if estimator.n_outputs_ == 1:
        return [f"P({classes[-1]})"] if estimator.out_activation_ == "logistic" else None
    return [f"{label}" for label in classes]
