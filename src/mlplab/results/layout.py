"""How nouns are laid out: tables in text, Markdown and HTML, formulas in LaTeX."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "formula_to_latex",
    "html_table",
    "json_ready",
    "markdown_table",
    "number",
    "score_words",
    "text_table",
    "value_words",
]

Row = Sequence[str]


def number(value: float) -> str:
    """Return a number to seven significant digits, zero without a sign.

    Examples
    --------
    >>> number(1.058327612), number(-0.0), number(1e-10)
    ('1.058328', '0', '1e-10')
    """
    return f"{value + 0.0:.7g}"


def value_words(value: Any) -> str:
    """Return the value of a parameter as people write it, numbers to four significant digits.

    Examples
    --------
    >>> value_words([64, 32]), value_words(0.00031622776), value_words(True), value_words("sgd")
    ('[64, 32]', '0.0003162', 'true', 'sgd')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {value_words(v)}" for k, v in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(value_words, value))}]"
    return str(value)


def score_words(name: str) -> str:
    """Return the name of a scorer of scikit-learn in words.

    Examples
    --------
    >>> score_words("neg_mean_squared_error"), score_words("f1_macro"), score_words("r2")
    ('negative mean squared error', 'F1 macro', 'R²')
    """
    words = [_WORDS.get(word, word) for word in name.split("_")]
    return " ".join(words)


_WORDS = {"neg": "negative", "r2": "R²", "f1": "F1", "roc": "ROC", "auc": "AUC"}


def json_ready(value: Any) -> Any:
    """Return the value with tuples as lists and numbers that are not finite as None."""
    if isinstance(value, dict):
        return {name: json_ready(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def text_table(headers: Row, rows: Sequence[Row], right: frozenset[int] = frozenset()) -> str:
    """Return aligned columns under a rule; the columns of `right` end flush.

    Examples
    --------
    >>> print(text_table(("layer", "size"), [("output", "3")], frozenset({1})))
    layer   size
    ------  ----
    output     3
    """
    table = [headers, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def markdown_table(headers: Row, rows: Sequence[Row], right: frozenset[int] = frozenset()) -> str:
    """Return a table in GitHub's Markdown."""
    marks = ["---:" if i in right else "---" for i in range(len(headers))]
    lines = [_markdown_row(headers), _markdown_row(marks)]
    return "\n".join([*lines, *map(_markdown_row, rows)])


def _markdown_row(cells: Row) -> str:
    # An asterisk or underscore of a name must not become emphasis.
    return "| " + " | ".join(re.sub(r"([|*_])", r"\\\1", cell) for cell in cells) + " |"


def html_table(headers: Row, rows: Sequence[Row], right: frozenset[int] = frozenset()) -> str:
    """Return a plain HTML table, every cell escaped."""

    def line(cells: Row, tag: str) -> str:
        styles = [f' style="text-align:{"right" if i in right else "left"}"' for i in range(99)]
        written = [
            f"<{tag}{style}>{html.escape(cell)}</{tag}>"
            for cell, style in zip(cells, styles, strict=False)
        ]
        return f"<tr>{''.join(written)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(headers, 'th')}</thead><tbody>{body}</tbody></table>"


_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾ᵗ", "01234567890123456789()t")
_SIGNS = {
    "α": r"\alpha ",
    "β": r"\beta ",
    "δ": r"\delta ",
    "ε": r"\varepsilon ",
    "η": r"\eta ",
    "λ": r"\lambda ",
    "μ": r"\mu ",
    "ρ": r"\rho ",
    "σ": r"\sigma ",
    "Φ": r"\Phi ",
    "Σ": r"\sum ",
    "Δ": r"\Delta ",
    "∂": r"\partial ",
    "·": r" \cdot ",
    "√": r"\surd ",
    "←": r" \leftarrow ",
    "½": r"\tfrac{1}{2}",
    "′": r"'",
    "…": r"\dots ",
    "∞": r"\infty ",
    "%": r"\%",
    "#": r"\#",
    "&": r"\&",
    "≥": r" \ge ",
    "≤": r" \le ",
    "−": r"-",
    "_": r"\_",
    "²": r"^{2}",
}
_NAMED = frozenset({"exp", "log", "max", "min", "tanh"})
_PIECE = re.compile(
    r"(?P<accent>[^\W\d_][\u0302\u0303\u0304]|ŷ)"
    r"|(?P<sub>[₀-₉](?:[₀-₉,]*[₀-₉])?)"
    r"|(?P<sup>[⁰¹²³⁴-⁹⁽⁾ᵗ]+)"
    r"|(?P<number>\d+(?:\.\d+)?e[+-]?\d+)"
    r"|(?P<function>[A-Za-z]{2}[A-Za-z0-9_]*)(?=[(′])"
    r"|(?P<word>[A-Za-z]{2}[A-Za-z_]*)"
    r"|(?P<one>.)",
    re.DOTALL,
)
_ACCENTS = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar"}


def formula_to_latex(formula: str) -> str:
    r"""Return a formula written in plain characters as LaTeX for mathematical mode.

    Examples
    --------
    >>> formula_to_latex("σ(a₁₂)·1e-05")
    '\\sigma (a_{12}) \\cdot 1 \\times 10^{-5}'
    """
    return "".join(_piece_to_latex(match) for match in _PIECE.finditer(formula))


def _piece_to_latex(match: re.Match[str]) -> str:
    kind, text = match.lastgroup, match.group()
    if kind == "accent":
        return r"\hat{y}" if text == "ŷ" else f"{_ACCENTS[text[1]]}{{{text[0]}}}"
    if kind in {"sub", "sup"}:
        return f"{'_' if kind == 'sub' else '^'}{{{text.translate(_DIGITS)}}}"
    if kind == "number":
        mantissa, exponent = text.split("e")
        return rf"{mantissa} \times 10^{{{int(exponent)}}}"
    if kind in {"function", "word"}:
        return _word_to_latex(text, is_function=kind == "function")
    return _SIGNS.get(text, text)


def _word_to_latex(word: str, *, is_function: bool) -> str:
    if word in _NAMED:
        return rf"\{word} "
    # An underscore would otherwise begin an index.
    escaped = word.replace("_", r"\_")
    return rf"\operatorname{{{escaped}}}" if is_function else rf"\text{{ {escaped} }}"
