"""Where trainings run: processes that die, and clusters of two local workers."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from tests.sweeps.synthetic import Walk, comparable, small_sweep, wide_space
from threadpoolctl import threadpool_info

from mlplab import sweeps, workflows
from mlplab.errors import MissingExtraError
from mlplab.sweeps import Done, Job, Sweep
from mlplab.sweeps.backends import chunks, open_backend
from mlplab.workflows.study_file import parse_study


class Deadly(Walk):
    """Kills its process for one configuration."""

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Walk, or die."""
        if any(job.configuration["x"] == 0.2 for job in jobs):
            os._exit(1)
        super().train(jobs, done)


def test_a_training_that_kills_its_worker_fails() -> None:
    """The others do not, although they were lost with it."""
    table = {"space": {"x": [0.1, 0.2, 0.3, 0.4]}, "score": "accuracy"}
    result = sweeps.run(sweeps.sweep_from_table(table), Deadly(), backend="processes", jobs=2)
    assert [trial.status for trial in result.trials] == ["done", "failed", "done", "done"]
    assert "Terminated" in (result.trials[1].reason or "")


class Counting(Walk):
    """Notes how many threads linear algebra may have."""

    def train(self, jobs: Sequence[Job], done: Done) -> None:
        """Look, then walk."""
        THREADS.append(_blas_threads())
        super().train(jobs, done)


THREADS: list[int] = []


def _blas_threads() -> int:
    found = [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]
    return max(found, default=1)


def test_threads_share_the_processors_with_linear_algebra() -> None:
    """Each training has its part of them while they run, and all are free again afterwards."""
    before = _blas_threads()
    THREADS.clear()
    sweeps.run(small_sweep(), Counting(), backend="threads", jobs=64)
    assert set(THREADS) == {1}
    assert _blas_threads() == before


@pytest.mark.parametrize("n", [1, 7, 100, 5000])
@pytest.mark.parametrize("bounds", [(1, 1), (1, 10**6), (20, 50)])
def test_chunks_cover_everything_once(n: int, bounds: tuple[int, int]) -> None:
    """One after the other, not longer towards the end, within their bounds."""
    cuts = list(chunks(n, 2, *bounds))
    assert [place for start, stop in cuts for place in range(start, stop)] == list(range(n))
    lengths = [stop - start for start, stop in cuts]
    assert lengths == sorted(lengths, reverse=True)
    assert all(bounds[0] <= length <= bounds[1] for length in lengths[:-1])


@pytest.fixture
def cluster_warnings() -> Iterator[None]:
    """Clusters warn of sockets and of what will change in them; that is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("cluster_warnings")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", ["dask", "ray"])
@pytest.mark.parametrize("kind", ["grid", "hyperband"])
def test_clusters_give_the_same(backend: Any, kind: str) -> None:
    """Two workers started here; every bit as in one process."""
    pytest.importorskip("distributed" if backend == "dask" else "ray")
    sweep = small_sweep()
    if kind == "hyperband":
        sweep = Sweep(wide_space(), sweeps.Hyperband(), ("accuracy",))
    result = sweeps.run(sweep, Walk(), backend=backend, jobs=2)
    assert comparable(result) == comparable(sweeps.run(sweep, Walk()))


@pytest.mark.slow
@pytest.mark.usefixtures("cluster_warnings")
@pytest.mark.filterwarnings("ignore")
def test_a_running_scheduler_is_found_by_address() -> None:
    """Of Dask, for example; its workers train."""
    distributed = pytest.importorskip("distributed")
    study = parse_study(
        'data = { source = "iris" }\nmodel = { max_iter = 5 }\n'
        "sweep = { space = { alpha = [0.1, 1.0], hidden_layer_sizes = [[4], [8]] } }"
    )
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as one:
        address = one.scheduler_address
        result = sweeps.run(small_sweep(), Walk(), backend="dask", address=address)
        backend = open_backend("dask", Walk(), None, address)
        with backend:
            assert backend.workers == 2  # those of the cluster, however many there are here
        swept = workflows.sweep(study, out=None, backend="dask", address=address)
    assert comparable(result) == comparable(sweeps.run(small_sweep(), Walk()))
    here = workflows.sweep(study, out=None)
    assert [trial.mean("accuracy") for trial in swept.result.trials] == [
        trial.mean("accuracy") for trial in here.result.trials
    ]


@pytest.mark.parametrize(("backend", "module"), [("dask", "distributed"), ("ray", "ray")])
def test_missing_clusters_are_named(
    backend: Any, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the extra that brings them."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"needs {module}.*mlplab\[cluster\]"):
        sweeps.run(small_sweep(), Walk(), backend=backend)
