"""Importing scripts as a variant of a study."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import get_args

import pytest

from tests.exchange.test_sources import STEM, batch, put, response
from valex_local.errors import ConfigError, InputError, StudyError
from valex_local.exchange.script_parser import parse_script
from valex_local.exchange.scripts import TAKEN, import_scripts
from valex_local.pipeline.plan import plan
from valex_local.pipeline.status import StatusChecker, StepState
from valex_local.records import Dialogue, Labels, LabelSource, OnScreenText, Post, Script, SourceFile
from valex_local.settings import ScriptSettings, Settings
from valex_local.study import Study

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"
ANN, BOB, CAT = (f"{user}_730000000000000000{n}" for n, user in enumerate(("ann_b", "bob", "cat"), 1))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "study", create=True)
    for post_id in (ANN, BOB):
        user, _, number = post_id.rpartition("_")
        video = SourceFile(path=f"/videos/@{user}_video_{number}.mp4", sha256="0" * 64, size=1)
        made.write(post_id, "post", Post(id=post_id, video=video))
    made.write(ANN, "script.template", Script(name="template"))
    return made


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "scripts"
    put(folder / f"{STEM}.txt", 'GIRL: "Hi"\n')
    put(folder / "@bob_video_7300000000000000002.txt", 'MAN: "Ho"\n')
    return folder


def contents(study: Study) -> dict[str, bytes]:
    return {str(p.relative_to(study.root)): p.read_bytes() for p in study.root.rglob("*") if p.is_file()}


def test_scripts_become_a_variant(study, texts):
    before = contents(study)
    found = import_scripts(texts, study.root, name="gemini", origin="our lab")
    assert (found.imported, found.done, found.ok) == ([ANN, BOB], 2, True)
    script = study.require(ANN, "script.gemini", Script)
    assert script.scenes == parse_script('GIRL: "Hi"\n', "gemini").scenes
    assert script.made_by is not None
    assert (script.made_by.stage, script.made_by.models) == ("import", {})
    assert {k: v for k, v in script.made_by.settings.items() if k != "sha256"} == {
        "origin": "our lab", "shape": "text", "file": f"{STEM}.txt",
    }  # fmt: skip
    assert len(script.fingerprint) == len(script.made_by.settings["sha256"]) == 64
    after = contents(study)
    assert set(after) - set(before) - {".lock"} == {f"posts/{p}/script.gemini.json" for p in (ANN, BOB)}
    assert all(after[name] == content for name, content in before.items())
    # What was imported does not push aside what is shown by default.
    assert study.script(ANN)[0] == "template"
    assert study.script(BOB)[0] == "gemini"


def test_equal_text_changes_nothing_and_other_text_replaces(study, texts):
    import_scripts(texts, study.root, name="gemini")
    before = contents(study)
    put(texts / f"{STEM}.json", response('GIRL: "Hi"\n', modelVersion="gemini-1.5-pro-002"))
    (texts / f"{STEM}.txt").unlink()
    found = import_scripts(texts, study.root, name="gemini")
    assert (found.unchanged, found.done, found.ok) == ([ANN, BOB], 2, True)
    assert contents(study) == before

    put(texts / f"{STEM}.json", response('GIRL: "Bye"\n', modelVersion="gemini-1.5-pro-002"))
    found = import_scripts(texts, study.root, name="gemini")
    assert (found.imported, found.replaced, found.unchanged) == ([], [ANN], [BOB])
    script = study.require(ANN, "script.gemini", Script)
    assert script.made_by is not None
    assert script.made_by.settings["model"] == "gemini-1.5-pro-002"
    assert {name for name, content in contents(study).items() if before.get(name) != content} == {
        f"posts/{ANN}/script.gemini.json"
    }


def test_a_broken_record_is_replaced_and_one_of_a_newer_version_is_not(study, texts):
    path = put(study.folder(ANN) / "script.gemini.json", '{"half')
    assert import_scripts(texts, study.root, name="gemini").replaced == [ANN]
    assert study.read(ANN, "script.gemini", Script) is not None
    put(path, {"schema_version": 99})
    with pytest.raises(StudyError, match="newer version"):
        import_scripts(texts, study.root, name="gemini")


def test_labels_of_a_replaced_script_are_due_and_the_script_itself_never_is(study, texts):
    settings = Settings.model_validate({"labels": {"scripts": ["gemini"]}})
    steps = tuple(step for step in plan(settings) if step.name == "labels.gemini.encoder")

    def status():
        ((_, statuses),) = StatusChecker(study, steps, {}).check([ANN])
        (found,) = statuses.values()
        return found

    assert status().state is StepState.BLOCKED
    import_scripts(texts, study.root, name="gemini")
    assert status().state is StepState.MISSING
    source = LabelSource(route="encoder", model="m", domain="d")
    made = {"fingerprint": status().fingerprint, "made_by": steps[0].made_by({})}
    study.write(ANN, "labels.gemini.encoder", Labels(script="gemini", source=source, **made))
    import_scripts(texts, study.root, name="gemini")
    assert status().state is StepState.CURRENT
    put(texts / f"{STEM}.txt", 'GIRL: "Bye"\n')
    import_scripts(texts, study.root, name="gemini")
    assert status().state is StepState.MISSING, "labels of other words are gone, not left to be read"
    assert "script.gemini" not in {step.stem for step in plan(settings)}


def test_what_is_left_out_is_named_with_its_reason(study, tmp_path):
    lines = [
        batch(f"gs://b/{STEM}.mp4", response('GIRL: "Hi"')),
        batch("gs://b/@bob_video_7300000000000000002.mp4", response(None, "SAFETY")),
        batch("gs://b/@cat_video_7300000000000000003.mp4", response('CAT: "Miau"')),
        batch("gs://b/x.mp4", response("GIRL: Hi and", "MAX_TOKENS")),
        batch("gs://b/y.mp4", None),
        batch("gs://b/z.mp4", response("---")),
        {"request": {}, "response": response('GIRL: "Hi"')},
    ]
    path = put(tmp_path / "out.jsonl", "\n".join([*map(json.dumps, lines), '{"half']))
    found = import_scripts(path, study.root, name="gemini")
    assert (found.imported, found.done, found.ok) == ([ANN], 1, False)
    assert [str(left) for left in found.unmatched] == [
        "gs://b/@cat_video_7300000000000000003.mp4 (out.jsonl, line 3): the study has no such post",
        "out.jsonl, line 7: it does not name a post",
    ]
    assert [(left.name, left.reason) for left in found.refused] == [
        ("gs://b/@bob_video_7300000000000000002.mp4", "the answer was stopped: SAFETY")
    ]
    assert [left.reason for left in found.cut] == ["cut by the limit of length (MAX_TOKENS)"]
    assert [(left.name, left.reason) for left in found.empty] == [
        ("gs://b/y.mp4", "the request has no response"),
        ("gs://b/z.mp4", "it contains nothing but markup"),
    ]
    assert [left.where for left in found.unreadable] == ["out.jsonl, line 8"]


def test_cut_scripts_are_kept_when_asked_for_and_say_so(study, tmp_path):
    path = put(tmp_path / f"{STEM}.json", response("GIRL: Hi and", "MAX_TOKENS"))
    assert import_scripts(path, study.root, name="gemini").done == 0
    assert import_scripts(path, study.root, name="gemini", keep_cut=True).imported == [ANN]
    (notice,) = study.require(ANN, "script.gemini", Script).notices
    assert (notice.code, notice.text) == ("cut", "the script is not whole: cut by the limit of length (MAX_TOKENS)")
    put(path, response("GIRL: Hi and"))
    assert import_scripts(path, study.root, name="gemini").replaced == [ANN]


def test_two_scripts_of_one_post(study, texts):
    put(texts / f"{ANN}.json", response('GIRL: "Hi"'))
    found = import_scripts(texts, study.root, name="gemini")
    assert (found.imported, found.ok) == ([ANN, BOB], True)
    assert [str(left) for left in found.repeated] == [f"{ANN} ({ANN}.json): same text as {STEM}.txt"]

    put(texts / f"{ANN}.json", response('GIRL: "Ho"'))
    found = import_scripts(texts, study.root, name="other")
    assert (found.imported, found.ok) == ([BOB], False)
    reason = f"2 different scripts of the post {ANN}: {STEM}.txt; {ANN}.json"
    assert [left.reason for left in found.conflicting] == [reason, reason]
    assert study.read(ANN, "script.other", Script) is None

    put(texts / f"{ANN}.json", response('GIRL: "Ho', "MAX_TOKENS"))
    found = import_scripts(texts, study.root, name="third", keep_cut=True)
    assert found.imported == [ANN, BOB]
    assert [left.reason for left in found.cut] == ["another script of this post is complete"]


def test_a_script_that_fits_two_posts_is_left_out(study, texts):
    study.write("ann_7300000000000000001", "post", Post(id="ann_7300000000000000001"))
    (texts / f"{STEM}.txt").rename(texts / "7300000000000000001.txt")
    found = import_scripts(texts, study.root, name="gemini")
    assert [left.reason for left in found.unmatched] == [f"it matches 2 posts: ann_7300000000000000001, {ANN}"]


# --- posts whose videos are gone ------------------------------------------------------------------------------------


def test_every_script_can_be_a_post(tmp_path, texts):
    out = tmp_path / "new"
    with pytest.raises(StudyError, match=r"there is no study here.*--new-posts"):
        import_scripts(texts, out, name="gemini")
    assert not out.exists()
    put(texts / "My clip.txt", "A girl.")
    put(texts / "7300000000000000001.json", response('GIRL: "Hi"'))  # the same post by its number alone
    found = import_scripts(texts, out, name="gemini", new_posts=True)
    clip = next(post for post in found.new_posts if post.startswith("my_clip-"))
    assert found.new_posts == found.imported == sorted([ANN, BOB, clip])
    assert len(found.repeated) == 1
    study = Study(out)
    assert study.post_ids() == sorted([ANN, BOB, clip])
    assert study.post(ANN) == Post.model_validate({"id": ANN, "text": {"author": "ann_b"}})
    again = import_scripts(texts, out, name="gemini")
    assert (again.unchanged, again.new_posts, again.ok) == (found.imported, [], True)


def test_known_posts_stay_as_they_are(study, texts):
    put(texts / f"{CAT}.txt", "A cat.")
    before = contents(study)
    found = import_scripts(texts, study.root, name="gemini", new_posts=True)
    assert (found.imported, found.new_posts) == ([ANN, BOB, CAT], [CAT])
    after = contents(study)
    assert all(after[name] == content for name, content in before.items())


def test_nothing_to_import_makes_no_study(tmp_path):
    path = put(tmp_path / "x.json", response(None, "SAFETY"))
    found = import_scripts(path, tmp_path / "new", name="gemini", new_posts=True)
    assert (found.done, len(found.refused)) == (0, 1)
    assert not (tmp_path / "new").exists()


def test_another_folder_is_not_taken_for_a_study(tmp_path, texts):
    with pytest.raises(StudyError, match="not empty and is not a study"):
        import_scripts(texts, texts, name="gemini", new_posts=True)


# --- names, locks, interruptions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "..", "gemini 1", "ü", "x" * 61, "local", "Template", "video"])
def test_names_that_are_not_to_be_used(study, texts, name):
    with pytest.raises(ConfigError, match="--name"):
        import_scripts(texts, study.root, name=name)
    assert not list(study.folder(ANN).glob("script.[!t]*"))


def test_the_names_of_our_own_writers_are_taken():
    variants = ScriptSettings.model_fields["variants"].annotation
    assert {*get_args(get_args(variants)[0]), "video"} == set(TAKEN)


def test_a_study_at_work_is_left_alone(study, texts):
    with study.lock(), pytest.raises(StudyError, match="another run is active"):
        import_scripts(texts, study.root, name="gemini")


def test_an_interrupted_import_leaves_whole_records_and_goes_on(study, texts, monkeypatch):
    replaced = []
    replace = Path.replace

    def interrupted(self, target):
        if replaced:
            raise KeyboardInterrupt
        replaced.append(target)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_scripts(texts, study.root, name="gemini")
    monkeypatch.undo()
    there = [p for p in study.root.rglob("script.gemini.json")]
    assert [p.parent.name for p in there] == [ANN]
    assert Script.parse(there[0].read_bytes()).scenes
    found = import_scripts(texts, study.root, name="gemini")
    assert (found.unchanged, found.imported) == ([ANN], [BOB])
    assert not list(study.root.rglob("*.part"))


def test_the_records_are_for_their_owner_alone(study, texts):
    import_scripts(texts, study.root, name="gemini")
    assert os.stat(study.folder(ANN) / "script.gemini.json").st_mode & 0o077 == 0


def test_hostile_texts_stay_texts(study, texts):
    put(
        texts / f"{STEM}.txt",
        '<script>alert(1)</script>\n=HYPERLINK("x")\nGIRL: "\x1b[31m{{ 7 * 7 }}\u202e"\n[SALE]',
    )
    import_scripts(texts, study.root, name="gemini")
    told = [element.text for scene in study.require(ANN, "script.gemini", Script).scenes for element in scene.elements]
    assert told == ["<script>alert(1)</script>", '=HYPERLINK("x")', "\x1b[31m{{ 7 * 7 }}\u202e", "SALE"]


def test_nothing_that_can_be_read_is_an_error(study, tmp_path):
    put(tmp_path / "none" / "a.json", "{}")
    with pytest.raises(InputError, match="no script could be read"):
        import_scripts(tmp_path / "none", study.root, name="gemini")


# --- the set that ships with the project ----------------------------------------------------------------------------

DIFFERENCES = {
    "@thrift.tilda_video_7300000000000000001": (
        {"My friend Maria said I would give up after ten minutes."}, set(), {"Dress $5"},
    ),
    "@noah.kicks_video_7300000000000000002": (set(), {"Watch this, everybody!"}, {"TRY 27"}),
    "@samira_says_video_7300000000000000003": (
        {"You carried thirty boxes up five floors, all alone."},
        {"You carried twenty boxes up five floors, all alone."},
        set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("stem", DIFFERENCES)
def test_the_hand_made_scripts_differ_from_their_clips_as_their_readme_says(stem):
    truth = json.loads((DEMO / "clips" / f"{stem}.truth.json").read_text("utf-8"))
    script = parse_script((DEMO / "scripts" / f"{stem}.txt").read_text("utf-8"), "hand")
    elements = [element for scene in script.scenes for element in scene.elements]
    spoken = " ".join(element.text for element in elements if isinstance(element, Dialogue))
    said = [segment["text"] for segment in truth["speech"]]
    shown = [caption["text"] for caption in truth["captions"] if caption["style"] != "subtitle"]
    read = [element.text for element in elements if isinstance(element, OnScreenText)]
    left_out, added, captions = DIFFERENCES[stem]
    assert {text for text in said if text not in spoken} == left_out
    for text in said:
        spoken = spoken.replace(text, "")
    assert spoken.strip() == " ".join(added)
    assert set(shown) - set(read) == captions
    assert set(read) <= set(shown)
    assert (read != [text for text in shown if text in read]) == ("samira" in stem)  # in another order
    readme = (DEMO / "scripts" / "README.md").read_text("utf-8")
    assert all(
        text in readme for text in (*left_out - {"You carried thirty boxes up five floors, all alone."}, *captions)
    )
    assert all(heading is not None for heading in (scene.heading for scene in script.scenes))


def test_the_hand_made_scripts_can_be_imported(tmp_path):
    found = import_scripts(DEMO / "scripts", tmp_path / "study", name="hand", new_posts=True, origin="Written by hand")
    assert (len(found.imported), found.ok, found.passed_over) == (3, True, ["README.md"])
