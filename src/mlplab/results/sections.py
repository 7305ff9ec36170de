"""A section of a report: sentences, a table, and the names of its figures."""

from __future__ import annotations

from dataclasses import dataclass

from mlplab.results.layout import text_table

__all__ = ["Section"]


@dataclass(frozen=True, slots=True)
class Section:
    """What a noun has to say in a report.

    Attributes
    ----------
    name : str
        The anchor in the page.
    title : str
    sentences : tuple of str
    headers : tuple of str
        Of the table; empty for none.
    rows : tuple of tuple of str
    numbers : tuple of int
        Columns that end flush.
    figures : tuple of str
        Names of figures that belong here, where they were drawn.

    Examples
    --------
    >>> print(Section("time", "Time", ("It was short.",), ("who", "s"), (("we", "1"),)).to_text())
    It was short.
    <BLANKLINE>
    who  s
    ---  -
    we   1
    """

    name: str
    title: str
    sentences: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    numbers: tuple[int, ...] = ()
    figures: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return sentences and table for a terminal."""
        told = ["\n".join(self.sentences)] if self.sentences else []
        if self.headers:
            told.append(text_table(self.headers, self.rows, frozenset(self.numbers)))
        return "\n\n".join(told)
