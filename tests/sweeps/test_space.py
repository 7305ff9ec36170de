"""The space of a sweep, and how a study file describes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplab.errors import ParameterError
from mlplab.sweeps import Parameter, Range, Space, Values, space_from_table, sweep_from_table


def test_grid_varies_the_last_parameter_fastest() -> None:
    """As loops would, in the order of the table."""
    space = space_from_table({"a": [1, 2], "b": ["x", "y"]})
    assert list(space.grid()) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_published_grid_of_384_holds_256_distinct_trainings() -> None:
    """The size of mini-batches matters in one of the three update rules only."""
    space = space_from_table(
        {
            "hidden_layer_sizes": [[64], [32, 32], [32, 64], [32, 32, 32]],
            "learning_rate_init": [0.001, 0.01],
            "activation": ["relu", "logistic", "identity", "tanh"],
            "update": ["one", "mini", "full"],
            "batch_size": {"values": [16, 32], "when": {"update": "mini"}},
            "max_iter": [100, 200],
        }
    )
    configurations = list(space.grid())
    assert space.n_combinations == 384
    assert len(configurations) == 256
    assert sum("batch_size" in one for one in configurations) == 128


def test_conditions_may_be_written_before_what_they_ask_for() -> None:
    """The order of the table is that of the configuration, not that of choosing."""
    space = space_from_table(
        {"momentum": {"values": [0.5, 0.9], "when": {"solver": "sgd"}}, "solver": ["sgd", "adam"]}
    )
    assert list(space.grid()) == [
        {"momentum": 0.5, "solver": "sgd"},
        {"momentum": 0.9, "solver": "sgd"},
        {"solver": "adam"},
    ]


def test_conditions_chain_and_ask_for_fixed_values() -> None:
    """What is left out makes no condition true; what is set in the model does."""
    table = {
        "a": [1, 2],
        "b": {"values": [3], "when": {"a": 1}},
        "c": {"values": [4], "when": {"b": 3, "kind": ["classifier", "regressor"]}},
    }
    space = space_from_table(table, fixed={"kind": "classifier"})
    assert list(space.grid()) == [{"a": 1, "b": 3, "c": 4}, {"a": 2}]
    other = space_from_table(table, fixed={"kind": "autoencoder"})
    assert list(other.grid()) == [{"a": 1, "b": 3}, {"a": 2}]


def test_values_that_say_nothing_new_are_duplicates() -> None:
    """Equal numbers, tuples and lists, and defaults."""
    space = Space(
        (
            Parameter("hidden", Values(((64,), [64], [64.0]))),
            Parameter("alpha", Values((1, 1.0, 1e-4)), when={"penalty": (True,)}),
            Parameter("penalty", Values((True, False))),
        ),
        defaults={"alpha": 1e-4, "penalty": False},
    )
    assert [one.get("alpha") for one in space.grid()] == [1, 1e-4, None]
    assert space.identity({"hidden": [64]}) == space.identity({"hidden": (64,), "alpha": 1e-4})


@pytest.mark.parametrize(
    ("domain", "grid"),
    [
        (Range(1, 5), (1, 2, 3, 4, 5)),
        (Range(1, 10, step=4), (1, 5, 9)),
        (Range(0.1, 0.5, step=0.1), (0.1, 0.2, 0.3, 0.4, 0.5)),
        (Range(0.0, 1.0, n=5), (0.0, 0.25, 0.5, 0.75, 1.0)),
        (Range(1e-4, 1e-1, n=4, log=True), (1e-4, 1e-3, 1e-2, 1e-1)),
        (Range(8, 128, n=5, log=True), (8, 16, 32, 64, 128)),
        (Range(1, 3, n=5), (1, 2, 3)),
        (Range(0.0, 1.0), None),
    ],
)
def test_numbers_of_ranges(domain: Range, grid: tuple[float, ...] | None) -> None:
    """Exactly what one would write by hand, whole numbers where the ends are whole."""
    assert domain.grid() == grid
    assert grid is None or [type(v) for v in grid] == [type(domain.low)] * len(grid)


@given(u=st.floats(0, 1, exclude_max=True), log=st.booleans(), whole=st.booleans())
def test_places_fall_into_the_range(u: float, log: bool, whole: bool) -> None:
    """Ends included; whole numbers stay whole."""
    domain = Range(2, 9, log=log) if whole else Range(0.5, 8.0, log=log)
    value = domain.at(u)
    assert domain.low <= value <= domain.high
    assert isinstance(value, int if whole else float)


def test_places_are_even() -> None:
    """Whole numbers are equally wide, logarithms evenly spread."""
    places = (np.arange(6000) + 0.5) / 6000
    counts = np.unique([Range(1, 6).at(u) for u in places], return_counts=True)
    assert counts[0].tolist() == [1, 2, 3, 4, 5, 6]
    assert set(counts[1]) == {1000}
    assert Range(1e-4, 1.0, log=True).at(0.5) == pytest.approx(1e-2)


def test_tables_hold_dotted_names() -> None:
    """Written with dots, in quotes, or as a table of their own."""
    nested = space_from_table({"data": {"scaling": ["standard", "robust"]}})
    assert (
        nested.parameters == space_from_table({"data.scaling": ["standard", "robust"]}).parameters
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "`sweep.space` must be given; got nothing"),
        ({"space": {}}, "`sweep.space` must name at least one parameter"),
        ({"space": []}, "`sweep.space` must be a table"),
        (
            {"space": {"a": []}},
            "`sweep.space.a` must be a list with at least one value.*got \\[\\]",
        ),
        ({"space": {"a": 3}}, "`sweep.space.a` must be a list.*got 3"),
        ({"space": {"a": {"lo": 1}}}, "`sweep.space.a.lo` must be.*Did you mean 'low'"),
        ({"space": {"a": {"low": 1}}}, "`sweep.space.a` must have a `low`.*high = None"),
        (
            {"space": {"a": {"low": 2, "high": 1}}},
            "`sweep.space.a` must have a `low` that is below",
        ),
        ({"space": {"a": {"low": 1, "hihg": 2}}}, "`sweep.space.a.hihg` is no key.*'high'"),
        ({"space": {"a": {"low": "1", "high": 2}}}, "`sweep.space.a.low` must be a finite number"),
        ({"space": {"a": {"low": 0, "high": 2, "log": True}}}, "`sweep.space.a.log` must be"),
        ({"space": {"a": {"low": 0, "high": 2, "step": -1}}}, "`sweep.space.a.step` must be pos"),
        ({"space": {"a": {"low": 0, "high": 2, "n": 1}}}, "`sweep.space.a.n` must be an integer"),
        ({"space": {"a": {"values": [1], "low": 1}}}, "`sweep.space.a` must have either"),
        ({"space": {"a": {"values": []}}}, "`sweep.space.a.values` must be a list"),
        ({"space": {"a": {"values": [1], "when": "b"}}}, "`sweep.space.a.when` must be a table"),
        (
            {"space": {"a": {"values": [1], "when": {"solvr": 1}}, "solver": [1]}},
            "`sweep.space.a.when` must ask for another parameter.*'solvr'. Did you mean 'solver'",
        ),
        (
            {
                "space": {
                    "a": {"values": [1], "when": {"b": 1}},
                    "b": {"values": [1], "when": {"a": 1}},
                }
            },
            "`sweep.space.a.when` must not ask in a circle; got a → b → a",
        ),
        ({"space": {"a": {"low": 0.0, "high": 1.0}}}, "`sweep.space.a` must have finitely many"),
        (
            {"space": {"a": [object()]}},
            "`sweep.space.a`: A value of a sweep must be .*; got object",
        ),
        ({"space": {"a": [1]}, "search": "gridd"}, "`sweep.search` must be one of.*'grid'"),
        (
            {"space": {"a": [1]}, "search": {"kind": "tpe", "bach": 1}},
            "`sweep.search.bach`.*'batch'",
        ),
        ({"space": {"a": [1]}, "search": {"kind": "tpe", "batch": 0}}, "`sweep.search.batch` must"),
        ({"space": {"a": [1]}, "search": "tpe"}, "`sweep.trials` must be set, or `seconds`"),
        (
            {"space": {"a": [1]}, "search": "halving"},
            "`max_iter` must be a positive integer for hal",
        ),
        ({"space": {"a": [1]}, "score": 3}, "`sweep.score` must be the name of a scorer"),
        (
            {"space": {"a": [1]}, "folds": 0},
            "`sweep.folds` must be an integer of at least 1; got 0",
        ),
        ({"space": {"a": [1]}, "seeds": True}, "`sweep.seeds` must be an integer"),
        ({"space": {"a": [1]}, "seconds": -1}, "`sweep.seconds` must be a number above 0"),
        ({"space": {"a": [1]}, "repeats": 2}, "`sweep.repeats` must be 1 where"),
        ({"space": {"a": [1]}, "shuffle": 1}, "`sweep.shuffle` must be true or false"),
        ({"space": {"a": [1]}, "searhc": "grid"}, "`sweep.searhc` is no key of \\[sweep\\]. Did"),
    ],
)
def test_mistakes_name_key_rule_and_way_out(table: dict[str, Any], message: str) -> None:
    """The key stands first, so that the line can be found."""
    with pytest.raises(ParameterError, match=f"^{message}"):
        sweep_from_table(table)


def test_only_known_parameters_vary() -> None:
    """The nearest name is told."""
    with pytest.raises(ParameterError, match=r"^`sweep.space.solvr` is nothing.*mean 'solver'"):
        space_from_table({"solvr": ["sgd"]}, known=["solver", "alpha"])


def test_halving_decides_on_epochs_itself() -> None:
    """They cannot vary besides."""
    with pytest.raises(ParameterError, match=r"`sweep.space.max_iter` must be left to hyperband"):
        sweep_from_table({"space": {"max_iter": [1, 2]}, "search": "hyperband"})
