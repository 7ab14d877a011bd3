"""The hand-written scripts of the demo clips differ from the clips as their README says, and in nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.comparison.made import segment, track
from valex_local.comparison.evidence import PostEvidence, read_evidence
from valex_local.comparison.lines import script_lines
from valex_local.comparison.measures import measure
from valex_local.exchange.script_parser import parse_script
from valex_local.records import Post, ScreenText, Transcript
from valex_local.study import Study

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"
TILDA, NOAH, SAMIRA = (
    "@thrift.tilda_video_7300000000000000001",
    "@noah.kicks_video_7300000000000000002",
    "@samira_says_video_7300000000000000003",
)


def known(name: str, folder: Path) -> PostEvidence:
    """Return the true speech and screen text of a clip."""
    truth = json.loads((DEMO / "clips" / f"{name}.truth.json").read_text("utf-8"))
    segments = [segment(n, s["start"], s["text"], s["end"] - s["start"]) for n, s in enumerate(truth["speech"], 1)]
    tracks = [track(n, c["start"], c["text"], c["end"] - c["start"]) for n, c in enumerate(truth["captions"], 1)]
    study = Study(folder / "study", create=True)
    study.write("p", "post", Post(id="p"))
    study.write("p", "transcript", Transcript(segments=tuple(segments)))
    study.write("p", "text", ScreenText(tracks=tuple(tracks)))
    return read_evidence(study, "p")


@pytest.fixture
def measured(tmp_path):
    def find(name):
        evidence = known(name, tmp_path)
        hand = parse_script((DEMO / "scripts" / f"{name}.txt").read_text("utf-8"), "hand")
        return measure(script_lines(hand), evidence), sum(len(line.words) for line in evidence.heard or ())

    return find


def test_a_line_and_a_caption_are_left_out(measured):
    found, heard = measured(TILDA)
    assert found.speech_kept == pytest.approx(1 - 11 / heard, abs=1e-6)
    assert (found.speech_added, found.text_added) == (0, 0)
    assert found.text_kept == pytest.approx(5 / 6, abs=1e-6)


def test_a_line_is_added_and_a_caption_left_out(measured):
    found, heard = measured(NOAH)
    assert found.speech_kept == 1
    assert found.speech_added == pytest.approx(3 / (heard + 3), abs=1e-6)
    assert found.text_kept == pytest.approx(5 / 6, abs=1e-6)


def test_a_word_is_wrong_and_two_captions_stand_in_the_wrong_order(measured):
    found, heard = measured(SAMIRA)
    assert found.speech_kept == pytest.approx(1 - 1 / heard, abs=1e-6)
    assert found.speech_added == pytest.approx(1 / heard, abs=1e-6)
    assert (found.text_kept, found.text_added) == (1, 0)
    # "5 floors" stands before "30 boxes" and before the speech that began long before it; of 55 pairs four begin
    # within a second of each other.
    assert found.order_in_time == pytest.approx(47 / 51, abs=1e-6)
