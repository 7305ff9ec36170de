"""Networks to PyTorch's modules and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlplab._optional import require
from mlplab._typing import AnyArray
from mlplab.errors import ExportError, ParameterError
from mlplab.estimators import torch_modules
from mlplab.estimators.assembling import assemble
from mlplab.estimators.classifier import MLPClassifier
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.regressor import MLPRegressor
from mlplab.nn import Activation, Dense, Dropout, NetworkSpec

__all__ = ["from_torch", "to_torch"]

_PURPOSE = "Converting to and from PyTorch"
# PyTorch's softplus becomes the identity above its threshold; up there the two differ by e^-50.
_THRESHOLD = 50.0

_MODULES: dict[str, Callable[[Any], Any]] = {
    "identity": lambda nn: nn.Identity(),
    "logistic": lambda nn: nn.Sigmoid(),
    "tanh": lambda nn: nn.Tanh(),
    "relu": lambda nn: nn.ReLU(),
    "leaky_relu": lambda nn: nn.LeakyReLU(0.01),
    "elu": lambda nn: nn.ELU(),
    "selu": lambda nn: nn.SELU(),
    "gelu": lambda nn: nn.GELU(),
    "silu": lambda nn: nn.SiLU(),
    "mish": lambda nn: nn.Mish(),
    "softplus": lambda nn: nn.Softplus(threshold=_THRESHOLD),
}


def to_torch(estimator: Any, *, raw: bool = False) -> Any:
    """Return a network as `torch.nn.Sequential`; see `LearnedNetwork.to_torch`."""
    torch = require("torch", "torch", _PURPOSE)
    network: NetworkSpec = estimator.network_
    parameters = network.views_by_layer(estimator._flat())  # noqa: SLF001  (part of the estimator)
    modules = [
        _module(torch, layer, own) for layer, own in zip(network.layers, parameters, strict=True)
    ]
    if not raw:
        modules += _link(torch, estimator._loss)  # noqa: SLF001  (same)
    return torch.nn.Sequential(*modules).eval()


def _module(torch: Any, layer: Any, own: Sequence[AnyArray]) -> Any:
    if isinstance(layer, Dense):
        weight, bias = (torch.from_numpy(np.array(array)) for array in own)
        linear = torch.nn.Linear(layer.fan_in, layer.fan_out, dtype=weight.dtype)
        with torch.no_grad():
            linear.weight.copy_(weight.T)
            linear.bias.copy_(bias)
        return linear
    if isinstance(layer, Dropout):
        return torch.nn.Dropout(layer.rate)
    if isinstance(layer, Activation) and layer.function in _MODULES:
        return _MODULES[layer.function](torch.nn)
    message = (
        "A network for PyTorch must be of layers that it has; got "
        f"{getattr(layer, 'function', layer.kind)!r}, which is your own. Save it with mlplab.save."
    )
    raise ExportError(message)


def _link(torch: Any, loss: Any) -> list[Any]:
    if loss.link == "softmax" and len(loss.groups) > 1:
        return [torch_modules.GroupedSoftmax(tuple(loss.groups))]
    links: dict[str, Callable[[], Any]] = {
        "softmax": lambda: torch.nn.Softmax(dim=-1),
        "logistic": torch.nn.Sigmoid,
        "exp": torch_modules.Exp,
    }
    return [links[loss.link]()] if loss.link in links else []


# ---------------------------------------------------------------------- from PyTorch


@dataclass(slots=True)
class _Read:
    """What was read of a module: arrays, and what stands between them."""

    coefs: list[AnyArray] = field(default_factory=list)
    intercepts: list[AnyArray] = field(default_factory=list)
    activations: list[str] = field(default_factory=list)
    dropout: list[float] = field(default_factory=list)
    link: str = "identity"
    groups: tuple[int, ...] = ()

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the last Linear."""
        return int(self.coefs[-1].shape[1])


