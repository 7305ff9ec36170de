"""Draw the pictures of the pages on studies: ``python docs/studies/pictures.py [NAME …]``.

Names are those of the tables below; all, if none is given. Runs of studies with variants write
their table into the page as well, between ``<!-- variants -->`` and ``<!-- /variants -->``. Needs
the extra ``lab``, and the data that ``MLPLAB_DATA`` names.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from illustrations import ILLUSTRATIONS
from matplotlib.figure import Figure
from PIL import Image

from mlplab import workflows
from mlplab.plots import PALETTE, EffectDisplay, ParallelCoordinatesDisplay, to_png
from mlplab.results.layout import markdown_table

HERE = Path(__file__).resolve().parent
STUDIES = HERE.parents[1] / "studies"
LARGEST = 80_000
RUNS = {
    "two-dimensional-binary": [
        "scatter",
        "decision_boundary",
        "boundary_epochs",
        "variant_effects",
        "compare_losses",
        "compare_boundaries",
    ],
    "hidden-space": ["boundary_epochs", "hidden_space", "network", "variant_boundaries"],
    "xor": ["variant_boundaries", "variant_boundaries_zoomed", "disagreement"],
    "margin": ["decision_boundary"],
    "function-estimation": ["function_estimate", "variant_estimates", "variant_effects"],
    "mnist-activations-and-initialisation": ["samples", "variant_losses"],
    "fashion-mnist": ["samples", "variant_losses"],
}
SWEEPS = ["function-estimation-sweep", "wine-quality", "housing"]
SCRIPTS = {
    "image-features": ["image-autoencoder", "image-features"],
    "songs-neighbours": ["songs-autoencoder", "songs-neighbours"],
    "squared-error-or-cross-entropy": ["squared-error-or-cross-entropy"],
    "wine-quality-classes": ["wine-quality-classes"],
    "multi-label-baselines": ["multi-label"],
    "housing-splits": ["housing-splits"],
}


def small_png(source: Any) -> bytes:
    """Return a picture of at most 80 kB: of few colours, and with fewer pixels if need be."""
    for dpi in (100, 90, 80, 70, 60):
        png = to_png(source, dpi=dpi, colours=128)
        if len(png) <= LARGEST:
            break
    return png


def of_run(name: str) -> Iterator[tuple[str, bytes]]:
    """Run a study; yield its pictures, and write the table of its variants into its page."""
    result = workflows.run(STUDIES / f"{name}.toml", out=None)
    if result.variants is not None:
        section = result.variants.section()
        # Without the last column: seconds say something beside the machine and its load only.
        rows = [row[:-1] for row in section.rows]
        words = markdown_table(section.headers[:-1], rows, frozenset(section.numbers))
        write_between("variants", HERE / f"{name}.md", words)
    for figure in RUNS[name]:
        yield f"{name}-{figure.replace('_', '-')}", small_png(result.pictures[figure])


def of_sweep(name: str) -> Iterator[tuple[str, bytes]]:
    """Sweep; yield the effect of each parameter, all trials, and what became of the best."""
    swept = workflows.sweep(STUDIES / f"{name}.toml", out=None)
    yield f"{name}-effects", small_png(EffectDisplay.from_analysis(swept.analysis))
    yield f"{name}-trials", small_png(ParallelCoordinatesDisplay.from_result(swept.result))
    if len(swept.finalists) > 3:
        yield f"{name}-finalists", small_png(finalists(swept))


def finalists(swept: Any) -> Figure:
    """Draw what cross-validation promised of the best configurations, and what the test said."""
    score = swept.result.score
    promised = [-one.trial.mean(score) for one in swept.finalists]
    tested = [[-value for value in one.scores[score]] for one in swept.finalists]
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    ax = figure.subplots()
    for k, values in enumerate(tested):
        label = "test points, a seed each" if k == 0 else None
        ax.plot([k + 1] * len(values), values, "o", color=PALETTE[0], alpha=0.6, label=label)
    ax.plot(range(1, len(promised) + 1), promised, "s", color=PALETTE[1], mfc="none", mew=1.6,
            label="cross-validation, which chose")  # fmt: skip
    ax.set(xlabel="rank in cross-validation", ylabel="mean squared error", title="The best twenty")
    ax.set_xticks(np.arange(1, len(promised) + 1, 1 if len(promised) < 8 else 3))
    ax.grid(axis="y", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def of_script(name: str) -> Iterator[tuple[str, bytes]]:
    """Run a script of a study; yield the pictures that it leaves, and show what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603  (a script of this repository)
            [sys.executable, STUDIES / f"{name}.py", folder], check=True
        )
        for picture in SCRIPTS[name]:
            png = (Path(folder) / f"{picture}.png").read_bytes()
            yield picture, png if len(png) <= LARGEST else smaller(png)


def smaller(png: bytes) -> bytes:
    """Return a picture with four fifths of its pixels a side until it is small enough."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    while len(png) > LARGEST:
        image = image.resize(
            (image.width * 4 // 5, image.height * 4 // 5), Image.Resampling.LANCZOS
        )
        buffer = io.BytesIO()
        image.quantize(128, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
        png = buffer.getvalue()
    return png


def write_between(mark: str, page: Path, words: str) -> None:
    """Put words between the marks of a page, if it has them."""
    if page.is_file():
        text = page.read_text(encoding="utf-8")
        marked = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
        page.write_text(marked.sub(lambda m: f"{m[1]}{words}\n{m[2]}", text), encoding="utf-8")


def pictures_of(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each picture that belongs to a name of the tables."""
    if name in RUNS:
        return of_run(name)
    if name in SCRIPTS:
        return of_script(name)
    if name in SWEEPS:
        return of_sweep(name)
    return iter([(name, small_png(ILLUSTRATIONS[name]()))])


def main(names: list[str]) -> None:
    """Write the pictures that are named, or all, beside this script."""
    for name in names or [*RUNS, *SWEEPS, *SCRIPTS, *ILLUSTRATIONS]:
        for picture, png in pictures_of(name):
            path = HERE / f"{picture}.png"
            path.write_bytes(png)
            print(f"{path.relative_to(HERE.parents[1])}: {len(png) / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
