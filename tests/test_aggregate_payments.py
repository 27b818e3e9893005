"""Payment summaries: against hand-made cases and a plain reference, and the same on every engine."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crmlab.aggregate import AGEING, payment_summary

UNTIL = date(2024, 6, 30)


def rows(*entries) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=["customer_id", "due_on", "amount", "paid_on", "paid_amount"])
    days = {name: pd.to_datetime(frame[name], format="ISO8601") for name in ("due_on", "paid_on")}
    return frame.assign(**days).astype({"amount": float, "paid_amount": float})


def in_duckdb(frame: pd.DataFrame):
    connection = duckdb.connect()
    connection.register("log", frame)
    return connection.sql("select * from log")


def one(*entries, until=UNTIL, **options) -> dict:
    (found,) = payment_summary(rows(*(("A", *entry) for entry in entries)), until=until, **options).to_dict("records")
    return found


def test_instalments_on_time_late_overdue_and_to_come():
    found = one(
        ("2024-01-10", 100, "2024-01-08", 100),  # two days early
        ("2024-02-10", 100, "2024-02-20", 100),  # ten days late
        ("2024-04-10", 100, None, None),  # open for 81 days
        ("2024-06-10", 100, "2024-06-20", 60),  # 40 still open after 20 days
        ("2024-07-10", 100, None, None),  # not yet due
    )
    assert [found[name] for name in ("instalments", "due", "judged", "on_time", "dated", "overdue")] == [
        5,
        4,
        4,
        1,
        2,
        2,
    ]
    assert found["on_time_share"] == pytest.approx(0.25)
    assert found["days_past_due"] == 0 + 10 + 81 + 20
    assert (found["days_past_due_mean"], found["days_past_due_max"]) == (pytest.approx(111 / 4), 81)
    assert found["payment_cycle_days"] == pytest.approx((-2 + 10) / 2)
    assert [found[name] for name in AGEING] == [40, 0, 100, 0]
    assert (found["overdue_amount"], found["to_come_amount"], found["exposure"]) == (140, 100, 240)
    assert found["outstanding_share"] == pytest.approx(240 / 500)
    assert (found["first_due_on"], found["first_paid_on"]) == (pd.Timestamp("2024-01-10"), pd.Timestamp("2024-01-08"))
    assert not found["in_default"] and found["first_default_on"] is pd.NaT
    assert np.isnan(found["recovered"])


@pytest.mark.parametrize(("due_on", "in_default"), [("2024-04-01", True), ("2024-04-02", False)])
def test_default_is_the_ninetieth_day(due_on, in_default):
    found = one((due_on, 100, None, None))
    assert found["in_default"] == in_default
    assert (found["first_default_on"] is not pd.NaT) == in_default
    if in_default:
        assert found["first_default_on"] == pd.Timestamp("2024-06-30")
        assert found["first_default_month"] == pd.Timestamp("2024-06-01")


def test_paid_ninety_days_late_is_a_default_that_is_over():
    found = one(("2024-01-01", 100, "2024-04-30", 100), ("2024-05-01", 50, None, None))
    assert found["first_default_on"] == pd.Timestamp("2024-03-31")
    assert not found["in_default"]
    # on 31 March both instalments were open; the first was paid since
    assert (found["exposure_at_default"], found["recovered"]) == (150, 100)
    assert one(("2024-01-01", 100, "2024-03-30", 100))["first_default_on"] is pd.NaT


def test_what_happens_later_is_not_known_yet():
    late = ("2024-06-01", 100, "2024-07-05", 100)
    found = one(late)
    assert (found["overdue"], found["overdue_amount"], found["days_past_due_max"]) == (1, 100, 29)
    assert one(late, until="2024-07-05")["overdue"] == 0


def test_neither_prepaid_nor_just_due_instalments_are_judged():
    found = one(("2024-06-30", 100, None, None), ("2024-07-30", 100, "2024-06-01", 100))
    assert (found["due"], found["judged"], found["overdue"]) == (1, 0, 0)
    assert np.isnan(found["on_time_share"]) and np.isnan(found["days_past_due_mean"])
    assert (found["to_come_amount"], found["exposure"]) == (100, 100)


def test_grace_and_material_share():
    few_days = ("2024-06-25", 100, None, None)
    assert one(few_days, grace_days=5)["judged"] == 0
    assert one(few_days, grace_days=4)["judged"] == 1
    assert one(("2024-01-10", 100, "2024-01-13", 100), grace_days=3)["on_time"] == 1
    small = ("2024-01-10", 100, "2024-01-10", 99)
    assert (one(small)["overdue"], one(small, material_share=0)["overdue"]) == (0, 1)


def test_amounts_paid_on_no_known_day_count_as_paid():
    found = one(("2024-01-10", 100, None, 100))
    assert (found["exposure"], found["judged"], found["dated"]) == (0, 0, 0)
    assert one(("2024-01-10", 100, "2024-01-10", None))["exposure"] == 0


def test_columns_that_say_who_paid_may_be_missing():
    frame = rows(("A", "2024-01-10", 100, None, None))[["customer_id", "due_on", "amount"]]
    assert payment_summary(frame, until=UNTIL)["overdue_amount"].tolist() == [100]


def test_no_instalment_no_row():
    assert len(payment_summary(rows(("A", "2024-01-10", 0, None, None)), until=UNTIL)) == 0
    assert len(payment_summary(rows(), until=UNTIL)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"default_days": 0}, "`default_days` must be at least 1, got 0"),
        ({"grace_days": 90}, "`grace_days` must lie between 0 and `default_days` = 90, got 90"),
        ({"material_share": 1}, "`material_share` must be a share from 0 to below 1"),
        ({"until": None}, "`until` must be a date"),
    ],
)
def test_misuse_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        payment_summary(rows(), **{"until": UNTIL, **options})


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="missing: due_on, amount"):
        payment_summary(pd.DataFrame({"customer_id": ["A"]}), until=UNTIL)


entries = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        st.integers(-400, 60),
        st.integers(1, 50),
        st.none() | st.integers(-20, 300),
        st.none() | st.integers(0, 60),
    ),
    min_size=1,
    max_size=12,
)


def reference(frame: pd.DataFrame, customer: str) -> dict:
    """The definition, spelled out row by row."""
    end, found = pd.Timestamp(UNTIL), dict.fromkeys(("judged", "on_time", "overdue", "days_past_due"), 0)
    found |= {"overdue_amount": 0.0, "to_come_amount": 0.0}
    defaults = []
    for row in frame[frame["customer_id"] == customer].itertuples():
        paid = row.paid_on is not pd.NaT and row.paid_on <= end
        received = 0.0
        if paid:
            received = row.amount if np.isnan(row.paid_amount) else row.paid_amount
        elif row.paid_on is pd.NaT and not np.isnan(row.paid_amount):
            received = row.paid_amount
        left = max(row.amount - received, 0.0)
        settled = row.amount - received <= 0.01 * row.amount
        late = max((row.paid_on - row.due_on).days, 0) if settled and paid else None
        if not settled and row.due_on <= end:
            late = (end - row.due_on).days
        if row.due_on <= end and ((settled and paid) or (not settled and late > 0)):
            found["judged"] += 1
            found["on_time"] += settled and late == 0
            found["days_past_due"] += late
        if not settled:
            overdue = row.due_on < end
            found["overdue"] += overdue
            found["overdue_amount" if overdue else "to_come_amount"] += left
        if late is not None and late >= 90:
            defaults.append(row.due_on + timedelta(days=90))
    return found | {"first_default_on": min(defaults, default=pd.NaT)}


@settings(max_examples=15, deadline=None)
@given(entries)
def test_every_engine_agrees_with_the_definition(entries):
    day = pd.Timestamp(UNTIL)
    given_rows = [
        (who, day + timedelta(days=due), amount, None if late is None else day + timedelta(days=due + late), paid)
        for who, due, amount, late, paid in entries
    ]
    frame = rows(*given_rows)
    found = payment_summary(frame, until=UNTIL)
    assert_frame_equal(payment_summary(in_duckdb(frame), until=UNTIL), found)
    for row in found.to_dict("records"):
        expected = reference(frame, row["customer_id"])
        assert {name: row[name] for name in expected if name != "first_default_on"} == pytest.approx(
            {name: value for name, value in expected.items() if name != "first_default_on"}
        )
        assert (row["first_default_on"] is pd.NaT) == (expected["first_default_on"] is pd.NaT)
        assert row["first_default_on"] is pd.NaT or row["first_default_on"] == expected["first_default_on"]
        assert sum(row[band] for band in AGEING) == pytest.approx(row["overdue_amount"])
