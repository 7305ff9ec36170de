"""What is measured: networks that are trained, rows that are predicted, imports, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from mlplab.benchmarks.choosing import choose
from mlplab.benchmarks.problems import Problem, Solver

__all__ = ["CASES", "Case", "Kind", "choose_cases"]

Kind: TypeAlias = Literal["training", "prediction", "many", "import", "memory"]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is measured, in two sizes.

    Attributes
    ----------
    name, title : str
    kind : Kind
    problem : Problem
        Of the full run. Of an import it means nothing, of memory the number of rows.
    threads : int
    shrink : mapping
        Fields of the problem that are less in a quick run; network and batch are the same.
    calls : int
        How often a prediction is asked for in one run.
    unit : str
        What a figure is given in.
    scale : float
        Such units in a second, or in a byte.
    default : bool
        Whether the quick run measures it unasked.
    tolerance : float
        By which part of itself a final loss may differ from the true one.
    """

    name: str
    title: str
    kind: Kind
    problem: Problem
    threads: int = 1
    shrink: Mapping[str, Any] = field(default_factory=dict)
    calls: int = 1
    unit: str = "µs/step"
    scale: float = 1e6
    default: bool = False
    tolerance: float = 1e-3

    def sized(self, *, full: bool) -> Problem:
        """Return the problem of a full or of a quick run."""
        return self.problem if full else replace(self.problem, **self.shrink)

    def work(self, problem: Problem) -> tuple[float, float]:
        """Return units of work in one run (steps, calls), and its floating-point operations."""
        if self.kind == "training":
            return problem.steps, problem.training_flop
        if self.kind == "many":
            n = problem.n_networks
            return n * problem.steps, n * problem.training_flop
        if self.kind == "prediction":
            return self.calls, self.calls * problem.prediction_flop
        return 1, 0.0


# The rates of both; a squared error summed over 1,024 outputs is steeper.
_SGD, _ADAM, _WIDE_SGD = 0.01, 1e-3, 1e-4
_SOLVERS: tuple[tuple[Solver, str], ...] = (("sgd", "SGD"), ("adam", "Adam"))

_TINY = Problem((11, 32, 32, 6), 914, 32, epochs=40)
_MNIST = Problem((784, 256, 128, 64, 32, 10), 6400, 128)
_WIDE = Problem((1024, 1024, 1024), 1280, 128, loss="squared")
_221 = Problem((2, 2, 1), 64, 64, epochs=2000, activation="tanh", loss="logistic")
_282 = Problem((2, 8, 2), 64, 64, epochs=2000, activation="tanh", loss="squared")
_ONE_ROW = Problem((11, 32, 32, 6), 1, 1)
_TABLE = Problem((50, 32, 32, 4), 200_000, 200)


def _both(case: Case, *, sgd_rate: float = _SGD, default: tuple[Solver, ...] = ()) -> list[Case]:
    """Return a case with SGD and with Adam; an asterisk in its name stands for the solver."""
    found = []
    for solver, words in _SOLVERS:
        rate = sgd_rate if solver == "sgd" else _ADAM
        found.append(
            replace(
                case,
                name=case.name.replace("*", solver),
                title=f"{case.title}, {words}",
                problem=replace(case.problem, solver=solver, rate=rate),
                default=solver in default,
            )
        )
    return found


def _training(name: str, title: str, problem: Problem, threads: int, **shrink: int) -> Case:
    return Case(name, title, "training", problem, threads, shrink)


def _mnist(threads: int) -> Case:
    name, title = f"mnist-*-{threads}", "784-[256,128,64,32]-10"
    # In float32 some unit switches on another row, sooner or later; a step brings more than this.
    return replace(_training(name, title, _MNIST, threads, n_rows=1280), tolerance=5e-3)


_LIST = [
    *_both(_training("tiny-*", "11-[32,32]-6", _TINY, 1, epochs=10), default=("sgd", "adam")),
    *_both(_mnist(threads=1)),
    *_both(_mnist(threads=2), default=("adam",)),
    *_both(_training("2-2-1-*", "2-2-1, all rows a step", _221, 1, epochs=500)),
    *_both(_training("2-8-2-*", "2-8-2, all rows a step", _282, 1, epochs=500), default=("sgd",)),
    *_both(_training("wide-*", "1024-1024-1024", _WIDE, 2, n_rows=256), sgd_rate=_WIDE_SGD),
    *_both(
        Case(
            "many-*",
            "384 × 11-[32,32]-6",
            "many",
            replace(_TINY, n_networks=384, epochs=20),
            threads=2,
            shrink={"epochs": 2},
        )
    ),
    Case(
        "predict-1",
        "11-[32,32]-6, probabilities of one row",
        "prediction",
        _ONE_ROW,
        calls=200,
        unit="µs/call",
        default=True,
    ),
    Case(
        "predict-100000",
        "11-[32,32]-6, probabilities of 100,000 rows",
        "prediction",
        replace(_ONE_ROW, n_rows=100_000),
        threads=2,
        unit="ms/call",
        scale=1e3,
        default=True,
    ),
    Case("import", "import, beyond NumPy's", "import", _ONE_ROW, unit="ms", scale=1e3),
    Case(
        "memory",
        "memory of training on 200,000 × 50 float32",
        "memory",
        _TABLE,
        unit="MB",
        scale=1e-6,
    ),
]

CASES: dict[str, Case] = {case.name: case for case in _LIST}
"""All cases by name; of one network each, the names begin alike."""


def choose_cases(words: list[str], *, full: bool) -> list[Case]:
    """Return the cases that words name.

    Parameters
    ----------
    words : list of str
        Names of cases, or beginnings of them: ``tiny`` is ``tiny-sgd`` and ``tiny-adam``. Without
        any, all of a full run, and the quick ones of a quick run.
    full : bool

    Raises
    ------
    ParameterError
        There is no such case.
    """
    if not words:
        return [case for case in CASES.values() if full or case.default]
    names = {name: name for name in CASES}
    return [CASES[name] for name in choose("cases", words, names)]
