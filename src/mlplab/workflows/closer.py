"""What a study looks at once its network is trained: programs beside it, variants, figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlplab.explain.margins import has_margin, margin
from mlplab.plots import Display
from mlplab.results import Comparison, Margin, Snapshots, Variants
from mlplab.workflows.comparing import compare
from mlplab.workflows.model import TabularModel
from mlplab.workflows.parts import Parts
from mlplab.workflows.pictures import draw_pictures
from mlplab.workflows.scenes import Scene
from mlplab.workflows.study import Study
from mlplab.workflows.varying import TrainedVariant, train_variants

__all__ = ["Closer", "look_closer"]


@dataclass(frozen=True, slots=True, eq=False)
class Closer:
    """What came of the closer look; see `RunResult` for what the attributes hold."""

    comparisons: tuple[Comparison, ...] = ()
    variants: Variants | None = None
    margin: Margin | None = None
    pictures: Mapping[str, Display] = field(default_factory=dict)
    remarks: Sequence[str] = ()

    @property
    def nouns(self) -> dict[str, Any]:
        """What a `RunResult` keeps of it, by name."""
        return {
            "comparisons": self.comparisons,
            "variants": self.variants,
            "margin": self.margin,
            "pictures": self.pictures,
        }


def look_closer(
    study: Study,
    parts: Parts,
    model: TabularModel,
    snapshots: Snapshots,
    make: Callable[[dict[str, Any]], Any],
) -> Closer:
    """Compare, train variants and draw, as far as the study asks for it.

    Parameters
    ----------
    study : Study
    parts : Parts
    model : TabularModel
        Trained.
    snapshots : Snapshots
        Of the epochs that the study wants to see.
    make : callable
        ``make(settings)`` returns a network of the study with some settings changed.
    """
    variants: Variants | None = None
    trained: list[TrainedVariant] = []
    if study.variants is not None:
        variants, trained = train_variants(model, parts, study.seed, study.variants, make)
    comparisons, compared = _comparisons(study, parts, model, trained)
    scene = Scene(
        study, parts, model, snapshots,
        comparisons[0] if comparisons else None, compared, trained,
    )  # fmt: skip
    pictures, remarks = draw_pictures(scene)
    return Closer(comparisons, variants, _margin(parts, model), pictures, remarks)


def _comparisons(
    study: Study, parts: Parts, model: TabularModel, trained: Sequence[TrainedVariant]
) -> tuple[tuple[Comparison, ...], Mapping[str, TabularModel]]:
    table = study.compare
    if table is None:
        return (), {}
    first, models = compare(model, parts, study.seed, table.with_, epochs=table.epochs)
    others = [
        compare(
            one.models[0], parts, study.seed, table.with_, epochs=table.epochs, of=one.variant.name
        )[0]
        for one in (trained if table.variants else ())
        if one.models and not one.variant.parameter
    ]
    return (first, *others), models


def _margin(parts: Parts, model: TabularModel) -> Margin | None:
    if parts.task != "classification" or not has_margin(model.estimator):
        return None
    names = [str(name) for name in parts.preparation.get_feature_names_out()]
    return margin(model.estimator, parts.train.x, parts.train.y, feature_names=names)
