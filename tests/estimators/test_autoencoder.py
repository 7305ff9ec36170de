"""What the autoencoder promises: codes, the way back, its place in scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.estimators.problems import load_problem

from mlplab import MLPAutoencoder, MLPClassifier
from mlplab.errors import ParameterError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = load_problem("multiclass")
WIDE = load_problem("regression").X


def small(sizes: Any = (2,), **parameters: Any) -> MLPAutoencoder:
    """Return a quick autoencoder; parameters override."""
    return MLPAutoencoder(
        sizes, **{"solver": "lbfgs", "max_iter": 100, "random_state": 0, **parameters}
    )


def test_a_linear_autoencoder_is_as_good_as_principal_components() -> None:
    """With one linear layer of two codes no reconstruction is better than that of PCA."""
    coder = small(alpha=0.0, max_iter=500, tol=1e-9).fit(WIDE)
    pca = PCA(2).fit(WIDE)
    best = ((pca.inverse_transform(pca.transform(WIDE)) - WIDE) ** 2).mean()
    assert ((coder.reconstruct(WIDE) - WIDE) ** 2).mean() == pytest.approx(best, rel=1e-4)


def test_the_way_there_and_back_is_the_reconstruction() -> None:
    """Decoding the codes must give what `reconstruct` gives, and `score` its R²."""
    coder = small((6, 3, 6), activation="tanh").fit(WIDE)
    codes = coder.transform(WIDE)
    assert codes.shape == (300, 3)
    np.testing.assert_allclose(coder.inverse_transform(codes), coder.reconstruct(WIDE), atol=1e-12)
    expected = r2_score(WIDE, coder.reconstruct(WIDE))
    assert coder.score(WIDE) == pytest.approx(expected)
    assert expected > 0.5


def test_the_code_is_linear_unless_asked_otherwise() -> None:
    """Codes take both signs with ReLU around them, and none with ReLU on them."""
    assert small((6, 2, 6)).fit(WIDE).transform(WIDE).min() < 0
    assert small((6, 2, 6), code_activation="relu").fit(WIDE).transform(WIDE).min() >= 0
    listed = small((6, 2, 6), activation=["tanh", "relu", "tanh"]).fit(WIDE)
    assert listed.transform(WIDE).min() >= 0


@pytest.mark.parametrize(
    ("sizes", "code_layer", "expected"),
    [
        ((12, 9, 12), None, 1),
        ((5,), None, 0),
        ((8, 3, 3, 8), None, 1),
        ((3, 8, 3), None, 0),
        ((3, 8, 3), 2, 2),
        ((9, 4, 7, 4, 4), None, 1),
        ((9, 4, 7, 8, 4, 5, 6), None, 4),
        ((12, 9, 12), 0, 0),
    ],
)
def test_the_narrowest_layer_is_the_code(sizes: Any, code_layer: Any, expected: int) -> None:
    """Of several the one nearest the middle, of two as near the first, unless it is named."""
    coder = small(sizes, code_layer=code_layer).initialize(WIDE)
    assert coder.code_layer_ == expected
    assert coder.transform(WIDE).shape[1] == sizes[expected]
    assert coder.inverse_transform(coder.transform(WIDE)).shape == WIDE.shape


def test_mistakes_about_the_code_are_refused() -> None:
    """No hidden layer, one that is not there, and codes of another width."""
    with pytest.raises(ParameterError, match="must name at least one hidden layer"):
        small(()).fit(WIDE)
    with pytest.raises(ParameterError, match="`code_layer` must be one of the 1 hidden layers"):
        small((3,), code_layer=1).fit(WIDE)
    coder = small((3,)).fit(WIDE)
    with pytest.raises(ValueError, match="one column for each of the 3 units of the code"):
        coder.inverse_transform(WIDE)


def test_other_hidden_layers_can_be_seen() -> None:
    """`transform` with a layer gives the values of that layer."""
    coder = small((6, 2, 5), activation="tanh").fit(WIDE)
    first = np.tanh(WIDE @ coder.coefs_[0] + coder.intercepts_[0])
    np.testing.assert_allclose(coder.transform(WIDE, layer=0), first)
    assert [values.shape[1] for values in coder.activations(WIDE)] == [10, 6, 2, 5, 10]


def test_the_target_is_ignored() -> None:
    """Whatever a pipeline passes as y must change nothing."""
    with_y = small((3,)).fit(IRIS.X, IRIS.y)
    without = small((3,)).fit(IRIS.X)
    np.testing.assert_array_equal(with_y.coefs_[0], without.coefs_[0])
    np.testing.assert_array_equal(
        small((3,)).fit_transform(IRIS.X, IRIS.y), without.transform(IRIS.X)
    )


def test_sparse_rows_are_reproduced_dense() -> None:
    """Sparse and dense rows must give the same network and score."""
    dense = small((3,)).fit(IRIS.X)
    sparse = small((3,)).fit(sp.csr_array(IRIS.X))
    np.testing.assert_allclose(dense.coefs_[0], sparse.coefs_[0], atol=1e-6)
    assert sparse.score(sp.csc_array(IRIS.X)) == pytest.approx(dense.score(IRIS.X), abs=1e-6)


def test_sample_weights_count() -> None:
    """Rows without weight must not be learned from."""
    half = np.arange(150) < 75
    weighted = small((2,)).fit(IRIS.X, sample_weight=half.astype(float))
    fewer = small((2,)).fit(IRIS.X[half])
    assert weighted.score(IRIS.X, sample_weight=half.astype(float)) == pytest.approx(
        fewer.score(IRIS.X[half]), abs=1e-3
    )


def test_names_of_codes_and_frames() -> None:
    """Codes are named after the class, and come as frames where that is asked for."""
    frame = pd.DataFrame(IRIS.X, columns=list("abcd"), index=range(500, 650))
    coder = small((3,)).set_output(transform="pandas").fit(frame)
    codes = coder.transform(frame)
    names = ["mlpautoencoder0", "mlpautoencoder1", "mlpautoencoder2"]
    assert list(codes.columns) == names == list(coder.get_feature_names_out())
    assert list(codes.index) == list(range(500, 650))
    polars = small((3,)).set_output(transform="polars").fit(frame).transform(frame)
    assert isinstance(polars, pl.DataFrame)
    assert polars.columns == names


def test_a_classifier_names_its_hidden_units() -> None:
    """As a transformer every estimator has names for what it gives."""
    clf = MLPClassifier((4, 3), solver="lbfgs", max_iter=5, random_state=0)
    codes = clf.set_output(transform="pandas").fit(IRIS.X, IRIS.y).transform(IRIS.X)
    assert list(codes.columns) == ["mlpclassifier0", "mlpclassifier1", "mlpclassifier2"]


def test_codes_feed_a_classifier() -> None:
    """In a pipeline the codes must be good enough to tell the classes apart."""
    pipeline = make_pipeline(
        StandardScaler(), small((2,)), MLPClassifier((8,), solver="lbfgs", random_state=0)
    )
    assert pipeline.fit(IRIS.X, IRIS.y).score(IRIS.X, IRIS.y) > 0.9


def test_a_search_finds_the_wider_code() -> None:
    """Without a target the score of a search is R² of the reconstruction."""
    search = GridSearchCV(small(), {"hidden_layer_sizes": [(1,), (6,)]}, cv=3).fit(WIDE)
    assert search.best_params_ == {"hidden_layer_sizes": (6,)}
    assert search.best_score_ > 0.7


def test_validation_rows_end_the_training() -> None:
    """Early stopping watches R² of the rows handed in, and leaves the best weights."""
    X, X_val = train_test_split(WIDE, random_state=0)
    coder = small((4,), solver="adam", learning_rate_init=0.05, early_stopping=True)
    coder.set_params(n_iter_no_change=3).fit(X, X_val=X_val)
    assert coder.score(X_val) == pytest.approx(max(coder.validation_scores_))
    assert coder.n_iter_ < 100


def test_partial_fits_are_epochs() -> None:
    """As many partial fits as epochs give the fit, where rows keep their order."""
    parameters: dict[str, Any] = {"solver": "adam", "shuffle": False, "max_iter": 4}
    fitted, parts = small(**parameters).fit(WIDE), small(**parameters)
    for _ in range(4):
        parts.partial_fit(WIDE)
    np.testing.assert_array_equal(fitted.coefs_[0], parts.coefs_[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_of_codes_and_rows(dtype: str) -> None:
    """Codes and reconstructions have the dtype of the rows."""
    X = WIDE.astype(dtype)
    coder = small((3,), max_iter=5).fit(X)
    codes = coder.transform(X)
    assert {codes.dtype, coder.inverse_transform(codes).dtype, coder.reconstruct(X).dtype} == {
        np.dtype(dtype)
    }


def test_errors_of_rows_and_columns_have_the_mean_of_all() -> None:
    """One figure a row or a column, in the square of the unit of the rows; sparse rows, too."""
    coder = small((3,)).fit(WIDE)
    squares = (WIDE - coder.reconstruct(WIDE)) ** 2
    rows, columns = coder.reconstruction_error(WIDE), coder.reconstruction_error(WIDE, "column")
    np.testing.assert_allclose(rows, squares.mean(axis=1))
    np.testing.assert_allclose(columns, squares.mean(axis=0))
    np.testing.assert_allclose(rows, coder.reconstruction_error(sp.csr_matrix(WIDE)))
    strange = WIDE[:1] + 100 * WIDE.std(axis=0)
    assert coder.reconstruction_error(strange)[0] > rows.max()
    with pytest.raises(ParameterError, match="per"):
        coder.reconstruction_error(WIDE, "cell")  # type: ignore[arg-type]  # what must be refused
