"""Sweeps: many configurations trained, remembered and compared."""

from mlplab.sweeps.analysis import analyse, certainty
from mlplab.sweeps.contract import (
    Asking,
    Done,
    Job,
    Ledger,
    Outcome,
    Paused,
    Proposal,
    Search,
    SweepObserver,
    Trainer,
)
from mlplab.sweeps.estimator_trainer import EstimatorTrainer
from mlplab.sweeps.evaluation import Fold, check_scores, deal_rows, fold_fingerprints, scorer_of
from mlplab.sweeps.executor import run
from mlplab.sweeps.halving import Halving, Hyperband
from mlplab.sweeps.identity import fingerprint
from mlplab.sweeps.learned import Learned
from mlplab.sweeps.ledger import FileLedger, MemoryLedger, merge_ledgers, open_ledger
from mlplab.sweeps.optuna_journal import export_to_optuna
from mlplab.sweeps.reading import read_result
from mlplab.sweeps.searches import Grid, QuasiRandom, Random
from mlplab.sweeps.space import Parameter, Range, Space, Values
from mlplab.sweeps.sweep import Sweep
from mlplab.sweeps.table import SEARCHES, space_from_table, sweep_from_table
from mlplab.sweeps.tables import write_tables

__all__ = [
    "SEARCHES",
    "Asking",
    "Done",
    "EstimatorTrainer",
    "FileLedger",
    "Fold",
    "Grid",
    "Halving",
    "Hyperband",
    "Job",
    "Learned",
    "Ledger",
    "MemoryLedger",
    "Outcome",
    "Parameter",
    "Paused",
    "Proposal",
    "QuasiRandom",
    "Random",
    "Range",
    "Search",
    "Space",
    "Sweep",
    "SweepObserver",
    "Trainer",
    "Values",
    "analyse",
    "certainty",
    "check_scores",
    "deal_rows",
    "export_to_optuna",
    "fingerprint",
    "fold_fingerprints",
    "merge_ledgers",
    "open_ledger",
    "read_result",
    "run",
    "scorer_of",
    "space_from_table",
    "sweep_from_table",
    "write_tables",
]
