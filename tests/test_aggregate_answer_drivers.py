"""What was known before an answer and done after it: against hand-made tables, and the same on every engine."""

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlab.aggregate.answer_drivers import answer_drivers, answer_outcomes

UNTIL = "2025-12-31"


def dated(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.assign(**{name: pd.to_datetime(frame[name], format="ISO8601") for name in columns})


SURVEYS = dated(
    pd.DataFrame(
        [
            ("A", "2024-07-01", 9.0, 5.0, "repair"),
            ("A", "2025-07-01 09:00", 3.0, 2.0, "repair"),
            ("A", "2025-07-01 17:00", 6.0, 3.0, "repair"),  # the last of the day counts
            ("A", "2025-07-01 08:00", 10.0, 5.0, "delivery"),
            ("B", "2025-07-01", 8.0, None, None),
            ("B", "2025-09-01", None, None, "repair"),  # no answer
            (None, "2025-07-01", 0.0, 1.0, "repair"),  # nobody known
            ("B", "2026-01-01", 1.0, 1.0, "repair"),  # after the last day
        ],
        columns=["customer_id", "date", "nps", "csat", "touchpoint"],
    ),
    "date",
)
INTERACTIONS = dated(
    pd.DataFrame(
        [
            ("A", "2024-06-01 08:00", "2024-06-01 10:00", "2024-06-03 08:00", "repair", True),
            ("A", "2024-06-10 08:00", "2024-06-10 14:00", "2024-07-05 08:00", "Complaint", False),  # not yet resolved
            ("A", "2025-06-01 00:00", "2025-06-01 12:00", "2025-06-06 00:00", "delivery delay", False),
            ("A", "2025-07-01 12:00", "2025-07-01 13:00", "2025-07-01 14:00", "repair", False),
        ],
        columns=["customer_id", "opened_at", "first_response_at", "resolved_at", "kind", "reopened"],
    ),
    "opened_at", "first_response_at", "resolved_at",
)  # fmt: skip
CONTRACTS = dated(
    pd.DataFrame(
        [
            ("A", "2023-07-01", "2024-12-31", 100.0, 1, 0.5, "gold"),
            ("A", "2025-01-01", "2025-10-31", 200.0, 0, 0.7, "blue"),
            ("B", "2024-07-01", None, 300.0, 0, 0.9, None),
        ],
        columns=["customer_id", "start", "end", "value", "renewals", "resolved_share", "plan"],
    ),
    "start", "end",
)  # fmt: skip
TRANSACTIONS = dated(
    pd.DataFrame(
        [("A", "2024-01-01", 10.0), ("A", "2024-06-30", -4.0), ("A", "2025-08-01", 7.0), ("B", "2025-07-01", 5.0)],
        columns=["customer_id", "date", "amount"],
    ),
    "date",
)
TABLES = {"interactions": INTERACTIONS, "contracts": CONTRACTS, "transactions": TRANSACTIONS}


def drivers(**tables) -> pd.DataFrame:
    return answer_drivers(SURVEYS, until=UNTIL, complaint_kinds=("complaint",), **tables)


def test_answers_that_count():
    found = drivers()
    assert found[["customer_id", "nps", "touchpoint"]].to_numpy().tolist() == [
        ["A", 9.0, "repair"],
        ["A", 10.0, "delivery"],
        ["A", 6.0, "repair"],
        ["B", 8.0, ""],
    ]
    assert list(found) == ["customer_id", "date", "nps", "csat", "touchpoint"]


def test_of_two_answers_at_the_same_moment_the_lower_counts():
    twice = pd.DataFrame({"customer_id": "A", "date": pd.Timestamp("2025-01-01"), "nps": [9.0, 2.0]})
    assert answer_drivers(twice, until=UNTIL)["nps"].tolist() == [2.0]


def test_service_before_an_answer():
    first, morning, evening, other = drivers(**TABLES).to_dict("records")
    assert first["response_hours"] == pytest.approx((2 + 6) / 2)
    assert first["resolution_hours"] == pytest.approx(48)
    assert first["reopened_share"] == 1
    # the answer at 17:00 knows of the case of noon, the one at 8:00 does not
    assert morning["response_hours"] == pytest.approx(12)
    assert evening["response_hours"] == pytest.approx((12 + 1) / 2)
    assert morning["delivery_delay_days"] == pytest.approx(5)
    assert pd.isna(morning["resolution_hours"]) and evening["resolution_hours"] == pytest.approx(2)
    assert pd.isna(other["response_hours"]) and other["cases_per_year"] == 0


def test_counts_become_rates_a_year_of_the_time_on_record():
    first, morning, *_rest = drivers(**TABLES).to_dict("records")
    # the first case of all opened 29.67 days before the first answer; less than 30 days is not made a rate
    assert first["complaints_per_year"] == pytest.approx(365.25 / 30)
    assert first["cases_per_year"] == pytest.approx(2 * 365.25 / 30)
    assert morning["complaints_per_year"] == 0
    assert morning["cases_per_year"] == pytest.approx(1)


def test_the_contract_that_had_begun_last():
    found = drivers(**TABLES)
    assert found["contract_value"].tolist() == [100, 200, 200, 300]
    assert found["resolved_share"].tolist() == [0.5, 0.7, 0.7, 0.9]
    assert found["plan"].tolist()[:3] == ["gold", "blue", "blue"]
    assert "renewals" not in found


def test_what_a_contract_records_comes_before_what_cases_show():
    contracts = CONTRACTS.assign(response_hours=1.5, complaints_per_year=0.25)
    found = drivers(interactions=INTERACTIONS, contracts=contracts)
    assert set(found["response_hours"]) == {1.5} and set(found["complaints_per_year"]) == {0.25}
    assert found["cases_per_year"].iloc[1] == pytest.approx(1)


def test_spend_and_tenure():
    found = drivers(**TABLES)
    assert found["spend"].tolist() == [6, 0, 0, 0]
    month = 365.25 / 12
    assert found["tenure_months"].iloc[[0, 3]].tolist() == pytest.approx([366 / month, 365 / month])
    won = pd.DataFrame({"customer_id": ["A"], "acquired_on": [pd.Timestamp("2024-06-01")]})
    assert drivers(customers=won, **TABLES)["tenure_months"].iloc[0] == pytest.approx(30 / month)


def test_outcomes_after_an_answer():
    found = answer_outcomes(SURVEYS, until=UNTIL, months=6, contracts=CONTRACTS, transactions=TRANSACTIONS)
    assert found["followed"].all()
    # the contract of A ended within six months of July 2025, another had begun by January 2025
    assert found["retained"].tolist() == [1, 0, 0, 1]
    assert found["spend_before"].tolist() == [6, 0, 0, 0]
    assert found["spend_after"].tolist() == [0, 7, 7, 5]


def test_without_contracts_a_customer_stays_who_buys_again():
    found = answer_outcomes(SURVEYS, until=UNTIL, months=12, transactions=TRANSACTIONS)
    # nothing can be said of whom bought nothing in the year before
    assert found["retained"].iloc[0] == 0 and found["retained"].iloc[1:].isna().all()
    assert found["followed"].tolist() == [True, False, False, False]


def test_no_table_tells_what_came_after():
    assert list(answer_outcomes(SURVEYS, until=UNTIL)) == ["customer_id", "date", "nps", "followed"]


def test_nobody_is_named():
    nameless = SURVEYS.assign(customer_id=pd.Series([None] * len(SURVEYS), dtype=object))
    assert answer_drivers(nameless, until=UNTIL, **TABLES).empty
    assert answer_outcomes(nameless, until=UNTIL, contracts=CONTRACTS, transactions=TRANSACTIONS).empty


def test_a_survey_that_did_not_ask():
    asked = SURVEYS.drop(columns="nps")
    assert answer_drivers(asked, until=UNTIL, **TABLES).empty
    assert answer_outcomes(asked, until=UNTIL, contracts=CONTRACTS, transactions=TRANSACTIONS).empty


def test_the_same_on_every_engine():
    connection = duckdb.connect()

    def lazy(frame: pd.DataFrame):
        name = f"t{id(frame)}"
        connection.register(name, frame)
        return connection.sql(f"select * from {name}")

    here = answer_drivers(SURVEYS, until=UNTIL, **TABLES)
    there = answer_drivers(lazy(SURVEYS), until=UNTIL, **{name: lazy(table) for name, table in TABLES.items()})
    assert_frame_equal(here, there, check_dtype=False)
    tables = {name: TABLES[name] for name in ("contracts", "transactions")}
    here = answer_outcomes(SURVEYS, until=UNTIL, **tables)
    there = answer_outcomes(lazy(SURVEYS), until=UNTIL, **{name: lazy(table) for name, table in tables.items()})
    assert_frame_equal(here, there, check_dtype=False)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: answer_drivers(SURVEYS.drop(columns="date"), until=UNTIL), "customer_id and date; missing: date"),
        (lambda: answer_outcomes(SURVEYS, until=UNTIL, months=0), "`months` must be a positive integer, got 0"),
        (lambda: answer_drivers(SURVEYS, until=None), "`until` must be a date, got None"),
    ],
)
def test_misuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()
