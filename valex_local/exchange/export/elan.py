"""Export ELAN annotation files (EAF 3.0), which align scripts with the video, ready to be corrected.

Source of the format: https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from valex_local.exchange.export.selection import Material
from valex_local.files.atomic import write_whole
from valex_local.files.text import clean_text
from valex_local.records import Media, Post
from valex_local.rendering.timing import TimedScript, TimedSpan, lanes, milliseconds

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_ALIGNED, _NAMED = "aligned", "named"
_ASSOCIATION = "Symbolic_Association"


class Elan:
    """Write ``<post>.eaf`` for each script, with the tiers shots, speech, speakers, screen text and actions.

    Annotations in one tier must not overlap in ELAN, so overlapping ones are split into ``speech``, ``speech 2`` and so
    on. ``speakers`` depends on ``speech``, so that both move together.
    """

    def __call__(self, material: Material, target: Path) -> None:
        """Write the files."""
        for timed in material.timed_scripts():
            media = material.study.read(timed.post.id, "media", Media)
            tree = document(timed, media, target)
            content = ElementTree.tostring(tree, encoding="utf-8", xml_declaration=True)
            write_whole(target / f"{timed.post.id}.eaf", content + b"\n")


def document(timed: TimedScript, media: Media | None, folder: Path) -> ElementTree.Element:
    """Return the annotation document of a post.

    Parameters
    ----------
    timed : TimedScript
        The lines of the script, with times.
    media : Media or None
        The record with the shots.
    folder : Path
        The folder of the file, to which the path of the video is relative.

    Returns
    -------
    Element
        The root element.
    """
    root = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "valex_local",
            "DATE": datetime.now(UTC).isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            f"{{{_XSI}}}noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    tiers = _Tiers()
    tiers.add("shots", () if media is None else _shots(media))
    tiers.add("speech", timed.speech, speakers="speakers")
    tiers.add("screen text", timed.screen_text)
    tiers.add("actions", timed.actions)
    root.append(_header(timed.post, folder, tiers.count))
    root.append(tiers.time_order())
    root.extend(tiers.elements)
    root.extend(_types())
    ElementTree.indent(root)
    return root


def _shots(media: Media) -> Sequence[TimedSpan]:
    spans = [(milliseconds(shot.start), milliseconds(shot.end)) for shot in media.shots]
    return [TimedSpan(start, max(end, start + 1), f"shot {number}") for number, (start, end) in enumerate(spans, 1)]


def _header(post: Post, folder: Path, annotations: int) -> ElementTree.Element:
    header = ElementTree.Element("HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if post.video is not None:
        relative = Path(os.path.relpath(post.video.path, folder)).as_posix()
        path = xml_text(relative if relative.startswith("../") else f"./{relative}")
        kind = mimetypes.guess_type(path)[0] or "unknown"
        place = {"MEDIA_URL": path, "RELATIVE_MEDIA_URL": path, "MIME_TYPE": kind}
        ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", place)
    ElementTree.SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(annotations)
    return header


class _Tiers:
    """Build tiers and count their annotations."""

    def __init__(self) -> None:
        self.elements: list[ElementTree.Element] = []
        self.count = 0
        self._slots: list[int] = []

    def add(self, name: str, spans: Sequence[TimedSpan], *, speakers: str | None = None) -> None:
        """Add spans, sorted by start, as one tier or several, and optionally their speakers as dependent tiers."""
        for number, lane in enumerate(lanes(spans), 1):
            tier = _numbered(name, number)
            ids = self._tier({"TIER_ID": tier, "LINGUISTIC_TYPE_REF": _ALIGNED}, map(self._aligned, lane))
            if speakers is not None:
                attributes = {
                    "TIER_ID": _numbered(speakers, number),
                    "LINGUISTIC_TYPE_REF": _NAMED,
                    "PARENT_REF": tier,
                }
                names = zip(ids, lane, strict=True)
                self._tier(attributes, (self._named(parent, span.speaker) for parent, span in names))

    def time_order(self) -> ElementTree.Element:
        """Return the time slots, which ELAN requires to be sorted; each annotation has its own two."""
        order = ElementTree.Element("TIME_ORDER")
        for slot, time in sorted(enumerate(self._slots, 1), key=lambda pair: pair[1]):
            ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{slot}", "TIME_VALUE": str(time)})
        return order

    def _tier(self, attributes: dict[str, str], annotations: Iterable[ElementTree.Element]) -> list[str]:
        tier = ElementTree.Element("TIER", attributes)
        ids = []
        for annotation in annotations:
            ElementTree.SubElement(tier, "ANNOTATION").append(annotation)
            ids.append(annotation.attrib["ANNOTATION_ID"])
        self.elements.append(tier)
        return ids

    def _aligned(self, span: TimedSpan) -> ElementTree.Element:
        self._slots += [span.start, span.end]
        last = len(self._slots)
        slots = {"TIME_SLOT_REF1": f"ts{last - 1}", "TIME_SLOT_REF2": f"ts{last}"}
        return self._annotation("ALIGNABLE_ANNOTATION", slots, span.text)

    def _named(self, parent: str, name: str) -> ElementTree.Element:
        return self._annotation("REF_ANNOTATION", {"ANNOTATION_REF": parent}, name)

    def _annotation(self, kind: str, refers: dict[str, str], text: str) -> ElementTree.Element:
        self.count += 1
        annotation = ElementTree.Element(kind, {"ANNOTATION_ID": f"a{self.count}", **refers})
        ElementTree.SubElement(annotation, "ANNOTATION_VALUE").text = xml_text(text)
        return annotation


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"


def _types() -> list[ElementTree.Element]:
    """Return the tier types: one with times of its own, and one with a name for each annotation of another tier."""
    shared = {"GRAPHIC_REFERENCES": "false"}
    aligned = {"LINGUISTIC_TYPE_ID": _ALIGNED, "TIME_ALIGNABLE": "true", **shared}
    named = {"LINGUISTIC_TYPE_ID": _NAMED, "TIME_ALIGNABLE": "false", "CONSTRAINTS": _ASSOCIATION, **shared}
    constraint = {"STEREOTYPE": _ASSOCIATION, "DESCRIPTION": "1-1 association with a parent annotation"}
    return [
        ElementTree.Element("LINGUISTIC_TYPE", aligned),
        ElementTree.Element("LINGUISTIC_TYPE", named),
        ElementTree.Element("CONSTRAINT", constraint),
    ]


def xml_text(text: str) -> str:
    """Return a text in which characters that XML 1.0 does not allow are replaced by U+FFFD."""
    return "".join(c if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in clean_text(text))
