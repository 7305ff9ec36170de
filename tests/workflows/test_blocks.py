"""Tables larger than memory: fitted in blocks, tested, taken up after a kill, predicted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlplab
from mlplab import MLPClassifier, MLPRegressor, workflows
from mlplab.cli.app import run as mlplab_command
from mlplab.data import Preparation, memory
from mlplab.data.windows import row_draws
from mlplab.errors import DataError, DivergedError, OutputError, ParameterError, StudyError
from mlplab.estimators.passes import Passes
from mlplab.results import History
from mlplab.workflows import block_parts, block_training, long_runs, predicting_files
from mlplab.workflows.block_parts import deal_blocks
from mlplab.workflows.parts import deal_parts
from mlplab.workflows.row_streams import Shares
from mlplab.workflows.sources import read_source
from mlplab.workflows.study import DataTable, SplitTable, Study, SweepTable


def table(n_rows: int = 3_000, seed: int = 0) -> pd.DataFrame:
    """Return rows with gaps, words, a class and a number to predict."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(3, 5, n_rows) for name in "abc"})
    frame["word"] = rng.choice(["u", "v", "x"], n_rows)
    figure = (frame["a"] - 3) * 0.4 + (frame["word"] == "u")
    frame["class"] = np.where(figure > 0.3, "yes", "no")
    frame["number"] = 10 * figure + rng.normal(0, 0.1, n_rows)
    frame.loc[rng.random(n_rows) < 0.06, "c"] = None
    return frame


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """Return a Parquet file of small row groups."""
    path = tmp_path / "table.parquet"
    table().to_parquet(path, row_group_size=100, index=False)
    return path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep few rows in memory, so that most are seen in blocks only."""
    monkeypatch.setattr(block_parts, "MOST_SAMPLED", 400)
    monkeypatch.setattr(block_parts, "MOST_VALIDATED", 200)
    monkeypatch.setattr(block_parts, "MOST_TESTED", 300)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a checkpoint after every window."""
    monkeypatch.setattr(long_runs, "PIECE_SECONDS", 0.0)


def study(path: Path, target: str = "class", **more: Any) -> Study:
    """Return a study of a table in blocks."""
    left_out = [name for name in ("class", "number") if name != target]
    return Study(data=DataTable(source=str(path), target=target, drop=left_out, **more))


FIT: dict[str, Any] = {"drop": ["number"], "blocks": True, "out": None}


# ---------------------------------------------------------------------- parts


def _chosen(preparation: Preparation) -> list[tuple[str, str]]:
    return [(choice.subject, choice.value) for choice in preparation.choices_]


