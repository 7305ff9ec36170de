"""Draw the picture of the page on sweeps: ``python docs/sweep_picture.py``.

The grid of 384 on 1,143 wines as Python sees it: all trials across their parameters, learning
curves, importance and effects. Needs the extra ``lab`` and the data that ``MLPLAB_DATA`` names.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from mlplab import sweeps, workflows
from mlplab.plots import (
    EffectDisplay,
    ImportanceDisplay,
    ParallelCoordinatesDisplay,
    SweepCurvesDisplay,
)

HERE = Path(__file__).parent
STUDY = HERE.parent / "studies" / "wine-grid.toml"
TARGET = HERE / "sweep.png"
COLOURS = 96  # a picture of few colours is a third of the size


def draw(folder: Path) -> Path:
    """Sweep into a folder, draw four figures of what it holds; return where the picture lies."""
    workflows.sweep(STUDY, storage=folder)
    result = sweeps.read_result(folder)
    analysis = sweeps.analyse(result)
    figure = Figure(figsize=(13, 9), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    left, right = below.subfigures(1, 2, width_ratios=(1, 1.05))
    ParallelCoordinatesDisplay.from_result(result).plot(above.subplots())
    curves, bars = left.subplots(2, 1, height_ratios=(1.5, 1))
    SweepCurvesDisplay.from_result(result, score_name="accuracy").plot(curves)
    ImportanceDisplay.from_analysis(analysis).plot(bars)
    EffectDisplay.from_analysis(analysis).plot(right.subplots())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, facecolor="white")
    picture = Image.open(buffer).convert("RGB").quantize(COLOURS)
    picture.save(TARGET, format="PNG", optimize=True)
    return TARGET


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(draw(Path(place)))
