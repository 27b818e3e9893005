"""Numbers, dates and money as a reader expects them."""

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import language


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1_234_567.891, 0, "1,234,568"),
        (1_234_567.891, 2, "1,234,567.89"),
        (1_234_567.891, -3, "1,235,000"),
        (-1_234.5, 1, "−1,234.5"),
        (-0.04, 1, "0.0"),
        (0, 0, "0"),
        (-1.26e30, 1, "−1.3e30"),
        (math.nan, 1, "–"),
        (math.inf, 1, "–"),
        (None, 1, "–"),
    ],
)
def test_number(value, digits, text):
    assert language.number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "unit", "digits", "text"),
    [
        (0.6783, "share", None, "67.8%"),
        (0.95, "share", 0, "95%"),
        (-0.139, "share", None, "−13.9%"),
        (-1_234.5, "USD", None, "−$1,234"),
        (99.5, "USD", None, "$99.50"),
        (767_123, "USD", -3, "$767,000"),
        (35.0783, "USD", 1, "$35.1"),
        (1_500, "CNY", None, "CN¥1,500"),
        (-0.001, "USD", None, "$0.00"),
        (0.63091, "index", None, "0.631"),
        (2.5, "ratio", 1, "2.5"),
        (12, "months", None, "12 months"),
        (14.26, "months", None, "14.3 months"),
        (math.nan, "USD", None, "–"),
        (None, "share", None, "–"),
    ],
)
def test_quantity(value, unit, digits, text):
    assert language.quantity(value, unit, digits=digits) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.95, "95%"), (0.975, "97.5%"), (0.999, "99.9%"), (0.9995, "99.95%"), (0.55, "55%"), (1 / 3, "33.33%")],
)
def test_a_share_that_was_set_keeps_its_decimals(share, text):
    assert language.stated_share(share) == text


@given(st.floats(-1e12, 1e12), st.integers(-6, 6))
def test_number_can_be_read_back(value, digits):
    text = language.number(value, digits).replace(",", "").replace("−", "-")
    assert float(text) == pytest.approx(round(value, digits), rel=1e-12, abs=1e-12)
    assert not text.startswith("-0.0") or float(text) != 0


@pytest.mark.parametrize(
    ("half_width", "digits"),
    [(0.0123, 3), (0.5, 2), (1.0, 1), (9.9, 1), (22.5, 0), (21_845, -3), (0, 2), (math.inf, 2)],
)
def test_decimals_keep_two_significant_digits(half_width, digits):
    assert language.decimals(half_width) == digits


@pytest.mark.parametrize(
    ("unit", "expected"), [("USD", True), ("CNY", True), ("usd", False), ("months", False), ("", False)]
)
def test_currency_codes(unit, expected):
    assert language.is_currency(unit) is expected


def test_dates_and_symbols():
    assert language.day(date(1998, 6, 30)) == "30 June 1998"
    assert language.currency_symbol("EUR") == "€"
