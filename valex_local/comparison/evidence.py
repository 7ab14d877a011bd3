"""Recognised speech and screen text of a post, with which its scripts are compared."""

from __future__ import annotations

from dataclasses import dataclass

from valex_local.comparison.lines import ComparedLine, heard_lines, read_lines
from valex_local.records import ScreenText, Transcript
from valex_local.stages.script.evidence import find_repeats
from valex_local.study import Study

NO_SPEECH = "the speech in the video is unknown"
NO_TEXT = "the screen text in the video is unknown"


@dataclass(frozen=True)
class PostEvidence:
    """The evidence of a post.

    Attributes
    ----------
    heard : tuple of ComparedLine or None
        Recognised speech, by time; None if speech recognition was not run.
    read : tuple of ComparedLine or None
        Recognised screen text that does not repeat the speech and is not left out of scripts, by time; None if text
        recognition was not run.
    subtitles : tuple of ComparedLine
        Recognised screen text that repeats the speech.
    missing : tuple of str
        What is unknown, and why.
    """

    heard: tuple[ComparedLine, ...] | None
    read: tuple[ComparedLine, ...] | None
    subtitles: tuple[ComparedLine, ...] = ()
    missing: tuple[str, ...] = ()


def read_evidence(study: Study, post_id: str) -> PostEvidence:
    """Return the evidence of a post."""
    transcript, screen = study.read(post_id, "transcript", Transcript), study.read(post_id, "text", ScreenText)
    missing = [
        f"{what} ({'no record' if record is None else record.skipped})"
        for what, record in ((NO_SPEECH, transcript), (NO_TEXT, screen))
        if record is None or record.skipped is not None
    ]
    segments = () if transcript is None else transcript.segments
    tracks = () if screen is None else tuple(track for track in screen.tracks if track.left_out is None)
    repeats = find_repeats(segments, tracks)
    return PostEvidence(
        heard=None if transcript is None or transcript.skipped is not None else heard_lines(segments),
        read=None
        if screen is None or screen.skipped is not None
        else read_lines([track for track in tracks if track.id not in repeats]),
        subtitles=read_lines([track for track in tracks if track.id in repeats]),
        missing=tuple(missing),
    )
