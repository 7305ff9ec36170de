"""Requests that wait at the same time are predicted as one table.

Preparing a table costs about the same for one row as for a thousand, so a server under load
predicts what has come in while the last table was predicted. A row has the same answer whatever
stands beside it in the table.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

__all__ = ["Answers", "Batcher"]

Rows: TypeAlias = Sequence[Mapping[str, Any]]
Answers: TypeAlias = dict[str, list[Any]]
"""Lists with one entry a row, by name."""


class Batcher:
    """Predict rows of many requests together, one table after another.

    Parameters
    ----------
    predict : callable
        From rows to `Answers`; it is called in a thread, never twice at once.
    max_rows : int
        Rows of one table; a request with more is a table of its own.
    observe : callable, optional
        Is told the number of rows of every table.
    """

    def __init__(
        self,
        predict: Callable[[Rows], Answers],
        max_rows: int,
        observe: Callable[[int], Any] = lambda _: None,
    ) -> None:
        self._predict, self._max_rows, self._observe = predict, max_rows, observe
        self._waiting: deque[tuple[Rows, asyncio.Future[Answers]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def predict(self, rows: Rows) -> Answers:
        """Return the answers for the rows of one request."""
        future: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._take())
        finally:
            self._worker = None

    def _take(self) -> list[tuple[Rows, asyncio.Future[Answers]]]:
        """Return the requests of the next table; those whose client has gone are left out."""
        taken: list[tuple[Rows, asyncio.Future[Answers]]] = []
        n_rows = 0
        while self._waiting and (not taken or n_rows + len(self._waiting[0][0]) <= self._max_rows):
            rows, future = self._waiting.popleft()
            if not future.done():
                taken.append((rows, future))
                n_rows += len(rows)
        return taken

    async def _answer(self, taken: list[tuple[Rows, asyncio.Future[Answers]]]) -> None:
        together = [row for rows, _ in taken for row in rows]
        if not together:
            return
        self._observe(len(together))
        try:
            answers = await asyncio.to_thread(self._predict, together)
        except Exception as error:  # noqa: BLE001  (whoever asked is told)
            if len(taken) > 1:
                # One request must not spoil the others.
                for one in taken:
                    await self._answer([one])
            else:
                _settle(taken[0][1], error)
            return
        start = 0
        for rows, future in taken:
            stop = start + len(rows)
            _settle(future, {name: values[start:stop] for name, values in answers.items()})
            start = stop


def _settle(future: asyncio.Future[Answers], outcome: Answers | Exception) -> None:
    if future.done():  # the client has gone
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
