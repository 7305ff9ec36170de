"""The report: complete, escaped, without network or scripts, written again from its files."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlplab import workflows
from mlplab.errors import DataError
from mlplab.results import RunResult


def _page(run: RunResult) -> str:
    return (run.folder / "report.html").read_text()


class _Tags(HTMLParser):
    """Collects tags, and the attributes that load something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append(tag)
        if tag not in {"meta", "br", "img", "use", "path", "image", "rect", "stop"}:
            self.open.append(tag)
        self.loads += [v or "" for k, v in attrs if k in {"src", "href", "xlink:href"}]

    def handle_endtag(self, tag: str) -> None:
        """Close the tag."""
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_page_is_self_contained(mixed_run: RunResult) -> None:
    """Nothing is loaded from anywhere, and nothing runs."""
    page = _Tags()
    page.feed(_page(mixed_run))
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert all(target.startswith(("#", "data:")) for target in page.loads)
    assert not re.search(r"@import|url\((?!#)", _page(mixed_run))
    assert page.tags.count("svg") == 3


def test_names_from_data_are_escaped(mixed_run: RunResult) -> None:
    """Columns and classes that look like HTML are shown as they are written."""
    page = _page(mixed_run)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "yes &amp; &lt;b&gt;sure&lt;/b&gt;" in page


def test_page_tells_everything_that_matters(mixed_run: RunResult) -> None:
    """Headline beside the baseline, network, engine, choices, settings, commands."""
    page = _page(mixed_run)
    for part in (
        "always answering",
        "Class by class (test rows)",
        f"The {mixed_run.fit.engine} engine did the work",
        "hidden 1",
        "Every row holds the same value",
        "early_stopping",
        "scikit-learn",
        "mlplab predict runs/",
        "rows trained",
        "prefers-color-scheme: dark",
        "@media print",
    ):
        assert part in page, part


def test_regression_page_shows_predictions_and_residuals(diabetes_run: RunResult) -> None:
    """Predicted against true, and both scales in words."""
    page = _page(diabetes_run)
    assert "Predicted against true progression, and residuals" in page
    assert "On the standardised scale" in page


def test_report_is_written_again_from_the_files(mixed_run: RunResult, tmp_path: Path) -> None:
    """Without data and without the model's process the page comes out the same."""
    folder = tmp_path / mixed_run.folder.name
    shutil.copytree(mixed_run.folder, folder)
    (folder / "report.html").write_text("old")
    assert workflows.report(folder).read_text() == _page(mixed_run)


def test_incomplete_and_altered_folders_are_told(mixed_run: RunResult, tmp_path: Path) -> None:
    """A folder that is no run, lacks a file, or was altered, is answered."""
    with pytest.raises(DataError, match="must be the folder of a run"):
        workflows.report(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"without environment\.json"):
        workflows.report(tmp_path)
    folder = tmp_path / "run"
    shutil.copytree(mixed_run.folder, folder)
    (folder / "run.json").write_text('{"name": 3}')
    with pytest.raises(DataError, match="as they were written"):
        workflows.report(folder)
    shutil.copy(mixed_run.folder / "run.json", folder)
    (folder / "predictions.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"predictions\.parquet"):
        workflows.report(folder)


def test_standardised_scale_is_told_beside_the_measured_baseline(seed: int) -> None:
    """Test rows that spread more than the training rows have a baseline far from 1."""
    y = np.concatenate([np.random.default_rng(seed).normal(size=80), np.linspace(40, 60, 20)])
    frame = pd.DataFrame({"x": np.arange(100.0) % 7, "when": range(100), "y": y})
    study = workflows.Study.model_validate(
        {
            "data": {
                "source": "(in memory)",
                "target": "y",
                "task": "regression",
                "split": {"time": "when"},
            },
            "model": {"max_iter": 2},
        }
    )
    result = workflows.run(study, data=frame, out=None)
    metrics, train = result.metrics, y[: result.split.train]
    expected = np.sqrt(np.mean((y[80:] - train.mean()) ** 2)) / train.std()
    assert metrics.standardised_baseline.rmse == pytest.approx(expected)
    assert metrics.standardised_baseline.rmse > 10


def test_report_tells_the_baseline_on_both_scales(diabetes_run: RunResult) -> None:
    """Nothing about the baseline is assumed."""
    page = (diabetes_run.folder / "report.html").read_text()
    baseline = diabetes_run.metrics.standardised_baseline
    assert f"always answering the mean has an RMSE of {baseline.rmse:.4f}" in page
    assert "near 1" not in page
