"""alerts.csv: what the reports of a date warn of, in one file."""

import csv
import os
import stat
from datetime import date

import pandas as pd
import pytest

from crmlab import publication
from crmlab.absence import Absent
from crmlab.report import alerts
from crmlab.report.alerts import join

HEADER = "customer_id,as_of,kind,severity,reason,action,value_at_risk,currency\n"
CHURN = HEADER + (
    'A2,2024-03-31,churn,medium,"Slow answers, complaints",Call,900,USD\n'
    "A1,2024-03-31,churn,high,Slow answers,Call,20,USD\n"
    "A3,2024-03-31,churn,high,,Call,300.5,USD\n"
)
DUE = HEADER + ",2024-03-31,milestone,high,Delivery is late,Ask,,USD\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "day" / "alerts").mkdir(parents=True)
    (tmp_path / "staging").mkdir()
    return tmp_path / "day"


def put(folder, name, text):
    (folder / "alerts" / f"{name}.csv").write_text(text, encoding="utf-8")


def joined(folder):
    join(folder, folder.parent / "staging")
    with (folder / "alerts.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_most_pressing_come_first_whatever_report_they_are_from(folder):
    put(folder, "churn_modelling", CHURN)
    put(folder, "crm_diagnosis", DUE)
    rows = joined(folder)
    assert [row["customer_id"] for row in rows] == ["A3", "A1", "", "A2"]
    assert rows[-1]["reason"] == "Slow answers, complaints"
    assert list(rows[0]) == list(publication.ALERT_COLUMNS)


def test_severities_are_those_that_notebooks_may_give():
    assert alerts.SEVERITIES == publication.SEVERITIES


def test_the_owner_alone_may_read_it(folder):
    put(folder, "churn_modelling", CHURN)
    joined(folder)
    assert stat.S_IMODE((folder / "alerts.csv").stat().st_mode) == 0o600


def test_it_is_written_again_only_if_a_part_is_newer(folder):
    put(folder, "churn_modelling", CHURN)
    joined(folder)
    later = (folder / "alerts.csv").stat().st_mtime_ns + 10**9
    os.utime(folder / "alerts.csv", ns=(later, later))
    assert len(joined(folder)) == 3
    assert (folder / "alerts.csv").stat().st_mtime_ns == later
    put(folder, "crm_diagnosis", DUE)
    os.utime(folder / "alerts" / "crm_diagnosis.csv", ns=(later + 1, later + 1))
    assert len(joined(folder)) == 4


def test_no_alert_is_said_by_a_file_without_rows(folder):
    put(folder, "churn_modelling", HEADER)
    assert joined(folder) == []
    assert (folder / "alerts.csv").read_text(encoding="utf-8-sig") == HEADER


def test_it_goes_with_its_last_part(folder):
    put(folder, "churn_modelling", CHURN)
    joined(folder)
    (folder / "alerts" / "churn_modelling.csv").unlink()
    join(folder, folder.parent / "staging")
    assert not (folder / "alerts.csv").exists()


WARNED = pd.DataFrame(
    {"customer_id": ["7"], "kind": "churn", "severity": "high", "reason": "slow", "action": "call", "rank": 1}
)
ABOUT = {"metrics": {}, "models": {}, "customers": [], "data": {}, "period": None, "currency": "EUR"}


def handed_over(tmp_path, *frames):
    publication.write(tmp_path / "out.json", alerts=frames, as_of=date(2024, 3, 31), **ABOUT)
    path = tmp_path / "out.json.alerts.csv"
    return path.read_text(encoding="utf-8") if path.exists() else None


def test_a_notebook_says_only_what_the_run_does_not_know(tmp_path):
    valued = WARNED.assign(value_at_risk=1 / 3)
    assert handed_over(tmp_path, WARNED, Absent("no contracts"), valued) == HEADER + (
        "7,2024-03-31,churn,high,slow,call,,EUR\n7,2024-03-31,churn,high,slow,call,0.333333,EUR\n"
    )


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
    import crmlab

    client = crmlab.open("acme")
    monkeypatch.setenv("CRMLAB_PUBLISH", str(small.root / "out.json"))
    client.publish(alerts=[WARNED])
    assert (small.root / "out.json.alerts.csv").read_text() == HEADER + "7,2024-03-31,churn,high,slow,call,,USD\n"
