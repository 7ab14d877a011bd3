"""Import corrections: exported subtitles and ELAN files that people corrected in another program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from valex_local.corpus.post_finder import PostFinder
from valex_local.errors import InputError
from valex_local.exchange.subtitles import Cue, read_cues
from valex_local.files.text import counted, read_raw, read_text
from valex_local.records import SPEAKER, Dialogue, LineKind, ScreenText, Segment, Track, Transcript
from valex_local.study import Study
from valex_local.study.corrections import NEAR
from valex_local.study.editing import Change, Editor

_TIERS: Mapping[str, LineKind] = {"speech": "speech", "screen text": "text"}
_NAMES = "speakers"
_KINDS: Mapping[str, LineKind] = {".speech": "speech", ".text": "text"}
_SLACK = 2
"""Milliseconds by which a time may differ from the record without being a correction."""


@dataclass
class ImportedCorrections:
    """The result of an import.

    Attributes
    ----------
    corrected, added, removed : dict of str to int
        Number of lines, by post.
    missing : dict of str to list of str
        Lines that are not in a file, by post; they stay, unless they were to be removed.
    unmatched : list of str
        Files that match no post, or several.
    notices : list of str
        What else was left out.
    """

    corrected: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def import_corrections(paths: Sequence[Path], study: Study, *, by: str, remove: bool = False) -> ImportedCorrections:
    """Store what people changed in exported files as corrections of a study.

    A line of a file is compared with the line of the record that it overlaps most; what is equal is no correction.

    Parameters
    ----------
    paths : sequence of Path
        SRT, WebVTT and ELAN files, named as `valex export` names them, or folders of them.
    study : Study
        The study.
    by : str
        Who made the corrections.
    remove : bool
        Whether to remove lines that are not in a file.

    Returns
    -------
    ImportedCorrections
        What was stored.

    Raises
    ------
    InputError
        A file cannot be read, or is no such file. Nothing is stored then.
    StudyError
        The study cannot be read or written.
    """
    read = [(path, _read(path)) for place in paths for path in _files(place)]
    finder = PostFinder(map(study.post, study.post_ids(excluded=True)))
    found, editor = ImportedCorrections(), Editor(study, by)
    for path, tiers in read:
        matching = finder.find([_post_name(path)])
        if len(matching) != 1:
            found.unmatched.append(f"{path.name}: {counted(len(matching), 'post')} of that name")
            continue
        for kind, cues in tiers.items():
            _Comparison(study, editor, matching[0], kind, found).store(cues, remove)
    return found


def _files(place: Path) -> list[Path]:
    """Return the files in a folder, or a file itself."""
    if not place.is_dir():
        return [place]
    found = sorted(path for path in place.iterdir() if path.suffix.lower() in (".srt", ".vtt", ".eaf"))
    if not found:
        raise InputError(
            "no subtitles and no ELAN files are here", path=place, hint="Name files ending in .srt, .vtt or .eaf"
        )
    return found


def _post_name(path: Path) -> str:
    return next((path.stem.removesuffix(end) for end in _KINDS if path.stem.endswith(end)), path.stem)


def _read(path: Path) -> dict[LineKind, list[Cue]]:
    if path.suffix.lower() == ".eaf":
        return _read_elan(path)
    cues = read_cues(read_text(path))
    if cues is None:
        raise InputError(
            "these are no subtitles and no ELAN file", path=path, hint="Use files of valex export srt, vtt or elan"
        )
    kind: LineKind = next((kind for end, kind in _KINDS.items() if path.stem.endswith(end)), "speech")
    return {kind: [cue for cue in cues if cue.text]}


# --- ELAN -----------------------------------------------------------------------------------------------------------


def _read_elan(path: Path) -> dict[LineKind, list[Cue]]:
    """Return the annotations of the tiers that `valex export elan` writes, with their speakers."""
    try:
        root = ElementTree.fromstring(read_raw(path))
        slots = {slot.attrib["TIME_SLOT_ID"]: slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
        tiers = {tier.attrib["TIER_ID"]: tier for tier in root.iter("TIER")}
        named = {a.attrib["ANNOTATION_REF"]: _value(a) for name, tier in tiers.items() if _first(name) == _NAMES
                 for a in tier.iter("REF_ANNOTATION")}  # fmt: skip
        found: dict[LineKind, list[Cue]] = {}
        for name, tier in tiers.items():
            kind = _TIERS.get(_first(name))
            if kind is not None:
                found.setdefault(kind, []).extend(_annotations(tier, slots, named))
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise InputError(
            f"this ELAN file cannot be read ({error})", path=path, hint="Save it again with ELAN"
        ) from error
    if not found:
        raise InputError(
            "this ELAN file has no tier 'speech' or 'screen text'", path=path, hint="Keep the names of the tiers"
        )
    return {kind: sorted(cues, key=lambda cue: (cue.start, cue.end)) for kind, cues in found.items()}


def _first(tier: str) -> str:
    """Return the name of a tier without the number of a second one of its kind."""
    return re.sub(r" [0-9]+$", "", tier)


def _annotations(tier: ElementTree.Element, slots: Mapping[str, str | None], named: Mapping[str, str]) -> Iterator[Cue]:
    for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
        start, end = (slots[annotation.attrib[f"TIME_SLOT_REF{which}"]] for which in (1, 2))
        text = _value(annotation)
        if start is not None and end is not None and text:
            yield Cue(int(start), max(int(start), int(end)), text, named.get(annotation.attrib["ANNOTATION_ID"], ""))


def _value(annotation: ElementTree.Element) -> str:
    return " ".join((annotation.findtext("ANNOTATION_VALUE") or "").split())


# --- comparing ------------------------------------------------------------------------------------------------------


class _Comparison:
    """The lines of one kind of a post, as they are now and as they are in a file."""

    def __init__(self, study: Study, editor: Editor, post_id: str, kind: LineKind, found: ImportedCorrections) -> None:
        self._editor, self._post_id, self._kind, self._found = editor, post_id, kind, found
        if kind == "speech":
            transcript = study.read(post_id, "transcript", Transcript)
            self._lines: Sequence[Segment | Track] | None = None if transcript is None else transcript.segments
            self._speakers = _speakers(study, post_id)
        else:
            screen = study.read(post_id, "text", ScreenText)
            self._lines = None if screen is None else screen.tracks
            self._speakers = {}

    def store(self, cues: Sequence[Cue], remove: bool) -> None:
        """Store the differences."""
        if self._lines is None:
            what = "speech" if self._kind == "speech" else "on-screen text"
            self._found.notices.append(f"{self._post_id}: no {what} was recognised here, so none can be corrected")
            return
        placed = _place(cues, self._lines)
        groups = {at: [cues[n] for n, to in enumerate(placed) if to == at] for at in range(len(self._lines))}
        for at, line in enumerate(self._lines):
            if groups[at]:
                self._correct(line, groups[at])
            elif not (isinstance(line, Track) and line.left_out is not None):
                self._lacking(line, remove)
        for cue, to in zip(cues, placed, strict=True):
            if to is None:
                self._add(cue)

    def _correct(self, line: Segment | Track, cues: Sequence[Cue]) -> None:
        start, end = min(cue.start for cue in cues), max(cue.end for cue in cues)
        text = " ".join(cue.text for cue in cues)
        speakers = {cue.speaker for cue in cues} - {"", SPEAKER} - self._speakers.get(line.id, set())
        moved = abs(start - line.start * 1000) > _SLACK or abs(end - max(line.end * 1000, start + 1)) > _SLACK
        change = Change(
            text=None if _plain(text) == _plain(line.text) else text,
            start=start / 1000 if moved else None,
            end=end / 1000 if moved else None,
            speaker=speakers.pop() if len(speakers) == 1 else None,
        )
        if change != Change():
            self._editor.correct(self._post_id, line.id, change)
            self._count(self._found.corrected)

    def _lacking(self, line: Segment | Track, remove: bool) -> None:
        if remove:
            self._editor.correct(self._post_id, line.id, Change(removed=True))
            self._count(self._found.removed)
        else:
            self._found.missing.setdefault(self._post_id, []).append(line.id)

    def _add(self, cue: Cue) -> None:
        if self._kind == "text":
            at = f"{cue.start / 1000:g} s"
            self._found.notices.append(f"{self._post_id}: on-screen text at {at} matches no line and was left out")
            return
        speaker = cue.speaker if cue.speaker not in ("", SPEAKER) else None
        self._editor.add(self._post_id, Change(cue.text, cue.start / 1000, cue.end / 1000, speaker))
        self._count(self._found.added)

    def _count(self, counts: dict[str, int]) -> None:
        counts[self._post_id] = counts.get(self._post_id, 0) + 1


def _speakers(study: Study, post_id: str) -> dict[str, set[str]]:
    """Return who says each line of speech, or its parts, in the first script of a post that refers to it."""
    found: dict[str, set[str]] = {}
    for variant in study.script_variants(post_id):
        before = frozenset(found)
        for scene in study.script(post_id, variant)[1].scenes:
            for element in scene.elements:
                if isinstance(element, Dialogue) and element.ref is not None and element.ref not in before:
                    found.setdefault(element.ref, set()).add(element.speaker)
    return found


def _place(cues: Sequence[Cue], lines: Sequence[Segment | Track]) -> list[int | None]:
    """Return the place of the line that each cue belongs to: the same words nearby, else most time in common."""
    free = dict(enumerate(lines))
    placed: list[int | None] = [None] * len(cues)
    for number, cue in enumerate(cues):
        same = [
            (abs(line.start - cue.start / 1000), at)
            for at, line in free.items()
            if _plain(line.text) == _plain(cue.text) and abs(line.start - cue.start / 1000) <= NEAR
        ]
        if same:
            placed[number] = min(same)[1]
            del free[min(same)[1]]
    for number, cue in enumerate(cues):
        near = [(_common(line, cue), -at) for at, line in free.items() if _common(line, cue) > 0]
        if placed[number] is None and near:
            placed[number] = -max(near)[1]
    return placed


def _common(line: Segment | Track, cue: Cue) -> float:
    """Return the time that a line and a cue have in common, seconds."""
    return min(line.end, cue.end / 1000) - max(line.start, cue.start / 1000)


def _plain(text: str) -> str:
    return " ".join(text.split())
