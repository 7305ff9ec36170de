"""What the catalogue is made with: good rows, models and files, and ways to damage them."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mlplab
from mlplab import workflows

N = 40


class Kit:
    """Good things to spoil; each is made once, when it is first asked for.

    Parameters
    ----------
    folder : Path
        For what all rows of the catalogue share.
    """

    def __init__(self, folder: Path) -> None:
        self.shared = folder
        self.tmp = folder  # of the row that is tried

    @cached_property
    def X(self) -> Any:  # noqa: N802  (its name everywhere)
        """Rows of three columns."""
        return np.random.default_rng(0).normal(size=(N, 3))

    @cached_property
    def y(self) -> Any:
        """Two classes."""
        return (self.X[:, 0] > 0).astype(int)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Return numbers, words and a target in words."""
        words = np.where(self.X[:, 1] > 0, "red", "blue")
        values = {"size": self.X[:, 0], "age": self.X[:, 2], "colour": words}
        return pd.DataFrame({**values, "answer": np.where(self.y, "yes", "no")})

    def classifier(self, **parameters: Any) -> Any:
        """Return a classifier that trains briefly."""
        return mlplab.MLPClassifier(**_brief(parameters))

    def regressor(self, **parameters: Any) -> Any:
        """Return a regressor that trains briefly."""
        return mlplab.MLPRegressor(**_brief(parameters))

    def autoencoder(self, **parameters: Any) -> Any:
        """Return an autoencoder that trains briefly."""
        return mlplab.MLPAutoencoder(**_brief(parameters))

    def ensemble(self, n: Any = 2, **parameters: Any) -> Any:
        """Return two classifiers in one."""
        return mlplab.MLPEnsemble(self.classifier(**parameters), n)

    @cached_property
    def fitted(self) -> Any:
        """A fitted classifier."""
        return _quietly(self.classifier().fit, self.X, self.y)

    @cached_property
    def fitted_regressor(self) -> Any:
        """A fitted regressor."""
        return _quietly(self.regressor().fit, self.X, self.X[:, 0])

    @cached_property
    def fitted_autoencoder(self) -> Any:
        """A fitted autoencoder."""
        return _quietly(self.autoencoder().fit, self.X)

    @cached_property
    def fitted_ensemble(self) -> Any:
        """A fitted ensemble."""
        return _quietly(self.ensemble().fit, self.X, self.y)

    @cached_property
    def run(self) -> Any:
        """A run in its folder."""
        settings = {"max_iter": 5}
        out = self.shared / "runs"
        return _quietly(
            workflows.fit, self.table, target="answer", hidden=(4,), settings=settings, out=out
        )

    @cached_property
    def model_file(self) -> Path:
        """The model of that run."""
        return Path(self.run.folder) / "model.safetensors"

    @cached_property
    def bare_file(self) -> Path:
        """A model without preparation."""
        return mlplab.save(self.shared / "bare.safetensors", self.fitted)

    @cached_property
    def swept(self) -> Any:
        """A small sweep that is over."""
        return _quietly(self.sweep_of, {"alpha": [0.1, 0.2]}, storage=self._storage)

    @cached_property
    def ledger(self) -> Any:
        """What its trainings left, in memory."""
        kept, stored = mlplab.sweeps.MemoryLedger(), mlplab.sweeps.open_ledger(self._storage)
        mlplab.sweeps.merge_ledgers(kept, [stored])
        stored.close()
        return kept

    @property
    def _storage(self) -> Path:
        return self.shared / "ledger"

    def sweep_of(self, space: dict[str, Any], **options: Any) -> Any:
        """Sweep over a space."""
        sweeps = mlplab.sweeps
        sweep = sweeps.Sweep(sweeps.space_from_table(space), scores=("accuracy",))
        trainer = sweeps.EstimatorTrainer(self.classifier(), self.X, self.y, sweep)
        return sweeps.run(sweep, trainer, **options)

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file for one row of the catalogue."""
        path = self.tmp / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def csv(self, name: str = "table.csv", **changes: Any) -> Path:
        """Write the table, with other columns."""
        path = self.tmp / name
        self.table.assign(**changes).to_csv(path, index=False)
        return path

    def study(self, text: str) -> Path:
        """Write a study file."""
        return self.file("study.toml", text)

    def copy(self, path: Path, name: str = "copy.safetensors") -> Path:
        """Copy a file to where it may be damaged."""
        return self.file(name, path.read_bytes())

    def cut(self, path: Path, share: float = 0.5) -> Path:
        """Write the first part of a file."""
        content = path.read_bytes()
        return self.file(path.name, content[: int(share * len(content))])

    def altered(self, path: Path) -> Path:
        """Write a file with one byte changed."""
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        return self.file(path.name, bytes(content))

    def spoiled(self, value: Any) -> Any:
        """Return rows with one bad number."""
        X = self.X.copy()
        X[7, 2] = value
        return X


def _brief(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, **parameters}


def _quietly(call: Any, *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args, **options)
