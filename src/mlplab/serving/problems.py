"""What is wrong with a request: where, the rule, what was received, the way out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["MOST", "Problem", "Refusal", "problems_json", "shown"]

MOST = 20
"""So many problems of one request are told; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request.

    Attributes
    ----------
    where : str
        ``"rows[3].age"``, for example; ``"body"`` or ``"server"`` for the whole.
    rule, received, way_out : str
        As in every error of mlplab.
    """

    where: str
    rule: str
    received: str
    way_out: str


class Refusal(Exception):  # noqa: N818  (it ends as an answer, not as an error of the program)
    """A request that is answered with problems.

    Parameters
    ----------
    status : int
        Of the answer, 422 for example.
    problems : iterable of Problem
    """

    def __init__(self, status: int, problems: Iterable[Problem]) -> None:
        self.status, self.problems = status, list(problems)
        super().__init__(self.problems)


def problems_json(problems: list[Problem]) -> bytes:
    """Return the body of an answer that refuses a request."""
    told = [dataclasses.asdict(problem) for problem in problems[:MOST]]
    return json.dumps({"problems": told, "count": len(problems)}, ensure_ascii=False).encode()


def shown(value: Any, most: int = 80) -> str:
    """Return a value as JSON, cut where it is long.

    Examples
    --------
    >>> shown(None), shown("x" * 100, most=8)
    ('null', '"xxxxxx…')
    """
    # Whatever is shown was JSON before; what is cut anyway is not written out.
    value = value[: most + 1] if isinstance(value, str | list) else value
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else f"{text[: most - 1]}…"
