"""A report as sentences and tables, for terminals and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mlplab.benchmarks.machine import BUSY
from mlplab.benchmarks.measurements import CaseResult, Report
from mlplab.benchmarks.peers import OURS

__all__ = [
    "CaseTable",
    "busy_remark",
    "case_table",
    "closing_lines",
    "figure_text",
    "opening_lines",
    "summary_markdown",
    "times",
    "to_markdown",
]

_SUMMARY = {
    "scikit-learn, float32": ("sklearn-float32",),
    "scikit-learn, float64": ("sklearn-float64",),
    "PyTorch, eager": ("torch-eager",),
    "PyTorch, fused or stacked": ("torch-fused", "torch-stacked"),
    "PyTorch, compiled": ("torch-compile", "torch-max-autotune"),
    "JAX": ("jax",),
    "NumPy": ("numpy",),
}
"""Columns of the summary; of several forms the fastest is shown."""


class CaseTable(NamedTuple):
    """A case as a title, a table, and what has to be said below it.

    Attributes
    ----------
    title : str
    headers : tuple of str
        The first column is text, the others are numbers.
    rows : list of tuple of str
    remarks : list of str
        Who failed or ended at another loss, in a sentence each.
    """

    title: str
    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]
    remarks: list[str]


def opening_lines(report: Report) -> list[str]:
    """Return what has to be known before any figure: machine, engine, peers, load."""
    machine = report.machine
    cores = f"{machine.n_cpus} core" + ("" if machine.n_cpus == 1 else "s")
    isa = f", {machine.isa}" if machine.isa else ""
    lines = [f"Machine: {machine.cpu}, {cores}{isa}; {machine.date}"]
    if machine.engine == "native":
        lines.append(f"Engine: native{isa}")
    else:
        # The reason says how to build the native engine, where that is what is missing.
        lines.append(f"Engine: {machine.engine} ({machine.engine_reason})")
    lines.append("Versions: " + ", ".join(f"{k} {v}" for k, v in machine.versions.items()))
    by_way: dict[str, list[str]] = {}
    for peer, install in machine.absent.items():
        by_way.setdefault(install, []).append(peer)
    lines += [f"Not installed: {', '.join(who)}. {how}" for how, who in by_way.items()]
    if report.load_before is not None:
        lines.append(
            f"Load at the beginning: {report.load_before:.2f}{busy_remark(report.load_before)}"
        )
    return lines


def busy_remark(load: float | None) -> str:
    """Return what a load means for the figures: nothing, or that they are indications."""
    if load is None or load <= BUSY:
        return ""
    return " (the machine does other work too: these are indications)"


def closing_lines(report: Report) -> list[str]:
    """Return how it was measured, and under which load it ended."""
    rounds = "1 round" if report.rounds == 1 else f"{report.rounds} rounds"
    own = "Each library ran in a process of its own, with as many cores as threads."
    loss = (
        f"Nobody has a time whose final loss is further than {_tolerances(report)} from the "
        "reference engine's in float64."
    )
    peak = (
        "The peak is NumPy's float32 product of 1024 × 1024 matrices on as many threads, measured "
        "before each round."
    )
    turns = f"Medians of {rounds} in which the peers took turns, with first and third quartile."
    lines = [turns, own, loss, peak]
    if report.load_after is not None:
        minutes = f"{report.seconds / 60:.1f} minutes"
        lines.append(f"Load at the end, after {minutes}: {report.load_after:.2f}")
    return lines


def _tolerances(report: Report) -> str:
    """Return how far losses may be apart: in all cases, or in which."""
    names: dict[float, list[str]] = {}
    for case in report.cases:
        names.setdefault(case.tolerance, []).append(case.name)
    if len(names) < 2:
        return "".join(f"{tolerance:.1%}" for tolerance in names) or "allowed"
    # The usual one first, without the names of all its cases.
    usual, *others = sorted(names, key=lambda tolerance: -len(names[tolerance]))
    exceptions = "; ".join(f"{one:.1%}: {', '.join(names[one])}" for one in others)
    return f"{usual:.1%} ({exceptions})"


def case_table(case: CaseResult) -> CaseTable:
    """Return one case as a table."""
    losses, compiles = bool(case.truth), any(m.compile_seconds for m in case.measurements)
    headers = ["", case.unit, "quartiles"]
    headers += ["GFLOP/s", "% of peak"] if case.flop else []
    headers += ["times ours"] if case.kind != "import" else []
    headers += ["compile s"] if compiles else []
    headers += ["final loss"] if losses else []
    rows = []
    for one in case.measurements:
        if not one.counts:
            continue
        low, high = (part * case.factor for part in one.quartiles)
        row = [
            one.label,
            figure_text(case.figure(one)),
            f"{figure_text(low)} – {figure_text(high)}",
        ]
        if case.flop:
            speed, share = case.gflops(one), case.share(one)
            row += [_or_dash(speed, "{:.1f}"), _or_dash(share and 100 * share, "{:.1f}")]
        row += [times(case.ratio(one))] if case.kind != "import" else []
        row += [f"{one.compile_seconds:.1f}" if one.compile_seconds else ""] if compiles else []
        row += [f"{one.losses[0]:.5f}"] if losses else []
        rows.append(tuple(row))
    remarks = [f"{m.label}: {m.remark}." for m in case.measurements if m.status != "measured"]
    return CaseTable(_title(case), tuple(headers), rows, remarks)


def _title(case: CaseResult) -> str:
    parts = [f"{case.name}: {case.title}"]
    if case.kind in {"training", "many", "prediction"}:
        parts.append("1 thread" if case.threads == 1 else f"{case.threads} threads")
    if case.kind in {"training", "many"}:
        parts.append(f"{case.steps:,} steps")
    if case.peak is not None:
        parts.append(f"peak {case.peak:.0f} GFLOP/s")
    return "; ".join(parts)


def figure_text(value: float) -> str:
    """Return a number with three or more digits.

    Examples
    --------
    >>> figure_text(0.01234), figure_text(5.4321), figure_text(83456.7)
    ('0.0123', '5.43', '83,457')
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3g}"


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def times(ratio: float | None) -> str:
    """Return a ratio as it is shown.

    Examples
    --------
    >>> times(64.4), times(2.345), times(0.7), times(None)
    ('64×', '2.3×', '0.70×', '–')
    """
    if ratio is None:
        return "–"
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.1f}×" if ratio >= 1 else f"{ratio:.2f}×"


