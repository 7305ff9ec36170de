"""Long runs: kept on the way, taken up after a kill, alone in their folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import mlplab
from mlplab import workflows
from mlplab.errors import DataError, OutputError
from mlplab.results import EpochRecord, FitResult
from mlplab.tracking import RunFolder
from mlplab.workflows import long_runs

STUDY = """
name = "long"
seed = 3
[data]
source = "spirals"
split = {{ validation = {validation}, test = 0.2 }}
[model]
hidden_layer_sizes = [16, 8]
batch_size = 16
max_iter = {epochs}
tol = 0.0
n_iter_no_change = 100000
dropout = 0.1
"""


def study(folder: Path, *, epochs: int = 40, validation: float = 0.1) -> Path:
    """Write a study and return where it is."""
    path = folder / "long.toml"
    path.write_text(STUDY.format(epochs=epochs, validation=validation))
    return path


def weights(run: Path) -> list[Any]:
    """Return the weights of the model of a run."""
    return list(mlplab.load(run).estimator.coefs_)


class StopAfter:
    """Ends the process's training, as a kill would, after so many epochs."""

    def __init__(self, n_epochs: int) -> None:
        self.left = n_epochs

    def on_start(self, plan: Any, state: Any) -> None:
        """Do nothing."""

    def on_epoch(self, record: EpochRecord, state: Any) -> None:  # noqa: ARG002  (the protocol's)
        """Count down."""
        self.left -= 1
        if self.left < 0:
            raise MemoryError("as good as a kill")

    def on_end(self, result: FitResult) -> None:
        """Do nothing."""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a checkpoint after every epoch."""
    monkeypatch.setattr(long_runs, "PIECE_SECONDS", 0.0)
    monkeypatch.setattr(long_runs, "_WORK_A_WRITING", 0.0)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("validation", [0.0, 0.1])
def test_a_run_that_was_ended_goes_on_to_the_same_weights(
    tmp_path: Path, validation: float
) -> None:
    """Whatever was lost, weights and curves are those of a run without a break."""
    path = study(tmp_path, validation=validation)
    whole = workflows.run(path, out=tmp_path / "whole")
    for n_epochs in (7, 11):
        with pytest.raises(MemoryError):
            workflows.run(path, out=tmp_path / "runs", resume=True, observers=[StopAfter(n_epochs)])
    told: list[str] = []
    ended = workflows.run(path, out=tmp_path / "runs", resume=True, announce=told.append)

    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert any("Going on in" in line and "18 epochs are done" in line for line in told)
    assert ended.folder is not None
    assert whole.folder is not None
    assert not (ended.folder / long_runs.CHECKPOINT).exists()
    assert list(ended.fit.history.loss) == list(whole.fit.history.loss)
    assert ended.metrics == whole.metrics
    for mine, yours in zip(weights(ended.folder), weights(whole.folder), strict=True):
        np.testing.assert_array_equal(mine, yours)


@pytest.mark.usefixtures("often")
def test_pieces_do_not_show(tmp_path: Path) -> None:
    """A run in one piece and one in forty are the same, and observers see one training."""
    path = study(tmp_path)

    class Told:
        def __init__(self) -> None:
            self.calls: list[str] = []

        def on_start(self, plan: Any, state: Any) -> None:  # noqa: ARG002  (the protocol's)
            self.calls.append("start")

        def on_epoch(self, record: EpochRecord, state: Any) -> None:  # noqa: ARG002  (same)
            self.calls.append("epoch")

        def on_end(self, result: FitResult) -> None:
            self.calls.append(f"end after {result.n_epochs}")

    at_once = workflows.run(path, out=None)
    told = Told()
    pieces = workflows.run(path, out=tmp_path / "runs", observers=[told])

    assert list(pieces.fit.history.loss) == list(at_once.fit.history.loss)
    assert told.calls == ["start", *["epoch"] * 40, "end after 40"]
    assert pieces.model.estimator.get_params() == at_once.model.estimator.get_params()


@pytest.mark.usefixtures("often")
def test_a_full_disk_costs_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last good checkpoint stays, one sentence says so, and training goes on."""
    write = RunFolder.write_bytes
    written: list[bytes] = []

    def full(folder: RunFolder, name: str, content: bytes) -> Path:
        if name == long_runs.CHECKPOINT:
            if len(written) == 3:
                raise OutputError("The disk is full.")
            written.append(content)
        return write(folder, name, content)

    monkeypatch.setattr(RunFolder, "write_bytes", full)
    told: list[str] = []
    run = workflows.run(study(tmp_path), out=tmp_path / "runs", announce=told.append)

    assert run.fit.n_epochs == 40
    assert [line for line in told if "last checkpoint is kept" in line] == [
        "The disk is full. Training goes on; the last checkpoint is kept."
    ]


