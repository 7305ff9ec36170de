"""Ourselves beside our peers in one run: equal work, equal threads, equal final loss.

The rules of fair play are in the README of this folder; `mlplab bench` is the command.
"""

from mlplab.benchmarks.cases import CASES, Case, choose_cases
from mlplab.benchmarks.measurements import CaseResult, Machine, Measurement, Report
from mlplab.benchmarks.measuring import Watcher, measure
from mlplab.benchmarks.peers import PEERS, Peer, choose_peers

__all__ = [
    "CASES",
    "PEERS",
    "Case",
    "CaseResult",
    "Machine",
    "Measurement",
    "Peer",
    "Report",
    "Watcher",
    "choose_cases",
    "choose_peers",
    "measure",
]
