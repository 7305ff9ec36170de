"""The data sets that come with scikit-learn."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from mlplab.results.tables import Dataset, Task

__all__ = ["BUNDLED", "BundledSet", "load_bundled"]


@dataclass(frozen=True, slots=True)
class BundledSet:
    """A data set of scikit-learn.

    Attributes
    ----------
    title : str
        Name for people.
    n_rows : int
        Number of rows.
    target : str
        What the target column is called here.
    task : Task
        What is usually learned from it.
    image_shape : tuple of (int, int) or None
        Height and width of images.
    """

    title: str
    n_rows: int
    target: str
    task: Task = "classification"
    image_shape: tuple[int, int] | None = None


BUNDLED: dict[str, BundledSet] = {
    "digits": BundledSet("Handwritten digits, 8 x 8", 1_797, "digit", image_shape=(8, 8)),
    "breast_cancer": BundledSet("Breast cancer of Wisconsin", 569, "diagnosis"),
    "wine": BundledSet("Three sorts of wine", 178, "cultivar"),
    "diabetes": BundledSet("Progression of diabetes", 442, "progression", "regression"),
    "iris": BundledSet("Three kinds of iris", 150, "species"),
}


def load_bundled(name: str) -> Dataset:
    """Load a data set of scikit-learn, with real column names and classes in words."""
    known = BUNDLED[name]
    # By name, because scikit-learn is heavy and most users of this room never need it here.
    datasets = importlib.import_module("sklearn.datasets")
    loaded: Any = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = loaded.frame.rename(columns={"target": known.target})
    if known.task == "classification" and name != "digits":
        frame[known.target] = loaded.target_names[frame[known.target].to_numpy()].astype(object)
    return Dataset(
        name=name,
        title=known.title,
        frame=frame,
        target=(known.target,),
        task=known.task,
        source="Comes with scikit-learn; UCI Machine Learning Repository"
        if name != "diabetes"
        else "Comes with scikit-learn; B. Efron et al. (2004)",
        licence="BSD 3-Clause (scikit-learn)",
        image_shape=known.image_shape,
    )
