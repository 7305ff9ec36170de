"""Imputers and encoders of scikit-learn: missing values, words and categories.

Encoders are asked what they make of each category, so that rare, dropped and unknown ones need
no rules of their own here.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.errors import ExportError
from mlplab.export.features import NEUTRAL, Feature, Features
from mlplab.results.portable import Elementwise, Lookup

__all__ = ["after_encoder", "after_imputer", "no_form"]


def no_form(name: str, step: Any, why: str) -> ExportError:
    """Return the error for a step that has no form outside Python."""
    return ExportError(
        f"Every step of a preparation must have a form outside Python; step {name!r} "
        f"({type(step).__name__}) has none: {why}. Export the network alone with "
        "network_only=True (--network-only), and prepare rows in Python."
    )


# ---------------------------------------------------------------------- missing values


def after_imputer(features: Features, name: str, step: Any) -> Features:
    """Return what a SimpleImputer makes of features."""
    if not _is_missing(step.missing_values):
        why = f"it takes {step.missing_values!r} for missing; only empty values can be here"
        raise no_form(name, step, why)
    gaps = _gaps(features, name, step)
    statistics = np.asarray(step.statistics_, dtype=object)
    kept = [
        place
        for place, value in enumerate(statistics)
        if step.keep_empty_features or not _is_missing(value)
    ]
    fills = [statistics[place] for place in kept]
    filled = features.take(kept)
    if any(isinstance(value, str) for value in fills):
        filled = _filled_words(filled, name, step, fills)
    else:
        filled = filled.then("fill", np.array(fills, dtype=np.float64))
    return _with_gaps(filled, gaps)


def _filled_words(features: Features, name: str, step: Any, fills: Sequence[Any]) -> Features:
    places = range(len(features))
    if not all(isinstance(f, str) for f in fills) or not all(map(features.untouched, places)):
        raise no_form(name, step, "it fills words and numbers at once, or no columns of words")
    pairs = zip(features.features, fills, strict=True)
    made = tuple(dataclasses.replace(feature, word_fill=fill) for feature, fill in pairs)
    words = features.holding([feature.column for feature in made], "word")
    return dataclasses.replace(words, features=made)


def _gaps(features: Features, name: str, step: Any) -> list[Feature]:
    """Return the features that tell where a value was missing."""
    if not step.add_indicator:
        return []
    places = step.indicator_.features_.tolist()
    if not all(features.untouched(place) for place in places):
        raise no_form(name, step, "it tells gaps of something else than columns")
    chosen = [features.features[place] for place in places]
    return [Feature(f"{one.name} (missing)", one.column, "gap") for one in chosen]


def _with_gaps(features: Features, gaps: Sequence[Feature]) -> Features:
    operations = tuple(
        Elementwise(o.kind, np.concatenate([o.values, np.full(len(gaps), NEUTRAL[o.kind])]))
        for o in features.operations
    )
    return dataclasses.replace(
        features, features=(*features.features, *gaps), operations=operations
    )


def _is_missing(value: Any) -> bool:
    # NaN is the one value that differs from itself; pandas' NA answers neither yes nor no.
    if value is None or type(value).__name__ == "NAType":
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


# ---------------------------------------------------------------------- categories


def after_encoder(features: Features, name: str, step: Any) -> Features:
    """Return what a OneHotEncoder or an OrdinalEncoder makes of features."""
    if not all(features.untouched(place) for place in range(len(features))):
        raise no_form(name, step, "it encodes something else than columns as they are")
    places = [feature.column for feature in features.features]
    blocks = _lookups(features.features, name, step)
    for place, block in zip(places, blocks, strict=True):
        words = any(isinstance(key, str) for key in block.keys)
        features = features.holding([place], "word" if words else "number")
    made = [
        Feature(f"{before.name}_{place}", before.column, "lookup", block=block, place=place)
        for before, block in zip(features.features, blocks, strict=True)
        for place in range(block.width)
    ]
    return Features(features.columns, tuple(made))


def _lookups(before: Sequence[Feature], name: str, step: Any) -> list[Lookup]:
    """Return for each column what the encoder makes of each category."""
    typical = np.array([[_first(values) for values in step.categories_]], dtype=object)
    widths = _widths(step)
    lookups, start = [], 0
    for column, (feature, values) in enumerate(zip(before, step.categories_, strict=True)):
        part = slice(start, start + widths[column])
        asked = _Asked(step, typical, column, part)
        lookups.append(_lookup(feature, name, asked, list(values)))
        start = part.stop
    return lookups


def _widths(step: Any) -> list[int]:
    if type(step).__name__ == "OrdinalEncoder":
        return [1] * len(step.categories_)
    return list(map(int, step._n_features_outs))  # noqa: SLF001  (nothing public tells it)


def _first(values: AnyArray) -> Any:
    return next((value for value in values if not _is_missing(value)), values[0])


@dataclasses.dataclass(frozen=True)
class _Asked:
    """An encoder that is asked about one column; the others hold a typical value."""

    step: Any
    typical: AnyArray
    column: int
    part: slice

    def rows(self, values: Sequence[Any]) -> AnyArray:
        """Return what the encoder makes of values."""
        asked = np.repeat(self.typical, len(values), axis=0)
        asked[:, self.column] = values
        names = getattr(self.step, "feature_names_in_", None)
        if names is not None:
            asked = _frame(asked, names)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            made = self.step.transform(asked)
        dense = made.toarray() if hasattr(made, "toarray") else np.asarray(made)
        rows: AnyArray = dense[:, self.part].astype(np.float64)
        return rows

    def row(self, value: Any) -> AnyArray | None:
        """Return what the encoder makes of a value, or None where it refuses it."""
        try:
            return self.rows([value])[0]  # type: ignore[no-any-return]  # an array in an array
        except (ValueError, TypeError):
            return None


def _frame(values: AnyArray, names: Sequence[str]) -> Any:
    import pandas as pd  # noqa: PLC0415  (who fitted with names has it)

    return pd.DataFrame(values, columns=list(names))


def _lookup(feature: Feature, name: str, asked: _Asked, values: list[Any]) -> Lookup:
    known = [value for value in values if not _is_missing(value)]
    words = all(isinstance(value, str) for value in known)
    if not words and any(isinstance(value, str) for value in known):
        raise no_form(name, asked.step, f"column {feature.name!r} mixes words and numbers")
    if not known:
        raise no_form(name, asked.step, f"column {feature.name!r} holds no category")
    keys: Any = tuple(known) if words else tuple(float(value) for value in known)
    strange: Any = "".join(known) + "\0" if words else max(map(float, known)) + 1.0
    unknown = asked.row(strange)
    if feature.word_fill is not None:
        missing = asked.row(feature.word_fill)
    else:
        gap = next((value for value in values if _is_missing(value)), np.nan)
        missing = asked.row(gap)
        missing = unknown if missing is None else missing
    return Lookup(feature.column, keys, asked.rows(known), unknown, missing)
