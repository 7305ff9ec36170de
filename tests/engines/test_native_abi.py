"""The boundary of the native library: elementary functions, sizes, refusals."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from tests.contracts.trainings import small_case

from mlplab.engines import native_abi
from mlplab.engines.native_abi import Config, instruction_sets, library_path, load_library
from mlplab.engines.native_plan import NativePlan, rows_view
from mlplab.engines.native_training import Training
from mlplab.errors import EngineError

if library_path() is None:
    pytest.skip("the native engine was not built", allow_module_level=True)

EXTENDED = np.longdouble
FUNCTIONS = ["exp", "exp_negative", "expm1_negative", "log", "log1p", "tanh", "logistic",
             "softplus", "normal_cdf"]  # fmt: skip
# Units in the last place; JAX's on CPU are 1.5, 5 and 2.5 for exp, tanh and logistic.
LIMITS = {"exp": 1.5, "exp_negative": 1.5, "expm1_negative": 1.5, "log": 2.5, "log1p": 2.5,
          "tanh": 3.0, "logistic": 2.5, "softplus": 3.0}  # fmt: skip


def _call(isa: int, name: str, x: Any) -> Any:
    out = np.empty_like(x)
    code = load_library().mlp_elementary(
        isa, int(x.dtype == np.float64), FUNCTIONS.index(name), x.ctypes.data, out.ctypes.data,
        x.size,
    )  # fmt: skip
    assert code == 0
    return out


def _exact(name: str, x: Any) -> Any:
    x = x.astype(EXTENDED)
    return {
        "exp": np.exp,
        "exp_negative": np.exp,
        "expm1_negative": np.expm1,
        "log": np.log,
        "log1p": np.log1p,
        "tanh": np.tanh,
        "logistic": lambda z: 1 / (1 + np.exp(-z)),
        "softplus": lambda z: np.logaddexp(EXTENDED(0), z),
    }[name](x)


def _points(name: str, dtype: str) -> Any:
    largest = 87.0 if dtype == "float32" else 700.0
    rng = np.random.default_rng(0)
    parts = [np.linspace(-largest, largest, 200_001), np.linspace(-1, 1, 100_001)]
    parts += [rng.normal(size=100_000) * 5, 10.0 ** rng.uniform(-30, 1, 20_000)]
    x = np.concatenate(parts)
    if name.endswith("negative"):
        x = -np.abs(x)
    elif name == "log":
        x = np.exp(np.clip(x, -80, 80))
    elif name == "log1p":
        x = np.exp(-np.abs(x))
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("isa", instruction_sets())
def test_elementary_functions_are_accurate(isa: str, name: str, dtype: str) -> None:
    """Within so many units in the last place, wherever the result is a normal number."""
    x = _points(name, dtype)
    exact = _exact(name, x)
    normal = np.abs(exact) > 2 * np.finfo(dtype).tiny
    unit = np.spacing(np.abs(exact[normal]).astype(dtype)).astype(EXTENDED)
    found = _call(instruction_sets()[isa], name, x)[normal].astype(EXTENDED)
    assert float((np.abs(found - exact[normal]) / unit).max()) <= LIMITS[name]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("isa", instruction_sets())
def test_normal_distribution_function(isa: str, dtype: str) -> None:
    """Absolutely to rounding, and relatively far into the tail."""
    x = np.linspace(-12, 12, 100_001).astype(dtype)
    found = _call(instruction_sets()[isa], "normal_cdf", x).astype(float)
    expected = special.ndtr(x.astype(float))
    eps = np.finfo(dtype).eps
    assert np.abs(found - expected).max() < 2 * eps
    np.testing.assert_allclose(found, expected, rtol=150 * eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_limits_and_nan(dtype: str) -> None:
    """Infinities give limits, and NaN goes through."""
    isa = load_library().mlp_best_isa()
    x = np.array([math.inf, -math.inf, math.nan, 0.0], dtype=dtype)
    expected = {
        "exp": [math.inf, 0, math.nan, 1],
        "tanh": [1, -1, math.nan, 0],
        "logistic": [1, 0, math.nan, 0.5],
        "softplus": [math.inf, 0, math.nan, math.log(2)],
        "normal_cdf": [1, 0, math.nan, 0.5],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(_call(isa, name, x), values, rtol=1e-6, err_msg=name)
    largest = np.array([1000.0, -1000.0], dtype=dtype)
    np.testing.assert_array_equal(_call(isa, "exp", largest), [math.inf, 0])


def _create(own: Config, own_rows: Any, **changed: Any) -> int:
    case = small_case()
    state = native_abi.State(best_epoch=-1, mu_product=1.0)
    handle = ctypes.c_void_p()
    arguments = {
        "config": ctypes.byref(own), "rows": ctypes.byref(own_rows), "validation": None,
        "state": ctypes.byref(state), "parameters": case.start.ctypes.data, "slot_1": None,
        "slot_2": None, "n": case.start.size, "out": ctypes.byref(handle), **changed,
    }  # fmt: skip
    code: int = load_library().mlp_create(*arguments.values())
    if handle:
        load_library().mlp_destroy(handle)
    return code


def _good() -> tuple[NativePlan, Any, Any]:
    case = small_case()
    plan = NativePlan.for_training(
        case.plan, case.data, 1, manual_close=False, objective_only=False
    )
    rows, kept = rows_view(case.data.x, np.dtype("float64"), case.data.target)
    return plan, rows, kept


BAD_CONFIGS = [
    ("size", 8), ("dtype", 2), ("dtype", -1), ("n_ops", 0), ("n_ops", -1), ("n_ops", 1 << 30),
    ("ops", None), ("loss", 99), ("loss", -1), ("n_groups", 0), ("n_groups", -5),
    ("groups", None), ("optimiser", 99), ("optimiser", -1), ("monitor", 7), ("monitor", 1),
    ("score", 9), ("batch_size", 0), ("batch_size", -1), ("batch_size", 1 << 62),
    ("n_threads", 0), ("n_threads", 1 << 20), ("isa", 99), ("isa", -1), ("clip_norm", math.nan),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_CONFIGS)
def test_bad_plans_are_refused(field: str, value: Any) -> None:
    """With a code below zero; nothing runs."""
    plan, rows, _ = _good()
    assert _create(plan.config, rows) == 0
    setattr(plan.config, field, value)
    assert _create(plan.config, rows) < 0


BAD_ROWS = [
    ("size", 0), ("n_rows", 0), ("n_rows", -1), ("n_rows", 1 << 62), ("n_columns", 4),
    ("n_columns", 0), ("n_columns", -3), ("n_stored", 0), ("n_stored", 19), ("n_stored", -1),
    ("n_stored", 1 << 62), ("x", None), ("target", None),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_ROWS)
def test_bad_rows_are_refused(field: str, value: Any) -> None:
    """With a code below zero; nothing runs."""
    plan, rows, _ = _good()
    setattr(rows, field, value)
    assert _create(plan.config, rows) < 0


@pytest.mark.parametrize(
    "change", [{"n": 0}, {"n": -1}, {"n": 1000}, {"parameters": None}, {"config": None},
               {"rows": None}, {"state": None}, {"out": None}],
)  # fmt: skip
def test_bad_arguments_are_refused(change: dict[str, Any]) -> None:
    """Missing pointers and wrong lengths."""
    plan, rows, _ = _good()
    assert _create(plan.config, rows, **change) < 0


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [("indices", 0, 3), ("indices", -1, -1), ("indptr", 0, 1), ("indptr", 5, 10**9),
     ("indptr", 5, -1), ("indptr", -1, 1 << 50)],
)  # fmt: skip
def test_bad_sparse_rows_are_refused(name: str, place: int, value: int) -> None:
    """Places outside of the matrix, and row ends that go back."""
    import scipy.sparse as sp

    case = small_case()
    x = sp.csr_matrix(case.data.x)
    plan, _, _ = _good()
    arrays = {"indices": x.indices.astype(np.int64), "indptr": x.indptr.astype(np.int64)}
    rows, kept = rows_view(x, np.dtype("float64"), case.data.target)
    arrays[name][place] = value
    setattr(rows, name, arrays[name].ctypes.data)
    assert _create(plan.config, rows) < 0
    assert kept


def test_a_crew_refuses_what_it_cannot_do() -> None:
    """Sizes below one, tasks that are not there, and one network in two tasks."""
    library, crew, n_over = load_library(), ctypes.c_void_p(), ctypes.c_int64()
    over = (ctypes.c_void_p * 4)()
    for n_threads, seconds in ((0, 1.0), (-1, 1.0), (1 << 20, 1.0), (1, 0.0), (1, math.nan)):
        assert library.mlp_crew_create(n_threads, seconds, ctypes.byref(crew)) < 0
    assert library.mlp_crew_create(2, 1.0, ctypes.byref(crew)) == 0
    assert library.mlp_crew_add(crew, None, -1) < 0
    assert library.mlp_crew_add(crew, None, 1) < 0
    assert library.mlp_crew_add(crew, (ctypes.c_void_p * 1)(), 1) < 0
    assert library.mlp_crew_wait(crew, math.nan, over, 4, ctypes.byref(n_over)) < 0
    assert library.mlp_crew_wait(crew, 0.0, over, 0, ctypes.byref(n_over)) < 0
    with Training(library, small_case().job(), 1) as training:
        tasks = [training.task(), training.task()]
        both = (ctypes.c_void_p * 2)(*map(ctypes.addressof, tasks))
        assert library.mlp_crew_add(crew, both, 2) < 0
        # Nothing of what was refused is under way.
        assert library.mlp_crew_wait(crew, 9.0, over, 4, ctypes.byref(n_over)) == 0
        assert n_over.value == 0
        assert library.mlp_crew_add(crew, both, 1) == 0
        assert library.mlp_crew_wait(crew, 9.0, over, 4, ctypes.byref(n_over)) == 0
        assert (n_over.value, over[0], tasks[0].code) == (1, both[0], 0)
        library.mlp_crew_destroy(crew)


def test_calls_without_a_network_are_refused() -> None:
    """A null handle, null tasks, sizes below zero."""
    library = load_library()
    assert library.mlp_run(None, None, None, 0, 1, 1.0, None, None) < 0
    assert library.mlp_export(None, None, None, None, None, None, 1) < 0
    assert library.mlp_objective(None, None, None, None, 1) < 0
    assert library.mlp_predict(None, None, 0, None) < 0
    assert library.mlp_crew_create(1, 1.0, None) < 0
    assert library.mlp_crew_add(None, None, 0) < 0
    assert library.mlp_crew_wait(None, 0.0, None, 1, None) < 0
    assert library.mlp_crew_stop(None) < 0
    assert library.mlp_elementary(99, 0, 0, None, None, 0) < 0
    assert library.mlp_elementary(0, 0, 99, None, None, -1) < 0
    assert library.mlp_isa_name(99) is None
    library.mlp_destroy(None)
    library.mlp_crew_destroy(None)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    largest=st.one_of(
        st.integers(1, 2**32), st.integers(2**32 - 2, 2**32 + 2), st.integers(1, 2**64 - 2)
    ),
)
def test_random_numbers_are_those_of_numpy(seed: int, largest: int) -> None:
    """Also beyond 32 bits, where no order of rows fits into memory."""
    rng = np.random.RandomState(seed)
    key, position = np.array(rng.get_state()[1]), ctypes.c_int64(624)
    out = np.empty(700, dtype=np.uint64)
    code = load_library().mlp_random_numbers(
        key.ctypes.data, 624, ctypes.byref(position), largest, out.ctypes.data, out.size
    )
    assert code == 0
    expected = rng.randint(0, largest + 1, size=out.size, dtype=np.uint64)
    np.testing.assert_array_equal(out, expected)


WILD_COUNT = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 1, -1, 623, 624, 625, 2**40, 2**62])
)


@settings(max_examples=500, deadline=None)
@given(
    words=WILD_COUNT, position=WILD_COUNT, n_rows=WILD_COUNT, n_epochs=WILD_COUNT, key=st.binary(
        min_size=8, max_size=8
    ),
)  # fmt: skip
def test_wild_orders_never_run_wild(
    words: int, position: int, n_rows: int, n_epochs: int, key: bytes
) -> None:
    """Any counts and any key: orders that fit are drawn, all else is refused."""
    rows, epochs = min(n_rows, 5), min(n_epochs, 3)
    block = np.frombuffer(key * 312, dtype=np.uint32).copy()
    stands = ctypes.c_int64(position)
    before, orders = np.arange(5), np.full((3, 5), -1)
    code = load_library().mlp_row_orders(
        block.ctypes.data, words, ctypes.byref(stands), before.ctypes.data, rows, epochs,
        orders.ctypes.data,
    )  # fmt: skip
    fits = words == 624 and 0 <= position <= 624 and rows >= 1 and epochs >= 0
    assert (code == 0) == fits
    if fits:
        drawn = orders.ravel()[: rows * epochs].reshape(epochs, rows)
        assert (np.sort(drawn, axis=1) == np.arange(rows)).all()
    else:
        assert (orders == -1).all()
        assert stands.value == position


def test_orders_without_memory_are_refused() -> None:
    """Missing pointers, and more rows times epochs than there can be."""
    library, key, position = load_library(), np.zeros(624, np.uint32), ctypes.c_int64(0)
    rows = np.arange(5)
    place, where, data = key.ctypes.data, ctypes.byref(position), rows.ctypes.data
    assert library.mlp_row_orders(None, 624, where, data, 5, 1, data) < 0
    assert library.mlp_row_orders(place, 624, None, data, 5, 1, data) < 0
    assert library.mlp_row_orders(place, 624, where, None, 5, 1, data) < 0
    assert library.mlp_row_orders(place, 624, where, None, 2**39, 2**39, None) < 0
    assert library.mlp_row_orders(place, 624, where, None, 5, 1, None) == 0
    assert library.mlp_random_numbers(place, 624, where, 0, data, 5) < 0
    assert library.mlp_random_numbers(place, 624, where, 9, None, 5) < 0
    assert library.mlp_random_numbers(place, 624, where, 9, data, -1) < 0


def test_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, and the way out."""
    monkeypatch.setattr(native_abi, "library_path", lambda: None)
    with pytest.raises(EngineError, match=r"not built.*C\+\+ compiler.*engine='reference'"):
        load_library.__wrapped__()


