"""Figures that need the trained networks and the rows: a table of name, needs and drawing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlplab.errors import DataError, ParameterError
from mlplab.plots import (
    BoundaryEpochsDisplay,
    CalibrationDisplay,
    ClassReportDisplay,
    ClassScatterDisplay,
    Display,
    GridDisplay,
    HiddenSpaceDisplay,
    ImagesDisplay,
    NetworkDisplay,
    ResidualsDisplay,
)
from mlplab.workflows import side_by_side
from mlplab.workflows.parts import Parts
from mlplab.workflows.scenes import Scene, boundary_of, estimate_of, feature_names, points_of_test
from mlplab.workflows.scoring import judged_part
from mlplab.workflows.settings import check_figures
from mlplab.workflows.study import Study

__all__ = ["PICTURES", "check_pictures", "draw_pictures"]


# ---------------------------------------------------------------------- what figures need


def _features(n: int) -> Callable[[Study, Parts], bool]:
    return lambda study, parts: parts.train.x.shape[1] == n  # noqa: ARG005  (one signature)


def _task(task: str) -> Callable[[Study, Parts], bool]:
    return lambda study, parts: parts.task == task  # noqa: ARG005  (same)


_NEEDS: dict[str, Callable[[Study, Parts], bool]] = {
    "one class a row": _task("classification"),
    "numbers to predict": _task("regression"),
    "a loss with probabilities": lambda study, _: study.model.parameters.get("loss") != "hinge",
    "two classes": lambda _, parts: len(set(parts.train.y.tolist())) == 2,
    "one target": lambda _, parts: len(parts.found.names) == 1,
    "two prepared features": _features(2),
    "one prepared feature": _features(1),
    "square pictures as rows": lambda _, parts: (
        parts.preparation.scaling == "pixels"
        and math.isqrt(parts.train.x.shape[1]) ** 2 == parts.train.x.shape[1]
    ),
    "no target": _task("autoencoder"),
    "`figures.epochs`": lambda study, _: bool(study.figures.epochs),
    "a hidden layer": lambda study, _: study.model.parameters.get("hidden_layer_sizes", [1]) != [],
    "a table [compare]": lambda study, _: study.compare is not None,
    "`variants.networks`": lambda study, _: bool(study.variants and study.variants.networks),
    "`variants.vary`": lambda study, _: bool(study.variants and study.variants.vary),
    "`variants.restarts` of 2 or more": lambda study, _: (
        study.variants is not None and study.variants.restarts > 1
    ),
}
_PLANE = ("one class a row", "two prepared features")
_CURVE = ("numbers to predict", "one target", "one prepared feature")


def check_pictures(study: Study, parts: Parts) -> None:
    """Raise `ParameterError` if a figure was asked for that these rows or this study cannot give.

    Raises
    ------
    ParameterError
        Says what the figure needs.
    """
    check_figures(study.figures.show, parts.task)
    for name in study.figures.show:
        lacking = _lacking(name, study, parts)
        if lacking:
            raise ParameterError(
                f"`figures.show` must name figures that can be drawn; {name!r} needs {lacking}. "
                "Take it out of the list."
            )


def _lacking(name: str, study: Study, parts: Parts) -> str:
    """Return what a figure needs and does not have; empty if nothing."""
    needs = PICTURES[name].needs if name in PICTURES else ()
    return next((need for need in needs if not _NEEDS[need](study, parts)), "")


# ---------------------------------------------------------------------- how they are drawn


def _samples(scene: Scene) -> Display:
    return ImagesDisplay.from_samples(scene.parts.train.x, scene.parts.train.y)


def _reconstructions(scene: Scene) -> Display:
    judged = judged_part(scene.parts)[1]
    return ImagesDisplay.from_estimator(scene.model.estimator, judged.x)


def _scatter(scene: Scene) -> Display:
    parts = scene.parts
    prepared = ClassScatterDisplay.from_data(
        parts.train.x,
        parts.train.y,
        **points_of_test(parts.test),
        feature_names=feature_names(scene),
    )
    raw = [frame.drop(columns=list(parts.found.names)) for frame in parts.frames]
    raw = [frame[list(map(str, _raw_columns(scene)))] for frame in raw]
    if raw[0].shape[1] != 2 or parts.preparation.scaling == "none":
        return prepared
    test: dict[str, Any] = {"X_test": raw[2], "y_test": parts.test.y} if len(parts.test) else {}
    before = ClassScatterDisplay.from_data(raw[0], parts.train.y, **test)
    return GridDisplay([before, prepared], titles=["As they are", "As the network gets them"])


def _raw_columns(scene: Scene) -> list[str]:
    names = [str(name) for name in scene.parts.preparation.get_feature_names_out()]
    return [name for name in names if name in scene.parts.frames[0].columns]


def _boundary(scene: Scene) -> Display:
    return boundary_of(scene, scene.model)


def _boundary_zoomed(scene: Scene) -> Display:
    return boundary_of(scene, scene.model, zoom=scene.zoom, title="Seen from afar")


def _boundary_epochs(scene: Scene) -> Display:
    parts = scene.parts
    return BoundaryEpochsDisplay.from_estimator(
        scene.model.estimator, scene.snapshots, parts.train.x, parts.train.y,
        feature_names=feature_names(scene),
    )  # fmt: skip


def _hidden_space(scene: Scene) -> Display:
    parts = scene.parts
    names = feature_names(scene) if parts.train.x.shape[1] == 2 else None
    return HiddenSpaceDisplay.from_estimator(
        scene.model.estimator, parts.train.x, parts.train.y,
        snapshots=scene.snapshots or None, feature_names=names,
    )  # fmt: skip


def _network(scene: Scene) -> Display:
    names = [str(name) for name in scene.parts.preparation.get_feature_names_out()]
    return NetworkDisplay.from_estimator(scene.model.estimator, feature_names=names)


def _class_report(scene: Scene) -> Display:
    named = {
        "training": scene.parts.train,
        judged_part(scene.parts)[0]: judged_part(scene.parts)[1],
    }
    figures: dict[str, Any] = {k: scene.model.judge(v.x, v.truth) for k, v in named.items()}
    return ClassReportDisplay.from_metrics(**figures)


def _calibration(scene: Scene) -> Display:
    judged = judged_part(scene.parts)[1]
    return CalibrationDisplay.from_estimator(scene.model.estimator, judged.x, judged.y)


def _function_estimate(scene: Scene) -> Display:
    return estimate_of(scene, [scene.model])


def _residuals(scene: Scene) -> Display:
    judged = judged_part(scene.parts)[1]
    encoding = scene.model.encoding
    predicted = scene.model.estimator.predict(judged.x)
    decoded = predicted if encoding is None else encoding.decode(predicted)
    return ResidualsDisplay.from_predictions(judged.truth.ravel(), decoded.ravel())


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of a study.

    Attributes
    ----------
    title : str
        What it shows, for those who cannot see it.
    draw : callable
        ``draw(scene)`` returns a Display, or None where there is nothing to show.
    needs : tuple of str
        Keys of `_NEEDS`.
    usual : bool
        Whether it is drawn where the study names no figures.
    """

    title: str
    draw: Callable[[Scene], Display | None]
    needs: tuple[str, ...] = ()
    usual: bool = True


