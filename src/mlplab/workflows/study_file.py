"""Reading study files; every mistake is answered with its line, the rule and a valid name."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mlplab._files import path_of
from mlplab.errors import DataError, ParameterError, StudyError, did_you_mean
from mlplab.workflows.settings import check_model, parameter_names
from mlplab.workflows.study import Study
from mlplab.workflows.wording import rule_broken

__all__ = ["line_of", "naming_lines", "parse_study", "read_study"]

_KEY = re.compile(
    r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*="
)
_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")


def read_study(path: str | Path) -> Study:
    """Read a study file.

    Raises
    ------
    StudyError
        The file is not there, is not TOML, or breaks a rule; the message names the line.
    """
    path = path_of(path, "study")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as cause:
        folder = path.parent
        names = [entry.name for entry in folder.glob("*.toml")] if folder.is_dir() else []
        hint = did_you_mean(path.name, names) or " Check the path."
        raise StudyError(f"A study must be a TOML file; found nothing at {path}.{hint}") from cause
    except (OSError, UnicodeDecodeError) as cause:
        reason = getattr(cause, "strerror", None) or "it is not UTF-8 text"
        raise StudyError(
            f"A study must be a readable TOML file; got {path}: {reason}. Pass the file itself."
        ) from cause
    return parse_study(text, path.name)


def parse_study(text: str, name: str = "study") -> Study:
    r"""Return the study that a text describes; see `read_study`.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        Of the file, for messages.

    Examples
    --------
    >>> parse_study('[data]\nsource = "iris"\ntaget = "species"')
    Traceback (most recent call last):
    mlplab.errors.StudyError: study, line 3: `data` has no key 'taget'. Did you mean 'target'?
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        where, fact = _syntax(str(cause), text)
        raise StudyError(
            f"{name}, line {where}: a study must be TOML; {fact}. Texts stand in quotes, lists in "
            "square brackets, one `key = value` a line."
        ) from cause
    try:
        study = Study.model_validate(content)
    except ValidationError as cause:
        raise StudyError(_first_mistake(cause, text, name)) from cause
    _check_contents(study, text, name)
    return study


def _check_contents(study: Study, text: str, name: str) -> None:
    if study.data is None and study.trace is None:
        raise StudyError(
            f"{name}, line 1: a study must have a table [data] with a `source` (or [trace]); got "
            f"{', '.join(sorted(study.model_fields_set)) or 'an empty file'}. Add [data]."
        )
    try:
        check_model(study.model.kind, study.model.parameters)
    except ParameterError as cause:
        key = re.match(r"`(\w+)`", str(cause))
        path = ("model", key[1]) if key else ("model",)
        raise StudyError(f"{name}, line {line_of(text, path)}: {cause}") from cause
    _check_variants(study, text, name)
    if study.sweep is not None:
        _refuse_beside_sweep(study, text, name)
        from mlplab.workflows.sweep_space import sweep_of  # noqa: PLC0415  # loads the searches

        try:
            sweep_of(study)
        except ParameterError as cause:
            where = line_of(text, _key_named(cause) or ("sweep",))
            raise StudyError(f"{name}, line {where}: {cause}") from cause


def _check_variants(study: Study, text: str, name: str) -> None:
    """Check what variants change, by names and values."""
    if study.variants is None:
        return
    changed = [
        (("variants", "networks", key), dict(settings))
        for key, settings in study.variants.networks.items()
    ] + [
        (("variants", "vary", key), {key: value})
        for key, values in study.variants.vary.items()
        for value in values
    ]
    for path, settings in changed:
        try:
            check_model(study.model.kind, {**study.model.parameters, **settings})
        except ParameterError as cause:
            raise StudyError(f"{name}, line {line_of(text, path)}: {cause}") from cause


def _refuse_beside_sweep(study: Study, text: str, name: str) -> None:
    for table in ("compare", "variants"):
        if getattr(study, table) is not None:
            raise StudyError(
                f"{name}, line {line_of(text, (table,))}: a study must have one of [sweep] and "
                f"[{table}]; got both. Write a second study for one of them."
            )


def line_of(text: str, path: tuple[str, ...]) -> int:
    r"""Return the line, from 1, on which a key stands; else of the nearest table above it.

    Examples
    --------
    >>> line_of('seed = 1\n[data]\nsplit = { test = 0.1 }', ("data", "split", "test"))
    3
    """
    return _find(text, path)[0]


