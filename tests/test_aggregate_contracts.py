"""Contracts counted by month and by age: against a plain reference, across engines, and by hand."""

from datetime import date, timedelta

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crmlab.aggregate.contracts import contract_ages, contract_months

UNTIL = date(2024, 3, 31)
PROFILES = pd.DataFrame({"customer_id": ["a", "b", "e"], "region": ["north", " south ", ""]})


def contracts(*entries, value=None) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=["customer_id", "start", "end"])
    frame = frame.assign(start=pd.to_datetime(frame["start"]), end=pd.to_datetime(frame["end"]))
    return frame if value is None else frame.assign(value=value)


def in_duckdb(frame: pd.DataFrame, name: str = "frame"):
    connection = duckdb.connect()
    connection.register(name, frame)
    return connection.sql(f"select * from {name}")


def month_of(day: date, until: date) -> int:
    """Number of the month, of those that end on the day of the month of `until`, in which a day falls."""
    closes = (until + timedelta(days=1)).day == 1
    late = 0 if closes else int(day.day > until.day)
    return 12 * (day.year - until.year) + day.month - until.month + late


def relationships(frame: pd.DataFrame, until: date, since: date | None, gap_days: int) -> list[dict]:
    """The definition, contract by contract."""
    found = []
    known = [
        (row.customer_id, row.start.date(), until if pd.isna(row.end) else min(row.end.date(), until), row.value)
        for row in frame.itertuples()
        if row.start.date() <= until
    ]
    known = [each for each in known if since is None or each[2] >= since]
    for customer in sorted({each[0] for each in known}):
        own = sorted(each[1:] for each in known if each[0] == customer)
        spells = []
        for start, end, value in own:
            if spells and start <= spells[-1]["end"] + timedelta(days=gap_days + 1):
                spells[-1]["end"] = max(spells[-1]["end"], end)
            else:
                spells.append({"start": start, "end": end, "worth": 0.0, "first": own[0][0]})
            spells[-1]["worth"] += value * ((end - start).days + 1)
        for spell in spells:
            spell["runs"] = spell["end"] >= until
            spell["gone"] = spell["end"] + timedelta(days=1)
            spell["value"] = spell["worth"] / ((spell["end"] - spell["start"]).days + 1)
        found += spells
    return found


days = st.integers(0, 400).map(lambda back: date(2024, 4, 20) - timedelta(days=back))
logs = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), days, st.one_of(st.none(), st.integers(0, 150)), st.integers(0, 5)),
    min_size=1,
    max_size=12,
).map(
    lambda entries: contracts(
        *(
            (who, start, None if length is None else start + timedelta(days=length))
            for who, start, length, _v in entries
        ),
        value=[float(value) for *_rest, value in entries],
    )
)
ends = st.sampled_from([UNTIL, date(2024, 3, 15), date(2024, 2, 29), date(2024, 1, 30)])
records = st.sampled_from([None, date(2023, 12, 31), date(2024, 1, 10)])


@settings(max_examples=12)
@given(logs, ends, records, st.sampled_from([0, 31]))
def test_every_engine_counts_months_by_the_definition(log, until, since, gap_days):
    options = {"until": until, "observed_from": since, "gap_days": gap_days}
    found = [contract_months(source, **options).rows for source in (log, in_duckdb(log))]
    assert_frame_equal(*found)
    want: dict[tuple, list] = {}
    for each in relationships(log, until, since, gap_days):
        end = float("inf") if each["runs"] else month_of(each["gone"], until)
        key = (month_of(each["first"], until), month_of(each["start"], until), end)
        want.setdefault(key, []).append(each["value"])
    rows = found[0].fillna({"end": float("inf")})
    got = {(row.cohort, row.start, row.end): row for row in rows.itertuples()}
    assert {key: row.relationships for key, row in got.items()} == {key: len(values) for key, values in want.items()}
    for key, values in want.items():
        assert got[key].value == pytest.approx(sum(values), abs=1e-5)
        assert got[key].value_squared == pytest.approx(sum(value**2 for value in values), abs=1e-5)


@settings(max_examples=12)
@given(logs, ends, records)
def test_every_engine_counts_ages_by_the_definition(log, until, since):
    found = [contract_ages(source, until=until, observed_from=since) for source in (log, in_duckdb(log))]
    assert_frame_equal(*found)

    def age(start, day):
        return (31 * (12 * (day.year - start.year) + day.month - start.month) + day.day - start.day) / 31

    want: dict[str, list] = {"entered": [], "ended": [], "censored": []}
    for each in relationships(log, until, since, 31):
        want["entered"].append(age(each["start"], since) if since and each["start"] < since else 0.0)
        want["censored" if each["runs"] else "ended"].append(
            age(each["start"], until if each["runs"] else each["gone"])
        )
    rows = found[0]
    for name, ages in want.items():
        got = [month for month, count in zip(rows["months"], rows[name], strict=True) for _one in range(count)]
        assert got == pytest.approx(sorted(ages))


