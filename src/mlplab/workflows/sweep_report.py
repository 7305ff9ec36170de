"""The report of a sweep, written from the files in its folder."""

from __future__ import annotations

import shlex
import statistics
import tomllib
from pathlib import Path
from typing import Any

from mlplab import __version__
from mlplab.results import NOT_SET, Trial
from mlplab.results.layout import value_words
from mlplab.workflows.pages import page, paragraphs
from mlplab.workflows.sweep_figures import SweepDisplays, figures_of, moving_data
from mlplab.workflows.sweep_kept import KeptFinalist, KeptSweep
from mlplab.workflows.sweep_scores import USUAL
from mlplab.workflows.sweep_summary import SweepAbout
from mlplab.workflows.sweep_table import columns_of, in_order, title_of
from mlplab.workflows.sweep_words import (
    configuration_words,
    counts,
    failures,
    how_sure,
    never_won,
    told_score,
    with_spread,
)

__all__ = ["render_sweep"]

# More would make a page that no browser likes; trials.parquet has them all.
_MOST_TRIALS = 5000
_SECTIONS = (
    ("notes", "What it shows", "notes"),
    ("answer", "The answer", "best"),
    ("finalists", "Tested", "finalists"),
    ("what", "What mattered", "what"),
    ("parallel", "Across parameters", "parallel"),
    ("curves", "Learning curves", "curves"),
    ("trials", "All trials", "trials"),
    ("how", "How it was done", "how"),
)


def render_sweep(kept: KeptSweep) -> str:
    """Return the page of a sweep; everything that comes from data is escaped."""
    trials = in_order(kept.result)
    shown = trials[:_MOST_TRIALS]
    columns = columns_of(kept.result, shown, kept.about.task)
    displays = SweepDisplays.of(kept)
    figures = figures_of(kept, displays)
    view: dict[str, Any] = {
        "title": kept.name,
        "subtitle": _subtitle(kept),
        "headline": _headline(kept),
        "warnings": _warnings(kept),
        "notes": paragraphs(tomllib.loads(kept.study).get("notes", "")),
        "best": _best(kept),
        "sure": "" if kept.analysis is None else " ".join(how_sure(kept.analysis)),
        "flatters": _flatters(kept),
        "counts": [counts(kept.result, interrupted=kept.interrupted), *_work(kept)],
        "finalists": _finalists(kept),
        "what": figures["what"],
        "floor": _floor(kept),
        "parallel": figures["parallel"],
        "curves": figures["curves"],
        "curve_note": _curve_note(kept),
        "columns": columns,
        "trials": [_row_class(kept, trial) for trial in shown],
        "left_out": len(trials) - len(shown),
        "table_note": _table_note(kept),
        "how": _how(kept),
        "study": kept.study,
        "environment": [[name, str(value)] for name, value in kept.environment.items()],
        "use": _use(kept),
        "data": moving_data(kept, displays, shown, columns) if shown else "{}",
        "version": __version__,
    }
    view["sections"] = [(anchor, name) for anchor, name, needs in _SECTIONS if view[needs]]
    return page("sweep.html.j2", view)


def _subtitle(kept: KeptSweep) -> str:
    about = kept.about
    target = f"predicting {', '.join(about.target)}" if about.target else "reproducing the input"
    return f"Sweep: {about.task}, {target}, {kept.folder.resolve().name}"


def _headline(kept: KeptSweep) -> str:
    ranked = kept.result.ranking()
    if not ranked:
        done = "No configuration has a score" if kept.result.trials else "Nothing was trained yet"
        return f"{done}. {kept.result.stop.sentence}"
    best, score = ranked[0], kept.result.score
    words, mean = told_score(score, best.mean(score) or 0.0)
    n = len(kept.result.trials)
    told = f"The best of {n:,} configurations is " if n > 1 else "Trained was "
    sentences = [
        f"{told}{configuration_words(best.configuration) or 'the study as it is'}.",
        f"Its {words} is {with_spread(mean, best.spread(score))} on rows kept out of its training.",
    ]
    if kept.finalists and kept.finalists[0].test:
        one = kept.finalists[0]
        words, median = told_score(score, statistics.median(one.test[score]))
        sentences.append(
            f"Trained again on all training rows, its {words} on {kept.about.n_test:,} test rows, "
            f"which chose nothing, is {median:.4g}{_of_seeds(one)}."
        )
    return " ".join(sentences)


