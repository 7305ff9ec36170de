"""Image samples, and what a network makes of them, in rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_fitted
from mlplab.plots.mosaic import as_images, draw_mosaic
from mlplab.plots.points import sampled
from mlplab.plots.style import Panels, as_written, shortened, take_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ImagesDisplay"]


class ImagesDisplay:
    """Images in rows: samples with their labels, or originals above their reconstructions.

    Make it with `from_samples` or `from_estimator`. All images share one scale of grey.

    Parameters
    ----------
    rows : mapping of str to array-like of shape (n_images, height, width) or (n_images, n_pixels)
        Name and images of each row.
    captions : sequence of sequences of str, optional
        For each row a caption for each image.
    shape : (height, width), optional
        Of images given as pixels; square if None.
    title : str, optional

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> display = ImagesDisplay.from_samples(X, y, per_class=3)
    >>> len(display.rows), display.rows["0"].shape
    (10, (3, 8, 8))
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        rows: Mapping[str, ArrayLike],
        *,
        captions: Sequence[Sequence[str]] = (),
        shape: tuple[int, int] | None = None,
        title: str | None = None,
    ) -> None:
        self.rows = {name: as_images(images, shape) for name, images in rows.items()}
        self.captions = [list(row) for row in captions]
        self.title = title
        sizes = {images.shape[1:] for images in self.rows.values()}
        if len(sizes) != 1 or (self.captions and len(self.captions) != len(self.rows)):
            message = (
                "`rows` must hold images of one size, and `captions` a list a row; got sizes "
                f"{sorted(sizes)} and {len(self.captions)} lists for {len(self.rows)} rows. Use "
                "ImagesDisplay.from_samples(X, y)."
            )
            raise DataError(message)

    @classmethod
    def from_samples(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        *,
        per_class: int = 8,
        shape: tuple[int, int] | None = None,
        class_names: Mapping[Any, str] | None = None,
        title: str | None = "Samples of each class",
    ) -> ImagesDisplay:
        """Take some images of each class, at random but always the same ones.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_pixels)
        y : array-like of shape (n_rows,)
        per_class : int, default=8
            Images a class; fewer where there are fewer.
        shape : (height, width), optional
            Square if None.
        class_names : mapping, optional
            What to write for each label.
        title : str, optional
        """
        pixels, labels = np.asarray(X, dtype=float), np.asarray(y)
        if len(pixels) != len(labels):
            message = (
                f"`X` and `y` must have as many rows; got {len(pixels)} and {len(labels)}. "
                "Pass the labels of these images."
            )
            raise DataError(message)
        rows = {}
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            name = str((class_names or {}).get(label, label))
            rows[name] = as_images(pixels[own[sampled(len(own), per_class)]], shape)
        return cls(rows, title=title)

    @classmethod
    def from_estimator(
        cls,
        autoencoder: Any,
        X: ArrayLike,
        *,
        n_images: int = 10,
        shape: tuple[int, int] | None = None,
        title: str | None = None,
    ) -> ImagesDisplay:
        """Take some images and their reconstructions, with the error of each.

        Parameters
        ----------
        autoencoder : MLPAutoencoder, or pipeline that ends in one
            Fitted. With a pipeline both rows are shown as it is given them.
        X : array-like of shape (n_rows, n_pixels)
        n_images : int, default=10
            How many, at random but always the same ones.
        shape : (height, width), optional
            Square if None.
        title : str, optional
        """
        check_fitted(autoencoder, "transform", "inverse_transform")
        pixels = np.asarray(X, dtype=float)
        chosen = pixels[sampled(len(pixels), n_images)]
        again = _reconstructed(autoencoder, chosen)
        errors = ((chosen - again) ** 2).mean(axis=1)
        return cls(
            {"original": chosen, "reconstruction": again},
            captions=[[], [f"{error:.2g}" for error in errors]],
            shape=shape,
            title=title or "Reconstructions, and the mean squared error of their pixels",
        )

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest value: the ends of the scale of grey, those of the first row."""
        first = next(iter(self.rows.values()))
        low, high = float(np.nanmin(first)), float(np.nanmax(first))
        return low, high if high > low else low + 1.0

    @property
    def panels(self) -> Panels:
        """One panel that grows with the images."""
        longest = max(len(images) for images in self.rows.values())
        names = 0.09 * max(len(shortened(name, 22)) for name in self.rows)
        cell = 0.72 if longest <= 12 else 0.5
        captioned = sum(bool(row) for row in self.captions)
        tall = cell * (1.12 * len(self.rows) + 0.33 * captioned) + 0.6
        return Panels(size=(longest * cell * 1.12 + names + 0.4, tall))

    def plot(self, ax: Axes | Sequence[Axes] | None = None, **image_options: Any) -> ImagesDisplay:
        """Draw the images.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        **image_options
            Passed to `Axes.imshow`, ``cmap="gray_r"`` for example.
        """
        (axes,) = take_axes(ax, self.panels)
        draw_mosaic(
            axes,
            list(self.rows.values()),
            limits=self.limits,
            captions=self.captions,
            names=list(self.rows),
            **{"cmap": "gray", **image_options},
        )
        if self.title:
            axes.set_title(as_written(self.title), fontsize="medium")
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self


def _reconstructed(autoencoder: Any, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows as the network gives them back, on the scale on which they came."""
    if hasattr(autoencoder, "reconstruct"):
        return np.asarray(autoencoder.reconstruct(X), dtype=float)
    return np.asarray(autoencoder.inverse_transform(autoencoder.transform(X)), dtype=float)
