"""A server process around the application, from its first line to Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlplab._optional import require
from mlplab.errors import ParameterError
from mlplab.serving.limits import Limits

__all__ = ["app_of_worker", "serve"]

_SETTINGS = "MLPLAB_SERVE"
_NEEDED = ("fastapi", "uvicorn", "prometheus_client")


def serve(
    model: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    limits: Limits | None = None,
    announce: Callable[[str], Any] | None = None,
) -> None:
    """Answer requests until Ctrl-C or SIGTERM; requests under way are answered first.

    Parameters
    ----------
    model : str or Path
        A model file, or the folder of a run.
    host : str, default="127.0.0.1"
        The address to listen on; the default cannot be reached from other machines.
    port : int, default=8000
        0 takes any that is free.
    workers : int, default=1
        Processes; each holds the model.
    limits : Limits, optional
    announce : callable, optional
        Gets a line or two as soon as connections are accepted.

    Raises
    ------
    MissingExtraError
        The extra ``serve`` is not installed.
    ParameterError
        The address cannot be used, or a setting is out of its range.
    ModelFileError
        The model cannot be read.
    """
    for name in _NEEDED:
        require(name, "serve", "Serving a model")
    import uvicorn  # noqa: PLC0415  # the extra was looked for first

    from mlplab.serving.application import build_app  # noqa: PLC0415  # same

    limits = limits or Limits()
    if workers < 1:
        raise ParameterError(f"`workers` must be at least 1; got {workers}. Use 1.")
    hosts = _own_names(host)
    app = build_app(model, limits, hosts=hosts)
    with _listening(host, port) as listening, _shared(model, limits, hosts, workers):
        options: dict[str, Any] = {
            "log_level": "warning",
            "access_log": False,
            "limit_concurrency": limits.connections,
            "timeout_graceful_shutdown": max(1, int(limits.seconds)),
            "timeout_keep_alive": 30,
            # Uvicorn takes a worker for hung after 5 seconds without an answer, and kills it with
            # all that it has to answer; a machine that is busy or sleeps takes longer than that.
            "timeout_worker_healthcheck": max(60, int(2 * limits.seconds)),
        }
        if announce is not None:
            announce(_opening(model, listening, host, workers))
        with contextlib.suppress(KeyboardInterrupt):
            if workers == 1:
                uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listening])
            else:
                _run_workers(listening, workers, options)


def app_of_worker() -> Any:
    """Return the application of a worker process, from what `serve` left in the environment."""
    from mlplab.serving.application import build_app  # noqa: PLC0415  # needs the extra

    settings = json.loads(os.environ[_SETTINGS])
    return build_app(settings["model"], Limits(**settings["limits"]), hosts=settings["hosts"])


def _run_workers(listening: socket.socket, workers: int, options: dict[str, Any]) -> None:
    import uvicorn  # noqa: PLC0415  # the extra was looked for first
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415  # same

    place = f"{__name__}:{app_of_worker.__name__}"
    config = uvicorn.Config(place, factory=True, workers=workers, **options)
    Multiprocess(config, sockets=[listening]).run()


@contextlib.contextmanager
def _shared(
    model: str | Path, limits: Limits, hosts: tuple[str, ...], workers: int
) -> Iterator[None]:
    """Tell worker processes what to serve, and where to add their figures up."""
    if workers == 1:
        yield
        return
    settings = {"model": str(Path(model).resolve()), "limits": asdict(limits), "hosts": hosts}
    folder = tempfile.mkdtemp(prefix="mlplab-serve-")
    told = {_SETTINGS: json.dumps(settings), "PROMETHEUS_MULTIPROC_DIR": folder}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Return a socket that accepts connections; an address in use is told in a sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, so that asyncio sends small answers at once.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(4096)
        except (OSError, OverflowError) as cause:
            reason = getattr(cause, "strerror", None) or str(cause)
            raise ParameterError(
                f"`host` and `port` must be an address that is free here; got {host}:{port}: "
                f"{reason}. Choose another port; 0 takes any that is free."
            ) from cause
        listening.set_inheritable(True)
        yield listening
    finally:
        listening.close()


def _own_names(host: str) -> tuple[str, ...]:
    """Return the names of a server that only this machine can reach, or none."""
    if not _is_loopback(host):
        return ()
    return tuple(dict.fromkeys((host, "localhost", "127.0.0.1", "[::1]")))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _opening(model: str | Path, listening: socket.socket, host: str, workers: int) -> str:
    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    crew = "" if workers == 1 else f", {workers} workers"
    lines = [f"Serving {model} at http://{shown}:{port} (Ctrl-C ends it{crew})."]
    if not _is_loopback(host):
        lines.append(
            "This address can be reached from other machines, and the server asks nobody who they "
            "are: put a proxy with TLS and passwords before it."
        )
    return "\n".join(lines)