def from_torch(module: Any, *, classes: Any = None, **parameters: Any) -> Any:
    """Return a `torch.nn.Sequential` as an estimator, ready to predict and to be trained on.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of Linear layers and activations that mlplab has, Dropout among them; the last may be a
        Softmax or a Sigmoid. Nested Sequentials are read in order.
    classes : array-like, optional
        What the outputs stand for, in their order: makes a classifier. With one output (or two,
        whose difference counts) two classes, the second where it is large. A list of such lists
        makes several class variables. Left out: a regressor; after a Softmax a classifier of
        0, 1, …; after a Sigmoid of one output a classifier of 0 and 1, of several outputs one of
        as many labels.
    **parameters
        Of the estimator, for training on: ``solver="sgd"`` for example.

    Returns
    -------
    MLPClassifier or MLPRegressor
        With copies of the weights, in their precision.

    Raises
    ------
    ParameterError
        A layer has no counterpart, shapes do not fit, or `classes` do not fit the outputs.

    Examples
    --------
    >>> from torch import nn  # doctest: +SKIP
    >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))  # doctest: +SKIP
    >>> clf = from_torch(network, classes=["red", "green", "blue"])  # doctest: +SKIP
    """
    torch = require("torch", "torch", _PURPOSE)
    if not isinstance(module, torch.nn.Sequential):
        message = (
            f"`module` must be a torch.nn.Sequential; got {type(module).__name__}. Put its layers "
            "into one, in the order in which they act."
        )
        raise ParameterError(message)
    read = _Read()
    for place, inner in enumerate(_flattened(torch, module)):
        _read_module(read, place, inner)
    _check_shapes(read)
    coder = _coder(read, classes)
    estimator = _unfitted(read, coder, parameters)
    return assemble(estimator, read.coefs, read.intercepts, coder=coder)


def _flattened(torch: Any, module: Any) -> Iterator[Any]:
    for inner in module:
        if isinstance(inner, torch.nn.Sequential):
            yield from _flattened(torch, inner)
        else:
            yield inner


def _read_module(read: _Read, place: int, module: Any) -> None:
    kind = type(module).__name__
    if read.link != "identity":
        raise _no_counterpart(place, module, "it follows the link, which comes last")
    if kind == "Linear":
        _read_linear(read, module)
    elif kind == "Flatten" and not read.coefs:
        return  # rows are flat here
    elif not read.coefs:
        raise _no_counterpart(place, module, "the first layer must be Linear")
    elif kind == "Dropout":
        read.dropout[-1] = float(module.p)
    elif kind in {"Softmax", "GroupedSoftmax", "Exp"}:
        _read_link(read, place, module)
    else:
        if read.activations[-1] != "identity":
            raise _no_counterpart(place, module, "two activations follow each other")
        read.activations[-1] = _activation_of(place, module)


def _read_linear(read: _Read, module: Any) -> None:
    weight = module.weight.detach().cpu().double().numpy().T
    dtype = np.float64 if str(module.weight.dtype) == "torch.float64" else np.float32
    bias = np.zeros(weight.shape[1])
    if module.bias is not None:
        bias = module.bias.detach().cpu().double().numpy()
    read.coefs.append(weight.astype(dtype))
    read.intercepts.append(bias.astype(dtype))
    read.activations.append("identity")
    read.dropout.append(0.0)


def _read_link(read: _Read, place: int, module: Any) -> None:
    if read.activations[-1] != "identity" or read.dropout[-1]:
        raise _no_counterpart(place, module, "it must follow the last Linear")
    if type(module).__name__ == "Exp":
        read.link = "exp"
        return
    if getattr(module, "dim", -1) not in {1, -1}:
        raise _no_counterpart(place, module, f"its dim must be 1 or -1; it is {module.dim}")
    read.link, read.groups = "softmax", getattr(module, "sizes", ())


# What a module's settings must be for it to be the activation of this name.
_KNOWN: dict[str, tuple[str, dict[str, Any]]] = {
    "Identity": ("identity", {}),
    "Sigmoid": ("logistic", {}),
    "Tanh": ("tanh", {}),
    "ReLU": ("relu", {}),
    "LeakyReLU": ("leaky_relu", {"negative_slope": 0.01}),
    "ELU": ("elu", {"alpha": 1.0}),
    "SELU": ("selu", {}),
    "GELU": ("gelu", {"approximate": "none"}),
    "SiLU": ("silu", {}),
    "Mish": ("mish", {}),
    "Softplus": ("softplus", {"beta": 1.0}),
}


def _activation_of(place: int, module: Any) -> str:
    known = _KNOWN.get(type(module).__name__)
    if known is None:
        raise _no_counterpart(place, module, f"known are {', '.join(_KNOWN)}")
    name, needed = known
    for setting, value in needed.items():
        if getattr(module, setting) != value:
            given = getattr(module, setting)
            raise _no_counterpart(place, module, f"{setting} must be {value!r}; it is {given!r}")
    return name


def _no_counterpart(place: int, module: Any, why: str) -> ParameterError:
    message = (
        f"Every layer must have a counterpart in mlplab; layer {place}, {module}, has none: {why}. "
        "Leave it out, or replace it."
    )
    return ParameterError(message)


