"""From a table in blocks to parts: few rows in memory, all others as a stream to learn from.

Every row draws a number from its place in the table and the seed. The lowest draws test, the next
ones validate, the next are the sample of training rows that is kept in memory: it tells target,
task and kinds of columns, and stands for the training rows in figures. Everything else about the
preparation is learned from all training rows, which are gone through once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mlplab import data
from mlplab.data import Blocks, FoundTarget, Preparation, TargetEncoding
from mlplab.data.blocks import WINDOW, Block
from mlplab.data.frames import is_missing, pandas
from mlplab.data.streaming import Moments, learn_in_blocks
from mlplab.errors import DataError, ParameterError
from mlplab.results import Choice, SplitSizes, TableDescription
from mlplab.workflows.parts import TEST_SHARE, Parts, prepare_parts
from mlplab.workflows.row_streams import RowStream, Shares, draws_of, training_rows
from mlplab.workflows.sources import Source
from mlplab.workflows.study import Study
from mlplab.workflows.target import find_target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["deal_blocks", "describe_rows"]

MOST_SAMPLED, MOST_VALIDATED, MOST_TESTED = 100_000, 100_000, 200_000
"""Rows that are kept in memory, at the most."""

_MOST_VALUES, _MOST_IN_WINDOW = 2**23, 2**25
_MOST_CLASSES, _MOST_WITNESSES = 10_000, 1_000


def deal_blocks(study: Study, source: Source) -> Parts:
    """Find the target, set rows aside, learn the preparation, and leave a stream to learn from.

    Raises
    ------
    DataError
        The table cannot be learned from; the message says what to change.
    ParameterError
        The study asks for what needs all rows at once.
    """
    if study.data is None or source.blocks is None:
        raise ParameterError("A study must have a table in blocks; this one has none.")
    blocks = source.blocks
    _refuse_what_needs_all_rows(study)
    shares, cut = _shares(study, blocks, source)
    kept = _kept_rows(blocks, shares, _named_target(study, blocks))
    sampled = dataclasses.replace(source, frame=kept)
    found = find_target(study, sampled)
    labelled, _ = data.drop_unlabelled(kept, found.needed)
    draws = draws_of(labelled, shares)
    frames = [labelled[shares.part(name, draws)] for name in ("sample", "validation", "test")]
    if source.test_frame is not None and study.data.split.test is None:
        frames[2], _ = data.drop_unlabelled(source.test_frame, found.needed)
    for frame in frames[:1]:
        data.check_rows(frame, 2, "Training")
    learner = _Learner(blocks, shares, found)
    sizes = SplitSizes("random", 0, len(frames[1]), len(frames[2]), tuple(cut))
    parts = prepare_parts(
        study, sampled, found, frames, frame=labelled, sizes=sizes,
        choices=found.choices, refine=learner.refine,
    )  # fmt: skip
    return _with_stream(parts, learner, study)


def _with_stream(parts: Parts, learner: _Learner, study: Study) -> Parts:
    classes = None
    if parts.task == "classification" and parts.encoding is not None:
        classes = parts.encoding.decode(np.arange(len(parts.encoding.classes)))
    blocks, shares = learner.blocks, learner.shares
    stream = RowStream(
        blocks, shares, parts.found.needed, parts.preparation, parts.encoding,
        learner.n_rows, study.seed, _window(blocks, parts.preparation), classes,
    )  # fmt: skip
    learned = parts.frame[~shares.part("test", draws_of(parts.frame, shares))]
    leaks = data.find_leaks(
        learned,
        parts.frames[2],
        plans=parts.preparation.plans_,
        target=parts.found.names,
        numeric_target=parts.task == "regression",
        dealt_at_random=True,
    )
    if leaks and len(learned) < learner.n_rows:
        leaks.append(
            f"These signs were looked for in {len(learned):,} of {learner.n_rows:,} training rows: "
            "in all of them there may be more."
        )
    remarks = (*parts.split.remarks, *_remarks(stream, len(parts.train)), *leaks)
    sizes = dataclasses.replace(parts.split, train=learner.n_rows, remarks=remarks)
    choices = (*parts.choices, *_choices(stream, learner.n_missing))
    # Every class has an output, whether or not the sample holds it.
    return dataclasses.replace(
        parts, watched=parts.validation, split=sizes, stream=stream, choices=choices,
        leaks=tuple(leaks),
    )  # fmt: skip


def _window(blocks: Blocks, preparation: Preparation) -> int:
    """Return how many blocks are held at a time: fewer where categories make many features."""
    values = blocks.block_rows * max(1, preparation.n_features_out)
    return max(1, min(WINDOW, _MOST_IN_WINDOW // values))


def _remarks(stream: RowStream, n_sampled: int) -> list[str]:
    remarks = []
    if n_sampled < stream.n_rows:
        remarks.append(
            f"Figures of training rows and of columns are of {n_sampled:,} rows drawn from "
            f"{stream.n_rows:,}; so are medians. Kinds of columns and formats of dates are told "
            "by these and the rows set aside."
        )
    if stream.blocks.longest_run > stream.window:
        remarks.append(
            f"The file has stretches of {stream.blocks.longest_run:,} blocks that can only be read "
            f"from their beginning; rows are shuffled with those of {stream.window} blocks. If "
            "neighbouring rows are alike, `mlplab data convert` writes smaller row groups."
        )
    return remarks


def _choices(stream: RowStream, n_missing: int) -> list[Choice]:
    blocks = stream.blocks
    reason = (
        f"The table is read in {blocks.n_blocks:,} blocks. {stream.window} at a time are in "
        "memory, and their rows are shuffled."
    )
    choices = [Choice("blocks", f"{stream.n_windows:,} windows an epoch", reason)]
    if n_missing:
        reason = "Their target is missing, so nothing can be learned from them."
        choices.append(Choice("rows", f"{n_missing:,} of {blocks.n_rows:,} left out", reason))
    return choices


def _refuse_what_needs_all_rows(study: Study) -> None:
    assert study.data is not None  # noqa: S101  (deal_blocks has looked)
    split = study.data.split
    asked: dict[str, Any] = {"split.groups": split.groups, "split.time": split.time}
    asked |= {"split.stratify": split.stratify or None}
    asked |= {"compare": study.compare, "variants": study.variants}
    for name, value in asked.items():
        if value is not None:
            raise ParameterError(
                f"`{name}` must be left out where a table is read in blocks; it needs all rows at "
                "once. Leave it out, or set `blocks` to false."
            )


def _shares(study: Study, blocks: Blocks, source: Source) -> tuple[Shares, list[str]]:
    """Return the shares of the parts, and what is less than was asked for."""
    assert study.data is not None  # noqa: S101  (deal_blocks has looked)
    split, n_rows = study.data.split, blocks.n_rows
    test = TEST_SHARE if split.test is None else split.test
    if split.test is None and source.test_frame is not None:
        test = 0.0
    remarks, shares = [], {}
    asked = (("test", test, MOST_TESTED), ("validation", split.validation, MOST_VALIDATED))
    for name, part, most in asked:
        share = part if isinstance(part, float) else part / n_rows
        limit = min(most, _MOST_VALUES // max(1, len(blocks.columns))) / n_rows
        shares[name] = min(share, limit)
        if share > limit:
            remarks.append(
                f"About {limit * n_rows:,.0f} rows {'test' if name == 'test' else 'validate'} "
                f"instead of {share * n_rows:,.0f}: they stay in memory, and more would hardly "
                "change a figure."
            )
    if sum(shares.values()) >= 1:
        raise DataError(
            f"`validation` and `test` must leave rows for training; of {n_rows:,} rows all would "
            "be set aside. Ask for smaller parts."
        )
    sample = min(MOST_SAMPLED, _MOST_VALUES // max(1, len(blocks.columns))) / n_rows
    return Shares(study.seed, shares["test"], shares["validation"], sample), remarks


def _kept_rows(blocks: Blocks, shares: Shares, target: str | None) -> pd.DataFrame:
    """Go through the table and return the rows that stay in memory, with their places.

    The first rows of each value of a target that was named are among them, so that rare classes
    are known; they belong to no part for that.
    """
    frames, seen = [], set[Any]()
    for block in blocks.ahead():
        draws = shares.draws(block.frame)
        kept = ~shares.part("train", draws) | shares.part("sample", draws)
        if target is not None and len(seen) < _MOST_WITNESSES:
            values = block.frame[target]
            new = (~values.isin(seen) & ~values.duplicated()).to_numpy()
            seen.update(values[new])
            kept |= new
        frames.append(block.frame[kept])
    frame: pd.DataFrame = pandas().concat([one for one in frames if len(one)] or frames[:1])
    return frame


def _named_target(study: Study, blocks: Blocks) -> str | None:
    named = None if study.data is None else study.data.target
    named = named[0] if isinstance(named, list) and len(named) == 1 else named
    return named if isinstance(named, str) and named in blocks.columns else None


class _Learner:
    """Goes through all training rows once, and learns what a sample cannot tell exactly."""

    def __init__(self, blocks: Blocks, shares: Shares, found: FoundTarget) -> None:
        self.blocks, self.shares, self._found = blocks, shares, found
        self.n_rows = self.n_missing = 0
        self._values: list[pd.Series[Any]] = []
        self._moments = Moments(max(1, len(found.names)))

    def refine(
        self, preparation: Preparation, encoding: TargetEncoding | None
    ) -> tuple[Preparation, TargetEncoding | None]:
        """Return preparation and encoding that have seen every row."""
        plain = encoding
        if encoding is not None and encoding.kind == "numbers":
            plain = dataclasses.replace(encoding, mean=(), scale=())
        preparation = learn_in_blocks(preparation, self._training_blocks(plain))
        if encoding is None or encoding.kind == "label columns":
            return preparation, encoding
        if encoding.kind != "numbers":
            values = pandas().concat(self._values).drop_duplicates()
            names = list(encoding.names)
            frame = values.to_frame(names[0])
            return preparation, TargetEncoding.learn(frame, names, self._found.task)
        if encoding.mean:
            scale = np.sqrt(self._moments.squares / np.maximum(self._moments.count, 1))
            encoding = dataclasses.replace(
                encoding,
                mean=tuple(self._moments.mean.tolist()),
                scale=tuple(np.where(scale > 0, scale, 1.0).tolist()),
            )
        return preparation, encoding

    def _training_blocks(self, encoding: TargetEncoding | None) -> Iterator[Block]:
        for block in self.blocks.ahead():
            self._see_target(block)
            trained = training_rows(block, self.shares, self._found.needed)
            if not len(trained.frame):
                continue
            self.n_rows += len(trained.frame)
            if encoding is not None and encoding.kind in {"numbers", "label columns"}:
                with block.telling():
                    numbers = encoding.encode(trained.frame).reshape(len(trained.frame), -1)
                if encoding.kind == "numbers":
                    for at, column in enumerate(numbers.T):
                        self._moments.add(at, column)
            yield trained

    def _see_target(self, block: Block) -> None:
        """Note the values of a target of classes or labels, and count the rows without one."""
        names = self._found.needed
        if names:
            missing = np.any([is_missing(block.frame[name]) for name in names], axis=0)
            self.n_missing += int(missing.sum())
        if self._found.task in {"classification", "multilabel"} and len(self._found.names) == 1:
            values = block.frame[self._found.names[0]].dropna().drop_duplicates()
            self._values = [pandas().concat([*self._values, values]).drop_duplicates()]
            if len(self._values[0]) > _MOST_CLASSES:
                raise DataError(
                    "`target` must hold classes that repeat; "
                    f"{self._found.names[0]!r} holds more than {_MOST_CLASSES:,} different values. "
                    "Name another target, or ask for the task 'regression'."
                )


def describe_rows(parts: Parts) -> TableDescription:
    """Return the table in figures; those of columns are of the rows in memory."""
    sampled = parts.stream is not None and len(parts.train) < parts.stream.n_rows
    frame = parts.frames[0] if sampled else parts.frame
    table = data.describe(frame, parts.found.names, parts.task)
    if parts.stream is None or not sampled:
        return table
    remark = f"The figures of the columns are of {table.n_rows:,} training rows, drawn evenly."
    return dataclasses.replace(
        table, n_rows=parts.stream.blocks.n_rows, remarks=(*table.remarks, remark)
    )
