"""Which rows are set aside, and what is shuffled with what, without all rows in memory.

Everything here is a function of a seed and of numbers of rows: no row is looked at, nothing depends
on the clock or on the number of threads, and any place of any epoch can be begun anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from mlplab._typing import AnyArray

__all__ = ["Piece", "plan_windows", "read_ahead", "row_draws"]

T = TypeVar("T")


class Piece(NamedTuple):
    """A block, by the run of rows that it lies in and its place there, both from 0."""

    run: int
    block: int


def row_draws(first: int, n_rows: int, seed: int) -> AnyArray:
    """Draw a number for each row, from its place in the table alone.

    The generator is SplitMix64, which gives its n-th number without those before: rows are dealt
    to the same parts however the table is cut into blocks, and rows that are added change nothing.

    Parameters
    ----------
    first : int
        The first row, from 0.
    n_rows : int
    seed : int

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Uniform in [0, 1).

    References
    ----------
    Steele, Lea and Flood (2014): Fast splittable pseudorandom number generators.
    https://doi.org/10.1145/2714064.2660195

    Examples
    --------
    >>> bool((row_draws(0, 10, seed=1)[4:] == row_draws(4, 6, seed=1)).all())
    True
    """
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    rows = np.arange(first + 1, first + n_rows + 1, dtype=np.uint64)
    mixed = start + rows * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    draws: AnyArray = (mixed >> np.uint64(11)) * 2.0**-53
    return draws


def plan_windows(
    blocks: Sequence[int], *, window: int, seed: int, epoch: int, shuffle: bool = True
) -> list[tuple[Piece, ...]]:
    """Return which blocks are read together in an epoch, window after window.

    A run is a stretch of rows that can be read from its beginning only, such as a row group of
    Parquet. Each epoch puts the runs in a new order; as many of them as a window has blocks are
    read side by side, a block from each in turn. Where every run is one block, this is: blocks in
    a new order, so many at a time.

    Parameters
    ----------
    blocks : sequence of int
        How many blocks each run has.
    window : int
        Blocks of a window; the last one may have fewer.
    seed, epoch : int
        Decide the order of the runs.
    shuffle : bool, default=True
        Without it the blocks come as they stand.

    Examples
    --------
    >>> plan_windows([1, 3, 1], window=2, seed=0, epoch=0, shuffle=False)[0]
    (Piece(run=0, block=0), Piece(run=1, block=0))
    >>> [len(pieces) for pieces in plan_windows([1, 3, 1], window=2, seed=0, epoch=0)]
    [2, 2, 1]
    """
    if shuffle:
        order = np.random.default_rng((seed, epoch)).permutation(len(blocks)).tolist()
        pieces = list(_side_by_side(order, blocks, window))
    else:
        pieces = [Piece(run, at) for run, n_blocks in enumerate(blocks) for at in range(n_blocks)]
    return [tuple(pieces[at : at + window]) for at in range(0, len(pieces), window)]


def _side_by_side(order: Sequence[int], blocks: Sequence[int], n_open: int) -> Iterator[Piece]:
    waiting = deque(run for run in order if blocks[run])
    reading: deque[Piece] = deque()
    while waiting or reading:
        while waiting and len(reading) < n_open:
            reading.append(Piece(waiting.popleft(), 0))
        piece = reading.popleft()
        yield piece
        if piece.block + 1 < blocks[piece.run]:
            reading.append(Piece(piece.run, piece.block + 1))


def read_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Give the items of an iterator, while another thread gets the next one.

    An error comes where the item would have come. At any moment there are two items at the most:
    the one that was given, and the next.
    """
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="mlplab-reader") as reader:
        coming = reader.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = reader.submit(next, items, end)
            yield item  # type: ignore[misc]  # it is not the end
            del item
