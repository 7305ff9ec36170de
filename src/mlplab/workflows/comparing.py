"""The network of a study beside other programs: same initial weights, rows and row orders."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from mlplab._typing import AnyArray
from mlplab.engines import engine_names
from mlplab.results import Comparison, Peer
from mlplab.workflows.model import TabularModel
from mlplab.workflows.parts import Parts
from mlplab.workflows.peers import PEERS, CannotCompareError, Trained
from mlplab.workflows.scoring import judged_part, score_name, score_of

__all__ = ["compare"]

OURS = ("reference", "native")
_RATES_THAT_STOP = ("adaptive", "plateau")


def compare(
    model: TabularModel,
    parts: Parts,
    seed: int,
    peers: Sequence[str],
    *,
    epochs: int | None = None,
    of: str = "",
) -> tuple[Comparison, dict[str, TabularModel]]:
    """Train a network again in each engine of ours and in other programs.

    All start from the same weights, see the rows in the same orders, and make as many epochs as
    the model did: nothing is watched, and nobody stops early.

    Parameters
    ----------
    model : TabularModel
        Trained; says how.
    parts : Parts
    seed : int
        Of the initial weights and row orders.
    peers : sequence of {"sklearn", "torch"}
    epochs : int, optional
        How many each makes; as many as the model if None.
    of : str
        Which variant this is, for the table.

    Returns
    -------
    (Comparison, dict of str to TabularModel)
        What came of it, and the model that each left, by the names in the comparison.
    """
    plain = _without_stopping(model.estimator, epochs)
    x, y = parts.train.x, parts.train.y
    target = () if parts.task == "autoencoder" else (y,)
    trained = [_ours(plain, engine, seed, x, target) for engine in _engines()]
    left_out = []
    for name in peers:
        rng = np.random.RandomState(seed)
        start = clone(plain).set_params(random_state=rng).initialize(x, *target)
        try:
            _check(plain, parts)
            trained.append(PEERS[name](start, x, y, rng))
        except CannotCompareError as reason:
            left_out.append(str(reason))
    whole = _start(plain, seed, x, target)
    models = {
        one.name: dataclasses.replace(model, estimator=whole.with_parameters(one.flat))
        for one in trained
    }
    comparison = Comparison(
        tuple(_peer(one, trained[0], models[one.name], parts) for one in trained),
        int(plain.max_iter),
        score_name(parts.task),
        judged_part(parts)[0],
        tuple(left_out),
        of,
    )
    return comparison, models


def _check(plain: Any, parts: Parts) -> None:
    if parts.task == "autoencoder":
        raise CannotCompareError("Autoencoders are compared among our engines alone.")
    if plain.learning_rate in _RATES_THAT_STOP:
        raise CannotCompareError(
            f"Other programs are left out: a rate that is {plain.learning_rate!r} depends on what "
            "each of them calls an improvement."
        )


def _without_stopping(estimator: Any, epochs: int | None) -> Any:
    n_epochs = epochs or max(1, int(estimator.n_iter_))
    unstopped: dict[str, Any] = {"max_iter": n_epochs, "early_stopping": False, "warm_start": False}
    if estimator.learning_rate not in _RATES_THAT_STOP and estimator.solver != "lbfgs":
        unstopped |= {"tol": 0.0, "n_iter_no_change": n_epochs + 1}
    return clone(estimator).set_params(**unstopped).set_callbacks()


def _engines() -> list[str]:
    return [name for name in OURS if name in engine_names()]


def _start(plain: Any, seed: int, x: AnyArray, target: tuple[AnyArray, ...]) -> Any:
    return clone(plain).set_params(random_state=seed).initialize(x, *target)


def _ours(plain: Any, engine: str, seed: int, x: AnyArray, target: tuple[AnyArray, ...]) -> Trained:
    network = clone(plain).set_params(engine=engine, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the epochs are those that were asked for
        network.fit(x, *target)
    pairs = zip(network.coefs_, network.intercepts_, strict=True)
    return Trained(
        f"mlplab {engine}",
        network.result_.seconds,
        tuple(map(float, network.loss_curve_)),
        float(network.loss_),
        int(network.n_iter_),
        [array for pair in pairs for array in pair],
    )


def _peer(one: Trained, first: Trained, model: TabularModel, parts: Parts) -> Peer:
    pairs = zip(one.arrays, first.arrays, strict=True)
    return Peer(
        one.name,
        one.seconds,
        one.epochs,
        one.losses,
        one.loss if math.isfinite(one.loss) else math.nan,
        max(float(np.abs(theirs - ours).max()) for theirs, ours in pairs),
        score_of(model, parts.train),
        score_of(model, judged_part(parts)[1]),
    )
