"""Wine, houses, several labels, and two losses: the studies on tables."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine, make_multilabel_classification
from sklearn.preprocessing import scale
from tests.studies.scripts import STUDIES, script

from mlplab import workflows
from mlplab.data import to_frame
from mlplab.workflows.study_file import parse_study, read_study

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got .batch_size. less than 1"),  # small tables
]


def test_every_row_of_wine_is_tested_once() -> None:
    """The reports of both weightings are about the same test rows."""
    X, y = load_wine(return_X_y=True)
    study = script("wine-quality-classes")
    told = study.reports(X, y, splits=3)
    assert [parts["test"]["1"]["support"] for parts in told.values()] == [71, 71]
    assert all(parts["test"]["accuracy"] > 0.8 for parts in told.values())
    assert study.table(told, ["0", "1", "2"]).count("\n") == 11


def test_cross_entropy_converges_first() -> None:
    """At one rate cross-entropy goes its way sooner: its gradient has no factor p(1 − p)."""
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    study = script("squared-error-or-cross-entropy")
    curves, rows = study.compare(X[:400], X[400:], y[:400], y[400:], epochs=60)
    assert curves["log_loss"]["log_loss"][0] == pytest.approx(np.log(2))
    assert curves["squared_error"]["squared_error"][0] == pytest.approx(1 / 8)
    first, second = (study.epochs_to(curves[loss][loss]) for loss in study.LOSSES)
    assert first < second
    assert study.hard_rows(rows)["rank correlation"] > 0.8


def test_labels_beside_logistic_regressions(tmp_path: Path) -> None:
    """Network, regressions and no label are judged on the same rows."""
    X, y = make_multilabel_classification(300, 8, n_classes=3, random_state=0)
    columns = {f"x{k}": X[:, k] for k in range(8)} | {f"y{k}": y[:, k] for k in range(3)}
    study = parse_study("""
    name = "labels"
    [data]
    source = "(in memory)"
    target = ["y0", "y1", "y2"]
    task = "multilabel"
    split = { validation = 0, test = 0.3 }
    [model]
    hidden_layer_sizes = [16]
    max_iter = 60
    learning_rate_init = 0.01
    """)
    told = script("multi-label-baselines").beside(study, to_frame(columns), tmp_path)
    assert told["no label at all"]["F1 macro"] == 0.0
    assert told["network"]["F1 macro"] > 0.6
    assert told["one logistic regression a label"]["F1 macro"] > 0.6


def test_yeast_is_better_than_logistic_regressions(data_folder: Path, tmp_path: Path) -> None:
    """On the set with a signal the network beats both baselines in macro F1."""
    assert (data_folder / "yeast").is_dir()
    study = read_study(STUDIES / "multi-label.toml")
    told = script("multi-label-baselines").beside(study, "yeast", tmp_path)
    network = told["network"]
    assert network["F1 macro"] > told["one logistic regression a label"]["F1 macro"]
    assert network["Hamming loss"] < told["no label at all"]["Hamming loss"]


@pytest.mark.slow
def test_labels_on_five_splits(data_folder: Path, tmp_path: Path) -> None:
    """Yeast: better in macro F1 on each split; the source's set: no worse, and far above nobody."""
    assert (data_folder / "advertisement").is_dir()
    study = script("multi-label-baselines")
    for name, ahead in (("multi-label", 0.03), ("multi-label-advertisement", -0.01)):
        read = read_study(STUDIES / f"{name}.toml")
        told = study.over_splits(read, read.data.source, tmp_path)
        network, logistic, nothing = (
            told[who]["F1 macro"] for who in (study.NETWORK, study.LOGISTIC, study.NONE)
        )
        assert network - logistic > ahead
        assert network > 0.4
        assert nothing == 0.0
        assert len(told[study.NETWORK][study.BY_LABEL]) in {14, 8}


def test_rare_wines_are_recognised_once_they_weigh_more(data_folder: Path) -> None:
    """Without weights nobody finds them; with weights some, at the price of accuracy."""
    assert (data_folder / "wine_qt").is_dir()
    study = script("wine-quality-classes")
    alike, weighted = study.reports(*study.wines()).values()
    rare = ("3", "4", "8")
    assert max(alike["test"][label]["recall"] for label in rare) < 0.05
    assert min(weighted["test"][label]["recall"] for label in rare) > 0.05
    assert alike["test"]["accuracy"] > weighted["test"]["accuracy"] > 0.45


def test_cross_entropy_converges_first_on_patients(data_folder: Path) -> None:
    """Both losses end at the same accuracy and find the same rows hard."""
    assert (data_folder / "diabetes").is_dir()
    study = script("squared-error-or-cross-entropy")
    curves, rows = study.compare(*study.patients())
    first, second = (study.epochs_to(curves[loss][loss]) for loss in study.LOSSES)
    assert 2 * first < second
    accuracies = [curves[loss]["accuracy"][-1] for loss in study.LOSSES]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02)
    assert study.hard_rows(rows)["the same among the ten hardest"] >= 7


@pytest.mark.slow
def test_the_best_wine_network_looks_better_than_it_is(data_folder: Path) -> None:
    """The winner of 256 on 103 wines loses some of its accuracy on rows that did not choose it."""
    assert (data_folder / "wine_qt").is_dir()
    swept = workflows.sweep(STUDIES / "wine-grid.toml", out=None)
    best = swept.finalists[0]
    assert len(swept.result.trials) == 256
    assert best.trial.mean("accuracy") > best.mean("accuracy") + 0.02
    assert best.mean("accuracy") > best.metrics.baseline.accuracy + 0.1


@pytest.mark.slow
def test_houses_on_five_splits(data_folder: Path) -> None:
    """Every split's own best reaches the source's R² in the median."""
    assert (data_folder / "boston_housing").is_dir()
    study = read_study(STUDIES / "housing.toml")
    splits = script("housing-splits")
    assert statistics.median(splits.on_split(study, seed)["R²"] for seed in range(5)) >= 0.832


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.toml")), ids=lambda path: path.stem)
def test_studies_are_valid(path: Path) -> None:
    """Every study file can be read, and says what it is about."""
    assert read_study(path).name
