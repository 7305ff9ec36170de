"""The C boundary of the native engine; mirrors `native/src/abi.h`."""

from __future__ import annotations

import ctypes as c
import functools
import importlib.resources
import os
import sysconfig
from pathlib import Path
from typing import Any, ClassVar

from mlplab.errors import EngineError

__all__ = [
    "AGAIN",
    "NOT_FINITE",
    "Config",
    "Op",
    "Predictor",
    "RowsView",
    "State",
    "Task",
    "address",
    "chosen_isa",
    "instruction_sets",
    "library_path",
    "load_library",
    "require",
]

ABI_VERSION = 5
AGAIN = 1
"""The code that says: the time is spent, call again."""
NOT_FINITE = 2
"""The code that says: a row holds NaN or infinity, nothing was predicted."""

# Without --no-cache-dir pip would take the wheel that it made when there was no compiler.
REBUILD = (
    "in a checkout: pip install --force-reinstall --no-deps . ; from an index: "
    "pip install --force-reinstall --no-deps --no-cache-dir --no-binary mlplab mlplab"
)

REFUSALS = {
    -1: "a struct of another version was passed",
    -2: "a size, a kind or a pointer that cannot be was passed",
    -3: "an order names a row that does not exist",
    -4: "there is not enough memory",
    -5: "this machine does not have the instruction set",
}


class Op(c.Structure):
    """One layer."""

    _fields_: ClassVar = [
        ("kind", c.c_int32),
        ("function", c.c_int32),
        ("layer", c.c_int64),
        ("fan_in", c.c_int64),
        ("fan_out", c.c_int64),
        ("factor", c.c_double),
        ("threshold", c.c_uint64),
    ]


