"""Person-periods: by hand, against a plain reference, without a look ahead, and binned as good as exact."""

import itertools
from datetime import date, timedelta

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crmlab.aggregate.period_covariates import Grid
from crmlab.aggregate.person_periods import contract_spells, customers_at_risk, hazard_data, person_periods
from crmlab.churn.hazard import fit_hazard

UNTIL = date(2024, 6, 30)


def contracts(*rows, **covariates) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    return frame.assign(start=pd.to_datetime(frame["start"]), end=pd.to_datetime(frame["end"]), **covariates)


CONNECTION, NAMES = duckdb.connect(), itertools.count()


def in_duckdb(frame: pd.DataFrame):
    name = f"given_{next(NAMES)}"
    CONNECTION.register(name, frame)
    return CONNECTION.sql(f"select * from {name}")


def simulated(n=300, seed=3, until="2024-06-30") -> dict[str, pd.DataFrame]:
    """Contracts, purchases, cases, answers and payments at random."""
    rng = np.random.default_rng(seed)
    end = pd.Timestamp(until)
    ids = np.array([f"C{number:04d}" for number in range(n)])
    start = end - pd.to_timedelta(rng.integers(1, 900, n), unit="D")
    stop = start + pd.to_timedelta(rng.geometric(0.03, n) * 30, unit="D")
    frame = {"customer_id": ids, "start": start, "end": stop.where(stop <= end)}
    frame = pd.DataFrame(frame | {"score": rng.normal(0, 1, n), "plan": rng.choice(["a", "b"], n)})

    def days(m):
        return end - pd.to_timedelta(rng.integers(0, 800, m), unit="D")

    def who(m):
        return rng.choice(ids, m)

    m = 6 * n
    opened, due = days(m), days(m)
    answered = opened + pd.to_timedelta(rng.integers(1, 200, m), unit="h")
    paid = pd.Series(due + pd.to_timedelta(rng.integers(-5, 120, m), unit="D")).where(rng.random(m) < 0.9)
    return {
        "contracts": frame,
        "transactions": pd.DataFrame(
            {"customer_id": who(m), "date": days(m), "amount": rng.normal(50, 40, m).round(2)}
        ),
        "interactions": pd.DataFrame(
            {"customer_id": who(m), "opened_at": opened, "first_response_at": answered, "resolved_at": answered}
            | {"kind": rng.choice(["complaint", "question"], m)}
        ),
        "surveys": pd.DataFrame(
            {
                "customer_id": who(m),
                "date": days(m),
                "nps": np.where(rng.random(m) < 0.5, rng.integers(0, 11, m), np.nan),
            }
        ),
        "payments": pd.DataFrame({"customer_id": who(m), "due_on": due, "amount": 10.0, "paid_on": paid.to_numpy()}),
    }


def test_a_panel_by_hand():
    rows = contracts(
        ("a", "2024-04-01", None),  # at risk in April, May and June
        ("b", "2024-03-15", "2024-05-10"),  # in April, and leaves in May
        ("c", "2024-05-02", "2024-05-20"),  # in no period from its first day on
        ("d", "2024-05-31", "2024-06-30"),  # leaves on the last day
        ("e", "2024-06-01", "2024-07-15"),  # its end is not known yet
        ("f", "2024-07-01", None),  # nor that it began
    )
    panel = person_periods(in_duckdb(rows), until=UNTIL)
    found = panel.rows.groupby("tenure_months")[["trials", "events"]].sum()
    assert found.to_dict() == {"trials": {1.0: 4, 2.0: 2, 3.0: 1}, "events": {1.0: 1, 2.0: 1, 3.0: 0}}
    assert (panel.person_periods, panel.events, panel.contracts, panel.never_at_risk) == (7, 2, 4, 1)
    assert (panel.first_day, panel.last_day) == (date(2024, 4, 1), UNTIL)


