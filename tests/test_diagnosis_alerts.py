"""Early warnings: which customers are warned of, how urgently, and from which rows each alert can be found again."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmlab
from crmlab.absence import Absent, FitError
from crmlab.aggregate.coming_due import contracts_ending, payments_due, stalled_opportunities
from crmlab.aggregate.customer_answers import customer_answers
from crmlab.diagnosis.alert_rows import COLUMNS, alert_rows, large, source
from crmlab.diagnosis.alerts import all_alerts
from crmlab.diagnosis.payment_alerts import contract_alerts, opportunity_alerts, payment_alerts
from crmlab.diagnosis.satisfaction_alerts import key_account_alerts, satisfaction_alerts
from crmlab.publication import SEVERITIES

DAY = date(2024, 3, 31)


def traced(told, tables):
    """The rows that an alert rests on, by table, found by its source alone."""
    found = {}
    for part in told.split(" | "):
        table, _colon, filters = part.partition(": ")
        rows = tables[table]
        for each in filters.split("; "):
            column, _sign, wanted = each.partition("=")
            values = rows[column]
            values = (
                values.dt.strftime("%Y-%m-%d") if pd.api.types.is_datetime64_any_dtype(values) else values.astype(str)
            )
            first, dots, last = wanted.partition("..")
            keep = (values >= first) & (values <= last) if dots else values.isin(wanted.split(","))
            rows = rows[keep]
        found[table] = pd.concat([found[table], rows]) if table in found else rows
    return found


def due(*rows):
    found = pd.DataFrame(rows, columns=["customer_id", "due_on", "amount", "rows", "milestone"])
    days = pd.to_datetime(found["due_on"])
    return found.assign(due_on=days, days=(days - pd.Timestamp(DAY)).dt.days, amount=found["amount"].astype(float))


def by_customer(frame, kind):
    return frame[frame["kind"] == kind].set_index("customer_id")


DUE = due(
    ("big", "2023-11-01", 600, 1, "delivery"),
    ("big", "2024-03-01", 300, 1, None),
    ("old", "2023-12-02", 10, 1, "delivery"),
    ("new", "2024-03-30", 20, 1, None),
    ("big", "2024-04-10", 5, 1, None),
    ("soon", "2024-04-05", 400, 1, "acceptance"),
    ("soon", "2024-04-20", 100, 2, None),
    ("slow", "2024-04-20", 9, 1, None),
)


def test_instalments_of_one_customer_make_one_alert_with_the_earliest_day():
    found = by_customer(payment_alerts(DUE, currency="EUR"), "payment_overdue")
    assert found["amount"].to_dict() == {"big": 900, "old": 10, "new": 20}
    assert found["severity"].to_dict() == {"big": "high", "old": "medium", "new": "low"}
    assert found.loc["big", "date"] == pd.Timestamp("2023-11-01")
    assert found.loc["big", "reason"] == "2 instalments: €900 overdue, for up to 151 days."
    assert found.loc["old", "reason"] == "delivery: €10.00 overdue, for 120 days."
    assert found.loc["big", "source"] == "payments: customer_id=big; due_on=2023-11-01,2024-03-01"
    assert found.loc["new", "action"] != found.loc["old", "action"]


def test_what_falls_due_presses_if_it_is_large_or_something_is_overdue():
    found = by_customer(payment_alerts(DUE, currency="EUR"), "payment_due")
    assert found["severity"].to_dict() == {"soon": "medium", "big": "medium", "slow": "low"}
    assert found.loc["soon", "reason"] == "3 instalments: €500 due, the first on 5 April 2024."
    assert found.loc["slow", "reason"] == "1 instalment: €9.00 due on 20 April 2024."


def test_a_contract_ends_and_an_opportunity_stalls():
    ending = due(("a", "2024-04-15", 500, 1, None), ("b", "2024-04-20", None, 1, None)).drop(columns="milestone")
    found = contract_alerts(ending, currency="EUR").set_index("customer_id")
    assert found["severity"].to_dict() == {"a": "medium", "b": "low"}
    assert found["reason"].tolist() == [
        "A contract of €500 ends on 15 April 2024.",
        "A contract ends on 20 April 2024.",
    ]
    assert found.loc["b", "source"] == "contracts: customer_id=b; end=2024-04-20"
    assert np.isnan(found.loc["b", "amount"])
    stalled = ending.rename(columns={"due_on": "opened_on"}).assign(days=50, usual_days=29.6)
    found = opportunity_alerts(stalled, currency="EUR").set_index("customer_id")
    assert found.loc["a", "reason"] == (
        "An opportunity of 15 April 2024 has been open for 50 days; nearly all that were won took 30 days at most."
    )
    assert found.loc["a", "source"] == "opportunities: customer_id=a; opened_on=2024-04-15"


def answers(*rows):
    columns = ["customer_id", "last_on", "last_nps", "nps_before", "last_csat", "csat_before"]
    found = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[2:], float))
    return found.assign(last_on=pd.to_datetime(found["last_on"]), answers=2)


ANSWERS = answers(
    ("fell", "2024-03-01", 5, 8, 5, 5),
    ("turned", "2024-03-02", 6, 9, None, None),
    ("steady", "2024-03-03", 6, 8.5, 1, 5),  # the recommendation counts, where there is one
    ("csat", "2024-03-04", None, None, 2, 4),
    ("long_ago", "2023-03-01", 0, 10, None, None),
    ("first", "2024-03-01", 0, None, None, None),
)
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["fell", "turned", "safe", "csat"],
        "clv": [900.0, 100.0, 5000.0, None],
        "churn_value_at_risk": [30.0, None, 2.0, None],
        "silence_value_at_risk": [99.0, 7.0, None, None],
    }
)


def test_whose_satisfaction_fell():
    found = satisfaction_alerts(ANSWERS, CUSTOMERS, as_of=DAY).set_index("customer_id")
    assert found["severity"].to_dict() == {"fell": "high", "turned": "medium", "csat": "medium"}
    assert found.loc["fell", ["amount", "value_at_risk"]].tolist() == [900, 30]
    assert found.loc["turned", "value_at_risk"] == 7
    assert found.loc["fell", "reason"] == "Would recommend at 5 of 10 on 1 March 2024, 8.0 on average before."
    assert found.loc["turned", "reason"].startswith("A promoter turned detractor: 6 of 10 on 2 March 2024, 9.0 on")
    assert found.loc["csat", "reason"] == "Satisfaction of 2.0 on 4 March 2024, 4.0 on average before."
    assert found.loc["fell", "source"] == "surveys: customer_id=fell; date=..2024-03-01"
    assert set(satisfaction_alerts(ANSWERS, as_of=DAY)["severity"]) == {"medium"}


KEYS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "fell"],
        "existing_value": [50.0, 40.0, 30.0, 0.0, 20.0],
        "risk_tier": ["default", "high", "low", "default", None],
        "churn_at_risk": [False, True, False, True, np.nan],
        "silence_at_risk": ["False", "True", "False", "True", np.nan],
    }
)


def test_key_accounts_have_one_alert_with_all_reasons():
    found = key_account_alerts(KEYS, ANSWERS, as_of=DAY, top=4).set_index("customer_id")
    assert found["severity"].to_dict() == {"a": "high", "b": "high", "fell": "medium"}
    assert found.loc["b", "reason"] == "One of the 4 largest customers: high risk of default; may leave."
    assert (
        found.loc["fell", "source"] == "customers.csv: customer_id=fell | surveys: customer_id=fell; date=..2024-03-01"
    )
    assert key_account_alerts(KEYS, as_of=DAY, top=1).index.size == 1
    with pytest.raises(FitError, match="what the customers are worth is not known"):
        key_account_alerts(KEYS.drop(columns="existing_value"), as_of=DAY)


def test_everything_together_is_counted_and_nobody_is_named():
    parts = [payment_alerts(DUE, currency="EUR"), satisfaction_alerts(ANSWERS, CUSTOMERS, as_of=DAY)]
    found = all_alerts(*parts, Absent("no contracts"), customers=[*"abcdefgh", "big", "fell"], currency="EUR")
    assert list(found.frame) == list(COLUMNS)
    assert found.table().to_numpy().tolist()[:2] == [["Late payment", 1, 1, 1, 930], ["Due soon", 0, 2, 1, 514]]
    assert found.summary() == (
        "Of 16 customers, 6 (37.5%) need attention, 2 urgently. €930 is overdue, €514 falls due soon. "
        "Not looked for: no contracts."
    )
    assert not set(found.frame["customer_id"]) & set(found.table().to_numpy().ravel())
    assert found.metrics()["customers_warned_share"].value == 6 / 16
    assert found.frame["severity"].map(SEVERITIES.index).is_monotonic_increasing
    with pytest.raises(ValueError, match="one alert per customer and kind, got payment_overdue twice"):
        all_alerts(parts[0], parts[0], customers=[])


def test_nothing_to_warn_of():
    empty = all_alerts(payment_alerts(DUE.head(0)), contract_alerts(DUE.head(0)), customers=["a"])
    assert (len(empty.frame), empty.summary()) == (
        0,
        "Apart from those who may leave, no single customer needs attention now.",
    )
    assert empty.table().empty and list(empty.table()) == ["kind", "high", "medium", "low", "amount"]
    assert satisfaction_alerts(ANSWERS.head(0), as_of=DAY).empty
    assert key_account_alerts(KEYS.assign(existing_value=0.0), ANSWERS, as_of=DAY).empty
    stalled = DUE.head(0).rename(columns={"due_on": "opened_on"}).assign(usual_days=1.0)
    assert opportunity_alerts(stalled).empty
    absent = all_alerts(Absent("no payments"), customers=Absent("nobody is known"))
    assert (absent.metrics(), absent.summary()) == (
        {},
        "Apart from those who may leave, no single customer needs attention now. Not looked for: no payments.",
    )


def test_where_customers_are_not_known_there_is_no_share():
    found = all_alerts(payment_alerts(DUE.head(1), currency="EUR"), customers=Absent("nobody is known"), currency="EUR")
    assert found.summary() == "1 customer needs attention, 1 urgently. €600 is overdue."


def test_large_are_those_that_make_up_half():
    assert large(pd.Series([5.0, 5.0, 1.0, np.nan, 0.0])).tolist() == [True, True, False, False, False]
    assert not large(pd.Series([0.0, np.nan])).any()
    assert large(pd.Series(dtype=float)).tolist() == []
    assert alert_rows([]).columns.tolist() == list(COLUMNS)
    assert (
        source("t", a=[pd.Timestamp("2024-01-02"), "x"], b=(date(2024, 1, 1), 5))
        == "t: a=2024-01-02,x; b=2024-01-01..5"
    )


ROW = st.tuples(
    st.sampled_from("abcde"),
    st.sampled_from(["2023-10-01", "2024-03-30", "2024-04-01"]),
    st.sampled_from([1.0, 5.0, 5.0, 700.0]),
    st.just(1),
    st.none(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=10, unique_by=lambda row: row[:2]), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_amounts_add_up(rows, chance):
    found = payment_alerts(due(*rows))
    pd.testing.assert_frame_equal(found, payment_alerts(due(*chance.sample(rows, len(rows)))))
    assert found["amount"].sum() == pytest.approx(sum(row[2] for row in rows))
    assert not found.duplicated(["customer_id", "kind"]).any()


@pytest.fixture
def xinglin(example):
    client = crmlab.open("xinglin", "2026-06-30")
    names = ("payments", "contracts", "opportunities", "surveys")
    return client, {name: client.table(name).collect().to_pandas() for name in names}


def test_every_alert_of_xinglin_is_found_again_in_the_tables(xinglin):
    client, tables = xinglin
    day, end = client.as_of, pd.Timestamp(client.as_of)
    stalled = stalled_opportunities(client.table("opportunities"), until=day, usual_share=0.7)
    parts = [
        payment_alerts(payments_due(client.table("payments"), until=day)),
        contract_alerts(contracts_ending(client.table("contracts"), until=day)),
        opportunity_alerts(stalled),
        satisfaction_alerts(customer_answers(client.table("surveys"), until=day), as_of=day),
    ]
    found = all_alerts(*parts, customers=[]).frame
    assert set(found["kind"]) == {
        "payment_overdue",
        "payment_due",
        "contract_end",
        "opportunity_stalled",
        "satisfaction_fall",
    }
    for alert in found.groupby("kind").head(25).itertuples():
        ((table, rows),) = traced(alert.source, tables).items()
        assert set(rows["customer_id"]) == {alert.customer_id}
        if table == "payments":
            received = rows["paid_amount"].where(~(rows["paid_on"] > end), 0).fillna(0)
            assert (rows["amount"] - received).sum() == pytest.approx(alert.amount)
            assert rows["due_on"].min() == alert.date
        elif table == "surveys":
            scores = rows.dropna(subset=["nps", "csat"], how="all").sort_values("date")
            assert scores["date"].iloc[-1].normalize() == alert.date
        else:
            assert rows["value" if table == "contracts" else "amount"].sum() == pytest.approx(alert.amount)


def test_xinglin_is_counted_as_pandas_counts_it(xinglin):
    client, tables = xinglin
    rows, end = tables["payments"], pd.Timestamp(client.as_of)
    unpaid = rows[rows["paid_on"].isna() | (rows["paid_on"] > end)]
    found = all_alerts(payment_alerts(payments_due(client.table("payments"), until=client.as_of)), customers=[])
    counts = found.counts().set_index("kind")[list(SEVERITIES)].sum(axis=1)
    assert counts["payment_overdue"] == unpaid.loc[unpaid["due_on"] < end, "customer_id"].nunique()
    soon = unpaid[(unpaid["due_on"] >= end) & (unpaid["due_on"] <= end + pd.Timedelta(days=30))]
    assert counts["payment_due"] == soon["customer_id"].nunique()


def test_later_answers_and_payments_change_no_alert(xinglin):
    client, tables = xinglin
    day, end = client.as_of, pd.Timestamp(client.as_of)
    later = {name: tables[name].copy() for name in ("payments", "surveys")}
    later["payments"].loc[later["payments"]["paid_on"] > end, "paid_amount"] = 0.0
    answered = pd.DataFrame({"customer_id": ["C00001"], "date": [end + pd.Timedelta(days=1)], "nps": [0]})
    later["surveys"] = pd.concat([later["surveys"], answered])
    for name, function, alerts in (
        ("payments", payments_due, payment_alerts),
        ("surveys", customer_answers, lambda frame: satisfaction_alerts(frame, as_of=day)),
    ):
        first, second = (alerts(function(frames[name], until=day)) for frames in (tables, later))
        pd.testing.assert_frame_equal(first, second)


def test_where_no_answer_fell_nobody_is_less_satisfied():
    answers = pd.DataFrame(
        {"customer_id": ["a", "b"], "answers": 2, "last_on": pd.to_datetime(["2024-05-01"] * 2), "last_nps": [9.0, 10],
         "nps_before": [8.0, 9], "last_csat": [5.0, 5], "csat_before": [5.0, 5]}
    )  # fmt: skip
    assert satisfaction_alerts(answers, as_of=date(2024, 6, 30)).empty
