"""The report of a sweep: its numbers are the ledger's, and it shows nothing that is not there."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
import statistics
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.workflows.test_sweep_scores import MULTILABEL, multilabel_frame

from mlplab import sweeps, workflows
from mlplab.errors import DataError, ParameterError
from mlplab.results import CellResult, SweepProgress
from mlplab.workflows import sweep_report
from mlplab.workflows.study_file import parse_study
from mlplab.workflows.sweep_kept import read_sweep
from mlplab.workflows.sweep_report import render_sweep
from mlplab.workflows.sweep_summary import StudySweep

STUDY = """
name = "small & <b>bold</b>"
notes = "Few < many: see `wine`."
data = { source = "wine", split = { test = 0.2 } }
model = { max_iter = 12 }
[sweep]
score = ["accuracy", "f1_macro"]
folds = 2
seeds = 2
retrain = { best = 2, seeds = 3 }
[sweep.space]
hidden_layer_sizes = [[4], [8], []]
solver = ["adam", "sgd"]
momentum = { values = [0.5, 0.9], when = { solver = "sgd" } }
learning_rate_init = [0.02, 1e300]
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> StudySweep:
    """Return a sweep with a condition, and with trials that diverge."""
    return workflows.sweep(parse_study(STUDY), out=tmp_path_factory.mktemp("report"))


class Page(HTMLParser):
    """Reads a page: tags, what is loaded, the cells of each table, text, and the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.rows: list[dict[str, str]] = []
        self.ids: set[str] = set()
        self._cell: list[str] | None = None
        self.feed(text)
        (content,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
        self.data = json.loads(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell."""
        self.tags.append(tag)
        told = {name: value or "" for name, value in attrs}
        self.loads += [v for k, v in told.items() if k in {"src", "href", "xlink:href"}]
        self.ids |= {told["id"]} if tag != "g" and "id" in told else set()
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
            self.rows += [told] if "data-row" in told else []
        if tag in {"td", "th"}:
            self._cell = []

    def handle_data(self, data: str) -> None:
        """Collect the text of a cell."""
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag in {"td", "th"} and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell))
            self._cell = None

    @property
    def trials(self) -> pd.DataFrame:
        """The table of all trials."""
        (found,) = (table for table in self.tables if table[0][:2] == ["rank", "trial"])
        return pd.DataFrame(found[1:], columns=found[0])


def page_of(swept: StudySweep) -> Page:
    """Return the report of a sweep."""
    assert swept.folder is not None
    return Page((swept.folder / "report.html").read_text())


def swept_with(text: str, folder: Path, **options: Any) -> Page:
    """Return the report of the sweep that a study asks for."""
    return page_of(workflows.sweep(parse_study(text), storage=folder, **options))


def test_page_is_self_contained(swept: StudySweep) -> None:
    """Nothing is loaded from anywhere; the script is in the page, and all data are in it."""
    page = page_of(swept)
    assert page.tags.count("script") == 2
    assert "link" not in page.tags
    assert all(target.startswith(("#", "data:")) for target in page.loads)
    text = (swept.folder / "report.html").read_text()  # type: ignore[operator]
    assert not re.search(r"@import|url\((?!#|\"#)|fetch\(|XMLHttpRequest|import\(", text)
    assert page.tags.count("svg") == 6  # importance, effects, two interactions, parallel, curves
    for part in ("prefers-color-scheme: dark", "@media print", "max-width: 36rem"):
        assert part in text


