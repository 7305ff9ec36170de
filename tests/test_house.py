"""Rules of the house that a machine can check."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlplab

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "mlplab"
MODULES = sorted(SOURCE.rglob("*.py"))
PACKAGES = sorted(path.parent for path in SOURCE.rglob("__init__.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef

MAX_MODULE, MAX_FUNCTION, USUAL_FUNCTION = 400, 40, 20

# The one list of exceptions to the lengths, each with its reason.
LONG: dict[str, str] = {
    "estimators/autoencoder.py:__init__": "scikit-learn wants every parameter in the signature",
    "estimators/classifier.py:__init__": "the same",
    "cli/training.py:fit": "a command's options are its signature",
}


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def _functions(path: Path) -> Iterator[Function]:
    """Yield all functions of a module, nested ones included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(function: Function) -> int:
    """Return the lines of a function without its docstring, which may be as long as it needs."""
    first, docstring = function.body[0], 0
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        docstring = first.end_lineno - first.lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_modules_are_short(path: Path) -> None:
    """At most 400 lines, or a reason in the list."""
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_MODULE or _name(path) in LONG


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_functions_are_short(path: Path) -> None:
    """At most 40 lines without the docstring, or a reason in the list."""
    long = {f"{_name(path)}:{f.name}" for f in _functions(path) if _length(f) > MAX_FUNCTION}
    assert long <= set(LONG)


def test_most_functions_are_very_short() -> None:
    """Nine in ten have at most 20 lines."""
    lengths = [_length(f) for path in MODULES for f in _functions(path)]
    assert sum(length <= USUAL_FUNCTION for length in lengths) >= 0.9 * len(lengths)


def test_exceptions_are_still_needed() -> None:
    """An entry whose function has become short, or has gone, leaves the list."""
    long = {_name(p) for p in MODULES if len(p.read_text("utf-8").splitlines()) > MAX_MODULE} | {
        f"{_name(p)}:{f.name}" for p in MODULES for f in _functions(p) if _length(f) > MAX_FUNCTION
    }
    assert set(LONG) <= long


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_everything_public_has_a_docstring(path: Path) -> None:
    """Modules, classes, functions and methods whose names begin with a letter."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) is not None
    bodies = [tree.body, *(n.body for n in tree.body if isinstance(n, ast.ClassDef))]
    documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    # The other side of a property is explained by the property; overloads by what they overload.
    missing = [
        node.name
        for body in bodies
        for node in body
        if isinstance(node, documented)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
        and not any(ast.unparse(d).endswith((".setter", "overload")) for d in node.decorator_list)
    ]
    assert not missing


def _sort_key(name: str) -> tuple[int, str]:
    """Order names as Ruff does: constants, classes, everything else."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name


@pytest.mark.parametrize("folder", PACKAGES, ids=_name)
def test_all_is_sorted_and_importable(folder: Path) -> None:
    """What `__all__` promises is there, once, in order."""
    package = importlib.import_module(_dotted(folder))
    names: list[str] = list(getattr(package, "__all__", []))
    assert names == sorted(set(names), key=_sort_key)
    for name in names:
        assert getattr(package, name) is not None


def _dotted(folder: Path) -> str:
    return ".".join(("mlplab", *folder.relative_to(SOURCE).parts))


def _is_lazy(folder: Path) -> bool:
    """Tell whether a package loads its names when they are used."""
    return "def __getattr__" in (folder / "__init__.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", [f for f in PACKAGES if not _is_lazy(f)], ids=_name)
def test_packages_only_hand_on(folder: Path) -> None:
    """An `__init__` holds a docstring and re-exports, and `__all__` names every one of them."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    allowed = ast.Expr | ast.ImportFrom | ast.Import | ast.Assign
    assert all(isinstance(node, allowed) for node in tree.body)
    handed_on = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    package = importlib.import_module(_dotted(folder))
    assert handed_on == set(getattr(package, "__all__", []))


def test_every_module_lists_what_is_public() -> None:
    """`__all__` of a module holds names that exist."""
    for found in pkgutil.walk_packages(mlplab.__path__, "mlplab."):
        if found.name != "mlplab.__main__":
            module = importlib.import_module(found.name)
            missing = [n for n in getattr(module, "__all__", []) if not hasattr(module, n)]
            assert not missing, found.name


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_imports_point_down() -> None:
    """The layers of `pyproject.toml`, checked by import-linter."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = _python("-c", code)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["MLPClassifier", "nn", "optim", "errors"])
def test_door_loads_on_first_use(name: str) -> None:
    """Public names are found through the door, and listed by it."""
    assert name in dir(mlplab)
    assert getattr(mlplab, name) is not None


def test_door_answers_unknown_names() -> None:
    """With an AttributeError, as Python does."""
    with pytest.raises(AttributeError, match="'mlplab' has no attribute 'MLPClasifier'"):
        mlplab.MLPClasifier  # noqa: B018  (asking is the test)
