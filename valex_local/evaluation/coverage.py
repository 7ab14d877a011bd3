"""Which texts label sets have in common, and which sets leave the fewest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from valex_local.evaluation.results import Shrinking
from valex_local.evaluation.selection import options_keeping
from valex_local.study.variants import LabelKey


def in_common(gold: Sequence[str], sets: Collection[Collection[str]]) -> tuple[str, ...]:
    """Return the texts with gold labels that all label sets cover, in the order of the gold labels."""
    return tuple(name for name in gold if all(name in texts for texts in sets))


def shrinking(
    gold: Sequence[str], sets: Mapping[str, Collection[str]], keys: Mapping[str, LabelKey]
) -> Shrinking | None:
    """Return the label sets without which most texts more would be in common; None if no set costs any.

    Sets are left out one after the other, that with the fewest texts first. The step that gains the most texts, and
    all before it, are what is returned: so of five scripts that only some posts have, all labels are named, although
    none of them alone would gain a text.

    Parameters
    ----------
    gold : sequence of str
        The texts with gold labels.
    sets : mapping of str to collection of str
        The texts that each label set covers.
    keys : mapping of str to LabelKey
        The names of the sets that come from a study, by the same names.

    Returns
    -------
    Shrinking or None
        The sets, what they cost, and how to leave them out.
    """
    own = {name: len(in_common(gold, [texts])) for name, texts in sets.items()}
    order = sorted(own, key=own.__getitem__)
    left = [len(in_common(gold, [sets[name] for name in order[out:]])) for out in range(len(order))]
    gains = [after - before for before, after in pairwise(left)]
    if not any(gains):
        return None
    out = gains.index(max(gains)) + 1
    dropped, kept = order[:out], [name for name in sets if name not in order[:out]]
    return Shrinking(
        sets=tuple(dropped),
        texts=tuple(own[name] for name in dropped),
        gold=len(gold),
        without=left[out],
        how=_how(kept, dropped, keys),
    )


def _how(kept: Sequence[str], dropped: Sequence[str], keys: Mapping[str, LabelKey]) -> str:
    """Return what to add to the command, and which of its arguments to leave out."""
    of_study = [keys[name] for name in dropped if name in keys]
    files = [name for name in dropped if name not in keys]
    still = list(dict.fromkeys(keys[name] for name in kept if name in keys))
    steps = []
    if of_study and still:
        steps.append(f"add {options_keeping(still, of_study)}")
    elif of_study:
        steps.append("leave out the study")
    if files:
        steps.append(f"leave out {', '.join(files)}")
    return " and ".join(steps)
