"""Read dates as collection tools and spreadsheets write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

EARLIEST, LATEST = 946_684_800, 4_102_444_800
"""The years 2000 and 2100 in seconds since 1970; larger numbers are milliseconds, microseconds or nanoseconds."""

DateOrder = Literal["day", "month"]
"""What comes first in dates such as 02/11/2023."""

_SLASHED = re.compile(
    r"(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})"
    r"(?:,?[ T]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second_of>\d\d))?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
)
_TWELVE_HOURS = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d),?[ T]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second_of>\d\d))?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?=$|[ T])")


def iso_time(value: Any, order: DateOrder | None = None) -> str:
    """Return a time as ISO 8601.

    Parameters
    ----------
    value : object
        Unix seconds, milliseconds, microseconds or nanoseconds, ``YYYYMMDD``, ISO itself (UTC if it names no zone), the
        date of a mail or of Twitter, days since 1900, or ``02/11/2023 14:05`` as spreadsheets rewrite it.
    order : {"day", "month"}, optional
        What comes first in the latter. Not needed where one of the two numbers is above 12, both are equal, or dots
        separate them, which only day-first countries use.

    Returns
    -------
    str
        A date, or a time in UTC.

    Raises
    ------
    ValueError
        The value is none of these, or `order` is needed and missing.
    """
    text = str(value).strip()
    if re.fullmatch(r"[12]\d{3}[01]\d[0-3]\d", text):
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date().isoformat()
    if re.fullmatch(r"\d{9,19}(\.\d*)?", text):
        number = float(text)
        while number > LATEST:
            number /= 1000
        if number < EARLIEST:
            raise ValueError(text)
        return _utc(datetime.fromtimestamp(int(number), UTC))
    if found := _SLASHED.fullmatch(text):
        return _slashed(found, order)
    text = _YEAR_FIRST.sub(lambda found: f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}", text)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.fromisoformat(text).date().isoformat()
    if found := _TWELVE_HOURS.fullmatch(text):
        return _at_time(datetime.fromisoformat(found["day"]).replace(tzinfo=UTC), found)
    moment = _moment(text)
    return _utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _moment(text: str) -> datetime:
    """Return a time in ISO 8601, of a mail, of Twitter (``Thu Nov 02 14:05:00 +0000 2023``), or in days since 1900."""
    if re.fullmatch(r"[2-6]\d{4}(?:\.\d+)?", text):  # as spreadsheets store dates
        return datetime(1899, 12, 30, tzinfo=UTC) + timedelta(seconds=round(float(text) * 86_400))
    if re.match(r"[A-Z][a-z]{2},", text):
        return parsedate_to_datetime(text)
    if re.match(r"[A-Z][a-z]{2} [A-Z]", text):
        return datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y")
    if not re.match(r"\d{4}", text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def is_ambiguous(value: Any) -> bool:
    """Whether a date can be read with the day first and with the month first, as two different dates."""
    found = _SLASHED.fullmatch(str(value).strip())
    return found is not None and _order(found) is None


def date_order(values: Iterable[Any]) -> DateOrder | None:
    """Return what comes first in dates such as 02/11/2023, or None if none of them decides it or two disagree."""
    matches = (_SLASHED.fullmatch(str(value).strip()) for value in values)
    orders = {_order(found) for found in matches if found is not None}
    if "day" in orders:
        return None if "month" in orders else "day"
    return "month" if "month" in orders else None


def _order(found: re.Match[str]) -> Literal["day", "month", "any"] | None:
    first, second = int(found["first"]), int(found["second"])
    if first > 12 or found["mark"] == ".":
        return "day"
    return "month" if second > 12 else "any" if first == second else None


def _slashed(found: re.Match[str], order: DateOrder | None) -> str:
    known = _order(found) or order
    if known is None:
        raise ValueError("the day or the month may come first")
    day, month = (found["second"], found["first"]) if known == "month" else (found["first"], found["second"])
    moment = datetime(int(found["year"]), int(month), int(day), tzinfo=UTC)
    return moment.date().isoformat() if found["hour"] is None else _at_time(moment, found)


def _at_time(day: datetime, found: re.Match[str]) -> str:
    """Return a day at the time of a match, with twelve hours or with twenty-four."""
    hour = int(found["hour"])
    if found["half"] is not None:
        if not 1 <= hour <= 12:
            raise ValueError(found[0])
        hour = hour % 12 + (12 if found["half"] in "pP" else 0)
    return _utc(day.replace(hour=hour, minute=int(found["minute"]), second=int(found["second_of"] or 0)))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
