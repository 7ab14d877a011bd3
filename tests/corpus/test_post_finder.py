"""Finding the post of a study that a label or a script is about."""

from __future__ import annotations

import pytest

from valex_local.corpus.post_finder import PostFinder
from valex_local.records import Post, PostText, SourceFile

N1, N2 = "7300000000000000001", "7300000000000000002"


def post(name: str, video: str | None = None, url: str | None = None) -> Post:
    file = None if video is None else SourceFile(path=f"/videos/{video}", sha256="0" * 64, size=1)
    return Post(id=name, video=file, text=PostText(url=url))


FINDER = PostFinder([
    post(f"ann_b_{N1}", f"@ann_b_video_{N1}.mp4"),
    post("my_holiday-12345678", "My Holiday.mp4"),
    post(f"{N2}-12345678", f"title [{N2}].webm"),
    post("named-87654321", "clip.mp4", url="https://www.tiktok.com/@bob/video/7300000000000000003"),
    post("twin-00000001", "twin.mp4"),
    post("twin-00000002", "twin.mov"),
])  # fmt: skip


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (f"@ann_b_video_{N1}", f"ann_b_{N1}"),
        (f"  @Ann_B_video_{N1}.mp4.txt ", f"ann_b_{N1}"),
        (f"ann_b_{N1}", f"ann_b_{N1}"),
        (N1, f"ann_b_{N1}"),
        (f"https://www.tiktok.com/@ann_b/video/{N1} ", f"ann_b_{N1}"),
        (f"https://www.tiktok.com/@ann_b/photo/{N1}?lang=de", f"ann_b_{N1}"),
        (f"gs://bucket/videos/@ann_b_video_{N1}.mp4", f"ann_b_{N1}"),
        (f"gs://bucket/%40ann_b_video_{N1}.mp4", f"ann_b_{N1}"),
        (f"C:\\videos\\ann_b_{N1}.mp4", f"ann_b_{N1}"),
        (f"@anna_video_{N1}", f"ann_b_{N1}"),
        (f"ann_b_{N1}_720p.mp4", f"ann_b_{N1}"),
        (f"2023-11-01_ann_b_{N1}.mp4", f"ann_b_{N1}"),
        (f"ann_b_{N1[:-1]}9", None),
        ("My Holiday", "my_holiday-12345678"),
        ("gs://bucket/My Holiday.mp4", "my_holiday-12345678"),
        ("my_holiday-12345678", "my_holiday-12345678"),
        ("my_holiday-12345678.txt", "my_holiday-12345678"),
        ("my holiday", "my_holiday-12345678"),
        ("gs://bucket/videos%2FMY%20Holiday.MP4", "my_holiday-12345678"),
        ("MY_HOLIDAY-12345678", "my_holiday-12345678"),
        ("my holidays", None),
        (N2, f"{N2}-12345678"),
        (f"someone_{N2}", f"{N2}-12345678"),
        (f"{N2}-12345678", f"{N2}-12345678"),
        ("@bob_video_7300000000000000003", "named-87654321"),
        ("clip", "named-87654321"),
        ("", None),
    ],
)
def test_a_post_is_found(name, found):
    assert FINDER.find([name]) == (() if found is None else (found,))


def test_the_first_name_that_fits_counts_and_a_name_may_fit_two():
    assert FINDER.find(["nothing", "clip", N1]) == ("named-87654321",)
    assert FINDER.find(["twin"]) == ("twin-00000001", "twin-00000002")
    assert FINDER.find([]) == ()


def test_case_does_not_matter():
    finder = PostFinder([post("a-00000001", "Clip.mp4"), post("a-00000002", "clip.mp4")])
    assert finder.find(["CLIP"]) == ("a-00000001", "a-00000002")
