"""The header of C compiles without a warning and gives what the model gives."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.export.portable_models import ESTIMATORS, PIPELINES, Case, trained

from mlplab import MLPClassifier, MLPRegressor, export
from mlplab.errors import ExportError, ParameterError

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(not shutil.which("gcc"), reason="there is no GCC"),
]
NAMES = [
    *(f"estimator: {name}" for name in ESTIMATORS),
    *(f"pipeline: {name}" for name in PIPELINES if "mixed" not in name),
    "table: iris",
    "table: wine by pixels",
]
GCC = shutil.which("gcc") or ""
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wdouble-promotion", "-O2"]

# Reads rows of numbers, writes predictions and what they decide.
DRIVER = """
#include <stdio.h>
#include "{header}"
int main(void)
{{
    {real} x[{upper}_N_IN], out[{upper}_N_OUT];
    while (fread(x, sizeof x[0], {upper}_N_IN, stdin) == {upper}_N_IN) {{
        {name}_predict(x, out);
        fwrite(out, sizeof out[0], {upper}_N_OUT, stdout);
        {more}
    }}
    return 0;
}}
"""
DECIDE = """int chosen[{upper}_N_CHOSEN];
        {name}_decide(out, chosen);
        for (int i = 0; i < {upper}_N_CHOSEN; i++) {{
            {real} place = ({real})chosen[i];
            fwrite(&place, sizeof place, 1, stdout);
        }}"""
ENCODE = """{real} code[{n_code}];
        {real} features[{upper}_N_FEATURES];
        {prepare}
        {name}_encode(features, code);
        fwrite(code, sizeof code[0], {n_code}, stdout);"""


def run(header: Path, rows: Any, name: str = "mlp", more: str = "", compiler: str = "gcc") -> Any:
    """Compile a driver around a header, and return what it writes for rows."""
    folder = header.parent
    real = "double" if rows.dtype == np.float64 else "float"
    words = {"header": header.name, "real": real, "name": name, "upper": name.upper()}
    suffix = ".c" if compiler == "gcc" else ".cpp"
    source = folder / f"driver{suffix}"
    source.write_text(DRIVER.format(**words, more=more.format(**words)))
    flags = FLAGS if compiler == "gcc" else ["-Wall", "-Wextra", "-Werror", "-O2"]
    program = folder / "driver"
    subprocess.run([compiler, *flags, source, "-o", program, "-lm"], check=True)
    done = subprocess.run([program], input=rows.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, rows.dtype).reshape(len(rows), -1)


def close(found: Any, expected: Any, limit: float) -> None:
    """Compare to a share of the largest value."""
    expected = np.asarray(expected, dtype=np.float64).reshape(len(found), -1)
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=limit, atol=limit * scale)


def expected_of(case: Case) -> tuple[Any, Any]:
    """Return what is to be written: predictions, and places of classes (or None)."""
    model, rows, estimator = case.model, case.rows, case.estimator
    if not hasattr(estimator, "predict"):
        prepared = model.features(rows) if hasattr(model, "features") else rows
        prepared = model[:-1].transform(rows) if hasattr(model, "steps") else prepared
        return estimator.reconstruct(prepared), None
    predicted = model.predict(rows)
    if not hasattr(estimator, "classes_"):
        return predicted, None
    shares = getattr(model, "predict_proba", None) or model.decision_function
    shares = shares(rows)
    if isinstance(shares, list):
        pairs = zip(estimator.classes_, predicted.T, strict=True)
        places = np.stack([np.searchsorted(values, column) for values, column in pairs], axis=1)
        return np.concatenate(shares, axis=1), places
    if predicted.ndim == 2:
        return shares, predicted
    return shares, np.searchsorted(estimator.classes_, predicted)


def numbers_of(case: Case) -> Any:
    """Return rows as an array of the columns that the model uses."""
    if hasattr(case.model, "to_portable"):
        names = [c.name for c in case.model.to_portable().preparation.columns]
        return np.asarray(case.rows[names] if hasattr(case.rows, "columns") else case.rows)
    if hasattr(case.rows, "columns"):
        kept = case.model[:-1].get_feature_names_out()
        return case.rows[[name for name in case.rows.columns if name in kept]].to_numpy()
    return case.rows


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_the_header_answers_as_the_model(name: str, dtype: str, tmp_path: Path) -> None:
    """Without any warning of the compiler, in both precisions."""
    case = trained(name)
    header = export.to_c(case.model, tmp_path / "model.h", dtype=dtype)
    shares, places = expected_of(case)
    found = run(header, numbers_of(case).astype(dtype), more="" if places is None else DECIDE)
    n_out = np.reshape(shares, (len(found), -1)).shape[1]
    exact = dtype == "float64" and case.estimator.coefs_[0].dtype == np.float64
    close(found[:, :n_out], shares, 1e-12 if exact else 2e-5)
    if places is not None:
        assert found[:, n_out:].astype(int).tolist() == places.reshape(len(found), -1).tolist()


def test_codes_of_an_autoencoder(tmp_path: Path) -> None:
    """The header of an autoencoder encodes too."""
    case = trained("pipeline: autoencoder")
    header = export.to_c(case.model, tmp_path / "coder.h", name="coder", dtype="float64")
    more = ENCODE.replace("{n_code}", "2").replace("{prepare}", "coder_prepare(x, features);")
    found = run(header, case.rows, "coder", more)
    close(found[:, -2:], case.model.transform(case.rows), 1e-12)


def test_gaps_of_a_table_are_filled(tmp_path: Path) -> None:
    """A missing number is NaN."""
    case = trained("pipeline: gaps")
    assert np.isnan(case.rows).any()
    header = export.to_c(case.model, tmp_path / "m.h", dtype="float64")
    close(run(header, case.rows), case.model.predict_proba(case.rows), 1e-12)


def test_two_headers_in_one_program_and_in_cpp(tmp_path: Path) -> None:
    """Names begin as one likes, and C++ takes the header too."""
    case = trained("estimator: two classes")
    other = export.to_c(trained("estimator: labels").model, tmp_path / "b.h", name="second_one")
    header = export.to_c(case.model, tmp_path / "a.h")
    header.write_text(header.read_text() + f'#include "{other.name}"\n')
    rows = case.rows.astype(np.float32)
    if shutil.which("g++"):
        close(run(header, rows, compiler="g++"), case.model.predict_proba(case.rows), 2e-5)
    close(run(header, rows), case.model.predict_proba(case.rows), 2e-5)


def test_names_of_classes_are_strings_of_c(tmp_path: Path) -> None:
    """Quotes, ends of comments and letters beyond ASCII come through as they are."""
    export.to_c(trained("estimator: two classes").model, tmp_path / "m.h")
    source = tmp_path / "names.c"
    source.write_text(
        '#include <stdio.h>\n#include "m.h"\nint main(void) { puts(mlp_class_names[0]);'
        " puts(mlp_class_names[1]); return 0; }\n"
    )
    subprocess.run([GCC, *FLAGS, source, "-o", tmp_path / "names", "-lm"], check=True)
    done = subprocess.run([tmp_path / "names"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ['no "*/"', "über"]


def test_names_of_columns_cannot_end_a_comment(tmp_path: Path) -> None:
    """What comes from the data stays in its comment."""
    import pandas as pd

    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["*/ x", "\n#\\"])
    model = make_pipeline(StandardScaler(), MLPRegressor(max_iter=2)).fit(frame, frame["*/ x"])
    header = export.to_c(model, tmp_path / "m.h")
    comment = re.match(r"/\*(.*?)\*/", header.read_text(), re.DOTALL)
    assert comment is not None
    assert "Outputs: predictions." in comment[1]
    run(header, frame.to_numpy(dtype=np.float32))


def test_what_has_no_form_in_c_is_said(tmp_path: Path) -> None:
    """Words, dates and categories are for others; the network alone can be had."""
    for name, words in (("table: mixed", "holds words"), ("table: dates", "holds dates")):
        with pytest.raises(ExportError, match=f"{words}.*network_only=True"):
            export.to_c(trained(name).model, tmp_path / "m.h")
        export.to_c(trained(name).model, tmp_path / "m.h", network_only=True)
    from sklearn.preprocessing import OneHotEncoder

    model = make_pipeline(OneHotEncoder(), MLPClassifier(max_iter=2)).fit(
        [[0], [1]] * 9, [0, 1] * 9
    )
    with pytest.raises(ExportError, match="encodes categories"):
        export.to_c(model, tmp_path / "m.h")


@pytest.mark.parametrize(
    ("options", "words"),
    [({"name": "2nd"}, "must be a name in C"), ({"dtype": "float16"}, "'float32' or 'float64'")],
)
def test_wrong_options_are_refused(options: dict[str, str], words: str, tmp_path: Path) -> None:
    """In a sentence, before anything is written."""
    with pytest.raises(ParameterError, match=words):
        export.to_c(trained("estimator: linear").model, tmp_path / "m.h", **options)
    assert not list(tmp_path.iterdir())
