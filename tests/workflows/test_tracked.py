"""Runs and sweeps in MLflow, Weights & Biases and TensorBoard, read back by their own readers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplab import workflows
from mlplab.errors import ParameterError, StudyError
from mlplab.results import RunResult
from mlplab.tracking import TensorBoardTracker
from mlplab.workflows.study import MLflowTable, WandbTable
from mlplab.workflows.study_file import parse_study
from mlplab.workflows.study_text import study_to_toml
from mlplab.workflows.sweep_summary import StudySweep
from mlplab.workflows.tracked import track_table

# Their own deprecations are not ours.
pytestmark = pytest.mark.filterwarnings("ignore:::(mlflow|wandb|tensorboard|google|pydantic).*")

SWEEP = """
name = "small"
[data]
source = "wine"
[model]
max_iter = 12
learning_rate_init = 0.02
[track]
{track}
[sweep]
score = ["accuracy", "f1_macro"]
seeds = 2
retrain = {{ best = 1, seeds = 1 }}
[sweep.space]
hidden_layer_sizes = [[2], [4], [8]]
solver = ["adam", "sgd"]
momentum = {{ values = [0.5, 0.9], when = {{ solver = "sgd" }} }}
"""


@pytest.fixture(scope="module", autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's settings away from the tests, and their files away from the user."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
            patch.delenv(name, raising=False)
        for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp("wandb")))
        patch.setenv("WANDB_ERROR_REPORTING", "false")
        yield


def one_below(folder: Path, pattern: str) -> Path:
    """Return the only path that fits."""
    (found,) = folder.glob(pattern)
    return found


def fit(out: Path, **track: Any) -> RunResult:
    """Train a small network, tracked."""
    settings = {"max_iter": 8, "hidden_layer_sizes": [4], "early_stopping": True}
    return workflows.fit("wine", settings=settings, out=out, track=track)


def losses(result: RunResult) -> list[float]:
    """Return the losses of the epochs."""
    return list(result.fit.history.loss)


def accuracy(result: RunResult) -> Any:
    """Return the accuracy on the test rows."""
    return getattr(result.metrics.test, "accuracy", None)


def sweep(out: Path, track: str) -> StudySweep:
    """Sweep nine configurations, tracked."""
    return workflows.sweep(parse_study(SWEEP.format(track=track)), out=out)


def means(swept: StudySweep) -> dict[int, float | None]:
    """Return the deciding score of each trial."""
    return {trial.number: trial.mean("accuracy") for trial in swept.result.trials}


@pytest.fixture(scope="module")
def mlflow_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of all runs for MLflow, whose database takes seconds to make."""
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    return tmp_path_factory.mktemp("mlflow")


def test_a_run_in_mlflow(mlflow_out: Path, recwarn: pytest.WarningsRecorder) -> None:
    """Parameters, every epoch, figures, report and model, in a SQLite file."""
    import mlflow

    result = fit(mlflow_out, mlflow={"experiment": "one"})
    assert not [w for w in recwarn if issubclass(w.category, UserWarning)]
    assert result.folder is not None
    client = mlflow.MlflowClient(f"sqlite:///{mlflow_out / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("one")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == result.folder.name
    assert run.info.status == "FINISHED"
    assert run.data.params["model.hidden_layer_sizes"] == "[4]"
    assert run.data.params["data.source"] == "wine"
    assert run.data.params["seed"] == "0"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in history] == list(range(1, 9))
    assert [point.value for point in history] == losses(result)
    assert len(client.get_metric_history(run.info.run_id, "validation_loss")) == 8
    assert run.data.metrics["test/accuracy"] == accuracy(result)
    stored = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert stored == {"report.html", "model.safetensors", "metrics.json"}
    local = client.download_artifacts(run.info.run_id, "model.safetensors")
    assert workflows.load(local).task == "classification"


