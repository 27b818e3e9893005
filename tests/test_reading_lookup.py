"""Columns from another file: orders beside their lines, whatever the kinds of the two files."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.client import open_client
from crmlab.contract import InputError
from crmlab.erase import erase
from crmlab.params import load_params
from crmlab.reading.lookup import joined
from crmlab.reading.opened import Opened
from crmlab.sources import source_files
from tests.reading import HEAD, read

LINES = "order_id,amount\n1,5\n1,7.5\n2,3\n9,4\n"
ORDERS = "order_id,client,booked\n1,C1,2024-01-05\n2,C2,2024-02-06\n3,C3,2024-03-07\n"
COLUMNS = "columns: {customer_id: client, date: booked}"
JOIN = "join: {source: data/acme/orders.csv, on: order_id}"


def joined_rows(small, lines=LINES, orders=ORDERS, form=f"{COLUMNS}, {JOIN}"):
    small.write("data/acme/orders.csv", orders)
    return read(small, lines, form)


def test_each_row_takes_the_columns_of_its_key(small):
    rows, quality = joined_rows(small)
    assert rows[["customer_id", "order_id", "amount"]].to_numpy().tolist() == [
        ["C1", "1", 5.0], ["C1", "1", 7.5], ["C2", "2", 3.0],
    ]  # fmt: skip
    assert rows["date"].dt.day.tolist() == [5, 5, 6]
    assert quality.files == ("data/acme/t.csv", "data/acme/orders.csv")


def test_a_row_whose_key_is_nowhere_is_rejected_where_the_column_is_required(small):
    _rows, quality = joined_rows(small)
    assert (quality.rows, quality.rejected) == (4, 1)
    assert str(quality.examples[0]) == "data/acme/t.csv: row 5: customer_id: must not be empty, got ''"


def test_a_column_that_both_have_is_the_first_files(small):
    rows, _quality = joined_rows(small, orders=ORDERS.replace("\n", ",99\n").replace("booked,99", "booked,amount"))
    assert rows["amount"].tolist() == [5.0, 7.5, 3.0]


def test_blanks_around_keys_and_empty_keys(small):
    rows, quality = joined_rows(small, "order_id,amount\n 1 ,5\n,6\n", ORDERS + ",C8,2024-05-05\n,C9,2024-05-05\n")
    assert rows["customer_id"].tolist() == ["C1"] and quality.rejected == 1


def test_one_join_after_the_other(small):
    small.write("data/acme/people.csv", "person,client\nP1,C1\nP2,C2\n")
    both = "join: [{source: data/acme/orders.csv, on: order_id}, {source: data/acme/people.csv, on: person}]"
    rows, _quality = joined_rows(
        small, orders=ORDERS.replace("client", "person").replace(",C", ",P"), form=f"{COLUMNS}, {both}"
    )
    assert rows["customer_id"].tolist() == ["C1", "C1", "C2"]


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_of_another_kind(small, kind):
    small.write("data/acme/none", "")
    frame = pd.DataFrame({"order_id": [1, 2], "client": ["C1", "C2"], "booked": pd.to_datetime(["2024-01-05"] * 2)})
    path = small.root / f"data/acme/orders.{kind}"
    frame.to_excel(path, index=False) if kind == "xlsx" else frame.to_parquet(path)
    form = f"{COLUMNS}, {JOIN}".replace("orders.csv", path.name)
    rows, _quality = read(small, LINES, form)
    assert rows["customer_id"].tolist() == ["C1", "C1", "C2"] and set(rows["date"].dt.day) == {5}


def test_formulas_and_keep_read_joined_columns(small):
    form = f"{COLUMNS.replace('booked', 'booked, cost: {formula: amount / rate}')}, keep: client != 'C2', {JOIN}"
    orders = ORDERS.replace("\n", ",2\n").replace("booked,2", "booked,rate")
    rows, quality = joined_rows(small, orders=orders, form=form)
    assert rows["cost"].tolist() == [2.5, 3.75] and quality.filtered == 1


def test_malformed_lines_of_the_joined_file_are_counted(small):
    _rows, quality = joined_rows(small, orders=ORDERS + "4,C4,2024-01-01,too,much\n")
    assert [example.file for example in quality.examples] == ["data/acme/orders.csv", "data/acme/t.csv"]


def test_the_joined_file_counts_among_the_sources(small):
    joined_rows(small)
    files = source_files(load_params(small.project, "acme"), "transactions", small.project)
    assert [path.name for path in files] == ["t.csv", "orders.csv"]


@pytest.mark.parametrize(
    ("orders", "form", "message"),
    [
        (ORDERS + "2,C9,2024-01-01\n", JOIN, "orders.csv has 2 rows of order_id '2'; what is joined has one row"),
        (ORDERS, JOIN.replace("on: order_id", "on: orderid"), "t.csv has no column orderid; did you mean order_id"),
        (ORDERS.replace("order_id", "nr"), JOIN, r"join\.on: data/acme/orders.csv has no column order_id"),
        (ORDERS, JOIN.replace("orders", "*"), "finds 3 files; what is joined is one"),
        (ORDERS, JOIN.replace("orders", "order"), "no such file: data/acme/order.csv; did you mean orders.csv"),
        (ORDERS, "join: {source: data/acme/orders.csv}", r"join.*on"),
        (ORDERS, "join: {source: '${CRM_DB_URL}', on: order_id, query: SELECT 1}", "a file alone is joined"),
        (ORDERS, JOIN.replace("on:", "sheet: Orders, on:"), r"join\.sheet is for workbooks"),
    ],
)
def test_what_cannot_be_joined(small, orders, form, message):
    with pytest.raises(InputError, match=message):
        joined_rows(small, orders=orders, form=f"{COLUMNS}, {form}")


@given(keys=st.lists(st.integers(0, 6), max_size=30), there=st.sets(st.integers(0, 6)))
def test_no_row_is_lost_or_doubled(keys, there):
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE a AS SELECT unnest(?::VARCHAR[]) AS k", [list(map(str, keys))])
        connection.execute("CREATE TABLE b AS SELECT k, 'v' || k AS v FROM (SELECT unnest(?::VARCHAR[]) AS k)",
                           [list(map(str, there))])  # fmt: skip
        first, second = (
            Opened(f"{name}.csv", name, name, dict.fromkeys(columns, "VARCHAR"), "row_number() OVER () + 1")
            for name, columns in (("a", "k"), ("b", "kv"))
        )
        made = joined(connection, first, second, "k", "here")
        rows = connection.execute(f"SELECT {made.row}, k, v FROM {made.reader} ORDER BY 1").fetchall()
    assert rows == [(at, str(key), f"v{key}" if key in there else None) for at, key in enumerate(keys, 2)]


def test_who_is_erased_goes_from_the_joined_file_and_the_rest_is_named(small):
    small.write("data/acme/lines.csv", LINES)
    small.write("data/acme/orders.csv", ORDERS)
    small.write(
        "params/acme.yaml",
        f"{HEAD}data:\n  transactions: {{source: data/acme/lines.csv, {COLUMNS}, {JOIN}}}\n",
    )
    assert open_client("acme", project=small.project).rows("transactions").value == 3
    receipt, _path = erase(small.project, small.root / "reports", "acme", "C1", print)
    assert "C1" not in (small.root / "data/acme/orders.csv").read_text(encoding="utf-8")
    assert receipt.by_hand == ("data/acme/lines.csv: has no column client; take the customer out there",)
