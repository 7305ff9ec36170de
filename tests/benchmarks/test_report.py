"""What was found, as figures, JSON, tables, Markdown and a picture."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.helpers import made_up

from mlplab.benchmarks import CASES, Machine, Report
from mlplab.benchmarks.picture import draw, save_picture
from mlplab.benchmarks.tables import (
    case_table,
    closing_lines,
    figure_text,
    opening_lines,
    summary_markdown,
    times,
    to_markdown,
)
from mlplab.errors import ParameterError
from mlplab.tracking import json_text

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "update_readme.py"


def test_figures_follow_from_the_rounds() -> None:
    """Median, quartiles, speed, share of the median peak, and times ours."""
    case = made_up().cases[0]
    ours, jax, wrong = case.measurements
    assert (ours.median, ours.quartiles) == (2.0, (1.5, 2.5))
    assert case.figure(ours) == 2000.0  # 1,000 steps in two seconds
    assert case.gflops(ours) == 50.0
    assert case.peak == 100.0
    assert case.share(ours) == 0.5
    assert case.ratio(jax) == 4.0
    assert not wrong.counts
    assert case.of("numpy") is None


def test_a_report_survives_json() -> None:
    """Plain data there and back; what follows from it stands beside it."""
    report = made_up()
    text = json_text(report.to_dict())
    plain = json.loads(text)
    again = Report.from_dict(plain)
    assert isinstance(again.machine, Machine)
    assert again.to_dict() == report.to_dict()
    ours, jax, wrong = (one["derived"] for one in plain["cases"][0]["measurements"])
    assert ours["unit"] == "µs/step"
    assert ours["median"] == 2000.0
    assert ours["share_of_peak"] == 0.5
    assert jax["times_ours"] == 4.0
    assert jax["cold_seconds"] == 12.0
    assert wrong is None
    assert plain["machine"]["cpu"] == "Some CPU"
    assert plain["load_after"] == 0.2


def test_the_table_of_a_case_is_complete() -> None:
    """Every column, every peer that has a time, every error below."""
    found = case_table(made_up().cases[0])
    assert found.title == "tiny-adam: 11-[32,32]-6, Adam; 1 thread; 1,000 steps; peak 100 GFLOP/s"
    assert found.headers == (
        "", "µs/step", "quartiles", "GFLOP/s", "% of peak", "times ours", "compile s", "final loss",
    )  # fmt: skip
    assert found.rows == [
        ("mlplab", "2,000", "1,500 – 2,500", "50.0", "50.0", "1.0×", "", "0.50000"),
        ("JAX, jit and scan", "8,000", "8,000 – 8,000", "12.5", "12.5", "4.0×", "4.0", "0.50000"),
    ]
    assert found.remarks == ["NumPy, by hand: final loss 0.7 is."]


def test_imports_are_not_compared() -> None:
    """`import mlplab` loads nothing that works yet, so a ratio would flatter it."""
    report = made_up()
    found = case_table(report.cases[1])
    assert found.headers == ("", "ms", "quartiles")
    assert found.rows[1][:2] == ("JAX, jit and scan", "500")
    assert report.cases[1].ratio(report.cases[1].measurements[1]) is None
    assert summary_markdown(report).splitlines()[-1].startswith("| import | 10.0 ms |  | 500 ms |")


def test_the_summary_has_a_row_a_case() -> None:
    """Our figure, our share, everybody's ratio, and the word error where there is none."""
    lines = summary_markdown(made_up()).splitlines()
    assert lines[0] == "|  | mlplab | of peak | JAX | NumPy |"
    assert lines[2] == "| 11-[32,32]-6, Adam | 2,000 µs/step | 50% | 4.0× | error |"
    assert len(lines) == 4


def test_the_first_lines_say_what_figures_depend_on() -> None:
    """Machine, instruction set, engine, versions, who is absent, load."""
    lines = opening_lines(made_up())
    assert lines == [
        "Machine: Some CPU, 2 cores, avx2; 2026-01-02",
        "Engine: native, avx2",
        "Versions: mlplab 0.1.0, jax 1.0",
        "Not installed: torch-eager. pip install 'mlplab[bench]'",
        "Load at the beginning: 0.10",
    ]
    busy = made_up()
    busy.load_before = 3.5
    assert "3.50 (the machine does other work too" in opening_lines(busy)[-1]


def test_the_last_lines_say_how_it_was_measured() -> None:
    """Rounds, processes, tolerance, peak, load."""
    text = "\n".join(closing_lines(made_up()))
    for part in ("Medians of 3 rounds", "process of its own", "1024 × 1024", "1.0 minutes"):
        assert part in text
    assert "further than 0.1% from" in text
    report = made_up()
    report.cases.append(replace(report.cases[0], name="mnist", tolerance=5e-3))
    assert "further than 0.1% (0.5%: mnist) from" in "\n".join(closing_lines(report))


