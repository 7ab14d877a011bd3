"""Finding videos and telling their posts."""

import json
import os
import sys
from pathlib import Path

import pytest

from valex_local.errors import InputError
from valex_local.posts import discover
from valex_local.posts.discover import STAGE
from valex_local.records import Post

N1, N2 = "7301234567890123456", "7301234567890123457"


def put(path: Path, content: bytes | str = b"a video", *, info: dict | str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    if info is not None:
        path.with_name(path.stem + ".info.json").write_text(json.dumps(info) if isinstance(info, dict) else info)
    return path


def ids(found) -> list[str]:
    return [post.id for post in found.posts]


def test_folders_are_searched_throughout(tmp_path):
    put(tmp_path / f"b/@some_user_video_{N1}.mp4")
    put(tmp_path / "a/deep/er/Clip One.MOV", b"other")
    for other in ("a/notes.txt", "a/x.mp4.part", ".hidden.mp4", ".cache/y.mp4", "._z.mp4"):
        put(tmp_path / other, other)
    found = discover([tmp_path])
    assert ids(found) == ["clip_one-d9298a10", f"some_user_{N1}"]
    assert found.failures == []
    assert found.posts[1].video.size == 7
    assert Path(found.posts[1].video.path) == tmp_path / f"b/@some_user_video_{N1}.mp4"
    assert found.posts[1].text.author == "some_user"
    assert found == discover([tmp_path, tmp_path / "b", str(tmp_path / "a/deep")])


def test_a_file_that_is_named_counts_whatever_its_ending(tmp_path):
    assert ids(discover([put(tmp_path / "clip.bin")])) == [
        "clip-" + discover([tmp_path / "clip.bin"]).posts[0].video.sha256[:8]
    ]
    assert len(discover([put(tmp_path / ".hidden")]).posts) == 1


def test_a_path_that_does_not_exist_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        discover([tmp_path / "none.mp4"])


def test_same_bytes_under_two_ids_are_two_posts(tmp_path):
    put(tmp_path / f"a_{N1}.mp4")
    put(tmp_path / f"a_{N2}.mp4")
    found = discover([tmp_path])
    assert ids(found) == [f"a_{N1}", f"a_{N2}"]
    assert found.posts[0].video.sha256 == found.posts[1].video.sha256


def test_same_id_and_bytes_are_one_post(tmp_path):
    put(tmp_path / f"1/a_{N1}.mp4")
    put(tmp_path / f"2/@a_video_{N1}.mp4", info={"description": "words"})
    found = discover([tmp_path])
    assert ids(found) == [f"a_{N1}"]
    assert found.posts[0].text.caption == "words"
    assert found.failures == []


def test_one_id_with_two_files_names_both(tmp_path):
    put(tmp_path / f"1/a_{N1}.mp4")
    put(tmp_path / f"2/@a_video_{N1}.webm", b"another")
    put(tmp_path / "fine.mp4")
    found = discover([tmp_path])
    (failure,) = found.failures
    assert (failure.post, failure.stage) == (f"a_{N1}", STAGE)
    assert f"1/a_{N1}.mp4" in failure.what
    assert f"2/@a_video_{N1}.webm" in failure.what
    assert len(found.posts) == 1


def test_links_that_lead_in_circles_end(tmp_path):
    put(tmp_path / "a/one.mp4")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "a")
    (tmp_path / "self.mp4").symlink_to(tmp_path / "self.mp4")
    (tmp_path / "x").symlink_to(tmp_path / "y")
    (tmp_path / "y").symlink_to(tmp_path / "x")
    found = discover([tmp_path])
    assert len(found.posts) == 1
    assert ["self.mp4" in f.what for f in found.failures] == [True]


def test_a_link_to_a_video_counts_by_its_own_name(tmp_path):
    put(tmp_path / "store/0001.mp4")
    (tmp_path / f"posts/a_{N1}.mp4").parent.mkdir()
    (tmp_path / f"posts/a_{N1}.mp4").symlink_to(tmp_path / "store/0001.mp4")
    assert ids(discover([tmp_path / "posts"])) == [f"a_{N1}"]


