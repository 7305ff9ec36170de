"""Loss and validation score against epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlplab.errors import DataError
from mlplab.plots.asking import check_kind
from mlplab.plots.style import (
    BLUE,
    GREEN,
    GREY,
    VERMILION,
    Panels,
    as_written,
    dress,
    label_with_unit,
    take_axes,
)
from mlplab.results import FitResult, History, StopReason

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LossCurvesDisplay"]

Numbers: TypeAlias = ArrayLike | Sequence[float | None]
"""Numbers of the epochs in order; None where there is no number."""

_FEW = 30  # up to here every epoch gets a marker


class LossCurvesDisplay:
    """Training loss, validation loss and validation score, epoch by epoch.

    Make it with `from_history`, `from_result` or `from_estimator`.

    Parameters
    ----------
    epochs : array-like of int, shape (n_epochs,)
        Numbers of the epochs; at least one.
    loss : array-like of float, shape (n_epochs,)
        Training objective, penalties included. NaN leaves a gap.
    validation_loss, validation_score : array-like of float, shape (n_epochs,), optional
        Figures on the validation rows; None, or all entries None, leaves the curve out.
    best_epoch : int, optional
        The epoch to mark.
    stop_reason : StopReason or str, optional
        Why training stopped; drawn as subtitle.
    loss_unit : str, optional
        Unit of the loss, ``"k$²"`` for example.
    score_name : str, default="score"
        What the score is.

    Attributes
    ----------
    ax_ : Axes, or list of Axes if there are two panels
        Set by `plot`.
    figure_ : Figure
        Set by `plot`.

    Examples
    --------
    >>> display = LossCurvesDisplay(epochs=[1, 2, 3], loss=[0.7, 0.4, 0.3], best_epoch=3)
    >>> display.panels.count
    1
    """

    ax_: Axes | list[Axes]
    figure_: Figure

    def __init__(
        self,
        *,
        epochs: Numbers,
        loss: Numbers,
        validation_loss: Numbers | None = None,
        validation_score: Numbers | None = None,
        best_epoch: int | None = None,
        stop_reason: StopReason | str | None = None,
        loss_unit: str | None = None,
        score_name: str = "score",
    ) -> None:
        self.epochs = np.asarray(epochs, dtype=int)
        self.loss = self._curve(loss, "loss")
        self.validation_loss = self._curve_or_none(validation_loss, "validation_loss")
        self.validation_score = self._curve_or_none(validation_score, "validation_score")
        self.best_epoch = best_epoch
        self.stop_reason = (
            stop_reason.sentence if isinstance(stop_reason, StopReason) else stop_reason
        )
        self.loss_unit = loss_unit
        self.score_name = score_name

    @classmethod
    def from_history(cls, history: History, **options: Any) -> LossCurvesDisplay:
        """Take the curves of a history.

        Parameters
        ----------
        history : History
            At least one epoch.
        **options
            `best_epoch`, `stop_reason`, `loss_unit`, `score_name`.
        """
        check_kind(history, History, "history", "A fitted network has it in result_.history.")
        return cls(
            epochs=history.column("epoch"),
            loss=history.column("loss"),
            validation_loss=history.column("validation_loss"),
            validation_score=history.column("validation_score"),
            **options,
        )

    @classmethod
    def from_result(cls, result: FitResult, **options: Any) -> LossCurvesDisplay:
        """Take curves, best epoch and reason of stopping from the result of a fit."""
        check_kind(result, FitResult, "result", "A fitted network has it in result_.")
        return cls.from_history(
            result.history,
            **{"best_epoch": result.best_epoch, "stop_reason": result.status, **options},
        )

    @classmethod
    def from_estimator(cls, estimator: Any, **options: Any) -> LossCurvesDisplay:
        """Take the curves of a fitted estimator, from its `result_`.

        Raises
        ------
        DataError
            The estimator has no `result_`.
        """
        result = getattr(estimator, "result_", None)
        if not isinstance(result, FitResult):
            message = (
                f"`estimator` must be a fitted estimator of mlplab; got "
                f"{type(estimator).__name__} without `result_`. Call its `fit` first."
            )
            raise DataError(message)
        return cls.from_result(result, **options)

    @property
    def panels(self) -> Panels:
        """Losses, and below them the scores where there are any."""
        if self.validation_score is None:
            return Panels(size=(7.0, 4.2))
        return Panels(size=(7.0, 5.8), rows=2, height_ratios=(3.0, 2.0), share_x=True)

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        log_loss_axis: bool = False,
        **line_options: Any,
    ) -> LossCurvesDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes, sequence of two Axes, or None
            Where to draw; None makes a figure. In a single Axes the scores get an axis at the
            right.
        log_loss_axis : bool, default=False
            Whether the axis of the losses is logarithmic.
        **line_options
            Passed to every line.
        """
        axes = take_axes(ax, self.panels)
        self._draw_losses(axes[0], line_options)
        if log_loss_axis:
            axes[0].set_yscale("log")
        if self.validation_score is not None:
            scores = axes[1] if len(axes) > 1 else axes[0].twinx()
            self._draw_scores(scores, line_options, beside=len(axes) == 1)
            if len(axes) > 1:
                axes[0].set_xlabel("")
        self._title(axes[0])
        self.ax_ = axes if len(axes) > 1 else axes[0]
        self.figure_ = axes[0].figure  # type: ignore[assignment]  # panels live in whole figures
        self.figure_.align_ylabels(axes)
        return self

    def _draw_losses(self, ax: Axes, options: dict[str, Any]) -> None:
        style = {"color": BLUE, "label": "training loss", **self._markers("o"), **options}
        ax.plot(self.epochs, self.loss, **style)
        if self.validation_loss is not None:
            style = {"color": VERMILION, "linestyle": "--", "label": "validation loss"}
            style |= self._markers("s") | options
            ax.plot(self.epochs, self.validation_loss, **style)
        self._mark_best(ax, labelled=True)
        dress(ax, x="epoch", y=label_with_unit("loss", self.loss_unit))
        ax.locator_params(axis="x", integer=True)
        ax.grid(axis="y", alpha=0.25)
        ax.legend(frameon=False)

    def _draw_scores(self, ax: Axes, options: dict[str, Any], *, beside: bool) -> None:
        style = {"color": GREEN, "linestyle": "-.", **self._markers("^"), **options}
        ax.plot(self.epochs, self.validation_score, **style)  # type: ignore[arg-type]  # not None
        dress(ax, x="epoch", y=as_written(f"validation {self.score_name}"))
        if beside:
            ax.spines["right"].set_visible(True)
            ax.yaxis.label.set_color(GREEN)
            return
        ax.grid(axis="y", alpha=0.25)
        self._mark_best(ax, labelled=False)

    def _mark_best(self, ax: Axes, *, labelled: bool) -> None:
        # After a warm start the best epoch may lie before the first one shown.
        if self.best_epoch is None or self.best_epoch not in self.epochs:
            return
        label = f"best epoch: {self.best_epoch}" if labelled else None
        ax.axvline(self.best_epoch, color=GREY, linestyle=":", linewidth=1.5, label=label)

    def _title(self, ax: Axes) -> None:
        if not self.stop_reason:
            ax.set_title("Loss by epoch")
            return
        ax.set_title("Loss by epoch", pad=22)
        ax.annotate(
            as_written(self.stop_reason),
            (0.5, 1.0),
            (0, 6),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize="small",
            color=GREY,
        )

    def _markers(self, marker: str) -> dict[str, Any]:
        return {"marker": marker, "markersize": 4} if len(self.epochs) <= _FEW else {}

    def _curve(self, values: Numbers, name: str) -> NDArray[np.float64]:
        curve = np.asarray(values, dtype=float)
        if curve.shape != self.epochs.shape or curve.ndim != 1 or not curve.size:
            message = (
                f"`{name}` must have one number for each of at least one epoch; got shape "
                f"{curve.shape} for epochs of shape {self.epochs.shape}. Train for an epoch first."
            )
            raise DataError(message)
        return curve

    def _curve_or_none(self, values: Numbers | None, name: str) -> NDArray[np.float64] | None:
        curve = None if values is None else self._curve(values, name)
        return None if curve is None or np.isnan(curve).all() else curve
