"""Histogram of confidences, in ten bars from 0 to 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from markupsafe import Markup

from valex_local.report.svg import element, markup, picture

_BARS = 10
_FINE = 100
_WIDTH, _HEIGHT, _FOOT = 240.0, 56.0, 14.0


class Confidences:
    """Counts of probabilities rounded to two decimals, in constant memory."""

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()

    def add(self, probabilities: Iterable[float]) -> None:
        """Count more probabilities."""
        self._bins.update(round(p * _FINE) for p in probabilities)

    def __len__(self) -> int:
        return self._bins.total()

    @property
    def median(self) -> float | None:
        """Return the (lower) median; None without probabilities."""
        left = (len(self) + 1) // 2
        for at in sorted(self._bins):
            left -= self._bins[at]
            if left <= 0:
                return at / _FINE
        return None

    def below(self, limit: float) -> float:
        """Return the share of probabilities below a limit; 0 without probabilities."""
        return sum(n for at, n in self._bins.items() if at < limit * _FINE) / len(self) if len(self) else 0.0

    def bars(self) -> list[int]:
        """Return the number of probabilities in each tenth; 1 belongs to the last."""
        counts = [0] * _BARS
        for at, n in self._bins.items():
            counts[min(at * _BARS // _FINE, _BARS - 1)] += n
        return counts


def histogram(confidences: Confidences, *, name: str) -> Markup:
    """Return the histogram as SVG."""
    counts = confidences.bars()
    highest = max(counts) or 1
    root = picture(_WIDTH, _HEIGHT + _FOOT, "histogram", name)
    width = _WIDTH / _BARS
    for at, count in enumerate(counts):
        height = (_HEIGHT - 4) * count / highest
        bar = element(root, "g")
        element(bar, "title", f"{at / _BARS:.1f} to {(at + 1) / _BARS:.1f}: {count}")
        element(bar, "rect", x=at * width, y=0, width=width, height=_HEIGHT, class_="ground")
        element(bar, "rect", x=at * width + 1.5, y=_HEIGHT - height, width=width - 3, height=height, class_="bar")
    element(root, "line", x1=0, y1=_HEIGHT, x2=_WIDTH, y2=_HEIGHT, class_="axis")
    for share, text, anchor in ((0, "0", "start"), (0.5, "0.5", "middle"), (1, "1", "end")):
        element(root, "text", text, x=share * _WIDTH, y=_HEIGHT + 11, text_anchor=anchor, class_="scale")
    return markup(root)
