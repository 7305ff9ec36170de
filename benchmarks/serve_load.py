"""`mlplab serve` under load: ``python benchmarks/serve_load.py`` writes docs/trust.md.

A server process and a client process share this machine. The client keeps a number of requests in
flight, compares every answer with what the model itself predicts for that row, and notes how long
each took; the memory of the server is read before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from mlplab import workflows
from mlplab.data import load

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "trust.md"
START, END = "<!-- serve -->", "<!-- /serve -->"
WARM_UP = 2_000
_AGAIN = {503, 504}


@dataclass(frozen=True)
class Load:
    """What a load showed.

    Attributes
    ----------
    requests, in_flight, wrong : int
        Requests, how many at once, and how many answers differed from the model's own.
    late : int
        How often the server said that there was no answer in time, or too much to do (503, 504);
        such requests are made again.
    seconds : float
        From the first request to the last answer.
    median, p99 : float
        Seconds from sending a request to its answer.
    grown : float
        Megabytes that the server's memory grew by.
    resident : float
        Megabytes of the server's memory afterwards.
    """

    requests: int
    in_flight: int
    wrong: int
    late: int
    seconds: float
    median: float
    p99: float
    grown: float
    resident: float


@contextlib.contextmanager
def server(model: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `mlplab serve` in a process of its own; give its address, and end it by Ctrl-C."""
    command = [sys.executable, "-m", "mlplab", "serve", str(model), "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = "" if process.stderr is None else process.stderr.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise RuntimeError(f"the server did not start: {line}")
        wait_until_healthy(found[0], process)
        yield found[0], process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
        if process.stderr is not None:
            process.stderr.close()


def wait_until_healthy(address: str, process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Return when the server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{address}/health", timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not answer")


def resident(pid: int) -> float:
    """Return the resident memory of a process in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cases(model: Any, data: str) -> tuple[list[dict[str, Any]], list[list[float]]]:
    """Return rows of a data set, and the probabilities that the model itself gives them."""
    frame = load(data).frame
    used = frame[[plan.name for plan in model.preparation.plans_]]
    return used.astype(object).to_dict("records"), model.predict_proba(frame).tolist()


def put_under_load(
    address: str,
    pid: int,
    rows: Sequence[Any],
    right: Sequence[Any],
    *,
    requests: int,
    in_flight: int,
) -> Load:
    """Send requests of one row each, so many at once, and compare every answer."""
    asyncio.run(_send(address, rows, right, min(WARM_UP, requests), in_flight))
    before = resident(pid)
    start = time.perf_counter()
    wrong, late, took = asyncio.run(_send(address, rows, right, requests, in_flight))
    seconds = time.perf_counter() - start
    after = resident(pid)
    p99 = statistics.quantiles(took, n=100)[-1]
    median = statistics.median(took)
    return Load(requests, in_flight, wrong, late, seconds, median, p99, after - before, after)


async def _send(
    address: str, rows: Sequence[Any], right: Sequence[Any], requests: int, in_flight: int
) -> tuple[int, int, list[float]]:
    places = iter(range(requests))
    wrong, late, took = 0, 0, []
    contents = [_request(address, row) for row in rows]

    async def keep_asking() -> None:
        nonlocal wrong, late
        connection = await _Connection.open(address)
        for place in places:
            row = place % len(rows)
            start = time.perf_counter()
            status, answer = await connection.ask(contents[row])
            while status in _AGAIN:  # which closes the connection
                late += 1
                connection = await _Connection.open(address)
                status, answer = await connection.ask(contents[row])
            took.append(time.perf_counter() - start)
            wrong += status != 200 or json.loads(answer)["probabilities"] != [right[row]]
        connection.close()

    await asyncio.gather(*(keep_asking() for _ in range(in_flight)))
    return wrong, late, took


def _request(address: str, row: Any) -> bytes:
    body = json.dumps({"rows": [row]}).encode()
    head = f"POST /predict HTTP/1.1\r\nhost: {address.removeprefix('http://')}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@dataclass(frozen=True)
class _Connection:
    """One connection that is kept open, and no more than that.

    Clients for everything search all their connections for every request; with a thousand of them
    that costs more than the server does.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, address: str) -> _Connection:
        host, _, port = address.removeprefix("http://").rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def ask(self, content: bytes) -> tuple[int, bytes]:
        self.writer.write(content)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        found = re.search(r"content-length: (\d+)", head)
        length = 0 if found is None else int(found[1])
        return int(head[9:12]), await self.reader.readexactly(length)

    def close(self) -> None:
        self.writer.close()


def write(loads: Sequence[Load], data: str, machine: str) -> None:
    """Put the figures between their marks in docs/trust.md."""
    titles = ("in flight", "requests", "wrong answers", "asked again", "requests a second")
    titles += ("median",)
    titles += ("99th percentile", "growth of the server's memory")
    about = f"{machine}; client and server share it; one worker, one row a request, a network on "
    lines = [f"{about}`{data}` (`python benchmarks/serve_load.py`).", ""]
    lines += [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    lines += [_row(one) for one in loads]
    text = PAGE.read_text(encoding="utf-8")
    head, tail = text.split(START)[0], text.split(END)[1]
    content = "\n".join([START, *lines, END])
    PAGE.write_text(f"{head}{content}{tail}", encoding="utf-8")


def _row(one: Load) -> str:
    cells = [
        f"{one.in_flight:,}",
        f"{one.requests:,}",
        f"{one.wrong}",
        f"{one.late}",
        f"{one.requests / one.seconds:,.0f}",
        f"{one.median * 1e3:,.0f} ms",
        f"{one.p99 * 1e3:,.0f} ms",
        f"{one.grown:+.1f} MB to {one.resident:,.0f} MB",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="breast_cancer")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--no-write", action="store_true", help="print only")
    asked = parser.parse_args()
    loads = []
    with tempfile.TemporaryDirectory() as folder:
        run = workflows.fit(asked.data, hidden=(32, 32), out=None)
        model = workflows.save(Path(folder) / "model.safetensors", run.model)
        rows, right = cases(run.model, asked.data)
        for in_flight in (1, 32, 1_000):
            with server(model) as (address, process):
                n = asked.requests if in_flight > 1 else asked.requests // 10
                loads.append(
                    put_under_load(
                        address, process.pid, rows, right, requests=n, in_flight=in_flight
                    )
                )
            print(loads[-1], "exit status", process.returncode)
    if not asked.no_write:
        date = time.strftime("%Y-%m-%d")
        write(loads, asked.data, f"{os.cpu_count()} processors, Linux, {date}")


if __name__ == "__main__":
    main()
