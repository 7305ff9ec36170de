"""The mathematics of multi-layer perceptrons, derived by hand.

Where to start reading: `layers` (what a layer is), `network` (the chain rule on one screen),
`losses` (conventions), `objective` (where rows are weighted and averaged).
"""

from mlplab.nn.activations import (
    ACTIVATIONS,
    ALIASES,
    ActivationFunction,
    find_activation,
    get_activation,
)
from mlplab.nn.classification_losses import (
    BinaryCrossEntropy,
    BinaryFocal,
    BinaryHinge,
    CategoricalCrossEntropy,
    CategoricalFocal,
    CategoricalHinge,
    ProbabilitySquaredError,
)
from mlplab.nn.dropout import keep_mask
from mlplab.nn.gradient_check import (
    Agreement,
    agreement,
    central_difference,
    directional_difference,
)
from mlplab.nn.initialisers import INITIALISERS, RandomDraws, draw_parameters
from mlplab.nn.layers import (
    LAYER_KINDS,
    Activation,
    Dense,
    Dropout,
    ForwardContext,
    Layer,
    ParameterSpec,
)
from mlplab.nn.links import LINKS, apply_link
from mlplab.nn.losses import Loss
from mlplab.nn.network import NetworkSpec, ParameterSlot, backward_pass, forward_pass, multilayer
from mlplab.nn.objective import ObjectiveValue, mean_loss, objective, objective_and_gradient
from mlplab.nn.penalties import Penalties
from mlplab.nn.register import CUSTOM_LOSSES, LOSSES, register, unregister
from mlplab.nn.regression_losses import AbsoluteError, Huber, Poisson, SquaredError
from mlplab.nn.scores import SCORES, accuracy, decide, r2, settle_constant_columns
from mlplab.nn.storage import loss_from_dict, loss_to_dict

__all__ = [
    "ACTIVATIONS",
    "ALIASES",
    "CUSTOM_LOSSES",
    "INITIALISERS",
    "LAYER_KINDS",
    "LINKS",
    "LOSSES",
    "SCORES",
    "AbsoluteError",
    "Activation",
    "ActivationFunction",
    "Agreement",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "BinaryHinge",
    "CategoricalCrossEntropy",
    "CategoricalFocal",
    "CategoricalHinge",
    "Dense",
    "Dropout",
    "ForwardContext",
    "Huber",
    "Layer",
    "Loss",
    "NetworkSpec",
    "ObjectiveValue",
    "ParameterSlot",
    "ParameterSpec",
    "Penalties",
    "Poisson",
    "ProbabilitySquaredError",
    "RandomDraws",
    "SquaredError",
    "accuracy",
    "agreement",
    "apply_link",
    "backward_pass",
    "central_difference",
    "decide",
    "directional_difference",
    "draw_parameters",
    "find_activation",
    "forward_pass",
    "get_activation",
    "keep_mask",
    "loss_from_dict",
    "loss_to_dict",
    "mean_loss",
    "multilayer",
    "objective",
    "objective_and_gradient",
    "r2",
    "register",
    "settle_constant_columns",
    "unregister",
]