def test_markdown_holds_everything() -> None:
    """First lines, summary, every case with its errors, last lines."""
    report = made_up()
    text = to_markdown(report)
    for line in (*opening_lines(report), *closing_lines(report)):
        assert f"- {line}" in text
    assert summary_markdown(report) in text
    assert "## tiny-adam: 11-[32,32]-6, Adam" in text
    assert "| JAX, jit and scan | 8,000 | 8,000 – 8,000 | 12.5 |" in text
    assert "NumPy, by hand: final loss 0.7 is." in text
    assert "## import" in text


def test_the_picture_shows_every_ratio() -> None:
    """One panel a case that can be compared; a bar and a figure for every peer."""
    from matplotlib.colors import to_hex

    figure = draw(made_up())
    panels = [ax for ax in figure.axes if ax.axison]
    assert len(panels) == 1
    (panel,) = panels
    (bar,) = panel.patches
    assert bar.get_width() == pytest.approx(0.60206, rel=1e-4)  # log10 of 4
    assert [text.get_text() for text in panel.texts] == ["4.0×"]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["JAX, jit and scan"]
    assert "mlplab: 2,000 µs/step, 50% of peak" in panel.get_title(loc="left")
    assert to_hex(bar.get_facecolor()).upper() == "#E69F00"
    title = figure.get_suptitle()
    assert "Some CPU, 2 cores, avx2, 2026-01-02" in title
    low, high = panel.get_xlim()
    assert low < 0 < bar.get_width() < high


def test_every_word_of_the_picture_is_inside() -> None:
    """The longest remark too."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    report = made_up()
    report.load_before, report.rounds = 12.34, 1000
    report.cases = [
        replace(report.cases[0], title=title, threads=2)
        for title in (case.title for case in CASES.values())
    ]
    names = ("mlplab", "numpy", "scikit-learn", "torch", "jax")
    report.machine.versions.update(dict.fromkeys(names, "10.12.13+cpu"))
    figure = draw(report)
    FigureCanvasAgg(figure).draw()
    texts = [*figure.texts, *(t for ax in figure.axes for t in (ax._left_title, *ax.texts))]
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= figure.bbox.x0, text
        assert box.x1 <= figure.bbox.x1, text


def test_a_picture_without_bars_can_be_drawn(tmp_path: Path) -> None:
    """After an early Ctrl-C for example."""
    report = made_up()
    report.cases = report.cases[1:]
    save_picture(report, tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 0


@pytest.mark.parametrize(("name", "start"), [("p.png", b"\x89PNG"), ("p.SVG", b"<svg ")])
def test_pictures_are_png_or_svg(name: str, start: bytes, tmp_path: Path) -> None:
    """As the name says."""
    save_picture(made_up(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(ParameterError, match=r"\.png or \.svg; got 'p\.pdf'. Use 'p\.png'"):
        save_picture(made_up(), tmp_path / "p.pdf")


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (5.4321, "5.43"), (54.3, "54.3"), (83456.7, "83,457")]
)
def test_figures_have_three_digits(value: float, text: str) -> None:
    """Or more."""
    assert figure_text(value) == text


def test_ratios_below_one_are_told() -> None:
    """Who is faster than we are is shown so."""
    assert times(0.62) == "0.62×"


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("update_readme", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_updated_between_its_marks(tmp_path: Path) -> None:
    """Twice gives the same; the rest of the page stays; without marks nothing is written."""
    script = _script()
    (tmp_path / "docs").mkdir()
    readme = tmp_path / "README.md"
    readme.write_text("# Page\n\n<!-- speed -->\nold\n<!-- /speed -->\n\nrest \\1\n")
    for _ in range(2):
        script.update(made_up(), tmp_path)
    text = readme.read_text()
    assert text.startswith("# Page\n\n<!-- speed -->\n![")
    assert text.endswith("<!-- /speed -->\n\nrest \\1\n")
    assert "old" not in text
    assert summary_markdown(made_up()) in text
    assert "Some CPU, 2 cores, avx2, 2026-01-02, load 0.10" in text
    assert (tmp_path / "docs" / "speed.png").read_bytes().startswith(b"\x89PNG")
    assert to_markdown(made_up()) in (tmp_path / "docs" / "speed.md").read_text()
    readme.write_text("# Page\n")
    with pytest.raises(SystemExit, match="must hold"):
        script.update(made_up(), tmp_path)


def test_the_readme_of_the_project_has_the_marks() -> None:
    """So that the script finds where to write."""
    text = (SCRIPT.parents[1] / "README.md").read_text(encoding="utf-8")
    assert _script().MARKED.search(text)
