from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stages.script.evidences import ASKED, INJECTIONS, evidence, segment, track
from valex_local.errors import ConfigError
from valex_local.records import PostText
from valex_local.settings import Settings, make_settings
from valex_local.stages.script.checks import check_answer
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.grounded import leaks
from valex_local.stages.script.prompt import MAX_POST_CHARACTERS, ScenePrompt, SoFar, answer_schema
from valex_local.stages.script.question import SceneQuestion, question_about
from valex_local.stages.script.scenes import plan_scenes
from valex_local.stages.setting_files import setting_file

OURS = setting_file(Settings(), "script", "llm", "prompt")


def asked(
    found: Evidence, number: int = 0, *, path: Path = OURS, genre: bool = False, so_far: SoFar | None = None
) -> list[str]:
    """The texts of the messages about a scene."""
    stretch = plan_scenes(found)[number]
    question = question_about(stretch, found, genre=genre)
    assert question is not None
    return [str(m.parts[-1]) for m in ScenePrompt(path).messages(question, stretch, found, so_far or SoFar())]


def test_the_evidence_is_listed_in_time_order() -> None:
    found = evidence(captions=ASKED)
    user = asked(found, genre=True, so_far=SoFar(speakers=("YOUNG GIRL",)))[-1]
    numbered = [line.split()[0] for line in user.splitlines() if line[:1] in "STK" and line[1:2].isdigit()]
    assert numbered == ["T1", "S1", "K1", "S2", "S1:", "S2:"]  # T2 repeats S2, K2 shows the same as K1
    assert "Speakers so far: YOUNG GIRL" in user
    assert 'Fill in: {"K1": "", "S1": "", "S2": "", "genre": ""}' in user


def test_the_shape_is_shown_by_an_example_in_turns_whose_words_the_checks_refuse() -> None:
    found = evidence(captions=ASKED)
    stretch = plan_scenes(found)[0]
    question = question_about(stretch, found)
    assert question is not None
    prompt = ScenePrompt(OURS)
    messages = prompt.messages(question, stretch, found, SoFar())
    assert [m.role for m in messages] == ["system", "user", "assistant", "user"]
    example = json.loads(str(messages[2].content))
    assert [key[:1] for key in example] == ["K", "K", "S"]
    copied = {"K1": example["K1"], "S1": example["S1"], "S2": example["S1"]}
    answer = check_answer(json.dumps(copied), question, stretch, found, own=prompt.own(question))
    assert answer.refused == {"line": 1, "name": 2}
    seeing = prompt.own(SceneQuestion(sees=True))
    assert seeing[0] != messages[0].content
    assert all(leaks(text, seeing) for text in json.loads(seeing[2]).values())


def test_what_all_questions_share_does_not_depend_on_the_post() -> None:
    found = evidence(captions=ASKED)
    shared = [asked(found, number)[:3] for number in range(3)]
    assert shared[0] == shared[1] == shared[2]


@pytest.mark.parametrize("hostile", INJECTIONS)
def test_no_text_begins_a_line_or_ends_its_quotation(hostile: str) -> None:
    texts, post = (track(1, 4.5, 4.9, hostile),), PostText(caption=hostile)
    found = evidence(captions=ASKED, speech=(segment(1, 0, 2, hostile),), texts=texts, post=post)
    texts, post = (track(1, 4.5, 4.9, "y"),), PostText(caption="z")
    harmless = evidence(captions=ASKED, speech=(segment(1, 0, 2, "x"),), texts=texts, post=post)
    prompts = [asked(e, genre=True) for e in (found, harmless)]
    assert prompts[0][:-1] == prompts[1][:-1]
    assert len(prompts[0][-1].splitlines()) == len(prompts[1][-1].splitlines())
    for line in prompts[0][-1].splitlines():
        if line.startswith(("S1 (", "T1 (", "Published")):
            assert json.loads(line.partition(": ")[2]) == " ".join(hostile.split())


def test_long_post_text_is_shown_in_part() -> None:
    found = evidence(captions=ASKED, post=PostText(caption="x" * 5000))
    assert asked(found, genre=True)[-1].count("x" * MAX_POST_CHARACTERS) == 1
    assert "x" * (MAX_POST_CHARACTERS + 1) not in asked(found, genre=True)[-1]


def test_the_schema_has_one_text_for_each_thing_asked() -> None:
    found = evidence(captions=ASKED)
    schemas = [answer_schema(q) for s in plan_scenes(found) if (q := question_about(s, found))]
    assert [list(schema["properties"]) for schema in schemas] == [["K1", "S1", "S2"], ["K4"], ["place", "S4"]]
    assert schemas[0]["properties"]["S1"] == {"enum": ["GIRL", "SPEAKER"]}
    assert schemas[2]["properties"]["place"] == {"enum": ["garden", "unknown"]}


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
    with pytest.raises(ConfigError, match=complaint):
        asked(evidence(captions=ASKED), path=path)


def test_a_missing_prompt_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.jinja"):
        ScenePrompt(tmp_path / "gone.jinja")


def test_an_answer_that_leaves_no_room_for_the_question_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most half of context"):
        make_settings({"script": {"llm": {"context": 1024, "max_tokens": 1000}}})
