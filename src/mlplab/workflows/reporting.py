"""The report of a run, written from the files in its folder."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplab import __version__
from mlplab._files import path_of
from mlplab.results import (
    Choice,
    ClassificationMetrics,
    MultilabelMetrics,
    RegressionMetrics,
    RunResult,
)
from mlplab.results.run import readable
from mlplab.tracking import RunFolder
from mlplab.workflows.keeping import REPORT, KeptRun, read_run
from mlplab.workflows.pages import page, paragraphs
from mlplab.workflows.report_figures import (
    MOST_CLASSES,
    closer_sections,
    data_figures,
    outcome_figures,
    training_figures,
)
from mlplab.workflows.sweep_kept import SUMMARY, read_sweep
from mlplab.workflows.sweep_report import render_sweep

__all__ = ["report"]

_MOST_COLUMNS = 60
_SECTIONS = (
    ("figures", "How good"),
    ("training", "Training"),
    ("network", "Network"),
    ("data", "Data"),
    ("choices", "Choices"),
    ("settings", "Settings"),
    ("use", "Use it"),
)


def report(run: str | Path) -> Path:
    """Write ``report.html`` of a run, or of a sweep, from the other files in its folder.

    Parameters
    ----------
    run : str or Path
        The folder.

    Returns
    -------
    Path
        The report: one page that needs no network.

    Raises
    ------
    DataError
        The folder is not there, or not complete.
    OutputError
        The report cannot be written.
    """
    folder = RunFolder(path_of(run, "run"))
    is_sweep = (folder.path / SUMMARY).is_file()
    text = render_sweep(read_sweep(folder.path)) if is_sweep else render(read_run(folder.path))
    return folder.write_text(REPORT, text)


def render(kept: KeptRun) -> str:
    """Return the page of a run; everything that comes from data is escaped."""
    return page("report.html.j2", _view(kept))


def _view(kept: KeptRun) -> dict[str, Any]:
    result = kept.result
    closer = closer_sections(kept)
    return {
        "title": result.name,
        "subtitle": _subtitle(result),
        "headline": result.metrics.headline,
        "warnings": _warnings(result),
        "sections": _sections(result, closer),
        "notes": paragraphs(result.notes),
        "closer": closer,
        "metrics": _metrics(result),
        "judged": result.metrics.judged_name,
        "standardised": _standardised(result),
        "outcome_figures": outcome_figures(kept),
        "classes": _classes(result),
        "training": _training(result),
        "training_figures": training_figures(kept),
        "network": _network(result),
        "data": _data(result),
        "data_figures": data_figures(kept),
        "choices": _choices(result.choices),
        "column_choices": _choices(result.column_choices),
        "settings": _settings(result),
        "environment": [[name, str(value)] for name, value in kept.environment.items()],
        "use": _use(result),
        "version": __version__,
    }


def _sections(result: RunResult, closer: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return anchors and names for the head of the page."""
    first, *others = _SECTIONS
    notes = [("notes", "What it shows")] if result.notes.strip() else []
    return [*notes, first, *((one["name"], one["title"]) for one in closer), *others]


def _subtitle(result: RunResult) -> str:
    target = f"predicting {', '.join(result.target)}" if result.target else "reproducing the input"
    folder = f", {result.folder.resolve().name}" if result.folder else ""
    return f"{result.task.capitalize()}, {target}{folder}"


def _warnings(result: RunResult) -> list[str]:
    sentences = []
    if result.interrupted:
        sentences.append(
            "The training was interrupted; everything here is about what had been learned by then."
        )
    if result.diverged:
        sentences.append(
            "The training left the finite numbers. The weights are the best finite ones; lower "
            "the learning rate or clip the gradient before you trust this network."
        )
    return [*sentences, *result.remarks]


def _metrics(result: RunResult) -> dict[str, Any]:
    headers, rows = result.metrics.table()
    judged = result.metrics.judged
    notes = {
        ClassificationMetrics: "Log loss is in nats. Balanced accuracy is the mean recall of the "
        "classes. The baseline always answers ",
        MultilabelMetrics: "Single entries counts every label of every row. The baseline always "
        "answers ",
        RegressionMetrics: "RMSE is the root of the mean squared error, MAE the mean absolute "
        "error. The baseline always answers ",
    }
    answer = result.metrics.baseline_answer.rstrip(",")
    note = f"{notes[type(judged)]}{answer} (of the training rows)."
    if isinstance(judged, RegressionMetrics):
        note = f"Errors are on {judged.scale}. {note}"
    if isinstance(judged, ClassificationMetrics) and len(judged.labels) > MOST_CLASSES:
        note += f" A confusion matrix of {len(judged.labels)} classes would not be legible."
    return {
        "headers": headers,
        "rows": rows,
        "numbers": list(range(1, len(headers))),
        "note": note,
    }


def _standardised(result: RunResult) -> str:
    metrics, baseline = result.metrics.standardised, result.metrics.standardised_baseline
    if metrics is None:
        return ""
    return (
        f"On the standardised scale, on which the network learned, the RMSE of the "
        f"{result.metrics.judged_name} rows is {metrics.rmse:.4f} and the MAE {metrics.mae:.4f}"
        + ("." if baseline is None else f"; always answering the mean has {_both(baseline)}.")
    )


def _both(metrics: RegressionMetrics) -> str:
    return f"an RMSE of {metrics.rmse:.4f} and an MAE of {metrics.mae:.4f}"


