"""A sweep: what is varied, how it is searched, how it is judged, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlplab.errors import ParameterError
from mlplab.sweeps.checks import check_integer, check_number
from mlplab.sweeps.contract import Search
from mlplab.sweeps.searches import Grid
from mlplab.sweeps.space import Space

__all__ = ["Sweep"]


@dataclass(frozen=True)
class Sweep:
    """Everything about a sweep but the data and the networks.

    Attributes
    ----------
    space : Space
    search : Search
    scores : tuple of str
        Names of scikit-learn's scorers; the first decides.
    folds, repeats : int
        k-fold cross-validation, and how often with other folds. One fold is one validation split.
    shuffle : bool
        Whether rows are shuffled before they are dealt to folds.
    seeds : int
        Trainings of each configuration on each fold, from `seed`, `seed` + 1, …
    trials : int or None
        At most so many configurations.
    seconds : float or None
        Wall time of one call of `run`.
    seed : int
        Of the search, of the folds and of the first training.

    Raises
    ------
    ParameterError
        A number is out of its range, nothing varies, or the search would never end.
    """

    space: Space
    search: Search = field(default_factory=Grid)
    scores: tuple[str, ...] = ()
    folds: int = 1
    repeats: int = 1
    shuffle: bool = True
    seeds: int = 1
    trials: int | None = None
    seconds: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("folds", "repeats", "seeds"):
            check_integer(name, getattr(self, name), 1)
        check_integer("seed", self.seed, 0)
        if self.trials is not None:
            check_integer("trials", self.trials, 1)
        if self.seconds is not None:
            check_number("seconds", self.seconds, 0)
        if not self.space.parameters:
            raise ParameterError(
                "`sweep.space` must name at least one parameter; got none. For example: "
                "learning_rate_init = [0.001, 0.01]"
            )
        if self.repeats > 1 and self.folds == 1:
            raise ParameterError(
                f"`sweep.repeats` must be 1 where there is one validation split; got "
                f"{self.repeats}. Set `folds` to 2 or more."
            )
        self._check_end()

    def _check_end(self) -> None:
        if not self.search.ends(self.space) and self.trials is None and self.seconds is None:
            raise ParameterError(
                "`sweep.trials` must be set, or `seconds`, where a search would go on for ever; "
                "got neither. For example: trials = 100"
            )

    @property
    def n_folds(self) -> int:
        """Trainings of a configuration and a seed."""
        return self.folds * self.repeats