@pytest.mark.parametrize(
    "name",
    [
        "with space.mp4",
        "emoji 😀🎬.mp4",
        "new\nline.mp4",
        "-rf.mp4",
        "--help.mp4",
        "q'uo\"te.mp4",
        "%2e%2e.mp4",
        "ε.mp4",
        "con.mp4",
    ],
)
def test_odd_names(tmp_path, name):
    put(tmp_path / name)
    (post,) = discover([tmp_path]).posts
    assert Path(post.video.path).read_bytes() == b"a video"
    assert Post.parse(post.to_json()) == post
    (tmp_path / "study" / post.id).mkdir(parents=True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9\xff.mp4"
    Path(os.fsdecode(path)).write_bytes(b"a video")
    (post,) = discover([tmp_path]).posts
    again = Post.parse(post.to_json())
    assert again == post
    assert os.fsencode(again.video.path) == path
    assert Path(again.video.path).read_bytes() == b"a video"
    assert post.id.startswith("caf")


def test_a_long_name_leaves_no_room_for_the_text_beside_it(tmp_path):
    put(tmp_path / ("x" * 250 + ".mp4"))
    assert len(discover([tmp_path]).posts) == 1


def test_a_pipe_and_a_folder_with_video_names(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    put(tmp_path / "folder.mp4/inside.mp4")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere")
    found = discover([tmp_path])
    assert [p.id[:6] for p in found.posts] == ["inside"]
    whats = sorted(f.what for f in found.failures)
    assert "regular file" in whats[1]
    assert "gone.mp4" in whats[0]
    assert all("\n" not in w for w in whats)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read")
def test_a_file_that_cannot_be_read_fails_alone(tmp_path):
    for name in (f"a_{N1}.mp4", f"@a_video_{N1}.mp4"):
        (tmp_path / name).symlink_to("/proc/self/mem")
    put(tmp_path / "fine.mp4")
    found = discover([tmp_path])
    assert len(found.posts) == 1
    assert len(found.failures) == 2
    assert all("cannot be read" in f.what for f in found.failures)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_and_folders_without_permission_fail_alone(tmp_path):
    put(tmp_path / "shut.mp4").chmod(0)
    put(tmp_path / "folder/inside.mp4").parent.chmod(0)
    put(tmp_path / "fine.mp4")
    found = discover([tmp_path])
    (tmp_path / "folder").chmod(0o700)
    assert len(found.posts) == 1
    assert sorted("folder" in f.what for f in found.failures) == [False, True]


def test_sums_can_be_remembered(tmp_path):
    asked = []
    put(tmp_path / "a.mp4")
    found = discover([tmp_path], checksums=lambda path: asked.append(path) or "ab" * 32)
    assert ids(found) == ["a-abababab"]
    assert asked == [tmp_path / "a.mp4"]


# --- what yt-dlp leaves beside a video ------------------------------------------------------------------------------

INFO = {
    "id": N1,
    "title": "Thrifted all of this for …",
    "description": "Thrifted all of this for 20€! #thrift #diy",
    "uploader": "some_user",
    "uploader_id": "6812345678901234567",
    "channel": "Some User",
    "track": "original sound",
    "timestamp": 1690000000,
    "upload_date": "20230722",
    "url": "https://v16-webapp.tiktok.com/0123/video/tos",
    "webpage_url": f"https://www.tiktok.com/@some_user/video/{N1}",
}


@pytest.mark.parametrize("stem", [N1, "My clip", f"Thrifted [{N1}]", f"@some_user_video_{N1}"])
def test_info_json_gives_text_and_user(tmp_path, stem):
    put(tmp_path / f"{stem}.mp4", info=INFO)
    (post,) = discover([tmp_path]).posts
    assert post.id == f"some_user_{N1}"
    assert post.text.caption == INFO["description"]
    assert post.text.hashtags == ("thrift", "diy")
    assert post.text.author == "some_user"
    assert post.text.sound_title == "original sound"
    assert post.text.posted_at == "2023-07-22T04:26:40Z"
    assert post.text.url == INFO["webpage_url"]
    assert post.notices == ()


def test_the_text_next_to_a_file_counts_where_the_file_alone_is_named(tmp_path):
    path = put(tmp_path / "clip.mp4", info=INFO)
    put(tmp_path / "other.mp4", b"other", info={"description": "other"})
    (tmp_path / "clip.description").write_text("longer")
    found = discover([path])
    assert [post.text.caption for post in found.posts] == [INFO["description"]]
    assert found.notices == []


def test_a_number_alone_gives_no_user(tmp_path):
    put(tmp_path / f"{N1}.mp4")
    (post,) = discover([tmp_path]).posts
    assert post.id.startswith(N1 + "-")


def test_description_alone(tmp_path):
    put(tmp_path / "a.mp4")
    (tmp_path / "a.description").write_text("\ufeffHello #World #Été\n", "utf-8")
    (post,) = discover([tmp_path]).posts
    assert post.text.caption == "Hello #World #Été"
    assert post.text.hashtags == ("World", "Été")


@pytest.mark.parametrize(
    "bad", ["{", "[]", '"text"', "\xff\xfe", '{"description": {"a": 1}, "title": []}', '{"timestamp": "soon"}']
)
def test_text_beside_that_cannot_be_read_is_noted(tmp_path, bad):
    path = put(tmp_path / "a.mp4")
    path.with_name("a.info.json").write_bytes(bad.encode("latin-1"))
    (post,) = discover([tmp_path]).posts
    assert ([n.code for n in post.notices] == ["post-text"]) is (bad != '{"description": {"a": 1}, "title": []}')
