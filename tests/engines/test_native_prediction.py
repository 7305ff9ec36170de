"""Native predictions: the same bits however many rows, links to rounding, nothing read amiss."""

from __future__ import annotations

import ctypes
import math
import threading
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.shapes import unchecked_shapes
from tests.strategies import ACTIVATION_NAMES

from mlplab import nn
from mlplab.engines.native_abi import instruction_sets, library_path, load_library
from mlplab.engines.native_plan import rows_view

if library_path() is None:
    pytest.skip("the native engine was not built", allow_module_level=True)

from mlplab.engines.native import NativeEngine
from mlplab.engines.native_prediction import NativePredictor

EXAMPLES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Few rows, rows that fill no register, block or thread evenly, and many.
COUNTS = [1, 2, 4, 5, 17, 127, 128, 129, 300, 1000]


@pytest.fixture(params=instruction_sets())
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Force one instruction set after another."""
    monkeypatch.setenv("MLPLAB_ISA", request.param)
    return str(request.param)


def _predictor(
    network: nn.NetworkSpec, dtype: str, n_threads: int = 1, **fields: Any
) -> tuple[NativePredictor, Any]:
    rng = np.random.default_rng(1)
    start = nn.draw_parameters(network, "glorot_uniform", rng, dtype)
    start += 0.1 * rng.normal(size=start.shape).astype(dtype)
    return NativePredictor(network, network.views(start), n_threads, **fields), start


@EXAMPLES
@given(
    widths=st.lists(st.integers(1, 70), min_size=2, max_size=5),
    dtype=st.sampled_from(["float32", "float64"]),
    activation=st.sampled_from(ACTIVATION_NAMES),
    n_rows=st.sampled_from(COUNTS),
)
def test_rows_agree_with_the_definition(
    isa: str, widths: list[int], dtype: str, activation: str, n_rows: int
) -> None:
    """Any widths, in each set of instructions, to rounding; and each row as if it were alone."""
    assert isa
    network = nn.multilayer(widths[0], widths[1:-1], widths[-1], activation)
    predictor, start = _predictor(network, dtype, n_threads=3)
    x = np.random.default_rng(2).normal(size=(n_rows, widths[0])).astype(dtype)
    found = predictor.predict(x)
    with unchecked_shapes():
        expected = nn.forward_pass(network, start, x)[0]
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(found, expected, rtol=20 * tolerance, atol=tolerance)
    for row in {0, n_rows // 2, n_rows - 1}:
        np.testing.assert_array_equal(predictor.predict(x[row : row + 1])[0], found[row])


@pytest.mark.parametrize("link", ["identity", "logistic", "softmax", "exp"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_of_a_row_depend_on_nothing_else(isa: str, dtype: str, link: str) -> None:
    """Neither on the number of rows nor on that of threads, through the link too."""
    assert isa
    network = nn.multilayer(130, [101, 60], 7, "tanh")
    x = np.random.default_rng(3).normal(size=(1000, 130)).astype(dtype)
    one, _ = _predictor(network, dtype, link=link)
    whole = one.predict(x, through_link=True)
    for n_threads in (2, 7):
        many, _ = _predictor(network, dtype, n_threads, link=link)
        np.testing.assert_array_equal(many.predict(x, through_link=True), whole)
    for n_rows in COUNTS:
        part = one.predict_plain(x[-n_rows:], through_link=True)
        assert part is not None
        np.testing.assert_array_equal(part, whole[-n_rows:])


def _through_link(raw: Any, link: str, groups: tuple[int, ...] = ()) -> Any:
    """Return the native link of raw predictions: a network of one layer hands them on."""
    n = raw.shape[1]
    network = nn.multilayer(n, [], n)
    arrays = [np.eye(n, dtype=raw.dtype), np.zeros(n, dtype=raw.dtype)]
    return NativePredictor(network, arrays, 1, link, groups).predict(raw, through_link=True)


@EXAMPLES
@given(
    link=st.sampled_from(["logistic", "softmax", "exp"]),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    n_rows=st.integers(1, 40),
    scale=st.sampled_from([0.1, 1.0, 10.0, 200.0]),
    seed=st.integers(0, 1000),
)
def test_links_are_those_of_nn(
    isa: str, link: str, sizes: list[int], n_rows: int, scale: float, seed: int
) -> None:
    """To 1e-15 of each probability in float64, far into the tails."""
    assert isa
    raw = scale * np.random.default_rng(seed).normal(size=(n_rows, sum(sizes)))
    groups = tuple(sizes) if link == "softmax" else ()
    with np.errstate(over="ignore"):
        expected = nn.apply_link(link, raw, groups)
    normal = expected > np.finfo(float).tiny
    found = _through_link(raw, link, groups)
    np.testing.assert_allclose(found[normal], expected[normal], rtol=1e-15)
    np.testing.assert_allclose(found[~normal], expected[~normal], atol=2 * 5e-324)
    single = _through_link(raw.astype(np.float32), link, groups)
    with np.errstate(over="ignore"):
        expected = nn.apply_link(link, raw.astype(np.float32), groups)
    np.testing.assert_allclose(single, expected, rtol=1e-6, atol=3e-45)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_links_at_the_edges(isa: str, dtype: str) -> None:
    """Very small probabilities stay above zero, infinities give limits, NaN takes the row."""
    assert isa
    small = -100.0 if dtype == "float32" else -740.0

    def linked(link: str, *raw: float) -> Any:
        network, n = nn.multilayer(1, [], len(raw)), len(raw)
        arrays = [np.zeros((1, n), dtype=dtype), np.array(raw, dtype=dtype)]
        x = np.zeros((1, 1), dtype=dtype)
        return NativePredictor(network, arrays, 1, link).predict(x, through_link=True)[0]

    p = linked("softmax", 0, small)[1]
    assert p == pytest.approx(math.exp(small), rel=0.1)
    assert 0 < p < np.finfo(dtype).tiny
    np.testing.assert_array_equal(linked("softmax", 0, -1e4, -math.inf), [1, 0, 0])
    assert np.isnan(linked("softmax", math.nan, 0)).all()
    assert np.isnan(linked("softmax", 0, math.nan)).all()
    assert np.isnan(linked("softmax", 0, math.inf)).all()
    found = linked("logistic", math.inf, -math.inf, math.nan, 0)
    np.testing.assert_array_equal(found, [1, 0, math.nan, 0.5])
    assert 0 < linked("logistic", small)[0] < np.finfo(dtype).tiny
    found = linked("exp", math.inf, -math.inf, math.nan, 1e4)
    np.testing.assert_array_equal(found, [math.inf, 0, math.nan, math.inf])


def test_layers_in_any_order(isa: str) -> None:
    """Activations and dropout first, two in a row, dense upon dense, an activation at the end."""
    assert isa
    network = nn.NetworkSpec(
        (
            nn.Dropout(0.2), nn.Activation("tanh"), nn.Dense(6, 9), nn.Activation("tanh"),
            nn.Activation("relu"), nn.Dense(9, 5), nn.Dense(5, 7), nn.Dropout(0.5),
            nn.Activation("gelu"), nn.Dense(7, 3), nn.Activation("tanh"),
        )
    )  # fmt: skip
    predictor, start = _predictor(network, "float64")
    x = np.random.default_rng(0).normal(size=(200, 6))
    expected = nn.forward_pass(network, start, x)[0]
    for n_rows in (1, 200):
        found = predictor.predict(x[:n_rows])
        np.testing.assert_allclose(found, expected[:n_rows], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(predictor.predict(sp.csr_matrix(x)), predictor.predict(x))
    np.testing.assert_array_equal(predictor.predict(sp.csr_matrix(x[:1])), predictor.predict(x[:1]))


def test_what_is_written_into_the_arrays_is_seen() -> None:
    """Nothing of them is kept."""
    network = nn.multilayer(3, [4], 2, "tanh")
    predictor, start = _predictor(network, "float64")
    x = np.ones((1, 3))
    before = predictor.predict_plain(x)
    network.views(start)[3][...] += 1
    after = predictor.predict_plain(x)
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(after, before + 1)


@pytest.mark.parametrize("n_rows", [1, 3, 500])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_need_a_closer_look(n_rows: int, bad: float) -> None:
    """Wherever it stands; rows that were checked otherwise go through."""
    predictor, _ = _predictor(nn.multilayer(19, [4], 2, "tanh"), "float32", 2)
    for row, column in ((0, 0), (n_rows - 1, 18), (n_rows // 2, 16)):
        x = np.ones((n_rows, 19), dtype=np.float32)
        x[row, column] = bad
        assert predictor.predict_plain(x) is None
        assert predictor.predict(x).shape == (n_rows, 2)


def test_layouts_of_rows() -> None:
    """Read-only, strided and column by column: the same bits."""
    predictor, _ = _predictor(nn.multilayer(4, [8], 3, "tanh"), "float64")
    x = np.random.default_rng(0).normal(size=(30, 4))
    expected = predictor.predict(x)
    fixed = x.copy()
    fixed.setflags(write=False)
    for rows in (fixed, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x[::-1][::-1]):
        plain = predictor.predict_plain(rows)
        assert plain is not None
        np.testing.assert_array_equal(plain, expected)


@pytest.mark.parametrize(
    "rows",
    [
        np.ones((2, 4)), np.ones((2, 3), np.float32), np.ones(3), np.ones((1, 1, 3)),
        np.ones((0, 3)), [[1.0, 2.0, 3.0]], np.ones((2, 3), ">f8"), np.ones((2, 3), int),
        np.ma.masked_equal(np.ones((2, 3)), 0), sp.csr_matrix(np.ones((2, 3))), None,
    ],
)  # fmt: skip
def test_other_rows_need_a_closer_look(rows: Any) -> None:
    """Another type, dtype, width or number of axes, and no rows."""
    predictor, _ = _predictor(nn.multilayer(3, [8], 3, "tanh"), "float64")
    assert predictor.predict_plain(rows) is None


def test_no_rows_give_no_predictions() -> None:
    """Of the right width."""
    predictor, _ = _predictor(nn.multilayer(3, [8], 5, "tanh"), "float64")
    assert predictor.predict(np.ones((0, 3))).shape == (0, 5)


def test_arrays_that_do_not_fit() -> None:
    """Other shapes, dtypes, layouts, kinds, links and functions of one's own."""
    network = nn.multilayer(3, [4], 2, "tanh")
    arrays = network.views(np.zeros(network.n_parameters))
    assert NativePredictor.fits(network, arrays)
    turned = np.zeros((4, 3)).T
    for place, wrong in (
        (0, np.zeros((4, 3))), (0, turned), (0, np.zeros((3, 4), np.float32)),
        (1, [0.0] * 4), (3, np.zeros((2, 1))),
    ):  # fmt: skip
        changed = [*arrays]
        changed[place] = wrong
        assert not NativePredictor.fits(network, changed)
    assert not NativePredictor.fits(network, arrays[:2])
    assert not NativePredictor.fits(network, [array.astype(np.float16) for array in arrays])
    assert not NativePredictor.fits(network, [array.astype(">f8") for array in arrays])
    assert not NativePredictor.fits(network, arrays, "probit")


