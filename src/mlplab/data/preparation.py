"""From a table of any kind to numbers that a network can learn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from mlplab._typing import AnyArray
from mlplab.data.columns import ColumnPlan, apply_plan, plan_from_header
from mlplab.data.frames import check_rows, pandas, to_frame
from mlplab.data.kinds import DROPPED, infer_kinds, nothing_to_learn
from mlplab.data.learning import Recipe, learn_column
from mlplab.data.portable import portable_preparation
from mlplab.errors import DataError, ModelFileError, ParameterError, did_you_mean
from mlplab.results.artifact import ModelArtifact
from mlplab.results.portable import PortablePreparation
from mlplab.results.stored import built, fits
from mlplab.results.tables import Choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Preparation"]

_ALLOWED = {
    "numeric_imputation": ("mean", "median", "most_frequent"),
    "scaling": ("standard", "robust", "minmax", "pixels", "none"),
}


class Preparation(TransformerMixin, BaseEstimator):
    """Impute, scale and encode the columns of a table, as one fitted transformer.

    Parameters
    ----------
    numeric_imputation : {"mean", "median", "most_frequent"}, default="mean"
        What replaces missing numbers. Missing words are a category of their own.
    indicator : bool or "auto", default="auto"
        Whether a feature tells where a number was missing; auto: from 5 % missing values on.
    scaling : {"standard", "robust", "minmax", "pixels", "none"}, default="standard"
        Scaling of numbers. ``"pixels"`` divides by 255 and keeps constant columns, so that the
        features still make an image.
    rare : float or int, default=0.01
        Categories with a smaller share of the rows (float) or fewer rows (int) are merged.
    max_categories : int or None, default=50
        Largest number of features of one column; the rarest categories are merged.
    kinds : mapping of str to str, optional
        Kinds of columns that are not to be inferred; see `infer_kinds`.
    drop : sequence of str, default=()
        Columns that must not become features.

    Attributes
    ----------
    choices_ : tuple of Choice
        Kind of every column, what was filled, merged and dropped, and why.
    plans_ : tuple of ColumnPlan
        What was learned, one plan a used column.
    feature_names_in_ : ndarray of str
        The columns of the table.
    n_features_in_ : int
        Their number.

    Examples
    --------
    >>> table = {"size": [1.0, None, 3.0], "colour": ["red", "blue", "red"]}
    >>> preparation = Preparation().fit(table)
    >>> preparation.get_feature_names_out().tolist()
    ['size', 'size (missing)', 'colour_blue', 'colour_red']
    >>> preparation.transform(table)[1].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """

    def __init__(
        self,
        *,
        numeric_imputation: Literal["mean", "median", "most_frequent"] = "mean",
        indicator: bool | Literal["auto"] = "auto",
        scaling: Literal["standard", "robust", "minmax", "pixels", "none"] = "standard",
        rare: float = 0.01,
        max_categories: int | None = 50,
        kinds: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
    ) -> None:
        self.numeric_imputation = numeric_imputation
        self.indicator = indicator
        self.scaling = scaling
        self.rare = rare
        self.max_categories = max_categories
        self.kinds = kinds
        self.drop = drop

    def fit(self, X: Any, y: object = None, *, like: Any = None) -> Preparation:  # noqa: ARG002
        """Learn from a table how its columns become features.

        Parameters
        ----------
        X : table of shape (rows, columns)
            Whatever `to_frame` takes.
        y : object
            Not used; it stands here for pipelines.
        like : table, optional
            More rows of the same columns, those of `X` among them. They tell the kinds of columns
            and how dates are written, and nothing else; so kinds do not depend on how rows were
            dealt to training, validation and test.

        Raises
        ------
        ParameterError
            A parameter is out of its range.
        DataError
            The table has no row, a column holds infinities or what its kind does not allow, or
            no column makes a feature.
        """
        recipe = self.recipe()
        frame = to_frame(X)
        like = frame if like is None else to_frame(like, keep_rows=True)
        check_rows(frame, 1, "Preparing a table")
        lacking = next((name for name in frame.columns if name not in like.columns), None)
        if lacking is not None:
            raise DataError(
                f"`like` must have the columns of the table; {lacking!r} is not there."
                f"{did_you_mean(lacking, like.columns) or ' Pass more rows of the same table.'}"
            )
        plans: list[ColumnPlan] = []
        choices: list[Choice] = []
        for choice in self._kinds_of(frame, like):
            choices.append(choice)
            if choice.value in DROPPED or choice.value == "dropped":
                continue
            name = choice.subject
            plan, more = learn_column(frame[name], choice.value, recipe, like=like[name])
            choices += more
            if plan is not None:
                plans.append(plan)
        if not plans:
            raise DataError(self._no_feature(choices))
        self._keep(plans, choices, list(frame.columns))
        return self

    def transform(self, X: Any) -> AnyArray:
        """Return the features of a table.

        Parameters
        ----------
        X : table of shape (rows, columns)
            Must have the columns that are used; others are ignored, and so is their order.

        Returns
        -------
        ndarray of shape (rows, features), float64
            Finite numbers.

        Raises
        ------
        DataError
            A column is not there, or holds what its kind does not allow.

        Warns
        -----
        UserWarning
            A column of categories holds words that `fit` never saw.
        """
        check_is_fitted(self, "plans_")
        frame = to_frame(X)
        out = np.empty((len(frame), self.n_features_out))
        self.write(frame, out)
        return out

    def with_plans(self, plans: Sequence[ColumnPlan], choices: Sequence[Choice]) -> Preparation:
        """Return a preparation of the same columns and parameters that has learned this.

        Raises
        ------
        DataError
            There is no plan, so no column makes a feature.
        """
        if not plans:
            raise DataError(self._no_feature(choices))
        other = type(self)(**self.get_params(deep=False))
        other._keep(list(plans), list(choices), self.feature_names_in_.tolist())  # noqa: SLF001  (its own)
        return other

    @property
    def n_features_out(self) -> int:
        """Number of features."""
        return sum(len(plan.feature_names) for plan in self.plans_)

    def write(self, frame: pd.DataFrame, out: AnyArray) -> None:
        """Write the features of a table where they are wanted, in whatever dtype that is.

        Parameters
        ----------
        frame : pandas.DataFrame
        out : ndarray of shape (rows, features)

        Raises
        ------
        DataError
            As `transform` does.
        """
        self._check_columns(frame)
        start = 0
        for plan in self.plans_:
            stop = start + len(plan.feature_names)
            apply_plan(plan, frame[plan.name], out[:, start:stop])
            start = stop

    def get_feature_names_out(self, input_features: object = None) -> AnyArray:  # noqa: ARG002
        """Return the names of the features, as an array of objects."""
        check_is_fitted(self, "plans_")
        return np.array(_unique([n for plan in self.plans_ for n in plan.feature_names]), object)

    def to_artifact(self) -> ModelArtifact:
        """Return what was learned as JSON-ready header and arrays."""
        check_is_fitted(self, "plans_")
        numbers = [np.array([p.fill, p.center, p.scale]) for p in self.plans_ if p.parts]
        header = {
            "parameters": _plain_parameters(self.get_params(deep=False)),
            "columns": self.feature_names_in_.tolist(),
            "plans": [plan.to_header() for plan in self.plans_],
            "choices": [dataclasses.asdict(choice) for choice in self.choices_],
        }
        numbers_array = np.concatenate(numbers, axis=1) if numbers else np.empty((3, 0))
        return ModelArtifact("Preparation", header, {"numbers": numbers_array})

    def to_portable(self) -> PortablePreparation:
        """Return what was learned as steps: what `mlplab.export` writes in other formats."""
        return portable_preparation(self.plans_, self.get_feature_names_out().tolist())

    @classmethod
    def from_artifact(cls, artifact: ModelArtifact) -> Preparation:
        """Build a fitted `Preparation` from `to_artifact`; it transforms bit for bit alike.

        Raises
        ------
        ModelFileError
            The artifact is of another kind or incomplete.
        """
        if artifact.kind != "Preparation":
            raise ModelFileError(
                f"A preparation must be of kind 'Preparation'; got {artifact.kind!r}. "
                "Check which part of the file was read."
            )
        try:
            header, numbers = artifact.header, artifact.arrays["numbers"]
            preparation = cls(**header["parameters"])
            preparation.recipe()
            plans, start = [], 0
            for plan in header["plans"]:
                stop = start + len(plan["parts"])
                plans.append(plan_from_header(plan, numbers[:, start:stop]))
                start = stop
            choices = [built(Choice, choice) for choice in header["choices"]]
            preparation._keep(plans, choices, _names(header["columns"], plans))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ModelFileError(
                f"A saved preparation must be complete; reading it failed with {error!r}. "
                "Save the model again."
            ) from error
        return preparation

    def _keep(self, plans: list[ColumnPlan], choices: list[Choice], columns: list[str]) -> None:
        self.plans_ = tuple(plans)
        self.choices_ = tuple(choices)
        self.feature_names_in_ = np.array(columns, dtype=object)
        self.n_features_in_ = len(columns)

    def _kinds_of(self, frame: pd.DataFrame, like: pd.DataFrame) -> list[Choice]:
        """Return the kind of every column, with those that are dropped by wish or kept."""
        for name in self.drop:
            if name not in frame.columns:
                hint = did_you_mean(name, frame.columns) or " Check the name."
                raise DataError(f"`drop` must name columns of the table; got {name!r}.{hint}")
        used = [name for name in frame.columns if name not in set(self.drop)]
        found = infer_kinds(like, self.kinds, used)
        if like is not frame:
            found |= self._nothing_to_learn(frame, found)
        is_number = pandas().api.types.is_numeric_dtype
        kinds = []
        for name in frame.columns:
            choice = found.get(name, Choice(name, "dropped", "It was asked to be left out."))
            if (
                self.scaling == "pixels"
                and choice.value == "constant"
                and is_number(frame[name].dtype)
            ):
                choice = Choice(name, "numeric", "It is constant, but a pixel of an image.")
            kinds.append(choice)
        return kinds

    def _nothing_to_learn(
        self, frame: pd.DataFrame, found: Mapping[str, Choice]
    ) -> dict[str, Choice]:
        """Return the columns that tell rows apart in other rows only."""
        forced = self.kinds or {}
        nothing = {
            name: nothing_to_learn(frame[name])
            for name, choice in found.items()
            if name not in forced and choice.value not in DROPPED
        }
        return {name: Choice(name, *said) for name, said in nothing.items() if said}

    def _check_columns(self, frame: pd.DataFrame) -> None:
        for plan in self.plans_:
            if plan.name not in frame.columns:
                hint = did_you_mean(plan.name, frame.columns)
                raise DataError(
                    f"The table must have the columns that were trained on; {plan.name!r} is not "
                    f"there.{hint} Add it, or rename a column."
                )

    @staticmethod
    def _no_feature(choices: Sequence[Choice]) -> str:
        found = "; ".join(f"{choice.subject!r}: {choice.value}" for choice in choices[:5])
        return (
            "A table must have at least one column that can be a feature; got "
            f"{found or 'a table without columns'}. Add columns, or name their `kinds`."
        )

    def recipe(self) -> Recipe:
        """Return the parameters, checked.

        Raises
        ------
        ParameterError
            One is out of its range.
        """
        for name, allowed in _ALLOWED.items():
            value = getattr(self, name)
            if value not in allowed:
                hint = did_you_mean(str(value), allowed) or " Choose one of them."
                raise ParameterError(
                    f"`{name}` must be one of {', '.join(allowed)}; got {value!r}.{hint}"
                )
        if self.indicator not in {True, False, "auto"}:
            raise ParameterError(
                f"`indicator` must be True, False or 'auto'; got {self.indicator!r}. Use 'auto'."
            )
        rare = self.rare
        share = isinstance(rare, float)
        if isinstance(rare, bool) or not rare >= 0 or (share and rare >= 1):
            raise ParameterError(
                "`rare` must be a share from 0 to 1 or a number of rows from 0; "
                f"got {rare!r}. Use 0.01."
            )
        if self.max_categories is not None and self.max_categories < 2:
            raise ParameterError(
                f"`max_categories` must be at least 2 or None; got {self.max_categories}. Use 50."
            )
        return Recipe(
            self.numeric_imputation,
            self.indicator,
            self.scaling,
            rare or 1,
            self.max_categories,
        )


def _names(columns: Any, plans: list[ColumnPlan]) -> list[str]:
    """Return the columns of a saved preparation, which has to use some."""
    if not plans or not fits(columns, tuple[str, ...]):
        raise ValueError("it has no columns")
    return list(columns)


def _unique(names: list[str]) -> list[str]:
    taken: dict[str, None] = {}
    for name in names:
        while name in taken:
            name += "_"  # noqa: PLW2901  # the longer name replaces the taken one
        taken[name] = None
    return list(taken)


def _plain_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as JSON knows them."""
    kinds = parameters["kinds"]
    return parameters | {
        "drop": list(parameters["drop"]),
        "kinds": None if kinds is None else dict(kinds),
    }