def _of_seeds(one: KeptFinalist) -> str:
    n = len(one.seeds)
    return f" (median of {n} seeds)" if n > 1 else ""


def _warnings(kept: KeptSweep) -> list[str]:
    sentences = [*failures(kept.result), *kept.remarks]
    return [kept.result.stop.sentence, *sentences] if kept.interrupted else sentences


def _best(kept: KeptSweep) -> dict[str, Any] | None:
    """Return the best configuration beside what mattered and what never won."""
    ranked = kept.result.ranking()
    if not ranked or kept.analysis is None:
        return None
    shares = {one.parameter: one.share for one in kept.analysis.importances}
    losers = never_won(kept.analysis)
    names = dict.fromkeys((*ranked[0].configuration, *shares))
    rows = []
    for name in sorted(names, key=lambda name: -shares.get(name, 0.0)):
        lost, far = losers.get(name, ([], []))
        value = value_words(ranked[0].configuration.get(name, NOT_SET))
        share = _share(shares[name]) if name in shares else "did not vary"
        rows.append([name, value, share, ", ".join((*lost, *far)) or "none"])
    return {
        "headers": ["parameter", "best value", "share of the variance", "values that never won"],
        "rows": rows,
    }


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "below 0.5%"


def _flatters(kept: KeptSweep) -> str:
    n = len(kept.result.ranking())
    if n < 2:
        return ""
    tested = " The test rows below took no part in it." if kept.finalists else ""
    return (
        f"The best of {n:,} looks better than it is, as luck helped to choose it; the more so the "
        f"more there were and the less they differ.{tested}"
    )


def _work(kept: KeptSweep) -> list[str]:
    result = kept.result
    cells = [cell for trial in result.trials for cell in trial.cells]
    if not cells:
        return []
    each = kept.about.n_folds * kept.about.n_seeds
    seconds = sum(trial.seconds for trial in result.trials)
    sentence = (
        f"{len(cells):,} different trainings"
        + (f", {each} of each configuration" if each > 1 else "")
        + f", {result.n_epochs:,} epochs: {seconds:.3g} s of training, each training taking its "
        f"share of the time where many trained together; {1000 * seconds / len(cells):.3g} ms each."
    )
    n = result.n_combinations
    if kept.about.is_whole and n and n > len(result.trials) and not kept.interrupted:
        sentence += (
            f" The {n:,} combinations of the space say {len(result.trials):,} different things; "
            "no duplicate was trained."
        )
    return [sentence]


def _finalists(kept: KeptSweep) -> dict[str, Any] | None:
    if not kept.finalists:
        return None
    by_number = {trial.number: trial for trial in kept.result.trials}
    names = list(dict.fromkeys((*kept.result.scores, *USUAL[kept.about.task])))
    tested = [name for name in names if all(name in one.test for one in kept.finalists)]
    words = [title_of(name, kept.about.task) for name in tested]
    first = kept.result.score
    headers = ["trial", f"{title_of(first, kept.about.task)}, validation"]
    headers += [f"{words[0]}, test", "from – to"] if tested else []
    headers += [*(f"{word}, test" for word in words[1:]), "seeds", "configuration"]
    rows = []
    for one in kept.finalists:
        trial = by_number[one.trial]
        _, mean = told_score(first, trial.mean(first) or 0.0)
        medians = [_median(one, name) for name in tested]
        row = [str(one.trial), with_spread(mean, trial.spread(first))]
        row += [medians[0], _range(one, tested[0])] if tested else []
        words_of_it = configuration_words(trial.configuration)
        rows.append([*row, *medians[1:], str(len(one.seeds)), words_of_it])
    return {
        "headers": headers,
        "rows": rows,
        "numbers": list(range(len(headers) - 1)),
        "note": "Test scores are medians over the seeds, with the least and the greatest of the "
        "score that decides. Test rows chose nothing."
        if tested
        else "",
        "saved": f"The saved model is the network of trial {kept.finalists[0].trial} from its "
        f"first seed. {kept.finalists[0].headline}",
    }


def _median(one: KeptFinalist, name: str) -> str:
    return f"{told_score(name, statistics.median(one.test[name]))[1]:.4g}"


