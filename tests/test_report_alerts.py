"""alerts.csv: what the reports of a date warn of, in one file."""

import csv
import os
import stat

import pytest

from crmlab import publication
from crmlab.report import alerts
from crmlab.report.alerts import join

HEADER = "customer_id,as_of,kind,severity,reason,action,value_at_risk,currency,date,amount,source\n"
CHURN = HEADER + (
    'A2,2024-03-31,churn,medium,"Slow answers, complaints",Call,900,USD,2024-03-31,,\n'
    "A1,2024-03-31,churn,high,Slow answers,Call,20,USD,2024-03-31,,\n"
    "A3,2024-03-31,churn,high,,Call,300.5,USD,2024-03-31,,\n"
)
DUE = HEADER + (
    ",2024-03-31,milestone,high,Delivery is late,Ask,,USD,2024-04-02,,\n"
    "A4,2024-03-31,payment_overdue,high,Late,Remind,,USD,2024-02-01,150,payments: customer_id=A4; due_on=2024-02-01\n"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "day" / "confidential" / "alerts").mkdir(parents=True)
    (tmp_path / "staging").mkdir()
    return tmp_path / "day"


def put(folder, name, text):
    (folder / "confidential" / "alerts" / f"{name}.csv").write_text(text, encoding="utf-8")


def joined(folder):
    join(folder, folder.parent / "staging")
    with (folder / "confidential" / "alerts.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_most_pressing_come_first_whatever_report_they_are_from(folder):
    put(folder, "churn_modelling", CHURN)
    put(folder, "crm_diagnosis", DUE)
    rows = joined(folder)
    assert [row["customer_id"] for row in rows] == ["A3", "A4", "A1", "", "A2"]
    assert rows[-1]["reason"] == "Slow answers, complaints"
    assert list(rows[0]) == list(publication.ALERT_COLUMNS)


def test_a_file_from_before_there_were_amounts_is_joined(folder):
    put(folder, "churn_modelling", "customer_id,kind,severity,value_at_risk\nA5,churn,high,\n")
    put(folder, "crm_diagnosis", DUE)
    assert [row["customer_id"] for row in joined(folder)] == ["A4", "A5", ""]


def test_severities_are_those_that_notebooks_may_give():
    assert alerts.SEVERITIES == publication.SEVERITIES


def test_the_owner_alone_may_read_it(folder):
    put(folder, "churn_modelling", CHURN)
    joined(folder)
    assert stat.S_IMODE((folder / "confidential" / "alerts.csv").stat().st_mode) == 0o600


def test_it_is_written_again_only_if_a_part_is_newer(folder):
    put(folder, "churn_modelling", CHURN)
    joined(folder)
    later = (folder / "confidential" / "alerts.csv").stat().st_mtime_ns + 10**9
    os.utime(folder / "confidential" / "alerts.csv", ns=(later, later))
    assert len(joined(folder)) == 3
    assert (folder / "confidential" / "alerts.csv").stat().st_mtime_ns == later
    put(folder, "crm_diagnosis", DUE)
    os.utime(folder / "confidential" / "alerts" / "crm_diagnosis.csv", ns=(later + 1, later + 1))
    assert len(joined(folder)) == 5


def test_no_alert_is_said_by_a_file_without_rows(folder):
    put(folder, "churn_modelling", HEADER)
    assert joined(folder) == []
    assert (folder / "confidential" / "alerts.csv").read_text(encoding="utf-8-sig") == HEADER


def test_it_goes_with_its_last_part(folder):
    put(folder, "churn_modelling", CHURN)
    joined(folder)
    (folder / "confidential" / "alerts" / "churn_modelling.csv").unlink()
    join(folder, folder.parent / "staging")
    assert not (folder / "confidential" / "alerts.csv").exists()
