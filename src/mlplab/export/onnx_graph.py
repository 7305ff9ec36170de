"""An ONNX graph under way: nodes, constants and names that are used once."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlplab._optional import require
from mlplab._typing import AnyArray

__all__ = ["Graph", "onnx"]


def onnx() -> Any:
    """Return the module onnx, or say which extra to install."""
    return require("onnx", "onnx", "Writing ONNX")


class Graph:
    """Nodes and constants, in the order in which they are added.

    Parameters
    ----------
    reserved : iterable of str
        Names of outputs, which nothing else may have.
    """

    def __init__(self, reserved: tuple[str, ...]) -> None:
        self._onnx = onnx()
        self._taken = set(reserved)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []

    def name(self, wanted: str) -> str:
        """Return a name that nothing has yet: the one that is wanted, or one like it."""
        found, number = wanted or "(empty)", 1
        while found in self._taken:
            number += 1
            found = f"{wanted}_{number}"
        self._taken.add(found)
        return found

    def input(self, wanted: str, kind: str, width: int, description: str) -> str:
        """Add an input of shape (rows, width); `kind` is "float" or "string"."""
        name = self.name(wanted)
        self.inputs.append(
            self._onnx.helper.make_tensor_value_info(
                name, self.type_of(kind), ["rows", width], doc_string=description
            )
        )
        return name

    def type_of(self, kind: str) -> int:
        """Return ONNX's number of an element type: float, double, int64, string, bool."""
        return int(getattr(self._onnx.TensorProto, kind.upper()))

    def constant(self, array: AnyArray, wanted: str = "constant") -> str:
        """Add a constant and return its name; text stays text."""
        name = self.name(wanted)
        if array.dtype.kind in "UO":
            words = [str(value).encode() for value in array.ravel()]
            kind = self.type_of("string")
            tensor = self._onnx.helper.make_tensor(name, kind, array.shape, words)
        else:
            tensor = self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        self.constants.append(tensor)
        return name

    def number(self, value: float, wanted: str) -> str:
        """Add a single number as a float constant."""
        return self.constant(np.array(value, dtype=np.float32), wanted)

    def add(
        self, operator: str, *inputs: str, out: str = "", domain: str = "", **settings: Any
    ) -> str:
        """Add a node with one output and return the name of that.

        Parameters
        ----------
        operator : str
            As in ONNX's list of operators.
        *inputs : str
        out : str
            The name of an output of the model; of a value in between where it is empty.
        domain : str
        **settings
            Attributes of the node.
        """
        name = out or self.name(operator.lower())
        self.nodes.append(
            self._onnx.helper.make_node(
                operator, list(inputs), [name], name=f"to {name}", domain=domain, **settings
            )
        )
        return name

    def cast(self, value: str, kind: str, out: str = "") -> str:
        """Add a conversion of type."""
        return self.add("Cast", value, out=out, to=self.type_of(kind))
