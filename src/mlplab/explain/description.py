"""A network in figures and in words."""

from __future__ import annotations

from typing import Any

from mlplab.engines import TrainingPlan
from mlplab.errors import ParameterError
from mlplab.explain.naming import layer_names
from mlplab.nn import Activation, Dropout, Layer, Loss, NetworkSpec
from mlplab.results import FitResult, LayerDescription, NetworkDescription

__all__ = ["describe"]


def describe(model_or_network: NetworkSpec | TrainingPlan | Any) -> NetworkDescription:
    """Describe layers, shapes and numbers of parameters, and how the network was trained.

    Parameters
    ----------
    model_or_network : NetworkSpec, TrainingPlan or estimator
        An estimator has to be fitted or initialised: its `network_`, and where it has them its
        `plan_` and `result_`, are described. A network by itself knows no loss.

    Returns
    -------
    NetworkDescription

    Raises
    ------
    ParameterError
        There is no network to describe.

    Examples
    --------
    >>> from mlplab.nn import multilayer
    >>> print(describe(multilayer(2, [2], 1, "logistic")).summary)  # doctest: +NORMALIZE_WHITESPACE
    A 2-2-1 network: 2 inputs, 1 hidden layer, 1 output;
    9 parameters to learn (6 weights and 3 biases).
    """
    if isinstance(model_or_network, TrainingPlan):
        return _describe(model_or_network.network, model_or_network.loss)
    if isinstance(model_or_network, NetworkSpec):
        return _describe(model_or_network, None)
    network = getattr(model_or_network, "network_", None)
    if not isinstance(network, NetworkSpec):
        message = (
            "`model_or_network` must be a NetworkSpec, a TrainingPlan or a fitted estimator of "
            f"mlplab; got {type(model_or_network).__name__} without a network. Call fit or "
            "initialize first; of a pipeline pass the last step, pipeline[-1]."
        )
        raise ParameterError(message)
    plan = getattr(model_or_network, "plan_", None)
    loss = plan.loss if isinstance(plan, TrainingPlan) else None
    result = getattr(model_or_network, "result_", None)
    training = _training(result) if isinstance(result, FitResult) else ()
    return _describe(network, loss, training)


def _describe(
    network: NetworkSpec, loss: Loss | None, training: tuple[str, ...] = ()
) -> NetworkDescription:
    link, loss_name = (None, None) if loss is None else (loss.link, loss.name)
    names = layer_names(network)
    ends = [*list(names)[1:], len(network.layers)]
    layers = []
    for (start, name), end in zip(names.items(), ends, strict=True):
        followers = network.layers[start + 1 : end]
        layers.append(_describe_layer(name, network.layers[start], followers, link))
    return NetworkDescription(tuple(layers), link, loss_name, training)


def _describe_layer(
    name: str, layer: Layer, followers: tuple[Layer, ...], link: str | None
) -> LayerDescription:
    """Describe a layer with parameters together with the layers without that follow it."""
    functions = [one.function for one in followers if isinstance(one, Activation)]
    if not functions:
        functions = [link or "identity"] if name == "output" else ["identity"]
    kept = 1.0
    for one in followers:
        kept *= 1 - one.rate if isinstance(one, Dropout) else 1
    sizes = {spec.name: spec for spec in layer.parameters}
    n_inputs, n_units = sizes["weight"].shape
    biases = sum(spec.size for spec in layer.parameters if not spec.penalised)
    total = sum(spec.size for spec in layer.parameters)
    return LayerDescription(
        name=name,
        kind=layer.kind,
        n_inputs=n_inputs,
        n_units=n_units,
        activation=", ".join(functions),
        dropout=1 - kept,
        n_weights=total - biases,
        n_biases=biases,
    )


def _training(result: FitResult) -> tuple[str, ...]:
    """Tell a training in sentences."""
    epochs = f"{result.n_epochs:,} epoch{'' if result.n_epochs == 1 else 's'}"
    sentences = [
        f"It was trained for {epochs} in {result.seconds:.2g} s.",
        f"The {result.engine} engine did it ({result.engine_reason}), in {result.dtype}.",
        result.status.sentence,
    ]
    if result.history:
        first, last = result.history[0].loss, result.history[-1].loss
        sentences.append(f"The loss went from {first:.4g} to {last:.4g}.")
    if result.restored_best and result.best_epoch is not None:
        sentences.append(f"Its weights are those of the best epoch, {result.best_epoch}.")
    return tuple(sentences)
