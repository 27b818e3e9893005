"""How columns of a client's files become those of the contract."""

import duckdb
import pandas as pd
import pytest

from crmlab.contract import InputError
from tests.conftest import ROWS
from tests.reading import HEAD, read

ORDERS = """Kunde,Datum,Stück,unit price,Status,Art
K1,2024-01-01,2,2.50,paid,R
K2,2024-01-02,3,1.00,cancelled,S
K3,2024-01-03,1,x,paid,S
K4,2024-01-04,,1.00,paid,S
K5,2024-01-05,,,paid,S
K6,2024-01-06,4,0.25,,S
"""
NAMES = "customer_id: Kunde, date: Datum"
AMOUNT = "amount: {formula: Stück * `unit price`}"


def test_an_amount_is_computed_of_columns_that_the_contract_does_not_know(small):
    frame, quality = read(small, ORDERS, f"columns: {{{NAMES}, {AMOUNT}}}")
    assert dict(zip(frame["customer_id"], frame["amount"], strict=True)) == {"K1": 5, "K2": 3, "K6": 1}
    assert [(each.row, each.column, each.value, each.reason) for each in quality.examples] == [
        (4, "amount", "Stück 1, unit price x", "must be a number"),
        (5, "amount", "Stück , unit price 1.00", "must be a number"),
        (6, "amount", "Stück , unit price ", "must not be empty"),
    ]
    assert (quality.rows, quality.filtered) == (6, 0)


def test_rows_that_are_not_kept_are_counted_apart_and_may_hold_anything(small):
    rows = ORDERS + "K7,soon,x,y,cancelled,S\n"
    frame, quality = read(small, rows, f"columns: {{{NAMES}, {AMOUNT}}}, keep: Status != 'cancelled'")
    assert frame["customer_id"].tolist() == ["K1", "K6"]
    assert (quality.rows, quality.accepted, quality.filtered, quality.rejected) == (7, 2, 2, 3)
    assert quality.to_dict()["filtered"] == 2


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("Status == 'paid'", ["K1"]),
        ("Status in ['paid', '']", ["K1", "K6"]),
        ("not (Status == 'cancelled' or Art == 'R')", ["K6"]),
        ("Stück >= 3", ["K2", "K6"]),
        ("`unit price` * 2 > 1.5", ["K1", "K2"]),
    ],
)
def test_conditions_over_texts_and_numbers(small, keep, kept):
    frame, quality = read(small, ORDERS, f'columns: {{{NAMES}, {AMOUNT}}}, keep: "{keep}"')
    assert frame["customer_id"].tolist() == kept
    assert quality.rows == quality.accepted + quality.filtered + quality.rejected == 6


def test_a_row_of_which_it_is_open_whether_it_is_kept_is_rejected(small):
    frame, quality = read(small, ORDERS, f"columns: {{{NAMES}, {AMOUNT}}}, keep: Stück > 1")
    assert (len(frame), quality.filtered, quality.rejected) == (3, 1, 2)
    assert quality.examples[0].value == "Stück "
    assert "keep must be true or false of every row" in next(iter(quality.reasons))


def test_values_are_translated(small):
    rows = "customer_id,opened_on,outcome\n" + "".join(
        f"1,2024-01-01,{text}\n" for text in (" 赢单 ", "输单", "-", "Won", "?")
    )
    form = "columns: {outcome: {from: outcome, values: {赢单: won, 输单: lost, '-': }}}"
    frame, quality = read(small, rows, form, table="opportunities")
    assert frame["outcome"].fillna("").tolist() == ["won", "lost", "", "won"]
    assert [(each.row, each.value) for each in quality.examples] == [(6, "?")]


def test_values_may_be_numbers_and_truths_in_yaml(small):
    rows = "customer_id,treated\n1,1\n2,2\n3,\n"
    form = "columns: {treated: {from: treated, values: {1: true, 2: false, '': false}}}"
    frame, _ = read(small, rows, form, table="exposure")
    assert dict(zip(frame["customer_id"], frame["treated"], strict=True)) == {"1": True, "2": False, "3": False}


