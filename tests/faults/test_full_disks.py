"""A disk that is really full: what was there stays, one sentence says so, nothing trained is lost.

The file system is a small one in memory, in a namespace of its own, which needs no rights.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_MOUNT = 'mount -t tmpfs -o size=8m tmpfs "$1" && exec "$2" -c "$3" "$1"'


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """Return a command that runs Python code beside a folder of eight megabytes."""
    shell = shutil.which("sh")
    command = ["unshare", "-rm", str(shell), "-c", _MOUNT, "sh", str(tmp_path), sys.executable]
    found = subprocess.run([*command, "pass"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"needs a file system of its own: {found.stderr.strip()}")
    return command


def outcome(command: list[str], code: str) -> dict[str, Any]:
    """Run code in the small folder; it prints what came of it as JSON."""
    found = subprocess.run([*command, _HELP + code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    told: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return told


_HELP = """
import json, os, sys, tempfile, warnings
from pathlib import Path
import numpy as np
import mlplab
from mlplab import sweeps, workflows
from mlplab.errors import OutputError
warnings.simplefilter("ignore")
small = Path(sys.argv[1])

def fill(left=0):
    # Takes all but so many bytes.
    with open(small / "filler", "wb") as file:
        free = os.statvfs(small).f_bavail * os.statvfs(small).f_bsize
        file.write(bytes(max(0, free - left)))

def free():
    (small / "filler").unlink()

def told(call):
    try:
        call()
    except OutputError as error:
        return str(error)
    return None
"""

FILES = """
X = np.random.default_rng(0).normal(size=(40, 3)); y = X[:, 0] > 0
model = mlplab.MLPClassifier((4,), max_iter=3, random_state=0).fit(X, y)
run = workflows.fit("iris", hidden=(4,), settings={"max_iter": 3}, out=None)
large = mlplab.MLPClassifier((300, 300), max_iter=1, random_state=0).fit(X, y)
path, table = small / "model.safetensors", small / "p.csv"
mlplab.save(path, model)
workflows.predict(run.model, "iris", table)
before = path.read_bytes(), table.read_bytes()
text = Path(tempfile.mkdtemp(), "table.csv")
np.savetxt(text, np.random.default_rng(0).normal(size=(9_000, 3)), delimiter=",", header="a,b,c")
fill()
from mlplab import export
said = [told(lambda: mlplab.save(path, large)),
        told(lambda: workflows.predict(run.model, "iris", table)),
        told(lambda: export.to_python(large, small / "m.py")),
        told(lambda: workflows.data_get("iris", small / "iris.csv")),
        told(lambda: workflows.data_convert(text, small / "converted.parquet")),
        told(lambda: workflows.fit("iris", hidden=(4,), out=small / "runs"))]
after = path.read_bytes(), table.read_bytes()
left = sorted(p.name for p in small.iterdir())
free()
mlplab.load(path)
print(json.dumps({"said": said, "same": before == after, "left": left}))
"""

TRAINING = """
from mlplab.workflows import keeping, long_runs
long_runs.PIECE_SECONDS, long_runs._WORK_A_WRITING, keeping.CHECKPOINT_SECONDS = 0.0, 0.0, 0.0
study = workflows.Study.model_validate({
    "data": {"source": "iris"}, "seed": 1,
    "model": {"hidden_layer_sizes": [16], "max_iter": 30, "tol": 0.0, "n_iter_no_change": 99}})
whole = workflows.run(study, out=None)

class Filling:
    def __init__(self): self.epochs = 0
    def on_start(self, plan, state): pass
    def on_epoch(self, record, state):
        self.epochs += 1
        if self.epochs == 10:
            fill()
    def on_end(self, result): pass

watcher, said = Filling(), []
message = told(lambda: workflows.run(study, out=small / "runs", observers=[watcher],
                                     announce=said.append))
checkpoint = list(small.glob("runs/*/checkpoint.safetensors"))
kept = message.rpartition(" kept in ")[2].rstrip(".")
rescued = mlplab.load(kept).estimator
free()
again = workflows.run(study, out=small / "runs", resume=True)
same = lambda one: all((a == b).all() for a, b in zip(one.coefs_, whole.model.estimator.coefs_))
print(json.dumps({"epochs": watcher.epochs, "message": message, "said": said,
                  "checkpoints": len(checkpoint), "rescued": bool(same(rescued)),
                  "resumed": bool(same(again.model.estimator)),
                  "folders": len(list(small.glob("runs/*")))}))
