"""The best configuration of ``housing.toml`` on five splits of the houses.

``MLPLAB_DATA=… python studies/housing-splits.py [FOLDER]`` sweeps on the training rows of each
split, so that its test rows choose nothing, trains the best again on all of them, and prints the
test figures. ``housing.json`` goes into the folder, which is ``runs`` if none is named.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from mlplab import workflows
from mlplab.workflows.study_file import read_study

HERE = Path(__file__).parent
SPLITS = 5


def on_split(study: Any, seed: int) -> dict[str, Any]:
    """Return what one split chose, and its test figures on both scales."""
    best = workflows.sweep(study.model_copy(update={"seed": seed}), out=None).finalists[0]
    return {
        "configuration": best.trial.configuration,
        "R²": best.metrics.test.r2,
        "MSE, standardised": best.metrics.standardised.mse,
        "MAE, standardised": best.metrics.standardised.mae,
    }


def main(folder: Path) -> None:
    """Do all of it, and write it into a folder."""
    study = read_study(HERE / "housing.toml")
    told = [on_split(study, seed) for seed in range(SPLITS)]
    for seed, one in enumerate(told):
        figures = ", ".join(f"{k} {v:.4f}" for k, v in one.items() if k != "configuration")
        print(f"split {seed}: {figures}; {one['configuration']}")
    print(f"median R²: {statistics.median(one['R²'] for one in told):.4f}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "housing.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