def _grid(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(headers)} |", "|---|" + "---:|" * (len(headers) - 1)]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def summary_markdown(report: Report) -> str:
    """Return one table of all cases: our figure, and how many times as long each peer takes."""
    there = {one.peer for case in report.cases for one in case.measurements}
    columns = {words: names for words, names in _SUMMARY.items() if there & {*names}}
    rows = []
    for case in report.cases:
        ours = case.of(OURS)
        row = [_case_words(case)]
        row.append("error" if ours is None else f"{figure_text(case.figure(ours))} {case.unit}")
        row.append("" if ours is None else _share(case.share(ours)))
        rows.append(row + [_cell(case, names) for names in columns.values()])
    return "\n".join(_grid(["", "mlplab", "of peak", *columns], rows))


def _case_words(case: CaseResult) -> str:
    return f"{case.title}, {case.threads} threads" if case.threads > 1 else case.title


def _share(share: float | None) -> str:
    if share is None:
        return ""
    return f"{share:.0%}" if share >= 0.01 else "< 1%"


def _cell(case: CaseResult, names: Sequence[str]) -> str:
    """Return the ratio of the fastest of some peers; their figure where there is no ratio."""
    found = [one for one in map(case.of, names) if one is not None]
    if not found:
        failed = any(one.peer in names and one.remark for one in case.measurements)
        return "error" if failed else ""
    best = min(found, key=lambda one: one.median)
    ratio = case.ratio(best)
    return f"{figure_text(case.figure(best))} {case.unit}" if ratio is None else times(ratio)


def to_markdown(report: Report) -> str:
    """Return the whole report as Markdown: what it depends on, the summary, every case."""
    parts = ["\n".join(f"- {line}" for line in opening_lines(report)), summary_markdown(report)]
    for case in report.cases:
        found = case_table(case)
        lines = [f"## {found.title}", "", *_grid(found.headers, found.rows)]
        parts.append("\n".join([*lines, *(f"\n{remark}" for remark in found.remarks)]))
    parts.append("\n".join(f"- {line}" for line in closing_lines(report)))
    return "\n\n".join(parts)
