"""What a run leaves behind when it is killed on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import mlplab

TRAIN = """
import mlplab.workflows.keeping as keeping
keeping.CHECKPOINT_SECONDS = 0.0
from mlplab.workflows import fit
fit("spirals", settings={{"max_iter": 100000, "early_stopping": False, "tol": 0.0,
                          "n_iter_no_change": 100000}}, out={out!r})
"""


def _wait_for(pattern: str, folder: Path, process: subprocess.Popen[bytes]) -> Path:
    """Return the first file of this pattern once it is there."""
    for _ in range(600):
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
        assert process.poll() is None, "the training ended too early"
        time.sleep(0.1)
    raise AssertionError(pattern)


def test_a_killed_training_leaves_a_model_that_predicts(tmp_path: Path) -> None:
    """Weights and history of the last checkpoint are whole after SIGKILL."""
    code = TRAIN.format(out=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    try:
        path = _wait_for("*/model.safetensors", tmp_path, process)
        time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

    model = mlplab.load(path)
    spirals = mlplab.data.load("spirals", seed=1).frame
    assert model.score(spirals) > 0.5
    assert set(np.unique(model.predict(spirals))) <= set(model.classes)
    assert (path.parent / "history.parquet").stat().st_size > 0
    assert not (path.parent / "report.html").exists()
