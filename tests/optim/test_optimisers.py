"""Optimisers: they solve a bowl and a valley, and follow their peers step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from tests.shapes import unchecked_shapes
from tests.strategies import DTYPES, OPTIMISERS
from tests.torch_peer import needs_torch, torch

from mlplab import nn, optim

N_STEPS = 60
# PyTorch keeps the product of NAdam's momenta in float32.
PEER_ROUNDING = 1e-6
CURVATURES = np.array([0.5, 1.0, 4.0])
# Rate and number of steps for the bowl and for the valley.
TASKS: dict[str, tuple[tuple[float, int], tuple[float, int]]] = {
    "plain": ((0.2, 300), (0.002, 20000)),
    "momentum": ((0.02, 600), (0.0005, 10000)),
    "nesterov": ((0.02, 600), (0.0005, 10000)),
    "adam": ((0.05, 800), (0.02, 6000)),
    "adamw": ((0.05, 800), (0.02, 6000)),
    "nadam": ((0.05, 800), (0.02, 6000)),
    "rmsprop": ((0.005, 1500), (0.0005, 12000)),
    "adagrad": ((0.5, 800), (0.5, 12000)),
}


def _bowl(x: Any) -> Any:
    return CURVATURES.astype(x.dtype) * x


def _valley(x: Any) -> Any:
    """Return the gradient of Rosenbrock's (1−x)² + 100 (y−x²)², whose minimum is at (1, 1)."""
    bend = x[1] - x[0] ** 2
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * bend, 200 * bend])


def _minimise(recipe: Any, rate: float, n_steps: int, x: Any, slope: Callable[[Any], Any]) -> Any:
    transform = recipe.transform()
    slots = transform.init(x)
    for number in range(1, n_steps + 1):
        change, slots = transform.update(slope(x), slots, optim.Step(number, rate, x))
        x = x + change
    return x


def test_every_optimiser_has_its_tasks() -> None:
    """An optimiser without rates for bowl and valley would solve neither."""
    assert set(TASKS) == set(OPTIMISERS)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_bowl_is_solved(name: str) -> None:
    """A quadratic with three curvatures."""
    (rate, n_steps), _ = TASKS[name]
    with unchecked_shapes():
        x = _minimise(OPTIMISERS[name][0], rate, n_steps, np.array([1.0, -2.0, 3.0]), _bowl)
    np.testing.assert_allclose(x, 0, atol=0.01)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_valley_is_solved(name: str) -> None:
    """Rosenbrock's, from the usual start."""
    _, (rate, n_steps) = TASKS[name]
    with unchecked_shapes():
        x = _minimise(OPTIMISERS[name][0], rate, n_steps, np.array([-1.2, 1.0]), _valley)
    np.testing.assert_allclose(x, 1, atol=0.05)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMISERS)
def test_dtype_and_shape_are_kept(name: str, dtype: str) -> None:
    """Of the step and of every slot that goes with the parameters; nothing is written to."""
    recipe, rate = OPTIMISERS[name]
    transform = recipe.transform()
    x = np.array([1.0, -2.0, 3.0], dtype=dtype)
    slots = transform.init(x)
    for array in (x, *slots.values()):
        array.setflags(write=False)
    for number in (1, 2, 3):
        slope = _bowl(x)
        slope.setflags(write=False)
        change, slots = transform.update(slope, slots, optim.Step(number, rate, x))
        assert change.dtype == dtype
        assert change.shape == x.shape
        assert all(slot.dtype == dtype for slot in slots.values() if slot.shape == x.shape)