# Numbers that a size, a kind or a count may never be, and some that it may.
WILD = st.one_of(
    st.integers(-(2**31), 2**31 - 1), st.sampled_from([0, 1, -1, 2, 3, 2**31 - 1, -(2**31)])
)
SIZES = ["dtype", "n_ops", "loss", "n_groups", "optimiser", "monitor", "score", "n_threads", "isa"]


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(SIZES), WILD, min_size=1, max_size=4))
def test_wild_plans_never_run_wild(changes: dict[str, int]) -> None:
    """Any kinds and counts: a network is made or refused, and the process lives."""
    plan, rows, _ = _good()
    # Fewer than there are would be read from our memory; more would be read from beyond it.
    bounded = {"n_ops": len(small_case().plan.network.layers), "n_groups": 1, "n_threads": 4}
    for field, value in changes.items():
        setattr(plan.config, field, min(value, bounded.get(field, value)))
    assert _create(plan.config, rows) <= 0


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(data=st.binary(min_size=ctypes.sizeof(native_abi.Op), max_size=3 * 48))
def test_wild_layers_never_run_wild(data: bytes) -> None:
    """Any bytes in place of the layers are refused."""
    plan, rows, _ = _good()
    n = len(data) // ctypes.sizeof(native_abi.Op)
    ops = (native_abi.Op * n).from_buffer_copy(data[: n * ctypes.sizeof(native_abi.Op)])
    plan.config.ops, plan.config.n_ops = ctypes.addressof(ops), n
    assert _create(plan.config, rows) < 0
