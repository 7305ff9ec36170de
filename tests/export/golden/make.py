"""Write golden model files: `python tests/export/golden/make.py FOLDER` at a release.

Each file has beside it the rows that were asked about and the answers of that day. Files that are
there stay as they are for ever; a later version has to load them and give the same answers.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tests.export.portable_models import Case, trained

import mlplab

GOLDEN = {
    "binary": "estimator: two classes",
    "classes": "estimator: three classes",
    "dates": "estimator: classes of dates",
    "labels": "estimator: labels",
    "variables": "estimator: class variables",
    "hinge": "estimator: hinge of three",
    "layers": "estimator: activation of each layer",
    "float32": "estimator: float32",
    "outputs": "estimator: outputs",
    "poisson": "estimator: poisson",
    "autoencoder": "estimator: autoencoder",
    "table": "table: mixed",
    "table-dates": "table: dates",
    "table-tags": "table: mixed, tags",
    "table-autoencoder": "table: wine by pixels",
}
N_ROWS = 12


def rows_of(case: Case) -> tuple[Any, Any]:
    """Return some rows, as they are asked about and as JSON keeps them."""
    if isinstance(case.rows, pd.DataFrame):
        kept = json.loads(case.rows.head(N_ROWS).to_json(orient="split", date_format="iso"))
        return table(kept), kept
    rows = np.asarray(case.rows)[:N_ROWS]
    return rows, rows.tolist()


def table(kept: dict[str, Any]) -> pd.DataFrame:
    """Return a table out of JSON."""
    return pd.DataFrame(kept["data"], columns=kept["columns"])


def answers_of(model: Any, rows: Any) -> dict[str, Any]:
    """Return everything that a model has to say about rows, as JSON keeps it."""
    asked = ("predict", "predict_proba", "reconstruct", "transform", "decision_function")
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name in asked:
            if hasattr(model, name) and getattr(model, "has_probabilities", True) | (
                name != "predict_proba"
            ):
                answer = getattr(model, name)(rows)
                parts = answer if isinstance(answer, list) else [answer]
                found[name] = [_plain(part) for part in parts]
    return found


def _plain(answer: Any) -> Any:
    values = np.asarray(answer)
    return (values.astype(str) if values.dtype.kind == "M" else values).tolist()


def write(folder: Path) -> None:
    """Write all files."""
    folder.mkdir(parents=True)
    for name, case_name in GOLDEN.items():
        case = trained(case_name)
        mlplab.save(folder / f"{name}.safetensors", case.model)
        rows, kept = rows_of(case)
        said = {"rows": kept, "answers": answers_of(case.model, rows)}
        (folder / f"{name}.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
