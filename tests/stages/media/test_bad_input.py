"""Videos that are none, or not whole: one clear line, or a record that says what is wrong."""

import os
import socket
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.clips import BLUE, RED, Scene, make_clip, tone
from valex_local.errors import InputError
from valex_local.stages.media.decode import iter_frames


def refused(run, path, match):
    with pytest.raises(InputError, match=match) as caught:
        run(path)
    assert "\n" not in str(caught.value)
    assert str(path.name) in str(caught.value)


def codes(output):
    return [notice.code for notice in output.record.notices]


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (b"", "the file is empty"),
        (b"hello, this is no video\n" * 50, "a text file, not a video"),
        (b"\0\1\2\3" * 2000, "not a video that can be read"),
        (os.urandom(20000), "not a video|text file"),
        (b"<html><body>Access denied</body></html>", "a text file, not a video"),
    ],
)
def test_no_video_at_all(tmp_path, run, raw, match):
    path = tmp_path / "a.mp4"
    path.write_bytes(raw)
    refused(run, path, match)


@pytest.fixture
def listener():
    """A real server on the loopback: (port, list of connections it got)."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                connections.append(address)
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], connections
        stop.set()
        thread.join()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "hls-key": '#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:{port}/k"\n#EXTINF:5,\n{clip}\n',
    "hls-local": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{clip}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile http://127.0.0.1:{port}/a.mp4\n",
    "concat-local": "ffconcat version 1.0\nfile {clip}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
    "<BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", ["mp4", "m3u8"])
def test_playlists_are_not_followed(tmp_path, run, listener, kind, suffix):
    port, connections = listener
    clip = make_clip(tmp_path / "real.mp4", [Scene(1)])
    path = tmp_path / f"a.{suffix}"
    path.write_text(PLAYLISTS[kind].format(port=port, clip=clip))
    refused(run, path, "this is a playlist")
    assert connections == []


def test_the_listener_would_have_been_reached(tmp_path, listener):
    """Opened without care, the same playlist does reach out: the test above can fail."""
    import av

    port, connections = listener
    path = tmp_path / "a.m3u8"
    path.write_text(PLAYLISTS["hls"].format(port=port))
    with pytest.raises(av.FFmpegError):
        av.open(str(path), options={"protocol_whitelist": "file,http,tcp"})
    assert connections


def test_a_picture_sequence_pattern_is_a_name(tmp_path, run):
    path = make_clip(tmp_path / "a%03d.mp4", [Scene(1)])
    assert run(path).record.video is not None
    (tmp_path / "b%03d.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 100)
    refused(run, tmp_path / "b%03d.jpg", "not a video")


@pytest.mark.parametrize(
    "name",
    [
        "http:--127.0.0.1.mp4",
        "concat:a.mp4",
        "-i.mp4",
        "new\nline.mp4",
        "emoji 😀.mp4",
        " .mp4",
        "file:x.mp4",
        "pipe:0",
    ],
)
def test_odd_names(tmp_path, run, name):
    clip = make_clip(tmp_path / "plain.mp4", [Scene(1)])
    path = tmp_path / name
    clip.rename(path)
    assert len(run(path).record.keyframes) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_utf8(tmp_path, run):
    clip = make_clip(tmp_path / "plain.mp4", [Scene(1)])
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    clip.rename(path)
    assert len(run(path).record.keyframes) == 1


def test_a_folder_and_a_pipe(tmp_path):
    (tmp_path / "x.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "x.mp4", tmp_path / "pipe.mp4", Path("/dev/zero")):
        with pytest.raises(InputError, match="not a regular file"):
            next(iter_frames(path, fps=None))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read")
def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "a.mp4").symlink_to("/proc/self/mem")
    with pytest.raises(InputError, match="cannot be read"):
        next(iter_frames(tmp_path / "a.mp4", fps=None))


def test_cut_off_before_the_index(tmp_path, run):
    path = make_clip(tmp_path / "a.mp4", [Scene(3)], audio=tone(3))
    path.write_bytes(path.read_bytes()[:-3000])
    refused(run, path, "incomplete or damaged: its index")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_cut_off_in_the_middle(tmp_path, run, name):
    options = {"movflags": "faststart"} if name == "a.mp4" else {}
    scenes = [Scene(4, RED), Scene(4, BLUE, 1)]
    path = make_clip(tmp_path / name, scenes, audio=tone(8), container_options=options, codec_options={"g": "25"})
    whole = run(path).record
    if name == "a.mkv":
        # The writer of this format puts the duration at the start only when it is done.
        assert whole.duration == pytest.approx(8, abs=0.1)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) * 6 // 10])
    output = run(path)
    assert "truncated" in codes(output)
    assert 2 < output.record.duration < 7
    assert output.record.keyframes
    assert output.record.audio.duration > 2


def test_damage_in_the_middle_is_noted(tmp_path, run):
    path = make_clip(tmp_path / "a.mp4", [Scene(6)], audio=tone(6), codec_options={"g": "25"})
    raw = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    start = raw.find(b"mdat") + 5000
    raw[start : start + 4000] = rng.integers(0, 256, 4000, np.uint8).tobytes()
    path.write_bytes(raw)
    output = run(path)
    assert output.record.keyframes
    assert output.record.duration == pytest.approx(6, abs=0.2)


@pytest.mark.parametrize("seed", range(30))
def test_no_damage_escapes_as_another_error(tmp_path, run, seed):
    """Bytes overwritten anywhere, headers included: a record or one clear line, and always the same."""
    path = make_clip(tmp_path / "a.mp4", [Scene(1), Scene(1, BLUE, 1)], audio=tone(2), width=64, height=64)
    raw = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for at in rng.integers(0, len(raw), 1 + seed * 3):
        raw[at] = rng.integers(0, 256)
    path.write_bytes(raw)

    def outcome():
        try:
            output = run(path)
        except InputError as error:
            return str(error)
        assert output.record.keyframes or output.record.video is None
        return output.record.to_json(), dict(output.files)

    assert outcome() == outcome()


def test_no_audio_track(tmp_path, run):
    output = run(make_clip(tmp_path / "a.mp4", [Scene(1)]))
    assert output.record.audio is None
    assert "audio.flac" not in output.files
    assert output.record.keyframes


@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.wav", "a.mp3", "a.ogg"])
def test_audio_only(tmp_path, run, name):
    codec = {"a.wav": "pcm_s16le", "a.mp3": "libmp3lame", "a.ogg": "libvorbis"}.get(name, "aac")
    codec = "libopus" if name == "a.ogg" else codec
    rate = 48000 if name == "a.ogg" else 44100
    path = make_clip(tmp_path / name, [], audio=tone(2, rate=rate), audio_rate=rate, audio_codec=codec)
    media = run(path).record
    assert (media.video, media.shots, media.keyframes) == (None, (), ())
    assert media.duration == pytest.approx(2, abs=0.1)
    assert media.notices == ()


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.flac"])
def test_audio_with_cover_art(tmp_path, run, name):
    """The picture of a record is no video."""
    import av

    sound = make_clip(tmp_path / "a.wav", [], audio=tone(2), audio_codec="pcm_s16le")
    cover = av.CodecContext.create("mjpeg", "w")
    cover.width, cover.height, cover.pix_fmt, cover.time_base = 64, 64, "yuvj420p", Fraction(1, 25)
    (picture,) = cover.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24"))
    with (
        av.open(str(sound)) as source,
        av.open(str(tmp_path / name), "w", format="mp4" if name == "a.m4a" else None) as out,
    ):
        codec = {"a.mp3": "libmp3lame", "a.m4a": "aac", "a.flac": "flac"}[name]
        track = out.add_stream(codec, rate=44100, layout="mono")
        art = out.add_stream("mjpeg")
        art.width, art.height, art.pix_fmt = 64, 64, "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        picture.stream, picture.pts, picture.dts = art, 0, 0
        out.start_encoding()
        out.mux(picture)
        for frame in source.decode(audio=0):
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    media = run(tmp_path / name).record
    assert (media.video, media.shots, media.keyframes) == (None, (), ())
    assert media.audio.duration == pytest.approx(2, abs=0.1)
    assert media.notices == ()


def test_one_single_frame(tmp_path, run):
    media = run(make_clip(tmp_path / "a.mp4", frames=[np.full((64, 64, 3), 90, np.uint8)])).record
    assert len(media.keyframes) == len(media.shots) == 1
    assert 0 < media.duration <= 0.2
    assert media.keyframes[0].time == 0
    assert media.shots[0].end == media.duration


def test_a_single_frame_under_a_long_sound(tmp_path, run):
    """A slide with music: the picture stays until the end."""
    media = run(make_clip(tmp_path / "a.mp4", frames=[np.full((64, 64, 3), 90, np.uint8)], audio=tone(5))).record
    assert media.duration == pytest.approx(5, abs=0.1)
    assert len(media.keyframes) == 1


def test_all_black(tmp_path, run):
    media = run(make_clip(tmp_path / "a.mp4", frames=[np.zeros((64, 64, 3), np.uint8)] * 50)).record
    assert len(media.keyframes) == 1


def test_timestamps_that_stand_still(tmp_path, run):
    """All durations in the sample table set to nothing: every picture claims to be shown at once."""
    path = make_clip(tmp_path / "a.mp4", [Scene(1), Scene(1, BLUE, 1)], codec_options={"bf": "0"})
    raw = bytearray(path.read_bytes())
    at = raw.find(b"stts") + 8
    entries = int.from_bytes(raw[at : at + 4], "big")
    for entry in range(entries):
        raw[at + 8 + 8 * entry : at + 12 + 8 * entry] = bytes(4)
    path.write_bytes(raw)
    media = run(path).record
    times = [k.time for k in media.keyframes]
    assert len(times) == len(media.shots) == 2
    assert times == sorted(set(times))
    assert media.duration > 1


@pytest.mark.parametrize(("width", "height"), [(1, 64), (64, 1), (1, 1), (2, 500), (3, 5)])
def test_tiny_pictures(tmp_path, run, width, height):
    image = np.full((height, width, 3), 128, np.uint8)
    path = make_clip(tmp_path / "a.mov", frames=[image] * 10, codec="png", pixel_format="rgb24")
    media = run(path).record
    assert (media.video.width, media.video.height) == (width, height)
    assert len(media.keyframes) == 1


def test_a_picture_that_changes_its_size(tmp_path, run):
    """Two streams one after the other, as screen recordings of a turned telephone have it."""
    one = make_clip(tmp_path / "a.ts", [Scene(1, RED)], width=64, height=128)
    two = make_clip(tmp_path / "b.ts", [Scene(1, BLUE, 1)], width=128, height=64)
    path = tmp_path / "c.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    media = run(path).record
    assert len(media.keyframes) >= 1
    assert {(k.width, k.height) for k in media.keyframes} <= {(64, 128), (128, 64)}


def test_nothing_is_printed(tmp_path):
    """FFmpeg's own messages do not reach the terminal."""
    path = make_clip(tmp_path / "a.mp4", [Scene(2)], container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-2000])
    code = (
        "import sys; from pathlib import Path; from valex_local.stages.media.stage import read_media;"
        "from valex_local.settings import MediaSettings; read_media(Path(sys.argv[1]), MediaSettings())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