"""

SWEEP = """
X = np.random.default_rng(0).normal(size=(60, 3)); y = X[:, 0] > 0
sweep = sweeps.Sweep(sweeps.space_from_table({"alpha": [k / 1000 for k in range(300)]}),
                     scores=("accuracy",))
trainer = sweeps.EstimatorTrainer(mlplab.MLPClassifier((4,), max_iter=3, random_state=0),
                                  X, y, sweep)
fill(left=40_000)
message = told(lambda: sweeps.run(sweep, trainer, storage=small / "ledger", jobs=1))
lines = (small / "ledger" / "ledger.jsonl").read_bytes().count(b"\\n")
free()
result = sweeps.run(sweep, trainer, storage=small / "ledger", jobs=1)
print(json.dumps({"message": message, "lines": lines, "trained": result.n_trained,
                  "cells": result.n_cells}))
"""

READ_ONLY = """
X = np.random.default_rng(0).normal(size=(40, 3)); y = X[:, 0] > 0
model = mlplab.MLPClassifier((4,), max_iter=3, random_state=0).fit(X, y)
path = small / "model.safetensors"
mlplab.save(path, model)
before = path.read_bytes()
assert os.system(f"mount -o remount,ro {small}") == 0
sweep = sweeps.Sweep(sweeps.space_from_table({"alpha": [0.1, 0.2]}), scores=("accuracy",))
trainer = sweeps.EstimatorTrainer(model, X, y, sweep)
said = [told(lambda: mlplab.save(path, model)),
        told(lambda: workflows.data_get("iris", small / "iris.csv")),
        told(lambda: workflows.fit("iris", hidden=(4,), out=small / "runs")),
        told(lambda: workflows.fit("iris", hidden=(4,), out=small)),
        told(lambda: sweeps.run(sweep, trainer, storage=small / "ledger"))]
print(json.dumps({"said": said, "same": before == path.read_bytes()}))
"""


@pytest.mark.slow
def test_folders_that_may_not_be_written_to(small: list[str], record_property: Any) -> None:
    """Each is answered before anything is trained."""
    told = outcome(small, READ_ONLY)
    for sentence in told["said"]:
        assert sentence is not None
        assert "Read-only file system" in sentence
        assert "that you may write to" in sentence
    assert told["same"]
    record_property("unwritable folders", len(told["said"]))
    record_property("outcome", "one sentence each; the files in them stay, byte for byte")


@pytest.mark.slow
def test_files_that_were_there_stay(small: list[str], record_property: Any) -> None:
    """A model, predictions, an export, a data set and a run; no half file is left."""
    told = outcome(small, FILES)
    for sentence in told["said"]:
        assert sentence is not None
        assert "No space left on device. Free some space" in sentence
    assert told["same"]
    assert not [name for name in told["left"] if name.endswith(".tmp")]
    record_property("full disks", len(told["said"]))
    record_property("outcome", "the files before it stay, byte for byte; one sentence each")


@pytest.mark.slow
def test_a_training_ends_and_its_model_is_kept(small: list[str], record_property: Any) -> None:
    """The disk fills up in epoch 10 of 30: all are trained, and the model goes elsewhere."""
    told = outcome(small, TRAINING)
    assert told["epochs"] == 30
    assert told["checkpoints"] == 1
    assert any("last checkpoint is kept" in line for line in told["said"])
    assert "The model is kept in" in told["message"]
    assert told["rescued"]
    assert told["resumed"]
    assert told["folders"] == 1
    record_property("full disks", 1)
    record_property("outcome", "trained to the end, the model kept elsewhere; --resume ends alike")


@pytest.mark.slow
def test_a_sweep_keeps_what_it_had(small: list[str], record_property: Any) -> None:
    """The ledger cannot grow: a sentence says so, and the next call trains the rest alone."""
    told = outcome(small, SWEEP)
    assert told["message"] is not None
    assert "No space left on device" in told["message"]
    assert 0 < told["lines"] < told["cells"]
    assert told["trained"] + told["lines"] == told["cells"]
    record_property("full disks", 1)
    record_property("outcome", "what was trained is kept; the next call trains the rest alone")
