"""The command line: ``mlplab``, or ``python -m mlplab``."""

from __future__ import annotations

import importlib
import importlib.util
import sys

__all__ = ["main"]

_NEEDED = (
    "typer",
    "rich",
    "jinja2",
    "matplotlib",
    "narwhals",
    "pandas",
    "pooch",
    "pyarrow",
    "pydantic",
)


def main() -> None:
    """Run the command line; without the extra `lab`, say what to install and exit with 2."""
    for name in _NEEDED:
        # Looked for, not loaded: most of them are heavy, and `--help` needs none of these.
        if importlib.util.find_spec(name) is None:
            sys.stderr.write(
                f"mlplab: the command line needs {name}, which is not installed. "
                "Install the extra: pip install 'mlplab[lab]'\n"
            )
            sys.exit(2)
    run = importlib.import_module("mlplab.cli.app").run
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
