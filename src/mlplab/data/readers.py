"""Reading a table from a file, with a sentence for everything that can be wrong with it."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import re
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplab._files import path_of
from mlplab._optional import require
from mlplab.data.frames import check_names, pandas
from mlplab.errors import DataError, ParameterError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "GZIP",
    "SAMPLE_LINES",
    "TextForm",
    "check_marks",
    "decode",
    "find_form",
    "frame_from_text",
    "not_there",
    "parse_text",
    "read",
    "refuse_for_parquet",
]

_SEPARATORS = (",", ";", "\t", "|")
SAMPLE_LINES = 50
GZIP = b"\x1f\x8b"
# Zip (and so Excel), Parquet under another name, old Excel, PDF, SQLite.
_FOREIGN = (b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0", b"%PDF", b"SQLite format 3")
# Shorter than pandas' list: "None" and "none" are words in many tables.
_MISSING = ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null"]
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def read(
    path: str | Path,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    header: bool = True,
    encoding: str = "utf-8",
) -> pd.DataFrame:
    """Read a table from a CSV, TSV or Parquet file.

    Parameters
    ----------
    path : str or Path
        ``.parquet`` and ``.pq`` are read as Parquet, all else as text, gzipped or not.
    separator : str, optional
        What stands between the values; comma, semicolon, tab and ``|`` are recognised.
    decimal : str, optional
        ``"."`` or ``","``; recognised too.
    header : bool, default=True
        Whether the first line holds the names of the columns; else they are x0, x1, ….
    encoding : str, default="utf-8"
        Encoding of a text file; a byte order mark overrides it.

    Returns
    -------
    pandas.DataFrame
        Missing values (empty, ``?``, ``NA``, ``N/A``, ``NaN``, ``NULL``) are NaN; ``None`` is a
        word.

    Raises
    ------
    DataError
        The file is not there, empty, no table, undecodable, or holds no row; or two columns have
        the same name.
    ParameterError
        `separator`, `decimal` or `encoding` is none, or the file is no text.

    Examples
    --------
    >>> from mlplab import data
    >>> data.read("no_such_file.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mlplab.errors.DataError: The table must be a file; ...
    """
    path = path_of(path)
    check_marks(separator, decimal)
    if not path.is_file():
        raise DataError(not_there(path))
    if path.suffix.lower() in {".parquet", ".pq"}:
        given = {"separator": separator, "decimal": decimal}
        given |= {"encoding": None if encoding == "utf-8" else encoding}
        refuse_for_parquet(path, {**given, "header": None if header else False})
        frame = _read_parquet(path)
    else:
        text = decode(_read_bytes(path), path.name, encoding)
        frame = frame_from_text(
            text, path.name, separator=separator, decimal=decimal, header=header
        )
    if frame.empty:
        raise DataError(
            f"A table must have at least one row; {path.name} holds only the names of its "
            f"{frame.shape[1]} columns. Add rows."
        )
    return frame


def check_marks(separator: str | None, decimal: str | None) -> None:
    """Raise `ParameterError` if a separator or decimal mark is none."""
    one = isinstance(separator, str) and len(separator) == 1 and separator not in '\r\n"\0'
    if separator is not None and not one:
        raise ParameterError(
            f"`separator` must be one character that separates values; got {separator!r}. "
            "Leave it out, and it is found."
        )
    if decimal is not None and decimal not in {".", ","}:
        raise ParameterError(
            f"`decimal` must be '.' or ','; got {decimal!r}. Leave it out, and it is found."
        )
    if decimal is not None and decimal == separator:
        raise ParameterError(
            f"`separator` and `decimal` must be two characters; got {decimal!r} for both. "
            "Leave one of them out."
        )


def refuse_for_parquet(path: Path, given: Mapping[str, Any]) -> None:
    """Raise `ParameterError` if something is said about text that is Parquet."""
    for name, value in given.items():
        if value is not None:
            raise ParameterError(
                f"`{name}` must be left out where a file is no text; got {value!r} for "
                f"{path.name}, which is Parquet."
            )


def not_there(path: Path) -> str:
    """Return the sentence about a file that is not there, with the nearest name."""
    kind = "a folder" if path.is_dir() else "nothing"
    message = f"The table must be a file; found {kind} at {path}."
    if path.parent.is_dir() and not path.is_dir():
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
        hint = did_you_mean(path.name, names)
        return message + (hint or " Check the path.")
    return message + " Check the path."


def _read_parquet(path: Path) -> pd.DataFrame:
    pyarrow = require("pyarrow", "lab", "Reading Parquet files")
    try:
        frame: pd.DataFrame = pandas().read_parquet(path, engine="pyarrow")
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"A Parquet file must be readable by pyarrow; {path.name} is not ({error}). "
            "Write the file again, or check that it is Parquet."
        ) from error
    frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    check_names(list(frame.columns))
    return frame


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"The table must be readable; {path.name} is not ({error}). Check its permissions."
        ) from error
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"A gzipped table must be complete; {path.name} is not ({error}). Fetch it again."
        ) from error


def decode(content: bytes, name: str, encoding: str, start: int = 0) -> str:
    """Return the text of a file, or of the part of it that begins at the byte `start`."""
    if content.startswith(_FOREIGN):
        raise DataError(
            f"A table must be CSV, TSV or Parquet; {name} holds another format, by its first "
            f"bytes ({content[:4]!r}). Export it as CSV, or give it the suffix .parquet if it is."
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif str(encoding).lower().replace("_", "-") in {"utf-8", "utf8"}:
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"A text table must be encoded in {encoding.removesuffix('-sig')}; byte "
            f"{start + error.start} of {name} ({content[error.start : error.start + 1]!r}) is not. "
            "Save it as UTF-8, or "
            "pass its `encoding`, 'latin-1' for example."
        ) from error
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"`encoding` must be the name of an encoding; got {encoding!r}. Use 'utf-8'."
        ) from error
    if "\0" in text:
        raise DataError(
            f"A table must be CSV, TSV or Parquet; {name} holds binary data. Export it as CSV."
        )
    return text


@dataclass(frozen=True, slots=True)
class TextForm:
    """How a text file is written.

    Attributes
    ----------
    separator, decimal : str
    names : tuple of str
        Of the columns.
    header : bool
        Whether the first line holds the names.
    """

    separator: str
    decimal: str
    names: tuple[str, ...]
    header: bool


def frame_from_text(
    text: str,
    name: str,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    header: bool = True,
) -> pd.DataFrame:
    """Turn the text of a CSV or TSV file into a frame; `name` is used in messages."""
    if not text.strip():
        raise DataError(f"A table must not be empty; {name} is. Check how it was written.")
    form = find_form(text, name, separator=separator, decimal=decimal, header=header)
    return parse_text(text, name, form, header=header)


def find_form(
    text: str, name: str, *, separator: str | None, decimal: str | None, header: bool
) -> TextForm:
    """Return how a text file is written, by its first lines; what is given is not looked for."""
    sample = list(itertools.islice(io.StringIO(text.lstrip("\r\n")), SAMPLE_LINES + 1))
    try:
        separator = separator or _sniff(sample, decimal)
        rows = list(csv.reader(sample, delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise DataError(
            f"The first lines of a table must be CSV or TSV; those of {name} are not ({error}). "
            "Export the table again."
        ) from error
    names = _column_names(rows, name, header=header)
    if decimal is None:
        decimal = "," if _has_decimal_comma(rows[header:], separator) else "."
    return TextForm(separator, decimal, tuple(names), header)


def parse_text(
    text: str,
    name: str,
    form: TextForm,
    *,
    header: bool,
    dtype: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Parse lines of a text file, the first of which may be a header; `dtype` as in pandas."""
    module = pandas()
    with warnings.catch_warnings():
        warnings.simplefilter("error", module.errors.ParserWarning)
        try:
            frame: pd.DataFrame = module.read_csv(
                io.StringIO(text),
                sep=form.separator,
                header=0 if header else None,
                names=form.names,
                index_col=False,
                na_values=_MISSING,
                keep_default_na=False,
                skipinitialspace=True,
                low_memory=False,
                decimal=form.decimal,
                dtype=dtype,
            )
        except (module.errors.ParserError, module.errors.ParserWarning) as error:
            raise DataError(
                f"Every line of {name} must have {len(form.names)} values; pandas says: "
                f"{' '.join(str(error).split())}. "
                "Correct the line, or pass the right `separator`."
            ) from error
    return frame


def _sniff(sample: list[str], decimal: str | None) -> str:
    """Return the separator that cuts the first lines into the most columns of equal number."""
    possible = [mark for mark in _SEPARATORS if mark != decimal]
    best, most = possible[0], 1
    for separator in possible:
        widths = [len(row) for row in csv.reader(sample, delimiter=separator) if row]
        alike = widths.count(widths[0]) if widths else 0
        if widths and widths[0] > most and alike >= 0.8 * len(widths):
            best, most = separator, widths[0]
    if most == 1:
        # Ragged lines: take what the first line suggests, so that the message names the line.
        return max(possible, key=sample[0].count)
    return best


def _column_names(rows: list[list[str]], name: str, *, header: bool) -> list[str]:
    first = [cell.strip() for cell in rows[0]]
    width = len(rows[1]) if len(rows) > 1 and rows[1] else len(first)
    if width > len(first):
        raise DataError(
            f"Every line must have as many values as the first; {name} has {len(first)} names "
            f"and {width} values in its second line. Add the names that are missing."
        )
    if not header:
        return [f"x{index}" for index in range(len(first))]
    if all(_NUMBER.fullmatch(cell) for cell in first):
        shown = ", ".join(first[:3])
        raise DataError(
            f"The first line of a table must hold the names of its columns; {name} begins with "
            f"the numbers {shown}. Add a line with names, or read it with `header=False`."
        )
    names = [cell or f"Unnamed: {index}" for index, cell in enumerate(first)]
    check_names(names)
    return names


def _has_decimal_comma(rows: list[list[str]], separator: str) -> bool:
    if separator == ",":
        return False
    cells: list[Any] = [cell.strip() for row in rows for cell in row]
    commas = sum(bool(_DECIMAL_COMMA.fullmatch(cell)) for cell in cells)
    points = sum("." in cell and bool(_NUMBER.fullmatch(cell)) for cell in cells)
    return commas > 0 and points == 0
