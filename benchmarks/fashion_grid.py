"""A grid on pictures beside scikit-learn's: ``MLPLAB_DATA=… python benchmarks/fashion_grid.py``.

8,000 pictures of Fashion-MNIST, 784-128-64-32-10, 100 epochs at the most, three folds; solver
(lbfgs, sgd, adam) × learning rate (0.2, 0.002, 0.00002) × batch (64, 128, 256): 27 candidates, 81
fits for `GridSearchCV(n_jobs=2)`. With lbfgs neither rate nor batch says anything, so our sweep
trains 19 different networks, 57 fits. Same rows, folds and seed; ours in float64, as
scikit-learn's, and in float32. ``--theirs N`` runs scikit-learn on N candidates, drawn at random,
and reckons its time for all from theirs.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neural_network import MLPClassifier as Peer

from mlplab import MLPClassifier
from mlplab.data import load
from mlplab.results import SweepResult
from mlplab.sweeps import EstimatorTrainer, run, sweep_from_table

SEED = 42
NETWORK = {"hidden_layer_sizes": (128, 64, 32), "max_iter": 100}
GRID = {
    "solver": ["lbfgs", "sgd", "adam"],
    "learning_rate_init": [0.2, 0.002, 0.00002],
    "batch_size": [64, 128, 256],
}
Candidate = Mapping[str, Any]


def rows(n: int) -> tuple[Any, Any]:
    """Return pixels from 0 to 1, and classes."""
    frame = load("fashion_mnist").frame
    chosen = np.random.default_rng(SEED).permutation(len(frame))[:n]
    part = frame.iloc[chosen]
    y = part.iloc[:, -1].to_numpy()
    pixels = part.iloc[:, :-1].to_numpy(dtype=np.float64)
    return np.ascontiguousarray(pixels) / 255.0, y


def distinct(candidate: Candidate) -> dict[str, Any]:
    """Return what decides how a candidate trains."""
    return {"solver": "lbfgs"} if candidate["solver"] == "lbfgs" else dict(candidate)


def ours(X: Any, y: Any, candidates: Sequence[Candidate], dtype: str) -> tuple[SweepResult, float]:
    """Run our sweep over some candidates: two networks at a time, a thread each."""
    network = MLPClassifier(**NETWORK, dtype=dtype, n_threads=1)
    wanted = {json.dumps(distinct(c), sort_keys=True): distinct(c) for c in candidates}
    table = {"space": {"candidate": list(wanted.values())}, "score": "accuracy", "folds": 3}
    sweep = sweep_from_table({**table, "shuffle": False}, seed=SEED)
    began = time.perf_counter()
    result = run(sweep, _Candidates(network, X, y, sweep), backend="threads", jobs=2)
    return result, time.perf_counter() - began


class _Candidates(EstimatorTrainer):
    """Takes whole candidates as the values of one parameter."""

    def _new(self, job: Any) -> Any:
        model = super()._new(type(job)({}, job.seed, job.fold))
        return model.set_params(**job.configuration["candidate"])


def theirs(X: Any, y: Any, candidates: Sequence[Candidate]) -> tuple[GridSearchCV, float]:
    """Run scikit-learn's search over some candidates."""
    grid = [{name: [value] for name, value in c.items()} for c in candidates]
    network = Peer(**NETWORK, random_state=SEED)
    search = GridSearchCV(network, grid, cv=3, scoring="accuracy", n_jobs=2, refit=False)
    began = time.perf_counter()
    search.fit(X, y)
    return search, time.perf_counter() - began


def main() -> None:
    """Print a line for each candidate, and what it comes to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--theirs", type=int, default=27)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = rows(options.rows)
    everything = list(ParameterGrid(GRID))
    order = np.random.default_rng(0).permutation(len(everything))[: options.theirs]
    some = [everything[i] for i in sorted(order)]
    sweeps = {}
    for dtype in ("float64", "float32"):
        sweeps[dtype] = result, seconds = ours(X, y, everything, dtype)
        print(f"ours, {dtype}: 27 candidates, {result.n_trained} fits, {seconds:.1f} s", flush=True)
    peer, part = theirs(X, y, some)
    whole = part * len(everything) / len(some)
    print(f"scikit-learn: {len(some)} candidates, {3 * len(some)} fits, {part:.1f} s", end="")
    print(f"; so {whole:.0f} s for 27" if len(some) < len(everything) else "")
    for dtype, (result, seconds) in sweeps.items():
        print(
            f"\nours in {dtype}: {whole / seconds:.1f} times as fast for the whole grid", end=", "
        )
        compare(result, peer, some)


def compare(whole: SweepResult, peer: GridSearchCV, candidates: Sequence[Candidate]) -> None:
    """Print scores and seconds side by side, and how far the rankings agree."""
    trials = {json.dumps(t.configuration["candidate"], sort_keys=True): t for t in whole.trials}
    mine, yours = [], []
    found = peer.cv_results_
    taken = found["mean_fit_time"] + found["mean_score_time"]
    own = [trials[json.dumps(distinct(c), sort_keys=True)].seconds / 3 for c in candidates]
    print(f"{taken.sum() / sum(own):.1f} times")
    print("solver  rate     batch   ours    scikit-learn  seconds a fit: ours  scikit-learn")
    for i, candidate in enumerate(candidates):
        trial = trials[json.dumps(distinct(candidate), sort_keys=True)]
        mean = trial.mean("accuracy")
        mine.append(math.nan if mean is None else mean)
        yours.append(float(found["mean_test_score"][i]))
        print(
            f"{candidate['solver']:6}  {candidate['learning_rate_init']:<7}  "
            f"{candidate['batch_size']:5}   {mine[-1]:.4f}  {yours[-1]:12.4f}"
            f"  {own[i]:19.2f}  {taken[i]:12.2f}"
        )
    a, b = (np.nan_to_num(np.array(s), nan=-1.0) for s in (mine, yours))
    same = distinct(candidates[int(a.argmax())]) == distinct(candidates[int(b.argmax())])
    print(f"rank correlation {spearmanr(a, b).statistic:.4f}")
    print(f"largest difference of a score {np.abs(a - b).max():.4f}")
    print(f"best {a.max():.4f} and {b.max():.4f}, {'the same' if same else 'another'} candidate")


if __name__ == "__main__":
    main()
