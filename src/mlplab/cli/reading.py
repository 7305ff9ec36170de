"""Options of commands that read text files."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["Blocks", "Decimal", "Encoding", "NoHeader", "Separator", "reading_of"]

Blocks = Annotated[
    bool | None,
    typer.Option(
        "--blocks/--no-blocks",
        help="Read in blocks, in bounded memory; else where the file is larger than memory allows.",
    ),
]

Separator = Annotated[
    str | None,
    typer.Option(help="What stands between the values of a text file: ';', 'tab', …; else found."),
]
Decimal = Annotated[
    str | None, typer.Option(help="Mark before the fraction of a number: . or ,; else found.")
]
Encoding = Annotated[
    str | None, typer.Option(help="Encoding of a text file, latin-1 for example; else UTF-8.")
]
NoHeader = Annotated[
    bool,
    typer.Option(
        "--no-header", help="The first line holds no names; columns are called x0, x1, …."
    ),
]

_WORDS = {"tab": "\t", "\\t": "\t"}


def reading_of(
    separator: str | None, decimal: str | None, encoding: str | None, *, no_header: bool
) -> dict[str, Any] | None:
    """Return what was said about reading, by the names of `mlplab.data.read`; None if nothing."""
    separator = _WORDS.get(separator or "", separator)
    said = {"separator": separator, "decimal": decimal, "encoding": encoding}
    given: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    return ({**given, "header": False} if no_header else given) or None
