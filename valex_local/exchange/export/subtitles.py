"""Export subtitle files, with speech and on-screen text in separate tracks."""

from __future__ import annotations

from pathlib import Path

from valex_local.exchange.export.selection import Material
from valex_local.files.atomic import write_whole
from valex_local.rendering.subtitles import Srt, SubtitleFormat, Vtt


class SubtitleFiles:
    """Write the tracks ``<post>.speech`` and ``<post>.text`` of each script; an empty track has no file.

    Parameters
    ----------
    form : SubtitleFormat
        The format.
    """

    def __init__(self, form: SubtitleFormat) -> None:
        self._form = form

    def __call__(self, material: Material, target: Path) -> None:
        """Write the files."""
        for timed in material.timed_scripts():
            tracks = {"speech": timed.speech, "text": timed.screen_text}
            for name, spans in tracks.items():
                if spans:
                    file = target / f"{timed.post.id}.{name}{self._form.suffix}"
                    write_whole(file, self._form(spans).encode())
            if not any(tracks.values()):
                material.leave_out(timed.post.id, "the script has no speech and no on-screen text")


def srt() -> SubtitleFiles:
    """Return the writer of SubRip files."""
    return SubtitleFiles(Srt())


def vtt() -> SubtitleFiles:
    """Return the writer of WebVTT files."""
    return SubtitleFiles(Vtt())
