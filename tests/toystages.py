"""Small real stages for tests of the run itself: what they make follows from what they read."""

import hashlib
from pathlib import Path

from valex_local.errors import InputError
from valex_local.records import AudioTrack, Media, Notice, Segment, Shot, Transcript
from valex_local.stages.base import Output

LOADED = []
NOTICES = []
"""What `ToySpeech` says of every post besides."""
SEEN = []


class ToyMedia:
    batch_size = 1

    def __init__(self, context):
        LOADED.append("media")
        self._settings = context.settings.media

    def prepare(self, item):
        data = Path(item.post.video.path).read_bytes()
        if data.startswith(b"bad"):
            raise InputError("this is no video", hint="Bring one")
        if data.startswith(b"bug"):
            raise ZeroDivisionError("oops")
        return data

    def __call__(self, batch):
        SEEN.append(("media", len(batch)))
        return [
            Output(
                Media(
                    container="toy",
                    duration=len(data),
                    audio=_track(data),
                    shots=(Shot(start=0, end=min(len(data), self._settings.max_keyframes)),),
                ),
                {"audio.flac": data},
            )
            for data in batch
        ]

    def close(self):
        LOADED.append("-media")


def _track(data):
    sha256 = hashlib.sha256(data).hexdigest()
    return AudioTrack(
        codec="toy", sample_rate=1, channels=1, duration=1, rms_db=-9, peak_db=-1, file="audio.flac", sha256=sha256
    )


class ToySpeech:
    batch_size = 3

    def __init__(self, context):
        LOADED.append("speech")
        self._language = context.settings.speech.language

    def prepare(self, item):
        return (item.folder / "audio.flac").read_bytes().decode()

    def __call__(self, batch):
        SEEN.append(("speech", len(batch)))
        if any("breaks-batch" in text for text in batch):
            raise RuntimeError("one of the batch breaks it")
        out = []
        for text in batch:
            if "mute" in text:
                out.append(Output(Transcript(skipped="no audio track")))
                continue
            notices = (Notice(code="noisy", text="the sound is noisy"),) if "noisy" in text else ()
            notices += tuple(NOTICES)
            segment = Segment(
                id="S1", start=0, end=1, text=text, avg_logprob=0, no_speech_probability=0, compression_ratio=1, voice=1
            )
            out.append(Output(Transcript(language=self._language, segments=(segment,), notices=notices)))
        return out

    def close(self):
        LOADED.append("-speech")