def test_every_row_is_what_the_ledger_says(swept: StudySweep) -> None:
    """Scores, spreads, epochs, seconds, states and configurations, computed anew from its lines."""
    assert swept.folder is not None
    ledger = sweeps.FileLedger(swept.folder)
    cells: dict[str, list[CellResult]] = {}
    for result in ledger.read():
        cells.setdefault(json.dumps(result.cell.configuration, sort_keys=True), []).append(result)
    ledger.close()
    page, numbers = page_of(swept), {t.number: t for t in swept.result.trials}
    table = page.trials
    assert len(table) == len(cells) == len(numbers) == 18
    assert page.data["numbers"] == [int(number) for number in table["trial"]]
    for row, told in enumerate(table.to_dict("records")):
        trial = numbers[int(told["trial"])]
        kept = cells[json.dumps(trial.configuration, sort_keys=True)]
        assert len(kept) == 4
        for name in ("hidden_layer_sizes", "solver", "momentum"):
            assert told[name] == str(trial.configuration.get(name, "–"))
        if any(one.status != "done" for one in kept):
            assert told["status"].startswith("diverged: DivergedError")
            assert told["accuracy"] == told["rank"] == "–"
            assert page.rows[row]["class"] == "failed"
            continue
        check_row(told, kept)
        accuracy = statistics.fmean(one.scores["accuracy"] for one in kept)
        assert page.data["means"][row] == pytest.approx(accuracy, rel=1e-4)
        first, last, values = page.data["curves"]["trials"][row]["validation_score"]
        assert (first, last) == (1, max(one.n_epochs for one in kept))
        assert values[-1] == pytest.approx(accuracy, abs=1e-4)


def check_row(told: dict[str, str], kept: list[CellResult]) -> None:
    """Compare the row of a trial that is done with its trainings."""
    titles = {"accuracy": "accuracy", "precision_macro": "precision"}
    titles |= {"recall_macro": "recall", "f1_macro": "F1"}
    for name, title in titles.items():
        mean = statistics.fmean(one.scores[name] for one in kept)
        assert told[title] == f"{mean:.4g}"
    for name in ("accuracy", "f1_macro"):
        spread = statistics.stdev(one.scores[name] for one in kept)
        assert told[f"± {titles[name]}"] == f"{spread:.2g}"
    peak = statistics.fmean(float((one.curve or {})["validation_score"].max()) for one in kept)
    assert told["accuracy, best epoch"] == f"{peak:.4g}"
    assert told["epochs"] == f"{statistics.fmean(one.n_epochs for one in kept):.4g}"
    assert float(told["seconds"]) == pytest.approx(sum(one.seconds for one in kept), rel=0.01)
    assert told["status"] == "done"


def test_sorting_and_lines_have_the_numbers_of_the_table(swept: StudySweep) -> None:
    """What the script sorts by is what stands in the cells; a line ends at its score."""
    page = page_of(swept)
    table = page.trials
    assert len(page.data["columns"]) == len(table.columns)
    for k, name in enumerate(table.columns):
        values = page.data["columns"][k]["sort"]
        for cell, value in zip(table[name], values, strict=True):
            if re.fullmatch(r"-?[\d.]+(e[+-]\d+)?", cell.removesuffix(" ≈")):
                assert float(cell.removesuffix(" ≈")) == pytest.approx(value, rel=0.06)
            elif cell == "–":
                assert value is None
    ranks = [int(cell.removesuffix(" ≈")) for cell in table["rank"] if cell != "–"]
    assert ranks == list(range(1, len(ranks) + 1))
    last, means = page.data["axes"][-1]["places"], page.data["means"]
    assert page.data["axes"][-1]["name"] == "accuracy"
    for place, mean in zip(last, means, strict=True):
        assert (place is None) == (mean is None)
    known = [(m, p) for m, p in zip(means, last, strict=True) if m is not None]
    assert known == sorted(known, reverse=True)
    assert [axis["name"] for axis in page.data["axes"][:-1]] == [
        "hidden_layer_sizes",
        "solver",
        "momentum",
    ]


