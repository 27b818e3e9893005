import duckdb
import pytest

from crmlab.reading.numbers import Written, signs
from tests.reading import shown

# text: as read with a decimal point, with a decimal comma, and where nothing is known of the column
TEXTS = {
    "1": (1, 1, 1),
    "-12": (-12, -12, -12),
    "1,234": (1234, 1.234, None),
    "1.234": (1.234, 1234, None),
    "1,234.50": (1234.5, None, None),
    "1.234,50": (None, 1234.5, None),
    "12,5": (None, 12.5, None),
    "12.5": (12.5, None, 12.5),
    "0,125": (None, 0.125, None),
    "0.125": (0.125, None, 0.125),
    "1,234,567": (1234567, None, None),
    "1.234.567": (None, 1234567, None),
    "12,34,567.80": (None, None, None),
    "１２３．５": (123.5, None, 123.5),
    "１，２３４．５０": (1234.5, None, None),
    "－5": (-5, -5, -5),
    "1 234,50": (None, 1234.5, None),
    "1\u00a0234.50": (1234.5, None, 1234.5),
    "1\u202f234": (1234, 1234, 1234),
    "1'234.50": (1234.5, None, 1234.5),
    "12 34": (None, None, None),
    "$5": (5, 5, 5),
    "US$ 5": (5, 5, 5),
    "-$5.50": (-5.5, None, -5.5),
    "$-5": (-5, -5, -5),
    "5 USD": (5, 5, 5),
    "usd 5": (5, 5, 5),
    "($1,234.50)": (-1234.5, None, None),
    "(5)": (-5, -5, -5),
    "5.50-": (-5.5, None, -5.5),
    "1e3": (1000, 1000, 1000),
    "1234.5e0": (1234.5, 1234.5, 1234.5),
    "1_000": (None, None, None),
    "5万": (None, None, None),
    "50%": (None, None, None),
    "€5": (None, None, None),
    "¥5": (None, None, None),
    "$": (None, None, None),
    "$$5": (None, None, None),
    "--5": (None, None, None),
    "(5": (None, None, None),
    "(-5)": (None, None, None),
    "-5-": (None, None, None),
    "1,2345": (None, 1.2345, None),
    "1,23.5": (None, None, None),
    "五": (None, None, None),
    "": (None, None, None),
}


def read(text, way, currency="USD"):
    sql = Written(way, money=signs(currency)).number("x")
    return duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS x)", [text]).fetchall()[0][0]


@pytest.mark.parametrize(("text", "values"), TEXTS.items())
def test_a_text_has_the_reading_that_its_column_allows(text, values):
    assert tuple(read(text, way) for way in (".", ",", "unclear")) == values


@pytest.mark.parametrize("text", [text for text, (_point, _comma, unknown) in TEXTS.items() if unknown is not None])
def test_what_is_clear_has_the_same_value_where_nothing_is_known(text):
    point, comma, unknown = TEXTS[text]
    assert unknown == point and comma in (None, point)


@pytest.mark.parametrize(
    ("currency", "text"),
    [("CNY", "¥1234.5"), ("CNY", "￥1234.5"), ("CNY", "1234.5元"), ("CNY", "RMB 1234.5"), ("EUR", "1234.5 €"),
     ("GBP", "£1234.5"), ("JPY", "1234.5円"), ("CHF", "Fr. 1234.5"), ("SEK", "SEK 1234.5"), ("BRL", "R$ 1234.5")],
)  # fmt: skip
def test_the_signs_of_a_currency_are_its_own(currency, text):
    assert read(text, ".", currency) == 1234.5
    assert read(text, ".", "INR") is None


@pytest.mark.parametrize(
    ("texts", "way"),
    [
        (("1,234", "12.5"), "."),
        (("1,234", "1,234,567"), "."),
        (("1,234", "$1,234.50", "", "n/a", "7"), "."),
        (("1.234", "12,5"), ","),
        (("1.234", "1.234.567", "－"), ","),
        (("1.234", "12,5", "5万"), "unclear"),
        (("1,234", "12.5", "5万"), "unclear comma"),
        (("1,234", "5"), "unclear"),
        (("1.234", "5"), "unclear"),
        (("12,5", "12.5"), "unclear"),
        ((), "unclear"),
    ],
)
def test_a_column_shows_its_decimal_sign_if_nothing_in_it_speaks_against_it(texts, way):
    assert shown(Written("unclear", money=signs("USD")), *texts, "1e3") == way


def test_where_points_are_decimal_signs_only_commas_stay_open():
    assert (read("1.234", "unclear comma"), read("1,234", "unclear comma")) == (1.234, None)
    assert (read("1.234", "plain"), read("1,234", "plain")) == (1.234, None)


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_called_unclear_is_what_another_reading_would_take(text):
    written = Written("unclear", money=signs("USD"))
    ((unclear, number),) = duckdb.execute(
        f"SELECT {written.unclear('x')}, {written.number('x')} FROM (SELECT ? AS x)", [text]
    ).fetchall()
    readable = any(read(text, way) is not None for way in (".", ","))
    assert unclear == (readable and number is None)