@pytest.mark.usefixtures("often")
def test_other_rows_are_refused(tmp_path: Path) -> None:
    """A checkpoint goes on with the rows it began with, or not at all."""
    rng = np.random.default_rng(0)
    table = tmp_path / "table.csv"
    rows = rng.normal(size=(60, 3))
    np.savetxt(table, rows, delimiter=",", header="a,b,c", comments="")
    text = STUDY.format(epochs=30, validation=0.1).replace('"spirals"', f'"{table}"\ntarget = "c"')
    path = tmp_path / "long.toml"
    path.write_text(text)
    with pytest.raises(MemoryError):
        workflows.run(path, out=tmp_path / "runs", observers=[StopAfter(5)])
    rows[3, 1] += 1
    np.savetxt(table, rows, delimiter=",", header="a,b,c", comments="")

    with pytest.raises(DataError, match="the data have changed since"):
        workflows.run(path, out=tmp_path / "runs", resume=True)


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    """Who finds another at work is told so."""
    folder = RunFolder(tmp_path)
    with (
        long_runs.without_company(folder),
        pytest.raises(OutputError, match="another process is training"),
        long_runs.without_company(folder),
    ):
        pass


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_writing_costs_a_tenth_of_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Where writing takes long, pieces become longer, not shorter."""
    now, epochs = [0.0], []
    monkeypatch.setattr(long_runs, "time", SimpleNamespace(monotonic=lambda: now[0]))

    class Slow(long_runs.Keeper):
        def keep(self, estimator: Any) -> None:
            epochs.append(estimator.result_.n_epochs)
            now[0] += seconds

    def pass_time(self: Any, record: EpochRecord, state: Any) -> None:  # noqa: ARG001
        now[0] += 0.01

    monkeypatch.setattr(long_runs, "PIECE_SECONDS", 0.1)
    monkeypatch.setattr(long_runs, "Keeper", Slow)
    monkeypatch.setattr("mlplab.workflows.fitting.Keeper", Slow)
    monkeypatch.setattr(StopAfter, "on_epoch", pass_time)
    workflows.run(study(tmp_path, epochs=500), out=tmp_path / "runs", observers=[StopAfter(0)])
    assert epochs[:3] == ([1, 11, 21] if seconds == 0 else [1, 201, 401])


@pytest.mark.slow
def test_twelve_kills(tmp_path: Path, record_property: Any) -> None:
    """SIGKILL at random moments of one run; it ends in the weights of a run without any."""
    path, runs = study(tmp_path, epochs=20_000), tmp_path / "runs"
    command = [sys.executable, "-c", _KILLER, str(path), str(runs)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    kept = json.loads(told)
    whole = workflows.run(path, out=tmp_path / "whole")
    ended = [folder for folder in runs.iterdir() if (folder / "report.html").exists()]

    assert len(ended) == 1
    assert not list(runs.glob("*/checkpoint.safetensors"))
    assert len(kept) == 12
    assert kept == sorted(kept)  # no kill costs what was kept before
    assert whole.folder is not None
    for mine, yours in zip(weights(ended[0]), weights(whole.folder), strict=True):
        np.testing.assert_array_equal(mine, yours)
    record_property("kills", len(kept))
    record_property("outcome", "the weights of a run without a kill, bit for bit")


@pytest.mark.slow
def test_ten_processes_never_share_a_folder(tmp_path: Path, record_property: Any) -> None:
    """All want to go on with one run at the same moment: one does, the others are told so."""
    path, runs = study(tmp_path, epochs=20_000), tmp_path / "runs"
    command = [sys.executable, "-c", _TOGETHER, str(path), str(runs)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    ended = json.loads(told.splitlines()[-1])

    assert sorted(ended) == [0] + [3] * 9
    assert len(list(runs.iterdir())) == 1
    record_property("processes", len(ended))
    record_property("outcome", "one goes on, nine are told that another is at work")


_TOGETHER = """
import json, os, sys
from mlplab import workflows
from mlplab.errors import OutputError
from mlplab.workflows import long_runs

class End:
    left = 500
    def on_start(self, plan, state): pass
    def on_end(self, result): pass
    def on_epoch(self, record, state):
        self.left -= 1
        if not self.left:
            raise MemoryError

long_runs.PIECE_SECONDS = 0.02
try:
    workflows.run(sys.argv[1], out=sys.argv[2], observers=[End()])
except MemoryError:
    pass
children = []
for _ in range(10):
    child = os.fork()
    if child:
        children.append(child)
        continue
    try:
        workflows.run(sys.argv[1], out=sys.argv[2], resume=True)
    except OutputError as error:
        os._exit(3 if "another process is training" in str(error) else 4)
    except BaseException:
        os._exit(5)
    os._exit(0)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in children]))
"""

# Everything is loaded once, and every attempt is a fork: only the training is killed.
_KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path
import mlplab
from mlplab import workflows
from mlplab.export import read_artifact
from mlplab.workflows import fitting, long_runs

long_runs.PIECE_SECONDS = 0.02
study, runs = sys.argv[1], Path(sys.argv[2])
moments, kept = random.Random(0), []

def begin():
    child = os.fork()
    if child:
        return child
    try:
        workflows.run(study, out=runs, resume=True)
    finally:
        os._exit(0)

def epochs_kept():
    kept = [read_artifact(path) for path in runs.glob("*/checkpoint.safetensors")]
    return max((one.header["state"]["epoch"] for one in kept), default=0)

while len(kept) < 12:
    child = begin()
    time.sleep(moments.uniform(0.05, 0.6))
    os.kill(child, signal.SIGKILL)
    if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        kept.append(epochs_kept())
os.waitpid(begin(), 0)
print(json.dumps(kept))
"""
