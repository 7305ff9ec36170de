"""Study files: what they say is done; mistakes are answered with line, rule and nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplab import workflows
from mlplab.errors import DataError, ParameterError, StudyError
from mlplab.workflows.study_file import line_of, parse_study, read_study
from mlplab.workflows.study_text import study_to_toml, toml_value

STUDIES = Path(__file__).parents[2] / "studies"

MISTAKES = {
    "unknown table": ('[dta]\nsource = "iris"', 1, "Did you mean 'data'"),
    "unknown key": ('[data]\nsource = "iris"\ntaget = "x"', 3, "Did you mean 'target'"),
    "unknown inner key": (
        '[data]\nsource = "iris"\nsplit = { validatn = 0.1 }',
        3,
        "Did you mean 'validation'",
    ),
    "unknown parameter": (
        '[data]\nsource = "iris"\n\n[model]\nactivatn = "relu"',
        5,
        "Did you mean 'activation'",
    ),
    "parameter of another kind of network": (
        '[data]\nsource = "iris"\n[model]\nkind = "regressor"\nclass_weight = "balanced"',
        5,
        "`class_weight` is no parameter of the regressor; it belongs to the classifier",
    ),
    "random state": (
        '[data]\nsource = "iris"\n[model]\nrandom_state = 1',
        4,
        "Use `seed`",
    ),
    "value out of range": (
        '[data]\nsource = "iris"\n[model]\n# a comment\nmomentum = 2.0',
        5,
        "`momentum` must be a number in [0, 1]; got 2.0",
    ),
    "wrong name": (
        '[data]\nsource = "iris"\n[model]\nactivation = "rleu"',
        4,
        "Did you mean 'relu'",
    ),
    "wrong type": ('seed = "0"\n[data]\nsource = "iris"', 1, "`seed` must be"),
    "share above one": (
        '[data]\nsource = "iris"\n\nsplit = { test = 1.5 }',
        4,
        "must be a share from 0 to 1 or a number of rows from 0; got 1.5. Use 0.1, for example",
    ),
    "fraction of a seed": ("seed = 1.5", 1, "`seed` must be a whole number from 0 to 4294967295"),
    "number for a name": ("name = 3", 1, "`name` must be a text; got 3. Put it in quotes."),
    "truth in quotes": (
        '[data]\nsource = "iris"\n[preparation]\nindicator = "no"',
        4,
        "`preparation.indicator` must be true or false or 'auto'; got 'no'.",
    ),
    "list without brackets": (
        '[data]\nsource = "iris"\ndrop = "x"',
        3,
        "`data.drop` must be a list; got 'x'. Put it in square brackets.",
    ),
    "wrong choice": (
        '[preparation]\nscaling = "standarrd"\n[data]\nsource = "iris"',
        2,
        "Did you mean 'standard'",
    ),
    "missing source": ('[data]\ntarget = "x"', 1, "`data.source` must be given"),
    "nothing": ("", 1, "must have a table [data]"),
    "syntax": ('[data]\nsource = iris"', 2, "must be TOML"),
    "compare": (
        '[data]\nsource = "iris"\n[compare]\nwith = ["sklern"]',
        4,
        "`compare.with.0` must be 'sklearn' or 'torch'; got 'sklern'. Did you mean 'sklearn'?",
    ),
    "figure": (
        '[data]\nsource = "iris"\n[figures]\nshow = ["decision_boundry"]',
        4,
        "Did you mean 'decision_boundary'?",
    ),
    "variant": (
        '[data]\nsource = "iris"\n[variants.networks]\nwide = { hiden_layer_sizes = [9] }',
        4,
        "Did you mean 'hidden_layer_sizes'?",
    ),
    "varied": (
        '[data]\nsource = "iris"\n[variants.vary]\nalpha = [0.1, -1.0]',
        4,
        "`alpha`",
    ),
    "variants beside a sweep": (
        '[data]\nsource = "iris"\n[sweep]\nspace = { alpha = [0.1] }\n[variants]\nrestarts = 2',
        5,
        "one of [sweep] and [variants]",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_answered_with_its_line_and_a_way_out(name: str) -> None:
    """The message names file, line, rule, and what would be right."""
    text, line, part = MISTAKES[name]
    with pytest.raises(StudyError) as caught:
        parse_study(text, "wine.toml")
    assert str(caught.value).startswith(f"wine.toml, line {line}: ")
    assert part in str(caught.value)


def test_missing_file_suggests_the_nearest(tmp_path: Path) -> None:
    """A slip in the name of the file is noticed."""
    (tmp_path / "wine.toml").touch()
    with pytest.raises(StudyError, match=r"Did you mean 'wine.toml'"):
        read_study(tmp_path / "wien.toml")


def test_unknown_data_set_suggests_the_nearest(tmp_path: Path) -> None:
    """A slip in the name of the data is noticed when the study is run."""
    study = tmp_path / "study.toml"
    study.write_text('[data]\nsource = "breast_cancr"')
    with pytest.raises(DataError, match=r"study\.toml, line 2: .* Did you mean 'breast_cancer'"):
        workflows.run(study, out=None)


LATE_MISTAKES = {
    "target": ('target = "specis"', "[model]", "line 3: `target` must .* Did you mean 'species'"),
    "drop": ('drop = ["petal"]', "[model]", "line 3: `drop` must name columns"),
    "groups": (
        'split = { groups = "speceis" }',
        "[model]",
        "line 3: `split.groups` must .* Did you mean 'species'",
    ),
    "loss": ("", '[model]\nloss = "huber"', "line 5: `loss` must be one of"),
    "stopping": (
        "",
        '[model]\nstopping = "balanced_acc"',
        "line 5: .* Did you mean 'balanced_accuracy'",
    ),
    "class_weight": (
        "",
        "[model]\nclass_weight = { setsa = 2.0 }",
        "line 5: .* Did you mean 'setosa'",
    ),
    "parts too large": (
        "split = { validation = 0.6, test = 0.6 }",
        "[model]",
        "line 3: `validation` and `test` must leave rows",
    ),
    "groups and classes": (
        'split = { groups = "petal length (cm)", stratify = true }',
        "[model]",
        "line 3: `groups` and `stratify` exclude each other",
    ),
    "groups and time": (
        'split = { groups = "petal length (cm)", time = "petal width (cm)" }',
        "[model]",
        "line 3: `groups` and `time` exclude each other",
    ),
    "regressor of words": (
        "",
        '[model]\nkind = "regressor"',
        "line 5: `kind` is 'regressor', so the target must hold numbers; 'species'",
    ),
    "regression of words": (
        'task = "regression"',
        "[model]",
        "line 3: `task` is 'regression', so the target must hold numbers",
    ),
    "target dropped": ('drop = ["species"]', "[model]", "line 3: `drop` must not name the target"),
    "everything dropped": (
        'drop = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]',
        "[model]",
        "line 3: `drop` must leave a column",
    ),
    "no column left": (
        "",
        "[preparation.kinds]\n"
        + "\n".join(
            f'"{a} {b} (cm)" = "text"' for a in ("sepal", "petal") for b in ("length", "width")
        ),
        "line 2: A table must have at least one column",
    ),
    "figure of another task": (
        "",
        '[figures]\nshow = ["prediction_error"]',
        "line 5: `figures.show` must fit the task; 'prediction_error' is for regression",
    ),
    "parameter of another kind": (
        "",
        "[model]\ncode_layer = 1",
        "line 5: `code_layer` is no parameter of the classifier; it belongs to the autoencoder",
    ),
}


@pytest.mark.parametrize("name", LATE_MISTAKES)
def test_mistake_that_only_the_data_show_names_its_line(name: str, tmp_path: Path) -> None:
    """What does not fit the table is answered with the line that says it; no folder is left."""
    data, model, message = LATE_MISTAKES[name]
    study = tmp_path / "s.toml"
    study.write_text(f'[data]\nsource = "iris"\n{data}\n{model}\n')
    with pytest.raises((DataError, ParameterError, StudyError), match=rf"s\.toml, {message}"):
        workflows.run(study, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_paths_count_from_the_folder_of_the_study(tmp_path: Path) -> None:
    """A study and its table can move together."""
    (tmp_path / "rows.csv").write_text("x,y\n" + "".join(f"{k},{k % 2}\n" for k in range(40)))
    study = tmp_path / "small.toml"
    study.write_text('[data]\nsource = "rows.csv"\n[model]\nmax_iter = 2')
    result = workflows.run(study, out=tmp_path / "runs")
    assert result.name == "small"
    assert result.table.n_rows == 40


def test_figures_of_a_study_are_those_of_the_report(tmp_path: Path) -> None:
    """A report shows the figures that were asked for and no others."""
    study = tmp_path / "few.toml"
    study.write_text(
        '[data]\nsource = "iris"\n[model]\nmax_iter = 2\n[figures]\nshow = ["confusion"]'
    )
    page = (workflows.run(study, out=tmp_path).folder / "report.html").read_text()
    assert "Confusion matrix of the test rows" in page
    assert "Losses over the epochs" not in page
    assert page.count("<svg") == 1


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_studies_are_valid(path: Path) -> None:
    """Every study that ships can be read, and says the same after being written again."""
    study = read_study(path)
    assert parse_study(study_to_toml(study)) == study


def test_wine_study_beats_the_majority_class(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The quick study of wines is honest work: well above the baseline."""
    monkeypatch.setenv("MLPLAB_DATA", str(data_folder))
    metrics = workflows.run(STUDIES / "wine-quality-quick.toml", out=tmp_path).metrics
    assert metrics.test.accuracy > metrics.baseline.accuracy + 0.1


def test_housing_study_explains_most_of_the_spread(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The quick study of houses reaches a test R² of 0.7."""
    monkeypatch.setenv("MLPLAB_DATA", str(data_folder))
    assert workflows.run(STUDIES / "housing-quick.toml", out=tmp_path).metrics.test.r2 > 0.7


def test_line_of_a_key_is_found_past_comments_and_quoted_names() -> None:
    """Lines count as editors count them."""
    text = '# head\n[data]\nsource = "a = b"\n\n[preparation.kinds]\n"my column" = "text"\n'
    assert line_of(text, ("data", "source")) == 3
    assert line_of(text, ("preparation", "kinds", "my column")) == 6
    assert line_of(text, ("data", "missing")) == 2


plain = st.recursive(
    st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab "\n', max_size=4), inner)
    ),
    max_leaves=6,
)


@given(plain)
def test_values_survive_being_written_as_toml(value: object) -> None:
    """What is written is read back equal, with the same type."""
    import tomllib

    again = tomllib.loads(f"v = {toml_value(value)}")["v"]
    assert again == value
    assert type(again) is type(value)
