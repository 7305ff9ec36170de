"""What a run of the benchmarks found: plain data, to JSON and back."""

from __future__ import annotations

import dataclasses
import statistics
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias

from mlplab.benchmarks.peers import OURS

__all__ = ["CaseResult", "Machine", "Measurement", "Report", "Status"]

Status: TypeAlias = Literal["measured", "differs", "failed"]


@dataclass(slots=True)
class Measurement:
    """One peer in one case; rounds are added while they are measured.

    Attributes
    ----------
    peer, label : str
    values : list of float
        Seconds of one run in each round, or bytes.
    compile_seconds : float
    losses : list of float
        Final losses, one for each network that is checked.
    status : {"measured", "differs", "failed"}
        Only who was measured has a time; who ended at another loss has none, however fast.
    remark : str
        Why not, in words.
    """

    peer: str
    label: str
    values: list[float] = field(default_factory=list)
    compile_seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    status: Status = "measured"
    remark: str = ""

    @property
    def counts(self) -> bool:
        """Whether there is a time that may be shown."""
        return self.status == "measured" and bool(self.values)

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile of the rounds."""
        if len(self.values) < 2:
            return self.values[0], self.values[0]
        first, _, third = statistics.quantiles(self.values, n=4, method="inclusive")
        return first, third


@dataclass(slots=True)
class CaseResult:
    """All peers in one case.

    Attributes
    ----------
    name, title, kind, unit : str
    threads : int
    factor : float
        What a value is multiplied by to be in the unit.
    flop : float
        Floating-point operations of one run; 0 where they mean nothing.
    steps : int
        Units of work in one run.
    tolerance : float
        By which part of itself a final loss may differ from the true one.
    truth : list of float
        Final losses of the reference engine in float64.
    peaks : list of float
        Matrix-multiply speed on as many threads, measured before and between the rounds, in
        GFLOP/s.
    measurements : list of Measurement
    """

    name: str
    title: str
    kind: str
    unit: str
    threads: int
    factor: float
    flop: float
    steps: int
    tolerance: float
    truth: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)

    @property
    def peak(self) -> float | None:
        """Median of the measured matrix-multiply speeds, in GFLOP/s."""
        return statistics.median(self.peaks) if self.peaks else None

    def of(self, peer: str) -> Measurement | None:
        """Return the measurement of a peer, or None where it has none that counts."""
        return next((one for one in self.measurements if one.peer == peer and one.counts), None)

    def figure(self, one: Measurement) -> float:
        """Return the median in the unit of the case."""
        return one.median * self.factor

    def gflops(self, one: Measurement) -> float | None:
        """Return the speed in GFLOP/s, where operations are counted."""
        return self.flop / one.median / 1e9 if self.flop else None

    def share(self, one: Measurement) -> float | None:
        """Return the part of the matrix-multiply peak that is reached."""
        speed = self.gflops(one)
        return None if speed is None or self.peak is None else speed / self.peak

    def ratio(self, one: Measurement) -> float | None:
        """Return how many times as much a peer takes as we do, where both do the same."""
        ours = self.of(OURS)
        # `import mlplab` loads nothing that works yet.
        same = ours is not None and self.kind != "import" and ours.median > 0
        return one.median / ours.median if ours is not None and same else None


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured.

    Attributes
    ----------
    cpu : str
    n_cpus : int
        Processors that could be used, one a physical core.
    isa : str
        Instruction set of the native engine, and whether ``MLPLAB_ISA`` chose it; empty without.
    engine, engine_reason : str
        The engine that trains by itself, and why it is that.
    versions : dict of str to str
    absent : dict of str to str
        Peers that are not installed, and the command that installs them.
    date : str
    """

    cpu: str
    n_cpus: int
    isa: str
    engine: str
    engine_reason: str
    versions: dict[str, str]
    absent: dict[str, str]
    date: str


@dataclass(slots=True)
class Report:
    """A whole run.

    Attributes
    ----------
    machine : Machine
    rounds : int
    full : bool
    load_before, load_after : float or None
        Processes that wanted a processor, mean over a minute, where the system tells.
    seconds : float
        How long it took.
    cases : list of CaseResult
    interrupted : bool
    """

    machine: Machine
    rounds: int
    full: bool
    load_before: float | None = None
    load_after: float | None = None
    seconds: float = 0.0
    cases: list[CaseResult] = field(default_factory=list)
    interrupted: bool = False

    @property
    def sound(self) -> bool:
        """Whether we were measured, with the right losses, in every case."""
        return all(case.of(OURS) is not None for case in self.cases)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, and the figures that follow from it, ready for JSON."""
        found = dataclasses.asdict(self)
        for plain, case in zip(found["cases"], self.cases, strict=True):
            plain["peak_gflops"] = case.peak
            for fields, one in zip(plain["measurements"], case.measurements, strict=True):
                fields["derived"] = _derived(case, one) if one.counts else None
        return found

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """Return the report that `to_dict` gave."""
        cases = []
        for plain in found["cases"]:
            measurements = [Measurement(**_own(Measurement, m)) for m in plain["measurements"]]
            cases.append(CaseResult(**{**_own(CaseResult, plain), "measurements": measurements}))
        own = {**_own(cls, found), "cases": cases, "machine": Machine(**found["machine"])}
        return cls(**own)


def _own(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a class, without what was derived from them."""
    return {one.name: found[one.name] for one in dataclasses.fields(kind)}


def _derived(case: CaseResult, one: Measurement) -> dict[str, Any]:
    low, high = one.quartiles
    return {
        "unit": case.unit,
        "median": case.figure(one),
        "quartiles": [low * case.factor, high * case.factor],
        "gflops": case.gflops(one),
        "share_of_peak": case.share(one),
        "times_ours": case.ratio(one),
        "cold_seconds": None if case.kind == "memory" else one.compile_seconds + one.median,
    }
