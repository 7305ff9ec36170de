"""What the units of the first layer look for, as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.plots.asking import check_fitted
from mlplab.plots.mosaic import as_images, draw_mosaic
from mlplab.plots.style import Panels, take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["WeightImagesDisplay"]


class WeightImagesDisplay:
    """The incoming weights of units as images: pixels that a unit counts for or against.

    Make it with `from_estimator`. Light pixels are counted for a unit, dark ones against it, the
    grey between not at all. Units with the largest weights come first.

    Parameters
    ----------
    weights : array-like of shape (n_units, n_pixels) or (n_units, height, width)
    units : sequence of int, optional
        Their numbers, from 0; in order if None.
    n_units : int, optional
        Units of the layer, where not all are shown.
    shape : (height, width), optional
        Square if None.
    columns : int, default=8
        Images a row.

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> WeightImagesDisplay([[0.0, 1.0, -2.0, 0.0]]).limits
    (-2.0, 2.0)
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        weights: ArrayLike,
        *,
        units: Sequence[int] | None = None,
        n_units: int | None = None,
        shape: tuple[int, int] | None = None,
        columns: int = 8,
    ) -> None:
        self.images = as_images(weights, shape)
        self.units = list(range(len(self.images)) if units is None else units)
        self.n_units = len(self.images) if n_units is None else n_units
        self.columns = columns

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_images: int = 32,
        shape: tuple[int, int] | None = None,
        columns: int = 8,
    ) -> WeightImagesDisplay:
        """Take the first layer of a network, fitted to images.

        Parameters
        ----------
        estimator : network with `coefs_`, or pipeline that ends in one
            Of this package or scikit-learn's.
        n_images : int, default=32
            Units that are shown: those with the largest weights, by Euclidean norm.
        shape : (height, width), optional
            Square if None.
        columns : int, default=8
            Images a row.
        """
        check_fitted(estimator, "coefs_")
        steps = getattr(estimator, "steps", None)
        network = steps[-1][1] if steps else estimator
        weight: NDArray[Any] = np.asarray(network.coefs_[0], dtype=float)
        order = np.argsort(-np.linalg.norm(weight, axis=0), kind="stable")[:n_images]
        return cls(
            weight.T[order],
            units=order.tolist(),
            n_units=weight.shape[1],
            shape=shape,
            columns=columns,
        )

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the scale: as far below zero as above."""
        reach = float(np.abs(self.images).max()) or 1.0
        return -reach, reach

    @property
    def panels(self) -> Panels:
        """One panel with a scale."""
        n_columns = min(self.columns, len(self.images))
        n_rows = -(-len(self.images) // self.columns)
        return Panels(size=(max(4.2, 0.9 * n_columns + 1.2), 1.12 * n_rows + 0.8))

    def plot(
        self, ax: Axes | Sequence[Axes] | None = None, **image_options: Any
    ) -> WeightImagesDisplay:
        """Draw the images.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **image_options
            Passed to `Axes.imshow`.
        """
        (axes,) = take_axes(ax, self.panels)
        starts = range(0, len(self.images), self.columns)
        image = draw_mosaic(
            axes,
            [self.images[start : start + self.columns] for start in starts],
            limits=self.limits,
            captions=[
                [f"unit {unit}" for unit in self.units[start : start + self.columns]]
                for start in starts
            ],
            # Lightness grows all the way, so that sign survives a print in grey.
            **{"cmap": "cividis", **image_options},
        )
        shown = len(self.images)
        which = f"{shown} of {self.n_units} units" if shown < self.n_units else f"{shown} units"
        axes.set_title(f"Weights of the first layer, {which}", fontsize="medium")
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        bar = self.figure_.colorbar(image, ax=axes, shrink=0.8, aspect=20, pad=0.02)
        bar.set_label("weight")
        bar.outline.set_visible(False)
        return self