@pytest.mark.parametrize("target", ["class", "number"])
def test_a_small_file_in_blocks_is_prepared_as_in_memory(parquet: Path, target: str) -> None:
    """The same rows give the same columns and targets, but for the rounding of sums."""
    rows = read_source(parquet)
    blocks = deal_blocks(study(parquet, target), read_source(parquet, blocks=True))
    frame = rows.frame.loc[blocks.frames[0].index]
    whole = deal_parts(
        study(parquet, target, split=SplitTable(validation=0, test=0)),
        read_source(frame),
    )

    assert len(blocks.train) + len(blocks.validation) + len(blocks.test) == len(rows.frame)
    assert blocks.stream is not None
    assert blocks.stream.n_rows == len(blocks.train)
    # Kinds are told by all rows, so the reasons count others.
    assert _chosen(blocks.preparation) == _chosen(whole.preparation)
    np.testing.assert_allclose(
        blocks.train.x, whole.preparation.transform(frame), rtol=1e-12, atol=1e-12
    )
    if target == "number":
        np.testing.assert_allclose(blocks.encoding.mean, whole.encoding.mean, rtol=1e-12)
        np.testing.assert_allclose(blocks.encoding.scale, whole.encoding.scale, rtol=1e-12)
    else:
        assert blocks.encoding == whole.encoding


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("target", ["class", "number"])
def test_windows_hold_every_training_row_once(parquet: Path, target: str) -> None:
    """In whatever order; prepared by all rows, and none of them validates or tests."""
    frame = table()
    parts = deal_blocks(study(parquet, target), read_source(parquet, blocks=True))
    stream = parts.stream
    assert stream is not None
    windows = list(stream.windows(0, 0, "float64"))
    held_out = np.concatenate([parts.frames[1].index, parts.frames[2].index])
    trained = frame.drop(index=held_out)

    assert len(held_out) == pytest.approx(500, rel=0.15)
    assert stream.n_rows == len(trained) == sum(len(window.x) for window in windows)
    ours = np.sort(np.concatenate([window.x[:, 0] for window in windows]))
    scaled = (trained["a"] - trained["a"].mean()) / trained["a"].std(ddof=0)
    np.testing.assert_allclose(ours, np.sort(scaled), rtol=1e-10, atol=1e-10)
    targets = np.concatenate([window.y for window in windows if window.y is not None])
    if target == "class":
        assert sorted(targets) == sorted(trained["class"])
    else:
        wanted = (trained["number"] - trained["number"].mean()) / trained["number"].std(ddof=0)
        np.testing.assert_allclose(np.sort(targets), np.sort(wanted), rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("few")
def test_parts_do_not_depend_on_how_a_table_is_stored(tmp_path: Path, parquet: Path) -> None:
    """Parquet and CSV, whole or in a folder: the same rows test, validate and train."""
    frame = table()
    folder = tmp_path / "many"
    folder.mkdir()
    for at in range(3):
        frame[at * 1000 : (at + 1) * 1000].to_csv(folder / f"{at}.csv", index=False)
    frame.to_csv(tmp_path / "one.csv", index=False)
    found = [
        deal_blocks(study(path), read_source(path, blocks=True))
        for path in (parquet, tmp_path / "one.csv", folder)
    ]

    for parts in found[1:]:
        for mine, other in zip(parts.frames, found[0].frames, strict=True):
            assert mine.index.tolist() == other.index.tolist()
        np.testing.assert_allclose(parts.test.x, found[0].test.x, rtol=1e-10)


def test_rows_without_a_target_are_left_out(tmp_path: Path) -> None:
    """They are counted, and nothing is learned from them."""
    frame = table(500)
    frame.loc[::5, "class"] = None
    path = tmp_path / "gaps.csv"
    frame.to_csv(path, index=False)
    parts = deal_blocks(study(path), read_source(path, blocks=True))
    rows = [choice for choice in parts.choices if choice.subject == "rows"]

    assert parts.stream is not None
    assert parts.stream.n_rows + len(parts.validation) + len(parts.test) == 400
    assert [choice.value for choice in rows] == ["100 of 500 left out"]


@pytest.mark.usefixtures("few")
def test_a_class_of_a_single_row_is_known(tmp_path: Path) -> None:
    """Also where no row in memory holds it otherwise, and all others are of one class."""
    frame = table().assign(**{"class": "usual"})
    shares = Shares(0, 0.1, 200 / 3000, 400 / 3000)
    draws = row_draws(0, 3000, 0)
    trained = shares.part("train", draws) & ~shares.part("sample", draws)
    frame.loc[int(np.flatnonzero(trained)[-1]), "class"] = "rare"
    path = tmp_path / "rare.parquet"
    frame.to_parquet(path, row_group_size=100, index=False)
    parts = deal_blocks(study(path), read_source(path, blocks=True))
    run = workflows.fit(path, target="class", settings={"max_iter": 1}, **FIT)

    assert parts.encoding is not None
    assert parts.encoding.classes == ("rare", "usual")
    assert set(parts.train.y) == {"usual"}
    assert run.model.classes == ("rare", "usual")


@pytest.mark.usefixtures("few")
def test_copies_are_told_with_how_many_rows_were_compared(tmp_path: Path) -> None:
    """Each row stands twice; a sample shows fewer copies than there are, and says so."""
    path = tmp_path / "twice.parquet"
    pd.concat([table(1_500)] * 2).to_parquet(path, row_group_size=100, index=False)
    given = study(path)
    copies, compared = deal_blocks(given, read_source(path, blocks=True)).leaks
    assert "are equal in every column that is used" in copies
    assert "training rows: in all of them there may be more" in compared


@pytest.mark.usefixtures("few")
def test_a_wrong_value_in_a_later_block_is_named(tmp_path: Path) -> None:
    """With column, row, line and file, before anything is trained."""
    frame = table()
    frame["a"] = frame["a"].astype(object)
    shares = Shares(0, 0.1, 200 / 3000, 400 / 3000)
    draws = row_draws(0, 3000, 0)
    row = int(np.flatnonzero(shares.part("train", draws) & ~shares.part("sample", draws))[-1])
    frame.loc[row, "a"] = "much"
    path = tmp_path / "wrong.csv"
    frame.to_csv(path, index=False)
    place = rf"row {row + 1} \(line {row + 2} of wrong.csv\) holds 'much'"
    with pytest.raises(DataError, match=f"Column 'a' must hold a number in every row; {place}"):
        workflows.fit(path, target="class", **FIT)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"split": SplitTable(time="a")}, "`split.time` must be left out"),
        ({"split": SplitTable(stratify=True)}, "`split.stratify` must be left out"),
        ({"split": SplitTable(validation=0.5, test=0.6)}, "must leave rows for training"),
    ],
)
def test_what_needs_all_rows_is_refused(parquet: Path, more: dict[str, Any], sentence: str) -> None:
    """With the way out."""
    with pytest.raises((ParameterError, DataError), match=sentence):
        deal_blocks(study(parquet, **more), read_source(parquet, blocks=True))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"solver": "lbfgs"}, "`solver` must take steps"),
        ({"learning_rate": "cosine"}, "`learning_rate` must be 'constant' or 'invscaling'"),
        ({"class_weight": "balanced"}, "`class_weight` must name a weight"),
    ],
)
def test_parameters_that_need_all_rows_are_refused(
    parquet: Path, settings: dict[str, Any], sentence: str
) -> None:
    """Before anything is trained."""
    with pytest.raises(ParameterError, match=sentence):
        workflows.fit(parquet, target="class", settings=settings, **FIT)


