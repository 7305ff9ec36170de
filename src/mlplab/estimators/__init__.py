"""scikit-learn estimators over the training loop."""

from mlplab.estimators.autoencoder import MLPAutoencoder
from mlplab.estimators.calibration import calibrate
from mlplab.estimators.classifier import MLPClassifier
from mlplab.estimators.ensemble import MLPEnsemble
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.many import fit_many
from mlplab.estimators.regressor import MLPRegressor

__all__ = [
    "LabelCoder",
    "MLPAutoencoder",
    "MLPClassifier",
    "MLPEnsemble",
    "MLPRegressor",
    "calibrate",
    "fit_many",
]
