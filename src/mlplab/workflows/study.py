"""A study: one object, and one TOML file, that says everything about a run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr

__all__ = [
    "ChosenTable",
    "CompareTable",
    "DataTable",
    "FiguresTable",
    "MLflowTable",
    "ModelTable",
    "PreparationTable",
    "ReadingTable",
    "RetrainTable",
    "SplitTable",
    "Study",
    "SweepTable",
    "TensorBoardTable",
    "TraceTable",
    "TrackTable",
    "VariantsTable",
    "WandbTable",
]

Share = Annotated[float, Field(ge=0, lt=1, strict=False)]
Count = Annotated[int, Field(ge=0, strict=True)]
Part = Count | Share
Name = Annotated[str, Field(strict=True, min_length=1)]
Number = Annotated[float, Field(strict=True)]
PeerName = Literal["sklearn", "torch"]
FigureName = Literal[
    "label_histogram", "loss_curves", "confusion", "prediction_error", "scatter",
    "decision_boundary", "boundary_zoomed", "boundary_epochs", "hidden_space", "network",
    "class_report", "calibration", "function_estimate", "residuals", "compare_losses",
    "compare_boundaries", "variant_losses", "variant_effects", "variant_boundaries",
    "variant_boundaries_zoomed", "variant_estimates", "disagreement", "samples", "reconstructions",
]  # fmt: skip


class _Table(BaseModel):
    """A table of a study file: unknown keys are mistakes, values are what they look like."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class SplitTable(_Table):
    """Which rows train, validate and test.

    Attributes
    ----------
    validation, test : float or int
        Share or number of rows. `test` left out: the data's own test part, else 0.2.
    stratify : bool, optional
        Keep the shares of the classes; left out: for classes, where nothing else orders them.
    groups, time : str, optional
        A column whose rows stay together, or that orders the rows.
    """

    validation: Part = 0.1
    test: Part | None = None
    stratify: StrictBool | None = None
    groups: Name | None = None
    time: Name | None = None


class ReadingTable(_Table):
    """How a text file is written, where that is not found by itself; see `mlplab.data.read`.

    Attributes
    ----------
    separator, decimal : str, optional
        What stands between values, and between a number and its fraction.
    encoding : str
    header : bool
        Whether the first line holds the names of the columns; else they are x0, x1, ….
    """

    separator: Name | None = None
    decimal: Literal[".", ","] | None = None
    encoding: Name = "utf-8"
    header: StrictBool = True


class DataTable(_Table):
    """The data.

    Attributes
    ----------
    source : str
        A file, or the name of a data set. Paths count from the folder of the study file.
    test_source : str, optional
        A file of the same columns that holds the test rows.
    reading : ReadingTable, optional
        How the files are written.
    blocks : bool, optional
        Read the file in blocks; left out: where it is larger than memory allows.
    target : str or list of str, optional
    task : str
    drop : list of str
        Columns that must not become features.
    split : SplitTable
    """

    source: Name
    test_source: Name | None = None
    reading: ReadingTable | None = None
    blocks: StrictBool | None = None
    target: Name | list[Name] | None = None
    task: Literal["auto", "classification", "multilabel", "regression", "autoencoder"] = "auto"
    drop: list[Name] = []
    split: SplitTable = SplitTable()


class PreparationTable(_Table):
    """How columns become features; see `mlplab.data.Preparation`.

    What is left out is chosen by the preparation. `standardise_target` is about regression.
    """

    numeric_imputation: Literal["mean", "median", "most_frequent"] | None = None
    indicator: StrictBool | Literal["auto"] | None = None
    scaling: Literal["standard", "robust", "minmax", "pixels", "none"] | None = None
    rare: Count | Share | None = None
    max_categories: Annotated[int, Field(ge=2, strict=True)] | Literal["none"] | None = None
    kinds: dict[str, StrictStr] | None = None
    standardise_target: StrictBool | None = None


class ModelTable(BaseModel):
    """The network: its kind, and the parameters of the estimator as further keys."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    kind: Literal["auto", "classifier", "regressor", "autoencoder"] = "auto"

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the estimator."""
        return dict(self.model_extra or {})


class FiguresTable(_Table):
    """Which figures the report shows.

    Attributes
    ----------
    show : list of str
        Names of figures; all that fit task, data and study if left out.
    epochs : list of int
        After which epochs the boundary and the hidden space are shown; 0 is the start.
    zoom : float
        How much of the plane zoomed-out figures show: 3 is three times as much each way.
    """

    show: list[FigureName] = []
    epochs: list[Count] = []
    zoom: Annotated[float, Field(ge=1)] = 3.0


