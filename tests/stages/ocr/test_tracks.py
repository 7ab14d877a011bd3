from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import Box
from valex_local.stages.ocr.spans import ReadingSpan
from valex_local.stages.ocr.tracks import merge

STEP = 0.2
MIDDLE = Box(left=0.2, top=0.5, width=0.6, height=0.05)


def box(top, left=0.2, width=0.6, height=0.05):
    return Box(left=left, top=top, width=width, height=height)


def said(text, start, end, where=MIDDLE, confidence=0.9):
    return ReadingSpan(text, where, confidence, start, end)


def texts(*spans):
    return [track.text for track in merge(spans, STEP)]


def test_readings_of_one_text_in_one_place_are_one_track():
    (track,) = merge([said("Total: $9", 1, 2), said("Total: $9", 2.1, 3), said("Total: $9", 2.9, 4)], STEP)
    assert (track.start, track.end, track.readings) == (1, 4, 3)


def test_the_surest_of_differing_readings_stands():
    assert texts(said("Tota1: S9", 1, 2, confidence=0.7), said("Total: $9", 1.5, 3, confidence=0.95)) == ["Total: $9"]


def test_readings_vote_with_their_confidence():
    jitter = [said("Tota1 cost: nine", i, i + 1, confidence=c) for i, c in enumerate((0.7, 0.95, 0.7))]
    right = [said("Total cost: nine", 3 + i, 4 + i) for i in range(3)]
    (track,) = merge(jitter + right, STEP)
    assert (track.text, track.confidence, track.readings) == ("Total cost: nine", 0.9, 6)


def test_figures_that_change_are_another_text():
    assert texts(said("TRY 26", 1, 2), said("TRY 27", 2, 3)) == ["TRY 26", "TRY 27"]


def test_two_readings_that_claim_one_place_at_one_time_are_one_text():
    assert texts(said("G0 N0W", 1, 3, confidence=0.7), said("GO NOW", 1, 3.2)) == ["GO NOW"]


def test_pieces_of_one_line_are_one_text_from_left_to_right():
    left, right = box(0.5, left=0.1, width=0.3), box(0.505, left=0.43, width=0.3)
    assert texts(said("you", 1, 2, right), said("I love", 1, 2, left)) == ["I love you"]
    assert len(texts(said("you", 1, 2, box(0.5, left=0.7, width=0.2)), said("I love", 1, 2, left))) == 2


def test_a_title_over_captions_that_change_stays_apart():
    captions = [said(text, i * 2, i * 2 + 2, box(0.56)) for i, text in enumerate(("one day", "I fell", "and got up"))]
    assert sorted(texts(said("The title", 0, 6, box(0.5)), *captions)) == [
        "I fell",
        "The title",
        "and got up",
        "one day",
    ]


def test_chinese_captions_grow_by_the_character():
    grown = ["对不起", "对不起我的", "对不起我的朋友"]
    assert texts(*(said(text, i, i + 1, box(0.5, width=0.1 + 0.1 * i)) for i, text in enumerate(grown))) == [grown[-1]]


def test_the_same_text_somewhere_else_or_later_is_another_track():
    assert len(texts(said("GO", 1, 2), said("GO", 1, 2, box(0.1)))) == 2
    assert len(texts(said("GO", 1, 2), said("GO", 3, 4))) == 2


def test_another_text_in_the_same_place_is_another_track():
    assert texts(said("TRY 12", 1, 2), said("Landed it", 2, 3)) == ["TRY 12", "Landed it"]


def test_a_caption_that_grows_word_by_word_is_one_track():
    grown = ["I am", "I am so", "I am so sorry my", "I am so sorry my friend"]
    spans = [said(text, i, i + 1, box(0.5, width=0.1 + 0.1 * i)) for i, text in enumerate(grown)]
    (track,) = merge(spans, STEP)
    assert track.text == grown[-1]
    assert (track.start, track.end) == (0, 4)


def test_lines_that_stand_together_are_one_text_from_top_to_bottom():
    spans = [said("and lower", 1, 2, box(0.56)), said("Upper", 1, 2, box(0.5)), said("last", 1.1, 2, box(0.62))]
    assert texts(*spans) == ["Upper\nand lower\nlast"]


def test_a_second_line_that_comes_later_and_goes_at_once_belongs_to_the_first():
    assert texts(said("I am so sorry,", 1, 4, box(0.5)), said("my friend", 2, 4, box(0.56))) == [
        "I am so sorry,\nmy friend"
    ]


def test_lines_far_apart_or_of_other_size_are_not_joined():
    assert len(texts(said("Title", 1, 2, box(0.1)), said("Caption", 1, 2, box(0.8)))) == 2
    assert len(texts(said("Title", 1, 2, box(0.5, height=0.1)), said("small", 1, 2, box(0.61, height=0.03)))) == 2


boxes = st.builds(
    box,
    top=st.floats(0, 0.9),
    left=st.floats(0, 0.5),
    width=st.floats(0.01, 0.5),
    height=st.floats(0.01, 0.1),
)
spans = st.builds(
    lambda text, where, confidence, start, length: ReadingSpan(text, where, confidence, start, start + length),
    text=st.text("ABCDE 123", min_size=1, max_size=12).filter(str.strip),
    where=boxes,
    confidence=st.floats(0.6, 1),
    start=st.floats(0, 20).map(lambda t: round(t, 2)),
    length=st.floats(0, 5).map(lambda t: round(t, 2)),
)


@given(st.lists(spans, max_size=12), st.randoms())
def test_tracks_do_not_depend_on_the_order_of_readings(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert merge(shuffled, STEP) == merge(found, STEP)


@given(st.lists(spans, max_size=12))
def test_no_reading_is_lost_and_times_stand_in_order(found):
    tracks = merge(found, STEP)
    assert [t.id for t in tracks] == [f"T{i}" for i in range(1, len(tracks) + 1)]
    assert [t.start for t in tracks] == sorted(t.start for t in tracks)
    assert all(t.start <= t.end for t in tracks)
    assert sum(t.readings for t in tracks) <= len(found)
    for span in found:
        assert any(t.start - 1e-3 <= span.start and span.end <= t.end + 1e-3 for t in tracks)
