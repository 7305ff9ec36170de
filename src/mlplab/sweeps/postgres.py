"""A ledger in PostgreSQL, for several machines without a common disk.

One table holds a row for each attempt at a cell: who claimed it, and its record once it is there.
A worker holds an advisory lock for as long as its connection lives; a claim whose owner holds none
is free. So a worker that dies, or whose machine does, loses its claims without clocks; the server
notices a vanished machine by its keep-alive probes within some minutes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlplab._optional import require
from mlplab.errors import OutputError
from mlplab.results import CellResult
from mlplab.sweeps.records import from_line, to_line

__all__ = ["PostgresLedger"]

# The first of the two numbers of our advisory locks, so that they do not meet anybody else's.
_LOCKS = 1_835_821_154

_SCHEMA = """
create table if not exists mlplab_cells (
    key text not null,
    attempt integer not null,
    owner integer not null,
    record bytea,
    primary key (key, attempt)
);
create sequence if not exists mlplab_workers as integer cycle;
"""

# New cells are taken by being the first to insert them, abandoned ones by locking their row.
_CLAIM_NEW = """
with wanted as (select * from unnest(%(keys)s::text[], %(attempts)s::int[])
                with ordinality as w(key, attempt, place)),
free as (select key, attempt from wanted w
         where not exists (select from mlplab_cells c where c.key = w.key
                           and c.attempt >= w.attempt)
         order by place limit %(most)s)
insert into mlplab_cells (key, attempt, owner) select key, attempt, %(owner)s from free
on conflict do nothing returning key
"""
_CLAIM_ABANDONED = """
with abandoned as (
    select c.key, c.attempt from mlplab_cells c
    join unnest(%(keys)s::text[], %(attempts)s::int[]) as w(key, attempt) using (key, attempt)
    where c.record is null and c.owner <> %(owner)s and not exists (
        select from pg_locks where locktype = 'advisory' and granted and objsubid = 2
        and database = (select oid from pg_database where datname = current_database())
        and classid = %(locks)s and objid = c.owner::oid)
    limit %(most)s for update of c skip locked)
update mlplab_cells c set owner = %(owner)s from abandoned a
where c.key = a.key and c.attempt = a.attempt returning c.key
"""
_KEEP = """
insert into mlplab_cells (key, attempt, owner, record)
values (%(key)s, %(attempt)s, %(owner)s, %(record)s)
on conflict (key, attempt) do update set record = excluded.record
where mlplab_cells.record is null
"""
_READ = """
select distinct on (key) record from mlplab_cells
where record is not null and (%(keys)s::text[] is null or key = any(%(keys)s::text[]))
order by key, attempt desc
"""


class PostgresLedger:
    """A ledger in a database that any number of processes may share.

    Parameters
    ----------
    url : str
        ``postgresql://user:password@host/database``; the table is made if it is not there.

    Raises
    ------
    OutputError
        The database cannot be reached.
    MissingExtraError
        psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        self._psycopg = require("psycopg", "postgres", "Keeping a sweep in PostgreSQL")
        self._url = _without_password(url)
        with self._reaching():
            # Else a machine that vanished is noticed after two hours.
            probes = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10"
            self._connection = self._psycopg.connect(url, autocommit=True, options=probes)
        with self._reaching(), self._connection.transaction():
            # Two workers that begin at once must not both make the table.
            self._connection.execute("select pg_advisory_xact_lock(%s, 0)", (_LOCKS,))
            self._connection.execute(_SCHEMA)
        self._owner = self._run("select nextval('mlplab_workers')")[0][0]
        self._run("select pg_advisory_lock(%(locks)s, %(owner)s)", locks=_LOCKS, owner=self._owner)

    def find(self, keys: Iterable[str]) -> dict[str, CellResult]:
        """Return the results that are there, without their curves."""
        return {result.cell.key: result for result in self._read(keys, curve=False)}

    def read(self, keys: Iterable[str] | None = None) -> Iterator[CellResult]:
        """Return results with their curves."""
        return self._read(keys, curve=True)

    def _read(self, keys: Iterable[str] | None, *, curve: bool) -> Iterator[CellResult]:
        for (record,) in self._run(_READ, keys=None if keys is None else list(keys)):
            result = from_line(bytes(record), curve=curve)
            if result is not None:
                yield result

    def claim(self, wanted: Mapping[str, int], most: int) -> list[str]:
        """Claim cells that are new, then cells whose claimant is gone."""
        asked = {"keys": list(wanted), "attempts": list(wanted.values()), "owner": self._owner}
        new = [key for (key,) in self._run(_CLAIM_NEW, **asked, most=most)]
        left = most - len(new)
        if left:
            new += [k for (k,) in self._run(_CLAIM_ABANDONED, **asked, most=left, locks=_LOCKS)]
        return new

    def append(self, results: Sequence[CellResult]) -> None:
        """Keep results, in one transaction."""
        rows = [
            {
                "key": result.cell.key,
                "attempt": result.attempt,
                "owner": self._owner,
                "record": to_line(result),
            }
            for result in results
        ]
        with (
            self._reaching(),
            self._connection.transaction(),
            self._connection.cursor() as cursor,
        ):
            cursor.executemany(_KEEP, rows)

    def close(self) -> None:
        """Give claims back, and close the connection."""
        # The server takes a moment to notice that a connection is gone.
        with contextlib.suppress(self._psycopg.Error):
            self._connection.execute("select pg_advisory_unlock_all()")
        self._connection.close()

    def _run(self, query: str, **values: Any) -> list[Any]:
        with self._reaching():
            return list(self._connection.execute(query, values).fetchall())

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except self._psycopg.Error as cause:
            raise OutputError(
                f"Storage must be a database that can be reached; got {self._url!r}: "
                f"{str(cause).strip()}. Start it and go on, or name a folder."
            ) from cause


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
