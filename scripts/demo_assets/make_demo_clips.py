"""Make the demo clips, drawn and with synthetic speech and burned-in captions, and their ground truth.

    python scripts/demo_assets/make_demo_clips.py                    writes models/demo/clips
    python scripts/demo_assets/make_demo_clips.py --sheet sheet.png  only draws a contact sheet

Requires the speech synthesiser `flite` and the DejaVu fonts (Debian: flite, fonts-dejavu-core). Users of the clips need
neither, as the clips are part of the repository. Equal texts give equal frames and samples.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import tomllib
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from drawn_scenes import SCENES
from drawn_world import describe, draw
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
TEXTS = HERE / "demo_clips.toml"
CLIPS = HERE.parents[1] / "models" / "demo" / "clips"
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")

WIDTH, HEIGHT, FRAME_RATE = 576, 1024, 25
SAMPLE_RATE = 44_100
QUALITY = "29"  # constant rate factor of x264
SPEECH_RMS = 0.09
MUSIC_RMS = 0.008  # 21 dB under the speech
STRETCH = {"rms": "1.15"}  # this voice hurries
BETWEEN_SENTENCES = 0.35
LEAD, TAIL = 0.3, 0.35
INK, WHITE = (24, 22, 32), (255, 255, 255)


@dataclass(frozen=True)
class Style:
    """Look of a caption: font size in pixels, vertical centre as a fraction of the frame, colour of the plate."""

    size: int
    middle: float
    plate: tuple[int, int, int] | None = None


STYLES = {
    "title": Style(52, 0.125),
    "label": Style(46, 0.3, (250, 214, 74)),
    "subtitle": Style(38, 0.84),
    "karaoke": Style(44, 0.68),
}


@dataclass(frozen=True)
class Caption:
    """A text on the screen; times in frames. `steps` are the first frames of the words if the text grows."""

    text: str
    style: str
    start: int
    end: int
    steps: tuple[int, ...] = ()

    def words_shown(self, frame: int) -> int:
        """Return the number of its words that are visible in a frame."""
        if not self.start <= frame < self.end:
            return 0
        return sum(step <= frame for step in self.steps) if self.steps else len(self.text.split())


@dataclass
class Clip:
    """Timeline of a clip: shots as (first frame, name of the scene), sentences as (seconds, text, samples)."""

    stem: str
    shots: list[tuple[int, str]] = field(default_factory=list)
    sentences: list[tuple[float, str, np.ndarray]] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)
    frames: int = 0


def lay_out(plan: dict[str, Any]) -> Clip:
    """Return the timeline of a clip; a shot lasts as long as its speech."""
    clip = Clip(plan["stem"])
    for shot in plan["shot"]:
        begin = clip.frames
        time = begin / FRAME_RATE + shot.get("lead", LEAD)
        for sentence in shot.get("say", ()):
            samples = speak(sentence, plan["voice"])
            clip.sentences.append((time, sentence, samples))
            end = time + len(samples) / SAMPLE_RATE
            if shot.get("subtitles"):
                clip.captions.append(Caption(sentence, "subtitle", _frame(time), _frame(end + 0.2)))
            time = end + BETWEEN_SENTENCES
        spoken = time - BETWEEN_SENTENCES + shot.get("tail", TAIL) if shot.get("say") else 0.0
        clip.frames = max(_frame(spoken), begin + _frame(shot.get("seconds", 0.0)))
        clip.shots.append((begin, shot["scene"]))
        clip.captions += [_caption(c, begin, clip.frames) for c in shot.get("captions", ())]
    clip.captions.sort(key=lambda c: c.start)
    return clip


def _caption(plan: dict[str, Any], begin: int, shot_end: int) -> Caption:
    start = begin + _frame(plan["at"])
    end = start + _frame(plan["seconds"]) if "seconds" in plan else shot_end
    steps: tuple[int, ...] = ()
    if plan["style"] == "karaoke":
        steps = tuple(start + _frame(0.45) * i for i in range(len(plan["text"].split())))
    return Caption(plan["text"], plan["style"], start, end, steps)


def _frame(seconds: float) -> int:
    return round(seconds * FRAME_RATE)


# --- sound ----------------------------------------------------------------------------------------------------------


def speak(text: str, voice: str) -> np.ndarray:
    """Return a spoken sentence as float samples at `SAMPLE_RATE`, without silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        stretch = f"duration_stretch={STRETCH.get(voice, '1')}"
        subprocess.run(["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", str(file)], check=True)
        with wave.open(str(file)) as sound:
            rate = sound.getframerate()
            raw = np.frombuffer(sound.readframes(sound.getnframes()), np.int16) / 32768
    loud = np.flatnonzero(np.abs(raw) > 0.01)
    raw = raw[max(0, loud[0] - rate // 50) : loud[-1] + rate // 20]
    samples = _resample(raw, rate)
    samples *= SPEECH_RMS / np.sqrt(np.mean(samples**2))
    fade = np.minimum(1, np.arange(len(samples)) / (0.01 * SAMPLE_RATE))
    return np.clip(samples * fade * fade[::-1], -0.95, 0.95)


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the samples at `SAMPLE_RATE`, resampled in the frequency domain."""
    length = round(len(samples) * SAMPLE_RATE / rate)
    spectrum = np.fft.rfft(samples)
    return np.fft.irfft(np.pad(spectrum, (0, length // 2 + 1 - len(spectrum))), length) * (length / len(samples))


def music(length: int) -> np.ndarray:
    """Return `length` samples of soft broken chords."""
    chords = ((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (130.81, 196.0, 261.63), (196.0, 246.94, 293.66))
    out = np.zeros(length)
    for i in range(int(length / SAMPLE_RATE / 0.4) + 1):
        begin = round(i * 0.4 * SAMPLE_RATE)
        time = np.arange(max(0, min(length - begin, 2 * SAMPLE_RATE))) / SAMPLE_RATE
        tone = chords[i // 6 % 4][(0, 1, 2, 1, 2, 1)[i % 6]]
        wave_ = sum(np.sin(2 * np.pi * tone * n * time) / n**2 for n in (1, 2, 3))
        out[begin : begin + len(time)] += wave_ * np.exp(-2.2 * time) * np.minimum(1, time / 0.01)
    return out * (MUSIC_RMS / np.sqrt(np.mean(out**2)))


def sound_track(clip: Clip, *, with_music: bool) -> np.ndarray:
    """Return the audio of a clip as float samples."""
    length = round(clip.frames / FRAME_RATE * SAMPLE_RATE)
    out = music(length) if with_music else np.zeros(length)
    for time, _, samples in clip.sentences:
        begin = round(time * SAMPLE_RATE)
        out[begin : begin + len(samples)] += samples[: length - begin]
    return np.clip(out, -1, 1)


# --- picture --------------------------------------------------------------------------------------------------------


def picture(clip: Clip, frame: int) -> Image.Image:
    """Return a frame with its captions."""
    begin, name = next(shot for shot in reversed(clip.shots) if shot[0] <= frame)
    image = Image.fromarray(draw(SCENES[name], (frame - begin) / FRAME_RATE, WIDTH, HEIGHT))
    for caption in clip.captions:
        if words := caption.words_shown(frame):
            _write(ImageDraw.Draw(image), caption.text, STYLES[caption.style], words)
    return image


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size)


def _lines(text: str, style: Style) -> list[tuple[float, float, str]]:
    """Return a text in as few lines of about equal length as fit the frame, each as (left, middle, line) in pixels."""
    font = _font(style.size)
    for count in range(1, len(text.split()) + 1):
        lines = _broken(text, len(text) / count)
        if max(font.getlength(line) for line in lines) <= 0.88 * WIDTH:
            break
    pitch = style.size * 1.28
    top = style.middle * HEIGHT - pitch * (len(lines) - 1) / 2
    return [((WIDTH - font.getlength(line)) / 2, top + i * pitch, line) for i, line in enumerate(lines)]


def _broken(text: str, length: float) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) / 2 > length:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _write(pen: ImageDraw.ImageDraw, text: str, style: Style, words: int) -> None:
    """Write the first words of a text at the positions that they have in the whole text."""
    if style.plate:
        left, top, right, bottom = _bounds(text, style)
        pen.rounded_rectangle((left - 22, top - 14, right + 22, bottom + 14), 18, fill=style.plate)
    color, outline = (INK, 0) if style.plate else (WHITE, style.size // 10)
    for left, middle, line in _lines(text, style):
        part = " ".join(line.split()[:words])
        words -= len(part.split())
        pen.text((left, middle), part, color, _font(style.size), "lm", stroke_width=outline, stroke_fill=INK)


def _bounds(text: str, style: Style) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a text in pixels."""
    boxes = [_font(style.size).getbbox(line, anchor="lm") for _, _, line in _lines(text, style)]
    placed = [
        (x + box[0], y + box[1], x + box[2], y + box[3])
        for (x, y, _), box in zip(_lines(text, style), boxes, strict=True)
    ]
    return min(p[0] for p in placed), min(p[1] for p in placed), max(p[2] for p in placed), max(p[3] for p in placed)


# --- files ----------------------------------------------------------------------------------------------------------


def encode(clip: Clip, target: Path, *, with_music: bool) -> None:
    """Write a clip as mp4.

    Parameters
    ----------
    clip : Clip
        The clip.
    target : Path
        The file.
    with_music : bool
        Whether there is music under the speech.
    """
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAME_RATE, options={"crf": QUALITY, "preset": "slow"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.gop_size = 5 * FRAME_RATE
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        audio.bit_rate = 64_000
        for block in _audio_frames(sound_track(clip, with_music=with_music)):
            container.mux(audio.encode(block))
        container.mux(audio.encode())
        for number in range(clip.frames):
            frame = av.VideoFrame.from_image(picture(clip, number))
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode())


def _audio_frames(samples: np.ndarray, size: int = 1024) -> Iterator[av.AudioFrame]:
    for begin in range(0, len(samples), size):
        block = samples[None, begin : begin + size].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, begin, Fraction(1, SAMPLE_RATE)
        yield frame


def truth(clip: Clip) -> dict[str, Any]:
    """Return the ground truth of a clip: what is said and shown; times in seconds, boxes in fractions of the frame."""
    ends = [*(begin for begin, _ in clip.shots[1:]), clip.frames]
    return {
        "duration": _time(clip.frames),
        "width": WIDTH,
        "height": HEIGHT,
        "frame_rate": FRAME_RATE,
        "cuts": [_time(begin) for begin, _ in clip.shots[1:]],
        "scenes": [
            {"start": _time(begin), "end": _time(end), "shows": describe(SCENES[name])}
            for (begin, name), end in zip(clip.shots, ends, strict=True)
        ],
        "speech": [
            {"start": round(time, 3), "end": round(time + len(samples) / SAMPLE_RATE, 3), "text": text}
            for time, text, samples in clip.sentences
        ],
        "captions": [_caption_truth(caption) for caption in clip.captions],
    }


def _caption_truth(caption: Caption) -> dict[str, Any]:
    left, top, right, bottom = _bounds(caption.text, STYLES[caption.style])
    box = {
        "left": left / WIDTH,
        "top": top / HEIGHT,
        "width": (right - left) / WIDTH,
        "height": (bottom - top) / HEIGHT,
    }
    out: dict[str, Any] = {
        "text": caption.text,
        "style": caption.style,
        "start": _time(caption.start),
        "end": _time(caption.end),
        "box": {key: round(value, 4) for key, value in box.items()},
    }
    if caption.steps:
        out["word_starts"] = [_time(step) for step in caption.steps]
    return out


def _time(frame: int) -> float:
    return round(frame / FRAME_RATE, 3)


def info(plan: dict[str, Any], duration: float) -> dict[str, Any]:
    """Return the metadata of a post as yt-dlp writes them next to a video."""
    post, number = plan["post"], plan["stem"].rpartition("_")[2]
    day = post["upload_date"]
    return {
        "id": number,
        "title": post["description"],
        "description": post["description"],
        "uploader": post["uploader"],
        "channel": post["name"],
        "uploader_url": f"https://www.tiktok.com/@{post['uploader']}",
        "webpage_url": f"https://www.tiktok.com/@{post['uploader']}/video/{number}",
        "track": post["track"],
        "artists": [post["artist"]],
        "upload_date": day,
        "genre": post["genre"],
        "duration": round(duration),
        "width": WIDTH,
        "height": HEIGHT,
        "ext": "mp4",
        "extractor": "TikTok",
        "extractor_key": "TikTok",
        "_type": "video",
    }


def contact_sheet(clips: list[Clip], target: Path) -> None:
    """Write a sheet with two frames of every shot, one row per clip."""
    columns = 2 * max(len(clip.shots) for clip in clips)
    sheet = Image.new("RGB", (columns * 180, len(clips) * 320))
    for row, clip in enumerate(clips):
        ends = [*(begin for begin, _ in clip.shots[1:]), clip.frames]
        moments = [
            begin + (end - begin) * part // 10
            for (begin, _), end in zip(clip.shots, ends, strict=True)
            for part in (4, 9)
        ]
        for column, frame in enumerate(moments):
            sheet.paste(picture(clip, frame).resize((180, 320), Image.Resampling.LANCZOS), (column * 180, row * 320))
    sheet.save(target)


def main() -> None:
    """Make all clips of `demo_clips.toml`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=CLIPS, help="folder to write to")
    parser.add_argument("--sheet", type=Path, help="only draw a contact sheet to this file")
    args = parser.parse_args()
    plans = tomllib.loads(TEXTS.read_text("utf-8"))["clip"]
    clips = [lay_out(plan) for plan in plans]
    if args.sheet:
        contact_sheet(clips, args.sheet)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    for plan, clip in zip(plans, clips, strict=True):
        target = args.out / f"{clip.stem}.mp4"
        part = args.out / ".part.mp4"
        encode(clip, part, with_music=plan["music"])
        part.replace(target)
        _write_json(target.with_name(f"{clip.stem}.truth.json"), truth(clip))
        _write_json(target.with_name(f"{clip.stem}.info.json"), info(plan, clip.frames / FRAME_RATE))
        print(f"{target.name}: {clip.frames / FRAME_RATE:.1f} s, {target.stat().st_size / 1e6:.2f} MB")


def _write_json(target: Path, content: dict[str, Any]) -> None:
    target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