def test_a_sweep_in_mlflow(mlflow_out: Path) -> None:
    """A run with a table of all trials, and the best as runs below it."""
    import mlflow

    swept = sweep(mlflow_out, 'mlflow = { experiment = "many", trials = 2 }')
    client = mlflow.MlflowClient(f"sqlite:///{mlflow_out / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("many")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = {run.info.run_name: run for run in runs if run is not parent}
    best = swept.result.best(2)
    assert set(children) == {f"trial {one.number}" for one in best}
    for trial in best:
        data = children[f"trial {trial.number}"].data
        assert data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert data.params["solver"] == trial.configuration["solver"]
        assert data.metrics["accuracy"] == trial.mean("accuracy")
        assert data.metrics["accuracy spread"] == trial.spread("accuracy")
    assert parent.data.metrics["best/accuracy"] == best[0].mean("accuracy")
    assert parent.data.params["sweep.seeds"] == "2"
    assert "test/accuracy" in parent.data.metrics
    shown = client.get_metric_history(parent.info.run_id, "trained")
    assert shown[-1].value == swept.result.n_trained
    path = client.download_artifacts(parent.info.run_id, "trials.json")
    table = json.loads(Path(path).read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    # MLflow writes ten digits.
    assert {row["trial"]: row["accuracy"] for row in rows} == pytest.approx(means(swept), abs=1e-9)
    stored = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"sweep.json", "trials.parquet", "curves.parquet", "model.safetensors"} <= stored


def test_a_server_of_mlflow_that_is_away_costs_seconds(tmp_path: Path) -> None:
    """And one warning without the password; the run is kept as always."""
    pytest.importorskip("mlflow")
    with pytest.warns(UserWarning, match="MLflow .* could not begin") as caught:
        result = fit(tmp_path, mlflow={"uri": "http://me:secret@127.0.0.1:1"})
    assert "secret" not in "".join(str(warning.message) for warning in caught)
    assert result.folder is not None
    assert (result.folder / "report.html").is_file()


def records(out: Path, kind: str) -> list[dict[str, Any]]:
    """Return what the only run of wandb holds of a kind, as its own inspector tells it."""
    path = one_below(out, "wandb/offline-run-*/*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [one[kind] for one in told if one["type"] == kind]


def test_a_run_in_wandb(tmp_path: Path) -> None:
    """Offline: parameters, every epoch, figures, report and model."""
    pytest.importorskip("wandb")
    result = fit(tmp_path, wandb={"project": "one"})
    assert result.folder is not None
    (run,) = records(tmp_path, "run")
    assert (run["project"], run["display_name"]) == ("one", result.folder.name)
    assert run["config"]["update"]["model.hidden_layer_sizes"] == "[4]"
    assert run["config"]["update"]["model.max_iter"] == 8
    items = [record["item"] for record in records(tmp_path, "history")]
    assert [item["epoch"] for item in items] == list(range(1, 9))
    assert [item["loss"] for item in items] == losses(result)
    assert all("validation_score" in item for item in items)
    summary = {k: v for one in records(tmp_path, "summary") for k, v in one["update"].items()}
    assert summary["test/accuracy"] == accuracy(result)
    (artifact,) = records(tmp_path, "artifact")
    contents = {one["path"]: Path(one["local_path"]) for one in artifact["manifest"]["contents"]}
    assert set(contents) == {"report.html", "model.safetensors", "metrics.json"}
    assert contents["report.html"].read_bytes() == (result.folder / "report.html").read_bytes()
    assert records(tmp_path, "exit")[0].get("exit_code", 0) == 0


def test_a_sweep_in_wandb(tmp_path: Path) -> None:
    """One run with a table of all trials."""
    pytest.importorskip("wandb")
    swept = sweep(tmp_path, "wandb = true")
    items = [record["item"] for record in records(tmp_path, "history")]
    assert items[0]["trained"] == swept.result.n_trained
    (path,) = (item["trials.path"] for item in items if "trials.path" in item)
    run = one_below(tmp_path, "wandb/offline-run-*")
    table = json.loads((run / "files" / path).read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert {row["trial"]: row["accuracy"] for row in rows} == means(swept)
    assert {row["momentum"] for row in rows} == {None, 0.5, 0.9}


@pytest.mark.slow
def test_a_server_of_wandb_that_is_away_is_waited_for_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a minute, then the training goes on."""
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    with pytest.warns(UserWarning, match="Weights & Biases .* could not begin"):
        result = fit(tmp_path, wandb={"mode": "online"})
    assert result.folder is not None
    assert (result.folder / "report.html").is_file()


def read_events(folder: Path) -> Any:
    """Return what the files of events in a folder hold, read as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()


def read_session(found: Any) -> dict[str, Any]:
    """Return the parameters of a session, as the tab HParams takes them."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    content = found.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    told = HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in told.items()}


@pytest.fixture
def _tensorboard() -> None:
    pytest.importorskip("tensorboardX")
    pytest.importorskip("tensorboard")


@pytest.mark.usefixtures("_tensorboard")
def test_a_run_in_tensorboard(tmp_path: Path) -> None:
    """Every epoch, figures, and a row for the tab HParams."""
    result = fit(tmp_path, tensorboard=True)
    assert result.folder is not None
    found = read_events(tmp_path / "tensorboard" / result.folder.name)
    shown = found.Scalars("loss")
    assert [event.step for event in shown] == list(range(1, 9))
    assert [event.value for event in shown] == pytest.approx(losses(result), rel=1e-6)
    (test,) = found.Scalars("test/accuracy")
    assert (test.step, test.value) == (8, pytest.approx(accuracy(result)))
    assert {"validation_loss", "validation_score", "learning_rate"} <= set(found.Tags()["scalars"])
    session = read_session(found)
    assert (session["model.max_iter"], session["model.hidden_layer_sizes"]) == (8.0, "[4]")
    (text,) = found.Tensors("files/text_summary")
    assert str(result.folder / "model.safetensors") in text.tensor_proto.string_val[0].decode()


@pytest.mark.usefixtures("_tensorboard")
def test_a_sweep_in_tensorboard(tmp_path: Path) -> None:
    """A session for each trial, with what it varied and how it scored."""
    swept = sweep(tmp_path, 'tensorboard = { folder = "%s" }' % (tmp_path / "board"))
    assert swept.folder is not None
    found = read_events(tmp_path / "board" / swept.folder.name)
    assert found.Scalars("trained")[-1].value == swept.result.n_trained
    for trial in swept.result.trials:
        session = read_events(tmp_path / "board" / swept.folder.name / f"trial-{trial.number:04}")
        assert session.Scalars("accuracy")[0].value == pytest.approx(trial.mean("accuracy"))
        assert read_session(session)["solver"] == trial.configuration["solver"]


@pytest.mark.usefixtures("_tensorboard")
def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path: Path) -> None:
    """And nothing of the run, nor of the sweep."""
    (tmp_path / "board").write_text("a file is in the way")
    options = {"folder": str(tmp_path / "board")}
    with pytest.warns(UserWarning, match="TensorBoard .* could not begin: FileExistsError"):
        assert accuracy(fit(tmp_path, tensorboard=options)) is not None
    with pytest.warns(UserWarning, match="TensorBoard .* could not begin: FileExistsError"):
        swept = sweep(tmp_path, 'tensorboard = { folder = "%s" }' % (tmp_path / "board"))
    assert swept.model is not None


@pytest.mark.usefixtures("_tensorboard")
def test_a_tracker_that_fails_in_the_middle_of_a_sweep_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the warnings of trainings are held back."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TensorBoardTracker, "log", full)
    with pytest.warns(UserWarning, match="could not write: OSError") as caught:
        swept = sweep(tmp_path, "tensorboard = true")
    assert len(caught) == 1
    assert swept.result.n_trained == 18


def test_the_study_of_a_run_tracks_again(tmp_path: Path) -> None:
    """What was asked for stands in the study that the folder holds."""
    study = parse_study(SWEEP.format(track='mlflow = true\nwandb = { mode = "online" }'))
    assert parse_study(study_to_toml(study)) == study
    assert study.track is not None
    assert study.track.mlflow == MLflowTable()
    assert study.track.wandb == WandbTable(mode="online")
    assert study.track.tensorboard is None
    assert "[track]" not in (fit(tmp_path).folder or tmp_path).joinpath("study.toml").read_text()


MISTAKES = {
    "mlfow = true": (9, "`track` has no key 'mlfow'. Did you mean 'mlflow'"),
    "mlflow = 'yes'": (9, "`track.mlflow` must be true, false or a table; got 'yes'"),
    "mlflow = { url = 'x' }": (9, "`track.mlflow` has no key 'url'. Did you mean 'uri'"),
    "wandb = { mode = 'ofline' }": (9, "`track.wandb.mode` must be 'offline' or 'online'"),
    "mlflow = { trials = -1 }": (9, "`track.mlflow.trials` must be at least 0"),
}


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_are_answered_with_their_line(line: str) -> None:
    """And with what would be right."""
    where, sentence = MISTAKES[line]
    with pytest.raises(StudyError) as caught:
        parse_study(SWEEP.format(track=line), "wine.toml")
    assert str(caught.value).startswith(f"wine.toml, line {where}: {sentence}")


@pytest.mark.parametrize(
    ("track", "table"),
    [
        (None, None),
        ("mlflow", {"mlflow": True}),
        (["mlflow", "wandb"], {"mlflow": True, "wandb": True}),
        ({"mlflow": {"uri": "http://…"}}, {"mlflow": {"uri": "http://…"}}),
    ],
)
def test_trackers_by_name_or_with_options(track: Any, table: Any) -> None:
    """From Python."""
    assert track_table(track) == table


def test_unknown_trackers_are_named(tmp_path: Path) -> None:
    """Before anything is trained."""
    with pytest.raises(ParameterError, match=r"got 'mlfow'\. Did you mean 'mlflow'"):
        workflows.fit("wine", out=tmp_path / "runs", track=["mlfow"])
    assert not (tmp_path / "runs").exists()
