"""A report as a picture: how many times as long everybody takes, on a logarithmic scale."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplab._files import write_atomically
from mlplab._optional import require
from mlplab.benchmarks.measurements import CaseResult, Report
from mlplab.benchmarks.peers import OURS, PEERS
from mlplab.benchmarks.tables import busy_remark, figure_text, times
from mlplab.errors import ParameterError
from mlplab.plots import PALETTE, to_png, to_svg
from mlplab.plots.style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["check_suffix", "draw", "save_picture"]

_COLOURS = dict(zip(("mlplab", "sklearn", "torch", "jax", "numpy"), PALETTE, strict=False))
_COLUMNS, _BAR, _HEAD = 2, 0.19, 0.62  # panels side by side; inches of a bar, of a panel's head


def check_suffix(path: Path) -> None:
    """Refuse a picture that is neither PNG nor SVG.

    Raises
    ------
    ParameterError
        The name ends in something else.
    """
    if path.suffix.lower() not in {".png", ".svg"}:
        message = (
            f"`--picture` must end in .png or .svg; got {path.name!r}. "
            f"Use {path.with_suffix('.png').name!r}."
        )
        raise ParameterError(message)


def save_picture(report: Report, path: Path) -> None:
    """Write the picture of a report, as PNG or SVG by its name."""
    check_suffix(path)
    figure = draw(report)
    if path.suffix.lower() == ".svg":
        content = to_svg(figure, title=_title(report)).encode()
    else:
        content = to_png(figure, dpi=110, colours=64)
    write_atomically(path, content)


def draw(report: Report) -> Figure:
    """Draw a panel for each case in which somebody can be compared with us."""
    shown = [(case, _bars(case)) for case in report.cases]
    shown = [(case, bars) for case, bars in shown if bars]
    pairs = [shown[k : k + _COLUMNS] for k in range(0, len(shown), _COLUMNS)]
    heights = [_HEAD + _BAR * max(len(bars) for _, bars in pair) for pair in pairs] or [1.0]
    figure: Figure = require("matplotlib.figure", "lab", "Drawing").Figure(
        figsize=(11.5, sum(heights) + 1.0), layout="constrained"
    )
    axes = figure.subplots(len(heights), _COLUMNS, squeeze=False, height_ratios=heights)
    limits = _limits([ratio for _, bars in shown for _, _, ratio in bars])
    for index, ax in enumerate(axes.flat):
        if index < len(shown):
            _panel(ax, *shown[index], limits)
            # Bars of a row of panels are of one height, from the top.
            most = max(len(bars) for _, bars in pairs[index // _COLUMNS])
            n_bars = len(shown[index][1])
            ax.set_ylim(n_bars - most - 0.6, n_bars - 0.4)
        else:
            ax.set_axis_off()
    figure.suptitle(_title(report), fontsize=13, fontweight="bold")
    figure.supxlabel(_below(report), fontsize=9, color=GREY)
    return figure


def _bars(case: CaseResult) -> list[tuple[str, str, float]]:
    """Return label, colour and ratio of everybody else, the slowest on top."""
    found = []
    for one in case.measurements:
        ratio = case.ratio(one) if one.counts and one.peer != OURS else None
        if ratio is not None and ratio > 0:
            library = PEERS[one.peer].library if one.peer in PEERS else ""
            found.append((one.label, _COLOURS.get(library, GREY), ratio))
    return sorted(found, key=lambda bar: bar[2])


def _limits(ratios: list[float]) -> tuple[float, float]:
    """Return the ends of the common axis, with room for the figures at the bars' ends."""
    return min([0.7, *ratios]) / 1.5, max([10.0, *ratios]) * 4


def _panel(
    ax: Axes, case: CaseResult, bars: list[tuple[str, str, float]], limits: tuple[float, float]
) -> None:
    labels, colours, ratios = zip(*bars, strict=True)
    logs = [math.log10(ratio) for ratio in ratios]
    # Bars grow from 1, "as fast as mlplab", to either side; the axis holds their logarithms.
    ax.barh(range(len(bars)), logs, color=colours, height=0.72)
    for row, (log, ratio) in enumerate(zip(logs, ratios, strict=True)):
        ax.annotate(
            times(ratio), (max(log, 0.0), row), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=9, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
    ax.axvline(0, color="black", linewidth=1)
    ax.set_xlim(math.log10(limits[0]), math.log10(limits[1]))
    powers = range(math.ceil(math.log10(limits[0])), math.floor(math.log10(limits[1])) + 1)
    ax.set_xticks(list(powers), [_power(power) for power in powers], fontsize=8, color=GREY)
    ax.set_yticks(range(len(bars)), labels, fontsize=9)
    ax.tick_params(length=0)
    ax.spines[["top", "right", "bottom", "left"]].set_visible(False)
    ax.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_title(_panel_title(case), fontsize=10, loc="left")


def _power(power: int) -> str:
    return f"{10**power:,}×" if power >= 0 else f"{10.0**power:.{-power}f}×"


def _panel_title(case: CaseResult) -> str:
    ours = case.of(OURS)
    figure = "" if ours is None else f"mlplab: {figure_text(case.figure(ours))} {case.unit}"
    share = None if ours is None else case.share(ours)
    reached = "" if share is None or case.kind == "prediction" else f", {share:.0%} of peak"
    threads = f", {case.threads} threads" if case.threads > 1 else ""
    return f"{case.title}{threads}\n{figure}{reached}"


def _title(report: Report) -> str:
    machine = report.machine
    isa = f", {machine.isa}" if machine.isa else ""
    cores = "1 core" if machine.n_cpus == 1 else f"{machine.n_cpus} cores"
    return f"How many times as long the others take: {machine.cpu}, {cores}{isa}, {machine.date}"


def _below(report: Report) -> str:
    versions: dict[str, Any] = report.machine.versions
    words = ", ".join(f"{name} {version}" for name, version in versions.items())
    how = (
        f"1× is mlplab; the scale is logarithmic. Medians of {report.rounds} alternating rounds "
        "with equal threads, work and final loss."
    )
    load = "" if report.load_before is None else f"Load {report.load_before:.2f}"
    return "\n".join([how, words, *([f"{load}{busy_remark(report.load_before)}"] if load else [])])
