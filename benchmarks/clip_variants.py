"""Clips that differ to the program and not to an ear or eye: equal work, none of which can be copied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av import AudioFrame


def vary(clip: Path, target: Path, number: int) -> None:
    """Write a clip anew: its pictures as they are, its sound a little softer, a text beside it that has the number.

    So the file, its sound and its script are of their own, and every step has to be done. The sound is lowered by
    `number` thousandths, 0.3 dB for the thirty-fifth copy.

    Parameters
    ----------
    clip : Path
        A clip made by `clips.make_clip`, with sound.
    target : Path
        Where to write it.
    number : int
        The number of the copy, from 1.
    """
    import av

    with av.open(str(clip)) as source, av.open(str(target), "w", format="mp4") as out:
        pictures, sound = source.streams.video[0], source.streams.audio[0]
        shown = out.add_stream_from_template(pictures)
        heard = out.add_stream("aac", rate=sound.rate, layout="mono")
        for packet in source.demux(pictures, sound):
            if packet.stream is sound:
                for frame in packet.decode():
                    out.mux(heard.encode(_softer(frame, 1 - number / 1000)))
            elif packet.dts is not None:
                packet.stream = shown
                out.mux(packet)
        out.mux(heard.encode(None))
    target.with_suffix(".description").write_text(f"Clip number {number}.", "utf-8")


def _softer(frame: AudioFrame, factor: float) -> AudioFrame:
    import av

    softer = av.AudioFrame.from_ndarray(frame.to_ndarray() * np.float32(factor), format="fltp", layout="mono")
    softer.sample_rate, softer.pts, softer.time_base = frame.sample_rate, frame.pts, frame.time_base
    return softer
