"""Figures of sweeps: their numbers are those of the sweep, and nothing is drawn without any."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

from mlplab.errors import DataError
from mlplab.plots import (
    Display,
    EffectDisplay,
    ImportanceDisplay,
    InteractionDisplay,
    ParallelCoordinatesDisplay,
    SweepCurvesDisplay,
    to_figure,
    to_png,
    to_svg,
)
from mlplab.plots.scales import Scale, parameter_scale, robust_low, score_scale
from mlplab.results import NOT_SET, Cell, CellResult, SweepResult, SweepStop, Trial
from mlplab.sweeps import analyse

EPOCHS = 40


def cell(number: int, configuration: Mapping[str, Any], seed: int, score: float) -> CellResult:
    """Return a training whose accuracy rises to its score."""
    rise = score * (1 - np.exp(-np.arange(1, EPOCHS + 1) / 8))
    return CellResult(
        Cell(f"{number}-{seed}", configuration, seed, 0),
        "done",
        {"accuracy": score},
        EPOCHS,
        seconds=0.1,
        curve={"loss": 1 - rise, "validation_score": rise},
    )


def sweep(configurations: Sequence[Mapping[str, Any]], seeds: int = 3) -> SweepResult:
    """Return a sweep in which width and rate matter, and momentum where it is set."""
    rng = np.random.default_rng(0)
    trials = []
    for number, one in enumerate(configurations):
        width = sum(one.get("hidden_layer_sizes", [4]))
        score = 0.5 + 0.1 * np.log10(width) + 0.1 * one.get("momentum", 0.4)
        score += 2.0 * min(one.get("learning_rate_init", 0.01), 0.05)
        cells = tuple(cell(number, one, s, score + 0.02 * rng.normal()) for s in range(seeds))
        trials.append(Trial(number, one, cells))
    count = len(trials)
    return SweepResult(("accuracy",), tuple(trials), SweepStop.COMPLETE, 1.0, count, count, count)


def grid(**values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return all combinations; momentum belongs to sgd."""
    made = [dict(zip(values, one, strict=True)) for one in itertools.product(*values.values())]
    for one in made:
        if one.get("solver") != "sgd":
            one.pop("momentum", None)
    return list({str(one): one for one in made}.values())


GRID = sweep(
    grid(
        hidden_layer_sizes=[[4], [32, 32], [64, 64, 64]],
        learning_rate_init=[0.003, 0.01],
        solver=["adam", "sgd"],
        momentum=[0.5, 0.9],
    )
)
POINTS = np.random.default_rng(1).random((300, 3))
RANDOM = sweep(
    [
        {
            "hidden_layer_sizes": [int(8 + 200 * u)],
            "learning_rate_init": float(10 ** (-4 + 3 * v)),
            "a_parameter_whose_name_is_very_long": float(w),
            "batch_size": int(16 * 2 ** int(4 * u)),
        }
        for u, v, w in POINTS
    ],
    seeds=1,
)
TWO = sweep(grid(alpha=[0.1, 1.0]), seeds=1)

DISPLAYS: dict[str, Display] = {}
for _name, _result in (("grid", GRID), ("random", RANDOM), ("two", TWO)):
    _analysis = analyse(_result)
    DISPLAYS[f"{_name}_curves"] = SweepCurvesDisplay.from_result(_result, score_name="accuracy")
    DISPLAYS[f"{_name}_parallel"] = ParallelCoordinatesDisplay.from_result(_result)
    DISPLAYS[f"{_name}_importance"] = ImportanceDisplay.from_analysis(_analysis)
    DISPLAYS[f"{_name}_effects"] = EffectDisplay.from_analysis(_analysis)
    if _analysis.interactions:
        DISPLAYS[f"{_name}_interaction"] = InteractionDisplay.from_analysis(_analysis)


@pytest.fixture(autouse=True)
def _close_figures() -> object:
    """Leave no pyplot figure open."""
    yield
    plt.close("all")


@pytest.mark.parametrize("name", DISPLAYS)
def test_every_display_follows_the_protocol(name: str) -> None:
    """`plot` returns the display, in axes of its own or in given ones, labelled and titled."""
    display = DISPLAYS[name]
    assert isinstance(display, Display)
    assert display.plot() is display
    assert display.ax_.figure is display.figure_  # type: ignore[attr-defined]
    assert display.ax_.get_xlabel()  # type: ignore[attr-defined]
    assert display.ax_.get_ylabel()  # type: ignore[attr-defined]
    assert display.ax_.get_title()  # type: ignore[attr-defined]
    figure, ax = plt.subplots()
    assert display.plot(ax=ax).ax_ is ax  # type: ignore[attr-defined]
    assert display.figure_ is figure  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", DISPLAYS)
