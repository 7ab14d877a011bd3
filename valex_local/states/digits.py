"""Cut-offs in digits, so that a reader sees from them which probabilities are called."""

from __future__ import annotations

from valex_local.records import ValueLabel


def cutoffs_in_digits(label: ValueLabel) -> tuple[float | None, float | None]:
    """Return the cut-offs for present and conflicted with four digits; None for one that no probability reaches.

    They are rounded up. As probabilities have four digits, this changes no state.
    """
    return _in_digits(label.present_from), _in_digits(label.conflicted_from)


def _in_digits(cutoff: float | None) -> float | None:
    if cutoff is None or cutoff > 1:
        return None
    limit = round(cutoff, 4)
    return limit if limit >= cutoff else round(limit + 1e-4, 4)


def with_cutoff(probability: float, cutoff: float | None) -> tuple[str, str]:
    """Return a probability and its cut-off in digits, two where they show which is larger, else up to four.

    Parameters
    ----------
    probability : float
        A probability of a record.
    cutoff : float or None
        The smallest probability that is called, if there is any cut-off.

    Returns
    -------
    probability, cutoff : str
        The figures; "" without a cut-off, and "never" for one that no probability reaches.
    """
    limit = _in_digits(cutoff)
    if limit is None:
        return f"{probability:.2f}", "" if cutoff is None else "never"
    pairs = [(f"{probability:.{digits}f}", f"{limit:.{digits}f}") for digits in (2, 3, 4)]
    return next(pair for pair in pairs if (float(pair[0]) >= float(pair[1])) == (probability >= limit))
