"""PyTorch, the oracle of many tests, where it is installed."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["functional", "lr_scheduler", "needs_torch", "torch"]


class _Absent:
    """Stands for a module that is missing, so that tables of its functions can be written."""

    def __getattr__(self, name: str) -> None:
        return None


torch: Any = _Absent()
functional: Any = _Absent()
lr_scheduler: Any = _Absent()
try:
    import torch
    from torch.nn import functional
    from torch.optim import lr_scheduler
except ImportError:
    pass

needs_torch = pytest.mark.skipif(isinstance(torch, _Absent), reason="PyTorch is not installed")
