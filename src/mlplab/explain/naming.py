"""Names of layers for people."""

from __future__ import annotations

from mlplab.nn import NetworkSpec

__all__ = ["layer_names"]


def layer_names(network: NetworkSpec) -> dict[int, str]:
    """Return a name for each layer that has parameters, by its index in the network.

    Examples
    --------
    >>> from mlplab.nn import multilayer
    >>> layer_names(multilayer(2, [3], 1))
    {0: 'hidden 1', 2: 'output'}
    """
    owners = [index for index, layer in enumerate(network.layers) if layer.parameters]
    names = {index: f"hidden {number}" for number, index in enumerate(owners, start=1)}
    return {**names, owners[-1]: "output"}
