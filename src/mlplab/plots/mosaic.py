"""Small images side by side in one Axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.style import GREY, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["as_images", "draw_mosaic", "image_shape"]

_GAP = 0.12  # between images, as a share of their width


def image_shape(n_pixels: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    """Return height and width of images with so many pixels: as said, or square.

    Raises
    ------
    DataError
        The pixels do not fill such an image.

    Examples
    --------
    >>> image_shape(784, None), image_shape(6, (2, 3))
    ((28, 28), (2, 3))
    """
    side = round(n_pixels**0.5)
    height, width = (side, side) if shape is None else shape
    if height * width != n_pixels:
        message = (
            f"`shape` must be height and width of an image of {n_pixels} pixels; got "
            f"{'None, and they fill no square' if shape is None else shape}. Pass (28, 28), for "
            "example."
        )
        raise DataError(message)
    return int(height), int(width)


def as_images(X: ArrayLike, shape: tuple[int, int] | None) -> NDArray[np.float64]:
    """Return rows of pixels as images, of shape (n_images, height, width)."""
    pixels = np.asarray(X, dtype=float)
    if pixels.ndim == 3:
        return pixels
    if pixels.ndim != 2 or not pixels.size:
        message = (
            f"`X` must hold a row of pixels for each of at least one image; got shape "
            f"{pixels.shape}. Reshape it to (n_images, n_pixels)."
        )
        raise DataError(message)
    return pixels.reshape(-1, *image_shape(pixels.shape[1], shape))


def draw_mosaic(
    ax: Axes,
    rows: Sequence[NDArray[np.float64]],
    *,
    limits: tuple[float, float],
    cmap: str,
    captions: Sequence[Sequence[str]] = (),
    names: Sequence[str] = (),
    **image_options: Any,
) -> Any:
    """Draw rows of images, each with a caption under it and a name at the left of each row.

    Returns
    -------
    AxesImage
        Of the last image; all share its map and limits.
    """
    height, width = rows[0].shape[1:]
    style: dict[str, Any] = {"cmap": cmap, "vmin": limits[0], "vmax": limits[1]}
    style |= {"interpolation": "nearest", **image_options}
    top, image = 0.0, None
    for i, images in enumerate(rows):
        written = captions[i] if captions else ()
        image = _draw_row(ax, images, top, written, style)
        if i < len(names):
            at = (-0.15 * width, top + height / 2)
            ax.text(*at, shortened(names[i], 22), ha="right", va="center", color=GREY)
        top += height * (1 + _GAP) + (0.32 * width if written else 0.0)
    longest = max(len(images) for images in rows)
    ax.set_xlim(0, longest * width * (1 + _GAP))
    ax.set_ylim(top, -0.02 * height)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return image


def _draw_row(
    ax: Axes,
    images: NDArray[np.float64],
    top: float,
    captions: Sequence[str],
    style: dict[str, Any],
) -> Any:
    """Draw images side by side, with captions under them; return the last."""
    height, width = images.shape[1:]
    small: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": 7.5}
    image = None
    for k, pixels in enumerate(images):
        left = k * width * (1 + _GAP)
        image = ax.imshow(pixels, extent=(left, left + width, top + height, top), **style)
        if k < len(captions):
            ax.text(left + width / 2, top + height + 0.04 * width, captions[k], **small)
    return image
