"""customers.csv: what the reports of a date say of each customer, in one file."""

import csv
import os
import stat

import pytest

from crmlab.report.customers import join

VALUE = 'customer_id,clv,segment\nA2,5.5,Loyal\nA1,7,"Lost, long ago"\n'
CHURN = "customer_id,p_leaves\nA3,0.1\nA1,0.9\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "day" / "confidential" / "customers").mkdir(parents=True)
    (tmp_path / "staging").mkdir()
    return tmp_path / "day"


def put(folder, name, text):
    (folder / "confidential" / "customers" / f"{name}.csv").write_text(text, encoding="utf-8")


def joined(folder):
    join(folder, folder.parent / "staging")
    with (folder / "confidential" / "customers.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def test_every_customer_of_any_report_has_one_row(folder):
    put(folder, "value_analysis", VALUE)
    put(folder, "churn_modelling", CHURN)
    assert joined(folder) == [
        ["customer_id", "p_leaves", "clv", "segment"],
        ["A1", "0.9", "7", "Lost, long ago"],
        ["A2", "", "5.5", "Loyal"],
        ["A3", "0.1", "", ""],
    ]


def test_the_owner_alone_may_read_it(folder):
    put(folder, "value_analysis", VALUE)
    joined(folder)
    assert stat.S_IMODE((folder / "confidential" / "customers.csv").stat().st_mode) == 0o600


def test_it_is_written_again_only_if_a_part_is_newer(folder):
    put(folder, "value_analysis", VALUE)
    joined(folder)
    later = (folder / "confidential" / "customers.csv").stat().st_mtime_ns + 10**9
    os.utime(folder / "confidential" / "customers.csv", ns=(later, later))
    joined(folder)
    assert (folder / "confidential" / "customers.csv").stat().st_mtime_ns == later
    put(folder, "churn_modelling", CHURN)
    os.utime(folder / "confidential" / "customers" / "churn_modelling.csv", ns=(later + 1, later + 1))
    assert len(joined(folder)[0]) == 4


def test_it_goes_with_its_last_part(folder):
    put(folder, "value_analysis", VALUE)
    joined(folder)
    (folder / "confidential" / "customers" / "value_analysis.csv").unlink()
    join(folder, folder.parent / "staging")
    assert not (folder / "confidential" / "customers.csv").exists()
    join(folder.parent / "another day", folder.parent / "staging")
