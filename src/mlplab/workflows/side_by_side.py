"""Figures that set networks side by side: programs, and variants of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlplab.plots import DisagreementDisplay, Display, GridDisplay, LossComparisonDisplay
from mlplab.plots.loss_comparison import MOST_CURVES
from mlplab.results.layout import value_words
from mlplab.workflows.model import TabularModel
from mlplab.workflows.scenes import Scene, boundary_of, estimate_of, feature_names
from mlplab.workflows.varying import TrainedVariant

__all__ = [
    "compare_boundaries",
    "compare_losses",
    "disagreement",
    "variant_boundaries",
    "variant_boundaries_zoomed",
    "variant_effects",
    "variant_estimates",
    "variant_losses",
]

_MOST_PANELS = 8
_MOST_RESTARTS = 50


def compare_losses(scene: Scene) -> Display | None:
    """Return the loss curves of all programs."""
    peers = () if scene.comparison is None else scene.comparison.peers
    curves = {p.name: (range(1, len(p.losses) + 1), p.losses) for p in peers if p.losses}
    return LossComparisonDisplay(curves, title="One network in every program") if curves else None


def compare_boundaries(scene: Scene) -> Display | None:
    """Return the boundary that each program found."""
    return _grid_of_boundaries(scene, list(scene.compared.items()))


def _grid_of_boundaries(
    scene: Scene, models: Sequence[tuple[str, TabularModel]], **options: Any
) -> Display | None:
    shown = models[:_MOST_PANELS]
    if not shown:
        return None
    panels = [boundary_of(scene, model, resolution=120, **options) for _, model in shown]
    titles = [
        f"{name}: {list(panel.accuracies.values())[-1]:.1%}"
        for (name, _), panel in zip(shown, panels, strict=True)
    ]
    return GridDisplay(panels, titles=titles)


def _first(scene: Scene) -> list[tuple[str, TabularModel]]:
    return [(one.variant.name, one.models[0]) for one in scene.named]


def variant_losses(scene: Scene) -> Display | None:
    """Return the loss curves of the named variants, from their first seed.

    More than a panel can show stand in several, a panel for each value of one of their settings.
    """
    panels = [
        (name, drawn)
        for name, group in _by_setting(scene.named).items()
        if (drawn := _losses(group, None)) is not None
    ]
    if len(panels) < 2:
        return panels[0][1] if panels else None
    return GridDisplay(
        [drawn for _, drawn in panels], titles=[name for name, _ in panels], size=(4.4, 4.2)
    )


def _by_setting(variants: Sequence[TrainedVariant]) -> dict[str, list[TrainedVariant]]:
    """Return variants by the first of their settings that leaves a panel's worth in each group."""
    settings = dict.fromkeys(key for one in variants for key in one.variant.settings)
    for key in settings if len(variants) > MOST_CURVES else ():
        groups: dict[str, list[TrainedVariant]] = {}
        for one in variants:
            value = value_words(one.variant.settings.get(key, "as in the study"))
            groups.setdefault(f"{key} = {value}", []).append(one)
        if 1 < len(groups) <= _MOST_PANELS and max(map(len, groups.values())) <= MOST_CURVES:
            return groups
    return {"": list(variants)}


def variant_effects(scene: Scene) -> Display | None:
    """Return a panel a parameter: the loss with each of its values."""
    parameters = dict.fromkeys(one.variant.parameter for one in scene.variants)
    panels = [
        _losses([one for one in scene.variants if one.variant.parameter == name], name)
        for name in parameters
        if name
    ]
    drawn = [panel for panel in panels if panel is not None]
    return GridDisplay(drawn, size=(4.4, 4.2)) if drawn else None


def _losses(variants: Sequence[TrainedVariant], parameter: str | None) -> Display | None:
    histories = {
        one.variant.name.partition(" = ")[2] if parameter else one.variant.name: history
        for one in variants
        if one.models
        for history in [one.models[0].estimator.result_.history]
        if len(history)
    }
    if not histories:
        return None
    title = None if parameter else "Loss of each variant by epoch"
    return LossComparisonDisplay.from_histories(histories, parameter=parameter, title=title)


def variant_boundaries(scene: Scene) -> Display | None:
    """Return the boundary of each variant, from its first seed."""
    return _grid_of_boundaries(scene, _first(scene))


def variant_boundaries_zoomed(scene: Scene) -> Display | None:
    """Return the same, with more of the plane."""
    return _grid_of_boundaries(scene, _first(scene), zoom=scene.zoom)


def variant_estimates(scene: Scene) -> Display | None:
    """Return the functions that variants estimate, with the spread over their seeds."""
    panels = [estimate_of(scene, one.models) for one in scene.named[:_MOST_PANELS]]
    titles = [one.variant.name for one in scene.named[:_MOST_PANELS]]
    return GridDisplay(panels, titles=titles) if panels else None


def disagreement(scene: Scene) -> Display | None:
    """Return a map a variant: where its restarts answer differently."""
    shown = [one for one in scene.named if len(one.models) > 1][:_MOST_PANELS]
    panels = [
        DisagreementDisplay.from_estimators(
            [model.estimator for model in one.models[:_MOST_RESTARTS]],
            scene.parts.train.x, scene.parts.train.y,
            zoom=scene.zoom, resolution=100, feature_names=feature_names(scene),
        )
        for one in shown
    ]  # fmt: skip
    titles = [
        f"{one.variant.name}, {len(p.votes)} restarts" for one, p in zip(shown, panels, strict=True)
    ]
    return GridDisplay(panels, titles=titles, size=(4.8, 4.0)) if panels else None
