"""Comparisons, variants and figures of a study, small."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mlplab import workflows
from mlplab.errors import DataError, ParameterError
from mlplab.results import Comparison, Peer
from mlplab.workflows.pictures import PICTURES
from mlplab.workflows.study import FigureName
from mlplab.workflows.study_file import parse_study

SMALL = """
name = "small"
notes = '''First <b>paragraph</b>.

Second, with `a < b`.'''
[data]
source = "moons"
split = { validation = 0, test = 0.25 }
[model]
hidden_layer_sizes = [3]
solver = "sgd"
max_iter = 4
"""


def _run(more: str, text: str = SMALL, out: Path | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN202
    return workflows.run(parse_study(text + more), out=out)


@pytest.mark.parametrize(
    "model",
    [
        'activation = "tanh"\nmomentum = 0.5\nalpha = 0.1',
        'activation = "logistic"\nnesterovs_momentum = false\nlearning_rate_init = 0.1',
        "momentum = 0.0\nhidden_layer_sizes = [4, 3]\nbatch_size = 300",
        'dtype = "float64"\nshuffle = false',
    ],
)
def test_all_programs_make_the_same_network(model: str) -> None:
    """Our engines, scikit-learn and PyTorch end with weights that differ by rounding only."""
    pytest.importorskip("torch")
    text = SMALL.replace("hidden_layer_sizes = [3]\n", "") if "hidden" in model else SMALL
    result = _run(f'{model}\n[compare]\nwith = ["sklearn", "torch"]\nepochs = 7', text)
    (comparison,) = result.comparisons
    names = [peer.name.split()[0] for peer in comparison.peers]

    assert names[-2:] == ["scikit-learn", "PyTorch"]
    assert comparison.left_out == ()
    assert comparison.epochs == 7
    assert comparison.difference < 1e-13
    losses = np.array([peer.losses for peer in comparison.peers])
    np.testing.assert_allclose(losses, np.broadcast_to(losses[0], losses.shape), rtol=1e-12)


def test_regression_and_several_classes_are_compared_too() -> None:
    """Squared error and softmax: the plain losses in PyTorch are the same functions."""
    pytest.importorskip("torch")
    for source in ("sine", "iris"):
        result = _run(
            '[compare]\nwith = ["sklearn", "torch"]',
            SMALL.replace('"moons"', f'"{source}"'),
        )
        assert len(result.comparisons[0].peers) >= 3
        assert result.comparisons[0].left_out == ()
        assert result.comparisons[0].difference < 1e-12


@pytest.mark.parametrize(
    ("model", "sklearn", "torch"),
    [
        ("l1 = 0.01", "no l1=0.01", ""),
        ("clip_norm = 0.1", "no clip_norm=0.1", ""),
        ('activation = "mish"', "activation 'mish'", ""),
        ("dropout = 0.2", "no dropout=0.2", "dropout"),
        ('loss = "hinge"', "'binary_hinge'", "the loss 'binary_hinge'"),
        ('learning_rate = "cosine"', "learning_rate='cosine'", "the learning rate 'cosine'"),
    ],
)
def test_who_cannot_take_part_is_left_out_with_the_reason(
    model: str, sklearn: str, torch: str
) -> None:
    """A sentence names what a program lacks; the others are compared all the same."""
    pytest.importorskip("torch")
    result = _run(f'{model}\n[compare]\nwith = ["sklearn", "torch"]')
    (comparison,) = result.comparisons
    told = " ".join(comparison.left_out)

    assert sklearn in told
    assert "scikit-learn is left out" in told
    assert ("PyTorch is left out" in told) == bool(torch)
    assert torch in told
    assert comparison.difference < 1e-10


def test_different_networks_are_called_different() -> None:
    """The sentence says who is off, and by how much."""
    ours = Peer("ours", 1.0, 3, (), 0.5, 0.0, 1.0, 1.0)
    theirs = Peer("theirs", 1.0, 3, (), 0.5, 0.25, 1.0, 1.0)
    comparison = Comparison((ours, theirs), 3, "accuracy", "test")

    assert comparison.sentence.startswith("Not the same network after 3 epochs")
    assert "theirs by up to 0.25" in comparison.sentence


def test_a_variant_is_the_network_that_a_study_of_its_own_gives() -> None:
    """Variants trained together are those of studies that say the same."""
    wide = {"hidden_layer_sizes": "[9]", "momentum": "0.5"}
    rest = ", ".join(f"{name} = {value}" for name, value in wide.items())
    result = _run(f"[variants.networks]\nwide = {{ {rest} }}")
    alone = _run("momentum = 0.5", SMALL.replace("[3]", "[9]"))
    assert result.variants is not None
    (variant,) = result.variants.variants

    assert variant.loss == alone.model.estimator.loss_
    assert variant.score == alone.metrics.test.accuracy


def test_restarts_are_told_with_their_spread_and_successes() -> None:
    """Median, best and worst of the seeds, and how many reached the bar."""
    result = _run(
        "[variants]\nrestarts = 7\nsuccess = 0.0\nnetworks = { same = {} }\n"
        "vary = { momentum = [0.0] }"
    )
    assert result.variants is not None
    for variant in result.variants.variants:
        assert variant.successes == 7
        assert variant.worst_score <= variant.score <= variant.best_score
    assert result.variants.variants[0].worst_score < result.variants.variants[0].best_score
    assert "14 trainings" in result.variants.sentences[0]


def test_a_variant_that_cannot_be_built_is_told_before_training() -> None:
    """Its name stands in the message."""
    with pytest.raises(ParameterError, match=r"`variants`, 'odd': .*activation"):
        _run('[variants.networks]\nodd = { activation = ["relu", "tanh"] }')


def test_report_shows_notes_tables_and_figures(tmp_path: Path) -> None:
    """The page is written from the folder, with everything in it; words are escaped."""
    result = _run(
        '[compare]\nwith = ["sklearn"]\n[variants]\nrestarts = 2\nsuccess = 0.9\n'
        "vary = { momentum = [0.0, 0.9] }\nnetworks = { two = { hidden_layer_sizes = [2] } }\n"
        "[figures]\nepochs = [0, 2]",
        out=tmp_path,
    )
    assert result.folder is not None
    page = (result.folder / "report.html").read_text()

    assert "First &lt;b&gt;paragraph&lt;/b&gt;." in page
    assert "<p>Second, with <code>a &lt; b</code>.</p>" in page
    assert "momentum = 0.9" in page
    assert "scikit-learn" in page
    drawn = sorted(path.stem for path in (result.folder / "figures").iterdir())
    assert drawn == sorted(result.pictures)
    assert len(re.findall(r'<img src="data:image/svg\+xml;base64,', page)) == len(drawn)
    (result.folder / "report.html").unlink()
    assert workflows.report(result.folder).read_text() == page


def test_study_of_a_run_gives_the_same_run(tmp_path: Path) -> None:
    """What a run writes says everything, notes, comparison and variants included."""
    first = _run(
        '[compare]\nwith = ["sklearn"]\n[variants.networks]\na = { alpha = 1.0 }', out=tmp_path
    )
    assert first.folder is not None
    again = workflows.run(first.folder / "study.toml", out=None)

    assert again.notes == first.notes
    assert again.variants is not None
    assert first.variants is not None
    assert again.variants.variants[0].loss == first.variants.variants[0].loss
    assert [p.losses for p in again.comparisons[0].peers] == [
        p.losses for p in first.comparisons[0].peers
    ]


@pytest.mark.parametrize(
    ("source", "figure", "need"),
    [
        ("iris", "decision_boundary", "two prepared features"),
        ("sine", "scatter", "one class a row"),
        ("moons", "boundary_epochs", "`figures.epochs`"),
        ("moons", "disagreement", "`variants.networks`"),
        ("moons", "compare_losses", "a table [compare]"),
        ("moons", "function_estimate", "numbers to predict"),
        ("moons", "samples", "square pictures as rows"),
    ],
)
def test_figure_that_cannot_be_drawn_says_what_it_needs(
    source: str, figure: str, need: str
) -> None:
    """Before any training, in a sentence."""
    with pytest.raises(ParameterError, match=re.escape(f"'{figure}' needs {need}")):
        _run(f'[figures]\nshow = ["{figure}"]', SMALL.replace('"moons"', f'"{source}"'))


def test_many_variants_stand_in_panels_and_are_judged_on_all_rows() -> None:
    """A panel for each activation, because one could not show twelve curves by name."""
    names = {
        f"{activation} {n}": f'{{ activation = "{activation}", hidden_layer_sizes = [{n}] }}'
        for activation in ("relu", "tanh")
        for n in range(1, 7)
    }
    networks = "\n".join(f'"{name}" = {value}' for name, value in names.items())
    text = SMALL.replace("validation = 0", "validation = 0.25")
    result = _run(f"[variants.networks]\n{networks}", text)
    assert result.variants is not None
    grid = result.pictures["variant_losses"]

    assert grid.titles == ("activation = relu", "activation = tanh")
    assert [list(panel.curves) for panel in grid.displays] == [list(names)[:6], list(names)[6:]]
    headers = result.variants.section().headers
    assert headers[3:6] == ("accuracy, training", "accuracy, validation", "accuracy, test")
    validation = [one.validation_score for one in result.variants.variants]
    assert all(0 <= score <= 1 for score in validation)
    assert len(result.variants.section().rows[0]) == len(headers)


def test_every_figure_has_a_name_in_studies() -> None:
    """The table of drawings and the names that a study accepts are the same."""
    older = {"label_histogram", "loss_curves", "confusion", "prediction_error"}

    assert set(FigureName.__args__) == set(PICTURES) | older  # type: ignore[attr-defined]


def test_every_figure_can_be_drawn() -> None:
    """Each name draws something on rows that fit."""
    everything = (
        '[compare]\nwith = ["sklearn"]\n[variants]\nrestarts = 2\nvary = { alpha = [0.0, 1.0] }\n'
        "networks = { two = { hidden_layer_sizes = [2] } }\n[figures]\nepochs = [0, 2]\nshow = "
    )
    curves = {"function_estimate", "residuals", "variant_estimates"}
    images = {"samples", "reconstructions"}
    plane = str(sorted(set(PICTURES) - curves - images)).replace("'", '"')
    drawn = set(_run(everything + plane).pictures)
    text = SMALL.replace('"moons"', '"sine"')
    drawn |= set(_run(everything + str(sorted(curves)).replace("'", '"'), text).pictures)
    for task, figure in (("classification", "samples"), ("autoencoder", "reconstructions")):
        text = SMALL.replace('"moons"', f'"digits"\ntask = "{task}"')
        text += f'[preparation]\nscaling = "pixels"\n[figures]\nshow = ["{figure}"]'
        drawn |= set(_run("", text).pictures)

    assert drawn == set(PICTURES)


def test_test_rows_of_another_file_must_have_the_columns(tmp_path: Path) -> None:
    """`test_source` names what is missing; in a right file its rows are the test rows."""
    (tmp_path / "train.csv").write_text("a,b,c\n" + "1,2,x\n2,1,y\n" * 20)
    (tmp_path / "test.csv").write_text("a,c\n1,x\n")
    study = tmp_path / "s.toml"
    study.write_text(
        '[data]\nsource = "train.csv"\ntest_source = "test.csv"\ntarget = "c"\n'
        "[model]\nmax_iter = 2"
    )
    with pytest.raises(DataError, match="lacks 'b'"):
        workflows.run(study, out=None)
    (tmp_path / "test.csv").write_text("b,a,c\n2,1,x\n1,2,y\n2,2,y\n")
    assert workflows.run(study, out=None).split.test == 3
