"""`mlplab serve` as a process: under load, with several workers, and at its end."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from mlplab import workflows
from mlplab.cli.app import app
from mlplab.errors import ParameterError
from mlplab.serving import serve

ROOT = Path(__file__).parents[2]
BENCHMARK = ROOT / "benchmarks" / "serve_load.py"


def benchmark() -> Any:
    """Return the module that puts a server under load."""
    spec = importlib.util.spec_from_file_location("serve_load", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["serve_load"] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Return a model file and the model."""
    settings = {"max_iter": 30}
    run = workflows.fit("breast_cancer", hidden=(16,), settings=settings, out=None)
    path = tmp_path_factory.mktemp("served") / "model.safetensors"
    return workflows.save(path, run.model), run.model


def test_an_address_in_use_is_told(served: tuple[Path, Any]) -> None:
    """In one sentence, with exit status 2; workers are counted from one."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        found = CliRunner().invoke(app, ["serve", str(served[0]), "--port", str(port)])
    assert found.exit_code == 2
    assert f"got 127.0.0.1:{port}" in found.stderr
    assert "Choose another port" in found.stderr
    with pytest.raises(ParameterError, match="`workers` must be at least 1; got 0"):
        serve(served[0], workers=0)


def test_without_the_extra_its_name_is_told(served: tuple[Path, Any]) -> None:
    """Exit status 2, and what to install."""
    code = "import sys\nsys.modules['uvicorn'] = None\n"
    code += f"sys.argv = ['mlplab', 'serve', {str(served[0])!r}]\n"
    code += "from mlplab.__main__ import main\nmain()"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "pip install 'mlplab[serve]'" in found.stderr


@pytest.mark.slow
def test_a_thousand_requests_in_flight(served: tuple[Path, Any]) -> None:
    """No wrong answer, no growth of memory over 20,000 requests, and a clean end by Ctrl-C."""
    load = benchmark()
    rows, right = load.cases(served[1], "breast_cancer")
    with load.server(served[0]) as (address, process):
        found = load.put_under_load(
            address, process.pid, rows, right, requests=20_000, in_flight=1_000
        )
    print(found)  # noqa: T201  (shown with `pytest -s`)
    assert found.wrong == 0
    assert found.grown < 16
    assert process.returncode == 0


@pytest.mark.slow
def test_workers_share_the_work_and_add_their_figures_up(served: tuple[Path, Any]) -> None:
    """Answers are right whoever gives them; /metrics counts the requests of all."""
    load = benchmark()
    rows, right = load.cases(served[1], "breast_cancer")
    with load.server(served[0], "--workers", "2") as (address, process):
        found = load.put_under_load(address, process.pid, rows, right, requests=600, in_flight=50)
        text = httpx2.get(f"{address}/metrics", timeout=30).text
    assert found.wrong == 0
    # The first requests, before memory is read, are as many.
    assert 'mlplab_requests_total{path="/predict",status="200"} 1200.0' in text
    assert process.returncode == 0


@pytest.mark.slow
def test_a_worker_that_stands_still_for_a_while_loses_no_request(served: tuple[Path, Any]) -> None:
    """A machine that is busy, or sleeps: what a worker was asked is answered when it goes on."""
    load = benchmark()
    rows, right = load.cases(served[1], "breast_cancer")
    with load.server(served[0], "--workers", "2") as (address, process):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [int(child) for child in children if _serves(child)]
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        timers = [threading.Timer(8, os.kill, (worker, signal.SIGCONT)) for worker in workers]
        for timer in timers:
            timer.start()
        found = load.put_under_load(address, process.pid, rows, right, requests=500, in_flight=50)
    assert len(workers) == 2
    assert found.wrong == 0


def _serves(child: str) -> bool:
    """Tell workers from the process that cleans up after them."""
    return b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_what_is_under_way_is_answered_first(served: tuple[Path, Any], way: int) -> None:
    """A server that is stopped closes its address and leaves no traceback."""
    load = benchmark()
    with load.server(served[0]) as (address, process):
        assert httpx2.get(f"{address}/health", timeout=30).json() == {"status": "ok"}
        process.send_signal(way)
        process.wait(60)
        rest = process.stderr.read()
    assert "Traceback" not in rest
    assert process.returncode in {0, -signal.SIGTERM}
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{address}/health", timeout=5)
