"""Long runs: kept on the way, taken up after a kill, alone in their folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
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


def test_pieces_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.setattr(long_runs, "PIECE_SECONDS", 0.0)
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


@pytest.mark.slow
def test_twelve_kills(tmp_path: Path) -> None:
    """SIGKILL at random moments of one run; it ends in the weights of a run without any."""
    path = study(tmp_path, epochs=60_000)
    command = [sys.executable, "-c", _KILLED, str(path), str(tmp_path / "runs")]
    rng = np.random.default_rng(0)
    kills = 0
    while kills < 12:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()  # it trains
        time.sleep(float(rng.uniform(0.05, 0.6)))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    last = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    whole = workflows.run(path, out=tmp_path / "whole")
    (folder,) = (tmp_path / "runs").iterdir()

    assert json.loads(last.stdout.splitlines()[-1])["epochs"] == 60_000
    assert whole.folder is not None
    for mine, yours in zip(weights(folder), weights(whole.folder), strict=True):
        np.testing.assert_array_equal(mine, yours)


_KILLED = """
import json, sys
from mlplab import workflows
from mlplab.workflows import long_runs
long_runs.PIECE_SECONDS = 0.1
run = workflows.run(sys.argv[1], out=sys.argv[2], resume=True,
                    announce=lambda text: print(json.dumps(text), flush=True))
print(json.dumps({"epochs": run.fit.n_epochs}))
"""
