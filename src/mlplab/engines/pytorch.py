"""The PyTorch engine: the same mathematics as tensors, gradients by autograd; CPU and CUDA.

It is there for graphics processors, for many networks at once, and as an oracle: forward pass,
losses and penalties are written down once more, and their derivatives are PyTorch's.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mlplab._optional import require
from mlplab._typing import Matrix, Order, Rows, Vector
from mlplab.engines.contract import Job, TrainingData, TrainingPlan, TrainingState
from mlplab.engines.queues import RoundQueue
from mlplab.engines.reference import ReferenceEngine
from mlplab.engines.torch_functions import LOSSES, find_activation
from mlplab.engines.torch_network import Place, PopulationNetwork, Strengths, Thinning
from mlplab.engines.torch_rows import PopulationRows
from mlplab.engines.torch_training import Member, kinship, train_together
from mlplab.engines.torch_updates import UPDATES
from mlplab.errors import EngineError, MissingExtraError
from mlplab.nn import Activation, Dense, Dropout, NetworkSpec
from mlplab.optim import LBFGS
from mlplab.results import History, StopReason

__all__ = ["TorchEngine"]

DTYPES = ("float32", "float64")
# Multiply-adds of a step up to which a network on the CPU trains on one thread and in company.
SMALL = 1_500_000
# Numbers that the networks of one population may keep, beside their rows: 1 GiB of float64.
MOST_NUMBERS = 2**27


class TorchEngine:
    """PyTorch; see `mlplab.engines.contract` for what is promised.

    `advance_many` trains networks of equal shape as one population, with batched matrix products.
    On the CPU this is for small networks, each of which trains on one thread, alone or in
    company, with the same bits; large networks train one after another on all threads.
    On CUDA networks of any size go together. There the order of a sum depends on how many
    networks there are, so that `advance_many` agrees with `advance` to rounding only: parameters
    to 1e-9 (float64) or 5e-3 (float32), relative or absolute, after a few epochs of the contract's
    generated plans, which is what the contract asks of two engines; see `many_is_exact`.

    Parameters
    ----------
    n_threads : int or None
        Limit on PyTorch's threads on the CPU; None leaves it alone.
    device : str or None
        ``"cpu"``, ``"cuda"`` or ``"cuda:1"``; None takes the one that the environment variable
        ``MLPLAB_TORCH_DEVICE`` names, and without it CUDA where there is a device, else the CPU.

    Raises
    ------
    EngineError
        PyTorch is not installed, or there is no such device.
    """

    name = "torch"

    def __init__(self, n_threads: int | None = None, device: str | None = None) -> None:
        self.n_threads = n_threads
        self._torch = _load_torch()
        self.device = _choose_device(self._torch, device)

    @property
    def many_is_exact(self) -> bool:
        """Whether `advance_many` equals `advance` bit for bit: on the CPU, not on CUDA."""
        return bool(self.device.type == "cpu")

    def refuses(self, plan: TrainingPlan) -> str | None:
        """Return why this engine cannot carry the plan out, or None where it can."""
        if plan.dtype not in DTYPES:
            return f"the dtype {plan.dtype!r} is neither float32 nor float64."
        if type(plan.loss) not in LOSSES:
            return f"the loss {plan.loss.name!r} is Python code of your own, on NumPy's arrays."
        if type(plan.optimiser) not in {*UPDATES, LBFGS}:
            return f"the optimiser {plan.optimiser.name!r} is Python code of your own."
        if getattr(plan.optimiser, "epsilon", 1.0) < np.finfo(plan.dtype).tiny:
            return f"an `epsilon` of {plan.optimiser.epsilon} is zero in {plan.dtype}."  # type: ignore[attr-defined]  # asked above
        if plan.network.rate_factors() is not None:
            return "parameters with learning rates of their own exist in the reference engine only."
        return _network_refusal(plan.network)

    def advance(
        self,
        plan: TrainingPlan,
        state: TrainingState,
        data: TrainingData,
        orders: Order | None,
        n_epochs: int,
    ) -> History:
        """Move the state on by up to ``n_epochs`` epochs; see the contract."""
        return self.advance_many([Job(plan, state, data, orders, n_epochs)])[0]

    def advance_many(self, jobs: Sequence[Job]) -> list[History]:
        """Advance many states, those of equal shape together; see the head of the class."""
        members = [Member(job) for job in jobs]
        going = [member for member in members if member.goes_on]
        try:
            for together in self._populations(going):
                with self._settings(together):
                    train_together(self._place(together[0].job.plan.dtype), together)
        except KeyboardInterrupt:
            for member in going:
                # A rule that stopped in the same moment has the word.
                if member.job.state.stop is None:
                    member.job.state.stop = StopReason.INTERRUPTED
        return [History.of(member.records) for member in members]

    def queue(self) -> RoundQueue:
        """Return a queue that does all that wait, as populations."""
        return RoundQueue(self)

    def objective(
        self, plan: TrainingPlan, parameters: Vector, data: TrainingData
    ) -> tuple[float, float, Vector]:
        """Return value, reported value and gradient of the objective over all rows."""
        self._require(plan)
        place, data = self._place(plan.dtype), data.alone()
        with self._settings():
            network = _lay_out(plan.network, place)
            rows = PopulationRows(network, [data])
            rows.begin_epoch([np.arange(data.n_rows)])
            strengths = [place.column([s], place.kind)[:, 0] if s else None
                         for s in (plan.penalties.l2, plan.penalties.l1)]  # fmt: skip
            found = network.differentiate(
                network.to_tensor([parameters]),
                rows.batch(0, data.n_rows),
                plan.loss,
                Strengths(*strengths),
                Thinning.of(place, [plan.dropout_seed], [0]),
            )
            data_loss, penalty = float(found.data_loss), float(found.penalty)
            reported = data_loss * plan.loss.reported_scale + penalty
            return data_loss + penalty, reported, network.to_arrays(found.gradient)[0]

    def raw_predictions(self, network: NetworkSpec, parameters: Vector, x: Rows) -> Matrix:
        """Return raw predictions, without dropout."""
        if _network_refusal(network) is not None:
            return ReferenceEngine(self.n_threads).raw_predictions(network, parameters, x)
        dtype = "float32" if parameters.dtype == np.float32 else "float64"
        with self._settings():
            padded = _lay_out(network, self._place(dtype))
            return padded.predict(padded.to_tensor([parameters]), x)

    def _place(self, dtype: str) -> Place:
        return Place(self._torch, self.device, dtype)

    def _require(self, plan: TrainingPlan) -> None:
        refusal = self.refuses(plan)
        if refusal is not None:
            message = f"engine='torch' cannot carry this plan out: {refusal} Use engine='auto'."
            raise EngineError(message)

    def _populations(self, members: Sequence[Member]) -> Iterator[list[Member]]:
        """Yield the members in the groups in which they train."""
        families: list[tuple[Any, list[Member]]] = []
        for member in members:
            self._require(member.job.plan)
            key = kinship(member.job)
            family = next((known for shared, known in families if shared == key), None)
            if family is None or self._is_large(member.job):
                families.append((key, [member]))
            else:
                family.append(member)
        for _, family in families:
            size = max(1, MOST_NUMBERS // _numbers_of(family[0].job))
            for start in range(0, len(family), size):
                yield family[start : start + size]

    def _is_large(self, job: Job) -> bool:
        """Whether a network's products fill the threads of the CPU by themselves."""
        batch = min(job.plan.batch_size, job.data.n_rows)
        return self.many_is_exact and job.plan.network.n_parameters * batch > SMALL

    @contextlib.contextmanager
    def _settings(self, members: Sequence[Member] = ()) -> Iterator[None]:
        """Compute exactly and quietly, and leave PyTorch's settings as they were."""
        torch, n_threads = self._torch, self.n_threads
        if members and not self._is_large(members[0].job):
            n_threads = 1
        before = torch.get_num_threads(), torch.get_float32_matmul_precision()
        with contextlib.ExitStack() as stack:
            stack.enter_context(np.errstate(all="ignore"))
            stack.enter_context(torch.inference_mode(mode=False))
            stack.enter_context(torch.enable_grad())
            stack.enter_context(torch.autocast(self.device.type, enabled=False))
            stack.callback(torch.set_num_threads, before[0])
            stack.callback(torch.set_float32_matmul_precision, before[1])
            torch.set_num_threads(n_threads or before[0])
            torch.set_float32_matmul_precision("highest")
            yield


