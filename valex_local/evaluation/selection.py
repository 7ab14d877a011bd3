"""Choose label sets of a study by route and script, and name the options that leave some of them out."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence

from valex_local.errors import InputError
from valex_local.study.variants import LabelKey


def selects(key: LabelKey, *, routes: Collection[str] = (), scripts: Collection[str] = ()) -> bool:
    """Whether a set of labels is among those chosen.

    Parameters
    ----------
    key : LabelKey
        The set of labels.
    routes : collection of str
        Routes (``encoder``: by any model), routes with the name of a model (``encoder@mpnet``), or single sets of
        labels (``gemini.encoder@mpnet``); all if empty.
    scripts : collection of str
        Scripts that were labelled; all if empty.
    """
    by_route = not routes or not {key.route, key.by, str(key)}.isdisjoint(routes)
    return by_route and (not scripts or key.script in scripts)


def check_names(keys: Collection[LabelKey], *, routes: Collection[str] = (), scripts: Collection[str] = ()) -> None:
    """Raise InputError unless every route and script that was asked for exists, and some set of labels has both.

    Parameters
    ----------
    keys : collection of LabelKey
        The sets of labels that there are.
    routes, scripts : collection of str
        As for `selects`.

    Raises
    ------
    InputError
        There is no such route or script, or no set of labels is by these routes for these scripts.
    """
    hint = f"The labels are: {', '.join(map(str, sorted(keys))) or 'none'}"
    for what, names in (("route", routes), ("script", scripts)):
        for name in names:
            if not any(selects(key, **{f"{what}s": (name,)}) for key in keys):
                raise InputError(f"there are no labels of the {what} {name!r}", hint=hint)
    if not any(selects(key, routes=routes, scripts=scripts) for key in keys):
        raise InputError("no labels are by these routes for these scripts", hint=hint)


def options_keeping(kept: Sequence[LabelKey], dropped: Sequence[LabelKey]) -> str:
    """Return the shortest options of `valex evaluate` that keep some sets of labels and leave out others."""
    for options in _options(kept):
        chosen = [key for key in (*kept, *dropped) if selects(key, **options)]
        if chosen == list(kept):
            return " ".join(f"--{name} {shlex.quote(one)}" for name, of_one in options.items() for one in of_one)
    raise ValueError("the sets of labels are not distinct")


def _options(kept: Sequence[LabelKey]) -> Iterator[dict[str, tuple[str, ...]]]:
    yield {"scripts": tuple(dict.fromkeys(key.script for key in kept))}
    yield {"routes": tuple(dict.fromkeys(key.by for key in kept))}
    yield {"routes": tuple(map(str, kept))}
