"""Export who speaks when as RTTM, the format of speaker diarization (NIST Rich Transcription 2009, appendix A)."""

from __future__ import annotations

from pathlib import Path

from valex_local.exchange.export.selection import Material
from valex_local.files.atomic import write_whole
from valex_local.files.text import one_line
from valex_local.records import Edits, Speakers


class Rttm:
    """Write ``<post>.rttm`` for each post in whose sound someone speaks, with the names that people gave."""

    def __call__(self, material: Material, target: Path) -> None:
        """Write the files."""
        for post_id in material.posts:
            found = material.study.read(post_id, "speakers", Speakers)
            if found is None or not found.segments:
                reason = "who speaks was not looked for" if found is None else found.skipped or "nobody speaks"
                material.leave_out(post_id, reason)
                continue
            material.exported.add(post_id)
            lines = rttm_lines(post_id, found, material.study.edits(post_id))
            write_whole(target / f"{post_id}.rttm", "".join(f"{line}\n" for line in lines).encode())


def rttm_lines(post_id: str, found: Speakers, edits: Edits | None) -> list[str]:
    """Return the lines of a file.

    Parameters
    ----------
    post_id : str
        The post.
    found : Speakers
        Who speaks when.
    edits : Edits or None
        What people corrected of the post, with the names of speakers.

    Returns
    -------
    list of str
        A line for each segment, of ten fields divided by spaces; white space in names becomes ``_``.
    """
    names = {one.speaker.casefold(): one.name for one in (edits.speakers if edits is not None else ())}
    return [
        f"SPEAKER {_field(post_id)} 1 {segment.start:.3f} {segment.end - segment.start:.3f} <NA> <NA> "
        f"{_field(names.get(segment.speaker.casefold(), segment.speaker))} "
        f"{'<NA>' if segment.confidence is None else f'{segment.confidence:.4f}'} <NA>"
        for segment in found.segments
    ]


def _field(text: str) -> str:
    return "_".join(one_line(text).split()) or "<NA>"