class _Task:
    """A small network with its batches: what is differentiated by us and by PyTorch."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.network = nn.multilayer(4, [6, 5], 3, ["tanh", "softplus"])
        self.loss = nn.CategoricalCrossEntropy()
        self.start = nn.draw_parameters(self.network, "glorot_uniform", rng)
        x, y = rng.normal(size=(N_STEPS, 8, 4)), np.eye(3)[rng.integers(0, 3, (N_STEPS, 8))]
        self.batches = list(zip(x, y, strict=True))

    def gradient(self, parameters: Any, batch: Any) -> Any:
        """Return the gradient of the mean loss over a batch."""
        found = nn.objective_and_gradient(
            self.network, self.loss, nn.Penalties(), parameters, *batch
        )
        return found.gradient

    def trajectory(self, transform: optim.Transform, rate: float) -> list[Any]:
        """Return the parameters after every step of ours."""
        x, slots, visited = self.start, transform.init(self.start), []
        for number, batch in enumerate(self.batches, 1):
            step = optim.Step(number, rate, x)
            with unchecked_shapes():
                change, slots = transform.update(self.gradient(x, batch), slots, step)
            x = x + change
            visited.append(x)
        return visited

    def sklearn_trajectory(self, make: Callable[[Any], Any]) -> list[Any]:
        """Return the parameters after every step of an optimiser of scikit-learn."""
        own, visited = self.start.copy(), []
        peer = make([own])
        for batch in self.batches:
            with unchecked_shapes():
                gradient = self.gradient(own, batch)
            peer.update_params([own], [gradient])
            visited.append(own.copy())
        return visited

    def torch_trajectory(
        self, make: Callable[[Any], Any], clip: Callable[[Any], None] | None = None
    ) -> list[Any]:
        """Return the parameters after every step of an optimiser of PyTorch."""
        tensors = [torch.tensor(a, requires_grad=True) for a in self.network.views(self.start)]
        # Decay spares the biases.
        weights, biases = tensors[::2], tensors[1::2]
        optimiser, visited = make([{"params": weights}, {"params": biases, "weight_decay": 0}]), []
        for x, y in self.batches:
            optimiser.zero_grad()
            value = torch.tensor(x)
            for layer, function in enumerate((torch.tanh, torch.nn.functional.softplus, None)):
                value = value @ tensors[2 * layer] + tensors[2 * layer + 1]
                value = value if function is None else function(value)
            loss = torch.nn.functional.cross_entropy(value, torch.tensor(y).argmax(dim=1))
            loss.backward()
            if clip is not None:
                clip(tensors)
            optimiser.step()
            visited.append(self.network.pack([t.detach().numpy() for t in tensors]))
        return visited


@pytest.fixture(scope="module")
def task() -> _Task:
    """Return the network and the batches that all peers are compared on."""
    return _Task(seed=7)


def _assert_same_way(ours: list[Any], theirs: list[Any], tolerance: float = 1e-10) -> None:
    assert len(ours) == len(theirs) == N_STEPS
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=f"step {number}")
    assert float(np.abs(ours[-1] - ours[0]).max()) > 0.01


TORCH_PEERS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda groups: torch.optim.SGD(groups, lr=0.1),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=0.02, momentum=0.9),
    "nesterov": lambda groups: torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=True),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.01, weight_decay=0),
    "nadam": lambda groups: torch.optim.NAdam(groups, lr=0.01),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.003),
    "adagrad": lambda groups: torch.optim.Adagrad(groups, lr=0.05),
}
SKLEARN_PEERS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda p: SGDOptimizer(p, 0.1, momentum=0.0, nesterov=False),
    "momentum": lambda p: SGDOptimizer(p, 0.02, momentum=0.9, nesterov=False),
    "nesterov": lambda p: SGDOptimizer(p, 0.02, momentum=0.9, nesterov=True),
    "adam": lambda p: AdamOptimizer(p, 0.01),
}


def test_every_optimiser_has_a_peer() -> None:
    """An optimiser that is in neither table would follow nobody."""
    assert set(TORCH_PEERS) | set(SKLEARN_PEERS) == set(OPTIMISERS)


@needs_torch
@pytest.mark.parametrize("name", TORCH_PEERS)
def test_optimiser_follows_pytorch(name: str, task: _Task) -> None:
    """Sixty steps on the batches of a network, in float64."""
    recipe, rate = OPTIMISERS[name]
    ours = task.trajectory(recipe.transform(), rate)
    tolerance = PEER_ROUNDING if name == "nadam" else 1e-10
    _assert_same_way(ours, task.torch_trajectory(TORCH_PEERS[name]), tolerance)


@pytest.mark.parametrize("name", SKLEARN_PEERS)
def test_optimiser_follows_sklearn(name: str, task: _Task) -> None:
    """Bit for bit: scikit-learn's order of operations is kept."""
    recipe, rate = OPTIMISERS[name]
    theirs = task.sklearn_trajectory(SKLEARN_PEERS[name])
    _assert_same_way(task.trajectory(recipe.transform(), rate), theirs, tolerance=1e-14)


@needs_torch
def test_decoupled_decay_is_that_of_adamw(task: _Task) -> None:
    """The decay acts on weights, not on biases, and never enters the moments."""
    mask = task.network.penalty_mask()
    transform = optim.chain(optim.AdamW().transform(), optim.decouple_decay(0.2, mask))
    ours = task.trajectory(transform, 0.01)
    theirs = task.torch_trajectory(lambda g: torch.optim.AdamW(g, lr=0.01, weight_decay=0.2))
    _assert_same_way(ours, theirs)
    assert not np.allclose(ours[-1], task.trajectory(optim.AdamW().transform(), 0.01)[-1])