def test_the_same_value_in_every_row(small):
    frame, _ = read(small, ROWS, "columns: {product: {value: pumps}, margin: {value: 1.5}, project_id: {value: 7}}")
    assert set(frame["product"]) == {"pumps"} and set(frame["margin"]) == {1.5} and set(frame["project_id"]) == {"7"}
    with pytest.raises(InputError, match="row 2: date: must be a date .YYYY-MM-DD., got '.4 signs.'; all 4") as caught:
        read(small, ROWS, "columns: {date: {value: soon}}")
    # whoever has the file is told what stands there; a page is not
    assert "got 'soon'; all 4 rows" in caught.value.detail


def test_whole_numbers_may_be_computed_too(small):
    rows = "date,amount,new,old\n2024-01-01,5,3,1\n2024-01-01,5,2.5,1\n"
    frame, quality = read(small, rows, "columns: {new_customers: {formula: new - old}}", table="acquisition_spend")
    assert (frame["new_customers"].tolist(), quality.rejected) == ([2], 1)
    assert quality.examples[0].reason == "must be a whole number"


def test_numbers_that_an_expression_reads_are_written_as_the_column_shows(small):
    rows = "customer_id;date;n;price\n1;2024-01-01;2;1.234,50\n2;2024-01-01;1.000;0,50\n3;2024-01-01;10;7,25\n"
    form = "columns: {amount: {formula: n * price}}"
    _, quality = read(small, rows + "4;2024-01-01;2;3,00\n", form + ", decimal: ','")
    assert quality.rejected == 0
    frame, quality = read(small, rows, form)
    assert frame["amount"].tolist() == [2469, 72.5]
    assert "could be read in two ways" in quality.examples[0].reason
    frame, _ = read(small, rows, form + ", decimal: ','")
    assert frame["amount"].tolist() == [2469, 500, 72.5]


def test_typed_columns_of_parquet_are_computed_with_as_they_are(small):
    (small.root / "data/acme").mkdir(parents=True, exist_ok=True)
    duckdb.sql(
        "SELECT 1 AS customer_id, DATE '2024-01-01' AS date, unnest([2, 3]) AS n, 1.234::DECIMAL(9,3) AS price, "
        "unnest([true, false]) AS paid"
    ).write_parquet(str(small.root / "data/acme/t.parquet"))
    frame, quality = read(small, None, "columns: {amount: {formula: n * price}}, keep: paid", file="t.parquet")
    assert (frame["amount"].tolist(), quality.filtered) == ([2.468], 1)


def test_files_of_a_pattern_may_lack_what_is_not_required(small):
    small.write("data/acme/p1.csv", "customer_id,date,amount,product\n1,2024-01-01,5,a\n")
    small.write("data/acme/p2.csv", "DATE,amount,customer_id,extra\n2024-01-02,6,2,x\n")
    small.write("data/acme/p3.csv", "customer_id,date,amount,sort\n3,2024-01-03,7,b\n")
    frame, quality = read(small, None, file="p*.csv")
    assert frame["amount"].tolist() == [5, 6, 7]
    assert frame["product"].fillna("").tolist() == ["a", "", ""]
    assert quality.lacking == {"product": 2}
    assert quality.to_dict()["lacking"] == {"product": 2}
    frame, _ = read(small, None, "columns: {product: sort}", file="p*.csv")
    assert frame["product"].fillna("").tolist() == ["", "", "b"]
    with pytest.raises(InputError, match="has no column kind"):
        read(small, None, "columns: {product: kind}", file="p*.csv")
    small.write("data/acme/p4.csv", "customer_id,amount\n3,7\n")
    with pytest.raises(InputError, match="data/acme/p4.csv has no column date"):
        read(small, None, file="p*.csv")


def test_the_manner_of_writing_is_that_of_all_files_of_a_pattern(small):
    small.write("data/acme/p1.csv", "customer_id,date,amount\n1,3/5/2024,5\n")
    small.write("data/acme/p2.csv", "customer_id,date,amount\n2,13/5/2024,6\n")
    frame, _ = read(small, None, file="p*.csv")
    assert frame["date"].tolist() == [pd.Timestamp("2024-05-03"), pd.Timestamp("2024-05-13")]
    small.write("data/acme/p3.csv", "customer_id,date,amount\n3,5/13/2024,7\n")
    with pytest.raises(InputError, match="date: could have its day or its month first; .* dates: dmy or dates: mdy"):
        read(small, None, file="p*.csv")


