"""Posts in several files: pictures with a sound, and videos whose sound is in a file of its own.

A photo post does not say when each picture is shown. So every picture gets an equal part of the sound, and at least
`PICTURE_SECONDS`, in the order of the post; a notice says that these times are assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import InputError
from valex_local.records import Keyframe, Media, Notice, Shot
from valex_local.stages.base import Output
from valex_local.stages.media.keyframes import JPEG_QUALITY
from valex_local.stages.media.pictures import iter_pictures

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_SECONDS = 3.0
"""Seconds for which a picture is shown if the sound is not longer; TikTok turns to the next one after about as long."""


def joined(video: Output, sound: Output) -> Output:
    """Return the media record and side files of a video and the sound that belongs to it.

    Both begin at the same time. If the video has sound of its own, that is kept.
    """
    seen, heard = _media(video), _media(sound)
    if seen.audio is not None:
        text = "the video has sound of its own: the sound file next to it was not used"
        return Output(
            seen.model_copy(update={"notices": (*seen.notices, Notice(code="sound-tracks", text=text))}), video.files
        )
    duration = max(seen.duration, heard.audio.duration if heard.audio else 0.0)
    notices = (*seen.notices, *heard.notices)
    both = seen.model_copy(update={"audio": heard.audio, "duration": duration, "notices": notices})
    return Output(both, {**video.files, **sound.files})


def with_absence_said(found: Output) -> Output:
    """Return the media record and side files of a file, with a notice if there is sound alone."""
    media = _media(found)
    if media.video is not None or any(notice.code == "no-pictures" for notice in media.notices):
        return found
    notice = Notice(code="sound-alone", text="the post is sound alone: what it shows is not known")
    return Output(media.model_copy(update={"notices": (*media.notices, notice)}), found.files)


def slideshow(paths: Sequence[Path], sound: Output, max_side: int) -> Output:
    """Return the media record and side files of a photo post: a shot and a keyframe for each picture.

    Parameters
    ----------
    paths : sequence of Path
        The pictures, in the order in which they are shown.
    sound : Output
        The media record and side files of the sound; an empty record without one.
    max_side : int
        Longest side of the keyframes, pixels.

    Raises
    ------
    InputError
        None of the pictures can be read.
    """
    media = _media(sound)
    each = max(PICTURE_SECONDS, media.duration / len(paths))
    keyframes: list[Keyframe] = []
    files = dict(sound.files)
    unreadable: dict[int, InputError] = {}
    for number, picture in iter_pictures(paths, max_side):
        if isinstance(picture, InputError):
            unreadable[number] = picture
            continue
        name = f"K{len(keyframes) + 1}"
        file = f"keyframes/{name}.jpg"
        files[file] = _jpeg(picture)
        middle, (width, height) = (number + 0.5) * each, picture.size
        keyframes.append(Keyframe(id=name, time=middle, shot=number, file=file, width=width, height=height))
    if not keyframes:
        raise next(iter(unreadable.values()))
    shown = {
        "container": "pictures",
        "duration": round(len(paths) * each, 3),
        "shots": tuple(Shot(start=number * each, end=(number + 1) * each) for number in range(len(paths))),
        "keyframes": tuple(keyframes),
        "notices": (*media.notices, *_notices(each, unreadable)),
    }
    return Output(media.model_copy(update=shown), files)


def _media(of: Output) -> Media:
    if not isinstance(of.record, Media):
        raise TypeError(f"a media record is needed, not {type(of.record).__name__}")
    return of.record


def _jpeg(picture: Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _notices(each: float, unreadable: Mapping[int, InputError]) -> Iterator[Notice]:
    text = f"when each picture is shown is not known: each was given {each:.1f} seconds, in order"
    yield Notice(code="picture-times", text=text)
    for number, error in unreadable.items():
        yield Notice(code="picture-unreadable", text=f"picture {number + 1} is missing: {error.what}")
