"""Training rows that are read, prepared and shuffled while a network learns from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data import Blocks, Preparation, TargetEncoding
from mlplab.data.blocks import WINDOW, Block
from mlplab.data.frames import is_missing
from mlplab.data.windows import read_ahead, row_draws

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RowStream", "Shares", "Window", "draws_of", "training_rows"]


@dataclass(frozen=True, slots=True)
class Shares:
    """Which part a row belongs to, by what it draws."""

    seed: int
    test: float
    validation: float
    sample: float

    def draws(self, frame: pd.DataFrame) -> AnyArray:
        """Return what the rows of a block draw; they follow each other."""
        return row_draws(int(frame.index[0]), len(frame), self.seed)

    def part(self, name: str, draws: AnyArray) -> AnyArray:
        """Return which rows belong to ``"test"``, ``"validation"``, ``"train"`` or ``"sample"``."""
        ends = {"test": (0.0, self.test), "validation": (self.test, self.test + self.validation)}
        held_out = self.test + self.validation
        ends["train"] = (held_out, 1.0)
        ends["sample"] = (held_out, held_out + self.sample)
        low, high = ends[name]
        part: AnyArray = (draws >= low) & (draws < high)
        return part


class Window(NamedTuple):
    """Prepared training rows of some blocks.

    Attributes
    ----------
    x : ndarray of shape (rows, features)
    y : ndarray of shape (rows,) or (rows, outputs), or None
    """

    x: AnyArray
    y: AnyArray | None


@dataclass(frozen=True, slots=True, eq=False)
class RowStream:
    """Training rows that are read, prepared and shuffled while they are learned from.

    Attributes
    ----------
    blocks : Blocks
    shares : Shares
    needed : tuple of str
        Columns without which a row is left out.
    preparation : Preparation
    encoding : TargetEncoding or None
    n_rows : int
        Training rows of an epoch.
    seed : int
    window : int
        Blocks of a window.
    classes : ndarray, or None
        Every class, for a classification.
    """

    blocks: Blocks
    shares: Shares
    needed: tuple[str, ...]
    preparation: Preparation
    encoding: TargetEncoding | None
    n_rows: int
    seed: int
    window: int = WINDOW
    classes: AnyArray | None = None

    @property
    def n_windows(self) -> int:
        """Windows of an epoch."""
        return self.blocks.count_windows(self.window)

    def windows(
        self, epoch: int, start: int, dtype: str, *, shuffle: bool = True
    ) -> Iterator[Window]:
        """Read and prepare the windows of an epoch from one of them on.

        While one is prepared, another thread reads the next.
        """
        found = self.blocks.windows(
            seed=self.seed, epoch=epoch, window=self.window, start=start, shuffle=shuffle
        )
        for blocks in read_ahead(found):
            yield self.prepare(blocks, dtype)

    def prepare(self, blocks: list[Block], dtype: str) -> Window:
        """Return the training rows of some blocks, prepared."""
        trained = [training_rows(block, self.shares, self.needed) for block in blocks]
        trained = [block for block in trained if len(block.frame)]
        n_rows = sum(len(block.frame) for block in trained)
        x = np.empty((n_rows, self.preparation.n_features_out), dtype)
        targets, start = [], 0
        for block in trained:
            stop = start + len(block.frame)
            with block.telling():
                self.preparation.write(block.frame, x[start:stop])
                if self.encoding is not None:
                    targets.append(self.encoding.encode(block.frame))
            start = stop
        y = np.concatenate(targets) if targets else None
        return Window(x, self.classes[y] if self.classes is not None and y is not None else y)


def training_rows(block: Block, shares: Shares, needed: tuple[str, ...]) -> Block:
    """Return the rows of a block that train and have a target."""
    mask = shares.part("train", shares.draws(block.frame))
    for name in needed:
        mask &= ~is_missing(block.frame[name])
    return block.take(mask)


def draws_of(frame: pd.DataFrame, shares: Shares) -> AnyArray:
    """Return what rows draw that do not follow each other."""
    rows = frame.index.to_numpy()
    if not len(rows):
        return np.empty(0)
    first, last = int(rows[0]), int(rows[-1])
    starts = np.arange(first, last + 1, 2**20)
    draws = np.empty(len(rows))
    for start in starts.tolist():
        here = (rows >= start) & (rows < start + 2**20)
        if here.any():
            drawn = row_draws(start, min(2**20, last + 1 - start), shares.seed)
            draws[here] = drawn[rows[here] - start]
    return draws
