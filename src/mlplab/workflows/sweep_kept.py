"""A sweep of a study as its folder tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplab._files import path_of
from mlplab.errors import DataError
from mlplab.results import SweepAnalysis, SweepResult, SweepStop
from mlplab.sweeps import analyse, read_result
from mlplab.tracking import RunFolder
from mlplab.workflows.reviving import revive
from mlplab.workflows.sweep_summary import SweepAbout

__all__ = ["KeptFinalist", "KeptSweep", "read_sweep"]

SUMMARY, STUDY = "sweep.json", "study.toml"


@dataclass(frozen=True, slots=True)
class KeptFinalist:
    """A configuration that was trained again; as `Finalist`, without its networks.

    Attributes
    ----------
    trial : int
    seeds : tuple of int
    test : mapping of str to tuple of float
        Scores on the test rows, one a seed; empty without test rows.
    headline : str
        How good the network of the first seed is.
    """

    trial: int
    seeds: tuple[int, ...]
    test: Mapping[str, tuple[float, ...]]
    headline: str


@dataclass(frozen=True, slots=True, eq=False)
class KeptSweep:
    """A sweep with everything that its report shows.

    Attributes
    ----------
    name : str
    folder : Path
    about : SweepAbout
    result : SweepResult
        With learning curves.
    analysis : SweepAnalysis or None
        None if no trial has a score.
    finalists : tuple of KeptFinalist
    remarks : tuple of str
    study : str
        As TOML.
    environment : dict
    """

    name: str
    folder: Path
    about: SweepAbout
    result: SweepResult
    analysis: SweepAnalysis | None
    finalists: tuple[KeptFinalist, ...]
    remarks: tuple[str, ...]
    study: str
    environment: dict[str, Any]

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped it before its end."""
        return self.result.stop is SweepStop.INTERRUPTED


def read_sweep(path: str | Path, analysis: SweepAnalysis | None = None) -> KeptSweep:
    """Read a sweep from its folder.

    Parameters
    ----------
    path : str or Path
    analysis : SweepAnalysis, optional
        Where it is known already; the same comes out where it is not.

    Raises
    ------
    DataError
        The folder is not there, lacks a file, or a file was altered.
    """
    path = path_of(path)
    folder = RunFolder.open(path, needs=(SUMMARY, STUDY))
    summary = folder.read_json(SUMMARY)
    result = read_result(path)
    try:
        about: SweepAbout = revive(SweepAbout, summary["about"])
        if analysis is None and result.ranking():
            analysis = analyse(result, validation_share=about.validation_share)
        return KeptSweep(
            summary["name"],
            path,
            about,
            result,
            analysis,
            tuple(_finalist(one) for one in summary["finalists"]),
            tuple(summary["remarks"]),
            folder.read_bytes(STUDY).decode(),
            folder.read_json("environment.json"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise DataError(
            f"The files of a sweep must be as they were written; reading {SUMMARY} in "
            f"{str(path)!r} failed with {cause!r}. Run the sweep again with --resume; what is in "
            "its ledger is not trained again."
        ) from cause


def _finalist(fields: Mapping[str, Any]) -> KeptFinalist:
    test = {name: tuple(map(float, values)) for name, values in fields["test"].items()}
    return KeptFinalist(fields["trial"], tuple(fields["seeds"]), test, fields["headline"])
