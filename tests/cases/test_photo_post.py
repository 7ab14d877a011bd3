"""A photo post goes all the way: its pictures are keyframes, the text on each is in the script in their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.captioned import font
from tests.commands import valex
from valex_local.records import Media, OnScreenText, ScreenText, Script
from valex_local.study import Study

NUMBER = "7300000000000000041"
TEXTS = ("Eat local food", "Save some water", "Always be kind")


@pytest.mark.slow
def test_the_text_on_each_picture_is_in_the_script_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, text in enumerate(TEXTS, 1):
        picture = Image.new("RGB", (540, 960), (40 * number, 80, 120))
        ImageDraw.Draw(picture).text((40, 400), text, font=font(48), fill="white")
        picture.save(folder / f"{NUMBER}_{number}.jpg")
    out = tmp_path / "study"
    done = valex("run", folder, "-s", out, "--profile", "demo", "--until", "script")
    assert done.returncode == 0, done.stderr
    study = Study(out)
    (post_id,) = study.post_ids()
    media = study.require(post_id, "media", Media)
    assert [keyframe.time for keyframe in media.keyframes] == [1.5, 4.5, 7.5]
    tracks = study.require(post_id, "text", ScreenText).tracks
    assert [(track.text, track.start, track.end) for track in tracks] == [
        (text, 3 * number, 3 * number + 3) for number, text in enumerate(TEXTS)
    ]
    script = study.require(post_id, "script.template", Script)
    shown = [e.text for scene in script.scenes for e in scene.elements if isinstance(e, OnScreenText)]
    assert shown == list(TEXTS)
    assert "when each picture is shown is not known" in done.stdout

    (folder / f"{NUMBER}_2.jpg").write_bytes((folder / f"{NUMBER}_1.jpg").read_bytes())
    again = valex("run", folder, "-s", out, "--until", "script")
    assert again.returncode == 0, again.stdout
    assert [t.text for t in study.require(post_id, "text", ScreenText).tracks] == [TEXTS[0], TEXTS[2]]