PICTURES: dict[str, Picture] = {
    "samples": Picture(
        "Pictures of each class", _samples, ("one class a row", "square pictures as rows")
    ),
    "reconstructions": Picture(
        "Pictures, and what comes back", _reconstructions, ("no target", "square pictures as rows")
    ),
    "scatter": Picture("Points by class", _scatter, _PLANE),
    "decision_boundary": Picture("Decision boundary", _boundary, _PLANE),
    "boundary_zoomed": Picture(
        "Decision boundary, zoomed out", _boundary_zoomed, _PLANE, usual=False
    ),
    "boundary_epochs": Picture(
        "Decision boundary by epoch", _boundary_epochs, (*_PLANE, "`figures.epochs`")
    ),
    "hidden_space": Picture(
        "Hidden space by epoch",
        _hidden_space,
        ("one class a row", "a hidden layer", "`figures.epochs`"),
    ),
    "network": Picture("The network and its weights", _network, usual=False),
    "class_report": Picture(
        "Precision, recall and F1 of each class", _class_report, ("one class a row",), usual=False
    ),
    "calibration": Picture(
        "Calibration",
        _calibration,
        ("one class a row", "two classes", "a loss with probabilities"),
        usual=False,
    ),
    "function_estimate": Picture("The estimated function", _function_estimate, _CURVE),
    "residuals": Picture(
        "Residuals", _residuals, ("numbers to predict", "one target"), usual=False
    ),
    "compare_losses": Picture(
        "Loss curves of all programs", side_by_side.compare_losses, ("a table [compare]",)
    ),
    "compare_boundaries": Picture(
        "Boundaries of all programs",
        side_by_side.compare_boundaries,
        (*_PLANE, "a table [compare]"),
    ),
    "variant_losses": Picture(
        "Loss curves of the variants", side_by_side.variant_losses, ("`variants.networks`",)
    ),
    "variant_effects": Picture(
        "Effect of single parameters on the loss",
        side_by_side.variant_effects,
        ("`variants.vary`",),
    ),
    "variant_boundaries": Picture(
        "Boundaries of the variants",
        side_by_side.variant_boundaries,
        (*_PLANE, "`variants.networks`"),
    ),
    "variant_boundaries_zoomed": Picture(
        "Boundaries of the variants, zoomed out",
        side_by_side.variant_boundaries_zoomed,
        (*_PLANE, "`variants.networks`"),
        usual=False,
    ),
    "variant_estimates": Picture(
        "Functions that the variants estimate",
        side_by_side.variant_estimates,
        (*_CURVE, "`variants.networks`"),
    ),
    "disagreement": Picture(
        "Where restarts disagree",
        side_by_side.disagreement,
        (*_PLANE, "`variants.networks`", "`variants.restarts` of 2 or more"),
    ),
}
"""By the names that a study gives them, in the order of the report."""


def draw_pictures(scene: Scene) -> tuple[dict[str, Display], list[str]]:
    """Return the figures of a study, and sentences about those that could not be drawn.

    Returns
    -------
    (dict of str to Display, list of str)
    """
    asked, drawn, remarks = scene.study.figures.show, {}, []
    for name, picture in PICTURES.items():
        if name not in asked if asked else not picture.usual:
            continue
        if _lacking(name, scene.study, scene.parts):
            continue
        try:
            display = picture.draw(scene)
        except DataError as reason:
            remarks.append(f"The figure {name!r} could not be drawn: {reason}")
            continue
        if display is not None:
            drawn[name] = display
    return drawn, remarks
