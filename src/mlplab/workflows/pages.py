"""Pages that need no network, from the templates beside this module."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

__all__ = ["page", "paragraphs"]


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
    environment.filters["code"] = with_code
    return environment.get_template(template).render(view)


def paragraphs(notes: str) -> list[Markup]:
    r"""Return the paragraphs of a study's notes, what stands between backticks as code.

    Examples
    --------
    >>> paragraphs("Less is more.\n\nSee `a < b`\nfor why.")
    [Markup('Less is more.'), Markup('See <code>a &lt; b</code> for why.')]
    """
    told = (" ".join(part.split()) for part in notes.split("\n\n"))
    return [with_code(part) for part in told if part]


def with_code(sentence: str) -> Markup:
    """Return a sentence for a page, what stands between backticks as code.

    Examples
    --------
    >>> with_code("Set `a` < 3.")
    Markup('Set <code>a</code> &lt; 3.')
    """
    # Escaped first, so that the only tags are ours.
    told = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence)))
    return Markup(told)  # noqa: S704  (see above)


def _read(name: str) -> str:
    path = resources.files("mlplab.workflows").joinpath("templates", name)
    return path.read_text(encoding="utf-8")
