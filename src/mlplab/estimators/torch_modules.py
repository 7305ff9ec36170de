"""Links that PyTorch has no module for: the exponential, and softmax of groups of columns.

The classes are made when they are first asked for, because they derive from PyTorch's, which
may be absent. They are found here by name, so that modules that hold them can be pickled.
"""

from __future__ import annotations

from typing import Any

from mlplab._optional import require


def __getattr__(name: str) -> Any:
    """Make a class when it is first asked for."""
    if name not in {"Exp", "GroupedSoftmax"}:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    made = _classes()
    globals().update({cls.__name__: cls for cls in made})
    return globals()[name]


def _classes() -> tuple[Any, Any]:
    torch: Any = require("torch", "torch", "Converting to PyTorch")

    class Exp(torch.nn.Module):
        """e^x, the inverse of a log link."""

        def forward(self, x: Any) -> Any:
            """Return e^x."""
            return torch.exp(x)

    class GroupedSoftmax(torch.nn.Module):
        """Softmax of each group of columns by itself."""

        def __init__(self, sizes: tuple[int, ...]) -> None:
            super().__init__()
            self.sizes = tuple(sizes)

        def forward(self, x: Any) -> Any:
            """Return shares that sum to one in each group."""
            return torch.cat([p.softmax(dim=-1) for p in x.split(self.sizes, dim=-1)], dim=-1)

    for cls in (Exp, GroupedSoftmax):
        cls.__qualname__ = cls.__name__
    return Exp, GroupedSoftmax
