"""The report of a sweep in a real browser: it sorts, filters, and shows what one points at."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.workflows.test_sweep_report import STUDY, Page

from mlplab import workflows
from mlplab.workflows.study_file import parse_study
from mlplab.workflows.sweep_kept import KeptSweep, read_sweep
from mlplab.workflows.sweep_report import render_sweep

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def in_browser(page: str, steps: str, folder: Path) -> dict[str, Any]:
    """Return what steps in JavaScript find in a page, in a real browser."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    path = folder / "page.html"
    report = "<script>try { document.title = JSON.stringify((() => {%s})()); } catch (error) { "
    report += "document.title = JSON.stringify({error: String(error)}); }</script></body>"
    path.write_text(page.replace("</body>", report % steps))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    found: dict[str, Any] = json.loads(html.unescape(title[1]))
    assert "error" not in found, found
    return found


HELPERS = """
const all = (selector) => Array.from(document.querySelectorAll(selector));
const rows = () => all("#trial-table tbody tr").filter((r) => !r.hidden);
const heads = all("#trial-table thead tr:first-child th");
const place = (title) => heads.findIndex((h) => h.textContent === title);
const column = (title) => rows().map((r) => r.cells[place(title)].textContent);
const field = (title) => all("#trial-table .filters th")[place(title)].firstChild;
const click = (title) => heads[place(title)].querySelector("button").click();
const set = (title, value) => { const f = field(title); f.value = value;
  f.dispatchEvent(new Event(f.tagName === "SELECT" ? "change" : "input")); };
const lines = () => all("#parallel-figure path")
  .map((p) => (p.getAttribute("d") || "").split("M").length - 1);
const legend = () => all("#curve-legend li").map((l) => l.textContent);
const shown = (id) => getComputedStyle(document.getElementById(id)).display !== "none";
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptSweep:
    """Return a sweep with a condition, and with trials that diverge, as its folder tells it."""
    folder = tmp_path_factory.mktemp("page")
    workflows.sweep(parse_study(STUDY), storage=folder)
    return read_sweep(folder)


def test_rows_sort_and_filter(kept: KeptSweep, tmp_path: Path) -> None:
    """By numbers, words and limits; what is missing stays last; the count tells."""
    steps = """
    const found = {first: column("trial")};
    click("seconds"); found.slowest = column("seconds");
    click("seconds"); found.fastest = column("seconds");
    click("momentum"); found.momentum = column("momentum");
    click("rank");
    set("solver", "sgd"); found.sgd = column("solver"); found.lines = lines();
    set("solver", ""); set("accuracy", ">= 0.5"); found.good = column("accuracy");
    set("accuracy", "0.2 .. 0.6"); found.middle = column("accuracy");
    document.getElementById("filter-clear").click(); found.all = rows().length;
    set("status", "diverged"); found.failed = column("status");
    found.count = document.getElementById("row-count").textContent;
    document.getElementById("filter-clear").click();
    set("trial", "3"); found.three = column("trial");
    return found;
    """
    found = in_browser(render_sweep(kept), HELPERS + steps, tmp_path)
    n = len(kept.result.trials)
    ranking = [str(trial.number) for trial in kept.result.ranking()]
    assert found["first"][: len(ranking)] == ranking
    seconds = [float(cell) for cell in found["slowest"]]
    assert len(seconds) == n
    assert seconds == sorted(seconds, reverse=True)
    assert [float(cell) for cell in found["fastest"]] == sorted(seconds)
    given = [cell for cell in found["momentum"] if cell != "–"]
    assert given == sorted(given, reverse=True)
    assert found["momentum"] == given + ["–"] * (n - len(given))
    sgd = sum(trial.configuration["solver"] == "sgd" for trial in kept.result.trials)
    assert found["sgd"] == ["sgd"] * sgd
    scored = [t for t in kept.result.ranking() if t.configuration["solver"] == "sgd"]
    assert sum(found["lines"][1:8]) == len(scored)  # in the colours of their scores
    assert found["lines"][0] == len(ranking) - len(scored)  # in grey
    assert found["good"]
    assert all(float(cell) >= 0.5 for cell in found["good"])
    assert all(0.2 <= float(cell) <= 0.6 for cell in found["middle"])
    assert found["all"] == n
    assert len(found["failed"]) == len(kept.result.failed)
    assert found["count"] == f"9 of 9 trials that match, {n} in all"
    assert found["three"] == ["3"]


def test_chosen_trials_show_their_curves(kept: KeptSweep, tmp_path: Path) -> None:
    """Those of the best first; ticking a row adds one, a diverged one has none."""
    steps = """
    const box = (trial) => rows().find((r) => r.cells[place("trial")].textContent === trial)
      .querySelector("input");
    const found = {first: legend(),
      standing: document.querySelector(".standing").offsetParent === null,
      moves: shown("curve-figure") && shown("parallel-figure")};
    document.getElementById("curve-clear").click(); found.none = legend();
    const last = rows().filter((r) => !r.querySelector("input").disabled).pop();
    found.chosen = last.cells[place("trial")].textContent;
    box(found.chosen).click(); found.one = legend();
    found.path = document.querySelectorAll("#curve-figure path[clip-path]").length;
    const select = document.getElementById("curve-name");
    found.names = Array.from(select.options).map((o) => o.value);
    select.value = "loss"; select.dispatchEvent(new Event("change"));
    found.axis = Array.from(document.querySelectorAll("#curve-figure text")).pop().textContent;
    document.querySelector("#curve-legend button").click(); found.empty = legend();
    found.disabled = rows().filter((r) => r.querySelector("input").disabled).length;
    document.getElementById("curve-reset").click(); found.again = legend();
    return found;
    """
    found = in_browser(render_sweep(kept), HELPERS + steps, tmp_path)
    ranking = kept.result.ranking()
    assert found["standing"]
    assert found["moves"]
    assert found["first"][0].startswith(f"trial {ranking[0].number}, accuracy")
    assert len(found["first"]) == 5
    assert found["none"] == found["empty"] == []
    assert found["chosen"] == str(ranking[-1].number)
    assert found["one"][0].startswith(f"trial {found['chosen']},")
    assert found["path"] == 1
    assert found["names"] == ["validation_score", "validation_loss", "loss"]
    assert found["axis"] == "training loss"
    assert found["disabled"] == len(kept.result.failed)
    assert found["again"] == found["first"]


def test_lines_are_brushed_and_pointed_at(kept: KeptSweep, tmp_path: Path) -> None:
    """Drawing along the axis of the score keeps the best in table and figure."""
    steps = """
    const root = document.querySelector("#parallel-figure svg");
    const grips = root.querySelectorAll("rect[style]");
    const grip = grips[grips.length - 1];
    grip.setPointerCapture = () => {};
    const box = grip.getBoundingClientRect();
    const at = (share) => ({clientX: box.left + box.width / 2,
      clientY: box.top + share * box.height, bubbles: true, pointerId: 1});
    grip.dispatchEvent(new PointerEvent("pointerdown", at(0)));
    grip.dispatchEvent(new PointerEvent("pointermove", at(0.3)));
    grip.dispatchEvent(new PointerEvent("pointerup", at(0.3)));
    const found = {kept: column("trial"), lines: lines()};
    found.brushes = root.querySelectorAll("g rect").length;
    grip.dispatchEvent(new MouseEvent("click", at(0.9)));
    found.after = rows().length;
    root.dispatchEvent(new PointerEvent("pointermove", at(0.0536)));
    found.told = document.getElementById("parallel-told").textContent;
    return found;
    """
    found = in_browser(render_sweep(kept), HELPERS + steps, tmp_path)
    places = Page(render_sweep(kept)).data["axes"][-1]["places"]
    assert found["brushes"] == 1
    n_kept = len(found["kept"])
    assert 0 < n_kept < sum(place is not None for place in places)
    ranking = [str(trial.number) for trial in kept.result.ranking()]
    assert found["kept"] == ranking[:n_kept]
    assert sum(found["lines"][1:8]) == n_kept
    assert found["after"] == len(kept.result.trials)
    assert found["told"].startswith(f"Trial {ranking[0]}: accuracy")


def test_thousands_of_rows_are_sorted_without_waiting(kept: KeptSweep, tmp_path: Path) -> None:
    """Three thousand trials: everything is found, 25 rows are shown."""
    trials = kept.result.ranking()
    many = tuple(
        dataclasses.replace(
            trials[k % len(trials)], number=k, configuration={"x": k / 7, "y": k % 5}
        )
        for k in range(3000)
    )
    result = dataclasses.replace(kept.result, trials=many, n_cells=12000)
    page = render_sweep(dataclasses.replace(kept, result=result, finalists=(), analysis=None))
    steps = """
    const found = {shown: rows().length, count: document.getElementById("row-count").textContent};
    click("x"); found.greatest = column("trial")[0];
    set("x", "< 1"); found.small = rows().length;
    set("y", "3"); found.both = rows().length;
    return found;
    """
    found = in_browser(page, HELPERS + steps, tmp_path)
    assert found == {
        "shown": 25,
        "count": "25 of 3000 trials",
        "greatest": "2999",
        "small": 7,
        "both": 1,
    }
    assert len(page) < 6e6


def test_without_a_script_everything_stands(kept: KeptSweep, tmp_path: Path) -> None:
    """All rows and the pictures are there; nothing that would do nothing."""
    page = re.sub(r"<script>.*?</script>", "", render_sweep(kept), flags=re.DOTALL)
    steps = """
    const count = (selector) => Array.from(document.querySelectorAll(selector))
      .filter((e) => e.getClientRects().length > 0).length;
    return {rows: count("#trial-table tbody tr"), pictures: count("figure svg"),
      controls: count("button, select, input")};
    """
    found = in_browser(page, steps, tmp_path)
    assert found == {"rows": len(kept.result.trials), "pictures": 6, "controls": 0}