@needs_torch
@pytest.mark.parametrize("settings", [(0.8, 0.99, 1e-6, 0.02), (0.95, 0.9, 1e-3, 0.0)])
def test_nadam_with_other_settings_follows_pytorch(
    settings: tuple[float, float, float, float], task: _Task
) -> None:
    """All four numbers mean the same."""
    beta_1, beta_2, epsilon, decay = settings
    theirs = task.torch_trajectory(
        lambda groups: torch.optim.NAdam(
            groups, lr=0.01, betas=(beta_1, beta_2), eps=epsilon, momentum_decay=decay
        )
    )
    ours = task.trajectory(optim.NAdam(*settings).transform(), 0.01)
    _assert_same_way(ours, theirs, PEER_ROUNDING)


@needs_torch
def test_epsilon_stands_where_the_peers_have_it(task: _Task) -> None:
    """A large ε tells the two forms of Adam apart; each follows its own peer."""
    make: Any = {"adam": optim.Adam, "adamw": optim.AdamW}
    ours = {name: task.trajectory(r(epsilon=0.1).transform(), 0.01) for name, r in make.items()}
    theirs = task.sklearn_trajectory(lambda p: AdamOptimizer(p, 0.01, epsilon=0.1))
    _assert_same_way(ours["adam"], theirs)
    other = task.torch_trajectory(lambda g: torch.optim.AdamW(g, lr=0.01, eps=0.1, weight_decay=0))
    _assert_same_way(ours["adamw"], other)
    assert not np.allclose(theirs[-1], other[-1], rtol=1e-3)


@needs_torch
def test_clipping_by_norm_is_that_of_pytorch(task: _Task) -> None:
    """PyTorch adds 1e-6 to the norm, so that it shortens a little more."""
    transform = optim.chain(optim.clip_by_norm(0.1), optim.SGD(0.0).transform())

    def clip(tensors: Any) -> None:
        torch.nn.utils.clip_grad_norm_(tensors, 0.1)

    theirs = task.torch_trajectory(lambda groups: torch.optim.SGD(groups, lr=0.5), clip)
    _assert_same_way(task.trajectory(transform, 0.5), theirs, tolerance=2e-5)


@needs_torch
def test_clipping_by_value_is_that_of_pytorch(task: _Task) -> None:
    """Entry by entry."""
    transform = optim.chain(optim.clip_by_value(0.02), optim.SGD(0.0).transform())

    def clip(tensors: Any) -> None:
        torch.nn.utils.clip_grad_value_(tensors, 0.02)

    theirs = task.torch_trajectory(lambda groups: torch.optim.SGD(groups, lr=0.5), clip)
    _assert_same_way(task.trajectory(transform, 0.5), theirs)


def test_clipping_keeps_directions_and_short_vectors() -> None:
    """A long vector gets the limit as its norm; a short one is handed on as it is."""
    step = optim.Step(1, 1.0, np.zeros(2))
    clip = optim.clip_by_norm(1.0)
    np.testing.assert_allclose(clip.update(np.array([3.0, 4.0]), {}, step)[0], [0.6, 0.8])
    short = np.array([0.3, 0.4])
    assert clip.update(short, {}, step)[0] is short


def test_momentum_keeps_the_rate_of_earlier_steps() -> None:
    """When the rate falls to zero the velocity rolls on, as in scikit-learn."""
    transform = optim.SGD(momentum=0.5, nesterov=False).transform()
    x = np.zeros(1)
    change, slots = transform.update(np.ones(1), transform.init(x), optim.Step(1, 1.0, x))
    assert change.item() == -1.0
    change, _ = transform.update(np.ones(1), slots, optim.Step(2, 0.0, x))
    assert change.item() == -0.5


def test_chain_of_nothing_hands_the_gradient_on() -> None:
    """The empty chain is the identity."""
    g = np.array([1.0, 2.0])
    change, slots = optim.chain().update(g, {}, optim.Step(1, 0.1, g))
    assert change is g
    assert slots == {}


def test_recipes_are_data() -> None:
    """Equal settings make equal recipes."""
    assert optim.Adam(beta_1=0.8) == optim.Adam(beta_1=0.8) != optim.Adam()
    assert len({optim.SGD(), optim.SGD(), optim.AdamW()}) == 2