def test_by_hand():
    frame = contracts(
        ("a", "2024-01-15", "2024-03-14"),  # two months to the day
        ("b", "2024-02-01", "2024-03-31"),  # ends on the last day: runs on
        ("b", "2024-02-10", "2024-02-10"),  # meanwhile
        ("c", "2024-03-05", "2024-03-05"),  # one day
        ("d", "2024-04-01", None),  # not yet begun
        ("e", "2023-12-01", "2023-12-31"),  # left, and came back
        ("e", "2024-02-15", None),
    )
    found = contract_months(frame, until=UNTIL)
    rows = found.rows.drop(columns="group").astype(object).where(found.rows["end"].notna() | True)
    assert [tuple(None if pd.isna(cell) else cell for cell in row) for row in rows.itertuples(index=False)] == [
        (-3, -3, -2, 1),
        (-3, -1, None, 1),
        (-2, -2, 0, 1),
        (-1, -1, None, 1),
        (0, 0, 0, 1),
    ]
    assert (found.left_out, found.by, found.first_complete) == (0, None, None)
    assert [found.last_day(month) for month in (0, -1, -13)] == [UNTIL, date(2024, 2, 29), date(2023, 2, 28)]
    ages = contract_ages(frame, until=UNTIL).set_index("months")
    assert ages.loc[2.0, "ended"] == 1 and ages.loc[1 / 31, "ended"] == 1 and ages.loc[1.0, "ended"] == 1
    assert ages["entered"].sum() == ages.loc[0.0, "entered"] == 5
    assert ages["censored"].sum() == 2


def test_a_month_of_31_days_and_one_of_28_are_a_month():
    frame = contracts(("a", "2024-01-01", "2024-01-31"), ("b", "2023-02-01", "2023-02-28"))
    ages = contract_ages(frame, until=UNTIL)
    assert ages.loc[ages["ended"] > 0, ["months", "ended"]].values.tolist() == [[1.0, 2.0]]


def test_contracts_that_ended_before_the_record_are_not_there():
    frame = contracts(("a", "2023-01-01", "2023-12-31"), ("b", "2023-01-01", "2024-01-20"), ("c", "2024-02-01", None))
    found = contract_months(frame, until=UNTIL, observed_from="2024-01-10")
    assert (found.left_out, found.rows["relationships"].sum()) == (1, 2)
    assert found.first_complete == -2 and found.last_day(-2) == date(2024, 1, 31)
    ages = contract_ages(frame, until=UNTIL, observed_from="2024-01-10")
    assert ages.loc[ages["entered"] > 0, "months"].tolist() == [0.0, pytest.approx(12 + 9 / 31)]


def test_groups_come_from_profiles_of_the_same_engine_or_from_the_contracts():
    frame = contracts(("a", "2024-01-01", None), ("b", "2024-01-01", None), ("e", "2024-01-01", None))
    both = [
        contract_months(source, until=UNTIL, profiles=profiles, by="region")
        for source, profiles in [(frame, PROFILES), _together(frame, PROFILES)]
    ]
    assert_frame_equal(both[0].rows, both[1].rows)
    assert both[0].rows["group"].tolist() == ["north", "south", None] and both[0].by == "region"
    own = contract_months(frame.assign(plan=["x", "y", "x"]), until=UNTIL, by="plan")
    assert dict(zip(own.rows["group"], own.rows["relationships"], strict=True)) == {"x": 2, "y": 1}
    nothing = contract_months(frame, until=UNTIL, profiles=PROFILES, by="plan")
    assert nothing.by is None and nothing.rows["group"].tolist() == [None]


def _together(frame, profiles):
    connection = duckdb.connect()
    connection.register("contracts", frame)
    connection.register("profiles", profiles)
    return connection.sql("select * from contracts"), connection.sql("select * from profiles")


def test_no_contract_gives_no_row():
    frame = contracts(("a", "2024-06-01", None))
    assert contract_months(in_duckdb(frame), until=UNTIL).rows.empty
    assert contract_ages(in_duckdb(frame), until=UNTIL).empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gap_days": -1}, "`gap_days` must be 0 or more, got -1"),
        ({"observed_from": "2024-05-01"}, "`observed_from` must not lie after `until` 2024-03-31, got 2024-05-01"),
        ({"until": None}, "`until` must be a date, got None"),
    ],
)
def test_misuse_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        contract_months(contracts(("a", "2024-01-01", None)), **({"until": UNTIL} | options))
    with pytest.raises(ValueError, match="`contracts` must have the columns .* missing: end"):
        contract_ages(contracts(("a", "2024-01-01", None)).drop(columns="end"), until=UNTIL)
