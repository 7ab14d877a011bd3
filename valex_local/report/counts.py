"""The figures behind the charts of values: how often each is present or conflicted, and which go together.

The states of a post are kept as 19 letters in circle order, so that a study of many posts takes little room and the
list of posts in the browser reads the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valex_local.records import ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State, Value

PRESENT, DOMINANT, CONFLICTED, ABSENT, NOT_ASSESSED = "p", "d", "c", "a", "n"
"""The letter of each state; a dominant value is present."""

_LETTERS = {
    State.PRESENT: PRESENT,
    State.CONFLICTED: CONFLICTED,
    State.ABSENT: ABSENT,
    State.NOT_ASSESSED: NOT_ASSESSED,
}


def letters(values: Sequence[ValueLabel]) -> str:
    """Return the states of a post as letters; empty where it has no labels."""
    return "".join(DOMINANT if v.dominant and v.state is State.PRESENT else _LETTERS[v.state] for v in values)


@dataclass(frozen=True)
class ValueCount:
    """In how many posts a value has each state; `dominant` ones are among those present."""

    value: Value
    present: int
    dominant: int
    conflicted: int
    absent: int
    not_assessed: int


@dataclass(frozen=True)
class ValuePair:
    """Two values that are present together in `posts` posts, where chance alone would give `expected`."""

    one: Value
    other: Value
    posts: int
    expected: float


def _table(states: Sequence[str]) -> NDArray[np.str_]:
    """Return states as letters, (N, 19)."""
    return np.array([list(post) for post in states], dtype="U1").reshape(len(states), len(CIRCLE))


def count_values(states: Sequence[str]) -> tuple[ValueCount, ...]:
    """Return how often each value has each state.

    Parameters
    ----------
    states : sequence of str
        19 letters for each post that has labels.
    """
    table = _table(states)
    by_letter = {letter: (table == letter).sum(axis=0) for letter in "pdcan"}
    return tuple(
        ValueCount(
            value,
            present=int(by_letter[PRESENT][at] + by_letter[DOMINANT][at]),
            dominant=int(by_letter[DOMINANT][at]),
            conflicted=int(by_letter[CONFLICTED][at]),
            absent=int(by_letter[ABSENT][at]),
            not_assessed=int(by_letter[NOT_ASSESSED][at]),
        )
        for at, value in enumerate(CIRCLE)
    )


def together(states: Sequence[str], polarity: Polarity) -> NDArray[np.int64]:
    """Return in how many posts two values hold in the same polarity, (19, 19), symmetric.

    The diagonal holds the number of posts in which the value itself does.
    """
    table = _table(states)
    holds = np.isin(table, [PRESENT, DOMINANT] if polarity is Polarity.PRESENT else [CONFLICTED]).astype(np.int64)
    counts: NDArray[np.int64] = holds.T @ holds
    return counts


def frequent_pairs(states: Sequence[str], most: int) -> tuple[ValuePair, ...]:
    """Return the pairs of values most often present together, the most frequent first.

    What chance would give is the product of both frequencies among the posts in which both values were assessed.
    """
    counts = together(states, Polarity.PRESENT)
    table = _table(states)
    assessed = (table != NOT_ASSESSED).astype(np.int64)
    present = np.isin(table, [PRESENT, DOMINANT]).astype(np.int64)
    both = assessed.T @ assessed
    # [i, j]: in how many posts i is present among those in which j was assessed too.
    beside = present.T @ assessed
    expected = beside * beside.T / np.maximum(both, 1)
    above = [(i, j) for i in range(len(CIRCLE)) for j in range(i) if counts[i, j]]
    above.sort(key=lambda at: (-counts[at], at))
    return tuple(ValuePair(CIRCLE[j], CIRCLE[i], int(counts[i, j]), float(expected[i, j])) for i, j in above[:most])


@dataclass(frozen=True)
class AuthorCount:
    """The posts of one author: how many there are, how many have labels, how often each value holds in these.

    `name` is None where posts name no author; `others` is the number of authors that a last line stands for.
    """

    name: str | None
    posts: int
    labelled: int
    present: tuple[int, ...]
    conflicted: tuple[int, ...]
    others: int = 0


def count_authors(posts: Iterable[tuple[str | None, str]], most: int) -> tuple[AuthorCount, ...]:
    """Return the counts of each author, those with the most posts first.

    Parameters
    ----------
    posts : iterable of (author, letters)
        Author and states of each post; the letters are empty where it has no labels.
    most : int
        So many authors have a line of their own; all others share the last one.
    """
    states: dict[str | None, list[str]] = {}
    for author, post in posts:
        states.setdefault(author, []).append(post)
    ordered = sorted(states, key=lambda name: (-len(states[name]), name is None, name or ""))
    counts = [_author(name, states[name]) for name in ordered[:most]]
    rest = ordered[most:]
    if rest:
        counts.append(_author(None, [post for name in rest for post in states[name]], others=len(rest)))
    return tuple(counts)


def _author(name: str | None, states: Sequence[str], others: int = 0) -> AuthorCount:
    labelled = [post for post in states if post]
    counts = count_values(labelled)
    present, conflicted = tuple(c.present for c in counts), tuple(c.conflicted for c in counts)
    return AuthorCount(name, len(states), len(labelled), present, conflicted, others)
