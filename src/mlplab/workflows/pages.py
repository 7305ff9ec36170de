"""Pages that need no network, from the templates beside this module."""

from __future__ import annotations

from importlib import resources
from typing import Any

import jinja2

__all__ = ["page"]


def page(template: str, view: dict[str, Any]) -> str:
    """Return a page; everything in the view that comes from data is escaped.

    Parameters
    ----------
    template : str
        The name of a file in ``templates``.
    view : dict
        What the template shows; `markupsafe.Markup` in it stands in the page as it is.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(template).render(view)


def _read(name: str) -> str:
    path = resources.files("mlplab.workflows").joinpath("templates", name)
    return path.read_text(encoding="utf-8")
