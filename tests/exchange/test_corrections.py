"""Corrections that come back from other programs: a round trip through exported files."""

from __future__ import annotations

import re

import pytest

from tests.exchange.exported import NAMED, ONE, export, make_study
from valex_local.errors import InputError
from valex_local.exchange.corrections import import_corrections
from valex_local.records import ScreenText, Script, Transcript
from valex_local.study.editing import Editor

FORMATS = ("srt", "vtt", "eaf")


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def lines(study):
    return {segment.id: segment for segment in study.read(ONE, "transcript", Transcript).segments}


def replaced(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return path


def speech(folder, form):
    return folder / (f"{ONE}.eaf" if form == "eaf" else f"{ONE}.speech.{form}")


@pytest.mark.parametrize("form", FORMATS)
def test_files_as_exported_change_nothing(study, form):
    _, folder = export(study, form)
    files = sorted(path for path in folder.iterdir() if path.name.startswith(ONE))
    found = import_corrections(files, study, by="anna", remove=True)
    assert not (found.corrected or found.added or found.removed or found.missing or found.notices)
    assert study.edits(ONE) is None


@pytest.mark.parametrize("form", FORMATS)
def test_words_come_back(study, form):
    _, folder = export(study, form)
    file = replaced(speech(folder, form), "My budget was thirty euros", "The budget was forty euros")
    found = import_corrections([file], study, by="anna")
    assert found.corrected == {ONE: 1}
    assert lines(study)["S2"].text == "The budget was forty euros, and here is what I found."
    # What was imported before is no correction again.
    assert not import_corrections([file], study, by="anna").corrected


@pytest.mark.parametrize("form", FORMATS)
def test_times_come_back(study, form):
    _, folder = export(study, form)
    old, new = ("5200", "4800") if form == "eaf" else ("00:00:05", "00:00:04")
    import_corrections([replaced(speech(folder, form), old, new)], study, by="anna")
    assert lines(study)["S2"].start == (4.8 if form == "eaf" else 4.2)
    assert study.edits(ONE).corrections[0].text is None


def test_speakers_come_back_from_elan_and_webvtt(study):
    _, folder = export(study, "eaf")
    file = speech(folder, "eaf")
    text = file.read_text("utf-8")
    file.write_text(text.replace(">SPEAKER<", ">TILDA<", 1), "utf-8")
    assert import_corrections([file], study, by="anna").corrected == {ONE: 1}
    _, folder = export(study, "vtt")
    file = replaced(speech(folder, "vtt"), "My budget", "<v BEN &amp; BO>My budget")
    assert import_corrections([file], study, by="anna").corrected == {ONE: 1}
    script = study.read(ONE, "script.template", Script)
    said = {e.ref: e.speaker for scene in script.scenes for e in scene.elements if e.kind == "dialogue"}
    assert (said["S1"], said["S2"]) == ("TILDA", "BEN & BO")


def test_a_line_may_come_back_in_two_cues(study):
    _, folder = export(study, "srt")
    whole = lines(study)["S2"]
    file = speech(folder, "srt")
    cue = "My budget was thirty euros,\n\n9\n00:00:07,000 --> 00:00:09,400\nand here is what I found."
    text = file.read_text("utf-8").replace(whole.text.strip(), cue, 1)
    file.write_text(re.sub(r"(00:00:05,200 --> )00:00:09,400", r"\g<1>00:00:07,000", text), "utf-8")
    found = import_corrections([file], study, by="anna")
    assert not found.corrected
    assert not found.added


def test_added_and_removed_lines(study):
    _, folder = export(study, "srt")
    file = speech(folder, "srt")
    count = len(lines(study))
    blocks = file.read_text("utf-8").split("\n\n")
    added = "77\n00:59:00,000 --> 00:59:01,500\nBye & thanks"
    file.write_text("\n\n".join([*blocks[1:], added]), "utf-8")
    found = import_corrections([file], study, by="anna")
    assert found.missing == {ONE: ["S1"]}
    assert found.added == {ONE: 1}
    assert lines(study)[f"S{count + 1}"].text == "Bye & thanks"
    assert import_corrections([file], study, by="anna", remove=True).removed == {ONE: 1}
    assert "S1" not in lines(study)


def test_screen_text_comes_back(study):
    _, folder = export(study, "vtt")
    file = replaced(folder / f"{ONE}.text.vtt", "THRIFT CHALLENGE", "THRIFT &lt;3 CHALLENGE")
    assert import_corrections([file], study, by="anna").corrected == {ONE: 1}
    assert study.read(ONE, "text", ScreenText).tracks[0].text == "THRIFT <3 CHALLENGE"


def test_what_was_not_recognised_here_cannot_be_corrected(study):
    _, folder = export(study, "srt")
    found = import_corrections([folder / f"{NAMED}.speech.srt"], study, by="anna")
    assert [notice.partition(":")[0] for notice in found.notices] == [NAMED]
    assert study.edits(NAMED) is None


def test_files_of_other_posts_and_kinds(study, tmp_path):
    stranger = tmp_path / "stranger.speech.srt"
    stranger.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n", "utf-8")
    assert import_corrections([stranger], study, by="anna").unmatched == ["stranger.speech.srt: 0 posts of that name"]
    for name, content in (("a.srt", "no subtitles"), ("a.eaf", "<a"), ("b.eaf", "<ANNOTATION_DOCUMENT/>")):
        (tmp_path / name).write_text(content, "utf-8")
        with pytest.raises(InputError):
            import_corrections([tmp_path / name], study, by="anna")


# --- lines that several speakers say ----------------------------------------------------------------------------------


def divided(study):
    """Divide the second line of speech between two speakers, as the script stage does, and return its two parts."""
    script = study.read(ONE, "script.template", Script)
    scenes = []
    for scene in script.scenes:
        elements = []
        for element in scene.elements:
            if element.kind == "dialogue" and element.ref == "S2":
                first, second = element.text.split(", ")
                elements += [
                    element.model_copy(update={"speaker": "SPEAKER 1", "text": f"{first},", "end": 6.6}),
                    element.model_copy(update={"speaker": "SPEAKER 2", "text": second, "start": 6.6}),
                ]
            else:
                elements.append(element)
        scenes.append(scene.model_copy(update={"elements": tuple(elements)}))
    study.write(ONE, "script.template", script.model_copy(update={"scenes": tuple(scenes)}))


@pytest.mark.parametrize("form", FORMATS)
def test_divided_lines_as_exported_change_nothing(study, form):
    divided(study)
    _, folder = export(study, form)
    found = import_corrections([speech(folder, form)], study, by="anna", remove=True)
    assert not (found.corrected or found.added or found.removed or found.missing or found.notices)


def test_a_name_for_a_speaker_holds_in_all_parts(study):
    divided(study)
    Editor(study, "anna").name_speaker(ONE, "SPEAKER 2", "TILDA")
    script = study.read(ONE, "script.template", Script)
    said = [e.speaker for scene in script.scenes for e in scene.elements if e.kind == "dialogue" and e.ref == "S2"]
    assert said == ["SPEAKER 1", "TILDA"]


def test_a_name_for_the_only_speaker_is_lost_aloud_where_there_are_several(study):
    divided(study)
    script = study.read(ONE, "script.template", Script)
    renamed = script.model_dump_json().replace('"speaker":"SPEAKER"', '"speaker":"SPEAKER 1"')
    study.write(ONE, "script.template", Script.parse(renamed))
    Editor(study, "anna").name_speaker(ONE, "SPEAKER", "TILDA")
    lost = [n.text for n in study.read(ONE, "script.template", Script).notices if n.code == "correction-lost"]
    assert lost == ["SPEAKER was named TILDA, but several speakers are told apart now: name each"]


def test_the_words_of_a_part_come_back_as_words_of_the_line(study):
    divided(study)
    _, folder = export(study, "vtt")
    import_corrections([replaced(speech(folder, "vtt"), "here is what I found", "this is all")], study, by="anna")
    assert lines(study)["S2"].text == "My budget was thirty euros, and this is all."
