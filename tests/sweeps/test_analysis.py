"""What a sweep has taught."""

from __future__ import annotations

import itertools
import json
import wsgiref.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.sweeps.synthetic import Walk, wide_space

from mlplab import sweeps
from mlplab.results import NOT_SET, Cell, CellResult, Interval, SweepResult, SweepStop, Trial
from mlplab.sweeps import Sweep, analyse, certainty

Scores = Callable[[Mapping[str, Any]], Sequence[float]]


def swept(configurations: Sequence[Mapping[str, Any]], scores: Scores) -> SweepResult:
    """Return the result of a sweep whose scores, one a seed, a function gives."""
    trials = [
        Trial(
            number,
            one,
            tuple(
                CellResult(Cell(f"{number}-{seed}", one, seed, 0), "done", {"s": score}, 1, 0.0)
                for seed, score in enumerate(scores(one))
            ),
        )
        for number, one in enumerate(configurations)
    ]
    return SweepResult(("s",), tuple(trials), SweepStop.COMPLETE, 0.0, None, 0, 0)


def grid(**values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return all combinations."""
    return [dict(zip(values, one, strict=True)) for one in itertools.product(*values.values())]


FULL = grid(a=[0, 1, 2, 3], b=["x", "y", "z"], c=[True, False], d=range(6))


def additive(one: Mapping[str, Any]) -> list[float]:
    """Score with known shares: a alone, b alone, a and c together."""
    b = {"x": 0.0, "y": 5.0, "z": 1.0}[one["b"]]
    return [one["a"] + b + (one["a"] - 1.5) * (1 if one["c"] else -2)]


def test_shares_of_variance_are_those_of_the_full_grid() -> None:
    """Against an analysis of variance by hand; the forest comes close to it."""
    y = np.array([additive(one)[0] for one in FULL]).reshape(4, 3, 2, 6)
    total = y.var()
    by_hand = {
        "a": y.mean((1, 2, 3)).var() / total,
        "b": y.mean((0, 2, 3)).var() / total,
        "c": y.mean((0, 1, 3)).var() / total,
        "d": 0.0,
    }
    together = y.mean((1, 3)).var() / total - by_hand["a"] - by_hand["c"]
    found = analyse(swept(FULL, additive))
    shares = {one.parameter: one.share for one in found.importances}
    assert found.importances[0].parameter == max(by_hand, key=by_hand.__getitem__)
    assert shares == pytest.approx(by_hand, abs=0.03)
    pairs = {one.parameters: one.share for one in found.interactions}
    assert found.interactions[0].parameters == ("a", "c")
    assert pairs["a", "c"] == pytest.approx(together, abs=0.03)
    assert sum(share for pair, share in pairs.items() if pair != ("a", "c")) < 0.03


def test_shares_agree_with_those_of_optuna() -> None:
    """Its evaluator follows the same paper; one parameter does nothing."""
    optuna = pytest.importorskip("optuna")
    rng = np.random.default_rng(0)
    points = [dict(zip("uvw", map(float, rng.random(3)), strict=True)) for _ in range(150)]

    def score(one: Mapping[str, float]) -> list[float]:
        return [4 * one["u"] + np.sin(6 * one["v"]) + one["u"] * one["v"]]

    study = optuna.create_study()
    axes = {name: optuna.distributions.FloatDistribution(0, 1) for name in "uvw"}
    study.add_trials(
        [optuna.create_trial(params=one, distributions=axes, value=score(one)[0]) for one in points]
    )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    theirs = evaluator.evaluate(study)
    ours = {one.parameter: one.share for one in analyse(swept(points, score)).importances}
    whole = sum(ours.values())
    # Theirs are scaled to add up to one.
    assert {k: v / whole for k, v in ours.items()} == pytest.approx(theirs, abs=0.08)
    assert ours["w"] < 0.05


def test_effects_are_those_of_the_table() -> None:
    """Mean, spread, best and count of each value, as pandas has them."""
    frame = pd.DataFrame([{**one, "s": additive(one)[0]} for one in FULL])
    effects = analyse(swept(FULL, additive)).effects
    for name in "abcd":
        groups = frame.groupby(name)["s"]
        for one in effects[name].by_value:
            group = groups.get_group(one.value)
            assert one.n == len(group)
            assert one.mean == pytest.approx(group.mean())
            assert one.spread == pytest.approx(group.std())
            assert one.best == group.max()
    assert [one.value for one in effects["a"].by_value] == [0, 1, 2, 3]


def test_values_that_never_won_lost_every_contest() -> None:
    """Whatever the other parameters: y beats x and z always; a is best at one of its ends."""
    found = analyse(swept(FULL, additive))
    assert set(found.effects["b"].never_won) == {"x", "z"}
    assert found.effects["a"].never_won == (1, 2)
    b = {one.value: one for one in found.effects["b"].by_value}
    assert (b["y"].wins, b["y"].contests) == (48, 48)


def test_values_meet_although_something_depends_on_them() -> None:
    """Momentum exists with sgd only; sgd competes with the best momentum."""
    configurations = [
        *({"solver": "sgd", "momentum": m, "rate": r} for m in (0.5, 0.9) for r in (1, 2)),
        *({"solver": "adam", "rate": r} for r in (1, 2)),
    ]
    result = swept(
        configurations,
        lambda one: [one.get("momentum", 0.6) * one["rate"]],
    )
    effects = analyse(result).effects
    assert effects["solver"].never_won == ("adam",)
    assert effects["momentum"].never_won == (0.5, NOT_SET)
    momentum = {one.value: one for one in effects["momentum"].by_value}
    assert momentum[NOT_SET].contests == 0
    assert momentum[NOT_SET].n == 2
    assert effects["rate"].never_won == (1,)


def test_many_numbers_are_told_in_intervals() -> None:
    """Of about as many trials each, in order, without gaps."""
    points = [{"x": float(x)} for x in np.random.default_rng(0).random(100)]
    effect = analyse(swept(points, lambda one: [one["x"]])).effects["x"]
    assert len(effect.by_value) == 8
    assert sum(one.n for one in effect.by_value) == 100
    assert all(11 <= one.n <= 14 for one in effect.by_value)
    intervals = [one.value for one in effect.by_value]
    assert all(isinstance(one, Interval) for one in intervals)
    assert all(one.high < two.low for one, two in itertools.pairwise(intervals))
    assert effect.by_value[-1].in_top == 10
    assert len(effect.never_won) == 7


def test_trainings_that_went_wrong_do_not_drown_the_others() -> None:
    """Scores far below all others count as the floor; the analysis of the others stays."""

    def score(one: Mapping[str, Any]) -> list[float]:
        return [-1e260] if one == FULL[7] else additive(one)

    plain, found = analyse(swept(FULL, additive)), analyse(swept(FULL, score))
    assert plain.floor is None
    assert found.floor is not None
    assert found.floor < min(additive(one)[0] for one in FULL)
    shares = {one.parameter: one.share for one in found.importances}
    assert found.importances[0].parameter == plain.importances[0].parameter
    assert all(0 <= share < 1 for share in shares.values())
    lowest = min(one.mean for one in found.effects["a"].by_value)
    assert lowest > found.floor
    saturated = analyse(swept(FULL, lambda one: [1.0 if one["d"] else 0.3 + 0.1 * one["a"]]))
    assert saturated.floor is None
    assert saturated.importances[0].parameter == "d"


def test_interactions_are_tables_of_means() -> None:
    """A cell without trials is empty."""
    result = swept([one for one in FULL if one["b"] != "z" or one["c"]], additive)
    found = {one.parameters: one for one in analyse(result).interactions}["b", "c"]
    assert set(found.rows) == {"x", "y", "z"}
    z = found.rows.index("z")
    assert found.means[z][found.columns.index(False)] is None
    assert found.counts[z][found.columns.index(True)] == 24
    x, yes = found.rows.index("x"), found.columns.index(True)
    expected = np.mean([additive({"a": a, "b": "x", "c": True})[0] for a in range(4)])
    assert found.means[x][yes] == pytest.approx(expected)


def test_certainty_compares_cell_by_cell() -> None:
    """What all trials share, a lucky seed, does not blur the comparison."""
    luck = np.array([0.0, 10.0, -5.0])
    noise = {0: (0.01, 0.0, 0.02), 1: (-0.5, 0.4, 0.0), 2: (-3.0, -3.1, -2.9)}
    result = swept([{"x": k} for k in range(3)], lambda one: list(luck + noise[one["x"]]))
    found = certainty(result)
    assert found is not None
    leads = np.subtract(noise[0], noise[1])
    assert found.best == 0
    assert found.gap == pytest.approx(leads.mean())
    assert found.standard_error == pytest.approx(leads.std(ddof=1) / np.sqrt(3))
    assert found.rivals == (1,)
    assert "another one is as good within the uncertainty" in found.sentence
    corrected = certainty(result, validation_share=0.25)
    assert corrected is not None
    assert corrected.standard_error == pytest.approx(leads.std(ddof=1) * np.sqrt(1 / 3 + 1 / 3))


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        (lambda one: [float(one["x"])], "each was trained once"),
        (lambda one: [one["x"] + 0.01, one["x"] - 0.01], "ahead of all others by more than chance"),
        (lambda one: [one["x"] // 2 + k * (one["x"] - 0.5) for k in (-1, 1)], "as good within"),
    ],
)
def test_certainty_in_words(scores: Scores, sentence: str) -> None:
    """For each way in which it can end."""
    found = certainty(swept([{"x": k} for k in range(4)], scores))
    assert found is not None
    assert sentence in found.sentence


def test_sweeps_without_scores_teach_nothing() -> None:
    """And break nothing."""
    empty = analyse(swept([], lambda _: []))
    assert (empty.n_trials, empty.certainty, empty.importances) == (0, None, ())
    one = analyse(swept([{"x": 1}], lambda _: [0.5]))
    assert one.effects == {}
    assert one.certainty is not None
    assert "the only one with a score" in one.certainty.sentence
    same = analyse(swept([{"x": 1}, {"x": 2}], lambda _: [0.5]))
    assert [one.share for one in same.importances] == [0.0]


def test_real_sweeps_are_analysed(tmp_path: Path) -> None:
    """Of a search without a grid, with conditions; what matters comes first."""
    sweep = Sweep(wide_space(), sweeps.Random(), ("accuracy",), trials=80, seeds=2)
    result = sweeps.run(sweep, Walk(), storage=tmp_path)
    found = analyse(result)
    assert found.importances[0].parameter == "x"
    assert found.importances[0].share > 0.4
    assert found.certainty is not None
    assert found.certainty.best == result.best()[0].number


def test_journals_open_in_optuna(tmp_path: Path) -> None:
    """Parameters, states, values and curves."""
    optuna = pytest.importorskip("optuna")
    sweep = Sweep(wide_space(), sweeps.Hyperband(), ("accuracy", "f1_macro"))
    result = sweeps.run(sweep, Walk(), storage=tmp_path)
    ledger = sweeps.FileLedger(tmp_path)
    path = tmp_path / "journal.log"
    sweeps.export_to_optuna(result, path, name="walks", ledger=ledger)
    ledger.close()
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    study = optuna.load_study(study_name="walks", storage=optuna.storages.JournalStorage(backend))
    assert [trial.params for trial in study.trials] == [t.configuration for t in result.trials]
    whole = [trial for trial in result.trials if trial.epochs is None]
    complete = [t for t in study.trials if t.state is optuna.trial.TrialState.COMPLETE]
    assert [t.value for t in complete] == [trial.mean("accuracy") for trial in whole]
    assert study.best_trial.number == result.best()[0].number
    assert all(t.intermediate_values for t in study.trials)
    assert study.trials[0].user_attrs["f1_macro (mean)"] == result.trials[0].mean("f1_macro")


def test_journals_keep_lists_conditions_and_failures(tmp_path: Path) -> None:
    """Shapes as texts; what failed is failed there; nothing is overwritten."""
    optuna = pytest.importorskip("optuna")
    table = {
        "shape": [[64], [32, 32]],
        "x": {"values": [0.1, 200.0], "when": {"shape": [[64]]}},
    }
    sweep = sweeps.sweep_from_table({"space": table, "score": "accuracy"})
    path = tmp_path / "journal.log"
    sweeps.export_to_optuna(sweeps.run(sweep, Walk()), path)
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    study = optuna.load_study(study_name="sweep", storage=optuna.storages.JournalStorage(backend))
    assert [trial.params for trial in study.trials] == [
        {"shape": "[64]", "x": 0.1},
        {"shape": "[64]", "x": 200},
        {"shape": "[32, 32]"},
    ]
    assert study.trials[1].state is optuna.trial.TrialState.FAIL
    assert "too large" in study.trials[1].user_attrs["reason"]
    with pytest.raises(OSError, match="A journal must be a new file"):
        sweeps.export_to_optuna(sweeps.run(sweep, Walk()), path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_dashboard_opens_journals(tmp_path: Path) -> None:
    """As its command does: a storage from the path, served; the study is listed with its trials."""
    dashboard = pytest.importorskip("optuna_dashboard")
    from optuna_dashboard._storage_url import get_storage

    sweep = Sweep(wide_space(), sweeps.Random(), ("accuracy",), trials=5)
    path = tmp_path / "journal.log"
    sweeps.export_to_optuna(sweeps.run(sweep, Walk()), path, name="walks")
    application = dashboard.wsgi(get_storage(str(path)))

    def get(address: str) -> Any:
        environ: dict[str, Any] = {"PATH_INFO": address, "REQUEST_METHOD": "GET"}
        wsgiref.util.setup_testing_defaults(environ)
        return json.loads(b"".join(application(environ, lambda *_: None)))

    (study,) = get("/api/studies")["study_summaries"]
    assert study["study_name"] == "walks"
    details = get(f"/api/studies/{study['study_id']}")
    assert len(details["trials"]) == 5
