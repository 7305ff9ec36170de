"""Who is measured: ourselves, and every library at its best."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplab.benchmarks.cases import Kind
from mlplab.benchmarks.choosing import choose
from mlplab.benchmarks.processes import Seat
from mlplab.engines import ENGINES

__all__ = ["INSTALL", "OURS", "PEERS", "Peer", "choose_peers", "is_here", "versions"]

OURS = "mlplab"
"""The peer that all others are compared with; it takes part always."""

INSTALL = "pip install 'mlplab[bench]'"
"""What installs the peers that may be absent."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A library in one of its forms.

    Attributes
    ----------
    name, label : str
        As typed, and as shown.
    library : str
        ``by_<library>`` is the module that knows how to use it.
    takes_part : mapping of Kind to options
        In which kinds of cases, and with which options.
    needs : str
        The module that has to be installed.
    process : str
        Peers of one name share a process.
    default : bool
        Whether a quick run measures it unasked.
    """

    name: str
    label: str
    library: str
    takes_part: Mapping[Kind, Mapping[str, Any]]
    needs: str = "numpy"
    process: str = field(default="")
    default: bool = False

    def seat(self, threads: int) -> Seat:
        """Return which worker it needs."""
        return Seat(self.process or self.library, self.library, threads)


def _double(**more: Any) -> dict[Kind, Mapping[str, Any]]:
    return {"training": {"dtype": "float64", **more}, "prediction": {"dtype": "float64", **more}}


def _engine(name: str) -> Peer:
    """Return one of our engines other than the one that is taken by itself."""
    takes_part: dict[Kind, Mapping[str, Any]] = {"training": {"engine": name}}
    if name != "reference":  # which trains many one after another
        takes_part["many"] = {"engine": name}
    needs = "torch" if name == "torch" else "numpy"
    return Peer(
        f"mlplab-{name}", f"mlplab, {name} engine", "mlplab", takes_part, needs, f"mlplab-{name}"
    )


def _imports(statement: str) -> dict[Kind, Mapping[str, Any]]:
    return {"import": {"statement": statement}}


_LIST = [
    Peer(
        OURS, "mlplab", "mlplab",
        {"training": {}, "prediction": {}, "many": {}, "memory": {}, **_imports("import mlplab")},
        default=True,
    ),
    Peer("mlplab-float64", "mlplab, float64", "mlplab", _double()),
    *(_engine(name) for name in ENGINES if name != "native"),
    Peer(
        "mlplab-one-by-one", "mlplab, one after another", "mlplab", {"many": {"together": False}},
        default=True,
    ),
    Peer(
        "mlplab-estimators", "mlplab with its estimators", "mlplab",
        _imports("from mlplab import MLPClassifier"), default=True,
    ),
    Peer(
        "sklearn-float32", "scikit-learn, float32", "sklearn",
        {
            "training": {}, "prediction": {}, "many": {}, "memory": {},
            **_imports("from sklearn.neural_network import MLPClassifier"),
        },
        "sklearn", default=True,
    ),
    Peer("sklearn-float64", "scikit-learn, float64", "sklearn", _double(), "sklearn"),
    Peer("numpy", "NumPy, by hand", "numpy", {"training": {}, "prediction": {}}, default=True),
    Peer(
        "torch-eager", "PyTorch, eager", "torch",
        {"training": {}, "prediction": {}, **_imports("import torch")}, "torch", default=True,
    ),
    Peer(
        "torch-fused", "PyTorch, fused optimiser", "torch", {"training": {"form": "fused"}},
        "torch", default=True,
    ),
    Peer(
        "torch-compile", "PyTorch, compiled", "torch",
        {"training": {"form": "compile"}, "prediction": {"form": "compile"}}, "torch",
    ),
    Peer(
        "torch-max-autotune", "PyTorch, compiled and tuned", "torch",
        {"training": {"form": "max-autotune"}}, "torch",
    ),
    Peer("torch-stacked", "PyTorch, stacked", "torch", {"many": {}}, "torch", default=True),
    Peer(
        "jax", "JAX, jit and scan", "jax",
        {"training": {}, "prediction": {}, "many": {}, **_imports("import jax")}, "jax",
        default=True,
    ),
]  # fmt: skip

PEERS: dict[str, Peer] = {peer.name: peer for peer in _LIST}
"""All peers by name; those of one library begin alike."""


def choose_peers(words: list[str], *, full: bool) -> list[Peer]:
    """Return the peers that words name, ourselves first.

    Parameters
    ----------
    words : list of str
        Names of peers, or of libraries: ``torch`` is every form of PyTorch. Without any, all of
        a full run, and those that need no compiling of a quick run.
    full : bool

    Raises
    ------
    ParameterError
        There is no such peer.
    """
    if not words:
        return [peer for peer in PEERS.values() if full or peer.default]
    families = {name: peer.library for name, peer in PEERS.items()}
    chosen = choose("peers", words, families)
    return [PEERS[name] for name in dict.fromkeys([OURS, *chosen])]


def is_here(peer: Peer) -> bool:
    """Tell whether what a peer needs is installed, without loading it."""
    return importlib.util.find_spec(peer.needs) is not None


def versions() -> dict[str, str]:
    """Return the versions of all libraries that are installed here."""
    found = {}
    for package in ("mlplab", "numpy", "scikit-learn", "torch", "jax"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
