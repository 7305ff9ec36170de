"""What all tests share: seed, data folder, counted epochs, checks of shapes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from jaxtyping import install_import_hook

mpl.use("Agg")

# Shapes in signatures are checked by beartype, in the tests only, and only when asked for: a
# training step is a hundred times slower with it. `scripts/test` runs the mathematical rooms so.
if os.environ.get("MLPLAB_CHECK_SHAPES") == "1":
    install_import_hook(["mlplab.nn", "mlplab.optim", "mlplab.engines"], "beartype.beartype")


# A shell that runs the tests in the background has them ignore Ctrl-C, and whatever they start.
if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def seed() -> int:
    """Return the seed of a test; set MLPLAB_TEST_SEED to try others."""
    return int(os.environ.get("MLPLAB_TEST_SEED", "42"))


@pytest.fixture
def data_folder() -> Path:
    """Return the folder of public data sets, or skip with a reason."""
    value = os.environ.get("MLPLAB_DATA")
    if not value or not Path(value).is_dir():
        pytest.skip("set MLPLAB_DATA to the folder of public data sets")
    return Path(value).resolve()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a user's settings out of the tests."""
    monkeypatch.delenv("MLPLAB_ENGINE", raising=False)
    monkeypatch.delenv("MLPLAB_TORCH_DEVICE", raising=False)
    monkeypatch.setenv("MLPLAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the epochs that networks of mlplab are trained."""
    from mlplab.train.loop import Progress  # not before shapes are to be checked

    counted: list[int] = []
    take = Progress.take

    def counting(self: Progress, job: Any, part: Any) -> None:
        counted.append(len(part))
        take(self, job, part)

    monkeypatch.setattr(Progress, "take", counting)
    return counted