def test_blocks_are_about_files() -> None:
    """Rows in memory, and named data sets, are there already."""
    with pytest.raises(ParameterError, match="`blocks` is about files"):
        workflows.fit("iris", blocks=True, out=None)


def test_large_files_are_read_in_blocks_by_themselves(
    parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the memory that is there; nobody has to ask, and anybody can object."""
    assert read_source(parquet, blocks=None).blocks is None
    monkeypatch.setattr(memory, "available_memory", lambda: 3000 * 6 * 8 * 3)
    assert read_source(parquet, blocks=None).blocks is not None
    assert read_source(parquet, blocks=False).blocks is None
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    assert read_source(parquet, blocks=None).blocks is None
    monkeypatch.undo()
    assert memory.available_memory() > 2**20


# ---------------------------------------------------------------------- fitting


@pytest.mark.usefixtures("few")
def test_a_fit_in_blocks_is_a_whole_run(tmp_path: Path, parquet: Path) -> None:
    """Test figures, model, report, and a study that gives the same again."""
    run = workflows.fit(parquet, target="class", **{**FIT, "out": tmp_path / "runs"})
    assert run.folder is not None
    again = workflows.run(run.folder / "study.toml", out=None)

    assert run.metrics.test is not None
    assert run.metrics.test.accuracy > 0.95
    assert run.split.train == run.table.n_rows - run.split.validation - run.split.test
    assert any("drawn from" in remark for remark in run.remarks)
    assert "blocks = true" in (run.folder / "study.toml").read_text()
    assert "training rows, drawn evenly" in (run.folder / "report.html").read_text()
    assert again.metrics == run.metrics
    assert list(again.fit.history.loss) == list(run.fit.history.loss)
    assert run.model.estimator.get_params()["early_stopping"] is True
    assert run.model.estimator.n_iter_ == run.fit.n_epochs <= 10
    fresh = table(500, seed=1)
    assert (mlplab.load(run.folder).predict(fresh) == fresh["class"]).mean() > 0.95


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("task", ["regression", "autoencoder", "multilabel"])
def test_every_task_can_be_learned_in_blocks(tmp_path: Path, task: str) -> None:
    """Numbers, several labels, and the rows themselves."""
    frame = table()
    frame["labels"] = [
        ";".join(name for name, on in (("hot", a > 3), ("wet", b > 3), ("new", c > 3)) if on)
        for a, b, c in zip(frame["a"], frame["b"], frame["c"].fillna(0), strict=True)
    ]
    path = tmp_path / "table.parquet"
    frame.to_parquet(path, row_group_size=200, index=False)
    target = {"regression": "number", "autoencoder": None, "multilabel": "labels"}[task]
    drop = [name for name in ("class", "number", "labels") if name != target]
    settings = {"max_iter": 30, "learning_rate_init": 0.01}
    run = workflows.fit(
        path, target=target, task=task, drop=drop, blocks=True, out=None, settings=settings
    )

    assert run.task == task
    assert run.metrics.shortfall == ""
    good = {"regression": "r2", "autoencoder": "r2", "multilabel": "f1_micro"}[task]
    # Two numbers cannot hold seven independent columns.
    assert getattr(run.metrics.test, good) > (0.25 if task == "autoencoder" else 0.8)


@pytest.mark.usefixtures("few")
def test_the_best_epoch_is_kept(parquet: Path) -> None:
    """The validation loss of the weights that are left is the smallest of the curve."""
    settings = {"max_iter": 12, "learning_rate_init": 0.05, "n_iter_no_change": 3}
    run = workflows.fit(parquet, target="class", settings=settings, **FIT)
    losses = [loss for loss in run.fit.history.validation_loss if loss is not None]

    assert run.fit.restored_best
    assert run.fit.best_epoch == int(np.argmin(losses)) + 1
    assert run.metrics.validation is not None
    assert run.metrics.validation.log_loss == pytest.approx(min(losses), rel=1e-4)


def test_rows_are_told_while_they_are_read(parquet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants to know hears of every window and of every epoch, once each."""
    monkeypatch.setattr(block_parts, "_window", lambda *_: 5)
    told: list[Any] = []

    class Told:
        def on_start(self, plan: Any, state: Any) -> None:  # noqa: ARG002  (the protocol's)
            told.append(plan.stopping.max_epochs)

        def on_rows(self, epoch: int, done: int, n_rows: int) -> None:
            told.append((epoch, done, n_rows))

        def on_epoch(self, record: Any, state: Any) -> None:  # noqa: ARG002  (same)
            told.append(f"epoch {record.epoch}")

        def on_end(self, result: Any) -> None:
            told.append(f"end after {result.n_epochs}")

    run = workflows.fit(
        parquet, target="class", settings={"max_iter": 2}, observers=[Told()], **FIT
    )
    n_rows = run.split.train
    rows = [one for one in told if isinstance(one, tuple)]

    assert (told[0], told[-2:]) == (2, ["epoch 2", "end after 2"])
    assert len(rows) == 2 * 6
    assert rows[5] == (1, n_rows, n_rows)


class StopAfter:
    """Ends a training, as a kill would, after so many windows."""

    def __init__(self, n_windows: int, error: type[BaseException] = MemoryError) -> None:
        self.left, self.error = n_windows, error

    def on_start(self, plan: Any, state: Any) -> None:
        """Do nothing."""

    def on_rows(self, epoch: int, done: int, n_rows: int) -> None:  # noqa: ARG002  (the protocol's)
        """Count down."""
        self.left -= 1
        if self.left < 0:
            raise self.error("as good as a kill")

    def on_epoch(self, record: Any, state: Any) -> None:
        """Do nothing."""

    def on_end(self, result: Any) -> None:
        """Do nothing."""


STUDY = """
name = "large"
seed = 3
[data]
source = "{path}"
target = "{target}"
drop = ["{other}"]
blocks = true
[model]
hidden_layer_sizes = [16, 8]
batch_size = 16
max_iter = {epochs}
dropout = 0.1
n_iter_no_change = 100
"""


def study_file(path: Path, folder: Path, *, target: str = "class", epochs: int = 4) -> Path:
    """Write a study and return where it is."""
    other = "number" if target == "class" else "class"
    file = folder / "large.toml"
    file.write_text(STUDY.format(path=path, target=target, other=other, epochs=epochs))
    return file


def weights(run: Path) -> list[Any]:
    """Return the weights of the model of a run."""
    return list(mlplab.load(run).estimator.coefs_)


@pytest.mark.usefixtures("few", "often")
@pytest.mark.parametrize("target", ["class", "number"])
def test_a_run_that_was_ended_goes_on_to_the_same_weights(
    tmp_path: Path, parquet: Path, target: str
) -> None:
    """Wherever in an epoch it ended, weights and curves are those of a run without a break."""
    path = study_file(parquet, tmp_path, target=target)
    whole = workflows.run(path, out=tmp_path / "whole")
    for n_windows in (2, 3, 1):
        with pytest.raises(MemoryError):
            workflows.run(
                path, out=tmp_path / "runs", resume=True, observers=[StopAfter(n_windows)]
            )
    told: list[str] = []
    ended = workflows.run(path, out=tmp_path / "runs", resume=True, announce=told.append)

    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert any("1 epochs and" in line for line in told)
    assert ended.folder is not None
    assert whole.folder is not None
    assert not (ended.folder / long_runs.CHECKPOINT).exists()
    assert list(ended.fit.history.loss) == list(whole.fit.history.loss)
    assert ended.metrics == whole.metrics
    for mine, yours in zip(weights(ended.folder), weights(whole.folder), strict=True):
        np.testing.assert_array_equal(mine, yours)


@pytest.mark.usefixtures("few", "often")
def test_an_interrupt_keeps_what_was_learned(tmp_path: Path, parquet: Path) -> None:
    """The run is judged and kept, and goes on from its checkpoint."""
    path = study_file(parquet, tmp_path)
    stop = StopAfter(5, KeyboardInterrupt)
    run = workflows.run(path, out=tmp_path / "runs", observers=[stop])
    whole = workflows.run(path, out=tmp_path / "whole")
    ended = workflows.run(path, out=tmp_path / "runs", resume=True)

    assert run.interrupted
    assert run.folder is not None
    assert ended.folder == run.folder
    assert ended.metrics == whole.metrics


@pytest.mark.usefixtures("few", "often")
def test_other_rows_are_no_continuation(tmp_path: Path, parquet: Path) -> None:
    """One changed row outside of the sample is noticed by what all rows teach."""
    path = study_file(parquet, tmp_path)
    with pytest.raises(MemoryError):
        workflows.run(path, out=tmp_path / "runs", observers=[StopAfter(2)])
    frame = table()
    draws = row_draws(0, 3000, 3)
    frame.loc[int(np.argmax(draws)), "a"] += 1e-3
    frame.to_parquet(parquet, row_group_size=100, index=False)
    with pytest.raises(DataError, match="the data have changed"):
        workflows.run(path, out=tmp_path / "runs", resume=True)


@pytest.mark.slow
def test_a_killed_training_ends_in_the_same_weights(tmp_path: Path) -> None:
    """SIGKILL at any moment, again and again: the same weights, bit for bit."""
    data = tmp_path / "table.parquet"
    table(60_000).to_parquet(data, row_group_size=1_000, index=False)
    path = study_file(data, tmp_path, epochs=6)
    often = (
        "import sys; from mlplab.workflows import long_runs; long_runs.PIECE_SECONDS = 0.0; "
        "from mlplab.cli.app import run; sys.exit(run(sys.argv[1:]))"
    )
    workflows.run(path, out=tmp_path / "whole")
    out = tmp_path / "runs"
    command = [sys.executable, "-c", often, "run", str(path), "--resume", "--out", str(out), "-q"]
    killed = 0
    while killed < 5:
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        before = _checkpoint(out)
        while _checkpoint(out) == before and process.poll() is None:
            time.sleep(0.01)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
    if process.poll() != 0:
        subprocess.run(command, check=True, capture_output=True)

    assert killed >= 3
    (mine,), (yours,) = (list((tmp_path / name).iterdir()) for name in ("runs", "whole"))
    for one, other in zip(weights(mine), weights(yours), strict=True):
        np.testing.assert_array_equal(one, other)


def _checkpoint(out: Path) -> list[tuple[int, int]]:
    found = [path.stat() for path in out.glob(f"*/{long_runs.CHECKPOINT}")]
    return [(one.st_mtime_ns, one.st_ino) for one in found]


@pytest.mark.slow
def test_memory_is_that_of_the_window(tmp_path: Path) -> None:
    """Four times as many rows take no more memory: nothing grows with the table."""
    peaks = []
    for n_rows in (200_000, 800_000):
        path = tmp_path / f"{n_rows}.parquet"
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(rng.normal(size=(n_rows, 12)), columns=[f"x{k}" for k in range(12)])
        frame.assign(y=frame["x0"] > 0).to_parquet(path, row_group_size=10_000, index=False)
        code = (
            "from mlplab import workflows; from mlplab.workflows import block_parts as b;"
            "b.MOST_SAMPLED = b.MOST_VALIDATED = b.MOST_TESTED = 5_000;"
            f"workflows.fit({str(path)!r}, target='y', blocks=True, out=None,"
            " settings={'max_iter': 1});"
            "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])"
        )
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        peaks.append(int(done.stdout) * 1024)
        path.unlink()
    grown = 600_000 * 12 * 8

    assert peaks[1] - peaks[0] < grown / 2


# ---------------------------------------------------------------------- passes


def test_passes_over_one_window_are_partial_fits() -> None:
    """What a pass does to the weights is what `partial_fit` does, with the same seeds."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 4)), rng.integers(0, 3, 300)
    ours = MLPClassifier((8,), random_state=5, batch_size=32)
    passes = Passes(ours, x[:3], np.arange(3), n_rows=300)
    plain = MLPClassifier((8,), random_state=5, batch_size=3).initialize(x[:3], np.arange(3))
    plain.set_params(batch_size=32)
    for seed in range(4):
        passes.learn(x, y, seed)
        passes.next_window()
        record = passes.close(0.0)
        plain.set_params(random_state=seed).partial_fit(x, y)

        assert record.epoch == seed + 1
        assert record.loss == pytest.approx(plain.loss_)
    for mine, yours in zip(ours.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(mine, yours)


def test_diverging_passes_leave_the_best_weights() -> None:
    """Of the best whole pass, and the result says what happened."""
    x = np.random.default_rng(0).normal(size=(64, 3))
    network = MLPRegressor(
        hidden_layer_sizes=(4,), solver="sgd", random_state=0, learning_rate_init=0.01
    )
    passes = Passes(network, x[:2], x[:2, 0], n_rows=64)
    passes.learn(x, x[:, 0], 0)
    passes.close(0.0)
    good = [coef.copy() for coef in network.coefs_]
    with pytest.raises(DivergedError):
        passes.learn(x, x[:, 0] * 1e300, 1)
    result = passes.leave(History(), 1.0)

    assert result.status.name == "DIVERGED"
    for mine, best in zip(network.coefs_, good, strict=True):
        np.testing.assert_array_equal(mine, best)


# ---------------------------------------------------------------------- arrays on disk


@pytest.mark.parametrize("early_stopping", [False, True])
def test_arrays_on_disk_are_not_copied(tmp_path: Path, early_stopping: bool) -> None:
    """A mapped array goes into `fit` as it lies, in its dtype; memory does not grow with it."""
    n_rows, n_columns = 200_000, 40
    rng = np.random.default_rng(0)
    array = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (n_rows, n_columns))
    array[:] = rng.standard_normal((n_rows, n_columns), dtype=np.float32)
    array.flush()
    code = f"""
import numpy as np, tracemalloc
from mlplab import MLPRegressor
X = np.load({str(tmp_path / "x.npy")!r}, mmap_mode="r")
y = np.asarray(X[:, 0] * X[:, 1])
network = MLPRegressor(hidden_layer_sizes=(4,), batch_size=500, max_iter=2, tol=0.0,
    early_stopping={early_stopping}, validation_fraction=0.02, random_state=0)
network.fit(X[:1000], y[:1000])
tracemalloc.start()
network.fit(X, y)
print(tracemalloc.get_traced_memory()[1])
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True
    )

    assert int(done.stdout) < array.nbytes / 2


