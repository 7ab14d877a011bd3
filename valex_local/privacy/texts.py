"""Pseudonyms for texts that are labelled into a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from valex_local.corpus import Texts
from valex_local.privacy.pseudonyms import Pseudonyms, read_key


def texts_with_pseudonyms(texts: Texts, key: Path) -> Texts:
    """Return texts under the pseudonyms of their posts.

    What is labelled stays word for word, so that labels do not depend on pseudonyms. The former ids stay among the
    names by which label sheets may refer to a text.

    Parameters
    ----------
    texts : Texts
        The texts.
    key : Path
        File with the key.

    Returns
    -------
    Texts
        The same texts, in the order of their pseudonyms.

    Raises
    ------
    ConfigError
        The key cannot be used.
    """
    hide = Pseudonyms(read_key(key))
    named = (replace(one, id=hide.post(one.id), where="", names=(one.id, *one.names)) for one in texts)
    return Texts(tuple(sorted(named, key=lambda text: text.id)))
