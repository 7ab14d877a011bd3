"""Dates as collection tools and spreadsheets write them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.posts.dates import date_order, is_ambiguous, iso_time


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1690000000, "2023-07-22T04:26:40Z"),
        ("1690000000", "2023-07-22T04:26:40Z"),
        (1690000000123, "2023-07-22T04:26:40Z"),
        ("1690000000000000", "2023-07-22T04:26:40Z"),
        ("1690000000000000000", "2023-07-22T04:26:40Z"),
        ("1690000000.0", "2023-07-22T04:26:40Z"),
        ("20230722", "2023-07-22"),
        ("2023-07-22", "2023-07-22"),
        ("2023/7/2", "2023-07-02"),
        ("2023-07-22 04:26:40", "2023-07-22T04:26:40Z"),
        ("2023/07/22 04:26", "2023-07-22T04:26:00Z"),
        ("2023-07-22T06:26:40+02:00", "2023-07-22T04:26:40Z"),
        ("2023-07-22T04:26:40.000Z", "2023-07-22T04:26:40Z"),
        ("22/07/2023 04:26", "2023-07-22T04:26:00Z"),
        ("7/22/2023 4:26:40 PM", "2023-07-22T16:26:40Z"),
        ("7/22/2023, 12:05 am", "2023-07-22T00:05:00Z"),
        ("02.11.2023", "2023-11-02"),
        ("05/05/2023", "2023-05-05"),
    ],
)
def test_times(value, expected):
    assert iso_time(value) == expected


@pytest.mark.parametrize(
    "value",
    [0, -1, "0", "NaT", "", "someday", "2023", "1.69893E+09", "02/11/2023 14:05", "13/13/2023", "30/02/2023", "15232.5",
     "02/05/2023 13:05 PM", "2023-13-01", True, None, [1], "9" * 30],
)  # fmt: skip
def test_what_is_no_date_or_one_of_two(value):
    with pytest.raises(ValueError):
        iso_time(value)


days = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)).map(lambda day: day.replace(microsecond=0))


@given(st.lists(days, min_size=1), st.sampled_from(["day", "month"]))
def test_a_column_of_rewritten_dates_is_read_whole_or_left_out(moments, first):
    form = "%d/%m/%Y %H:%M:%S" if first == "day" else "%m/%d/%Y %H:%M:%S"
    written = [moment.strftime(form) for moment in moments]
    order = date_order(written)
    assert order == (first if any(moment.day > 12 for moment in moments) else None)
    for text, moment in zip(written, moments, strict=True):
        if order is None and is_ambiguous(text):
            with pytest.raises(ValueError, match="may come first"):
                iso_time(text)
        else:
            assert iso_time(text, order) == f"{moment.isoformat()}Z"


def test_a_column_of_both_orders_decides_nothing():
    assert date_order(["25/11/2023", "11/25/2023", "02/11/2023", None, 3]) is None


@given(st.text(max_size=30) | st.integers() | st.floats() | st.none())
def test_anything_is_a_date_or_a_value_error(value):
    try:
        found = iso_time(value)
    except ValueError:
        return
    datetime.fromisoformat(found)


@pytest.mark.parametrize(
    "cell",
    ["Thu Nov 02 14:05:00 +0000 2023", "Thu, 02 Nov 2023 14:05:00 GMT", "45232.586805555555"],
)
def test_dates_of_mails_of_twitter_and_as_a_spreadsheet_stores_them(cell: str) -> None:
    assert iso_time(cell) == "2023-11-02T14:05:00Z"
