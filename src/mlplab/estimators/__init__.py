"""scikit-learn estimators over the training loop."""

from mlplab.estimators.autoencoder import MLPAutoencoder
from mlplab.estimators.classifier import MLPClassifier
from mlplab.estimators.labels import LabelCoder
from mlplab.estimators.many import fit_many
from mlplab.estimators.regressor import MLPRegressor

__all__ = ["LabelCoder", "MLPAutoencoder", "MLPClassifier", "MLPRegressor", "fit_many"]