@functools.lru_cache(maxsize=16)
def _lay_out(network: NetworkSpec, place: Place) -> PopulationNetwork:
    """Return the layout of a network; predicting a row is quicker than making it."""
    return PopulationNetwork(network, place)


def _load_torch() -> Any:
    try:
        return require("torch", "torch", "engine='torch'")
    except MissingExtraError as missing:
        raise EngineError(str(missing)) from missing


def _choose_device(torch: Any, named: str | None) -> Any:
    name = named or os.environ.get("MLPLAB_TORCH_DEVICE")
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in {"cpu", "cuda"}:
        message = f"`MLPLAB_TORCH_DEVICE` must be cpu, cuda or cuda:N; got {name!r}."
        raise EngineError(message)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        message = (
            f"`MLPLAB_TORCH_DEVICE` must name a device that is there; got {name!r}, and PyTorch "
            f"sees {torch.cuda.device_count()} CUDA devices. Set it to cpu, or install a PyTorch "
            "that fits the driver."
        )
        raise EngineError(message)
    return device


def _network_refusal(network: NetworkSpec) -> str | None:
    for layer in network.layers:
        if type(layer) not in {Dense, Activation, Dropout}:
            return f"layers of kind {layer.kind!r} exist in the reference engine only."
        if isinstance(layer, Activation) and find_activation(layer.function) is None:
            return (
                f"the activation {layer.function!r} is a Python function of your own, on NumPy's "
                "arrays."
            )
    if not network.dense_layers:
        return "a network without a dense layer has nothing to train."
    return None


def _numbers_of(job: Job) -> int:
    """Return about how many numbers a network keeps during a step: parameters, slots, values."""
    network, batch = job.plan.network, min(job.plan.batch_size, job.data.n_rows)
    return 12 * network.n_parameters + 8 * batch * sum(network.units)
