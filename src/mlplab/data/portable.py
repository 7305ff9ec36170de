"""What a preparation has learned, in the nouns that writers of other formats are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data.columns import ColumnPlan
from mlplab.data.kinds import TRUTH
from mlplab.results.portable import (
    Block,
    DateParts,
    Elementwise,
    Gaps,
    InputColumn,
    Lookup,
    Numbers,
    OperationKind,
    PortablePreparation,
)

__all__ = ["portable_preparation"]

_HOLDS = {"numeric": "number", "boolean": "word", "categorical": "word", "date": "date"}


def portable_preparation(
    plans: Sequence[ColumnPlan], feature_names: Sequence[str]
) -> PortablePreparation:
    """Return the plans of columns as blocks of features and operations on them.

    Parameters
    ----------
    plans : sequence of ColumnPlan
    feature_names : sequence of str

    Returns
    -------
    PortablePreparation
        Its operations are those of `apply_plan`, in the same order, so that it gives the same
        bits.
    """
    columns = [InputColumn(plan.name, _HOLDS[plan.kind]) for plan in plans]  # type: ignore[arg-type]  # a str to mypy
    blocks = [block for place, plan in enumerate(plans) for block in _blocks(place, plan)]
    return PortablePreparation(
        tuple(columns), _joined(blocks), _operations(plans), tuple(feature_names)
    )


def _blocks(place: int, plan: ColumnPlan) -> list[Block]:
    if plan.kind == "categorical":
        return [_categories(place, plan)]
    if plan.kind == "boolean":
        return [_truth(place, plan)]
    gaps: list[Block] = [Gaps((place,))] if plan.indicator else []
    if plan.kind == "date":
        return [DateParts(place, plan.parts, plan.form), *gaps]
    return [Numbers((place,)), *gaps]


def _joined(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks, with numbers that follow each other as one."""
    joined: list[Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if isinstance(block, Numbers) and isinstance(last, Numbers):
            joined[-1] = Numbers(last.columns + block.columns)
        else:
            joined.append(block)
    return tuple(joined)


def _categories(place: int, plan: ColumnPlan) -> Lookup:
    width = len(plan.feature_names)
    one_hot = np.eye(width)
    other = one_hot[-1] if plan.rare else np.zeros(width)
    n_kept = len(plan.categories)
    rows = np.vstack([one_hot[:n_kept], np.tile(other, (len(plan.known_rare), 1))])
    missing = one_hot[n_kept] if plan.missing_category else other
    return Lookup(place, plan.categories + plan.known_rare, rows, other, missing)


def _truth(place: int, plan: ColumnPlan) -> Lookup:
    """Return a lookup of final features: what is neither true nor false counts as missing."""
    known = {**TRUTH, "1": True, "0": False}
    raw = np.array([*known.values(), plan.fill[0]], dtype=np.float64)
    features = ((raw - plan.center[0]) / plan.scale[0])[:, np.newaxis]
    if plan.indicator:
        gap = np.arange(len(raw))[:, np.newaxis] == len(known)
        features = np.hstack([features, gap.astype(np.float64)])
    return Lookup(place, tuple(known), features[:-1], features[-1], features[-1], any_case=True)


def _operations(plans: Sequence[ColumnPlan]) -> tuple[Elementwise, ...]:
    """Return filling, centring and scaling of all features, where there is any."""
    neutral: dict[OperationKind, float] = {"fill": np.nan, "subtract": 0.0, "divide": 1.0}
    operations = []
    for kind, nothing in neutral.items():
        values = np.concatenate([_values(plan, kind, nothing) for plan in plans])
        if not np.array_equal(values, np.full(len(values), nothing), equal_nan=True):
            operations.append(Elementwise(kind, values))
    return tuple(operations)


def _values(plan: ColumnPlan, kind: OperationKind, nothing: float) -> AnyArray:
    values = np.full(len(plan.feature_names), nothing)
    if plan.kind in {"numeric", "date"}:
        learned = {"fill": plan.fill, "subtract": plan.center, "divide": plan.scale}[kind]
        values[: len(plan.parts)] = learned
    return values