def test_no_texts_overlap_or_leave_the_picture(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, ticks, titles and numbers do not cover each other and stay inside."""
    figure = to_figure(DISPLAYS[name])
    figure.draw_without_rendering()  # settles the layout
    drawn: dict[int, Text] = {}
    draw = Text.draw
    monkeypatch.setattr(
        Text, "draw", lambda self, *args: [drawn.update({id(self): self}), draw(self, *args)]
    )
    figure.draw_without_rendering()
    boxes = [
        (text.get_text(), Text.get_window_extent(text))  # without the arrow of an annotation
        for text in drawn.values()
        if text.get_text().strip() and text.get_visible()
    ]
    assert len(boxes) > 5
    frame = figure.bbox.padded(1.0)
    for i, (one, box) in enumerate(boxes):
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1, one
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1, one
        for other, second in boxes[i + 1 :]:
            width = min(box.x1, second.x1) - max(box.x0, second.x0)
            height = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert width < 1 or height < 1, (one, other)


@pytest.mark.parametrize("name", DISPLAYS)
def test_the_picture_has_ink_and_paper(name: str) -> None:
    """The PNG is neither empty nor full, and the SVG is one element."""
    picture = plt.imread(io.BytesIO(to_png(DISPLAYS[name], dpi=50)))[..., :3]
    assert 0.001 < (np.ptp(picture, axis=2) > 0.2).mean() < 0.9
    assert (picture > 0.99).all(axis=2).mean() > 0.05
    assert ET.fromstring(to_svg(DISPLAYS[name])).get("role") == "img"  # noqa: S314  # our own text


def test_curves_are_means_of_the_best_the_median_and_the_worst() -> None:
    """With the range over seeds; the last value is the score."""
    display = SweepCurvesDisplay.from_result(GRID, score_name="accuracy")
    ranking = GRID.ranking()
    chosen = [*ranking[:3], ranking[len(ranking) // 2], ranking[-1]]
    assert [curve.trial for curve in display.curves] == [trial.number for trial in chosen]
    assert display.labels[0] == f"best: trial {ranking[0].number}"
    assert display.labels[-1] == f"worst: trial {ranking[-1].number}"
    assert display.name == "validation accuracy"
    for curve, trial in zip(display.curves, chosen, strict=True):
        seen = [(c.curve or {})["validation_score"] for c in trial.cells]
        np.testing.assert_allclose(curve.mean, np.mean(seen, axis=0))
        np.testing.assert_array_equal(curve.low, np.min(seen, axis=0))
    lines = display.plot().ax_.get_lines()
    np.testing.assert_array_equal(lines[0].get_ydata(), display.curves[0].mean)
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 5  # told apart in grey
    some = SweepCurvesDisplay.from_result(GRID, trials=[4, 2], curve="loss")
    assert (some.labels, some.name) == (("trial 4", "trial 2"), "training loss")


def test_a_curve_far_away_leaves_room_for_the_others() -> None:
    """And its name says where it is."""
    one = cell(0, {}, 0, 0.8)
    wild = CellResult(one.cell, "done", {"accuracy": -1e200}, EPOCHS, 0.1,
                      curve={"validation_score": np.full(EPOCHS, -1e200)})  # fmt: skip
    trials = [Trial(k, {"x": k}, (cell(k, {"x": k}, 0, 0.7 + 0.01 * k),)) for k in range(20)]
    trials.append(Trial(20, {"x": 20}, (wild,)))
    result = SweepResult(("accuracy",), tuple(trials), SweepStop.COMPLETE, 1.0, 21, 21, 21)
    display = SweepCurvesDisplay.from_result(result)
    assert display.limits[0] > -1.5
    told = [text.get_text() for text in display.plot().ax_.get_legend().get_texts()]
    assert told[-1] == "worst: trial 20 (too far away)"
    assert all("away" not in words for words in told[:-1])
    scale = ParallelCoordinatesDisplay.from_result(result).score
    assert scale.ticks[0][1].startswith("≤ ")
    assert scale.places[-1] == 0
    analysis = analyse(result)
    assert analysis.floor is not None
    assert analysis.floor > -3
    assert all(one.mean > -3 for one in analysis.effects["x"].by_value)
    assert np.isfinite([one.share for one in analysis.importances]).all()


def test_lines_cross_the_axes_at_their_values() -> None:
    """Values of grids at even distances, logarithms where numbers crowd, what is not set below."""
    display = ParallelCoordinatesDisplay.from_result(GRID)
    by_name = {scale.name: scale for scale in display.scales}
    order = {number: k for k, number in enumerate(display.trials)}
    assert list(order) == [trial.number for trial in GRID.ranking()]
    places = {words: place for place, words in by_name["momentum"].ticks}
    assert places == {NOT_SET: 0.0, "0.5": 0.5, "0.9": 1.0}
    for trial in GRID.trials:
        words = str(trial.configuration.get("momentum", NOT_SET))
        assert by_name["momentum"].places[order[trial.number]] == places[words]
    scores = [trial.mean("accuracy") or 0.0 for trial in GRID.ranking()]
    low, high = min(scores), max(scores)
    np.testing.assert_allclose(display.score.places, (np.array(scores) - low) / (high - low))
    rates = ParallelCoordinatesDisplay.from_result(RANDOM, parameters=["learning_rate_init"])
    given = [t.configuration["learning_rate_init"] for t in RANDOM.ranking()]
    logs = np.log(given)
    expected = (logs - logs.min()) / np.ptp(logs)
    np.testing.assert_allclose(rates.scales[0].places, expected, atol=1e-12)
    lines = rates.plot().ax_.collections[0].get_segments()
    assert len(lines) == len(RANDOM.trials)
    np.testing.assert_allclose(lines[-1][:, 1], [expected[0], 1.0])


def test_what_does_not_vary_has_no_axis() -> None:
    """And twelve parameters are enough for a picture."""
    fixed = sweep([{"a": 1, "b": k} for k in range(3)])
    assert [s.name for s in ParallelCoordinatesDisplay.from_result(fixed).scales] == ["b"]
    many = sweep([{f"p{j}": k for j in range(20)} for k in range(3)])
    assert len(ParallelCoordinatesDisplay.from_result(many).scales) == 12


def test_scales_place_any_value() -> None:
    """Lists, texts, truth values, numbers among texts, one value alone."""
    mixed = parameter_scale("p", [[1, 2], "auto", True, 0.5, NOT_SET])
    assert [words for _, words in mixed.ticks] == [NOT_SET, "[1, 2]", "auto", "true", "0.5"]
    assert mixed.places.tolist() == [0.25, 0.5, 0.75, 1.0, 0.0]
    assert parameter_scale("p", ["x", "x"]).places.tolist() == [0.5, 0.5]
    wide = parameter_scale("p", [*np.linspace(0, 1, 40).tolist(), NOT_SET])
    assert (wide.places[-1], wide.places[0] > 0.1, wide.places[39]) == (0.0, True, 1.0)
    assert len(parameter_scale("p", [f"v{k}" for k in range(100)]).ticks) == 12
    flat = score_scale("s", np.array([0.3, 0.3]))
    assert (flat.places.tolist(), flat.ticks) == ([0.5, 0.5], ((0.5, "0.3"),))
    assert robust_low(np.array([np.nan, -1e300, 0.5, 0.6, 0.7])) == pytest.approx(-0.35)


def test_bars_points_and_cells_are_those_of_the_analysis() -> None:
    """Shares in per cent, means with spreads, means of pairs."""
    analysis = analyse(GRID)
    bars = ImportanceDisplay.from_analysis(analysis).plot().ax_.patches
    widths = [bar.get_width() for bar in bars]
    np.testing.assert_allclose(widths, [100 * one.share for one in analysis.importances])
    assert widths == sorted(widths, reverse=True)
    effects = EffectDisplay.from_analysis(analysis, ["solver"])
    assert effects.rows == [
        ("solver", None),
        *((str(one.value), one.mean) for one in analysis.effects["solver"].by_value),
    ]
    drawn = effects.plot().ax_.lines
    means = {one.mean for one in analysis.effects["solver"].by_value}
    assert means <= {float(x) for line in drawn for x in np.ravel(line.get_xdata())}
    pair = InteractionDisplay.from_analysis(analysis, ("solver", "momentum"))
    assert pair.interaction.parameters == ("solver", "momentum")
    rows, columns = pair.interaction.rows, pair.interaction.columns
    chosen = [
        trial.mean("accuracy") or 0.0
        for trial in GRID.trials
        if trial.configuration["solver"] == "sgd" and trial.configuration["momentum"] == 0.9
    ]
    place = rows.index("sgd"), columns.index(0.9)
    assert pair.means[place] == pytest.approx(np.mean(chosen))
    assert np.isnan(pair.means[rows.index("adam"), columns.index(0.9)])
    assert pair.texts[rows.index("adam")][columns.index(0.9)] == "–"
    turned = InteractionDisplay.from_analysis(analysis, ("momentum", "solver"))
    np.testing.assert_array_equal(turned.means, pair.means.T)


def test_a_value_that_never_won_is_hollow() -> None:
    """So that it is seen without colour."""
    analysis = analyse(sweep(grid(hidden_layer_sizes=[[4], [640]], seed=[1, 2, 3])))
    display = EffectDisplay.from_analysis(analysis, ["hidden_layer_sizes"]).plot()
    faces = {line.get_markerfacecolor() for line in display.ax_.lines if line.get_marker() == "o"}
    assert len(faces) == 2
    told = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert "never won" in told


NOTHING = SweepResult(("accuracy",), (), SweepStop.COMPLETE, 0.0, 0, 0, 0)
ONE = sweep([{"alpha": 0.1}])


def without_curves(result: SweepResult) -> SweepResult:
    """Return a sweep whose curves were left in its folder."""
    trials = [
        Trial(
            t.number,
            t.configuration,
            tuple(CellResult(c.cell, c.status, c.scores, c.n_epochs, 0.1) for c in t.cells),
        )
        for t in result.trials
    ]
    return SweepResult(("accuracy",), tuple(trials), SweepStop.COMPLETE, 0.0, 1, 1, 1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SweepCurvesDisplay.from_result(NOTHING), "none among 0"),
        (lambda: SweepCurvesDisplay.from_result(without_curves(GRID)), "read_result"),
        (lambda: SweepCurvesDisplay.from_result(GRID, trials=[99]), "got 99"),
        (lambda: SweepCurvesDisplay.from_result(GRID, curve="los"), "curve 'los'"),
        (lambda: SweepCurvesDisplay([], [], name="x"), "at least one curve"),
        (lambda: ParallelCoordinatesDisplay.from_result(NOTHING), "none of 0 trials"),
        (lambda: ParallelCoordinatesDisplay.from_result(GRID, score="f1"), "'f1'"),
        (lambda: ParallelCoordinatesDisplay([], [], Scale("s", np.empty(0), ())), "one trial"),
        (lambda: ImportanceDisplay.from_analysis(analyse(ONE)), "at least one parameter"),
        (lambda: EffectDisplay.from_analysis(analyse(ONE)), "at least one value"),
        (lambda: EffectDisplay.from_analysis(analyse(GRID), ["solvr"]), "Did you mean 'solver'"),
        (lambda: InteractionDisplay.from_analysis(analyse(TWO)), "These have varied: alpha"),
        (lambda: InteractionDisplay.from_analysis(analyse(GRID), ("x", "y")), r"\('x', 'y'\)"),
    ],
)
def test_figures_without_data_are_refused_in_a_sentence(make: Any, words: str) -> None:
    """A sweep of nothing, of one trial, of one parameter, without scores or curves."""
    with pytest.raises(DataError, match=words):
        make()


def test_one_trial_has_curves_and_a_line() -> None:
    """Even where there is nothing to compare."""
    assert SweepCurvesDisplay.from_result(ONE).labels == ("best: trial 0",)
    display = ParallelCoordinatesDisplay.from_result(ONE)
    assert (display.trials, display.scales) == ((0,), ())
    assert to_png(display)


def test_names_from_users_are_no_formulas() -> None:
    """Dollars, which Matplotlib would read as a formula, are drawn as they are."""
    result = sweep([{"$x_$": "$\\frac$", "b": k} for k in range(4)] + [{"$x_$": "$", "b": 9}])
    analysis = analyse(result)
    for display in (
        ParallelCoordinatesDisplay.from_result(result),
        ImportanceDisplay.from_analysis(analysis),
        EffectDisplay.from_analysis(analysis),
        InteractionDisplay.from_analysis(analysis),
    ):
        assert to_png(display, dpi=40)
