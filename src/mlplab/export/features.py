"""Features under way: what the steps of a pipeline have made of the columns so far.

Every feature comes from one column; steps take features, change them, drop them or put others
beside them. In the end features that belong together become blocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from mlplab._typing import AnyArray
from mlplab.results.portable import (
    Block,
    DateParts,
    DenseLayer,
    Elementwise,
    Gaps,
    InputColumn,
    Lookup,
    Numbers,
    OperationKind,
    PortablePreparation,
)

__all__ = ["NEUTRAL", "Feature", "Features", "beside"]

Role: TypeAlias = Literal["value", "gap", "lookup", "date"]

NEUTRAL: dict[OperationKind, float] = {
    "fill": np.nan,
    "subtract": 0.0,
    "divide": 1.0,
    "multiply": 1.0,
    "add": 0.0,
    "at_least": -np.inf,
    "at_most": np.inf,
}
"""The number of each operation that leaves a feature as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """One feature.

    Attributes
    ----------
    name : str
    column : int
        The column that it comes from.
    role : {"value", "gap", "lookup", "date"}
        The number itself, whether it is missing, or what `block` holds at `place`.
    word_fill : str or None
        What replaces a missing word before it is looked up.
    block : Lookup or DateParts or None
    place : int
        The feature of the block.
    """

    name: str
    column: int
    role: Role = "value"
    word_fill: str | None = None
    block: Lookup | DateParts | None = None
    place: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """All features that steps have made, and what is done to all of them.

    Attributes
    ----------
    columns : tuple of InputColumn
    features : tuple of Feature
    operations : tuple of Elementwise
    layers : tuple of DenseLayer
        Steps that mix features (principal components, codes); after them nothing but the
        network may come.
    """

    columns: tuple[InputColumn, ...]
    features: tuple[Feature, ...]
    operations: tuple[Elementwise, ...] = ()
    layers: tuple[DenseLayer, ...] = ()

    @classmethod
    def of_columns(cls, names: Sequence[str]) -> Features:
        """Return the columns themselves, as numbers."""
        columns = tuple(InputColumn(name) for name in names)
        return cls(columns, tuple(Feature(name, i) for i, name in enumerate(names)))

    @classmethod
    def of_preparation(cls, preparation: PortablePreparation) -> Features:
        """Return the features that a preparation makes."""
        names = iter(preparation.feature_names)
        features = [
            _of_block(block, place, next(names))
            for block in preparation.blocks
            for place in range(block.width)
        ]
        return cls(preparation.columns, tuple(features), preparation.operations)

    def __len__(self) -> int:
        return len(self.features)

    def then(self, kind: OperationKind, values: AnyArray) -> Features:
        """Return the features after an operation."""
        operation = Elementwise(kind, np.asarray(values, dtype=np.float64))
        return dataclasses.replace(self, operations=(*self.operations, operation))

    def take(self, places: Sequence[int]) -> Features:
        """Return some of the features."""
        chosen = list(places)
        return dataclasses.replace(
            self,
            features=tuple(self.features[place] for place in chosen),
            operations=tuple(Elementwise(o.kind, o.values[chosen]) for o in self.operations),
        )

    def renamed(self, names: Sequence[str]) -> Features:
        """Return the features under other names."""
        pairs = zip(self.features, names, strict=True)
        features = tuple(dataclasses.replace(feature, name=name) for feature, name in pairs)
        return dataclasses.replace(self, features=features)

    def holding(self, places: Sequence[int], holds: Literal["number", "word"]) -> Features:
        """Return the features with columns that are known to hold numbers or words."""
        columns = list(self.columns)
        for place in places:
            columns[place] = dataclasses.replace(columns[place], holds=holds)
        return dataclasses.replace(self, columns=tuple(columns))

    def untouched(self, place: int) -> bool:
        """Whether a feature is its column as it is."""
        feature = self.features[place]
        plain = all(
            np.array_equal(o.values[place], NEUTRAL[o.kind], equal_nan=True)
            for o in self.operations
        )
        return feature.role == "value" and plain and not self.layers

    def finished(self) -> PortablePreparation:
        """Return the preparation that these features are."""
        blocks: list[Block] = []
        start = 0
        while start < len(self.features):
            stop = self._end_of_block(start)
            blocks.append(_block_of(self.features[start:stop]))
            start = stop
        operations = tuple(o for o in self.operations if not _is_neutral(o))
        names = tuple(feature.name for feature in self.features)
        return PortablePreparation(self.columns, tuple(blocks), operations, names)

    def _end_of_block(self, start: int) -> int:
        """Return the place after the features that belong with the first."""
        first, stop = self.features[start], start + 1
        while stop < len(self.features):
            following = self.features[stop]
            if following.role != first.role or following.block is not first.block:
                break
            stop += 1
        return stop


def beside(branches: Sequence[Features], columns: tuple[InputColumn, ...]) -> Features:
    """Return branches side by side; their operations act on their own features only."""
    merged: list[tuple[OperationKind, list[AnyArray | None]]] = []
    for number, branch in enumerate(branches):
        at = 0
        for operation in branch.operations:
            kinds = [kind for kind, _ in merged]
            if operation.kind in kinds[at:]:
                at = kinds.index(operation.kind, at)
            else:
                merged.insert(at, (operation.kind, [None] * len(branches)))
            merged[at][1][number] = operation.values
            at += 1
    operations = [Elementwise(kind, _padded(kind, own, branches)) for kind, own in merged]
    features = tuple(feature for branch in branches for feature in branch.features)
    return Features(columns, features, tuple(operations))


def _padded(
    kind: OperationKind, own: Sequence[AnyArray | None], branches: Sequence[Features]
) -> AnyArray:
    pairs = zip(own, branches, strict=True)
    return np.concatenate(
        [np.full(len(b), NEUTRAL[kind]) if values is None else values for values, b in pairs]
    )


def _is_neutral(operation: Elementwise) -> bool:
    nothing = np.full(len(operation.values), NEUTRAL[operation.kind])
    return np.array_equal(operation.values, nothing, equal_nan=True)


def _of_block(block: Block, place: int, name: str) -> Feature:
    if isinstance(block, Numbers):
        return Feature(name, block.columns[place])
    if isinstance(block, Gaps):
        return Feature(name, block.columns[place], "gap")
    role: Role = "lookup" if isinstance(block, Lookup) else "date"
    return Feature(name, block.column, role, block=block, place=place)


def _block_of(features: Sequence[Feature]) -> Block:
    columns = tuple(feature.column for feature in features)
    places = [feature.place for feature in features]
    block, role = features[0].block, features[0].role
    if isinstance(block, DateParts):
        return dataclasses.replace(block, parts=tuple(block.parts[place] for place in places))
    if isinstance(block, Lookup):
        return dataclasses.replace(
            block,
            rows=block.rows[:, places],
            unknown=None if block.unknown is None else block.unknown[places],
            missing=None if block.missing is None else block.missing[places],
        )
    return Gaps(columns) if role == "gap" else Numbers(columns)
