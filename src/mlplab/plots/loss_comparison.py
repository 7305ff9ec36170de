"""Loss curves of several trainings in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_kind
from mlplab.plots.style import PALETTE, Panels, as_written, dress, label_with_unit, take_axes
from mlplab.results import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_CURVES", "LossComparisonDisplay"]

Figure_: TypeAlias = Literal["loss", "validation_loss", "validation_score"]
_DASHES: tuple[Any, ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1)),
    (0, (3, 1, 1, 1)),
    (0, (1, 1)),
    (0, (8, 2)),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
MOST_CURVES = 8  # up to here each curve has a colour, a dash and a line in the legend
_NAMES = {
    "loss": "training loss",
    "validation_loss": "validation loss",
    "validation_score": "validation score",
}


class LossComparisonDisplay:
    """One curve a training: several engines, several runs, or the effect of one parameter.

    Make it with `from_histories` or `from_estimators`. Up to eight curves have each a colour, a
    dash and a marker, and a name in the legend. Many curves are drawn thin with their median
    over the epochs that at least half of them reached. With numbers as values of a `parameter`
    the legend is in their order.

    Parameters
    ----------
    curves : mapping of str to (epochs, values)
        Name of each training with the numbers of its epochs and one figure for each of them.
    parameter : str, optional
        What the names are values of.
    figure : {"loss", "validation_loss", "validation_score"}
        What the figures are.
    unit : str, optional
        Of the figures.
    title : str, optional

    Attributes
    ----------
    ax_ : Axes
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = LossComparisonDisplay({"0.1": ([1, 2], [0.5, 0.4])}, parameter="momentum")
    >>> display.final
    {'0.1': 0.4}
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        curves: Mapping[str, tuple[Any, Any]],
        *,
        parameter: str | None = None,
        figure: Figure_ = "loss",
        unit: str | None = None,
        title: str | None = None,
    ) -> None:
        self.curves = {str(name): _curve(str(name), *pair) for name, pair in curves.items()}
        self.parameter = parameter
        self.figure, self.unit = figure, unit
        self.title = title
        if not self.curves:
            message = "`curves` must hold at least one training; got none. Train one first."
            raise DataError(message)

    @classmethod
    def from_histories(
        cls, histories: Mapping[Any, History], *, figure: Figure_ = "loss", **options: Any
    ) -> LossComparisonDisplay:
        """Take one figure of each history.

        Parameters
        ----------
        histories : mapping of name to History
        figure : {"loss", "validation_loss", "validation_score"}
        **options
            `parameter`, `unit`, `title`.

        Raises
        ------
        DataError
            A history without that figure.
        """
        for history in dict(histories).values():
            check_kind(
                history, History, "histories", "A fitted network has one in result_.history."
            )
        curves = {
            str(name): (history.column("epoch"), history.column(figure))
            for name, history in histories.items()
        }
        return cls(curves, figure=figure, **options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any] | Sequence[Any],
        *,
        parameter: str | None = None,
        **options: Any,
    ) -> LossComparisonDisplay:
        """Take the curves of fitted estimators.

        Parameters
        ----------
        estimators : mapping of name to estimator, or sequence of estimators
            Those of mlplab by their `result_`; of scikit-learn by their `loss_curve_`.
        parameter : str, optional
            A parameter of theirs whose values are their names, ``"learning_rate_init"``; needed
            for a sequence.
        **options
            `figure`, `unit`, `title`.

        Raises
        ------
        DataError
            Neither names nor a parameter, two of one name, or an estimator without curve.
        """
        if isinstance(estimators, Mapping):
            named = {str(name): estimator for name, estimator in estimators.items()}
        else:
            named = _by_value(list(estimators), parameter)
        figure = options.pop("figure", "loss")
        curves = {name: _curve_of(name, estimator, figure) for name, estimator in named.items()}
        return cls(curves, parameter=parameter, figure=figure, **options)

    @property
    def final(self) -> dict[str, float]:
        """The last figure of each training."""
        return {name: float(values[-1]) for name, (_, values) in self.curves.items()}

    @property
    def median(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Median of the curves at each epoch that at least half of the trainings reached."""
        by_epoch: dict[int, list[float]] = {}
        for epochs, values in self.curves.values():
            for epoch, value in zip(epochs.tolist(), values.tolist(), strict=True):
                by_epoch.setdefault(epoch, []).append(value)
        enough = sorted(e for e, found in by_epoch.items() if 2 * len(found) >= len(self.curves))
        return np.array(enough), np.array([np.median(by_epoch[epoch]) for epoch in enough])

    @property
    def panels(self) -> Panels:
        """One panel."""
        return Panels(size=(7.0, 4.4))

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        log_axis: bool = False,
        **line_options: Any,
    ) -> LossComparisonDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes or None
            Where to draw; None makes a figure.
        log_axis : bool, default=False
            Whether the axis of the figures is logarithmic.
        **line_options
            Passed to every line.
        """
        (axes,) = take_axes(ax, self.panels)
        if len(self.curves) <= MOST_CURVES:
            self._draw_each(axes, line_options)
        else:
            self._draw_many(axes, line_options)
        if log_axis:
            axes.set_yscale("log")
        axes.grid(axis="y", alpha=0.25)
        axes.locator_params(axis="x", integer=True)
        title = self.title or (
            f"Effect of {self.parameter}" if self.parameter else f"{_NAMES[self.figure]} by epoch"
        )
        name = label_with_unit(_NAMES[self.figure], self.unit)
        dress(axes, x="epoch", y=name, title=as_written(title[:1].upper() + title[1:]))
        self.ax_, self.figure_ = axes, axes.figure  # type: ignore[assignment]  # whole figures
        return self

    def _draw_each(self, ax: Axes, options: dict[str, Any]) -> None:
        for k, (name, (epochs, values)) in enumerate(self.curves.items()):
            style: dict[str, Any] = {
                "color": PALETTE[k % len(PALETTE)],
                "linestyle": _DASHES[k],
                "marker": _MARKERS[k],
                "markersize": 4,
                # A marker here and there; curves start with theirs at different places.
                "markevery": (k / (10 * len(self.curves)), 0.1) if len(epochs) > 12 else 1,
                "linewidth": 1.5,
                "label": as_written(name),
            }
            ax.plot(epochs, values, **{**style, **options})
        title = as_written(self.parameter) if self.parameter else None
        ax.legend(frameon=False, fontsize="small", title=title, title_fontsize="small")

    def _draw_many(self, ax: Axes, options: dict[str, Any]) -> None:
        thin: dict[str, Any] = {"color": PALETTE[0], "linewidth": 0.9, "alpha": 0.5}
        for k, (epochs, values) in enumerate(self.curves.values()):
            label = f"{len(self.curves)} trainings" if k == 0 else None
            ax.plot(epochs, values, **{**thin, "label": label, **options})
        style: dict[str, Any] = {
            "color": "black",
            "linewidth": 2.0,
            "linestyle": "--",
            "label": "median",
        }
        ax.plot(*self.median, **style)
        ax.legend(frameon=False, fontsize="small")


def _curve(name: str, epochs: Any, values: Any) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    places, figures = np.asarray(epochs, dtype=int), np.asarray(values, dtype=float)
    if places.shape != figures.shape or figures.ndim != 1 or np.isnan(figures).all():
        message = (
            f"`curves` must hold a figure for each of at least one epoch; {name!r} has "
            f"{places.shape} epochs and {figures.shape} figures, or none of them. Train with "
            "validation rows to have validation figures."
        )
        raise DataError(message)
    return places, figures


def _by_value(estimators: list[Any], parameter: str | None) -> dict[str, Any]:
    if parameter is None:
        message = (
            "`parameter` must name what the estimators differ in, or `estimators` be a mapping "
            'with names; got neither. Pass parameter="learning_rate_init", for example.'
        )
        raise DataError(message)
    values = [estimator.get_params()[parameter] for estimator in estimators]
    order = list(range(len(values)))
    if all(isinstance(value, (int, float)) for value in values):
        order.sort(key=lambda k: values[k])
    named = {_written(values[k]): estimators[k] for k in order}
    if len(named) < len(estimators):
        message = (
            f"`estimators` must differ in {parameter!r}; two of them have the same value. Pass a "
            "mapping with names."
        )
        raise DataError(message)
    return named


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _curve_of(name: str, estimator: Any, figure: str) -> tuple[Any, Any]:
    result = getattr(estimator, "result_", None)
    if result is not None:
        return result.history.column("epoch"), result.history.column(figure)
    attribute = {"loss": "loss_curve_", "validation_score": "validation_scores_"}.get(figure, "")
    values = getattr(estimator, attribute, None)
    if values is None:
        message = (
            f"`estimators` must be fitted and have their curves; {name!r}, a "
            f"{type(estimator).__name__}, has no {figure}. Call its fit first."
        )
        raise DataError(message)
    return range(1, len(values) + 1), values
