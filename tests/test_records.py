import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from valex_local.errors import StudyError
from valex_local.files.text import clean_text
from valex_local.records import (
    Labels,
    LabelSource,
    Media,
    Notice,
    Post,
    PostText,
    Record,
    Segment,
    Shot,
    Transcript,
    ValueLabel,
)
from valex_local.schwartz import CIRCLE, State

texts = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)
times = st.floats(min_value=0, max_value=1e5, allow_nan=False)
probabilities = st.floats(min_value=0, max_value=1, allow_nan=False)


@st.composite
def segments(draw):
    start, end = draw(times), draw(times)
    return Segment(
        id="S1",
        start=start,
        end=end,
        text=draw(texts),
        avg_logprob=draw(st.floats(-20, 0)),
        no_speech_probability=draw(probabilities),
        compression_ratio=draw(st.floats(0, 20)),
        voice=draw(probabilities),
    )


@given(st.lists(segments(), max_size=4), texts)
def test_a_record_survives_the_disk(found, caption):
    for record in (Transcript(segments=tuple(found)), Post(id="a", text=PostText(caption=caption))):
        again = type(record).parse(record.to_json().encode())
        assert again == record
        assert again.to_json() == record.to_json()


@given(texts)
def test_text_is_nfc_and_utf8(text):
    clean = clean_text(text)
    assert unicodedata.is_normalized("NFC", clean)
    clean.encode("utf-8")
    assert clean_text(clean) == clean


def test_surrogate_pairs_become_characters_and_lone_ones_do_not_break():
    assert "\ud800" not in clean_text("a\ud800b")


def test_times_are_rounded_so_that_equal_findings_are_equal():
    assert Shot(start=0.1 + 0.2, end=1).start == 0.3
    with pytest.raises(ValidationError):
        Shot(start=-0.1, end=1)
    with pytest.raises(ValidationError):
        Shot(start=float("nan"), end=1)


def test_a_record_of_a_newer_version_is_left_alone():
    newer = json.dumps({"schema_version": 99, "what_is_this": 1})
    with pytest.raises(StudyError, match="newer version"):
        Media.parse(newer)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"shots": 3}', b'{"no_such_key": 1}', b"\xff\xfe"])
def test_what_is_no_record_is_refused(raw):
    with pytest.raises(StudyError, match="not a readable Media record"):
        Media.parse(raw)


def test_labels_hold_all_values_or_none():
    source = LabelSource(route="encoder", model="m", domain="tests")
    values = tuple(ValueLabel(value=v) for v in CIRCLE)
    assert Labels(script="template", source=source, values=values).values[0].state is State.NOT_ASSESSED
    assert Labels(script="template", source=source, skipped="silent").values == ()
    with pytest.raises(ValidationError, match="circle order"):
        Labels(script="template", source=source, values=values[::-1])
    with pytest.raises(ValidationError, match="circle order"):
        Labels(script="template", source=source, values=values[:-1])


def test_what_is_not_assessed_is_never_absent():
    with pytest.raises(ValidationError, match="without a probability"):
        ValueLabel(value=CIRCLE[0], state=State.ABSENT)
    with pytest.raises(ValidationError, match="without a probability"):
        ValueLabel(value=CIRCLE[0], present=0.9, state=State.CONFLICTED)


def test_notice_codes_are_words():
    with pytest.raises(ValidationError):
        Notice(code="Not A Code", text="x")


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError):
        Record(no_such_field=1)