class CompareTable(BaseModel):
    """Other programs that train the same network from the same start, beside our engines.

    Attributes
    ----------
    with_ : list of str
        ``with = ["sklearn", "torch"]``; our own engines always take part.
    epochs : int, optional
        How many each makes; as many as the network of the study did, if left out.
    variants : bool
        Compare each of the variants, too.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True,
        serialize_by_alias=True,
    )  # fmt: skip

    with_: list[PeerName] = Field(default=[], alias="with")
    epochs: Annotated[int, Field(ge=1, strict=True)] | None = None
    variants: StrictBool = False


class VariantsTable(_Table):
    """The network in variants, trained together and shown side by side.

    Attributes
    ----------
    networks : dict of str to dict
        Variants by name: what each changes in ``[model]``.
    vary : dict of str to list
        Parameters of which each value is tried, one parameter at a time.
    restarts : int
        From how many seeds each is trained.
    success : float, optional
        The score on the training rows (accuracy, R²) from which on a training counts as success.
    """

    networks: dict[Name, dict[str, Any]] = {}
    vary: dict[Name, Annotated[list[Any], Field(min_length=1)]] = {}
    restarts: Annotated[int, Field(ge=1, strict=True)] = 1
    success: Number | None = None


class TraceTable(_Table):
    """A network small enough to calculate by hand, for `mlplab trace`.

    Attributes
    ----------
    inputs, outputs : int
    hidden : list of int
    activation : str or list of str
        One for all hidden layers, or one for each.
    loss : str
        As for `MLPRegressor` or `MLPClassifier`: ``"squared_error"``, ``"binary_cross_entropy"`` …
    weights : list of matrices
        One a layer, a row for each unit that receives: what people write as W.
    biases : list of lists
        One a layer; zeros if left out.
    samples, targets : list of lists
        A row each.
    rate : float
        The learning rate of plain gradient descent.
    batch : int
        Rows a step.
    steps : int, optional
        Once through the samples if left out.
    updates : bool
    notation : str
    """

    inputs: Annotated[int, Field(ge=1, strict=True)]
    hidden: list[Annotated[int, Field(ge=1, strict=True)]] = []
    outputs: Annotated[int, Field(ge=1, strict=True)] = 1
    activation: Name | list[Name] = "relu"
    loss: Name = "squared_error"
    weights: list[list[list[float]]]
    biases: list[list[float]] | None = None
    samples: list[list[float]]
    targets: list[list[float]]
    rate: Annotated[float, Field(gt=0)] = 0.01
    batch: Annotated[int, Field(ge=1, strict=True)] = 1
    steps: Annotated[int, Field(ge=1, strict=True)] | None = None
    updates: StrictBool = True
    notation: Literal["deep_learning", "pattern_recognition"] = "deep_learning"


class RetrainTable(_Table):
    """What happens after a sweep to the configurations that did best.

    Attributes
    ----------
    best : int
        How many of them are trained again, on all training rows.
    seeds : int
        How often each.
    """

    best: Annotated[int, Field(ge=1, strict=True)] = 3
    seeds: Annotated[int, Field(ge=1, strict=True)] = 5


class SweepTable(BaseModel):
    """A sweep: what varies, and how it is searched; see `mlplab.sweeps.sweep_from_table`."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    retrain: RetrainTable = RetrainTable()

    @property
    def search(self) -> dict[str, Any]:
        """Everything about the search itself."""
        return dict(self.model_extra or {})


class MLflowTable(_Table):
    """Where MLflow keeps runs.

    Attributes
    ----------
    uri : str, optional
        Of a server or database; left out, what ``MLFLOW_TRACKING_URI`` says, else ``mlflow.db`` in
        the folder of all runs.
    experiment : str, optional
        The name of the study if left out.
    trials : int
        How many of the best trials of a sweep become runs of their own; all are in a table.
    """

    uri: Name | None = None
    experiment: Name | None = None
    trials: Count = 20


class WandbTable(_Table):
    """Where Weights & Biases keeps runs.

    Attributes
    ----------
    project : str, optional
        The name of the study if left out.
    mode : {"offline", "online"}
        Offline nothing leaves this machine; ``wandb sync`` sends it later.
    folder : str, optional
        The folder of all runs if left out.
    """

    project: Name | None = None
    mode: Literal["offline", "online"] = "offline"
    folder: Name | None = None


class TensorBoardTable(_Table):
    """Where TensorBoard finds runs.

    Attributes
    ----------
    folder : str, optional
        The folder ``tensorboard`` in that of all runs if left out.
    """

    folder: Name | None = None


def _switched(value: Any) -> Any:
    """Let ``true`` stand for a table in which everything is left out, ``false`` for none."""
    return ({} if value else None) if isinstance(value, bool) else value


Switch = BeforeValidator(_switched)


class TrackTable(_Table):
    """Tools that keep the run besides its folder: ``mlflow = true``, or a table of options."""

    mlflow: Annotated[MLflowTable | None, Switch] = None
    wandb: Annotated[WandbTable | None, Switch] = None
    tensorboard: Annotated[TensorBoardTable | None, Switch] = None


class ChosenTable(_Table):
    """Something that was chosen automatically when a run wrote its study.

    Attributes
    ----------
    value, reason : str
        As in `mlplab.results.Choice`. The reason holds as long as the study says the value.
    """

    value: StrictStr
    reason: StrictStr


class Study(_Table):
    """Everything about a run; the same study gives the same result.

    Attributes
    ----------
    name : str, optional
    notes : str, optional
        What the study shows, for the report; an empty line begins a paragraph.
    seed : int
        Of splits, generated data, initial weights and row orders.
    data : DataTable or None
        None in a study that only traces.
    preparation : PreparationTable
    model : ModelTable
    figures : FiguresTable
    compare : CompareTable or None
        Other programs beside ours.
    variants : VariantsTable or None
        The network in variants beside itself.
    sweep : SweepTable or None
        Many configurations in place of one.
    trace : TraceTable or None
    track : TrackTable or None
        Other tools that keep the run.
    chosen : dict of str to ChosenTable
        What was not said but chosen: target, task and parameters of the network, by name. A run
        writes it, so that running its study again tells the reasons again.
    """

    name: StrictStr | None = None
    notes: StrictStr | None = None
    seed: Annotated[StrictInt, Field(ge=0, lt=2**32)] = 0
    data: DataTable | None = None
    preparation: PreparationTable = PreparationTable()
    model: ModelTable = ModelTable()
    figures: FiguresTable = FiguresTable()
    compare: CompareTable | None = None
    variants: VariantsTable | None = None
    sweep: SweepTable | None = None
    trace: TraceTable | None = None
    track: TrackTable | None = None
    chosen: dict[str, ChosenTable] = {}
