"""The diagnosis at two as-of dates: what it reads of the other reports, of its own past, and what it warns of."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

from crmlab.cli import main
from tests.test_architecture import ROOT

EARLIER, LATER = "2024-06-30", "2025-06-30"
CLIENT = """client: Acme
currency: EUR
data:
  transactions:
    source: data/acme/transactions.csv
  surveys:
    source: data/acme/surveys.csv
  customers:
    source: data/acme/customers.csv
"""


@pytest.fixture(scope="module")
def dates(tmp_path_factory):
    """Reports of a firm that was well at first, and whose customers then buy half as much and are no longer pleased."""
    root = tmp_path_factory.mktemp("dates")
    (root / "notebooks").mkdir()
    # without the return on the programme, of which the firm says nothing
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        (root / "notebooks" / path.name).write_bytes(path.read_bytes())
    rng = np.random.default_rng(7)
    ids = [f"A{number:03d}" for number in range(120)]
    days = pd.date_range("2022-07-01", LATER)
    chance = np.where(days <= EARLIER, 0.02, 0.01)
    bought = [(customer, day) for customer in ids for day in days[rng.random(len(days)) < chance]]
    orders = pd.DataFrame(bought, columns=["customer_id", "date"]).assign(amount=rng.gamma(4, 25, len(bought)).round(2))
    asked = [(customer, f"{year}-05-{day:02d}") for year in (2023, 2024, 2025) for day, customer in enumerate(ids, 1)
             if day <= 28]  # fmt: skip
    answers = pd.DataFrame(asked, columns=["customer_id", "date"])
    pleased = answers["date"] < "2025"
    answers["nps"] = np.where(pleased, rng.integers(8, 11, len(answers)), rng.integers(2, 8, len(answers)))
    answers["csat"] = np.where(pleased, 5, 2)
    people = pd.DataFrame(
        {"customer_id": ids, "industry": ["wood", "paper"] * 60, "region": [""] * 30 + ["north"] * 90}
    )
    for name, table in (("transactions", orders), ("surveys", answers), ("customers", people)):
        (root / "data/acme").mkdir(parents=True, exist_ok=True)
        table.to_csv(root / f"data/acme/{name}.csv", index=False)
    (root / "params").mkdir()
    (root / "params/acme.yaml").write_text(CLIENT, encoding="utf-8")
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for day in (EARLIER, LATER):
            result = CliRunner().invoke(main, ["report", "--as-of", day, "--quiet"], catch_exceptions=False)
            assert result.exit_code == 0, result.output
            folder = root / "reports/acme" / day
            record = json.loads((folder / "crm_diagnosis.json").read_text(encoding="utf-8"))
            page = BeautifulSoup((folder / "crm_diagnosis.html").read_text(encoding="utf-8"), "html.parser")
            found[day] = (folder, record, page.get_text(" "))
    return found


def test_the_score_falls_with_what_it_is_made_of(dates):
    before, after = (dates[day][1]["metrics"] for day in (EARLIER, LATER))
    assert after["csat"]["value"] < 0.7 < 0.95 < before["csat"]["value"]
    assert after["score_experience"]["value"] < before["score_experience"]["value"] - 50
    assert after["overall_score"]["value"] < before["overall_score"]["value"] - 20
    assert after["rating"]["value"] > before["rating"]["value"]


def test_what_moved_the_score_is_told_and_adds_up(dates):
    assert "There is no diagnosis of an earlier date to compare with" in dates[EARLIER][2]
    assert "Since 30 June 2024, the score fell by" in dates[LATER][2]


def test_the_fall_is_an_alert_on_the_firm(dates):
    with (dates[LATER][0] / "confidential" / "alerts.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    firm = {row["kind"] for row in rows if not row["customer_id"]}
    assert {"score_fall", "nps_fall", "purchases_fall"} <= firm
    fallen = [row for row in rows if row["kind"] == "satisfaction_fall"]
    assert len(fallen) >= 20
    assert all(row["source"].startswith("surveys: customer_id=") for row in fallen)


def test_customers_get_strategy_and_score(dates):
    with (dates[LATER][0] / "confidential" / "customers.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 120
    assert all(row["strategy"] and 0 <= float(row["customer_score"]) <= 100 for row in rows)
    assert {row["satisfaction_level"] for row in rows} <= {"low", "medium", "high", ""}


def test_what_is_known_of_customers_is_counted(dates):
    # two of eight facts are in the file, one of them for three quarters of the customers
    assert dates[LATER][1]["metrics"]["data_completeness"]["value"] == pytest.approx(1.75 / 8)
