"""Every kind of notice, by code: what its heading is, and whether it may change what a post means.

A notice says what was dropped, merged, guessed, cut or not assessed. It stands in the record, in the summary of a run
and in the report; the last line of a run counts the posts with notices that may change what the post means, that is
what its script says or which values it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class NoticeKind:
    """A kind of notice.

    Attributes
    ----------
    title : str
        Its heading in the report: what such notices have in common.
    changes_meaning : bool
        Whether the script or the labels may be different because of it.
    """

    title: str
    changes_meaning: bool = True


UNKNOWN = NoticeKind("Other notices")
"""The kind of a code that is not in `NOTICES`, such as one written by a newer version."""

NOTICES: Mapping[str, NoticeKind] = {
    # posts
    "unmatched": NoticeKind("A row of the table of post texts matches no post"),
    "excluded": NoticeKind("Posts that people excluded", changes_meaning=False),
    "due": NoticeKind("Posts that may not be kept any longer", changes_meaning=False),
    "forgotten": NoticeKind("Posts that the study was asked to forget", changes_meaning=False),
    "half-download": NoticeKind("One half of a download is missing"),
    "left-out": NoticeKind("Files that should be posts were left out"),
    "names-differ": NoticeKind("Names and texts disagree about which post a file is"),
    "not-used": NoticeKind("Files that are no part of a post", changes_meaning=False),
    "pictures-or-thumbnail": NoticeKind("A picture may be a thumbnail only"),
    "sound-choice": NoticeKind("A post with several sound files"),
    "text-cut": NoticeKind("A text longer than any platform allows was cut"),
    "title-made-up": NoticeKind("Titles that a download tool made up are no captions", changes_meaning=False),
    "user-differs": NoticeKind("A post with several names of its user", changes_meaning=False),
    "post-text": NoticeKind("The text published with the video could not be read"),
    "table-cell": NoticeKind("Cells of the table of post texts were left out"),
    "table-date": NoticeKind("Dates in the table of post texts", changes_meaning=False),
    "table-id": NoticeKind("Ids in the table of post texts that a spreadsheet has rounded", changes_meaning=False),
    "table-read": NoticeKind("How the table of post texts was read"),
    "table-row": NoticeKind("Rows of the table of post texts were left out"),
    # corrections
    "corrected": NoticeKind("Lines that people corrected", changes_meaning=False),
    "correction-lost": NoticeKind("A correction whose line is not found any more"),
    # media
    "damaged": NoticeKind("Parts of the file are damaged"),
    "no-decoder": NoticeKind("A track cannot be decoded"),
    "no-pictures": NoticeKind("The video track cannot be decoded"),
    "no-sound": NoticeKind("The audio track cannot be decoded"),
    "sound-alone": NoticeKind("Posts that are sound alone"),
    "sound-channels": NoticeKind("Channels of the sound cancel each other out"),
    "sound-overlap": NoticeKind("Sound with the same times was left out"),
    "sound-tracks": NoticeKind("The file has several sound tracks"),
    "picture-times": NoticeKind("When the pictures are shown is assumed", changes_meaning=False),
    "picture-unreadable": NoticeKind("A picture cannot be read"),
    "timestamps": NoticeKind("Timestamps are missing or wrong"),
    "truncated": NoticeKind("The file is cut off"),
    # speech
    "all-words-dropped": NoticeKind("Everything that was recognised as speech was dropped"),
    "language-unsure": NoticeKind("The language of the speech is a guess"),
    "several-languages": NoticeKind("Several languages are spoken"),
    "words-dropped": NoticeKind("Unreliable lines of speech were dropped"),
    "voice-without-words": NoticeKind("A voice whose words were not recognised"),
    "words-without-times": NoticeKind("Words of speech have no times of their own"),
    # speakers
    "speakers-unsure": NoticeKind("Who speaks is a guess"),
    # on-screen text
    "text-not-read": NoticeKind("On-screen text that cannot be read"),
    "text-left-out": NoticeKind("On-screen texts were left out of scripts", changes_meaning=False),
    # vision
    "model-notice": NoticeKind("What the model says of itself", changes_meaning=False),
    "no-caption": NoticeKind("A keyframe has no caption"),
    "no-tags": NoticeKind("Keyframes have no tags"),
    # script
    "cut": NoticeKind("An imported script is not whole"),
    "not-supported": NoticeKind("The language model wrote what no evidence supports", changes_meaning=False),
    "scene-by-template": NoticeKind("A scene was written by the template"),
    "script-json": NoticeKind("An imported script was written as JSON"),
    "subtitles": NoticeKind("An imported script is a file of subtitles"),
    "times-backwards": NoticeKind("Times of an imported script go backwards"),
    "times-beyond": NoticeKind("Times of an imported script exceed the video"),
    "sound-as-stated": NoticeKind("What an imported script says of its sound", changes_meaning=False),
    "no-screen-text-evidence": NoticeKind("The script was written without on-screen text"),
    "no-speech-evidence": NoticeKind("The script was written without speech"),
    "no-visual-evidence": NoticeKind("The script was written without what the keyframes show"),
    # grounding
    "lines-cut": NoticeKind("Action lines were scored in part", changes_meaning=False),
    "things-alone": NoticeKind("Action lines were compared by detected things alone", changes_meaning=False),
    # labels
    "evidence-refused": NoticeKind("Evidence that does not exist was left out of the labels", changes_meaning=False),
    "labelled-by-scene": NoticeKind("Labelled scene by scene", changes_meaning=False),
    "labelled-in-parts": NoticeKind("Too long for the model at once", changes_meaning=False),
    "no-answer": NoticeKind("The language model gave no usable answer"),
    "no-evidence": NoticeKind("The labels name no evidence", changes_meaning=False),
    "no-probabilities": NoticeKind("The engine reports no probabilities"),
    "parts-disagree": NoticeKind("A value is present in one part of a script and conflicted in another"),
    "unsure-probabilities": NoticeKind("Probabilities of the labels mean little"),
    # calibration
    "calibration-worse": NoticeKind("Calibrated states are worse than those before"),
    "gold-not-used": NoticeKind("Gold labels were not used", changes_meaning=False),
    "validated-on-few-authors": NoticeKind("States were validated on few authors", changes_meaning=False),
    "validated-without-authors": NoticeKind("States were validated without known authors", changes_meaning=False),
    "values-not-validated": NoticeKind("Values without enough gold labels"),
    # labels and grounding
    "language-not-covered": NoticeKind("The model does not know the language"),
}


def kind_of(code: str) -> NoticeKind:
    """Return the kind of notice that a code stands for."""
    return NOTICES.get(code, UNKNOWN)
