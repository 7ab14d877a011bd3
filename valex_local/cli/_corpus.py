"""Printing what was read of texts and labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from valex_local.corpus import Corpus

_MOST = 5


def print_corpus(corpus: Corpus, say: Callable[[str], None]) -> None:
    """Print how many texts have labels, and what could not be matched."""
    say(f"{len(corpus.texts)} texts with labels")
    print_list("labels without a text", corpus.unmatched_labels, say)
    print_list("texts without a label", [text.id for text in corpus.unlabelled], say)
    print_list("notice", corpus.notices, say)


def print_list(title: str, rows: Sequence[str], say: Callable[[str], None]) -> None:
    """Print how many rows there are, and the first few."""
    if not rows:
        return
    more = f" and {len(rows) - _MOST} more" if len(rows) > _MOST else ""
    say(f"{len(rows)} × {title}: {'; '.join(rows[:_MOST])}{more}")
