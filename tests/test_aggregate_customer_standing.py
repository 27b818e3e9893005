"""What was known of customers on a day: against hand-made cases, on every engine, and nothing that came later."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import crmlab
from crmlab.aggregate.customer_standing import COLUMNS, customer_standing

UNTIL = "2025-06-30"
NAMES = ("transactions", "contracts", "surveys", "interactions", "payments")


def frame(dates, columns, *rows):
    found = pd.DataFrame(rows, columns=columns)
    return found.assign(**{name: pd.to_datetime(found[name], format="ISO8601") for name in dates})


def transactions(*rows):
    return frame(["date"], ["customer_id", "date", "amount"], *rows)


def one(customer="A", **tables):
    found = customer_standing(until=UNTIL, **tables).set_index("customer_id")
    return found.loc[customer].to_dict()


BOUGHT = transactions(
    ("A", "2023-06-30", 100.0),
    ("A", "2024-01-01", 50.0),
    ("A", "2025-01-01", 40.0),
    ("A", "2025-06-20", 60.0),
    ("A", "2025-06-25", -10.0),
    ("B", "2025-05-01", 10.0),
    ("B", "2025-05-31", 10.0),
    ("C", "2025-06-01", 30.0),
)


def test_purchases_against_the_customer_s_own_gap_and_the_year_before():
    found = one(transactions=BOUGHT)
    # the gaps: A (2025-06-20 - 2023-06-30) / 3 = 240.33 days, B 30; the median customer's is 135.17
    assert found["silent_days"] == 10
    assert found["usual_gap_days"] == pytest.approx((721 + (721 / 3 + 30) / 2) / 4)
    assert found["silence_ratio"] == pytest.approx(10 / found["usual_gap_days"])
    assert (found["purchases"], found["revenue"], found["revenue_before"]) == (2, 90, 50)
    assert found["revenue_change"] == pytest.approx(90 / 50 - 1)
    # two, two and one purchases in the year
    assert found["purchases_to_median"] == 1
    assert one("C", transactions=BOUGHT)["purchases_to_median"] == 0.5
    once = one("C", transactions=BOUGHT)
    assert (once["silent_days"], once["usual_gap_days"]) == (29, pytest.approx((721 / 3 + 30) / 2))


def test_who_was_won_within_the_year_before_has_no_change():
    found = one("B", transactions=BOUGHT)
    assert np.isnan(found["revenue_before"]) and np.isnan(found["revenue_change"])
    nothing = transactions(("A", "2022-01-01", 5.0), ("A", "2024-12-31", 5.0))
    assert one(transactions=nothing)["revenue_before"] == 0
    assert np.isnan(one(transactions=nothing)["revenue_change"])


def test_contracts_that_run_have_ended_and_were_never_there():
    columns = ["customer_id", "start", "end", "renewals"]
    rows = frame(
        ["start", "end"],
        columns,
        ("A", "2023-06-30", "2024-06-29", 1),
        ("A", "2024-06-30", None, 0),
        ("B", "2024-06-30", "2025-06-29", 0),
        ("C", "2025-01-01", "2025-06-30", 0),
        ("D", "2025-07-01", None, 0),
    )
    found = customer_standing(until=UNTIL, contracts=rows).set_index("customer_id")
    assert found["under_contract"].to_dict() == {"A": 1, "B": 0, "C": 1}
    assert found.loc["A", "contract_months"] == pytest.approx(731 / (365.25 / 12))
    assert found.loc["B", "contract_months"] == 0


def test_the_last_answer_counts_as_much_as_all_before_it():
    rows = frame(
        ["date"],
        ["customer_id", "date", "nps", "csat"],
        ("A", "2024-01-01", 10.0, 5.0),
        ("A", "2024-06-01", 8.0, None),
        ("A", "2025-01-01", 3.0, 1.0),
        ("A", "2025-07-01", 10.0, 5.0),
        (None, "2025-01-01", 0.0, 1.0),
    )
    found = one(surveys=rows)
    assert (found["last_nps"], found["nps"], found["csat"]) == (3, (3 + 9) / 2, 0.5)


CASES = frame(
    ["opened_at", "first_response_at", "resolved_at"],
    ["customer_id", "opened_at", "first_response_at", "resolved_at", "kind"],
    ("A", "2025-06-01 10:00", "2025-06-01 12:00", "2025-06-03 12:00", "Complaint"),
    ("A", "2025-06-30 12:00", "2025-07-02 12:00", "2025-07-03", "repair"),
    ("B", "2024-06-30 10:00", "2024-06-30 11:00", "2024-07-01", "complaint"),
)


def test_cases_of_the_last_year_and_those_that_still_wait():
    found = one(interactions=CASES)
    # answered after two hours; unanswered for twelve until the end of the day
    assert (found["cases"], found["complaints"], found["response_hours"]) == (2, 1, 7)
    older = one("B", interactions=CASES)
    assert (older["cases"], older["complaints"]) == (0, 0) and np.isnan(older["response_hours"])


def test_no_complaint_of_somebody_who_is_gone_says_nothing():
    long_ago = transactions(("B", "2023-01-01", 10.0), ("C", "2025-06-01", 5.0), ("A", "2023-01-01", 10.0))
    found = customer_standing(until=UNTIL, transactions=long_ago, interactions=CASES).set_index("customer_id")
    assert found["complaints"].fillna(-1).to_dict() == {"A": 1, "B": -1, "C": 0}


def test_payments_made_later_are_open_and_undated_ones_left_out():
    rows = frame(
        ["due_on", "paid_on"],
        ["customer_id", "due_on", "amount", "paid_on", "paid_amount"],
        ("A", "2025-05-01", 100.0, "2025-05-11", 100.0),
        ("A", "2025-06-20", 100.0, "2025-07-01", 100.0),
        ("A", "2025-06-20", 100.0, None, 100.0),
        ("A", "2025-07-20", 100.0, None, None),
        ("B", "2025-07-20", 100.0, "2025-06-20", 100.0),
    )
    assert customer_standing(until=UNTIL, payments=rows)["customer_id"].tolist() == ["A"]
    found = one(payments=rows)
    assert (found["overdue_share"], found["days_past_due"]) == (0.5, (10 + 10) / 2)


def test_a_table_that_is_not_there_leaves_its_columns_empty():
    found = customer_standing(until=UNTIL, transactions=BOUGHT)
    assert found[[name for table in NAMES[1:] for name in COLUMNS[table]]].isna().all(axis=None)
    assert customer_standing(until=UNTIL).empty
    anonymous = frame(["date"], ["date", "nps"], ("2025-01-01", 10.0))
    assert customer_standing(until=UNTIL, surveys=anonymous).empty
    assert customer_standing(until="1990-01-01", transactions=BOUGHT, interactions=CASES).empty


@pytest.fixture
def tables(example) -> dict[str, pd.DataFrame]:
    client = crmlab.open("xinglin")
    return {name: client.optional(name) for name in NAMES}


def test_engines_and_the_order_of_rows_agree(tables):
    asked = {"until": UNTIL, "complaint_kinds": ["投诉"]}
    plain = customer_standing(**asked, **tables)
    assert len(plain) > 1500 and plain.notna().mean().min() > 0.1
    connection = duckdb.connect()
    for name, rows in tables.items():
        connection.register(name, rows.sample(frac=1, random_state=3))
    assert_frame_equal(customer_standing(**asked, **{name: connection.table(name) for name in NAMES}), plain)


def changed_later(tables: dict[str, pd.DataFrame], day: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Every value dated after the day is another, and so is whatever bears no date of its own."""
    end = day + pd.Timedelta(days=1)
    found = {name: rows.copy() for name, rows in tables.items()}

    def shuffled(name, column, later):
        found[name].loc[later, column] = found[name].loc[later, column].sample(frac=1, random_state=5).to_numpy()

    for name, event in (("transactions", "date"), ("surveys", "date"), ("interactions", "opened_at")):
        later = found[name][event] >= end
        shuffled(name, "customer_id", later)
        found[name].loc[later, event] += pd.Timedelta(days=40)
    found["transactions"].loc[found["transactions"]["date"] >= end, "amount"] *= -3
    found["surveys"].loc[found["surveys"]["date"] >= end, ["nps", "csat"]] = [0, 1]
    cases = found["interactions"]
    for name in ("first_response_at", "resolved_at"):
        cases.loc[cases[name] >= end, name] = pd.NaT
    cases["reopened"] = ~cases["reopened"].astype(bool)
    contracts = found["contracts"]
    contracts.loc[contracts["end"] >= end, "end"] = pd.NaT
    contracts.loc[contracts["start"] >= end, "start"] += pd.Timedelta(days=99)
    numbers = contracts.select_dtypes("number").columns
    contracts[numbers] = contracts[numbers] * 2 + 1
    payments = found["payments"]
    later = payments["paid_on"] >= end
    payments.loc[later, ["paid_on", "paid_amount"]] = [pd.NaT, np.nan]
    payments.loc[payments["due_on"] >= end, "amount"] *= 7
    return found


@pytest.mark.parametrize("day", ["2024-09-30", "2025-03-15"])
def test_nothing_that_came_later_is_known(tables, day):
    other = changed_later(tables, pd.Timestamp(day))
    assert sum(not other[name].equals(rows) for name, rows in tables.items()) == len(NAMES)
    asked = {"until": day, "complaint_kinds": ["投诉"]}
    assert_frame_equal(customer_standing(**asked, **other), customer_standing(**asked, **tables))
