"""Data: tables read, described, split and prepared; named data sets.

Start with `read` (a file) or `load` (a named data set), then `find_target`, `split_rows` and
`Preparation`. Everything that is chosen automatically comes with a `Choice` that says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlplab.data.blocks import Blocks, blocks
from mlplab.data.describe import describe
from mlplab.data.encoding import TargetEncoding
from mlplab.data.frames import check_rows, to_frame
from mlplab.data.kinds import infer_kinds
from mlplab.data.leakage import find_leaks
from mlplab.data.named import NameInfo, load, names
from mlplab.data.readers import read
from mlplab.data.splits import Split, group_codes, split_rows, time_ranks
from mlplab.data.targets import FoundTarget, drop_unlabelled, find_target

if TYPE_CHECKING:
    from mlplab.data.preparation import Preparation

__all__ = [
    "Blocks",
    "FoundTarget",
    "NameInfo",
    "Preparation",
    "Split",
    "TargetEncoding",
    "blocks",
    "check_rows",
    "describe",
    "drop_unlabelled",
    "find_leaks",
    "find_target",
    "group_codes",
    "infer_kinds",
    "load",
    "names",
    "read",
    "split_rows",
    "time_ranks",
    "to_frame",
]


def __getattr__(name: str) -> Any:
    # `Preparation` inherits from scikit-learn, which would load most of SciPy at import.
    if name == "Preparation":
        from mlplab.data.preparation import Preparation  # noqa: PLC0415

        return Preparation
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
