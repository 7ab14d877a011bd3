"""Sound files whose every packet has a chosen time: late, with gaps, overlaps and wild stamps, in several tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

RATE = 16000
MILLISECOND = Fraction(1, 1000)
PACKET = 0.1


@dataclass(frozen=True)
class Track:
    """A sound track: pieces, each a time in seconds and samples in [-1, 1], shape (n,) or (n, channels)."""

    pieces: Sequence[tuple[float, np.ndarray]]
    default: bool = False
    rate: int = RATE
    layout: str = "mono"


def make_sound(path: Path, *tracks: Track, pictures: Sequence[float] = ()) -> Path:
    """Write tracks of PCM, in packets of 0.1 s, and small grey pictures at some times, to a Matroska file."""
    packets: list[tuple[float, int, av.Packet]] = []
    with av.open(str(path), "w", format="matroska") as out:
        for number, track in enumerate(tracks):
            stream = out.add_stream("pcm_s16le", rate=track.rate, layout=track.layout)
            stream.time_base = MILLISECOND
            stream.disposition = Disposition.default if track.default else Disposition(0)
            for start, samples in track.pieces:
                size = round(PACKET * track.rate)
                for at in range(0, len(samples), size):
                    raw = np.round(samples[at : at + size] * 32767).astype("<i2").tobytes()
                    packets.append(_packet(raw, stream, start + at / track.rate, number))
        if pictures:
            video = out.add_stream("mjpeg", rate=10)
            video.width, video.height, video.pix_fmt = 64, 64, "yuvj420p"
            video.codec_context.time_base = video.time_base = MILLISECOND
            for time in pictures:
                frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
                frame.pts, frame.time_base = round(time * 1000), MILLISECOND
                packets += [(time, -1, packet) for packet in video.encode(frame)]
        for _, _, packet in sorted(packets, key=lambda packet: packet[:2]):
            out.mux(packet)
    return path


def _packet(raw: bytes, stream: av.AudioStream, time: float, number: int) -> tuple[float, int, av.Packet]:
    packet = av.Packet(raw)
    packet.stream = stream
    packet.pts = packet.dts = round(time * 1000)
    packet.time_base = MILLISECOND
    return time, number, packet


def beep(seconds: float, *, hertz: float = 440.0, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    """Return a sine."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def heard_at(samples: np.ndarray, *, level: float = 0.05, joined: float = 0.5) -> list[tuple[float, float]]:
    """Return the spans in seconds, of 16 kHz samples, in which something is heard; short pauses are joined."""
    loud = np.flatnonzero(np.abs(samples) > level) / RATE
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > joined)
    starts, ends = [loud[0], *loud[breaks + 1]], [*loud[breaks], loud[-1]]
    return [(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]