def test_the_answer_comes_first_in_words(swept: StudySweep) -> None:
    """The best, how sure, what failed, what was tested; all of it true."""
    text = re.sub(r"<[^>]+>", "", (swept.folder / "report.html").read_text())  # type: ignore[operator]
    best, finalist = swept.result.best()[0], swept.finalists[0]
    words = ", ".join(
        f"{k} = {v if not isinstance(v, float) else format(v, '.4g')}"
        for k, v in best.configuration.items()
    )
    assert f"The best of 18 configurations is {words}." in text
    assert f"Its accuracy is {best.mean('accuracy'):.4g} ± {best.spread('accuracy'):.2g}" in text
    median = statistics.median(finalist.scores["accuracy"])
    assert f"its accuracy on 36 test rows, which chose nothing, is {median:.4g} (median of" in text
    assert "9 of 18 configurations have no score: 9 diverged: DivergedError" in text
    assert swept.analysis is not None
    assert swept.analysis.certainty is not None
    assert f"Trial {best.number} is the best" in text
    assert f"{len(swept.analysis.certainty.rivals)} others are as good" in text
    assert "72 different trainings, 4 of each configuration" in text
    assert "The 24 combinations of the space say 18 different things" in text
    for one in swept.finalists:
        assert f"{min(one.scores['accuracy']):.4g} – {max(one.scores['accuracy']):.4g}" in text
    assert text.index("The best of 18") < text.index("The answer") < text.index("All trials")


def test_report_is_written_again_from_the_files(swept: StudySweep, tmp_path: Path) -> None:
    """By `mlplab report`, to the same page; altered folders are told."""
    assert swept.folder is not None
    folder = tmp_path / swept.folder.name
    shutil.copytree(swept.folder, folder)
    (folder / "report.html").unlink()
    (folder / "ledger.jsonl").unlink()  # with PostgreSQL there is none
    assert workflows.report(folder).read_text() == (swept.folder / "report.html").read_text()
    (folder / "sweep.json").write_text('{"about": 3}')
    with pytest.raises(DataError, match="files of a sweep must be as they were written"):
        workflows.report(folder)
    (folder / "study.toml").unlink()
    with pytest.raises(DataError, match=r"without study\.toml"):
        workflows.report(folder)


def test_names_are_escaped(swept: StudySweep) -> None:
    """In the text, in figures and in the data, whatever they look like."""
    assert swept.folder is not None
    text = (swept.folder / "report.html").read_text()
    assert "small &amp; &lt;b&gt;bold&lt;/b&gt;" in text
    assert "<p>Few &lt; many: see <code>wine</code>.</p>" in text
    evil = "</script><script>alert(1)</script>"
    kept = read_sweep(swept.folder)
    trials = [
        dataclasses.replace(t, configuration={**t.configuration, evil: f"{evil}{t.number % 2}"})
        for t in kept.result.trials
    ]
    result = dataclasses.replace(kept.result, trials=tuple(trials))
    page = render_sweep(dataclasses.replace(kept, result=result, analysis=sweeps.analyse(result)))
    assert evil not in page
    assert page.count("<script") == 2
    assert Page(page).data["words"][0].count(evil) == 2


ONE_VALUE = STUDY[: STUDY.index("[sweep.space]")] + "[sweep.space]\nalpha = [0.1]"


def test_one_trial_is_shown_without_comparisons(tmp_path: Path) -> None:
    """No figure about parameters, none without data; its curve and its row are there."""
    page = swept_with(ONE_VALUE, tmp_path)
    assert len(page.trials) == 1
    assert page.tags.count("svg") == 1
    assert {"answer", "finalists", "curves", "trials", "how"} <= page.ids
    assert not {"what", "parallel"} & page.ids
    assert page.data["axes"] == []
    assert page.data["chosen"] == [0]
    text = (tmp_path / "report.html").read_text()
    assert "Trained was alpha = 0.1." in text
    assert "did not vary" in text