def test_a_decimal_sign_that_the_column_shows_and_one_that_it_does_not(small):
    frame, _ = read(small, "customer_id;date;amount\n1;2024-01-01;1.234\n2;2024-01-01;12,50\n")
    assert frame["amount"].tolist() == [1234, 12.5]
    with pytest.raises(
        InputError, match="amount: could be read in two ways; .* decimal: '.' or decimal: ',', got '1.234'"
    ):
        read(small, "customer_id;date;amount\n1;2024-01-01;1.234\n2;2024-01-01;2.500\n")
    frame, _ = read(small, None, "decimal: '.'")
    assert frame["amount"].tolist() == [1.234, 2.5]
    frame, _ = read(small, None, "decimal: ','")
    assert frame["amount"].tolist() == [1234, 2500]


def test_dates_by_column(small):
    rows = "customer_id,start,end\n1,3/5/2024,05.03.2025\n"
    frame, _ = read(small, rows, "dates: {start: mdy, end: dmy}", table="contracts")
    assert frame[["start", "end"]].astype(str).values.tolist() == [["2024-03-05", "2025-03-05"]]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (
            "columns: {amount: {formula: n * prise}}",
            r"amount.formula: 'n \* prise' reads prise, .* did you mean price\?",
        ),
        ("keep: stato == 'x'", r"transactions.keep: .* reads stato, which is not known; did you mean status\?"),
        ("keep: price > 1 and price == 'x'", "uses price both as number and as text"),
        ("columns: {amount: {formula: n * price}}, keep: n == 'x'", "use n both as number and as text"),
        ("keep: status < 'm'", "puts texts in order; only numbers have one"),
        ("keep: n = 1", "cannot be read as a condition"),
        ("keep: len(status) > 1", "only names, numbers"),
        ("columns: {date: {formula: n * price}}", "columns.date: a formula gives a number, and date is none"),
    ],
)
def test_an_expression_that_cannot_be_used(small, form, message):
    with pytest.raises(InputError, match=message) as caught:
        read(small, "customer_id,date,amount,n,price,status\n1,2024-01-01,5,1,1,x\n", form)
    assert len(str(caught.value).splitlines()) == 1


def test_names_that_are_taken(small):
    with pytest.raises(InputError, match="has a column _file, a name that is taken; rename it"):
        read(small, "customer_id,start,_file\n1,2024-01-01,x\n", table="contracts")
    with pytest.raises(InputError, match="an expression reads _row, a name that is taken"):
        read(small, "customer_id,date,amount,_row\n1,2024-01-01,5,1\n", "keep: _row > 0")


def test_amounts_in_signs_of_the_clients_currency(small):
    texts = ('"¥1,234.50"', "￥5", "７元", '"(1,000)"', "$5")
    rows = "customer_id,date,amount\n" + "".join(f"1,2024-01-01,{text}\n" for text in texts)
    frame, quality = read(small, rows, head=HEAD.replace("USD", "CNY"), form="decimal: '.'")
    assert frame["amount"].tolist() == [1234.5, 5, 7, -1000]
    assert [each.value for each in quality.examples] == ["$5"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_moments_of_parquet_are_read_at_any_precision_and_never_become_the_next_day(small, unit, zone):
    """A year often ends at 23:59:59.999999999, which an engine that rounds puts into the next."""
    moments = pd.to_datetime(["2023-12-31 23:59:59.999999999", "1969-12-31 23:59:59.999999999"]).as_unit(unit)
    frame = pd.DataFrame({"customer_id": ["a", "b"], "date": moments.tz_localize(zone), "amount": [1.0, 2.0]})
    frame.to_parquet(small.root / "data/acme/t.parquet")
    found, quality = read(small, head=f"{HEAD}timezone: {zone or 'UTC'}\n", file="t.parquet")
    fraction = {"s": "", "ms": ".999"}.get(unit, ".999999")
    wanted = [f"2023-12-31 23:59:59{fraction}", f"1969-12-31 23:59:59{fraction}"]
    assert found["date"].astype(str).tolist() == wanted and not quality.rejected
