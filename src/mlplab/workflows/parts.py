"""From rows to parts: target found, rows dealt, columns prepared on the training rows alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mlplab import data
from mlplab._typing import AnyArray
from mlplab.data import FoundTarget, Preparation, TargetEncoding
from mlplab.data.frames import telling_rows
from mlplab.errors import DataError, ParameterError, did_you_mean
from mlplab.results import Choice, SplitSizes, Task
from mlplab.workflows.settings import KIND_OF_TASK
from mlplab.workflows.sources import Source
from mlplab.workflows.study import Study
from mlplab.workflows.target import find_target, learn_encoding

if TYPE_CHECKING:
    import pandas as pd

    from mlplab.workflows.row_streams import RowStream

__all__ = ["Part", "Parts", "deal_parts", "kind_of", "prepare_parts"]

TEST_SHARE = 0.2
Refine: TypeAlias = Callable[
    [Preparation, TargetEncoding | None], tuple[Preparation, TargetEncoding | None]
]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Prepared rows.

    Attributes
    ----------
    x : ndarray of shape (rows, features)
    y : ndarray
        What the network learns: classes, indicators or (standardised) numbers.
    truth : ndarray
        The target on its own scale.
    """

    x: AnyArray
    y: AnyArray
    truth: AnyArray

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: AnyArray) -> Part:
        """Return some of the rows."""
        return Part(self.x[rows], self.y[rows], self.truth[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Rows to learn from, to watch and to test, and how they were made.

    Attributes
    ----------
    train, validation, test : Part
        The last two may be empty.
    watched : Part
        The validation rows whose class the network knows: what training can watch.
    test_rows : ndarray of int
        Row numbers of the test rows in their table, from 0.
    preparation : Preparation
    encoding : TargetEncoding or None
    found : FoundTarget
    split : SplitSizes
    choices : tuple of Choice
    frame : pandas.DataFrame
        All rows with a target.
    image : bool
    frames : tuple of pandas.DataFrame
        The rows of the three parts as they were before they were prepared.
    leaks : tuple of str
        What looks like leakage, in sentences; the remarks of `split` hold them too.
    stream : RowStream or None
        The rows to learn from where the table is read in blocks; `train` is a sample of them then.
    """

    train: Part
    validation: Part
    watched: Part
    test: Part
    test_rows: AnyArray
    preparation: Preparation
    encoding: TargetEncoding | None
    found: FoundTarget
    split: SplitSizes
    choices: tuple[Choice, ...]
    frame: pd.DataFrame
    image: bool = False
    frames: tuple[pd.DataFrame, ...] = ()
    leaks: tuple[str, ...] = ()
    stream: RowStream | None = None

    @property
    def n_train(self) -> int:
        """Number of rows to learn from."""
        return len(self.train) if self.stream is None else self.stream.n_rows

    @property
    def task(self) -> Task:
        """What is to be learned."""
        return self.found.task


def deal_parts(study: Study, source: Source) -> Parts:
    """Find the target, leave out rows without one, split, prepare.

    Raises
    ------
    DataError
        The table cannot be learned from; the message says what to change.
    """
    if study.data is None:
        raise ParameterError("A study must have a table [data] to be run; this one has none.")
    wanted = study.data
    data.check_rows(source.frame, 2, "Training")
    found = find_target(study, source)
    choices = list(found.choices)
    frame, left_out = data.drop_unlabelled(source.frame, found.needed)
    test_frame = source.test_frame if wanted.split.test is None else None
    if test_frame is not None:
        test_frame, _ = data.drop_unlabelled(test_frame, found.needed)
    choices += [left_out] if left_out else []
    data.check_rows(frame, 2, "Training")
    split, sizes = _split(study, frame, found, test_frame)
    frames = [frame.iloc[split.train], frame.iloc[split.validation]]
    frames.append(frame.iloc[split.test] if test_frame is None else test_frame)
    parts = prepare_parts(study, source, found, frames, frame=frame, sizes=sizes, choices=choices)
    _refuse_one_class(parts)
    leaks = data.find_leaks(
        frame.iloc[np.concatenate([split.train, split.validation])],
        frames[2],
        plans=parts.preparation.plans_,
        target=found.names,
        numeric_target=found.task == "regression",
        dealt_at_random=split.how in {"random", "stratified"},
    )
    sizes = replace(parts.split, remarks=(*parts.split.remarks, *leaks))
    return replace(parts, split=sizes, leaks=tuple(leaks))


def prepare_parts(
    study: Study,
    source: Source,
    found: FoundTarget,
    frames: Sequence[pd.DataFrame],
    *,
    frame: pd.DataFrame,
    sizes: SplitSizes,
    choices: Sequence[Choice] = (),
    refine: Refine | None = None,
) -> Parts:
    """Prepare rows that have been dealt; everything is learned from the training rows alone.

    But for the kinds of columns and the format of dates, which all rows tell: they must not depend
    on how the rows were dealt.

    Parameters
    ----------
    study : Study
    source : Source
    found : FoundTarget
    frames : sequence of three pandas.DataFrame
        Rows to train, validate and test; the last two may be empty.
    frame : pandas.DataFrame
        All rows with a target: which classes there are, and of what kinds columns are.
    sizes : SplitSizes
    choices : sequence of Choice
        About target and rows; those about columns are added.
    refine : callable, optional
        ``refine(preparation, encoding)`` returns both after more rows were seen than these.
    """
    preparation, dropped = _preparation(study, source, found)
    features = [part.drop(columns=list(found.names)) for part in frames]
    with telling_rows(features[0]):
        preparation.fit(features[0], like=frame.drop(columns=list(found.names)))
    with telling_rows(frame):
        encoding = learn_encoding(study, found, frame, frames[0])
    if refine is not None:
        preparation, encoding = refine(preparation, encoding)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = [
            _part(preparation, encoding, rows, whole)
            for rows, whole in zip(features, frames, strict=True)
        ]
    watched, unknown = _known_classes(found, made)
    remarks = dict.fromkeys([*unknown, *(str(warning.message) for warning in caught)])
    sizes = replace(sizes, remarks=(*sizes.remarks, *remarks))
    return Parts(
        made[0], made[1], watched, made[2], frames[2].index.to_numpy(),
        preparation, encoding, found, sizes, (*choices, *dropped), frame, source.image,
        tuple(frames),
    )  # fmt: skip


def _refuse_one_class(parts: Parts) -> None:
    """Refuse training rows that nothing can be told apart by, as a few rows may be dealt."""
    if parts.task != "classification" or len(np.unique(parts.train.y)) > 1:
        return
    n_rows, name = len(parts.train), parts.found.names[0]
    raise DataError(
        f"The training rows must hold two classes at least; all {n_rows} that were dealt to the "
        f"training hold {parts.train.truth.tolist()[0]!r} in {name!r}. Add rows, choose another "
        "seed, or set smaller parts aside (split)."
    )


def _split(
    study: Study, frame: pd.DataFrame, found: FoundTarget, test_frame: pd.DataFrame | None
) -> tuple[data.Split, SplitSizes]:
    assert study.data is not None  # noqa: S101  (deal_parts has looked)
    asked = study.data.split
    columns = {}
    for name, column in (("groups", asked.groups), ("time", asked.time)):
        if column is not None and column not in frame.columns:
            raise DataError(
                f"`split.{name}` must name a column of the table; got {column!r}."
                f"{did_you_mean(column, frame.columns) or ' Check the name.'}"
            )
        columns[name] = None if column is None else frame[column]
    stratify = asked.stratify
    if stratify is None:
        stratify = found.task == "classification" and not (asked.groups or asked.time)
    if stratify and found.task != "classification":
        raise ParameterError(
            f"`split.stratify` needs classes; the task is {found.task}. Leave it out."
        )
    test = 0 if test_frame is not None else (TEST_SHARE if asked.test is None else asked.test)
    split = data.split_rows(
        len(frame),
        validation=asked.validation,
        test=test,
        stratify=frame[found.names[0]] if stratify else None,
        seed=study.seed,
        **columns,
    )
    n_test = len(split.test) if test_frame is None else len(test_frame)
    how = split.how + ("" if test_frame is None else ", own test part")
    sizes = SplitSizes(how, len(split.train), len(split.validation), n_test, split.remarks)
    return split, sizes


def _preparation(
    study: Study, source: Source, found: FoundTarget
) -> tuple[Preparation, list[Choice]]:
    given = study.preparation.model_dump(exclude_none=True, exclude={"standardise_target"})
    if given.get("max_categories") == "none":
        given["max_categories"] = None
    choices = []
    if source.image and "scaling" not in given:
        given["scaling"] = "pixels"
        choices.append(Choice("scaling", "pixels", "The columns are pixels from 0 to 255."))
    asked = [] if study.data is None else study.data.drop
    drop = dict.fromkeys((*source.drop, *asked))
    groups = None if study.data is None else study.data.split.groups
    if groups is not None and groups not in found.names:
        drop[groups] = None
        reason = "It only tells which rows belong together."
        choices.append(Choice(groups, "left out", reason))
    if found.task == "autoencoder":
        target = study.data.target if study.data and study.data.target else source.target
        drop |= dict.fromkeys([target] if isinstance(target, str) else target)
    _check_drop(asked, list(source.frame.columns), found.names)
    kept = [name for name in drop if name in source.frame.columns and name not in found.names]
    return Preparation(**given, drop=kept), choices


def _check_drop(asked: list[str], columns: list[str], target: tuple[str, ...]) -> None:
    for name in asked:
        if name not in columns:
            hint = did_you_mean(name, columns) or " Check the name."
            raise DataError(f"`drop` must name columns of the table; got {name!r}.{hint}")
        if name in target:
            raise DataError(
                f"`drop` must not name the target; got {name!r}. Take it out of the list, or "
                "name another target."
            )
    if asked and set(columns) <= {*asked, *target}:
        raise DataError(
            f"`drop` must leave a column to learn from; got all of {', '.join(asked)}. Keep one."
        )


def _part(
    preparation: Preparation,
    encoding: TargetEncoding | None,
    features: pd.DataFrame,
    whole: pd.DataFrame,
) -> Part:
    if not len(features):
        empty = np.empty(0)
        return Part(np.empty((0, len(preparation.get_feature_names_out()))), empty, empty)
    with telling_rows(whole):
        x = preparation.transform(features)
        if encoding is None:
            return Part(x, x, x)
        encoded = encoding.encode(whole)
    if encoding.kind == "classes":
        encoded = encoding.decode(encoded)
    numbers = encoding.kind == "numbers"
    return Part(x, encoded, encoding.decode(encoded) if numbers else encoded)


def _known_classes(found: FoundTarget, parts: list[Part]) -> tuple[Part, list[str]]:
    """Return the validation rows whose class occurs in training, and a remark about the others.

    The loss of a class that the network does not know is infinite, so it cannot be watched.
    """
    validation = parts[1]
    if found.task != "classification" or not len(validation):
        return validation, []
    known = np.isin(validation.y, parts[0].y)
    if known.all():
        return validation, []
    strange = np.unique(validation.y[~known]).tolist()
    shown = ", ".join(repr(one) for one in strange[:3]) + (", …" if len(strange) > 3 else "")
    remark = (
        f"{int((~known).sum())} of {len(known)} validation rows are of classes that no training "
        f"row has ({shown}). They are judged, and count as wrong; training does not watch them."
    )
    return validation.take(np.flatnonzero(known)), [remark]


def kind_of(task: Task) -> str:
    """Return the kind of network for a task."""
    return KIND_OF_TASK[task]
