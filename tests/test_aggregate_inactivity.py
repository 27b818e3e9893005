"""Customers who fall silent: against a plain reference, across engines, and by hand."""

from datetime import date, timedelta

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crmlab.aggregate.inactivity import inactivity

UNTIL = date(2024, 6, 30)


def rows(*entries) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"))


def in_duckdb(frame: pd.DataFrame):
    connection = duckdb.connect()
    connection.register("log", frame)
    return connection.sql("select * from log")


def reference(log: pd.DataFrame, day: date, window: int, horizon: int) -> tuple[int, int]:
    """The definition, customer by customer, where months are the calendar's."""
    opens, closes = (pd.Timestamp(day) + pd.offsets.MonthEnd(months) for months in (-window, horizon))
    active = returned = 0
    for _customer, own in log[log["amount"] >= 0].groupby("customer_id"):
        days = own["date"].dt.normalize()
        if ((days > opens) & (days <= pd.Timestamp(day))).any():
            active += 1
            returned += ((days > pd.Timestamp(day)) & (days <= closes)).any()
    return active, int(returned)


logs = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 400), st.sampled_from([-5.0, 0.0, 9.0])), min_size=1, max_size=40
).map(lambda entries: rows(*((who, UNTIL + timedelta(days=20 - back), amount) for who, back, amount in entries)))


@settings(max_examples=25)
@given(logs, st.integers(1, 4), st.integers(1, 3))
def test_every_engine_gives_the_definition(log, window, horizon):
    options = {"until": UNTIL, "window_months": window, "horizon_months": horizon, "most": 5}
    found = [inactivity(source, **options) for source in (log, in_duckdb(log))]
    assert_frame_equal(found[0].rows, found[1].rows, check_dtype=False)
    known = log[log["date"].dt.date <= UNTIL]
    for row in found[0].rows.itertuples():
        assert (row.active, row.returned) == reference(known, row.last_day.date(), window, horizon)
        assert row.judged_on == row.last_day + pd.offsets.MonthEnd(horizon)


def test_by_hand():
    log = rows(
        ("a", "2024-01-02", 5), ("a", "2024-05-31", 5),  # bought again
        ("b", "2024-03-31", 5), ("b", "2024-04-01", -5),  # a refund is no purchase
        ("c", "2023-12-31", 5), ("c", "2024-06-01", 5),  # not active in time
        ("d", "2024-03-31T23:59", 0),  # a free item is
    )  # fmt: skip
    found = inactivity(log, until=UNTIL, window_months=3, horizon_months=3, most=1)
    assert found.rows[["active", "returned"]].values.tolist() == [[3, 1]]
    assert found.rows["last_day"].tolist() == [pd.Timestamp("2024-03-31")]
    assert (found.data_from, found.by) == (date(2023, 12, 31), None)


def test_no_window_opens_before_the_data():
    log = rows(("a", "2024-01-05", 5), ("a", "2024-06-30", 5))
    assert len(inactivity(log, until=UNTIL, window_months=3, horizon_months=2).rows) == 2
    assert inactivity(log, until=UNTIL, window_months=4, horizon_months=3).rows.empty


def test_months_end_on_the_day_of_the_last_one():
    log = rows(("a", "2024-01-01", 5), ("a", "2024-05-16", 5))
    found = inactivity(log, until="2024-05-15", window_months=1, horizon_months=1, most=2).rows
    assert found["last_day"].dt.day.tolist() == [15, 15] and found["returned"].tolist() == [0, 0]


@pytest.mark.parametrize("engine", [lambda frame: frame, in_duckdb])
def test_refunds_alone_give_no_row(engine):
    found = inactivity(engine(rows(("a", "2024-01-01", -5))), until=UNTIL)
    assert found.rows.empty and found.data_from is None


def test_groups():
    log = rows(*((who, day, 5) for who in "abc" for day in ("2023-12-15", "2024-02-01")), ("a", "2024-05-01", 5))
    profiles = pd.DataFrame({"customer_id": ["a", "b"], "region": ["n", "s"]})
    found = inactivity(log, until=UNTIL, window_months=3, horizon_months=3, most=1, profiles=profiles, by="region")
    assert found.rows[["group", "active", "returned"]].astype(object).values.tolist()[:2] == [["n", 1, 1], ["s", 1, 0]]
    assert found.rows["group"].iloc[2] is None and found.by == "region"
    plain = inactivity(log, until=UNTIL, window_months=3, horizon_months=3, most=1, profiles=profiles, by="plan")
    assert plain.by is None and plain.rows["active"].tolist() == [3]


@pytest.mark.parametrize("name", ["window_months", "horizon_months", "most"])
def test_misuse_is_said(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer, got 0"):
        inactivity(rows(("a", "2024-01-01", 5)), until=UNTIL, **{name: 0})
