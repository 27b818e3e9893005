"""Months of customers and when the programme reached them: against a plain reference, and rule by rule."""

from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.aggregate.exposure_months import NEVER, exposure_months

UNTIL = date(2024, 6, 30)
LOG = pd.DataFrame(
    [
        ("a", "2024-01-03", 100.0, 30.0),
        ("a", "2024-01-20", -20.0, -6.0),
        ("a", "2024-03-31 23:00", 50.0, 15.0),
        ("b", "2024-02-10", 10.0, 4.0),
        ("b", "2024-06-30 12:00", 40.0, 12.0),
        ("c", "2024-04-01", 70.0, 21.0),
        ("c", "2024-05-15", 5.0, 1.0),
        ("d", "2024-07-01", 999.0, 999.0),
    ],
    columns=["customer_id", "date", "amount", "margin"],
).assign(date=lambda frame: pd.to_datetime(frame["date"], format="ISO8601"))
EXPOSURE = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "treated": [True, True, False],
        "from_date": pd.to_datetime(["2024-04-01", "2024-05-16", None]),
        "cost": [5.0, 6.0, 0.0],
    }
)


def dense(panel, name="margin"):
    return panel.outcomes[name].toarray().tolist()


def test_one_row_per_customer_and_month():
    panel = exposure_months(LOG, EXPOSURE, until=UNTIL)
    assert panel.months.strftime("%Y-%m").tolist() == [f"2024-0{month}" for month in range(1, 7)]
    assert dense(panel) == [[24, 0, 15, 0, 0, 0], [0, 4, 0, 0, 0, 12], [0, 0, 0, 21, 1, 0]]
    assert dense(panel, "revenue")[0] == [80, 0, 50, 0, 0, 0]
    who = panel.customers.set_index("customer_id")
    assert who["entry"].tolist() == [1, 2, 4], "months begin after the one in which the customer was won"
    assert who["start"].tolist() == [3, 5, NEVER], "a month that starts half-way is not a month with the programme"
    assert who["before"].tolist() == [2, 3, NEVER], "nor one without it"
    assert who["cost"].tolist() == [5, 6, 0] and len(panel) == 3
    assert panel.observed.all() and (panel.unlisted, panel.undated) == (0, 0)


def test_a_month_that_has_not_ended_is_left_out():
    panel = exposure_months(LOG, EXPOSURE, until="2024-06-29")
    assert len(panel.months) == 5
    # and whoever is reached in it counts as not reached for a whole month yet
    assert panel.customers["start"].tolist() == [3, 5, NEVER] and panel.customers["treated"].tolist() == [
        True,
        True,
        False,
    ]


def test_the_first_month_counts_if_the_data_begin_in_its_first_week():
    assert exposure_months(LOG, EXPOSURE, until=UNTIL).observed[0]
    later = LOG[LOG["date"] >= "2024-01-20"]
    assert not exposure_months(later, EXPOSURE, until=UNTIL).observed[0]


def test_a_month_without_anything_is_missing():
    panel = exposure_months(LOG[LOG["date"].dt.month != 3], EXPOSURE, until=UNTIL)
    assert panel.observed.tolist() == [True, True, False, True, True, True]


def test_profiles_say_when_a_customer_was_won():
    profiles = pd.DataFrame(
        {"customer_id": ["a", "b", "c"], "acquired_on": pd.to_datetime(["2020-05-01", "2024-05-01", None])}
    )
    panel = exposure_months(LOG, EXPOSURE, profiles, until=UNTIL)
    # of b, the first purchase came before the day given
    assert panel.customers["entry"].tolist() == [0, 2, 4]
    assert exposure_months(LOG, EXPOSURE, profiles[["customer_id"]], until=UNTIL).customers["entry"].tolist() == [
        1,
        2,
        4,
    ]


def test_a_list_of_those_reached_leaves_the_others_untreated():
    panel = exposure_months(LOG, EXPOSURE.head(1), until=UNTIL)
    assert panel.customers["treated"].tolist() == [True, False, False] and panel.unlisted == 0
    both = exposure_months(LOG, EXPOSURE.iloc[[0, 2]], until=UNTIL)
    assert both.customers["customer_id"].tolist() == ["a", "c"] and both.unlisted == 1