def _check_shapes(read: _Read) -> None:
    if not read.coefs:
        message = "`module` must hold a Linear layer; got none. Add one."
        raise ParameterError(message)
    for place, (one, other) in enumerate(zip(read.coefs, read.coefs[1:], strict=False)):
        if one.shape[1] != other.shape[0]:
            message = (
                f"Each Linear must take what the one before gives; number {place} gives "
                f"{one.shape[1]} values and number {place + 1} takes {other.shape[0]}."
            )
            raise ParameterError(message)
    # What stands behind the last Linear is a link, or nothing.
    if read.activations[-1] == "logistic":
        read.link, read.activations[-1] = "logistic", "identity"
    if read.activations[-1] != "identity" or read.dropout[-1]:
        message = (
            "Nothing but a Softmax or a Sigmoid may follow the last Linear; got "
            f"{read.activations[-1] if read.activations[-1] != 'identity' else 'dropout'!r}. "
            "Leave it out, or add a Linear."
        )
        raise ParameterError(message)


# ---------------------------------------------------------------------- classes


def _coder(read: _Read, classes: Any) -> LabelCoder | None:
    """Return what the outputs stand for, after bringing them into the order of mlplab."""
    n, link = read.n_outputs, read.link
    if classes is None:
        if link == "logistic" and n > 1:
            return LabelCoder("multilabel", (np.arange(n),))
        if link not in {"logistic", "softmax"}:
            return None
        sizes = read.groups or (max(n, 2),)
        listed: Any = [np.arange(size) for size in sizes]
        classes = listed if len(sizes) > 1 else listed[0]
    if link == "exp" or (link == "logistic" and n > 1):
        message = (
            f"`classes` cannot name the outputs of a network that ends in {link!r} with {n} "
            "outputs. Leave `classes` out."
        )
        raise ParameterError(message)
    nested = isinstance(classes, (list, tuple)) and len(classes) > 0 and np.ndim(classes[0]) == 1
    variables = [np.asarray(values) for values in (classes if nested else [classes])]
    _check_classes(read, variables)
    _sort_outputs(read, variables)
    return LabelCoder.from_classes(variables if len(variables) > 1 else variables[0])


def _check_classes(read: _Read, variables: Sequence[AnyArray]) -> None:
    twice = [values for values in variables if len(np.unique(values)) < len(values)]
    sizes = tuple(len(values) for values in variables)
    n = read.n_outputs
    fits = sum(sizes) == n or (n == 1 and sizes == (2,))
    grouped = len(sizes) == 1 or read.groups in {(), sizes}
    if twice or not fits or not grouped or sizes == (1,):
        message = (
            f"`classes` must name each of the {n} outputs once (or two classes for one output); "
            f"got {[values.tolist() for values in variables]}. Pass one for each output."
        )
        raise ParameterError(message)


def _sort_outputs(read: _Read, variables: Sequence[AnyArray]) -> None:
    """Bring the outputs into the order of sorted classes, two of them into one."""
    order = [np.argsort(values) for values in variables]
    weight, bias = read.coefs[-1], read.intercepts[-1]
    if read.n_outputs == 1:
        sign = 1 if order[0][0] == 0 else -1
        read.coefs[-1], read.intercepts[-1] = weight * sign, bias * sign
        return
    starts = np.cumsum([0, *(len(o) for o in order[:-1])])
    places = np.concatenate([start + o for start, o in zip(starts, order, strict=True)])
    read.coefs[-1], read.intercepts[-1] = weight[:, places], bias[places]
    if len(variables) == 1 and len(order[0]) == 2:
        # Softmax of two is the sigmoid of their difference.
        last = read.coefs[-1]
        read.coefs[-1] = last[:, 1:] - last[:, :1]
        read.intercepts[-1] = read.intercepts[-1][1:] - read.intercepts[-1][:1]


def _unfitted(read: _Read, coder: LabelCoder | None, parameters: dict[str, Any]) -> Any:
    hidden = read.activations[:-1]
    rates = read.dropout[:-1]
    settings: dict[str, Any] = {
        "hidden_layer_sizes": tuple(int(coef.shape[1]) for coef in read.coefs[:-1]),
        "activation": hidden[0] if len(set(hidden)) == 1 else hidden or "relu",
        "dropout": rates if any(rates) else 0.0,
        **parameters,
    }
    if coder is not None:
        return MLPClassifier(**settings)
    return MLPRegressor(
        **{"loss": "poisson" if read.link == "exp" else "squared_error", **settings}
    )
