"""Broken videos, made from small whole ones, and what reading one of them takes.

``python -m tests.broken_videos 200`` makes that many, reads each in a process of its own and prints a table.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MOST_MEGABYTES = 1000
MOST_CPU_SECONDS = 30
LIMIT_SECONDS = 120
"""CPU seconds after which a reader is stopped."""

SEEDS = {
    "a.mp4": ("libx264", "aac"),
    "b.mp4": ("mpeg4", "aac"),
    "a.mov": ("libx264", "pcm_s16le"),
    "b.mov": ("png", "aac"),
    "a.mkv": ("libx264", "flac"),
    "b.mkv": ("mjpeg", "pcm_s16le"),
    "a.webm": ("libvpx-vp9", "libopus"),
    "a.avi": ("mpeg4", "libmp3lame"),
    "a.ts": ("libx264", "aac"),
    "a.flv": ("libx264", "aac"),
    "a.mp3": (None, "libmp3lame"),
    "a.ogg": (None, "libopus"),
    "a.wav": (None, "pcm_s16le"),
    "a.flac": (None, "flac"),
}
"""The whole files: codec of the pictures and of the sound."""

FIELDS = (
    *b"mvhd mdhd tkhd stts ctts stsc stsz stco stsd elst avc1 mp4a avcC esds strh strf avih idx1 data fLaC".split(),
    *(b"fmt ", b"OpusHead", b"IHDR", b"onMetaData"),
    *(b"\x44\x89", b"\xb0", b"\xba", b"\xb5", b"\xa3", b"\x2a\xd7\xb1", b"\x63\xa2", b"\x67"),  # Matroska, H.264
)
"""What stands before sizes, durations, time scales and rates in the formats above."""

HUGE = (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x00010000, 0x3B9ACA00)


@dataclass(frozen=True)
class Outcome:
    """What became of a video.

    Attributes
    ----------
    name : str
        Its file name.
    outcome : str
        "record", the line of the error that refuses it, or what went wrong in the reader.
    clear : bool
        Whether it was read or refused with one line.
    megabytes, cpu_seconds : float
        Peak memory and CPU time of the process that read it.
    """

    name: str
    outcome: str
    clear: bool
    megabytes: float
    cpu_seconds: float

    @property
    def fine(self) -> bool:
        """Whether all went as it must: clear, and within the limits."""
        return self.clear and self.megabytes <= MOST_MEGABYTES and self.cpu_seconds <= MOST_CPU_SECONDS


def seeds(folder: Path) -> dict[str, bytes]:
    """Make the whole videos in a folder and return them by name."""
    from tests.clips import BLUE, RED, Scene, make_clip, tone

    made = {}
    for name, (video, audio) in SEEDS.items():
        rate = 48000 if "opus" in audio else 44100
        formats = {"png": "rgb24", "mjpeg": "yuvj420p"}
        path = make_clip(
            folder / name, [Scene(1.0, RED), Scene(1.0, BLUE, 1)] if video else [], width=96, height=160, rate=10,
            codec=video or "libx264", pixel_format=formats.get(video or "", "yuv420p"), audio=tone(2.0, rate=rate),
            audio_rate=rate, audio_codec=audio,
        )  # fmt: skip
        made[name] = path.read_bytes()
    return made


def broken(whole: dict[str, bytes], count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield broken videos: (name, bytes); equal arguments give equal videos.

    Parameters
    ----------
    whole : dict of str to bytes
        The whole videos.
    count : int
        How many to make; the ways to break one take turns.
    seed : int
        Of the choices at random.
    """
    ways = (_flip, _truncate, _splice, _swap, _bogus, _bogus, _repeat, _zero)
    names = sorted(whole)
    for number in range(count):
        rng = random.Random(f"{seed}-{number}")
        name, way = names[number // len(ways) % len(names)], ways[number % len(ways)]
        raw = way(rng, bytearray(whole[name]), whole[rng.choice(names)])
        yield f"{number:03d}-{way.__name__[1:]}-{name}", bytes(raw)


def _flip(rng: random.Random, raw: bytearray, other: bytes) -> bytearray:
    for _ in range(rng.choice((1, 3, 20, 200))):
        raw[rng.randrange(min(len(raw), rng.choice((200, 4000, len(raw)))))] ^= 1 << rng.randrange(8)
    return raw


def _truncate(rng: random.Random, raw: bytearray, other: bytes) -> bytearray:
    return raw[: rng.randrange(len(raw))]


def _splice(rng: random.Random, raw: bytearray, other: bytes) -> bytearray:
    at, start = rng.randrange(len(raw)), rng.randrange(len(other))
    return raw[:at] + other[start : start + rng.randrange(1, 5000)] + raw[at:]


def _swap(rng: random.Random, raw: bytearray, other: bytes) -> bytearray:
    size = rng.randrange(8, max(9, len(raw) // 4))
    one, two = sorted(rng.sample(range(len(raw)), 2))
    return raw[:one] + raw[two : two + size] + raw[one + size : two] + raw[one : one + size] + raw[two + size :]


def _bogus(rng: random.Random, raw: bytearray, other: bytes) -> bytearray:
    """Overwrite numbers shortly after the names of fields that hold sizes, durations, scales and rates."""
    places = [i for name in FIELDS if (i := raw.find(name)) >= 0]
    for place in rng.sample(places, min(len(places), rng.choice((1, 1, 2, 4)))):
        at = place + rng.randrange(1, 40)
        size = rng.choice((2, 4, 4, 8))
        value = rng.choice((*HUGE, rng.getrandbits(32)))
        little = raw[:4] in (bytearray(b"RIFF"), bytearray(b"OggS"))
        raw[at : at + size] = value.to_bytes(8, "little")[:size] if little else value.to_bytes(8, "big")[-size:]
    return raw


def _repeat(rng: random.Random, raw: bytearray, other: bytes) -> bytearray:
    at, size = rng.randrange(len(raw)), rng.randrange(8, 2000)
    return raw[: at + size] + raw[at : at + size] * rng.randrange(1, 200) + raw[at + size :]


def _zero(rng: random.Random, raw: bytearray, other: bytes) -> bytearray:
    at = rng.randrange(len(raw))
    size = min(rng.randrange(1, 3000), len(raw) - at)
    raw[at : at + size] = bytes([rng.choice((0, 255))]) * size
    return raw


def read_all(paths: Sequence[Path]) -> list[Outcome]:
    """Read each video as the media and ocr stages decode it, each in a process of its own, and return what it took."""
    command = [sys.executable, "-m", "tests.broken_videos", "--read"]
    root = Path(__file__).resolve().parent.parent
    listed = "\0".join(map(str, paths))
    done = subprocess.run(command, input=listed, capture_output=True, text=True, cwd=root, check=True)
    return [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]


def _read_one(path: Path) -> tuple[str, bool]:
    from valex_local.errors import InputError
    from valex_local.records import Media
    from valex_local.settings import MediaSettings
    from valex_local.stages.media.decode import iter_frames
    from valex_local.stages.media.stage import read_media

    try:
        media = read_media(path, MediaSettings()).record
        assert isinstance(media, Media)
        for _ in iter_frames(path, fps=5.0, max_side=1280):
            pass
    except InputError as error:
        return str(error), "\n" not in str(error)
    except MemoryError:
        return "memory ran out on this post alone", True
    except BaseException as error:  # noqa: BLE001 - anything else is what this looks for
        return f"{type(error).__name__}: {error}", False
    return f"record, {media.duration:.1f} s, {', '.join(n.code for n in media.notices) or 'no notices'}", True


def _fork(path: Path) -> Outcome:
    """Read a video in a child of this process, which has loaded the libraries but has no threads."""
    from valex_local.stages.media.worker import limit_memory

    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS, LIMIT_SECONDS + 5))
        limit_memory()
        os.write(sender, json.dumps(_read_one(path)).encode()[:60_000])
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as answer:
        raw = answer.read()
    _, status, used = os.wait4(child, 0)
    outcome, clear = json.loads(raw) if raw else (f"the reader died with status {status}", False)
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return Outcome(path.name, outcome, clear, used.ru_maxrss / scale, used.ru_utime + used.ru_stime)


def main(argv: Sequence[str]) -> int:
    """Read the videos whose paths come on standard input (``--read``), or make and read as many as asked."""
    if argv == ["--read"]:
        import av
        import cv2  # noqa: F401 - loaded before the forks, so that they are not charged for it

        av.logging.set_level(None)
        for path in sys.stdin.read().split("\0"):
            print(json.dumps(asdict(_fork(Path(path)))), flush=True)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "whole").mkdir()
        paths = []
        for name, raw in broken(seeds(Path(folder) / "whole"), int(argv[0])):
            paths.append(Path(folder) / name)
            paths[-1].write_bytes(raw)
        outcomes = read_all(paths)
    for outcome in outcomes:
        mark = " " if outcome.fine else "!"
        print(f"{mark} {outcome.name:28} {outcome.megabytes:6.0f} MB {outcome.cpu_seconds:6.1f} s  {outcome.outcome}")
    memory, cpu = max(o.megabytes for o in outcomes), max(o.cpu_seconds for o in outcomes)
    bad = sum(not outcome.fine for outcome in outcomes)
    print(f"{len(outcomes)} videos, {bad} not fine; at most {memory:.0f} MB and {cpu:.1f} s of CPU")
    return int(any(not o.fine for o in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
