"""What became of customers, and standings of earlier days beside it."""

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlab.aggregate.customer_outcomes import OUTCOMES, customer_histories, customer_outcomes
from tests.test_aggregate_customer_standing import frame, transactions

SINCE, UNTIL = "2024-12-31", "2025-12-31"


def found(outcome, **tables):
    rows = customer_outcomes(since=SINCE, until=UNTIL, **tables)
    known = rows[rows[outcome].notna()]
    return dict(zip(known["customer_id"], known[outcome], strict=True))


CONTRACTS = frame(
    ["start", "end"],
    ["customer_id", "start", "end"],
    ("A", "2024-01-01", None),
    ("B", "2024-01-01", "2025-06-30"),
    ("C", "2024-01-01", "2025-01-31"),
    ("C", "2025-02-15", None),
    ("D", "2024-01-01", "2024-12-30"),
    ("E", "2025-01-01", "2025-02-01"),
    ("F", "2024-01-01", "2025-12-31"),
)


def test_left_is_who_was_under_contract_and_is_no_more():
    assert found("left", contracts=CONTRACTS) == {"A": 0, "B": 1, "C": 0, "F": 0}


BOUGHT = transactions(
    ("A", "2024-06-01", 100.0),
    ("A", "2025-06-01", 50.0),
    ("B", "2024-06-01", 100.0),
    ("B", "2025-06-01", 49.99),
    ("C", "2024-06-01", 100.0),
    ("D", "2023-12-31", 100.0),
    ("D", "2025-12-31", 1.0),
    ("E", "2024-12-31", 100.0),
    ("E", "2025-01-01", 80.0),
    ("E", "2026-01-01", 80.0),
    ("F", "2024-12-30", 10.0),
    ("F", "2024-12-31", -10.0),
)


def test_shrank_is_less_than_half_of_what_was_brought_before():
    assert found("shrank", transactions=BOUGHT) == {"A": 0, "B": 1, "C": 1, "E": 0}


def test_without_contracts_who_buys_no_more_has_left():
    assert found("left", transactions=BOUGHT) == {"A": 0, "B": 0, "C": 1, "E": 0, "F": 1}
    assert set(found("left", transactions=BOUGHT, contracts=CONTRACTS)) == {"A", "B", "C", "F"}


def test_paid_late_is_over_thirty_days_or_not_at_all():
    rows = frame(
        ["due_on", "paid_on"],
        ["customer_id", "due_on", "amount", "paid_on", "paid_amount"],
        ("A", "2025-03-01", 100.0, "2025-03-31", 100.0),
        ("B", "2025-03-01", 100.0, "2025-04-01", 100.0),
        ("C", "2025-03-01", 100.0, None, None),
        ("D", "2025-12-15", 100.0, None, None),
        ("E", "2024-12-31", 100.0, None, None),
        ("F", "2025-03-01", 100.0, "2025-03-01", 60.0),
        ("G", "2025-12-01", 100.0, "2026-02-01", 100.0),
        ("H", "2025-03-01", 100.0, None, 100.0),
    )
    # G was due thirty days before the end: whether it is paid later than that is not known yet
    assert found("paid_late", payments=rows) == {"A": 0, "B": 1, "C": 1, "F": 1}


def test_the_days_are_in_order():
    with pytest.raises(ValueError, match="`until` must come after `since`"):
        customer_outcomes(since=SINCE, until=SINCE, transactions=BOUGHT)


def test_histories_lie_as_many_months_apart_as_the_data_reach_back():
    log = transactions(*((name, f"{year}-01-02", 10.0) for year in (2022, 2023, 2024, 2025) for name in "AB"))
    past = customer_histories(until=UNTIL, months=12, dates=5, transactions=log)
    days = pd.to_datetime(["2022-12-31", "2023-12-31", "2024-12-31"])
    assert past["scored_on"].drop_duplicates().tolist() == list(days)
    assert past[list(OUTCOMES)].fillna(-1).iloc[0].to_dict() == {"left": 0, "paid_late": -1, "shrank": 0}
    assert (past["silent_days"] == 363).sum() == 4
    assert customer_histories(until=UNTIL, months=12, dates=2, transactions=log)["scored_on"].nunique() == 2
    short = customer_histories(until=UNTIL, months=36, dates=2, transactions=log)
    assert short.empty and {"left", "silence_ratio", "under_contract"} <= set(short.columns)


def test_before_contracts_that_ended_are_in_the_file_only_those_who_stayed_are_known():
    asked = {"until": UNTIL, "months": 3, "dates": 3, "contracts": CONTRACTS}
    assert customer_histories(**asked)["scored_on"].nunique() == 3
    assert customer_histories(**asked, observed_from="2025-06-30")["scored_on"].nunique() == 2


def test_nothing_given_is_nobody():
    assert customer_outcomes(since=SINCE, until=UNTIL).empty
    assert customer_histories(until=UNTIL).empty
    with pytest.raises(ValueError, match="positive integers"):
        customer_histories(until=UNTIL, months=0)


def test_engines_agree():
    connection = duckdb.connect()
    tables = {"transactions": BOUGHT, "contracts": CONTRACTS}
    for name, rows in tables.items():
        connection.register(name, rows.sample(frac=1, random_state=1))
    lazy = {name: connection.table(name) for name in tables}
    plain = customer_histories(until=UNTIL, months=6, dates=3, **tables)
    assert_frame_equal(customer_histories(until=UNTIL, months=6, dates=3, **lazy), plain)
