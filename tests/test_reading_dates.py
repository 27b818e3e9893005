from datetime import date, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.reading.dates import Order
from tests.reading import shown

FIFTH = datetime(2024, 3, 5)


def read(text, form="", timezone="UTC"):
    sql = Order(form, timezone).timestamp("x")
    return duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS x)", [text]).fetchall()[0][0]


@pytest.mark.parametrize("form", ["", "dmy", "mdy", "ymd", "excel", "%d-%b-%y"])
@pytest.mark.parametrize("text", ["2024-03-05", "2024/3/5", "2024-3-5 00:00", "2024-03-05T00:00:00"])
def test_what_begins_with_the_year_has_one_reading(text, form):
    assert read(text, form) == FIFTH


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024年3月5日", FIFTH),
        ("２０２４年３月５日", FIFTH),
        ("2024年03月05日 10:30", FIFTH + timedelta(hours=10.5)),
        ("2024年3月5日10:30:15", FIFTH + timedelta(hours=10, minutes=30, seconds=15)),
        ("2024.3.5", FIFTH),
        ("２０２４／０３／０５", FIFTH),
    ],
)
def test_dates_of_chinese_input(text, moment):
    assert read(text) == moment


@pytest.mark.parametrize(
    ("text", "day_first", "month_first"),
    [
        ("3/5/2024", (5, 3), (3, 5)),
        ("03/05/2024", (5, 3), (3, 5)),
        ("05.03.2024", (3, 5), (5, 3)),
        ("5-3-2024", (3, 5), (5, 3)),
        ("13/5/2024", (5, 13), None),
        ("5/13/2024", None, (5, 13)),
        ("31.02.2024", None, None),
        ("3/5.2024", None, None),
        ("3/5/24", None, None),
        ("0/5/2024", None, None),
    ],
)
def test_the_order_of_day_and_month_is_needed_where_the_year_is_last(text, day_first, month_first):
    expected = [datetime(2024, *each) if each else None for each in (day_first, month_first)]
    assert [read(text, "dmy"), read(text, "mdy"), read(text)] == [*expected, None]


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [("3/5/2024 2:30 PM", 14, 30), ("3/5/2024 2:30:00 a.m.", 2, 30), ("3/5/2024, 14:30", 14, 30),
     ("3/5/2024 12:00 AM", 0, 0)],
)  # fmt: skip
def test_times_of_day(text, hour, minute):
    assert read(text, "mdy") == datetime(2024, 3, 5, hour, minute)
    assert read("3/5/2024 14:30 PM", "mdy") is None


def test_zones_are_converted():
    assert read("2024-03-05T20:00:00Z", timezone="Asia/Shanghai") == datetime(2024, 3, 6, 4)


@pytest.mark.parametrize("text", ["20240305", "2024-03-05", "2024/3/5"])
def test_digits_alone_are_a_date_where_that_is_stated(text):
    assert read(text, "ymd") == FIFTH
    assert read("20240305") is None and read("20241305", "ymd") is None


def test_counts_of_days_as_excel_keeps_them():
    assert [read(text, "excel") for text in ("45356", "45356.5", "45356.5e0", "61")] == [
        FIFTH, FIFTH + timedelta(hours=12), FIFTH + timedelta(hours=12), datetime(1900, 3, 1)
    ]  # fmt: skip
    assert [read(text, "excel") for text in ("60", "1", "-5", "1e9", "99999999")] == [None] * 5
    assert read("45356") is None


@pytest.mark.parametrize(
    ("form", "text"), [("%d-%b-%y", "05-Mar-24"), ("%d%m%Y", "05032024"), ("%m/%d/%y %H:%M", "3/5/24 0:00")]
)
def test_a_form_of_ones_own(form, text):
    assert read(text, form) == FIFTH
    assert read("3/5/2024", "%d-%b-%y") is None


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (("3/5/2024", "13/5/2024"), "dmy"),
        (("3/5/2024", "5/13/2024"), "mdy"),
        (("05.03.2024", "31.12.2024 10:00", "2024-01-01", "soon"), "dmy"),
        (("3/5/2024", "5/3/2024"), ""),
        (("13/5/2024", "5/13/2024"), ""),
        (("13/5/2024", "45/13/2024"), ""),
        (("2024-01-01",), ""),
        ((), ""),
    ],
)
def test_a_column_shows_its_order_if_all_dates_fit_it_and_some_no_other(texts, order):
    assert shown(Order(), *texts, "") == order


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dates(date(1900, 1, 1), date(2199, 12, 31)), min_size=1, max_size=20), st.sampled_from("/.-"))
def test_an_order_that_a_column_shows_is_the_one_it_was_written_in(days, sign):
    for order, form in (("dmy", f"%d{sign}%m{sign}%Y"), ("mdy", f"%m{sign}%d{sign}%Y")):
        texts = [day.strftime(form) for day in days]
        assert shown(Order(), *texts) in ("", order)
        assert shown(Order(), *texts, "13/01/2024" if order == "dmy" else "01/13/2024") == order
        assert [read(text, order).date() for text in texts] == days
