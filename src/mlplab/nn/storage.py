"""Losses as plain mappings, ready for JSON, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mlplab.errors import ParameterError
from mlplab.nn.losses import Loss
from mlplab.nn.register import CUSTOM_LOSSES, LOSSES
from mlplab.results.stored import built

__all__ = ["loss_from_dict", "loss_to_dict"]


def loss_to_dict(loss: Loss) -> dict[str, Any]:
    """Return a loss as a mapping: its name and its settings."""
    if loss.name in CUSTOM_LOSSES:
        return {"name": loss.name}
    built_in: Any = loss
    return {"name": loss.name, **dataclasses.asdict(built_in)}


def loss_from_dict(stored: Mapping[str, Any]) -> Loss:
    """Return the loss that `loss_to_dict` described.

    Raises
    ------
    ParameterError
        It is a loss of one's own that is not registered here.
    TypeError
        A setting is unknown or of another type.

    Examples
    --------
    >>> loss_from_dict({"name": "huber", "delta": 2.0})
    Huber(delta=2.0)
    """
    settings = {key: value for key, value in stored.items() if key != "name"}
    name = stored["name"]
    if name in CUSTOM_LOSSES:
        return CUSTOM_LOSSES[name]
    if name not in LOSSES:
        message = (
            f"The model was trained with the loss {name!r}, which is not one of mlplab's. "
            "Register it with mlplab.nn.register before loading."
        )
        raise ParameterError(message)
    loss: Loss = built(LOSSES[name], settings)
    return loss
