"""Frozen nouns: history, result and the reasons for stopping."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mlplab.results import EpochRecord, FitResult, History, StopReason

RECORDS = tuple(
    EpochRecord(i, 1 / i, None if i == 1 else 2 / i, None, 0.1, 3.0, 0.5) for i in (1, 2, 3)
)


def _result(**changes: Any) -> FitResult:
    result = FitResult(
        history=History.of(RECORDS),
        status=StopReason.LOSS_PLATEAU,
        engine="reference",
        engine_reason="asked for by name",
        seconds=1.5,
        best_epoch=None,
        restored_best=False,
        n_parameters=9,
        dtype="float64",
    )
    return dataclasses.replace(result, **changes)


def test_history_is_a_sequence_of_records() -> None:
    """Length, order, index from both ends."""
    history = History.of(RECORDS)
    assert len(history) == 3
    assert list(history) == list(RECORDS)
    assert history[0] == RECORDS[0]
    assert history[-1] == RECORDS[2] == history.records[2]
    assert len(History()) == 0


def test_history_as_columns() -> None:
    """One list a figure, all of one length, missing figures as None."""
    columns = History.of(RECORDS).to_columns()
    assert list(columns) == [field.name for field in dataclasses.fields(EpochRecord)]
    assert columns["epoch"] == [1, 2, 3]
    assert columns["validation_loss"] == [None, 1.0, 2 / 3]
    assert columns == {name: History.of(RECORDS).column(name) for name in columns}
    with pytest.raises(AttributeError):
        History.of(RECORDS).column("los")


@pytest.mark.parametrize("noun", [RECORDS[0], History.of(RECORDS), _result()])
def test_nouns_are_frozen(noun: Any) -> None:
    """What was handed over cannot be changed by who got it."""
    name = dataclasses.fields(noun)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(noun, name, None)


def test_result_counts_its_epochs_and_speaks() -> None:
    """Epochs, time, engine, best epoch if there is one, and the reason in words."""
    assert _result().n_epochs == 3
    assert str(_result()) == (
        "3 epochs in 1.50 s on the reference engine. The training loss did not improve any more."
    )
    assert ", best epoch 2. " in str(_result(best_epoch=2))


@pytest.mark.parametrize("reason", StopReason)
def test_every_reason_is_a_sentence(reason: StopReason) -> None:
    """For people: it begins with a capital and ends with a full stop."""
    assert reason.sentence == reason.value
    assert reason.sentence[0].isupper()
    assert reason.sentence.endswith(".")


def test_reasons_differ() -> None:
    """Two members with one sentence would be one member."""
    assert len({reason.sentence for reason in StopReason}) == len(StopReason.__members__)
