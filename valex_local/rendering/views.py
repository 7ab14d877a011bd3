"""Views of scripts: a script without some kinds of its elements, to see what the labels owe to them.

A view is named after its script, ``template~action`` or ``gemini~speech~post``, and is made whenever it is read: there
is no record of it. In labels it stands in the place of a script's name.
"""

from __future__ import annotations

from collections.abc import Iterable

from valex_local.errors import ConfigError
from valex_local.records import Action, Script

MARK = "~"
"""Separates a script's name and the kinds of elements that are left out."""

ELEMENTS = {
    "action": "action",
    "heading": "heading",
    "screen_text": "text",
    "post": "post",
    "speech": "dialogue",
}
"""What can be left out, and the kind of element that it is; headings are part of scenes."""

_GONE = Action(text="", start=None, end=None)
"""Takes the place of an element that is left out, and is never shown: the lines of a view keep their ids."""


def view_name(script: str, without: Iterable[str]) -> str:
    """Return the name of a view.

    Parameters
    ----------
    script : str
        The name of a script, or of a view of it.
    without : iterable of str
        Names in `ELEMENTS`, or several of them joined by commas.

    Returns
    -------
    str
        The name; kinds are in the order of `ELEMENTS`, so that a view has one name.

    Raises
    ------
    ConfigError
        There is no such kind of element, or nothing would be left.
    """
    base, *before = script.split(MARK)
    asked = {*before, *(name.strip() for listed in without for name in listed.split(","))}
    for name in sorted(asked - ELEMENTS.keys()):
        raise ConfigError(f"scripts have no elements {name!r}", hint=f"What can be left out: {', '.join(ELEMENTS)}")
    if asked == ELEMENTS.keys():
        raise ConfigError("nothing would be left of the scripts", hint="Leave out less")
    return MARK.join([base, *(name for name in ELEMENTS if name in asked)])


def script_of(name: str) -> str:
    """Return the name of the script that a view is of; that of a script itself."""
    return name.partition(MARK)[0]


def viewed(script: Script, name: str) -> Script:
    """Return a view of a script.

    Parameters
    ----------
    script : Script
        The script.
    name : str
        The name of the view.

    Returns
    -------
    Script
        The script with blank elements in the place of those that the name leaves out, so that a line has the same id in
        the script and in its views. On-screen text that repeats speech is not shown for it where speech is left out.

    Raises
    ------
    ConfigError
        The name leaves out what there is not.
    """
    gone = {ELEMENTS[part] for part in view_name(name, ()).split(MARK)[1:]}
    scenes = tuple(
        scene.model_copy(
            update={
                "heading": None if "heading" in gone else scene.heading,
                "elements": tuple(_GONE if element.kind in gone else element for element in scene.elements),
            }
        )
        for scene in script.scenes
    )
    return script.model_copy(update={"name": name, "scenes": scenes})
