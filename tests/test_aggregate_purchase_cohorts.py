"""Cohorts of purchases: by hand, against customers counted one by one, and what must add up."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.aggregate import customer_summary
from crmlab.aggregate.purchase_cohorts import purchase_cohorts

UNTIL = "2024-06-30"


def rows(*entries) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"))


def test_cohorts_by_hand():
    log = rows(
        ("a", "2024-01-31 23:59", 10),
        ("a", "2024-03-01", 4),
        ("a", "2024-03-31", -1),
        ("b", "2024-01-01", 0),
        ("c", "2023-12-31", -5),  # before the first purchase: in no cohort
        ("c", "2024-03-02", 7),
        ("d", "2024-02-01", -3),
        ("e", "2024-07-01", 9),
    )
    found = purchase_cohorts(log, until=UNTIL)
    assert found["cohort"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-01", "2024-01-01", "2024-03-01"]
    assert found["month"].dt.strftime("%Y-%m").tolist() == ["2024-01", "2024-03", "2024-03"]
    assert found["months"].tolist() == [0, 2, 0]
    assert found[["customers", "purchases", "revenue"]].to_numpy().tolist() == [[2, 2, 10], [1, 1, 3], [1, 1, 7]]


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.integers(0, 500).map(lambda n: (pd.Timestamp("2023-04-01") + pd.Timedelta(days=n)).isoformat()),
            st.sampled_from([-2.0, 0.0, 0.1, 5.0]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_cohorts_add_up(entries):
    log = rows(*entries)
    found = purchase_cohorts(log, until=UNTIL)
    customers = customer_summary(log, until=UNTIL)
    # everybody buys in the month that makes the cohort, and in no more months than there are
    assert found.loc[found["months"] == 0, "customers"].sum() == len(customers)
    assert found["purchases"].sum() == customers["purchases"].sum()
    bought = log[(log["amount"] >= 0) & (log["date"] < pd.Timestamp(UNTIL) + pd.Timedelta(days=1))]
    buyers = bought.groupby(bought["date"].dt.to_period("M").dt.to_timestamp())["customer_id"].nunique()
    assert found.groupby("month")["customers"].sum().to_dict() == buyers.to_dict()


def test_nobody_has_bought():
    assert purchase_cohorts(rows(("a", "2024-01-01", -1)), until=UNTIL).empty


def test_columns_that_are_missing_are_named():
    with pytest.raises(ValueError, match="customer_id, date and amount; missing: amount"):
        purchase_cohorts(rows(("a", "2024-01-01", 1)).drop(columns="amount"), until=UNTIL)
