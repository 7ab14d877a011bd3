"""RTTM: who speaks when, with the names that people gave."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.exported import HOSTILE, NAMED, ONE, SILENT, SPEAKERS, TWO, export, make_study
from valex_local.exchange.export.rttm import rttm_lines
from valex_local.records import Edits, Speakers
from valex_local.study.editing import Editor


def test_a_file_for_each_post_in_which_someone_speaks(tmp_path):
    study = make_study(tmp_path)
    study.write(SILENT, "speakers", Speakers())
    study.write(NAMED, "speakers", Speakers(skipped="no model for the role speaker"))
    Editor(study, "anna").name_speaker(ONE, "speaker 2", "TILDA  B.")
    found, folder = export(study, "rttm")
    assert [path.name for path in folder.iterdir()] == [f"{ONE}.rttm"]
    assert (folder / f"{ONE}.rttm").read_text("utf-8").splitlines() == [
        f"SPEAKER {ONE} 1 0.500 6.100 <NA> <NA> SPEAKER_1 0.9700 <NA>",
        f"SPEAKER {ONE} 1 6.700 2.700 <NA> <NA> TILDA_B. 0.8000 <NA>",
    ]
    assert found.left_out == {
        TWO: "who speaks was not looked for",
        SILENT: "nobody speaks",
        NAMED: "no model for the role speaker",
    }


@given(st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=60))
def test_a_line_has_ten_fields_whatever_a_name_holds(name):
    try:
        given = {"speaker": "SPEAKER 1", "name": name, "by": "anna", "on": "2026-01-01T00:00:00Z"}
        edits = Edits.model_validate({"speakers": [given]})
    except ValueError:
        return
    for line in rttm_lines(ONE, SPEAKERS, edits):
        assert len(line.split()) == len(line.split(" ")) == 10
