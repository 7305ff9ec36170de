"""From checked rows to answers, one entry a row."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data import to_frame
from mlplab.data.frames import as_words
from mlplab.serving.batching import Answers
from mlplab.workflows import TabularModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["answer", "frame_of", "outline"]


def answer(model: TabularModel, rows: Sequence[Mapping[str, Any]]) -> Answers:
    """Predict rows.

    Returns
    -------
    dict of str to list
        What `outline` names, and under ``"unseen"`` for each row the categories that training
        never saw, by column.
    """
    frame = frame_of(model, rows)
    with warnings.catch_warnings():
        # Unseen categories are told by row below: a table may hold rows of several requests.
        warnings.simplefilter("ignore")
        x = model.features(frame)
    return {**_predicted(model, x), "unseen": _unseen(model, frame)}


def outline(model: TabularModel) -> dict[str, str]:
    """Return the names of the lists that `answer` gives, and what an entry is, in words."""
    if model.task == "autoencoder":
        return {"codes": "The code layer.", "reconstruction_error": "The mean squared error."}
    words = {
        "classification": "The class.",
        "multilabel": "The labels.",
        "regression": "The value, or a list of values, one a target.",
    }
    named = {"predictions": words[model.task]}
    if model.has_probabilities:
        named["probabilities"] = "One for each of `classes`, in their order."
    return named


def frame_of(model: TabularModel, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a table with the columns that the model uses."""
    columns: dict[str, AnyArray] = {}
    for plan in model.preparation.plans_:
        values = [row[plan.name] for row in rows]
        if plan.kind == "numeric":
            columns[plan.name] = np.array([np.nan if v is None else v for v in values], float)
        else:
            columns[plan.name] = np.empty(len(values), dtype=object)
            columns[plan.name][:] = values
    return to_frame(columns)


def _predicted(model: TabularModel, x: AnyArray) -> Answers:
    estimator, encoding = model.estimator, model.encoding
    if model.task == "autoencoder":
        error = ((np.asarray(estimator.reconstruct(x)) - x) ** 2).mean(axis=1)
        codes = np.asarray(estimator.transform(x))
        return {"codes": codes.tolist(), "reconstruction_error": error.tolist()}
    predicted = np.asarray(estimator.predict(x))
    if model.task == "regression" and encoding is not None:
        predicted = encoding.decode(predicted)
    answers: Answers = {"predictions": predicted.tolist()}
    if model.task == "multilabel":
        names = model.classes
        answers["predictions"] = [[names[k] for k in np.flatnonzero(row)] for row in predicted]
    if model.has_probabilities:
        answers["probabilities"] = np.asarray(estimator.predict_proba(x)).tolist()
    return answers


def _unseen(model: TabularModel, frame: pd.DataFrame) -> list[dict[str, str | None]]:
    """Return for each row the categories that training never saw, by column."""
    found: list[dict[str, str | None]] = [{} for _ in range(len(frame))]
    for plan in model.preparation.plans_:
        if plan.kind != "categorical":
            continue
        known: set[str | None] = {*plan.categories, *plan.known_rare}
        if plan.missing_category or plan.known_missing:
            known.add(None)
        for row, word in zip(found, as_words(frame[plan.name]), strict=True):
            if word not in known:
                row[plan.name] = word
    return found
