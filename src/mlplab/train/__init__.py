"""One loop for all engines: row orders, chunks, observers, best weights, why it stopped."""

from mlplab.train.loop import Training, train
from mlplab.train.observers import FitObserver, Watch
from mlplab.train.orders import RowOrders

__all__ = ["FitObserver", "RowOrders", "Training", "Watch", "train"]