def test_one_predictor_in_several_python_threads() -> None:
    """Nothing is shared that could be written."""
    predictor, _ = _predictor(nn.multilayer(30, [40], 3, "tanh"), "float64", 2)
    x = np.random.default_rng(0).normal(size=(600, 30))
    expected = predictor.predict(x)
    wrong: list[Any] = []

    def work(first: int) -> None:
        for row in range(first, 600, 4):
            found = predictor.predict_plain(x[row : row + 1])
            if found is None or (found != expected[row]).any():
                wrong.append(row)

    workers = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_engine_predicts_with_any_vector() -> None:
    """Another dtype than float32 becomes float64; gaps do not matter."""
    network = nn.multilayer(3, [4], 2, "tanh")
    x = np.random.default_rng(0).normal(size=(5, 3))
    start = (np.arange(2 * network.n_parameters) / 100)[::2]
    found = NativeEngine(1).raw_predictions(network, start, x)
    np.testing.assert_allclose(found, nn.forward_pass(network, start, x)[0], rtol=1e-12)
    assert NativeEngine(1).predictor(network, network.views(start), nn.SquaredError()) is None


# The boundary

BAD_PLANS = [
    ("size", 8), ("dtype", 2), ("dtype", -1), ("n_ops", 0), ("n_ops", -1), ("n_ops", 1 << 30),
    ("ops", None), ("arrays", None), ("link", 4), ("link", -1), ("n_groups", 0),
    ("n_groups", -1), ("groups", None), ("n_threads", 0), ("n_threads", 1 << 20), ("isa", 99),
    ("isa", -1),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_PLANS)
