import re

import pytest

from crmlab.contract import InputError
from tests.reading import read

SALES = """customer_id,date,amount,cost,Währung
1,2024-01-15,100,50,EUR
2,2024-02-15,100,50,eur
3,2024-02-15,100,50,USD
4,2023-12-31,100,50,EUR
5,2024-02-15,100,50,GBP
6,2024-02-15,100,50,
7,soon,100,50,EUR
8,2024-02-01,-10,,EUR
"""
RATES = "currency,date,rate\nEUR,2024-01-01,1.10\nEUR,2024-02-01,1.2\nJPY,2024-01-01,0.007\n"
FORM = "convert: {from: Währung, rates: data/acme/rates.csv}"


def converted(small, form=FORM, rates=RATES, rows=SALES, **options):
    small.write("data/acme/rates.csv", rates)
    return read(small, rows, form, **options)


def test_amounts_take_the_rate_that_holds_on_their_day(small):
    frame, quality = converted(small)
    assert frame["customer_id"].tolist() == ["1", "2", "3", "8"]
    assert frame["amount"].tolist() == pytest.approx([110, 120, 100, -12])
    assert frame["cost"].fillna(0).tolist() == pytest.approx([55, 60, 50, 0])
    assert [(each.row, each.column, each.value, each.reason) for each in quality.examples] == [
        (5, "Währung", "EUR", "has no rate of exchange on its day"),
        (6, "Währung", "GBP", "has no rate of exchange on its day"),
        (7, "Währung", "", "must not be empty"),
        (8, "date", "soon", "must be a date (YYYY-MM-DD)"),
    ]
    assert list(frame) == ["customer_id", "date", "amount", "cost"]


def test_one_currency_and_one_rate_for_all(small):
    form = "convert: {currency: EUR, rates: data/acme/rates.csv, columns: [amount]}"
    frame, _ = converted(small, form, "currency,rate\neur,1.5\n")
    assert frame["amount"].tolist()[:2] == [150, 150] and frame["cost"].tolist()[:2] == [50, 50]


def test_a_rate_without_a_date_always_held(small):
    frame, _ = converted(small, rates=RATES + "GBP,,1.3\nEUR,,1.0\n")
    assert dict(zip(frame["customer_id"], frame["amount"], strict=True)) == pytest.approx(
        {"1": 110, "2": 120, "3": 100, "4": 100, "5": 130, "8": -12}
    )


def test_rates_are_read_like_any_table(small):
    rates = "Devise;Kurs;ab\nEUR;1,10;15.01.2024\nEUR;1,20;01.02.2024\n"
    columns = "columns: {currency: Devise, rate: Kurs, date: ab}"
    form = f"convert: {{from: Währung, rates: {{source: data/acme/rates.csv, {columns}}}}}"
    frame, _ = converted(small, form, rates)
    assert frame["amount"].tolist() == pytest.approx([110, 120, 100, -12])


def test_tables_without_a_date(small):
    rows = "customer_id,registered_capital\n1,100\n"
    rates = "currency,rate\nEUR,2\n"
    form = "convert: {currency: EUR, rates: data/acme/rates.csv}"
    assert converted(small, form, rates, rows, table="customers")[0]["registered_capital"].tolist() == [200]
    with pytest.raises(InputError, match="convert: rates have dates, but customers has no acquired_on"):
        converted(small, form, RATES, rows, table="customers")


def test_signs_of_the_currency_that_is_converted(small):
    rows = "customer_id,date,amount\n1,2024-01-15,€100\n2,2024-01-15,$100\n"
    frame, quality = converted(small, "convert: {currency: EUR, rates: data/acme/rates.csv}", rows=rows)
    assert (frame["amount"].tolist(), quality.rejected) == ([pytest.approx(110)], 1)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (
            RATES + "EUR,2024-02-01,1.3\n",
            "rates.csv: row 5: currency, date: repeats an earlier row, got 'EUR, 2024-02-01 00:00:00'",
        ),
        (RATES + "GBP,2024-02-01,-1\n", "row 5: rate: must be at least 1e-09"),
        (RATES + "GBP,2024-02-01,0\n", "row 5: rate: must be at least 1e-09"),
        (RATES + "GBP,2024-02-01,x\n", "row 5: rate: must be a number"),
        ("currency,rate\nEUR,1\nEUR,2\n", "row 3: currency: repeats an earlier row"),
        ("currency,price\nEUR,1\n", "convert.rates: data/acme/rates.csv has no column rate"),
    ],
)
def test_rates_that_cannot_be_used_stop_the_run(small, rates, message):
    with pytest.raises(InputError) as caught:
        converted(small, rates=rates)
    assert re.search(message, caught.value.detail)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("{rates: r.csv}", "convert must have one of from .the column that names the currency. and currency"),
        ("{from: W, currency: EUR, rates: r.csv}", "convert must have one of from"),
        ("{currency: EUX, rates: r.csv}", "convert.currency must be an ISO 4217 code"),
        ("{currency: EUR}", "convert.rates is missing"),
        ("{currency: EUR, rates: r.csv}", "convert.rates.source: no such file: r.csv"),
        (
            "{currency: EUR, rates: r.csv, columns: [amout]}",
            r"amout is no amount of transactions; did you mean amount\?",
        ),
        ("{currency: EUR, rates: r.csv, date: day}", "convert.date: day is not a date of transactions"),
        ("{currency: EUR, rate: r.csv}", r"convert.rate is not a parameter; did you mean rates\?"),
        (
            "{currency: EUR, rates: {source: r.csv, colums: {}}}",
            r"rates.colums is not a parameter; did you mean columns\?",
        ),
        ("{from: W, rates: data/acme/rates.csv}", "convert.from: data/acme/t.csv has no column W"),
    ],
)
def test_a_conversion_that_cannot_be_made(small, form, message):
    with pytest.raises(InputError, match=message):
        converted(small, f"convert: {form}")
