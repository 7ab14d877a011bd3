"""What action lines name of all that detectors know, in words: what was found in their keyframes, and what was not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from valex_local.files.text import one_line
from valex_local.records import Grounding, NamedThing, Script
from valex_local.rendering.lines import script_lines


@dataclass(frozen=True)
class LookedFor:
    """What lines name: `found` in the keyframes of its line or not, each as a line names it, and once."""

    found: tuple[str, ...] = ()
    not_found: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.found or self.not_found)

    @classmethod
    def of(cls, named: Iterable[NamedThing]) -> LookedFor:
        """Return what a grounding record says of some lines."""
        found: dict[str, None] = {}
        lacking: dict[str, None] = {}
        for one in named:
            (lacking if one.score is None else found)[one_line(one.word)] = None
            if one.number is not None:
                people = "1 person" if one.number == 1 else f"{one.number} people"
                if one.number == one.counted:
                    found[people] = None
                else:
                    lacking[f"{people} ({one.counted} counted)"] = None
        return cls(tuple(found), tuple(lacking))

    def __str__(self) -> str:
        both = {"found": self.found, "not found": self.not_found}
        return "; ".join(f"{what}: {', '.join(words)}" for what, words in both.items() if words)


def looked_for(script: Script, grounding: Grounding) -> dict[str, LookedFor]:
    """Return for the action lines of a script what they name of all that detectors know, by id.

    Parameters
    ----------
    script : Script
        The script.
    grounding : Grounding
        Its grounding. What it says of a line that has changed since is left out.

    Returns
    -------
    dict of str to LookedFor
        Without lines that the template wrote from what detectors found, unless something differs.
    """
    named: dict[str, list[NamedThing]] = {}
    lines = {(line.scene, line.element): line for line in script_lines(script) if line.kind == "action"}
    for one in grounding.things:
        line = lines.get((one.scene, one.element))
        if line is not None and one_line(one.word) in line.text:
            named.setdefault(line.id, []).append(one)
    seen = {line: LookedFor.of(of_line) for line, of_line in named.items()}
    of_template = {line.id for line in lines.values() if script.scenes[line.scene - 1].written_by == "template"}
    return {line: found for line, found in seen.items() if found.not_found or line not in of_template}