def test_bad_plans_are_refused(field: str, value: Any) -> None:
    """With a code below zero; nothing is written."""
    predictor, _ = _predictor(nn.multilayer(3, [4], 2), "float64", link="softmax")
    x, out = np.ones((1, 3)), np.full((1, 2), -1.0)
    call = load_library().mlp_predict_dense
    assert call(predictor._pointer, x.ctypes.data, 1, 3, out.ctypes.data) == 0
    out[...] = -1
    setattr(predictor._plan, field, value)
    assert call(predictor._pointer, x.ctypes.data, 1, 3, out.ctypes.data) < 0
    assert (out == -1).all()


def test_bad_arguments_are_refused() -> None:
    """Missing pointers, numbers of rows that cannot be, bits that mean nothing, a lost array."""
    predictor, _ = _predictor(nn.multilayer(3, [4], 2), "float64")
    library, plan = load_library(), predictor._pointer
    x, out = np.ones((5, 3)), np.full((5, 2), -1.0)
    place, where = x.ctypes.data, out.ctypes.data
    assert library.mlp_predict_dense(None, place, 1, 0, where) < 0
    assert library.mlp_predict_dense(plan, None, 1, 0, where) < 0
    assert library.mlp_predict_dense(plan, place, 1, 0, None) < 0
    for n_rows in (-1, 1 << 40, 1 << 62, -(1 << 62)):
        assert library.mlp_predict_dense(plan, place, n_rows, 0, where) < 0
    for how in (-1, 4, 1 << 30):
        assert library.mlp_predict_dense(plan, place, 1, how, where) < 0
    rows, _kept = rows_view(x, np.dtype("float64"))
    assert library.mlp_predict(plan, None, 0, where) < 0
    for field, value in (
        ("size", 0),
        ("n_columns", 4),
        ("n_columns", 0),
        ("n_rows", -1),
        ("n_rows", 6),
        ("n_stored", 4),
        ("n_stored", -1),
    ):
        wrong, _ = rows_view(x, np.dtype("float64"))
        setattr(wrong, field, value)
        assert library.mlp_predict(plan, ctypes.byref(wrong), 0, where) < 0
    assert (out == -1).all()
    assert library.mlp_predict(plan, ctypes.byref(rows), 0, where) == 0
    predictor._kept[1][2] = None
    assert library.mlp_predict(plan, ctypes.byref(rows), 0, where) < 0


WILD = st.one_of(
    st.integers(-(2**31), 2**31 - 1), st.sampled_from([0, 1, -1, 2, 3, 2**31 - 1, -(2**31)])
)
# Fewer than there are would be read from our memory; more would be read from beyond it.
BOUNDS = {"n_ops": 3, "n_groups": 1, "n_threads": 4, "dtype": 1}


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(
    changes=st.dictionaries(
        st.sampled_from(["dtype", "n_ops", "link", "n_groups", "n_threads", "isa"]),
        WILD,
        min_size=1,
        max_size=4,
    )
)
def test_wild_plans_never_run_wild(changes: dict[str, int]) -> None:
    """Any kinds and counts: something is predicted or refused, and the process lives."""
    predictor, _ = _predictor(nn.multilayer(3, [4], 2), "float64")
    x, out = np.ones((1, 3)), np.zeros((1, 4))
    for field, value in changes.items():
        setattr(predictor._plan, field, min(value, BOUNDS.get(field, value)))
    call = load_library().mlp_predict_dense
    assert call(predictor._pointer, x.ctypes.data, 1, 1, out.ctypes.data) <= 0
