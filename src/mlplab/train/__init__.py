"""One loop for all engines: row orders, chunks, observers, best weights, why it stopped."""

from mlplab.train.interrupts import InterruptGate
from mlplab.train.keeping import WeightKeeper
from mlplab.train.loop import ENDED_BY_RULE, Training, train
from mlplab.train.many import train_many
from mlplab.train.observers import ChoosyObserver, FitObserver, Watch
from mlplab.train.orders import RowOrders

__all__ = [
    "ENDED_BY_RULE",
    "ChoosyObserver",
    "FitObserver",
    "InterruptGate",
    "RowOrders",
    "Training",
    "Watch",
    "WeightKeeper",
    "train",
    "train_many",
]
