"""Count how often each value is present or conflicted, and which values occur together, for the charts.

The states of a post are stored as 19 letters in the order of the circle: this takes little memory for a study of many
posts, and the list of posts in the browser uses the same format.
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
    """Return the states of a post as letters; "" if it has no labels."""
    return "".join(DOMINANT if v.dominant and v.state is State.PRESENT else _LETTERS[v.state] for v in values)


@dataclass(frozen=True)
class ValueCount:
    """The number of posts in which a value has each state; `dominant` is included in `present`."""

    value: Value
    present: int
    dominant: int
    conflicted: int
    absent: int
    not_assessed: int


@dataclass(frozen=True)
class ValuePair:
    """Two values that are present together in `posts` posts; by chance alone it would be `expected`."""

    one: Value
    other: Value
    posts: int
    expected: float


def _table(states: Sequence[str]) -> NDArray[np.str_]:
    """Return states as letters, (N, 19)."""
    return np.array([list(post) for post in states], dtype="U1").reshape(len(states), len(CIRCLE))


def count_values(states: Sequence[str]) -> tuple[ValueCount, ...]:
    """Return the number of posts with each state, by value.

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
    """Return the number of posts in which two values hold in the same polarity, (19, 19), symmetric.

    The diagonal is the number of posts in which the value itself holds.
    """
    table = _table(states)
    holds = np.isin(table, [PRESENT, DOMINANT] if polarity is Polarity.PRESENT else [CONFLICTED]).astype(np.int64)
    counts: NDArray[np.int64] = holds.T @ holds
    return counts


def frequent_pairs(states: Sequence[str], most: int) -> tuple[ValuePair, ...]:
    """Return the pairs of values that are most often present together, the most frequent first.

    The number expected by chance is the product of both frequencies over the posts in which both values were assessed.
    """
    counts = together(states, Polarity.PRESENT)
    table = _table(states)
    assessed = (table != NOT_ASSESSED).astype(np.int64)
    present = np.isin(table, [PRESENT, DOMINANT]).astype(np.int64)
    both = assessed.T @ assessed
    # [i, j]: number of posts in which i is present and j was assessed.
    beside = present.T @ assessed
    expected = beside * beside.T / np.maximum(both, 1)
    above = [(i, j) for i in range(len(CIRCLE)) for j in range(i) if counts[i, j]]
    above.sort(key=lambda at: (-counts[at], at))
    return tuple(ValuePair(CIRCLE[j], CIRCLE[i], int(counts[i, j]), float(expected[i, j])) for i, j in above[:most])


@dataclass(frozen=True)
class AuthorCount:
    """The number of posts of one author, of those with labels, and of those in which each value holds.

    `name` is None for posts without an author; `others` is the number of authors that the last line sums up.
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
        Author and states of each post; the letters are "" if it has no labels.
    most : int
        Maximum number of authors with a line of their own; all others are summed up in a last line.
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
