from datetime import date

import pandas as pd
import pytest

from crmlab import inventory, privacy
from crmlab.inventory import Period
from crmlab.messages import Reason
from crmlab.quality import Quality, Rejection


@pytest.fixture(autouse=True)
def acme(tmp_path):
    privacy.protect("acme", tmp_path)
    yield
    privacy.unprotected()


def quality(*examples):
    return Quality("surveys", ("s.csv",), 9, len(examples), {Reason("nps must be a number"): len(examples)}, examples)


def test_of_broken_rows_no_more_is_shown_than_is_safe():
    broken = [("nps", "11"), ("nps", "Ann Lee"), ("customer_id", "C00012"), ("line", "C00012,Ann Lee,13800138000")]
    found = inventory.rejected_rows(
        "surveys", quality(*(Rejection("s.csv", 7, column, value, Reason("is wrong")) for column, value in broken))
    )
    assert [row["value"] for row in found] == ["11", "[7 signs]", privacy.coded("C00012"), "[26 signs]"]
    assert [row["column"] for row in found] == [column for column, _value in broken]
    assert all(row["row"] == 7 and row["table"] == "surveys" for row in found)


def test_the_remarks_on_a_table_name_no_value():
    rejected = Rejection("s.csv", 7, "nps", "Ann Lee", Reason("must be a number"))
    period = Period(date(2024, 1, 1), date(2024, 3, 31), 2)
    told = inventory.table_read("surveys", quality(rejected), period, date(2024, 3, 31))
    assert (told["rows"], told["accepted"], told["rejected"]) == (9, 8, 1)
    assert "nps must be a number: 1" in told["remarks"] and "Ann" not in told["remarks"]


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"customer_id": ["C1", "C2"], "name": ["Ann", None], "region": ["North", "South"]}, {"C1", "C2", "Ann"}),
        ({"customer_id": ["C1", "C2"], "region": ["North", "South"]}, {"C1", "C2"}),
    ],
)
def test_names_and_ids_of_customers_are_known(columns, names):
    import duckdb

    frame = pd.DataFrame(columns)
    assert inventory.names(duckdb.from_df(frame)) == names
