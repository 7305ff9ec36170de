"""Ourselves, by the public ways: `engine.advance`, `engine.advance_many`, the estimators."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlplab import nn, optim
from mlplab._typing import AnyArray
from mlplab.benchmarks.problems import (
    ALPHA,
    BETA_1,
    BETA_2,
    EPSILON,
    MOMENTUM,
    Drawn,
    Problem,
    draw,
    final_loss,
    loss_of_predictions,
    predictions,
)
from mlplab.benchmarks.tasks import Task
from mlplab.engines import (
    Engine,
    Job,
    StoppingRule,
    TrainingData,
    TrainingPlan,
    TrainingState,
    select_engine,
)

__all__ = ["make_plan", "many", "prediction", "training", "true_losses"]


def make_plan(problem: Problem, dtype: str) -> TrainingPlan:
    """Return a problem as a plan that never stops by itself."""
    units = problem.units
    losses: dict[str, nn.Loss] = {
        "softmax": nn.CategoricalCrossEntropy(),
        "logistic": nn.BinaryCrossEntropy(),
        "squared": nn.SquaredError(),
    }
    return TrainingPlan(
        network=nn.multilayer(units[0], units[1:-1], units[-1], problem.activation),
        loss=losses[problem.loss],
        optimiser=(
            optim.Adam(BETA_1, BETA_2, EPSILON)
            if problem.solver == "adam"
            else optim.SGD(MOMENTUM, nesterov=True)
        ),
        schedule=optim.Constant(problem.rate),
        stopping=StoppingRule(max_epochs=10**9, patience=float("inf")),
        penalties=nn.Penalties(l2=ALPHA),
        batch_size=problem.batch,
        dtype=dtype,
    )


def _job(problem: Problem, plan: TrainingPlan, drawn: Drawn, data: TrainingData) -> Job:
    state = TrainingState(plan.network.pack(drawn.arrays))
    orders = None if problem.full_batch else drawn.orders
    return Job(plan, state, data, orders, problem.epochs)


def training(problem: Problem, threads: int, dtype: str = "float32", engine: str = "auto") -> Task:
    """Return the training of one network."""
    plan, drawn = make_plan(problem, dtype), draw(problem, dtype)
    data = TrainingData(drawn.x, drawn.targets)
    chosen = select_engine(engine, plan, threads)[0]

    def run() -> TrainingState:
        job = _job(problem, plan, drawn, data)
        chosen.advance(*job)
        return job.state

    return Task(run, lambda state: [_judged(problem, plan, drawn, state)])


def _judged(problem: Problem, plan: TrainingPlan, drawn: Drawn, state: TrainingState) -> float:
    return final_loss(problem, drawn, plan.network.views(state.parameters))


def many(problem: Problem, threads: int, engine: str = "auto", *, together: bool = True) -> Task:
    """Return the training of many networks: all at once, or one after another in a pool."""
    plan = make_plan(problem, "float32")
    drawn = [draw(problem, "float32", network) for network in range(problem.n_networks)]
    data = TrainingData(drawn[0].x, drawn[0].targets)
    chosen = select_engine(engine, plan, threads if together else 1)[0]

    def run() -> list[Job]:
        jobs = [_job(problem, plan, one, data) for one in drawn]
        if together:
            chosen.advance_many(jobs)
        else:
            _one_by_one(chosen, jobs, threads)
        return jobs

    def losses(jobs: list[Job]) -> list[float]:
        return [_judged(problem, plan, drawn[k], jobs[k].state) for k in problem.checked]

    return Task(run, losses)


def _one_by_one(engine: Engine, jobs: list[Job], threads: int) -> None:
    # The engine lets go of the interpreter's lock while it trains.
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda job: engine.advance(*job), jobs))


def prediction(problem: Problem, threads: int, calls: int, dtype: str = "float32") -> Task:
    """Return so many calls of `predict_proba` on all rows."""
    from mlplab import MLPClassifier  # noqa: PLC0415  # only here

    drawn = draw(problem, dtype)
    model: Any = MLPClassifier(problem.units[1:-1], n_threads=threads, dtype=dtype, random_state=0)
    # Two rows a class are enough to build a network of the right shape.
    first = [int(k % problem.units[-1]) for k in range(2 * problem.units[-1])]
    rows = drawn.x[[k % problem.n_rows for k in range(len(first))]]
    model.initialize(rows, first)
    for layer, (weight, bias) in enumerate(zip(drawn.arrays[::2], drawn.arrays[1::2], strict=True)):
        model.coefs_[layer][...] = weight
        model.intercepts_[layer][...] = bias

    def run() -> AnyArray:
        for _ in range(calls):
            found: AnyArray = model.predict_proba(drawn.x)
        return found

    return Task(run, lambda found: [loss_of_predictions(problem, found, drawn.targets)])


def true_losses(problem: Problem, threads: int, kind: str) -> list[float]:
    """Return the losses at which every peer has to end.

    Those of the reference engine in float64; for predictions, of the forward pass in float64.
    """
    if kind == "prediction":
        drawn = draw(problem, "float32")
        found = predictions(problem, drawn.arrays, drawn.x)
        return [loss_of_predictions(problem, found, drawn.targets)]
    plan = make_plan(problem, "float64")
    engine = select_engine("reference", plan, threads)[0]
    losses = []
    for network in problem.checked:
        drawn = draw(problem, "float64", network)
        job = _job(problem, plan, drawn, TrainingData(drawn.x, drawn.targets))
        engine.advance(*job)
        losses.append(_judged(problem, plan, drawn, job.state))
    return losses
