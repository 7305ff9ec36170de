"""Small cases, workers without processes, and a report that was made up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mlplab.benchmarks import CASES, Case, CaseResult, Machine, Measurement, Peer, Report
from mlplab.benchmarks.processes import PeerFailedError, Seat, Workers
from mlplab.benchmarks.worker import Server

SMALL: dict[str, dict[str, Any]] = {
    "tiny": {"epochs": 1},
    "mnist": {"n_rows": 200},
    "2-2-1": {"epochs": 20},
    "2-8-2": {"epochs": 20},
    "wide": {"n_rows": 40, "batch": 32, "units": (64, 64, 64)},
    "many": {"n_networks": 5, "epochs": 1},
    "predict-100000": {"n_rows": 3000},
    "memory": {"n_rows": 50_000},
}


def small(name: str) -> Case:
    """Return a case with next to no work, on one thread: so each library has one process."""
    case = CASES[name]
    fields = next((less for start, less in SMALL.items() if name.startswith(start)), {})
    return replace(case, problem=replace(case.problem, **fields), threads=1, shrink={}, calls=2)


class Local(Workers):
    """Answers in this process, through JSON as workers do."""

    def __init__(self) -> None:
        super().__init__()
        self._servers: dict[Seat, Server] = {}

    def get(self, seat: Seat) -> Any:
        """Return what answers like a worker."""
        if seat not in self._servers:
            self._servers[seat] = Server(seat.library, seat.threads)
        server = self._servers[seat]

        class Answers:
            @staticmethod
            def ask(verb: str, **more: Any) -> Any:
                try:
                    request = json.loads(json.dumps({"verb": verb, **more}))
                    return json.loads(json.dumps(server.answer(request)))
                except ArithmeticError as error:
                    raise PeerFailedError(str(error)) from error

        return Answers()

    def start(self, seats: Iterable[Seat]) -> None:
        """Forget the last case."""
        for seat in seats:
            self.get(seat).ask("forget")


class Watch:
    """Remembers turns and cases; may press Ctrl-C at one of them."""

    def __init__(self, interrupt_at: int = -1) -> None:
        self.turns: list[str] = []
        self.cases: list[str] = []
        self.started: list[Report] = []
        self._interrupt_at = interrupt_at

    def on_start(self, report: Report) -> None:
        """Keep the report."""
        self.started.append(report)

    def on_turn(self, case: Case, peer: str, done: int, total: int) -> None:
        """Keep whose turn it is."""
        assert case.name in CASES
        assert 0 <= done < total
        if len(self.turns) == self._interrupt_at:
            raise KeyboardInterrupt
        self.turns.append(peer)

    def on_case(self, report: Report, result: CaseResult) -> None:
        """Keep the name of a complete case."""
        assert result in report.cases
        self.cases.append(result.name)


def peer(name: str, library: str, **options: Any) -> Peer:
    """Return a peer that trains."""
    return Peer(name, name.title(), library, {"training": options})


def made_up() -> Report:
    """Return a report with known figures: ours takes 2 s, a peer 8 s, another failed."""
    machine = Machine(
        "Some CPU", 2, "avx2", "native", "the fastest that can",
        {"mlplab": "0.1.0", "jax": "1.0"}, {"torch-eager": "pip install 'mlplab[bench]'"},
        "2026-01-02",
    )  # fmt: skip
    training = CaseResult(
        "tiny-adam", "11-[32,32]-6, Adam", "training", "µs/step", 1, 1e6 / 1000, 1e11, 1000, 1e-3,
        truth=[0.5], peaks=[90.0, 100.0, 110.0],
    )  # fmt: skip
    training.measurements = [
        Measurement("mlplab", "mlplab", [2.0, 1.0, 3.0], losses=[0.5]),
        Measurement("jax", "JAX, jit and scan", [8.0, 8.0, 8.0], 4.0, [0.5]),
        Measurement("numpy", "NumPy, by hand", [9.0], 0.0, [0.7], "differs", "final loss 0.7 is"),
    ]
    imports = CaseResult("import", "import", "import", "ms", 1, 1e3, 0.0, 1, 1e-3)
    imports.measurements = [
        Measurement("mlplab", "mlplab", [0.01]),
        Measurement("jax", "JAX, jit and scan", [0.5]),
    ]
    return Report(machine, 3, True, 0.1, 0.2, 60.0, [training, imports])
