from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stages.script.evidences import CAPTIONS, INJECTIONS, evidence, segment, track
from valex_local.errors import ConfigError
from valex_local.records import PostText
from valex_local.settings import Settings, make_settings
from valex_local.stages.script.prompt import MAX_POST_CHARACTERS, ScenePrompt, SoFar, answer_schema
from valex_local.stages.script.scenes import plan_scenes
from valex_local.stages.setting_files import setting_file

OURS = setting_file(Settings(), "script", "llm", "prompt")


def test_the_evidence_is_listed_in_time_order() -> None:
    found = evidence(captions=CAPTIONS)
    system, user = ScenePrompt(OURS).messages(plan_scenes(found)[0], found, SoFar(speakers=("YOUNG GIRL",)))
    assert (system.role, user.role) == ("system", "user")
    numbered = [line.split()[0] for line in user.content.splitlines() if line[:1] in "STK" and line[1:2].isdigit()]
    assert numbered == ["T1", "S1", "K1", "S2", "K2"]  # T2 repeats S2
    assert "Speakers so far: YOUNG GIRL" in user.content
    assert "K numbers are pictures" in system.content


def test_without_pictures_none_are_spoken_of() -> None:
    found = evidence()
    system, user = ScenePrompt(OURS).messages(plan_scenes(found)[0], found, SoFar())
    assert "picture" not in system.content + user.content
    assert "place" not in system.content


@pytest.mark.parametrize("hostile", INJECTIONS)
def test_no_text_begins_a_line_or_ends_its_quotation(hostile: str) -> None:
    speech, texts = (segment(1, 0, 2, hostile),), (track(1, 5, 6, hostile),)
    found = evidence(speech=speech, texts=texts, post=PostText(caption=hostile))
    harmless = evidence(speech=(segment(1, 0, 2, "x"),), texts=(track(1, 5, 6, "y"),), post=PostText(caption="z"))
    prompts = [ScenePrompt(OURS).messages(plan_scenes(e)[0], e, SoFar()) for e in (found, harmless)]
    assert prompts[0][0] == prompts[1][0]
    assert len(prompts[0][1].content.splitlines()) == len(prompts[1][1].content.splitlines())
    for line in prompts[0][1].content.splitlines():
        if line.startswith(("S1", "T1", "Published")):
            assert json.loads(line.partition(": ")[2]) == " ".join(hostile.split())


def test_long_post_text_is_shown_in_part() -> None:
    found = evidence(post=PostText(caption="x" * 5000))
    content = ScenePrompt(OURS).messages(plan_scenes(found)[0], found, SoFar())[1].content
    assert content.count("x") == MAX_POST_CHARACTERS


def test_the_schema_knows_the_scenes_own_evidence_alone() -> None:
    found = evidence(captions=CAPTIONS)
    first, second, third = (json.dumps(answer_schema(s, found)) for s in plan_scenes(found))
    assert '["S1", "S2"]' in first and '["T1"]' in first and '["bedroom"]' in first and '["K1", "K2"]' in first
    assert '["S3"]' in second and '["T3"]' in second and "T2" not in first + second
    assert '"place"' not in third  # No keyframe of it tells of a place.


def test_without_pictures_the_schema_has_no_room_for_actions_places_and_names() -> None:
    found = evidence()
    for stretch in plan_scenes(found):
        text = json.dumps(answer_schema(stretch, found))
        assert not any(word in text for word in ("action", "place", "speaker", "keyframes"))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{% block system %}a{% endblock %}", "lacks the block user"),
        ("{% block system %}a{% endblock %}\n{% block user %}{{ }}{% endblock %}", "line 2 of the prompt"),
        ("{% block system %}{{ nothing }}{% endblock %}{% block user %}{% endblock %}", "'nothing' is undefined"),
    ],
)
def test_a_prompt_of_the_labs_own_is_checked(tmp_path: Path, source: str, complaint: str) -> None:
    path = tmp_path / "own.jinja"
    path.write_text(source, "utf-8")
    found = evidence()
    with pytest.raises(ConfigError, match=complaint):
        ScenePrompt(path).messages(plan_scenes(found)[0], found, SoFar())


def test_a_missing_prompt_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.jinja"):
        ScenePrompt(tmp_path / "gone.jinja")


def test_an_answer_that_leaves_no_room_for_the_question_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most half of context"):
        make_settings({"script": {"llm": {"context": 1024, "max_tokens": 1000}}})
