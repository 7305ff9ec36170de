"""One network trained by several programs from the same start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlplab.results.sections import Section

__all__ = ["Comparison", "Peer"]

SAME = 1e-4
"""Networks whose weights differ by no more are called the same."""

_OWN = "as the study says"


@dataclass(frozen=True, slots=True)
class Peer:
    """What one program made of the network.

    Attributes
    ----------
    name : str
    seconds : float
        Of the training alone.
    epochs : int
        How many it made.
    losses : tuple of float
        Training loss of each epoch, where the program tells it.
    loss : float
        The last one.
    difference : float
        The largest difference of a weight or bias from the first program's.
    train_score, score : float
        On the training rows and on the rows that judge, by the weights that it left.
    """

    name: str
    seconds: float
    epochs: int
    losses: tuple[float, ...]
    loss: float
    difference: float
    train_score: float
    score: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Programs side by side: the same initial weights, rows, and orders of the rows.

    Attributes
    ----------
    peers : tuple of Peer
        The first is the definition from which the others' differences are counted.
    epochs : int
        How many each was asked for.
    score_name : str
        ``"accuracy"``, for example.
    judged_name : str
        Which rows judge: ``"test"``, for example.
    left_out : tuple of str
        Sentences about programs that could not take part, and why.
    of : str
        Which variant of a study this is about; empty for its own network.

    Examples
    --------
    >>> ours = Peer("ours", 0.1, 2, (0.5, 0.4), 0.4, 0.0, 0.9, 0.8)
    >>> theirs = Peer("theirs", 1.0, 2, (0.5, 0.4), 0.4, 3e-7, 0.9, 0.8)
    >>> Comparison((ours, theirs), 2, "accuracy", "test").sentence
    'The same network: after 2 epochs all weights agree to 3e-07.'
    """

    peers: tuple[Peer, ...]
    epochs: int
    score_name: str
    judged_name: str
    left_out: tuple[str, ...] = ()
    of: str = ""

    @property
    def difference(self) -> float:
        """The largest difference of a weight among all programs."""
        return max((peer.difference for peer in self.peers), default=0.0)

    @property
    def sentence(self) -> str:
        """Whether it is the same network, in words."""
        if len(self.peers) < 2:
            return "There is no other program to compare with."
        whole = f"after {self.epochs:,} epoch{'' if self.epochs == 1 else 's'}"
        if self.difference <= SAME:
            same = "are equal" if not self.difference else f"agree to {self.difference:.0e}"
            return f"The same network: {whole} all weights {same}."
        apart = [
            f"{peer.name} by up to {peer.difference:.2g}"
            for peer in self.peers
            if not peer.difference <= SAME
        ]
        return (
            f"Not the same network {whole}: weights differ from those of {self.peers[0].name} "
            f"though all began with the same ones; {', '.join(apart)}."
        )

    def section(self) -> Section:
        """Return sentence, table and figures for a report."""
        return comparison_section([self])


def comparison_section(comparisons: Sequence[Comparison]) -> Section:
    """Return one section about several comparisons, of variants of a network for example."""
    first = comparisons[0]
    several = len(comparisons) > 1 or bool(first.of)
    head = ("network",) if several else ()
    score = f"{first.score_name}, "
    headers = (
        *head, "program", "epochs", "seconds", "last loss", "weights differ by",
        f"{score}training", f"{score}{first.judged_name}",
    )  # fmt: skip
    rows = [
        (*((one.of or _OWN,) if several else ()), *_cells(peer, one.peers[0]))
        for one in comparisons
        for peer in one.peers
    ]
    sentences = [
        f"{one.of or _OWN}: {one.sentence}" if several else one.sentence for one in comparisons
    ]
    told = dict.fromkeys(sentence for one in comparisons for sentence in one.left_out)
    return Section(
        "comparison",
        "Beside other programs",
        (*sentences, *told),
        headers,
        tuple(rows),
        tuple(range(len(head) + 1, len(headers))),
        ("compare_losses", "compare_boundaries"),
    )


def _cells(peer: Peer, first: Peer) -> tuple[str, ...]:
    difference = "–" if peer is first else f"{peer.difference:.1e}"
    loss = "–" if math.isnan(peer.loss) else f"{peer.loss:.6f}"
    return (
        peer.name, f"{peer.epochs:,}", f"{peer.seconds:.3g}", loss, difference,
        f"{peer.train_score:.4f}", f"{peer.score:.4f}",
    )  # fmt: skip