def test_where_all_failed_the_report_says_why(tmp_path: Path) -> None:
    """A table of failures, no figure, no promise of a model."""
    text = STUDY.replace("[0.02, 1e300]", "[1e300]")
    with pytest.raises(ParameterError, match="none has a score"):
        workflows.sweep(parse_study(text), storage=tmp_path)
    html = (tmp_path / "report.html").read_text()
    page = Page(html)
    assert "No configuration has a score." in html
    assert "9 of 9 configurations have no score" in html
    assert set(page.trials["rank"]) == {"–"}
    assert "svg" not in page.tags
    assert not {"answer", "finalists", "what", "parallel", "curves"} & page.ids
    assert page.data["curves"]["names"] == {}
    assert "mlplab predict" not in html


class _Stops:
    """Interrupts after the first results."""

    def on_results(self, results: list[CellResult], progress: SweepProgress) -> None:  # noqa: ARG002
        """Interrupt as Ctrl-C does."""
        raise KeyboardInterrupt

    def on_end(self, result: Any) -> None:
        """Do nothing."""


@pytest.mark.parametrize("seeds", [2, 400])
def test_interrupted_the_report_tells_how_far_it_came(seeds: int, tmp_path: Path) -> None:
    """With whatever is complete; with nothing, where no trial is."""
    text = STUDY.replace("seeds = 2\n", f"seeds = {seeds}\n").replace(", 1e300", "")
    swept = workflows.sweep(parse_study(text), storage=tmp_path, observers=[_Stops()])
    assert swept.interrupted
    html = (tmp_path / "report.html").read_text()
    assert "The sweep was interrupted" in html
    page = Page(html)
    if swept.result.trials:
        assert len(page.trials) == len(swept.result.trials)
    else:
        assert "Nothing was trained yet" in html
        assert "svg" not in page.tags
        assert "trials" not in page.ids
    assert workflows.report(tmp_path).read_text() == html


def test_a_learned_search_and_halving_are_shown(tmp_path: Path) -> None:
    """One score, repeated questions, and networks that were paused."""
    pytest.importorskip("optuna")
    text = """
    data = { source = "wine" }
    model = { max_iter = 9, hidden_layer_sizes = [4] }
    [sweep]
    SEARCH
    [sweep.space]
    learning_rate_init = { low = 1e-4, high = 0.3, log = true }
    alpha = { low = 1e-4, high = 1.0 }
    """
    page = swept_with(text.replace("SEARCH", 'search = "tpe"\ntrials = 12'), tmp_path / "tpe")
    assert len(page.trials) == 12
    assert "± accuracy" not in page.trials.columns
    assert [axis["name"] for axis in page.data["axes"]] == [
        "learning_rate_init",
        "alpha",
        "accuracy",
    ]
    page = swept_with(text.replace("SEARCH", 'search = "hyperband"'), tmp_path / "hyperband")
    states = page.trials["status"]
    assert states.iloc[0] == "done"
    assert any(re.fullmatch(r"paused after \d+ epochs", state) for state in states)
    html = (tmp_path / "hyperband" / "report.html").read_text()
    assert "A space without end" not in html
    assert "without end" in html


def test_regression_is_told_in_the_units_of_the_target(tmp_path: Path) -> None:
    """MSE, MAE and R²; errors are positive in the table, and the least is the best."""
    text = """
    data = { source = "diabetes", split = { test = 0.2 } }
    model = { max_iter = 30 }
    [sweep]
    score = "neg_mean_absolute_error"
    seeds = 2
    retrain = { best = 1, seeds = 3 }
    [sweep.space]
    hidden_layer_sizes = [[2], [16]]
    solver = ["adam", "sgd"]
    """
    swept = workflows.sweep(parse_study(text), storage=tmp_path)
    page, best = page_of(swept), swept.result.best()[0]
    first = page.trials.iloc[0]
    assert first["MAE"] == f"{-(best.mean('neg_mean_absolute_error') or 0):.4g}"
    assert first["MSE"] == f"{-(best.mean('neg_mean_squared_error') or 0):.4g}"
    assert first["R²"] == f"{best.mean('r2'):.4g}"
    assert float(first["R², best epoch"]) >= float(first["R²"])
    assert page.trials["MAE"].astype(float).is_monotonic_increasing
    html = (tmp_path / "report.html").read_text()
    assert f"Its mean absolute error is {first['MAE']} ±" in html
    assert f"Trial {best.number} is the best, {first['MAE']}" in html
    assert "validation R²" in page.data["curves"]["names"].values()


