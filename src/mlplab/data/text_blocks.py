"""Text that is read a stretch of whole lines at a time."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplab._optional import require
from mlplab.data.block_files import Run, usual_rows
from mlplab.data.frames import is_boolean, pandas
from mlplab.data.readers import GZIP, SAMPLE_LINES, TextForm, decode, find_form, parse_text
from mlplab.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TextBlocks"]

_LONGEST_LINE = 2**26


class TextBlocks:
    """A CSV or TSV file; stretches of whole lines are its runs.

    It is looked through once: lines are counted, every one is parsed, and the type of a column is
    that of the whole file, so that ``01`` stays a word in a block of numbers where the column
    holds a word elsewhere.

    Parameters
    ----------
    path : Path
    options : mapping
        As for `mlplab.data.read`: separator, decimal, header, encoding.
    block_rows : int or None
        About how many rows a run shall have; None for the usual number.

    Raises
    ------
    DataError
        The file is no text, compressed, undecodable, or a line has another number of values.
    """

    def __init__(self, path: Path, options: Mapping[str, Any], block_rows: int | None) -> None:
        self.path = path
        self._encoding: str = options.get("encoding") or "utf-8"
        head = self._head()
        self._form: TextForm = find_form(
            decode(head, path.name, self._encoding),
            path.name,
            separator=options.get("separator"),
            decimal=options.get("decimal"),
            header=options.get("header", True),
        )
        self.columns = self._form.names
        self._types: dict[str, Any] = {}
        # What values of each column look like, block by block.
        self.seen: defaultdict[str, set[str]] = defaultdict(set)
        self._all_seen: dict[str, set[str]] = {}
        line = max(1, len(head) // max(1, _line_count(head)))
        wanted = block_rows or usual_rows(len(self.columns))
        self.runs = tuple(self._look_through(wanted * line))
        self.same_types(())

    def _head(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                start = file.read(2)
                file.seek(0)
                lines = itertools.dropwhile(lambda line: not line.strip(), file)
                head = b"".join(itertools.islice(lines, SAMPLE_LINES + 1))
        except OSError as error:
            raise DataError(
                f"The table must be readable; {self.path.name} is not ({error}). Check its "
                "permissions."
            ) from error
        if start == GZIP or start in {b"\xff\xfe", b"\xfe\xff"}:
            what = "compressed" if start == GZIP else "UTF-16"
            raise DataError(
                f"Text that is read in blocks must be plain, one byte or UTF-8 a character; "
                f"{self.path.name} is {what}, and cannot be begun in its middle. Unpack it or "
                "save it as UTF-8, or write it as Parquet."
            )
        if not head:
            raise DataError(
                f"A table must not be empty; {self.path.name} is. Check how it was written."
            )
        return head

    def _look_through(self, n_bytes: int) -> Iterator[Run]:
        line = 1
        for start, content in _whole_lines(self.path, n_bytes):
            run = Run(0, "", start, len(content), line)
            frame = self._parse(run, content)
            for name in frame.columns if len(frame) else ():
                self.seen[name].add(_type_of(frame[name]))
            n_lines, names = _line_count(content), int(self._form.header and start == 0)
            if len(frame):
                plain = len(frame) == n_lines - names
                first = line + names if plain else None
                yield Run(len(frame), self.path.name, start, len(content), line, first)
            line += n_lines

    def _parse(self, run: Run, content: bytes) -> pd.DataFrame:
        text = decode(content, self.path.name, self._encoding, run.start)
        header = self._form.header and run.start == 0
        if not (text.strip() or header):
            empty: pd.DataFrame = pandas().DataFrame(columns=list(self.columns))
            return empty
        try:
            return parse_text(text, self.path.name, self._form, header=header, dtype=self._types)
        except DataError as error:
            last = run.first_line + _line_count(content) - 1
            raise DataError(_in_lines_of_file(str(error), run.first_line, last)) from error

    def frames(self, run: int, block_rows: int) -> Iterator[pd.DataFrame]:
        """Yield the rows of a run at once; there are about as many as were asked for."""
        del block_rows
        this = self.runs[run]
        try:
            with self.path.open("rb") as file:
                file.seek(this.start)
                content = file.read(this.n_bytes)
        except OSError as error:
            raise DataError(
                f"A file must stay where it is while it is read; {self.path.name} is not readable "
                f"any more ({error}). Begin again."
            ) from error
        frame = self._parse(this, content)
        if len(frame) != this.n_rows:
            raise DataError(
                f"A file must stay as it is while it is read; {self.path.name} has changed. "
                "Begin again."
            )
        yield frame

    def same_types(self, others: Sequence[TextBlocks]) -> None:
        """Give columns one type, by what was seen here and in other files."""
        for name in self.columns:
            seen = self.seen[name].union(*(other.seen[name] for other in others))
            self._all_seen[name] = seen
            if len(seen) > 1 and _is_text(seen):
                self._types[name] = str
            elif "whole" in seen and seen & {"real", "nothing"}:
                self._types[name] = "float64"

    def tables(self, run: int, block_rows: int) -> Iterator[Any]:
        """Yield the rows of a run as tables of pyarrow, with the types of the whole table."""
        pyarrow = require("pyarrow", "lab", "Writing Parquet files")
        schema = self.arrow_schema
        for frame in self.frames(run, block_rows):
            columns = [_arrow_column(pyarrow, frame[field.name], field.type) for field in schema]
            yield pyarrow.Table.from_arrays(columns, schema=schema)

    @property
    def arrow_schema(self) -> Any:
        """Names and types of the columns, as pyarrow tells them."""
        pyarrow = require("pyarrow", "lab", "Writing Parquet files")

        def type_of(seen: set[str]) -> Any:
            if _is_text(seen):
                return pyarrow.string()
            if "truth" in seen:
                return pyarrow.bool_()
            return pyarrow.int64() if seen == {"whole"} else pyarrow.float64()

        return pyarrow.schema([(name, type_of(self._all_seen[name])) for name in self.columns])


def _arrow_column(pyarrow: Any, column: pd.Series[Any], kind: Any) -> Any:
    if column.isna().all():
        return pyarrow.nulls(len(column), kind)
    try:
        return pyarrow.array(column, type=kind, from_pandas=True)
    except (pyarrow.ArrowException, OverflowError) as error:
        raise DataError(
            f"The numbers of a column must fit into {kind}; those of {column.name!r} do not "
            f"({error}). Write them as words or as decimal fractions."
        ) from error


def _is_text(seen: set[str]) -> bool:
    return "text" in seen or ("truth" in seen and bool(seen & {"whole", "real"}))


def _type_of(column: pd.Series[Any]) -> str:
    """Return what pandas took the values of a block for."""
    if is_boolean(column):
        return "truth"
    if column.dtype.kind in "iu":
        return "whole"
    if column.dtype.kind == "f":
        return "real" if column.notna().any() else "nothing"
    return "text"


def _in_lines_of_file(sentence: str, first: int, last: int) -> str:
    """Count lines from the beginning of the file, where pandas counted those of a block."""
    told, n_lines = re.subn(
        r"\b(line|row) (\d+)", lambda found: f"{found[1]} {int(found[2]) + first - 1}", sentence
    )
    return told if n_lines else f"{told} It is about lines {first:,} to {last:,}."


def _line_count(content: bytes) -> int:
    """Return how many lines there are; the last one may lack its end."""
    return content.count(b"\n") + (not content.endswith(b"\n"))


def _whole_lines(path: Path, n_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield where stretches of about so many bytes begin, and their whole lines."""
    start, rest = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(n_bytes):
            content = rest + chunk
            end = _last_end_of_line(content)
            if len(content) - end > _LONGEST_LINE:
                raise DataError(
                    f"A line of text must end within {_LONGEST_LINE:,} bytes; that of {path.name} "
                    f"at byte {start + end:,} does not. A quotation mark is perhaps not closed, "
                    "or the file has no lines."
                )
            rest = content[end:]
            if end:
                yield start, content[:end]
                start += end
    if rest:
        yield start, rest


def _last_end_of_line(content: bytes) -> int:
    """Return where the last line ends that is no part of a quoted value; 0 for nowhere."""
    end = content.rfind(b"\n") + 1
    quotes = content.count(b'"', 0, end)
    while end and quotes % 2:
        before = content.rfind(b"\n", 0, end - 1) + 1
        quotes -= content.count(b'"', before, end)
        end = before
    return end