def test_nobody_is_at_risk_before_being_observed():
    rows = contracts(("a", "2023-01-01", None), ("b", "2023-02-01", "2024-06-15"), ("c", "2023-02-01", "2024-04-15"))
    panel = person_periods(in_duckdb(rows), until=UNTIL, observed_from="2024-06-01")
    assert (panel.person_periods, panel.events, panel.never_at_risk) == (2, 1, 1)
    assert panel.rows["tenure_months"].tolist() == [17, 18]
    spells = contract_spells(in_duckdb(rows), until=UNTIL, observed_from="2024-06-01")
    assert spells[["customer_id", "months", "entry_months", "left"]].to_numpy().tolist() == [
        ["a", 18, 17, 0],
        ["b", 17, 16, 1],
    ]


@pytest.mark.parametrize(
    ("second", "gap_days", "periods", "events"),
    [
        (("a", "2024-04-01", None), 0, 6, 0),  # the day after: renewed
        (("a", "2024-04-11", None), 0, 5, 1),  # ten days later: another run, at risk again from May on
        (("a", "2024-04-11", None), 10, 6, 0),
        (("a", "2024-02-10", "2024-02-20"), 0, 3, 1),  # within the first
        (("a", "2024-02-10", "2024-05-05"), 0, 5, 1),  # outlasts it
    ],
)
def test_contracts_that_follow_one_another_are_one_run(second, gap_days, periods, events):
    rows = contracts(("a", "2024-01-01", "2024-03-31"), second, value=[1.0, 2.0])
    panel = person_periods(in_duckdb(rows), until=UNTIL, gap_days=gap_days)
    assert (panel.person_periods, panel.events) == (periods, events)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=8), st.integers(1, 31))
def test_the_panel_is_what_its_definition_says(entries, day):
    until = date(2024, 5, day)
    first = date(2023, 4, 1)
    rows = [(f"c{place}", first + timedelta(a), first + timedelta(a + b)) for place, (a, b) in enumerate(entries)]
    grid = Grid.ending(pd.Timestamp(until))
    trials = events = 0
    for index in range(grid.last - 20, grid.last + 1):
        opens, closes = grid.first_day(index), grid.last_day(index)
        at_risk = [row for row in rows if row[1] <= opens <= row[2] and row[1] <= until]
        trials += len(at_risk)
        events += sum(row[2] <= closes for row in at_risk)
    panel = person_periods(contracts(*rows), until=until)
    assert (panel.person_periods, panel.events) == (trials, events)
    assert panel.rows["trials"].sum() == trials


@pytest.mark.parametrize("day", ["2024-02-29", "2024-03-30", "2023-02-28", "2024-06-15", "2024-01-31"])
def test_periods_follow_one_another_without_a_gap(day):
    grid = Grid.ending(pd.Timestamp(day))
    assert grid.last_day(grid.last) == date.fromisoformat(day)
    indices = range(grid.last - 30, grid.last + 1)
    frame = nw.from_native(pd.DataFrame({"period": [float(index) for index in indices]}))
    numbers = frame.select(grid.first_days(nw.col("period"))).to_native().iloc[:, 0]
    assert numbers.tolist() == [grid.first_day(index).toordinal() for index in indices]
    for index in indices:
        assert grid.index(grid.first_day(index)) == grid.index(grid.last_day(index)) == index


def test_covariates_by_hand():
    rows = contracts(("a", "2023-01-01", None))
    known = customers_at_risk(
        in_duckdb(rows),
        on=UNTIL,
        complaint_kinds=["complaint"],
        transactions=in_duckdb(
            pd.DataFrame(
                {"customer_id": "a", "date": pd.to_datetime(["2024-05-30", "2024-01-10"]), "amount": [30.0, 60.0]}
            )
        ),
        interactions=in_duckdb(
            pd.DataFrame(
                {
                    "customer_id": "a",
                    "opened_at": pd.to_datetime(["2024-06-30 08:00", "2023-12-31 00:00", "2024-06-29 00:00"]),
                    "first_response_at": pd.to_datetime(["2024-06-30 11:30", "2024-01-01 00:00", "2024-07-04 00:00"]),
                    "kind": ["complaint", "complaint", "question"],
                }
            )
        ),
        surveys=in_duckdb(
            pd.DataFrame({"customer_id": "a", "date": pd.to_datetime(["2024-02-01", "2024-05-01"]), "nps": [9, 4.5]})
        ),
        payments=in_duckdb(
            pd.DataFrame(
                {
                    "customer_id": "a",
                    "due_on": pd.to_datetime(["2024-05-01", "2024-06-20"]),
                    "paid_on": pd.to_datetime(["2024-05-04", "2024-07-30"]),
                    "amount": 1.0,
                }
            )
        ),
    ).iloc[0]
    assert known["months_since_purchase"] == 2
    # 10 a month over the last three; before them 60 in the three since the purchase
    assert known["spend_trend"] == pytest.approx((10 - 20) / (10 + 20))
    assert (known["cases_6m"], known["complaints_6m"]) == (2, 1)
    assert known["response_hours_12m"] == pytest.approx((3.5 + 24) / 2)
    assert known["last_nps"] == 4.5
    assert known["days_late_12m"] == 11  # open since 20 June, seen on 1 July


