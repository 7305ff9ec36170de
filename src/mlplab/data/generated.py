"""Data sets that are drawn from a random generator: the textbook shapes.

Every function takes the number of rows and a generator, and returns the columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab._typing import AnyArray
from mlplab.data.frames import pandas
from mlplab.results.tables import Dataset, Task

__all__ = ["GENERATED", "GeneratedSet", "generate"]

Columns = dict[str, AnyArray]


@dataclass(frozen=True, slots=True)
class GeneratedSet:
    """A data set that can be drawn.

    Attributes
    ----------
    title : str
        Name for people.
    draw : callable
        ``draw(n_rows, generator)`` returns the columns, the target last.
    n_rows, n_test : int
        Rows of the training part and of the test part; 0 for none.
    task : Task
        What is usually learned from it.
    """

    title: str
    draw: Callable[[int, np.random.Generator], Columns]
    n_rows: int
    n_test: int = 0
    task: Task = "classification"


def xor(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw four clouds on the corners of the unit square; opposite corners share a class."""
    corner = generator.permutation(np.arange(n_rows) % 4)
    first, second = corner % 2, corner // 2
    points = np.stack([first, second], axis=1) + generator.normal(0.0, 0.12, (n_rows, 2))
    return _plane(points, (first != second).astype(np.int64))


def moons(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw two half circles that reach into each other."""
    label = generator.permutation(np.arange(n_rows) % 2)
    angle = generator.uniform(0.0, np.pi, n_rows)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1.0 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.where(label[:, np.newaxis] == 0, upper, lower)
    return _plane(points + generator.normal(0.0, 0.15, (n_rows, 2)), label)


def circles(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw a circle around another one."""
    label = generator.permutation(np.arange(n_rows) % 2)
    angle = generator.uniform(0.0, 2.0 * np.pi, n_rows)
    radius = np.where(label == 0, 1.0, 0.5)
    points = radius[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _plane(points + generator.normal(0.0, 0.08, (n_rows, 2)), label)


def spirals(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw two arms that wind around each other one and a half times."""
    label = generator.permutation(np.arange(n_rows) % 2)
    way = np.sqrt(generator.uniform(0.01, 1.0, n_rows))
    angle = 3.0 * np.pi * way + np.pi * label
    points = way[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _plane(points + generator.normal(0.0, 0.02, (n_rows, 2)), label)


def two_lines(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw two parallel lines whose noise overlaps, so that about 93 in 100 can be told apart."""
    label = generator.permutation(np.arange(n_rows) % 2)
    along = generator.uniform(-3.0, 3.0, n_rows)
    # The best border lies half way: each line strays beyond it with probability Φ(-1.5).
    across = along + 1.5 * (2 * label - 1) + generator.normal(0.0, 1.0, n_rows)
    return _plane(np.stack([along, across], axis=1), label)


def blobs(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw three round clouds."""
    label = generator.permutation(np.arange(n_rows) % 3)
    centers = np.array([[-2.0, -1.0], [2.0, -1.0], [0.0, 2.0]])
    return _plane(centers[label] + generator.normal(0.0, 0.8, (n_rows, 2)), label)


def sine(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw a sine over two periods with a little noise."""
    x = generator.uniform(-2.0 * np.pi, 2.0 * np.pi, n_rows)
    return {"x": x, "y": np.sin(x) + generator.normal(0.0, 0.1, n_rows)}


def sine_border(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw points on both sides of a sine; 7 in 100 labels are wrong, so 93 in 100 can be right."""
    points = generator.uniform((-3.0, -2.0), (3.0, 2.0), (n_rows, 2))
    label = points[:, 1] > 1.3 * np.sin(1.7 * points[:, 0])
    wrong = generator.uniform(size=n_rows) < 0.07
    return _plane(points, (label ^ wrong).astype(np.int64))


def stripe(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw a cloud between two others of another class: two lines are needed to part them."""
    place = generator.permutation(np.arange(n_rows) % 4)
    along = generator.uniform(-2.0, 2.0, n_rows)
    across = np.array([-1.6, 0.0, 0.0, 1.6])[place] + generator.normal(0.0, 0.25, n_rows)
    points = np.stack([along + across, along - across], axis=1)
    return _plane(points, ((place == 1) | (place == 2)).astype(np.int64))


def curve(n_rows: int, generator: np.random.Generator) -> Columns:
    """Draw y = x·sin(x) with noise of variance 1: no estimate has a smaller mean squared error."""
    x = generator.uniform(-5.0, 5.0, n_rows)
    return {"x": x, "y": x * np.sin(x) + generator.normal(0.0, 1.0, n_rows)}


def _plane(points: AnyArray, label: AnyArray) -> Columns:
    return {"x1": points[:, 0], "x2": points[:, 1], "label": label}


GENERATED: dict[str, GeneratedSet] = {
    "xor": GeneratedSet("Exclusive or, with noise", xor, 400),
    "moons": GeneratedSet("Two moons", moons, 400),
    "circles": GeneratedSet("Circle in a circle", circles, 400),
    "spirals": GeneratedSet("Two spirals", spirals, 600),
    "two_lines": GeneratedSet("Two noisy lines, with a test part", two_lines, 400, 200),
    "blobs": GeneratedSet("Three round clouds", blobs, 300),
    "sine_border": GeneratedSet(
        "A sine between two classes, with a test part", sine_border, 400, 200
    ),
    "stripe": GeneratedSet("A stripe between two clouds", stripe, 200),
    "curve": GeneratedSet("x·sin(x) with noise, with a test part", curve, 120, 25, "regression"),
    "sine": GeneratedSet("Sine with noise, with a test part", sine, 120, 25, "regression"),
}


def generate(name: str, seed: int) -> Dataset:
    """Draw a generated data set; the same seed gives the same rows."""
    made = GENERATED[name]
    generator = np.random.default_rng(seed)
    frame: Any = pandas().DataFrame(made.draw(made.n_rows, generator))
    test = pandas().DataFrame(made.draw(made.n_test, generator)) if made.n_test else None
    return Dataset(
        name=name,
        title=made.title,
        frame=frame,
        target=(str(frame.columns[-1]),),
        task=made.task,
        source=f"Drawn by mlplab with seed {seed}",
        licence="None needed.",
        test_frame=test,
    )