def test_labels_and_autoencoders_have_their_own_scores(tmp_path: Path, seed: int) -> None:
    """Several labels: subset accuracy and three kinds of F1; reproduction: R² and errors."""
    frame = multilabel_frame(seed)
    swept = workflows.sweep(parse_study(MULTILABEL), data=frame, storage=tmp_path / "labels")
    titles = set(page_of(swept).trials.columns)
    assert {"accuracy", "F1 micro", "F1 macro", "F1 by row"} <= titles
    text = """
    data = { source = "iris", task = "autoencoder" }
    model = { max_iter = 5 }
    sweep = { space = { hidden_layer_sizes = [[2], [3]] } }
    """
    page = swept_with(text, tmp_path / "codes")
    assert {"R²", "MSE", "MAE"} <= set(page.trials.columns)
    assert "reproducing the input" in (tmp_path / "codes" / "report.html").read_text()


def test_without_test_rows_nothing_is_said_about_them(tmp_path: Path) -> None:
    """The best are trained again all the same."""
    text = STUDY.replace("test = 0.2", "test = 0").replace(", 1e300", "")
    swept = workflows.sweep(parse_study(text), storage=tmp_path)
    assert swept.finalists
    html = (tmp_path / "report.html").read_text()
    assert "which chose nothing" not in html
    assert "accuracy, test" not in html
    assert "0 for the test" in html


def test_early_stopping_shows_the_rows_that_stop(tmp_path: Path) -> None:
    """Nothing claims to know the best epoch on the rows that judge."""
    text = STUDY.replace("max_iter = 12", "max_iter = 12, early_stopping = true")
    page = swept_with(text, tmp_path)
    assert "accuracy, best epoch" not in page.trials.columns
    assert "stopping_score" in page.data["curves"]["names"]
    assert "validation_score" not in page.data["curves"]["names"]


def test_more_trials_than_a_page_can_hold_are_counted(
    swept: StudySweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best are shown, and the page says how many are not."""
    assert swept.folder is not None
    monkeypatch.setattr(sweep_report, "_MOST_TRIALS", 5)
    html = render_sweep(read_sweep(swept.folder))
    page = Page(html)
    assert len(page.trials) == 5
    assert "13 more are in trials.parquet" in html
    assert all(len(axis["places"]) == 5 for axis in page.data["axes"])
    assert max(page.data["chosen"]) < 5


def test_scores_far_away_are_told(swept: StudySweep) -> None:
    """One network that went wrong does not hide the differences between the others."""
    assert swept.folder is not None
    kept = read_sweep(swept.folder)
    last = kept.result.ranking()[-1]
    cells = tuple(
        dataclasses.replace(c, scores={**c.scores, "accuracy": -1e30}) for c in last.cells
    )
    wild = dataclasses.replace(last, cells=cells)
    trials = tuple(wild if t.number == last.number else t for t in kept.result.trials)
    result = dataclasses.replace(kept.result, trials=trials)
    analysis = sweeps.analyse(result)
    html = render_sweep(dataclasses.replace(kept, result=result, analysis=analysis))
    assert analysis.floor is not None
    assert math.isfinite(analysis.floor)
    assert f"scores below {analysis.floor:.3g} (that of 1 configuration)" in html


def test_places_of_points_are_even() -> None:
    """First and last are among them, and no more than asked for."""
    from mlplab.workflows.sweep_figures import thinned

    np.testing.assert_array_equal(thinned(5, 100), np.arange(5))
    places = thinned(1000, 16)
    assert (len(places), places[0], places[-1]) == (16, 0, 999)
    assert thinned(1, 16).tolist() == [0]
