"""Draw the pictures of the pages on studies: python docs/studies/pictures.py [NAME …]."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from mlplab import workflows
from mlplab.plots import to_png

HERE = Path(__file__).resolve().parent
STUDIES = HERE.parents[1] / "studies"
LARGEST = 80_000
PICTURES = {
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
}


def small_png(display: object) -> bytes:
    """Return a picture of at most 80 kB: if need be with a palette and fewer pixels an inch."""
    for dpi in (100, 90, 80, 70, 60):
        picture = Image.open(io.BytesIO(to_png(display, dpi=dpi))).convert("RGB")
        buffer = io.BytesIO()
        picture.save(buffer, "png", optimize=True)
        if buffer.tell() <= LARGEST:
            break
        buffer = io.BytesIO()
        picture.quantize(128, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
        if buffer.tell() <= LARGEST:
            break
    return buffer.getvalue()


def main(names: list[str]) -> None:
    """Run the studies that are named, or all, and write their pictures beside this script."""
    for name in names or PICTURES:
        result = workflows.run(STUDIES / f"{name}.toml", out=None)
        for figure in PICTURES[name]:
            path = HERE / f"{name}-{figure.replace('_', '-')}.png"
            path.write_bytes(small_png(result.pictures[figure]))
            print(f"{path.relative_to(HERE.parents[1])}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
