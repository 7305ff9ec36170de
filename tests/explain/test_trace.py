"""Traces: every number right by hand, every formula worth its value, never apart from training."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser
from scipy import sparse

from mlplab import nn, optim
from mlplab.engines import StoppingRule, TrainingData, TrainingPlan, TrainingState
from mlplab.engines.reference import ReferenceEngine
from mlplab.errors import ParameterError
from mlplab.explain import Trace, TraceLine, trace
from mlplab.explain.symbols import get_symbols

OPTIMISERS = {
    "sgd": optim.SGD(0.0),
    "momentum": optim.SGD(0.9, nesterov=False),
    "nesterov": optim.SGD(0.9, nesterov=True),
    "adam": optim.Adam(),
    "adamw": optim.AdamW(),
    "nadam": optim.NAdam(),
    "rmsprop": optim.RMSprop(),
    "adagrad": optim.Adagrad(),
}


def trace_1_1_1(**more: Any) -> Trace:
    """Return the trace of row C7 of the requirements."""
    plan = TrainingPlan(
        nn.multilayer(1, [1], 1, "relu"), nn.SquaredError(), optim.SGD(0.0), optim.Constant(0.01)
    )
    data = TrainingData(np.array([[1.0], [2.0], [3.0]]), np.array([[3.0], [4.0], [5.0]]))
    return trace(plan, data, np.array([1.0, 0.0, 1.0, 0.0]), **more)


def plan_2_2_1(**more: Any) -> tuple[TrainingPlan, Any]:
    """Return the plan of row B2, and weights made by hand."""
    plan = TrainingPlan(
        nn.multilayer(2, [2], 1, "logistic"),
        nn.BinaryCrossEntropy(),
        more.pop("optimiser", optim.SGD(0.0)),
        optim.Constant(0.5),
        **more,
    )
    w = [[[0.1, -0.3], [0.2, 0.4]], [0.05, -0.1], [[0.7], [-0.6]], [0.25]]
    return plan, plan.network.pack(w)


def random_problem(
    optimiser: optim.Optimiser, seed: int, **more: Any
) -> tuple[TrainingPlan, TrainingData, Any]:
    """Return a plan with everything that changes a step, rows with weights, and parameters."""
    rng = np.random.default_rng(seed)
    network = nn.multilayer(3, [4, 3], 2, ["tanh", "relu"], dropout=(0.3, 0.0))
    plan = TrainingPlan(
        network,
        nn.CategoricalCrossEntropy(),
        optimiser,
        optim.Linear(0.1, 0.01),
        **{
            "stopping": StoppingRule(max_epochs=4, patience=math.inf),
            "penalties": nn.Penalties(l1=0.01, l2=0.1),
            "weight_decay": 0.05,
            "clip_norm": 0.5,
            "clip_value": 0.2,
            "batch_size": 2,
            "dropout_seed": 3,
            **more,
        },
    )
    kind = plan.dtype
    x = rng.normal(size=(5, 3)).astype(kind)
    target = np.eye(2, dtype=kind)[rng.integers(0, 2, 5)]
    data = TrainingData(x, target, rng.integers(0, 3, 5).astype(kind))
    return plan, data, nn.draw_parameters(network, "auto", rng, kind)


def final_by_training(
    plan: TrainingPlan, data: TrainingData, parameters: Any, n_epochs: int, orders: Any = None
) -> list[float]:
    """Return the parameters that the reference engine leaves."""
    state = TrainingState(parameters.copy())
    ReferenceEngine().advance(plan, state, data, orders, n_epochs)
    return [float(value) for value in state.parameters]


def test_1_1_1_relu_by_hand() -> None:
    """The worked example comes out to six digits after the second and the third sample."""
    found = trace_1_1_1()
    after = {
        1: {"w₁": 1.02, "b₁": 0.02, "w₂": 1.02, "b₂": 0.02},
        2: {"w₁": 1.058328, "w₂": 1.058703, "b₁": 0.039164, "b₂": 0.038788},
        3: {"w₁": 1.107824, "w₂": 1.108792, "b₁": 0.055662, "b₂": 0.054372},
    }
    for step, weights in after.items():
        for symbol, value in weights.items():
            assert round(found.value(symbol, step), 6) == value
    assert [found.value(symbol, 2, 2) for symbol in ("z₁", "a₁", "z₂")] == pytest.approx(
        [2.06, 2.06, 2.1212]
    )
    assert found.value("L", 2) == pytest.approx(0.5 * (2.1212 - 4) ** 2)
    assert "w₁ ← w₁ - η·∂L/∂w₁ = 1.02 - 0.01·(-3.832752) = 1.058328" in found.to_text()


def test_2_2_1_by_hand() -> None:
    """Every number of the 2-2-1 network equals the formulas of the source, written out."""
    plan, parameters = plan_2_2_1()
    data = TrainingData(np.array([[1.5, -0.5]]), np.array([[1.0]]))
    found = trace(plan, data, parameters, notation="pattern_recognition")

    x1, x2, y, rate = 1.5, -0.5, 1.0, 0.5
    w = {"w10": 0.05, "w11": 0.1, "w12": 0.2, "w20": -0.1, "w21": -0.3, "w22": 0.4}
    w |= {"w30": 0.25, "w31": 0.7, "w32": -0.6}
    a1 = w["w10"] + x1 * w["w11"] + x2 * w["w12"]
    a2 = w["w20"] + x1 * w["w21"] + x2 * w["w22"]
    z1, z2 = 1 / (1 + math.exp(-a1)), 1 / (1 + math.exp(-a2))
    a3 = w["w30"] + z1 * w["w31"] + z2 * w["w32"]
    z3 = 1 / (1 + math.exp(-a3))
    error = -y * math.log(z3) - (1 - y) * math.log(1 - z3)
    d3 = z3 - y
    d1, d2 = z1 * (1 - z1) * w["w31"] * d3, z2 * (1 - z2) * w["w32"] * d3
    values = {"a₁": a1, "a₂": a2, "a₃": a3, "z₁": z1, "z₂": z2, "z₃": z3, "E": error}
    values |= {"δ₁": d1, "δ₂": d2, "δ₃": d3}
    for symbol, value in values.items():
        assert found.value(symbol) == pytest.approx(value, rel=1e-14)
    derivatives = {"w10": d1, "w11": d1 * x1, "w12": d1 * x2, "w20": d2, "w21": d2 * x1}
    derivatives |= {"w22": d2 * x2, "w30": d3, "w31": d3 * z1, "w32": d3 * z2}
    for name, derivative in derivatives.items():
        assert found.value(f"∂E/∂{name}") == pytest.approx(derivative, rel=1e-13)
        assert found.value(name) == pytest.approx(w[name] - rate * derivative, rel=1e-14)
    symbols = [line.symbol for line in found if line.phase == "update"]
    assert symbols == ["η", "w₁₀", "w₁₁", "w₁₂", "w₂₀", "w₂₁", "w₂₂", "w₃₀", "w₃₁", "w₃₂"]
    formulas = {line.symbol: line.formula for line in found}
    assert formulas["a₃"] == "w₃₀ + w₃₁·z₁ + w₃₂·z₂"
    assert formulas["E"] == "-y·log(z₃) - (1 - y)·log(1 - z₃)"
    assert formulas["δ₃"] == "z₃ - y"
    assert formulas["δ₁"] == "σ′(a₁)·(w₃₁·δ₃)"
    assert formulas["∂E/∂w₃₁"] == "δ₃·z₁"


def test_notations_differ_in_symbols_only() -> None:
    """Both notations tell the same numbers; only the order of weight and bias differs."""
    plan, parameters = plan_2_2_1()
    data = TrainingData(np.array([[1.5, -0.5], [0.3, 1]]), np.array([[1.0], [0.0]]))
    one, other = (
        trace(plan, data, parameters, notation=notation)
        for notation in ("deep_learning", "pattern_recognition")
    )
    assert sorted(line.value for line in one) == sorted(line.value for line in other)
    assert [value for _, value in one.final] == [value for _, value in other.final]
    assert other.value("w₃₂") == one.value("w₁₂⁽²⁾") == one.value("w12(2)")
    assert ("E", "loss of one row") in other.legend
    assert any(symbol == "z₁⁽¹⁾" for symbol, _ in one.legend)


def test_symbols_of_wide_networks_are_unambiguous() -> None:
    """With ten or more units no two parameters share a symbol."""
    units = (12, 11, 13)
    for notation in ("deep_learning", "pattern_recognition"):
        symbols = get_symbols(notation, units)
        names = [
            symbols.weight(layer, unit, source)
            for layer in (1, 2)
            for unit in range(1, units[layer] + 1)
            for source in range(1, units[layer - 1] + 1)
        ]
        names += [symbols.bias(layer, unit) for layer in (1, 2) for unit in range(1, 12)]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_trace_ends_where_training_ends(name: str, batch: int, dtype: str, seed: int) -> None:
    """After three epochs with everything switched on the weights are training's, bit for bit."""
    plan, data, parameters = random_problem(OPTIMISERS[name], seed, batch_size=batch, dtype=dtype)
    found = trace(plan, data, parameters, batch=None, n_steps=3 * -(-5 // batch))
    assert [value for _, value in found.final] == final_by_training(plan, data, parameters, 3)
    assert [value for _, value in found.initial] == [float(value) for value in parameters]


def test_every_optimiser_is_in_the_table() -> None:
    """A new optimiser has to join the table above."""
    recipes = {
        value
        for name in optim.__all__
        if isinstance(value := getattr(optim, name), type)
        and hasattr(value, "transform")
        and value is not optim.Optimiser
    }
    assert recipes - {optim.LBFGS} == {type(optimiser) for optimiser in OPTIMISERS.values()}


def test_chosen_rows_are_a_row_order(seed: int) -> None:
    """Rows in an order of one's own make the steps that training makes in that order."""
    plan, data, parameters = random_problem(optim.Adam(), seed)
    order = [3, 0, 4, 1, 2]
    found = trace(plan, data, parameters, rows=order, batch=2)
    expected = final_by_training(plan, data, parameters, 1, np.array([order]))
    assert [value for _, value in found.final] == expected
    samples = [line.sample for line in found if line.symbol == "L"]
    assert [sample - 1 for sample in samples if sample] == [r for r in order if r in seen(found)]


def seen(found: Trace) -> set[int]:
    """Return the rows that made steps (rows without weight may make none)."""
    return {line.sample - 1 for line in found if line.sample is not None}


def test_rows_without_weight_make_no_step() -> None:
    """A batch of rows that weigh nothing leaves no line and no change, as in training."""
    plan, parameters = plan_2_2_1(batch_size=1)
    data = TrainingData(np.eye(2), np.ones((2, 1)), np.array([0.0, 2.0]))
    found = trace(plan, data, parameters)
    assert {line.sample for line in found} == {2, None}
    assert [value for _, value in found.final] == final_by_training(plan, data, parameters, 1)


def test_sparse_rows(seed: int) -> None:
    """Sparse rows are shown like dense ones."""
    plan, data, parameters = random_problem(optim.SGD(), seed)
    thin = dataclasses.replace(data, x=sparse.csr_matrix(data.x))
    dense_lines, thin_lines = (trace(plan, one, parameters).lines for one in (data, thin))
    assert [line.symbol for line in dense_lines] == [line.symbol for line in thin_lines]
    assert [line.value for line in dense_lines] == pytest.approx([one.value for one in thin_lines])


def test_without_updates_the_weights_stay() -> None:
    """With updates=False each sample meets the same weights, with L-BFGS too."""
    plan, parameters = plan_2_2_1(optimiser=optim.LBFGS())
    data = TrainingData(np.eye(2), np.ones((2, 1)))
    found = trace(plan, data, parameters, updates=False)
    assert found.initial == found.final
    assert {line.phase for line in found} == {"forward", "loss", "backward", "gradient"}
    with pytest.raises(ParameterError, match="`updates` must be False with L-BFGS"):
        trace(plan, data, parameters)


# What a formula with numbers means, as Python.
WORTH = str.maketrans({"·": "*", "½": "0.5", "¹": "**1", "²": "**2", "³": "**3", "⁴": "**4"})
NAMES = {"exp": math.exp, "log": math.log, "tanh": math.tanh, "max": max, "min": min}
NAMES |= {"sqrt": math.sqrt, "sign": np.sign}


def worth(numbers: str) -> float:
    """Calculate a formula with numbers."""
    code = re.sub(r"√([\d.e-]+)", r"sqrt(\1)", numbers).replace("√(", "sqrt(").translate(WORTH)
    code = re.sub(r"\|([^|]*)\|", r"abs(\1)", code)
    return float(eval(code, {"__builtins__": {"abs": abs}}, NAMES))  # noqa: S307  (our own formulas)


@pytest.mark.parametrize("optimiser", sorted(set(OPTIMISERS) - {"nadam"}))
@pytest.mark.parametrize(
    "loss",
    [nn.SquaredError(), nn.BinaryCrossEntropy(), nn.CategoricalCrossEntropy(), nn.BinaryHinge()],
    ids=lambda loss: loss.name,
)
def test_formulas_are_worth_their_values(loss: nn.Loss, optimiser: str, seed: int) -> None:
    """Whoever calculates the formulas with numbers by hand gets the values beside them."""
    plan, data, parameters = random_problem(OPTIMISERS[optimiser], seed)
    plan = dataclasses.replace(plan, loss=loss)
    found = trace(plan, data, parameters, batch=2, n_steps=4)
    checked = [line for line in found if line.substituted and "…" not in line.substituted]
    for line in checked:
        assert worth(line.substituted) == pytest.approx(line.value, rel=2e-4, abs=1e-6), line
    phases = {line.phase for line in checked}
    assert phases == {"forward", "loss", "backward", "gradient", "update"}


def test_long_sums_are_shortened() -> None:
    """A unit with many inputs shows the first ones and the last."""
    plan = TrainingPlan(
        nn.multilayer(50, [], 1), nn.SquaredError(), optim.SGD(0.0), optim.Constant(0.1)
    )
    data = TrainingData(np.ones((30, 50)), np.zeros((30, 1)))
    found = trace(plan, data, np.full(51, 0.5), batch=30)
    line = next(line for line in found if line.symbol == "z₁⁽¹⁾")
    assert line.formula.count("·") == 6
    assert line.substituted.endswith("… + 0.5·1 + 0.5")
    gradient = next(line for line in found if line.phase == "gradient")
    assert gradient.formula == "Σ δ₁⁽¹⁾·x₁/30"
    assert gradient.substituted.count("…") == 1


def balanced(text: str) -> bool:
    """Return whether every brace is closed, none before it was opened."""
    depth = 0
    for character in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def everything_in_latex(activation: str, optimiser: str, loss: nn.Loss, notation: Any) -> Trace:
    """Return one step of a plan with everything switched on."""
    plan, data, parameters = random_problem(OPTIMISERS[optimiser], 0)
    network = nn.multilayer(3, [4, 3], 2, activation, dropout=(0.3, 0.0))
    plan = dataclasses.replace(plan, network=network, loss=loss)
    return trace(plan, data, parameters, batch=2, n_steps=1, notation=notation)


@pytest.mark.parametrize("notation", ["deep_learning", "pattern_recognition"])
@pytest.mark.parametrize(
    ("optimiser", "loss"),
    [("adam", nn.SquaredError()), ("nadam", nn.CategoricalHinge()), ("momentum", nn.Poisson())],
)
@pytest.mark.parametrize("activation", sorted(nn.ACTIVATIONS))
def test_latex_is_well_formed(
    activation: str, optimiser: str, loss: nn.Loss, notation: str
) -> None:
    """Braces balance, environments close, nothing is left that LaTeX would stumble over."""
    latex = everything_in_latex(activation, optimiser, loss, notation).to_latex(standalone=True)
    assert balanced(latex)
    assert latex.isascii()
    assert latex.startswith(r"\documentclass")
    begun = re.findall(r"\\begin\{([a-z*]+)\}", latex)
    assert sorted(begun) == sorted(re.findall(r"\\end\{([a-z*]+)\}", latex))
    for equations in re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", latex, re.DOTALL):
        lines = equations.split(" \\\\\n")
        assert all(line.count("&") == 1 and "\n" not in line for line in lines)
    assert not re.search(r"(?<!\\)[%#$]|_[^{]|\^[^{]", latex.replace(r"\_", ""))


@pytest.mark.parametrize("activation", ["logistic", "leaky_relu", "gelu"])
def test_latex_is_understood(activation: str) -> None:
    """A parser of mathematical LaTeX reads one equation of each form."""
    found = everything_in_latex(activation, "adamw", nn.Huber(), "deep_learning")
    forms = {re.sub(r"[\d₀-₉⁰-⁹.()-]+", "", line.to_text()): line for line in found}
    parser: Any = MathTextParser("agg")
    for line in list(forms.values())[::4]:
        # Three commands of LaTeX that the parser of matplotlib lacks.
        equation = re.sub(r"\\surd|&|\\tfrac", "", line.to_latex())
        parser.parse(f"${equation}$")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    """A standalone document compiles without an error."""
    latex = everything_in_latex("leaky_relu", "adam", nn.Huber(), "pattern_recognition")
    (tmp_path / "trace.tex").write_text(latex.to_latex(standalone=True))
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "trace.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "trace.pdf").exists()


def test_markdown_html_and_json() -> None:
    """Every line is a row of each table; JSON holds every field."""
    found = trace_1_1_1()
    rows = [line for line in found.to_markdown().splitlines() if line.startswith("| 3 |")]
    assert len(rows) == sum(line.step == 3 for line in found)
    cells = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert cells == {9}
    assert found._repr_html_().count("<tr>") == len(found) + len(found.legend) + 2
    assert "δ₁" in found._repr_html_()
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(data["lines"]) == len(found)
    assert data["lines"][0] == dataclasses.asdict(found.lines[0])
    assert data["final"][0] == list(found.final[0])
    assert str(found) == found.to_text()


def test_text_has_a_heading_for_each_sample_and_phase() -> None:
    """The text goes step by step, and within a step phase by phase."""
    headings = [line for line in trace_1_1_1().to_text().splitlines() if line.startswith("Step")]
    assert headings[:5] == [
        "Step 1, sample 1: forward",
        "Step 1, sample 1: loss",
        "Step 1, sample 1: backward",
        "Step 1: gradient",
        "Step 1: update",
    ]
    assert len(headings) == 15


def test_lines_are_frozen_and_equal_their_copies() -> None:
    """A trace is data: the same call gives an equal one, and nobody changes it."""
    found = trace_1_1_1()
    assert found == trace_1_1_1()
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.lines[0].value = 1.0  # type: ignore[misc]  # that is the point
    assert isinstance(found.lines[0], TraceLine)


def test_unknown_symbol() -> None:
    """A symbol that does not occur raises KeyError."""
    with pytest.raises(KeyError, match="q"):
        trace_1_1_1().value("q")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rows": [3]}, "`rows` must be numbers of rows from 0 to 2"),
        ({"rows": []}, "`rows` must be numbers of rows"),
        ({"rows": [0.5]}, "`rows` must be numbers of rows"),
        ({"batch": 0}, "`batch` must be at least 1"),
        ({"n_steps": 0}, "`n_steps` must be at least 1"),
        ({"n_steps": 2000}, "at most 20,000 lines"),
        ({"notation": "deep_lerning"}, "Did you mean 'deep_learning'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], words: str) -> None:
    """Each bad argument is told in words."""
    with pytest.raises(ParameterError, match=words):
        trace_1_1_1(**arguments)


def test_large_networks_are_refused_at_once() -> None:
    """A network of a quarter of a million weights is refused, with ways to narrow the trace."""
    plan = TrainingPlan(
        nn.multilayer(784, [256, 128], 10), nn.SquaredError(), optim.SGD(), optim.Constant(0.1)
    )
    data = TrainingData(np.zeros((2, 784)), np.zeros((2, 10)))
    with pytest.raises(ParameterError, match=r"Pass fewer `rows`, a smaller `n_steps`"):
        trace(plan, data, np.zeros(plan.network.n_parameters))


def test_wrong_number_of_parameters() -> None:
    """Parameters of another network are told in words."""
    plan, parameters = plan_2_2_1()
    with pytest.raises(ParameterError, match="must be a vector of 9 numbers"):
        trace(plan, TrainingData(np.eye(2), np.ones((2, 1))), parameters[:4])


def test_an_estimator_is_traced_on_rows_and_targets() -> None:
    """The short way: the estimator knows its plan and its weights."""
    from sklearn.datasets import load_iris

    from mlplab import MLPClassifier

    X, y = load_iris(return_X_y=True)
    clf = MLPClassifier((2,), solver="sgd", random_state=0).initialize(X, y)
    short = trace(clf, X[:2], y[:2])

    assert short == trace(*clf.training_problem(X[:2], y[:2]))
    assert clf.coefs_[0][0, 0] in dict(short.initial).values()
