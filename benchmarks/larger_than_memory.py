"""Ten million rows of thirty columns, trained from a Parquet file in bounded memory.

    python benchmarks/larger_than_memory.py
    python benchmarks/larger_than_memory.py --rows 2000000 --folder /data

The file is written in blocks, and removed at the end. A process of its own looks through it, learns
the preparation and makes one epoch; the kernel says how much memory it ever had (VmHWM). Another
one trains scikit-learn's `partial_fit` on the same prepared windows with the same batch size, on a
part of the file. Where the time goes is measured window by window, one step at a time; the epoch
itself reads and prepares the next window while it trains on this one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HIDDEN, BATCH, LIMIT = (64, 32), 256, 2 * 1024**3
BLOCK, PEER_WINDOWS = 65_536, 2


def write(path: Path, n_rows: int, n_columns: int) -> None:
    """Write a table whose target depends on products and squares of columns, with noise."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    names = [f"x{at}" for at in range(n_columns)]
    scales = rng.uniform(0.5, 20, n_columns).astype(np.float32)
    shifts = rng.uniform(-50, 50, n_columns).astype(np.float32)
    schema = pa.schema([*((name, pa.float32()) for name in names), ("y", pa.int8())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n_rows, BLOCK):
            x = rng.standard_normal((min(BLOCK, n_rows - start), n_columns), dtype=np.float32)
            figure = x[:, 0] * x[:, 1] + x[:, 2] ** 2 - np.abs(x[:, 3]) + 0.5 * x[:, 4]
            y = (figure + 0.3 * rng.standard_normal(len(x)) > 0.2).astype(np.int8)
            columns = [*(x * scales + shifts).T, y]
            writer.write_table(pa.table(dict(zip(schema.names, columns, strict=True)), schema))


def peak() -> int:
    """Return the most memory that this process ever had, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def train(path: Path, epochs: int) -> dict[str, Any]:
    """Train from the file, as `mlplab fit FILE --target y --blocks` does."""
    from mlplab import workflows

    began = time.perf_counter()
    settings = {"batch_size": BATCH, "max_iter": epochs, "hidden_layer_sizes": list(HIDDEN)}
    observers = [workflows.ProgressObserver()]
    run = workflows.fit(
        path, target="y", blocks=True, settings=settings, out=None, observers=observers
    )
    return {
        "total": time.perf_counter() - began,
        "seconds": run.fit.seconds,
        "rows": run.split.train * run.fit.n_epochs,
        "tested": run.split.test,
        "accuracy": run.metrics.test.accuracy,
        "baseline": run.metrics.baseline.accuracy,
        "peak": peak(),
    }


def compare(path: Path) -> dict[str, Any]:
    """Measure each step on some windows, and scikit-learn on the same."""
    from sklearn.linear_model import SGDClassifier
    from sklearn.neural_network import MLPClassifier as Peer

    from mlplab import MLPClassifier
    from mlplab.workflows.block_parts import deal_blocks
    from mlplab.workflows.sources import read_source
    from mlplab.workflows.study import DataTable, Study

    source = read_source(path, blocks=True)
    stream = deal_blocks(Study(data=DataTable(source=str(path), target="y")), source).stream
    learners = {
        "training": MLPClassifier(HIDDEN, batch_size=BATCH, dtype="float32", random_state=0),
        "sklearn MLPClassifier": Peer(HIDDEN, batch_size=BATCH, random_state=0),
        "sklearn SGDClassifier": SGDClassifier(loss="log_loss", random_state=0),
    }
    seconds = dict.fromkeys(["reading", "preparing", *learners], 0.0)
    found = stream.blocks.windows()
    rows = 0
    for number in range(PEER_WINDOWS + 1):  # the first one is to warm up
        if number == 1:
            seconds, rows = dict.fromkeys(seconds, 0.0), 0
        began = time.perf_counter()
        blocks = next(found)
        seconds["reading"] += time.perf_counter() - began
        began = time.perf_counter()
        window = stream.prepare(blocks, "float32")
        seconds["preparing"] += time.perf_counter() - began
        rows += len(window.x)
        # The warm-up of those that take long may be short.
        part = slice(None) if number else slice(20_000)
        for name, learner in learners.items():
            began = time.perf_counter()
            learner.partial_fit(window.x[part], window.y[part], classes=[0, 1])
            seconds[name] += time.perf_counter() - began
    return {"rows": rows, "seconds": seconds}


def child(what: str, path: Path, *more: str) -> dict[str, Any]:
    """Run a step in a process of its own, and return what it found."""
    command = [sys.executable, __file__, "--step", what, "--file", str(path), *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def report(ours: dict[str, Any], steps: dict[str, Any]) -> None:
    """Print what was measured."""
    pace = ours["rows"] / ours["seconds"]
    within = "within" if ours["peak"] < LIMIT else "NOT within"
    print(
        f"\none process: {ours['total']:.1f} s from opening the file to tested network; "
        f"accuracy {ours['accuracy']:.3f} on {ours['tested']:,} test rows "
        f"(baseline {ours['baseline']:.3f})\n"
        f"peak memory: {ours['peak'] / 2**20:,.0f} MiB, {within} 2 GiB\n"
        f"training:    {ours['rows']:,} rows in {ours['seconds']:.1f} s, "
        f"{pace:,.0f} rows/s, reading and preparing included\n"
    )
    rows, seconds = steps["rows"], steps["seconds"]
    mine = {name: seconds[name] for name in ("reading", "preparing", "training")}
    print(f"one step at a time, on {rows:,} rows:")
    for name, value in mine.items():
        print(f"  {name:10} {value / sum(mine.values()):4.0%}  {rows / value:12,.0f} rows/s")
    shared = seconds["reading"] + seconds["preparing"]
    print("\npartial_fit on the same prepared windows, with reading and preparing added:")
    for name, value in seconds.items():
        if name.startswith("sklearn"):
            peer = rows / (value + shared)
            alone = rows / value
            print(f"  {name:22} {peer:10,.0f} rows/s ({alone:,.0f} alone): {pace / peer:.1f}x")


def main() -> None:
    """Write, measure, print, remove."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the file lies; else a temporary folder")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    least = (PEER_WINDOWS + 1) * 8 * BLOCK
    if asked.rows < least:
        parser.error(f"--rows must be at least {least:,}: there are {PEER_WINDOWS + 1} windows")
    if asked.step:
        step = train(asked.file, asked.epochs) if asked.step == "train" else compare(asked.file)
        print(json.dumps(step))
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path, began = Path(folder) / "large.parquet", time.perf_counter()
        write(path, asked.rows, asked.columns)
        size = path.stat().st_size / 2**20
        print(
            f"{asked.rows:,} rows x {asked.columns} columns: {size:,.0f} MiB of Parquet, written "
            f"in {time.perf_counter() - began:.0f} s; {os.cpu_count()} processors, "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        ours = child("train", path, "--epochs", str(asked.epochs))
        report(ours, child("compare", path))


if __name__ == "__main__":
    main()
