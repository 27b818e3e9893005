"""What reports published, read back as it was handed over."""

import json
from datetime import date

import pandas as pd
import pytest

from crmlab import findings, publication
from crmlab.absence import FitError
from crmlab.intervals import FULL_COUNT, Estimate
from crmlab.privacy import CONFIDENTIAL

NPS = Estimate(30.0, 25.0, 35.0, "points", 400, "NPS")
CUSTOMERS = Estimate(12, None, None, "customers", 12, "customers", no_interval=FULL_COUNT)


def publish(folder, notebook, metrics, status="ok", customers=()):
    """As a notebook and the run that made it would."""
    (folder / CONFIDENTIAL / "customers").mkdir(parents=True, exist_ok=True)
    target = folder / f"{notebook}.json"
    publication.write(
        target, metrics=metrics, models={}, customers=customers, as_of=date(2024, 3, 31), currency="USD", data={},
        period=None,
    )  # fmt: skip
    target.write_text(json.dumps(json.loads(target.read_text()) | {"status": status}))
    if (written := folder / f"{notebook}.json.csv").exists():
        written.rename(folder / CONFIDENTIAL / "customers" / f"{notebook}.csv")


def test_metrics_come_back_as_they_were(tmp_path):
    publish(tmp_path, "nps", {"nps": NPS})
    publish(tmp_path, "value", {"customers": CUSTOMERS})
    assert findings.metrics(tmp_path, ("nps", "value", "churn")) == {"nps": NPS, "customers": CUSTOMERS}


def test_what_failed_or_was_skipped_says_nothing(tmp_path):
    publish(tmp_path, "nps", {"nps": NPS}, status="skipped")
    publish(tmp_path, "value", {"customers": CUSTOMERS})
    (tmp_path / "value.failed.json").write_text("{}")
    assert findings.metrics(tmp_path, ("nps", "value")) == {}


def test_an_interval_that_json_cannot_hold_has_no_bound(tmp_path):
    publish(tmp_path, "roi", {"payback": Estimate(3.0, float("-inf"), float("inf"), "months", 9, "payback")})
    found = findings.metrics(tmp_path, ("roi",))["payback"]
    assert (found.value, found.low, found.no_interval) == (3.0, None, "it has no bound")


def test_customers_are_joined_by_id_and_ids_stay_text(tmp_path):
    values = pd.DataFrame({"customer_id": ["007", "NA"], "clv": [1.5, 2.5]})
    risks = pd.DataFrame({"customer_id": ["NA", "x"], "risk_tier": ["low", None]})
    publish(tmp_path, "value", {}, customers=[values])
    publish(tmp_path, "churn", {}, customers=[risks])
    publish(tmp_path, "old", {}, status="failed", customers=[risks])
    found = findings.customers(tmp_path, ("value", "churn", "old", "none"))
    assert found["customer_id"].tolist() == ["007", "NA", "x"]
    assert found["clv"].tolist()[:2] == [1.5, 2.5] and found["clv"].isna().tolist() == [False, False, True]
    assert found["risk_tier"].isna().tolist() == [True, False, True]


def test_without_customers_there_is_a_reason(tmp_path):
    publish(tmp_path, "nps", {"nps": NPS})
    with pytest.raises(FitError, match="says anything of single customers"):
        findings.customers(tmp_path, ("nps",))


def test_history_is_what_came_before_oldest_first(tmp_path):
    for day in ("2024-03-31", "2023-12-31", "2024-06-30"):
        publish(tmp_path / day, "crm_diagnosis", {"nps": NPS})
    (tmp_path / "notes").mkdir()
    found = findings.history(tmp_path, "crm_diagnosis", date(2024, 6, 30))
    assert [day for day, _metrics, _models in found] == [date(2023, 12, 31), date(2024, 3, 31)]
    assert found[0][1]["nps"]["value"] == 30.0 and found[0][2] == {}


def test_reasons_are_told_of_those_that_say_nothing(tmp_path):
    publish(tmp_path, "nps", {"nps": NPS})
    (tmp_path / "roi.json").write_text('{"status": "skipped", "reason": "the client supplies no table crm_cashflows"}')
    assert findings.reasons(tmp_path, ("nps", "roi", "churn")) == {
        "roi": "the client supplies no table crm_cashflows",
        "churn": "its report was not made",
    }
