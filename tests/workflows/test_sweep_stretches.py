"""Trainings that differ in length alone are stretches of one, with the bits of each by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlplab import workflows
from mlplab.results import SweepResult
from mlplab.sweeps import Job, Outcome
from mlplab.workflows.study_file import parse_study
from mlplab.workflows.sweep_stretches import trainings_of

LENGTHS = (12, 3, 7)

STUDY = """
data = {{ source = "wine" }}
[model]
{model}
[sweep]
retrain = {{ best = 1, seeds = 1 }}
space = {{ max_iter = {lengths}, alpha = [0.1, 1.0] }}
"""


def _swept(model: str, lengths: tuple[int, ...]) -> SweepResult:
    return workflows.sweep(
        parse_study(STUDY.format(model=model, lengths=[*lengths])), out=None
    ).result


@pytest.mark.parametrize(
    "model",
    [
        "batch_size = 16",
        "batch_size = 16\nshuffle = false\nsolver = 'sgd'\nlearning_rate = 'invscaling'",
        "batch_size = 500\ndropout = 0.2",
        "batch_size = 16\nlearning_rate = 'adaptive'\nsolver = 'sgd'\ntol = 0.1",
        "batch_size = 16\nearly_stopping = true\nn_iter_no_change = 50\ntol = 0.0",
        "batch_size = 16\nearly_stopping = true\nn_iter_no_change = 2",
        "batch_size = 500\ntol = 0.05\nn_iter_no_change = 3\nlearning_rate_init = 0.05",
        "dtype = 'float32'\nbatch_size = 1",
    ],
)
def test_stretches_have_the_bits_of_trainings_by_themselves(model: str, epochs: list[int]) -> None:
    """Scores, epochs and curves; and no epoch is trained twice."""
    together = _swept(model, LENGTHS)
    n_together = sum(epochs)
    assert len(together.trials) == 6
    alone = {}
    n_alone = {}  # with the network that is retrained
    for length in LENGTHS:
        epochs.clear()
        for trial in _swept(model, (length,)).trials:
            alone[length, trial.configuration["alpha"]] = trial
        n_alone[length] = sum(epochs)
    for trial in together.trials:
        other = alone[trial.configuration["max_iter"], trial.configuration["alpha"]]
        (one,), (two,) = trial.cells, other.cells
        assert one.status == two.status == "done", one.reason
        assert (one.scores, one.n_epochs) == (two.scores, two.n_epochs)
        assert one.curve is not None
        assert two.curve is not None
        assert one.curve.keys() == two.curve.keys()
        for name, values in one.curve.items():
            np.testing.assert_array_equal(values, two.curve[name])
    assert n_together <= n_alone[max(LENGTHS)]


def _trainings(base: dict[str, Any], *jobs: Job) -> list[list[tuple[int, Outcome]]]:
    """Return which places are told together when the first stretch of each diverges."""
    found = []
    for training in trainings_of(jobs, base):
        told: list[tuple[int, Outcome]] = []
        training.tell(Outcome(status="diverged", seconds=1.0), lambda *one, to=told: to.append(one))
        assert training.is_over
        found.append(told)
    return found


def test_what_goes_wrong_is_told_of_the_longer_ones_too() -> None:
    """In no time."""
    jobs = [Job({"max_iter": n}, 0, 0) for n in (9, 5)]
    ((first, second),) = _trainings({}, *jobs)
    assert [(first[0], first[1].seconds), (second[0], second[1].seconds)] == [(1, 1.0), (0, 0.0)]
    assert second[1].status == "diverged"


@pytest.mark.parametrize(
    "base",
    [{"learning_rate": "cosine"}, {"learning_rate": "one_cycle"}, {"solver": "lbfgs"}],
    ids=str,
)
def test_rates_that_look_to_the_end_keep_trainings_apart(base: dict[str, Any]) -> None:
    """As do other seeds, other folds, and values that are no length."""
    jobs = [Job({"max_iter": n}, 0, 0) for n in (9, 5)]
    assert [len(told) for told in _trainings(base, *jobs)] == [1, 1]
    others = [Job({"max_iter": 5}, 1, 0), Job({"max_iter": 5}, 0, 1), Job({"max_iter": 0}, 0, 0)]
    assert len(_trainings({}, *jobs, *others)) == 4


def test_paused_networks_are_left_to_the_search() -> None:
    """What halving asks for has its own pauses."""
    jobs = [Job({"max_iter": n}, 0, 0, epochs=2, pauses=True) for n in (9, 5)]
    assert [len(told) for told in _trainings({}, *jobs)] == [1, 1]