def test_those_reached_on_no_day_are_left_out_and_those_reached_later_are_not_reached():
    exposure = EXPOSURE.assign(from_date=pd.to_datetime([None, "2024-08-01", None]))
    panel = exposure_months(LOG, exposure, until=UNTIL)
    assert panel.undated == 1
    assert panel.customers["treated"].tolist() == [False, False]
    assert (panel.customers["start"] == NEVER).all()


def test_margin_follows_from_cost_or_is_not_known():
    cost = LOG.assign(cost=LOG["amount"] - LOG["margin"]).drop(columns="margin")
    assert dense(exposure_months(cost, EXPOSURE, until=UNTIL)) == dense(exposure_months(LOG, EXPOSURE, until=UNTIL))
    assert list(exposure_months(LOG.drop(columns="margin"), EXPOSURE, until=UNTIL).outcomes) == ["revenue"]


def test_nothing_is_no_customer():
    for log, exposure in ((LOG.head(0), EXPOSURE), (LOG, EXPOSURE.head(0)), (LOG.head(0), EXPOSURE.head(0))):
        panel = exposure_months(log, exposure, until=UNTIL)
        assert not panel.customers["treated"].any()
        assert panel.outcomes["margin"].shape == (len(panel), len(panel.months))


def test_a_subset_keeps_its_rows():
    panel = exposure_months(LOG, EXPOSURE, until=UNTIL).subset([True, False, True])
    assert panel.customers["customer_id"].tolist() == ["a", "c"]
    assert dense(panel) == [[24, 0, 15, 0, 0, 0], [0, 0, 0, 21, 1, 0]]


entries = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", "z"]),
        st.integers(0, 500 * 24).map(lambda hours: datetime(2023, 1, 1) + timedelta(hours=hours)),
        st.sampled_from([-20.5, 0.0, 0.25, 19.75, 1000.0]),
    ),
    min_size=1,
    max_size=25,
).map(
    lambda rows: pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).assign(margin=lambda f: f["amount"] / 4)
)


@settings(max_examples=25, deadline=None)
@given(entries)
def test_every_engine_gives_the_definition(log):
    until = pd.Timestamp("2024-03-31")
    exposure = pd.DataFrame({"customer_id": ["x"], "treated": [True], "from_date": [pd.Timestamp("2023-11-10")]})
    connection = duckdb.connect()
    connection.register("log", log)
    connection.register("reached", exposure)
    engines = [(log, exposure), (connection.table("log"), connection.table("reached"))]
    panels = [exposure_months(*each, until=until) for each in engines]
    seen = log[log["date"] < until + pd.Timedelta(days=1)]
    by_hand = seen.groupby(["customer_id", seen["date"].dt.to_period("M")])["margin"].sum()
    for panel in panels:
        assert panel.customers["customer_id"].tolist() == sorted(set(seen["customer_id"]))
        found = panel.outcomes["margin"].toarray()
        for place, name in enumerate(panel.customers["customer_id"]):
            wanted = [by_hand.get((name, month), 0.0) for month in panel.months.to_period("M")]
            assert found[place] == pytest.approx(wanted)
            first = seen.loc[seen["customer_id"] == name, "date"].min().to_period("M")
            assert panel.months.to_period("M")[0] + int(panel.customers["entry"][place]) == first + 1
    assert (panels[0].observed == panels[1].observed).all()
    assert np.array_equal(panels[0].customers["start"], panels[1].customers["start"])


def test_says_what_is_wrong():
    with pytest.raises(
        ValueError, match="`transactions` must have the columns customer_id, date and amount; missing: amount"
    ):
        exposure_months(LOG.drop(columns="amount"), EXPOSURE, until=UNTIL)
    with pytest.raises(ValueError, match="`exposure` must have the columns customer_id and treated; missing: treated"):
        exposure_months(LOG, EXPOSURE.drop(columns="treated"), until=UNTIL)
    with pytest.raises(ValueError, match="`exposure` must have one row per customer"):
        exposure_months(LOG, pd.concat([EXPOSURE, EXPOSURE]), until=UNTIL)
    with pytest.raises(ValueError, match="`until` must be a date"):
        exposure_months(LOG, EXPOSURE, until=None)