def _range(one: KeptFinalist, name: str) -> str:
    values = sorted(told_score(name, value)[1] for value in one.test[name])
    return f"{values[0]:.4g} – {values[-1]:.4g}" if len(values) > 1 else ""


def _floor(kept: KeptSweep) -> str:
    if kept.analysis is None or kept.analysis.floor is None:
        return ""
    score, floor = kept.result.score, kept.analysis.floor
    n = sum((trial.mean(score) or 0.0) < floor for trial in kept.result.ranking())
    those = "that of 1 configuration" if n == 1 else f"those of {n:,} configurations"
    return (
        f"In this section scores below {floor:.3g} ({those}), which are far from all others, count "
        f"as {floor:.3g}, so that the others can be told apart."
    )


def _curve_note(kept: KeptSweep) -> str:
    n = kept.about.n_folds * kept.about.n_seeds
    means = f"Means over {n} trainings. " if n > 1 else ""
    return (
        f"{means}The rows that judge were looked at after every epoch; nothing was decided by that."
    )


def _row_class(kept: KeptSweep, trial: Trial) -> str:
    """Return how a row is marked: the best, those as good within the uncertainty, the failed."""
    found = kept.analysis.certainty if kept.analysis else None
    if trial.status != "done":
        return "failed"
    if found is not None and trial.number == found.best:
        return "judged"
    return "rival" if found is not None and trial.number in found.rivals else ""


def _table_note(kept: KeptSweep) -> list[str]:
    about, found = kept.about, kept.analysis.certainty if kept.analysis else None
    each = about.n_folds * about.n_seeds
    means = f", means over {each} trainings ({_each(about)})" if each > 1 else ""
    notes = [f"Scores are those after the last epoch, on rows kept out of the training{means}."]
    if about.task == "classification":
        notes.append("Precision, recall and F1 are means over the classes.")
    if about.task in {"regression", "autoencoder"}:
        notes.append(
            "MSE and MAE are mean squared and mean absolute error, on the target's own scale."
        )
    if found is not None and found.rivals:
        notes.append("≈ marks what is as good as the best within the uncertainty.")
    return notes


def _each(about: SweepAbout) -> str:
    folds = f"{about.n_folds} folds" if about.n_folds > 1 else ""
    seeds = f"{about.n_seeds} seeds" if about.n_seeds > 1 else ""
    return " × ".join(one for one in (folds, seeds) if one)


def _how(kept: KeptSweep) -> list[list[str]]:
    about, result = kept.about, kept.result
    n = result.n_combinations
    folds = "one validation split" if about.n_folds == 1 else f"{about.n_folds} folds"
    return [
        ["data", about.source],
        ["rows", f"{about.n_rows:,} to train and judge on, {about.n_test:,} for the test"],
        ["search", about.search],
        ["combinations", "without end" if n is None else f"{n:,}"],
        ["judged on", f"{folds}, {about.validation_share:.0%} of the rows each time"],
        ["seeds", f"{about.n_seeds} for each configuration and each part that judges"],
        ["scores", ", ".join(result.scores) + " (the first decides)" * (len(result.scores) > 1)],
    ]


def _use(kept: KeptSweep) -> dict[str, str]:
    folder = Path("runs") / kept.folder.resolve().name
    commands = f"mlplab report {shlex.quote(str(folder))}    # writes this page again\n"
    if kept.finalists:
        model = shlex.quote(str(folder / "model.safetensors"))
        commands = f"mlplab predict {model} new_rows.csv --out predictions.csv\n" + commands
    return {
        "commands": commands + f"mlplab run {shlex.quote(str(folder / 'study.toml'))} --resume"
        "    # trains what is not there yet",
        "python": "import pandas as pd\nfrom mlplab import plots, sweeps\n\n"
        f'trials = pd.read_parquet("{folder}/trials.parquet")    # a row for each training\n'
        f'curves = pd.read_parquet("{folder}/curves.parquet")    # a row for each epoch\n\n'
        f'result = sweeps.read_result("{folder}")\n'
        "plots.SweepCurvesDisplay.from_result(result, trials=[0, 1]).plot()\n"
        "plots.EffectDisplay.from_analysis(sweeps.analyse(result)).plot()",
    }
