"""Two adjacent periods, by hand and on two engines."""

from datetime import date

import duckdb
import pandas as pd
import pytest

from crmlab.aggregate import adjacent_periods

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "a", "b", "b", "c", "d", "e"],
        "date": ["2022-12-31", "2023-01-01", "2024-12-31", "2023-05-01", "2024-02-01", "2024-03-01", "2025-01-01",
                 "2022-06-01"],
        "amount": [99.0, 10, 30, 20, -5, 7, 1000, 50],
        "margin": [9.0, 1, 3, 2, -1, 1, 100, 5],
    }
).assign(date=lambda frame: pd.to_datetime(frame["date"]))  # fmt: skip


def test_hand_case():
    found = adjacent_periods(LOG, until="2024-12-31")
    assert found.before == (date(2023, 1, 1), date(2023, 12, 31))
    assert found.now == (date(2024, 1, 1), date(2024, 12, 31))
    rows = found.customers.set_index("customer_id")
    assert rows.index.tolist() == ["a", "b", "c"]
    assert rows["revenue_before"].tolist() == [10, 20, 0] and rows["revenue"].tolist() == [30, -5, 7]
    assert rows["margin_before"].tolist() == [1, 2, 0] and rows["margin"].tolist() == [3, -1, 1]
    assert rows["purchases_before"].tolist() == [1, 1, 0] and rows["purchases"].tolist() == [1, 0, 1]
    assert rows["first_date"].tolist() == [pd.Timestamp(day) for day in ("2022-12-31", "2023-05-01", "2024-03-01")]
    assert found.data_from == date(2022, 6, 1) and found.comparable


def test_lines_of_one_order_are_one_purchase():
    lines = pd.concat([LOG, LOG[LOG["amount"] == 30].assign(amount=8.0)])
    rows = adjacent_periods(lines, until="2024-12-31").customers.set_index("customer_id")
    assert rows.loc["a", ["purchases", "revenue"]].tolist() == [1, 38]


def test_the_embedded_engine_gives_the_same():
    relation = duckdb.connect().from_df(LOG)
    found, expected = (adjacent_periods(log, until="2024-12-31", months=6).customers for log in (relation, LOG))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize(
    ("until", "months", "before", "now"),
    [
        ("2024-02-29", 12, "2022-03-01", "2023-03-01"),
        ("2024-06-30", 1, "2024-05-01", "2024-06-01"),
        ("2024-06-15", 3, "2023-12-16", "2024-03-16"),
    ],
)
def test_periods_of_whole_months(until, months, before, now):
    found = adjacent_periods(LOG, until=until, months=months)
    assert (found.before[0].isoformat(), found.now[0].isoformat()) == (before, now)


def test_a_period_before_the_data_begin_cannot_be_compared():
    assert not adjacent_periods(LOG[LOG["date"] > "2023-01-09"], until="2024-12-31").comparable
    assert adjacent_periods(LOG[LOG["date"] > "2022-12-31"], until="2024-12-31").comparable
    none = adjacent_periods(LOG, until="2010-12-31")
    assert none.customers.empty and none.data_from is None and not none.comparable


def test_refunds_alone_have_no_first_purchase():
    found = adjacent_periods(LOG.assign(amount=-LOG["amount"].abs()), until="2024-12-31").customers
    assert found["first_date"].isna().all() and (found["purchases"] == 0).all()


@pytest.mark.parametrize(
    ("log", "months", "message"),
    [
        (LOG, 0, "`months` must be a positive integer, got 0"),
        (LOG[["date"]], 12, "`transactions` must have the columns customer_id, date and amount"),
    ],
)
def test_says_what_is_wrong(log, months, message):
    with pytest.raises(ValueError, match=message):
        adjacent_periods(log, until="2024-12-31", months=months)