class _Sized(c.Structure):
    """A struct that begins with its own size, which tells versions apart."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(size=c.sizeof(type(self)), **fields)


class Config(_Sized):
    """A plan."""

    _fields_: ClassVar = [
        ("size", c.c_uint64),
        ("dtype", c.c_int32),
        ("n_ops", c.c_int32),
        ("ops", c.c_void_p),
        ("loss", c.c_int32),
        ("n_groups", c.c_int32),
        ("groups", c.c_void_p),
        ("label_weights", c.c_void_p),
        ("smoothing", c.c_double),
        ("gamma", c.c_double),
        ("delta", c.c_double),
        ("reported_scale", c.c_double),
        ("optimiser", c.c_int32),
        ("monitor", c.c_int32),
        ("score", c.c_int32),
        ("adaptive", c.c_int32),
        ("forgets_best", c.c_int32),
        ("manual_close", c.c_int32),
        ("beta_1", c.c_double),
        ("beta_2", c.c_double),
        ("epsilon", c.c_double),
        ("decay", c.c_double),
        ("l2", c.c_double),
        ("l1", c.c_double),
        ("weight_decay", c.c_double),
        ("clip_norm", c.c_double),
        ("clip_value", c.c_double),
        ("batch_size", c.c_int64),
        ("dropout_seed", c.c_uint64),
        ("max_epochs", c.c_int64),
        ("tolerance", c.c_double),
        ("patience", c.c_double),
        ("initial_rate", c.c_double),
        ("n_threads", c.c_int32),
        ("isa", c.c_int32),
    ]


class Predictor(_Sized):
    """A plan that predicts."""

    _fields_: ClassVar = [
        ("size", c.c_uint64),
        ("dtype", c.c_int32),
        ("n_ops", c.c_int32),
        ("ops", c.c_void_p),
        ("arrays", c.c_void_p),
        ("link", c.c_int32),
        ("n_groups", c.c_int32),
        ("groups", c.c_void_p),
        ("n_threads", c.c_int32),
        ("isa", c.c_int32),
    ]


class RowsView(_Sized):
    """Rows with their targets; the memory belongs to someone else."""

    _fields_: ClassVar = [
        ("size", c.c_uint64),
        ("n_rows", c.c_int64),
        ("n_columns", c.c_int64),
        ("n_stored", c.c_int64),
        ("x", c.c_void_p),
        ("indices", c.c_void_p),
        ("indptr", c.c_void_p),
        ("target", c.c_void_p),
        ("weight", c.c_void_p),
        ("r2_total", c.c_void_p),
    ]


class State(_Sized):
    """The counters of a training state."""

    _fields_: ClassVar = [
        ("size", c.c_uint64),
        ("step", c.c_int64),
        ("epoch", c.c_int64),
        ("samples_seen", c.c_int64),
        ("origin_step", c.c_int64),
        ("origin_epoch", c.c_int64),
        ("first_epoch", c.c_int64),
        ("divisions", c.c_int64),
        ("no_improvement", c.c_int64),
        ("best_epoch", c.c_int64),
        ("best_figure", c.c_double),
        ("figure_to_beat", c.c_double),
        ("mu_product", c.c_double),
        ("stop", c.c_int32),
        ("improved", c.c_int32),
    ]


class Task(c.Structure):
    """One of the networks that a crew works through."""

    _fields_: ClassVar = [
        ("network", c.c_void_p),
        ("orders", c.c_void_p),
        ("rates", c.c_void_p),
        ("n_epochs", c.c_int64),
        ("records", c.c_void_p),
        ("done", c.c_int64),
        ("rates_a_step", c.c_int32),
        ("code", c.c_int32),
    ]


_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "mlp_abi_version": (c.c_int32, []),
    "mlp_struct_sizes": (None, [c.c_void_p]),
    "mlp_n_isas": (c.c_int32, []),
    "mlp_isa_name": (c.c_char_p, [c.c_int32]),
    "mlp_isa_available": (c.c_int32, [c.c_int32]),
    "mlp_best_isa": (c.c_int32, []),
    "mlp_create": (c.c_int32, [*[c.c_void_p] * 7, c.c_int64, c.c_void_p]),
    "mlp_run": (
        c.c_int32,
        [c.c_void_p] * 3 + [c.c_int32, c.c_int64, c.c_double, c.c_void_p, c.c_void_p],
    ),
    "mlp_export": (c.c_int32, [*[c.c_void_p] * 6, c.c_int64]),
    "mlp_objective": (c.c_int32, [*[c.c_void_p] * 4, c.c_int64]),
    "mlp_predict": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int32, c.c_void_p]),
    "mlp_predict_dense": (
        c.c_int32,
        [c.c_void_p, c.c_void_p, c.c_int64, c.c_int32, c.c_void_p],
    ),
    "mlp_destroy": (None, [c.c_void_p]),
    "mlp_crew_create": (c.c_int32, [c.c_int32, c.c_double, c.c_void_p]),
    "mlp_crew_add": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_int64]),
    "mlp_crew_wait": (c.c_int32, [c.c_void_p, c.c_double, c.c_void_p, c.c_int64, c.c_void_p]),
    "mlp_crew_stop": (c.c_int32, [c.c_void_p]),
    "mlp_crew_destroy": (None, [c.c_void_p]),
    "mlp_row_orders": (
        c.c_int32,
        [c.c_void_p, c.c_int64, c.c_void_p, c.c_void_p, c.c_int64, c.c_int64, c.c_void_p],
    ),
    "mlp_random_numbers": (
        c.c_int32,
        [c.c_void_p, c.c_int64, c.c_void_p, c.c_uint64, c.c_void_p, c.c_int64],
    ),
    "mlp_elementary": (
        c.c_int32,
        [c.c_int32, c.c_int32, c.c_int32, c.c_void_p, c.c_void_p, c.c_int64],
    ),
}


def library_path() -> Path | None:
    """Return where the compiled library lies, or None where it was not built."""
    inside = Path("_native") / "libmlplab_native.so"
    package = Path(str(importlib.resources.files("mlplab.engines")))
    # An editable installation has the sources elsewhere than what was compiled.
    installed = Path(sysconfig.get_path("platlib")) / "mlplab" / "engines"
    places = (package / inside, installed / inside)
    return next((path for path in places if path.is_file()), None)


@functools.cache
def load_library() -> Any:
    """Return the library with its signatures.

    Raises
    ------
    EngineError
        It was not built, or it is of another version.
    """
    path = library_path()
    if path is None:
        message = (
            "The native engine was not built in this installation. Install a C++ compiler "
            f"(GCC or Clang) and rebuild mlplab ({REBUILD}), or use engine='reference'."
        )
        raise EngineError(message)
    library = c.CDLL(str(path))
    message = f"The native library {path.name} is of another version; rebuild mlplab ({REBUILD})."
    if library.mlp_abi_version() != ABI_VERSION:
        raise EngineError(message)
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    structs = (Op, Config, RowsView, State, Task, Predictor)
    sizes = (c.c_uint64 * len(structs))()
    library.mlp_struct_sizes(sizes)
    own = [c.sizeof(struct) for struct in structs]
    if list(sizes) != own:
        raise EngineError(message)
    return library


def instruction_sets() -> dict[str, int]:
    """Return the instruction sets that library and machine both have, best last."""
    library = load_library()
    return {
        library.mlp_isa_name(index).decode(): index
        for index in range(library.mlp_n_isas())
        if library.mlp_isa_available(index)
    }


def chosen_isa() -> int:
    """Return what `Config.isa` wants: 0 for the best, or the set that ``MLPLAB_ISA`` names.

    Raises
    ------
    EngineError
        There is no such instruction set here.
    """
    name = os.environ.get("MLPLAB_ISA")
    if not name:
        return 0
    known = instruction_sets()
    if name not in known:
        message = f"`MLPLAB_ISA` must be one of {', '.join(known)} on this machine; got {name!r}."
        raise EngineError(message)
    return known[name] + 1


def address(array: Any) -> int | None:
    """Return where an array's numbers lie; None for None."""
    # `array.ctypes.data` makes two objects on the way and takes four times as long.
    return None if array is None else array.__array_interface__["data"][0]


def require(code: int) -> int:
    """Return a code that is no refusal.

    Raises
    ------
    EngineError
        The library refused.
    """
    if code < 0:
        message = f"the native engine refused: {REFUSALS.get(code, f'code {code}')}."
        raise EngineError(message)
    return code
