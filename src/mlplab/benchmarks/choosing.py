"""Names that were typed, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping

from mlplab.errors import ParameterError, did_you_mean

__all__ = ["choose"]


def choose(option: str, words: list[str], names: Mapping[str, str]) -> list[str]:
    """Return the names that words stand for, in the order of the table, each once.

    Parameters
    ----------
    option : str
        What the words are given to, for the message.
    words : list of str
        A name, or how names begin, up to a hyphen.
    names : mapping of str to str
        Each name, and by what it may be called besides: its family.

    Raises
    ------
    ParameterError
        A word stands for nothing.

    Examples
    --------
    >>> table = {"tiny-sgd": "tiny", "tiny-adam": "tiny", "wide": "wide"}
    >>> choose("cases", ["tiny"], table)
    ['tiny-sgd', 'tiny-adam']
    """
    found: set[str] = set()
    for word in words:
        meant = {
            name
            for name, family in names.items()
            if word in {name, family} or name.startswith(f"{word}-")
        }
        if not meant:
            known = [*names, *{*names.values()}.difference(names)]
            message = (
                f"`--{option}` must be names from {', '.join(names)}, or how they begin; got "
                f"{word!r}.{did_you_mean(word, known) or f' Use {next(iter(names))!r}.'}"
            )
            raise ParameterError(message)
        found |= meant
    return [name for name in names if name in found]