def _classes(result: RunResult) -> dict[str, Any] | None:
    judged = result.metrics.judged
    if isinstance(judged, RegressionMetrics):
        if not judged.outputs:
            return None
        rows = [
            [o.name, _number(o.rmse), _number(o.mae), "–" if o.r2 is None else f"{o.r2:.4f}"]
            for o in judged.outputs[:_MOST_COLUMNS]
        ]
        return {
            "title": f"Output by output ({result.metrics.judged_name} rows)",
            "headers": ["output", "RMSE", "MAE", "R²"],
            "rows": rows,
            "numbers": [1, 2, 3],
        }
    noun = "Class by class" if isinstance(judged, ClassificationMetrics) else "Label by label"
    rows = [
        [str(r.label), f"{r.precision:.3f}", f"{r.recall:.3f}", f"{r.f1:.3f}", f"{r.support:,}"]
        for r in judged.rows
    ]
    return {
        "title": f"{noun} ({result.metrics.judged_name} rows)",
        "headers": [noun.partition(" ")[0].lower(), "precision", "recall", "F1", "rows"],
        "rows": rows,
        "numbers": [1, 2, 3, 4],
    }


def _training(result: RunResult) -> list[str]:
    fit = result.fit
    epochs = f"{fit.n_epochs:,} epoch{'' if fit.n_epochs == 1 else 's'}"
    sentences = [
        f"{epochs} in {fit.seconds:.2f} seconds. {fit.status.sentence}",
        f"The {fit.engine} engine did the work, in {fit.dtype} ({fit.engine_reason}).",
    ]
    if fit.best_epoch is not None:
        kept = " Its weights were kept." if fit.restored_best else ""
        sentences.append(f"The best epoch was {fit.best_epoch:,}.{kept}")
    if result.seconds:
        sentences.append(f"The whole study took {result.seconds:.1f} seconds.")
    split = result.split
    watched = "chose the epoch" if result.metrics.validation_chose else "were watched"
    sentences.append(
        f"{split.train:,} rows trained, {split.validation:,} {watched}, {split.test:,} were "
        f"kept for the test; the split is {split.how}."
    )
    return sentences


def _network(result: RunResult) -> dict[str, Any]:
    network = result.network
    rows = [
        [
            layer.name,
            f"{layer.n_inputs:,} → {layer.n_units:,}",
            layer.activation,
            f"{layer.dropout:.2g}" if layer.dropout else "none",
            f"{layer.n_parameters:,}",
        ]
        for layer in network.layers
    ]
    sentences = [s for s in network.sentences if s not in network.training]
    if network.link == "identity":  # that the output is not changed goes without saying
        sentences = [s for s in sentences if "identity" not in s]
    return {
        "summary": network.summary,
        "headers": ["layer", "inputs → units", "activation", "dropout", "parameters"],
        "rows": rows,
        "numbers": [1, 4],
        "sentences": sentences,
    }


def _data(result: RunResult) -> dict[str, Any]:
    table = result.table
    headers = ["column", "kind", "present", "missing", "different", "mean", "std"]
    headers += ["min", "25 %", "median", "75 %", "max", "most frequent"]
    rows = [
        [
            column.name + (" (target)" if column.name in table.target else ""),
            column.kind,
            *(f"{count:,}" for count in (column.count, column.missing, column.n_distinct)),
            *(_number(getattr(column, name)) for name in ("mean", "std", "min", "q25")),
            *(_number(getattr(column, name)) for name in ("median", "q75", "max")),
            ", ".join(f"{value} ({count:,})" for value, count in column.top[:3]),
        ]
        for column in table.columns[:_MOST_COLUMNS]
    ]
    more = len(table.columns) - len(rows)
    left_out = f"{more:,} further columns are not shown." if more > 0 else ""
    if not any(row[-1] for row in rows):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    return {
        "sentences": [
            f"{table.n_rows:,} rows and {len(table.columns):,} columns: {result.source}"
            + ("" if result.source.endswith(".") else ".")
        ],
        "remarks": table.remarks,
        "headers": headers,
        "rows": rows,
        "numbers": list(range(2, 12)),
        "left_out": left_out,
    }


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else readable(value)


def _choices(choices: Sequence[Choice]) -> list[list[str]]:
    return [[choice.subject, choice.value, choice.reason] for choice in choices]


def _settings(result: RunResult) -> list[list[str]]:
    settings: Mapping[str, Any] = {"seed": result.seed, **result.settings}
    return [[name, _words(value)] for name, value in settings.items()]


def _words(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_words, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_words(item)}" for key, item in value.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _use(result: RunResult) -> dict[str, str]:
    folder = result.folder.name if result.folder else "run"
    model = shlex.quote(f"runs/{folder}/model.safetensors")
    study = shlex.quote(f"runs/{folder}/study.toml")
    return {
        "intro": "The model is one file, model.safetensors, beside this page; it takes tables as "
        "they are. Replace the path if you have moved it.",
        "commands": f"mlplab predict {model} new_rows.csv --out predictions.csv\n"
        f"mlplab evaluate {model} labelled_rows.csv\n"
        f"mlplab describe {model}\n"
        f"mlplab run {study}    # the same run again, with the same figures",
        "python": "import mlplab\n\n"
        f'model = mlplab.load("runs/{folder}/model.safetensors")\n'
        "model.predict(table)          # a pandas, polars or pyarrow table",
    }
