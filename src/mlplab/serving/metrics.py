"""Figures of a running server in Prometheus' text format."""

from __future__ import annotations

import os
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["MetricsMiddleware", "ServerMetrics"]

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder through which worker processes add their figures up."""


class ServerMetrics:
    """Counts of one server, or of one of its workers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self._registry}
        self.requests = Counter(
            "mlplab_requests", "Requests by path and status.", ["path", "status"], **own
        )
        self.seconds = Histogram(
            "mlplab_request_seconds", "From the header to the answer.", ["path"], **own
        )
        self.rows = Counter("mlplab_rows", "Rows that were predicted.", **own)
        self.tables = Histogram(
            "mlplab_table_rows",
            "Rows that were predicted together.",
            buckets=(1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000),
            **own,
        )

    def observe_table(self, n_rows: int) -> None:
        """Count a table that is being predicted."""
        self.tables.observe(n_rows)
        self.rows.inc(n_rows)

    def text(self) -> bytes:
        """Return all figures; those of all workers where there are several."""
        if FOLDER not in os.environ:
            return bytes(generate_latest(self._registry))
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # prometheus_client has no type for it
        return bytes(generate_latest(together))


class MetricsMiddleware:
    """Count every request, with what it was answered.

    Parameters
    ----------
    app : ASGI application
    metrics : ServerMetrics
    paths : collection of str
        Other paths are counted as ``"other"``, so that nobody can invent labels without end.
    """

    def __init__(self, app: Any, metrics: ServerMetrics, paths: frozenset[str]) -> None:
        self._app, self._metrics, self._paths = app, metrics, paths

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self._paths else "other"
        # What raises is answered with 500 further out.
        status, start = "500", time.perf_counter()

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._metrics.requests.labels(path, status).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - start)
