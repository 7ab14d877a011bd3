"""Variants of clips that look and sound the same but are different files: equal work that cannot be copied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av import AudioFrame


def vary(clip: Path, target: Path, number: int) -> None:
    """Write a variant of a clip: the same video, slightly softer audio, and a text file next to it with the number.

    So the file, its audio and its script are unique, and every step has to be done. The audio is lowered by `number`
    thousandths, 0.3 dB for the thirty-fifth copy.

    Parameters
    ----------
    clip : Path
        A clip made by `clips.make_clip`, with audio.
    target : Path
        Where to write it.
    number : int
        The number of the copy, from 1.
    """
    import av

    with av.open(str(clip)) as source, av.open(str(target), "w", format="mp4") as out:
        video, audio = source.streams.video[0], source.streams.audio[0]
        video_out = out.add_stream_from_template(video)
        audio_out = out.add_stream("aac", rate=audio.rate, layout="mono")
        for packet in source.demux(video, audio):
            if packet.stream is audio:
                for frame in packet.decode():
                    out.mux(audio_out.encode(_softer(frame, 1 - number / 1000)))
            elif packet.dts is not None:
                packet.stream = video_out
                out.mux(packet)
        out.mux(audio_out.encode(None))
    target.with_suffix(".description").write_text(f"Clip number {number}.", "utf-8")


def _softer(frame: AudioFrame, factor: float) -> AudioFrame:
    import av

    softer = av.AudioFrame.from_ndarray(frame.to_ndarray() * np.float32(factor), format="fltp", layout="mono")
    softer.sample_rate, softer.pts, softer.time_base = frame.sample_rate, frame.pts, frame.time_base
    return softer