def test_of_whom_a_table_says_nothing():
    tables = simulated(20)
    nobody = {name: in_duckdb(tables[name].assign(customer_id="elsewhere")) for name in tables if name != "contracts"}
    found = customers_at_risk(in_duckdb(tables["contracts"]), on=UNTIL, **nobody)
    assert len(found) == tables["contracts"]["end"].isna().sum()
    assert set(found["months_since_purchase"]) == {13.0} and set(found["cases_6m"]) == {0.0}
    assert found[["response_hours_12m", "last_nps", "days_late_12m"]].isna().all(axis=None)


def spoiled(tables: dict[str, pd.DataFrame], after: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """The same tables with everything that happened after a day changed."""
    changed = {}
    for name, table in tables.items():
        table = table.copy()
        event = {"contracts": "start", "interactions": "opened_at", "payments": "due_on"}.get(name, "date")
        # a contract that begins on the next day is at risk in the whole period, and known on its first day
        later = table[event] > after + pd.Timedelta(days=1 if name == "contracts" else 0)
        for column in table.columns.difference(["customer_id", event]):
            if pd.api.types.is_datetime64_any_dtype(table[column]):
                # an answer, a payment or an end after the day: another day, or none
                moved = table[column].where(~(table[column] > after), after + pd.Timedelta(days=17))
                table[column] = moved.mask((table[column] > after) & (np.arange(len(table)) % 2 == 0))
            elif pd.api.types.is_numeric_dtype(table[column]):
                table.loc[later, column] = 7.0
        table.loc[later, event] = after + pd.Timedelta(days=2)
        changed[name] = table
    return changed


@pytest.mark.parametrize("until", ["2024-06-30", "2024-06-15"])
def test_no_later_value_reaches_a_covariate(until):
    tables = simulated(until=until)
    on = Grid.ending(pd.Timestamp(until))
    cut = on.last_day(on.last - 5)
    options = {"on": cut, "until": until, "months": 3, "complaint_kinds": ["complaint"]}
    true = customers_at_risk(**{name: in_duckdb(table) for name, table in tables.items()}, **options)
    other = spoiled(tables, pd.Timestamp(cut) + pd.Timedelta(days=1) - pd.Timedelta(seconds=1))
    seen = customers_at_risk(**{name: in_duckdb(table) for name, table in other.items()}, **options)
    assert len(true) > 50 and true["left"].sum() > 0
    assert_frame_equal(true.drop(columns="left"), seen.drop(columns="left"))
    assert not true["left"].equals(seen["left"])


def test_what_folds_learn_from_ends_at_their_cut_off():
    tables = simulated()
    engine = {name: in_duckdb(table) for name, table in tables.items()}
    whole = hazard_data(**engine, until=UNTIL, cut_offs=3)
    assert [fold.cut_off for fold in whole.folds] == [date(2023, 9, 30), date(2023, 12, 31), date(2024, 3, 31)]
    for fold in whole.folds:
        before = person_periods(**engine, until=fold.cut_off)
        columns = ["tenure_months", "score", "plan", "trials", "events", "cases_6m", "spend_trend"]
        given, known = (rows[columns].sort_values(columns, ignore_index=True) for rows in (fold.rows, before.rows))
        assert_frame_equal(given, known)


def test_engines_agree():
    tables = simulated(40)
    options = {"until": UNTIL, "complaint_kinds": ["complaint"]}
    by_pandas = person_periods(**tables, **options)
    by_duckdb = person_periods(**{name: in_duckdb(table) for name, table in tables.items()}, **options)
    assert by_pandas.person_periods == by_duckdb.person_periods
    assert_frame_equal(by_pandas.rows, by_duckdb.rows[list(by_pandas.rows)], check_dtype=False)


def test_bins_give_the_coefficients_of_exact_rows():
    rng = np.random.default_rng(0)
    n = 6_000
    x, heavy, text = rng.normal(0, 1, n), rng.lognormal(0, 0.6, n), rng.choice(["a", "b", "c"], n)
    start = pd.Timestamp("2021-07-01") + pd.to_timedelta(rng.integers(0, 1000, n), unit="D")
    fixed = -4 + 0.5 * x + 0.3 * heavy - 0.4 * (text == "b")
    last = np.full(n, 10_000)
    for month in range(60, 0, -1):
        leaves = rng.random(n) < 1 / (1 + np.exp(-(fixed - 0.3 * np.log(month))))
        last[leaves] = 30 * month
    stop = start + pd.to_timedelta(last, unit="D")
    rows = pd.DataFrame(
        {"customer_id": np.arange(n).astype(str), "start": start, "end": stop.where(stop <= "2024-06-30")}
    )
    rows = in_duckdb(rows.assign(x=np.where(rng.random(n) < 0.05, np.nan, x), heavy=heavy, text=text))
    exact, binned = person_periods(rows, until=UNTIL), person_periods(rows, until=UNTIL, most_rows=9_000)
    assert exact.bins is None and binned.bins < 40
    assert len(binned.rows) < 13_500 < len(exact.rows)
    assert binned.rows["trials"].sum() == exact.person_periods and binned.events == exact.events
    one, other = fit_hazard(exact.rows), fit_hazard(binned.rows)
    apart = (one.coefficients - other.coefficients) / np.sqrt(np.diag(one.covariance))
    assert one.names == other.names and np.abs(apart).max() < 0.5


def test_nobody_at_risk():
    nothing = person_periods(in_duckdb(contracts(("a", "2024-06-20", None), x=[1.0])), until=UNTIL)
    assert (nothing.person_periods, nothing.events, nothing.never_at_risk, len(nothing.rows)) == (0, 0, 1, 0)
    assert {"x", "trials", "events", "tenure_months"} <= set(nothing.rows)
    data = hazard_data(in_duckdb(contracts(("a", "2024-06-20", None), x=[1.0])), until=UNTIL)
    assert data.folds == () and len(data.last_period) == 0 and data.customers["customer_id"].tolist() == ["a"]


def test_a_table_without_ends_has_no_events():
    panel = person_periods(in_duckdb(contracts(("a", "2024-01-01", None)).drop(columns="end")), until=UNTIL)
    assert (panel.person_periods, panel.events) == (6, 0)


def test_columns_that_could_tell_the_outcome_are_no_covariates():
    rows = contracts(
        ("a", "2024-01-01", None), ("b", "2024-01-01", None), renewals=[0, 1], signed=pd.Timestamp("2024-01-01")
    )
    assert not {"renewals", "signed", "start", "end"} & set(person_periods(in_duckdb(rows), until=UNTIL).rows)


def test_misuse_is_named():
    rows = contracts(("a", "2024-01-01", None))
    with pytest.raises(ValueError, match="missing: start"):
        person_periods(rows.drop(columns="start"), until=UNTIL)
    with pytest.raises(ValueError, match="`covariates` names colour"):
        person_periods(rows, until=UNTIL, covariates=["colour"])
    with pytest.raises(ValueError, match="`gap_days` must be at least 0"):
        person_periods(rows, until=UNTIL, gap_days=-1)
    with pytest.raises(ValueError, match="`until` must lie 3 months after `on`"):
        customers_at_risk(rows, on=UNTIL, months=3)
