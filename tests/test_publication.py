"""What a notebook hands over: alerts with every column that alerts.csv has, in an order that programs rely on."""

from datetime import date

import pandas as pd
import pytest

import crmlab
from crmlab import publication
from crmlab.absence import Absent

HEADER = "customer_id,as_of,kind,severity,reason,action,value_at_risk,currency,date,amount,source\n"
WARNED = pd.DataFrame(
    {"customer_id": ["7"], "kind": "churn", "severity": "high", "reason": "slow", "action": "call", "rank": 1}
)
ABOUT = {"metrics": {}, "models": {}, "customers": [], "data": {}, "period": None, "currency": "EUR"}


def handed_over(tmp_path, *frames):
    publication.write(tmp_path / "out.json", alerts=frames, as_of=date(2024, 3, 31), **ABOUT)
    path = tmp_path / "out.json.alerts.csv"
    return path.read_text(encoding="utf-8") if path.exists() else None


def test_a_notebook_says_only_what_the_run_does_not_know(tmp_path):
    row = "7,2024-03-31,churn,high,slow,call,,EUR,2024-03-31,,\n"
    assert handed_over(tmp_path, WARNED, Absent("no contracts"), WARNED) == HEADER + 2 * row


def test_amounts_are_whole_to_the_cent_and_days_are_days(tmp_path):
    due = WARNED.assign(value_at_risk=1 / 3, amount=15632569.84, date=pd.Timestamp("2024-04-02 10:00"), source="a: b=1")
    told = "7,2024-03-31,churn,high,slow,call,0.33,EUR,2024-04-02,15632569.84,a: b=1\n"
    assert handed_over(tmp_path, due) == HEADER + told


def test_columns_keep_their_order_and_new_ones_come_last():
    known = ("customer_id", "as_of", "kind", "severity", "reason", "action", "value_at_risk", "currency")
    assert publication.ALERT_COLUMNS[: len(known)] == known


def test_alerts_that_cannot_be_had_are_none_and_not_those_of_before(tmp_path):
    assert handed_over(tmp_path) is None
    assert handed_over(tmp_path, Absent("no contracts")) == HEADER
    assert handed_over(tmp_path, WARNED.head(0)) == HEADER


def test_alerts_are_checked(tmp_path):
    with pytest.raises(ValueError, match="must have the columns .*; missing: reason, action"):
        handed_over(tmp_path, WARNED.drop(columns=["reason", "action"]))
    with pytest.raises(ValueError, match="must have a severity among high, medium, low, got 'urgent'"):
        handed_over(tmp_path, WARNED.assign(severity="urgent"))


def test_a_client_hands_over_its_own_day_and_currency(small, monkeypatch):
    client = crmlab.open("acme")
    monkeypatch.setenv("CRMLAB_PUBLISH", str(small.root / "out.json"))
    client.publish(alerts=[WARNED])
    row = "7,2024-03-31,churn,high,slow,call,,USD,2024-03-31,,\n"
    assert (small.root / "out.json.alerts.csv").read_text() == HEADER + row
