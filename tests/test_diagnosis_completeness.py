"""What is known of the customers: counted, blanks as nothing."""

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlab.absence import FitError
from crmlab.aggregate.filled_columns import filled_columns
from crmlab.diagnosis.completeness import FACTS, completeness

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "industry": ["forestry", " ", None, "mining"],
        "registered_capital": [1.0, None, 0.0, 5.0],
        "acquired_on": pd.to_datetime(["2024-01-01", None, None, None]),
    }
)


def test_counted_by_hand():
    filled = filled_columns(CUSTOMERS, ["industry", "registered_capital", "acquired_on", "region"])
    assert filled["filled"].tolist() == [2, 3, 1, 0] and (filled["rows"] == 4).all()
    found = completeness(filled, customers=5)
    assert found.share.value == pytest.approx((2 + 3 + 1 + 0) / 5 / 4)
    assert found.table()["fact"].tolist() == ["Registered capital", "Industry", "Day of winning", "Region"]
    assert found.summary() == (
        "Of what a portrait of a customer needs, 30.0% is known (all 5 customers counted). Least known is “Region”: of "
        "0.0% of the customers."
    )


def test_engines_agree():
    connection = duckdb.connect()
    connection.register("frame", CUSTOMERS)
    assert_frame_equal(
        filled_columns(CUSTOMERS, list(FACTS)), filled_columns(connection.sql("select * from frame"), list(FACTS))
    )


def test_all_known_names_no_gap():
    filled = pd.DataFrame({"column": ["region"], "rows": [3], "filled": [3]})
    assert completeness(filled, customers=2).summary().endswith("(all 3 customers counted).")


def test_nobody_is_no_base():
    with pytest.raises(FitError, match="no customer is known"):
        completeness(filled_columns(CUSTOMERS.head(0), ["region"]), customers=0)
