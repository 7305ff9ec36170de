"""Functions of one's own are let in when their derivative is right."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from tests.shapes import unchecked_shapes

from mlplab import nn
from mlplab.errors import GradientError, ParameterError

SQUARE = nn.ActivationFunction("square", "z²", lambda z: z * z, lambda z, _: 2 * z)


@dataclass(frozen=True)
class FourthPower:
    """Σ (raw − y)⁴; `slope` is four where it is right."""

    slope: float = 4.0
    name: str = "fourth_power"
    link: ClassVar[str] = "identity"
    groups: ClassVar[tuple[int, ...]] = ()
    reported_scale: ClassVar[float] = 1.0

    def values(self, raw: Any, target: Any) -> Any:
        """Return the loss of each row."""
        return ((raw - target) ** 4).sum(axis=1)

    def gradient(self, raw: Any, target: Any) -> Any:
        """Return the derivative, right or wrong."""
        return self.slope * (raw - target) ** 3


@pytest.fixture(autouse=True)
def _tidy() -> Iterator[None]:
    """Leave the tables as they were."""
    yield
    for name in ("square", "fourth_power", "stairs"):
        nn.unregister(name)


def test_registered_activation_works_in_a_network() -> None:
    """Found by its name, and used like any other."""
    nn.register(SQUARE)
    network = nn.multilayer(1, [1], 1, "square")
    raw, _ = nn.forward_pass(network, np.array([3.0, 0.0, 1.0, 0.0]), np.ones((1, 1)))
    assert raw.item() == 9.0
    nn.unregister("square")
    assert nn.find_activation("square") is None


def test_registered_loss_is_found_by_name() -> None:
    """Kept in `CUSTOM_LOSSES` until it is removed."""
    nn.register(FourthPower())
    assert nn.CUSTOM_LOSSES["fourth_power"] == FourthPower()
    nn.unregister("fourth_power")
    assert "fourth_power" not in nn.CUSTOM_LOSSES


def test_wrong_derivative_of_an_activation_is_refused() -> None:
    """The message shows the entry that is worst; nothing is registered."""
    wrong = dataclasses.replace(SQUARE, derivative=lambda z, _: 2.001 * z)
    with pytest.raises(GradientError, match=r"derivative of 'square' .* central differences"):
        nn.register(wrong)
    assert nn.find_activation("square") is None


def test_wrong_gradient_of_a_loss_is_refused() -> None:
    """The same for losses."""
    with pytest.raises(GradientError, match="gradient of 'fourth_power'"):
        nn.register(FourthPower(slope=3.99))
    assert not nn.CUSTOM_LOSSES


@pytest.mark.parametrize("name", ["relu", "sigmoid", "log_loss", "binary_focal", "auto"])
def test_built_in_names_are_taken(name: str) -> None:
    """Names of activations, aliases and losses, for both kinds, overwrite or not."""
    for function in (dataclasses.replace(SQUARE, name=name), FourthPower(name=name)):
        with pytest.raises(ParameterError, match=f"`name` must be new; got '{name}'"):
            nn.register(function, overwrite=True)
    nn.unregister(name)
    assert "relu" in nn.ACTIVATIONS


def test_own_names_are_replaced_only_on_request() -> None:
    """The message says how."""
    nn.register(SQUARE)
    with pytest.raises(ParameterError, match="overwrite=True"):
        nn.register(SQUARE)
    half = nn.ActivationFunction("square", "z²/2", lambda z: z * z / 2, lambda z, _: z)
    nn.register(half, overwrite=True)
    assert nn.ACTIVATIONS["square"] is half


@pytest.mark.parametrize(
    ("field", "function"),
    [
        ("value", lambda z: z.sum()),
        ("value", lambda z: np.log(z - 100) if z.size == 0 else np.full_like(z, np.nan)),
        ("derivative", lambda z, _: 2 * z[:, :1]),
    ],
)
def test_wrong_shapes_and_non_finite_values_are_refused(field: str, function: Any) -> None:
    """What is not an element-wise function cannot be an activation."""
    with pytest.raises(GradientError, match=f"The {field} of 'square' must be finite"):
        nn.register(dataclasses.replace(SQUARE, **{field: function}))


def test_loss_with_a_wrong_shape_is_refused() -> None:
    """A loss gives one number a row."""

    class Scalar(FourthPower):
        def values(self, raw: Any, target: Any) -> Any:
            return super().values(raw, target).sum()

    with pytest.raises(GradientError, match="one value a row"):
        nn.register(Scalar())


def test_kinks_are_left_out() -> None:
    """A jump of the derivative is no mistake where it is named."""
    stairs = nn.ActivationFunction(
        "stairs",
        "|z − 1.001|",
        lambda z: np.abs(z - 1.001),
        lambda z, _: np.sign(z - 1.001),
        kinks=(1.001,),
    )
    with pytest.raises(GradientError, match="kinks"):
        nn.register(dataclasses.replace(stairs, kinks=()))
    nn.register(stairs)
    assert nn.find_activation("stairs") is stairs


def test_a_derivative_that_writes_to_its_arguments_is_refused() -> None:
    """NumPy's own functions take a second argument for the array to write to."""
    with pytest.raises(GradientError, match="leave their arguments alone"):
        nn.register(nn.ActivationFunction("sine", "sin z", np.sin, np.cos))
    with unchecked_shapes(), pytest.raises(ParameterError, match="ActivationFunction"):
        nn.register(np.sin)
