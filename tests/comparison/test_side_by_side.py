"""Two scripts side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.comparison.made import ELEMENTS, HEARD, READ, act, evidence, lines, say, show, whole
from valex_local.comparison.evidence import PostEvidence
from valex_local.comparison.side_by_side import evidence_rows, side_by_side


def rows(one, other):
    """Return the texts that share a row."""
    found = side_by_side(one, other)
    return [tuple(None if cell is None else cell.line.text for cell in (row.first, row.second)) for row in found]


def marked(cell):
    return [(piece.text, piece.own) for piece in cell.pieces]


def test_lines_of_both_share_a_row_and_actions_are_aligned():
    one = lines(say("the first line of speech"), act("He runs."), say("only here we say this"), show("ON SCREEN"))
    other = lines(
        act("Before."), say("the first line of speech"), act("A man runs away."), show("on screen"), act("Last")
    )
    assert rows(one, other) == [
        (None, "Before."),
        ("the first line of speech", "the first line of speech"),
        ("He runs.", "A man runs away."),
        ("only here we say this", None),
        ("ON SCREEN", "on screen"),
        (None, "Last"),
    ]


def test_headings_are_aligned_with_headings():
    one = lines(act("He runs."), say("the first line of speech"), heading="PARK")
    other = lines(say("the first line of speech"), heading="EXT. A PARK")
    assert rows(one, other)[:2] == [("PARK", "EXT. A PARK"), ("He runs.", None)]


def test_words_of_speech_are_marked_one_by_one():
    (row,) = side_by_side(lines(say("You carried 30 boxes, all alone.")), lines(say("You carried twenty boxes alone!")))
    assert marked(row.first) == [
        ("You carried ", False), ("30", True), (" boxes, ", False), ("all", True), (" alone.", False)
    ]  # fmt: skip
    assert marked(row.second) == [("You carried ", False), ("twenty", True), (" boxes alone!", False)]


def test_a_run_of_words_is_one_mark():
    row = side_by_side(lines(say("we did it, my dear friend!")), lines(say("we did it")))[0]
    assert marked(row.first) == [("we did it, ", False), ("my dear friend", True), ("!", False)]


def test_screen_texts_are_marked_as_a_whole_and_actions_never():
    found = side_by_side(lines(show("Dress $5"), act("He runs.")), lines(act("She swims.")))
    assert [marked(cell) for row in found for cell in (row.first, row.second) if cell] == [
        [("Dress $5", True)],
        [("He runs.", False)],
        [("She swims.", False)],
    ]


def test_what_has_moved_is_reported():
    one = lines(show("5 floors"), say("you carried it all alone"), say("and then we went home"))
    other = lines(say("you carried it all alone"), say("and then we went home"), show("5 floors"))
    cells = [cell for row in side_by_side(one, other) for cell in (row.first, row.second) if cell and cell.moved]
    assert [cell.line.text for cell in cells] == ["5 floors", "5 floors"]
    assert not any(piece.own for cell in cells for piece in cell.pieces)


@given(ELEMENTS, ELEMENTS)
def test_every_line_stands_in_one_row_in_its_order_and_whole(one, other):
    ours, theirs = lines(*one), lines(*other)
    found = side_by_side(ours, theirs)
    assert [row.first.line for row in found if row.first] == list(ours)
    assert [row.second.line for row in found if row.second] == list(theirs)
    for row in found:
        assert row.first or row.second
        for cell in filter(None, (row.first, row.second)):
            assert "".join(piece.text for piece in cell.pieces) == cell.line.text


@given(ELEMENTS)
def test_a_script_beside_itself_has_no_marks(elements):
    ours = lines(*elements)
    for row in side_by_side(ours, ours):
        assert row.first == row.second
        assert not any(piece.own for piece in row.first.pieces)
        assert not row.first.moved


@given(st.lists(st.sampled_from(HEARD), unique=True), st.lists(st.sampled_from(READ), unique=True))
def test_evidence_rows_say_what_each_script_has(heard, read):
    known = evidence(heard, read)
    found = evidence_rows(lines(*whole("a").scenes[0].elements), (), known)
    assert sorted(row.line.text for row in found) == sorted([*heard, *read])
    assert [row.line.start for row in found] == sorted(row.line.start for row in found)
    assert all(row.second == "no" for row in found)
    assert all(row.first == "yes" for row in found if row.line.text in READ)


def test_evidence_rows_count_words():
    known = evidence(HEARD[:2])
    found = evidence_rows(lines(say(HEARD[0])), lines(say("clean rivers keep")), known)
    assert [(row.first, row.second) for row in found] == [("all", "1 of 6 words"), ("no", "no")]
    assert evidence_rows((), (), PostEvidence(None, None)) == []