# ---------------------------------------------------------------------- predicting


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a trained model of the table."""
    out = tmp_path_factory.mktemp("model")
    run = workflows.fit(table(), target="class", drop=["number"], out=out, settings={"max_iter": 5})
    assert run.folder is not None
    return run.folder


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
@pytest.mark.parametrize("keep", [None, "word", "n"])
def test_predictions_in_blocks_are_those_at_once(
    tmp_path: Path, model: Path, suffix: str, keep: str | None
) -> None:
    """The same bytes of text, the same table in Parquet, unknown words told once."""
    frame = table(700, seed=2)
    frame["n"] = pd.array([None if k in {5, 600} else k for k in range(700)], dtype="Int64")
    frame.loc[[3, 500], "word"] = ["new", "newer"]
    path = tmp_path / "rows.parquet"
    frame.to_parquet(path, row_group_size=100, index=False)
    outs = [tmp_path / f"{name}{suffix}" for name in ("once", "blocks")]
    said = []
    for out, blocks in zip(outs, (False, True), strict=True):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = workflows.predict_file(model, path, out, keep=keep, blocks=blocks)
        said.append({str(one.message) for one in caught})

    assert found.n_rows == 700
    assert said[0] == said[1]
    assert any("holds 2 values that training never saw" in sentence for sentence in said[0])
    if suffix == ".parquet":
        once, blocked = (pd.read_parquet(out) for out in outs)
        pd.testing.assert_frame_equal(once, blocked)
        assert found.columns == tuple(once.columns)
    else:
        assert outs[0].read_bytes() == outs[1].read_bytes()
    assert not (tmp_path / f"blocks{suffix}.parts").exists()


def test_text_in_blocks_predicts_as_at_once(tmp_path: Path, model: Path) -> None:
    """Types belong to the whole file, and options of reading are passed on."""
    path = tmp_path / "rows.csv"
    table(400, seed=3).to_csv(path, index=False, sep=";")
    outs = [tmp_path / "once.csv", tmp_path / "blocks.csv"]
    for out, blocks in zip(outs, (False, True), strict=True):
        workflows.predict_file(model, path, out, blocks=blocks, reading={"separator": ";"})

    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_finished_parts_are_not_made_again(
    tmp_path: Path, model: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that was ended goes on where it was, without being asked for blocks again."""
    out, calls = tmp_path / "out.csv", []
    answer = predicting_files.answer

    def counting(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 13:
            raise MemoryError("as good as a kill")
        return answer(*arguments)

    monkeypatch.setattr(predicting_files, "answer", counting)
    with pytest.raises(MemoryError):
        workflows.predict_file(model, parquet, out, blocks=True)
    assert not out.exists()
    assert len(list((tmp_path / "out.csv.parts").glob("part-*"))) == 12
    told: list[str] = []
    workflows.predict_file(model, parquet, out, announce=told.append)

    assert told[0] == "Going on: 12 of 30 blocks are predicted."
    assert len(calls) == 13 + 18
    workflows.predict_file(model, parquet, tmp_path / "once.csv", blocks=False)
    assert out.read_bytes() == (tmp_path / "once.csv").read_bytes()


def test_parts_of_something_else_are_made_again(
    tmp_path: Path, model: Path, parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file, another model, another column to keep: nothing of the old parts is used."""
    out = tmp_path / "out.csv"
    monkeypatch.setattr(predicting_files._Job, "join", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        workflows.predict_file(model, parquet, out, blocks=True)
    monkeypatch.undo()
    table(seed=8).to_parquet(parquet, row_group_size=100, index=False)
    told: list[str] = []
    workflows.predict_file(model, parquet, out, blocks=True, announce=told.append)
    workflows.predict_file(model, parquet, tmp_path / "once.csv", blocks=False)

    assert not any(line.startswith("Going on") for line in told)
    assert out.read_bytes() == (tmp_path / "once.csv").read_bytes()


def test_a_wrong_row_is_named(tmp_path: Path, model: Path) -> None:
    """With line and file; nothing half is left, and no folder without parts."""
    frame = table(300)
    frame["a"] = frame["a"].astype(object)
    frame.loc[250, "a"] = "much"
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    with pytest.raises(DataError, match=r"row 251 \(line 252 of rows.csv\) holds 'much'"):
        workflows.predict_file(model, path, tmp_path / "out.csv", blocks=True)
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(DataError, match="'a' is not there"):
        workflows.predict_file(model, _without(path, "a"), tmp_path / "none.csv", blocks=True)
    assert not (tmp_path / "none.csv.parts").exists()


def _without(path: Path, column: str) -> Path:
    """Write a table again without a column."""
    other = path.with_stem("other")
    pd.read_csv(path).drop(columns=column).to_csv(other, index=False)
    return other


def test_two_do_not_write_one_file(tmp_path: Path, model: Path, parquet: Path) -> None:
    """The second one is told."""
    out = tmp_path / "out.csv"
    with (
        predicting_files._parts(tmp_path / "out.csv.parts", {}),
        pytest.raises(OutputError, match="another process is writing"),
    ):
        workflows.predict_file(model, parquet, out, blocks=True)


def test_predictions_spare_the_files_of_a_run(model: Path, parquet: Path) -> None:
    """What a run keeps for its report is not written over; other names in its folder are free."""
    kept = (model / "predictions.parquet").read_bytes()
    for verb in (workflows.predict, workflows.predict_file):
        with pytest.raises(ParameterError, match="`out` must not be a file of a run"):
            verb(model, parquet, model / "predictions.parquet")
    workflows.predict(model, parquet, model / "mine.parquet")

    assert (model / "predictions.parquet").read_bytes() == kept
    (model / "mine.parquet").unlink()


@pytest.mark.slow
def test_killed_predictions_are_complete_in_the_end(tmp_path: Path, model: Path) -> None:
    """SIGKILL again and again: finished parts stay, and the file is that of one call."""
    rows = tmp_path / "rows.parquet"
    table(60_000, seed=4).to_parquet(rows, row_group_size=500, index=False)
    out = tmp_path / "out.csv"
    command = [sys.executable, "-m", "mlplab", "predict", str(model), str(rows)]
    command += ["--out", str(out), "--blocks"]
    parts, kept = tmp_path / "out.csv.parts", [0]
    for _ in range(4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(list(parts.glob("part-*"))) < kept[-1] + 3 and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept.append(len(list(parts.glob("part-*"))))
        assert not out.exists()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    workflows.predict_file(model, rows, tmp_path / "once.csv", blocks=False)

    assert kept == sorted(set(kept))
    assert f"Going on: {kept[-1]} of 120 blocks are predicted." in done.stderr
    assert out.read_bytes() == (tmp_path / "once.csv").read_bytes()


# ---------------------------------------------------------------------- the command line


def test_the_command_line_fits_and_predicts_in_blocks(
    tmp_path: Path, parquet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures at the end, rows a second on the way, a folder of files as one table."""
    out = tmp_path / "runs"
    arguments = ["fit", str(parquet), "--target", "class", "--drop", "number", "--blocks"]
    assert mlplab_command([*arguments, "--out", str(out), "--set", "max_iter=2"]) == 0
    printed = capsys.readouterr()
    (run,) = out.iterdir()

    assert "test rows are classified rightly" in printed.out
    assert "rows" in printed.err
    folder = tmp_path / "folder"
    folder.mkdir()
    parquet.rename(folder / parquet.name)
    answers = tmp_path / "answers.parquet"
    assert mlplab_command(["predict", str(run), str(folder), "--out", str(answers)]) == 0
    assert len(pd.read_parquet(answers)) == 3_000
    assert json.loads((run / "metrics.json").read_text())["test"]["n_rows"] > 500


def test_a_stream_is_no_part_of_small_tables() -> None:
    """In memory nothing has changed: there is no stream, and all rows train."""
    parts = deal_parts(study(Path("(in memory)")), read_source(table(100)))

    assert parts.stream is None
    assert parts.n_train == len(parts.train)
    assert block_training.__doc__


def test_a_sweep_needs_its_rows_in_memory(parquet: Path) -> None:
    """It says so, in place of reading a file that may be too large."""
    table = DataTable(source=str(parquet), target="class", blocks=True)
    sweep = SweepTable.model_validate({"space": {"alpha": [0.1, 1.0]}})
    with pytest.raises(StudyError, match="must have its rows in memory"):
        workflows.sweep(Study(data=table, sweep=sweep), out=None)