def _find(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Return the line of a key or of the nearest table above it, and how much of it is there."""
    best, found = 0, 1
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        key = None if header else _KEY.match(line)
        if header:
            table = here = _names(header[1])
        elif key:
            here = (*table, *_names(key[1]))
        else:
            continue
        if len(here) > best and here == path[: len(here)]:
            best, found = len(here), number
    return found, best


@contextlib.contextmanager
def naming_lines(path: Path | None, key: tuple[str, ...] | None = None) -> Iterator[None]:
    """Let errors about data or parameters name the line of the study that they are about.

    Parameters
    ----------
    path : Path or None
        The study; None changes nothing.
    key : tuple of str, optional
        What the errors are about. Left out, the name in backticks at the start of the message
        tells; errors about data without one are about the source.
    """
    try:
        yield
    except (DataError, ParameterError) as error:
        about = key or _key_named(error)
        where = None if path is None or about is None else _line_in(path, about)
        if path is None or where is None:
            raise
        raise type(error)(f"{path.name}, line {where}: {error}") from error


def _line_in(path: Path, key: tuple[str, ...]) -> int | None:
    """Return the line of a key or of the nearest table above it; None if not even that is there."""
    line, depth = _find(path.read_text(encoding="utf-8-sig"), key)
    return line if depth else None


def _key_named(error: DataError | ParameterError) -> tuple[str, ...] | None:
    """Return where a study says what an error is about."""
    named = re.match(r"`([\w.]+)`", str(error))
    path = tuple(named[1].split(".")) if named else ("",)
    if path[0] == "sweep":
        return path
    for home in ((), ("data",), ("data", "split"), ("preparation",), ("model",)):
        if path[0] in _model_at(home).model_fields:
            return (*home, *path)
    if path[0] in parameter_names("auto"):
        return ("model", *path)
    return ("data", "source") if isinstance(error, DataError) else None


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _syntax(message: str, text: str) -> tuple[int, str]:
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", message)
    fact = message[: place.start()] if place else message
    number = int(place[1]) if place and place[1] else max(1, len(text.splitlines()))
    return number, f"here {fact[:1].lower()}{fact[1:]}"


def _first_mistake(error: ValidationError, text: str, name: str) -> str:
    mistakes = [
        (line_of(text, tuple(str(part) for part in mistake["loc"])), mistake)
        for mistake in error.errors()
    ]
    # A key that is misspelt is also missing. Of a value that may be of several types pydantic
    # complains once for each.
    line, mistake = min(mistakes, key=lambda item: (item[1]["type"] == "missing", item[0]))
    path = _known_path(mistake["loc"])
    same = [other for _, other in mistakes if _known_path(other["loc"]) == path]
    return f"{name}, line {line}: {_sentence(path, same)}"


def _known_path(location: Iterable[Any]) -> tuple[str, ...]:
    """Leave out of a location what pydantic adds about the members of a union."""
    path: list[str] = []
    model: Any = Study
    for part in location:
        if isinstance(part, str) and model is None:
            break
        path.append(str(part))
        field = getattr(model, "model_fields", {}).get(part) if isinstance(part, str) else None
        model = _model_in(field.annotation) if field else None
    return tuple(path)


def _model_in(annotation: Any) -> Any:
    candidates = (annotation, *get_args(annotation))
    return next(
        (one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), None
    )


def _sentence(path: tuple[str, ...], mistakes: Sequence[Mapping[str, Any]]) -> str:
    first = mistakes[0]
    dotted = ".".join(path)
    if first["type"] == "extra_forbidden":
        valid = list(_model_at(path[:-1]).model_fields)
        hint = did_you_mean(path[-1], valid) or f" Its keys are {', '.join(valid)}."
        where = f"`{'.'.join(path[:-1])}`" if len(path) > 1 else "a study"
        return f"{where} has no key {path[-1]!r}.{hint}"
    if first["type"] == "missing":
        return f"`{dotted}` must be given; got nothing. Add the line."
    return rule_broken(dotted, mistakes)


def _model_at(path: tuple[str, ...]) -> Any:
    model: Any = Study
    for part in path:
        model = _model_in(model.model_fields[part].annotation)
    return model
