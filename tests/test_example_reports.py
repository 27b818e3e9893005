"""The notebooks on the example clients: as `crmlab report` runs them, as stock papermill does, as an analyst would."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

from crmlab.cli import main

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project's notebooks and clients with data of its own, reported on."""
    root = tmp_path_factory.mktemp("project")
    for folder in ("notebooks", "params"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns(".*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for command in (["data"], ["report"]):
            result = CliRunner().invoke(main, command, catch_exceptions=False)
            assert result.exit_code == 0, result.output
    return root


@pytest.fixture(scope="module")
def published(project):
    """By client, the published record and page."""
    found = {}
    for path in (project / "reports").glob("*/*/value_analysis.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["status"] == "ok":
            found[record["client"]] = (record, path.with_suffix(".html").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def records(project):
    """By client and notebook, what was published."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (project / "reports").glob("*/*/*.json")]
    return {(record["client"], record["notebook"]): record for record in found}


@pytest.fixture(scope="module")
def truth(project):
    return json.loads((project / "data/xinglin/truth.json").read_text(encoding="utf-8"))


CHURN = {"retention_rate", "churn_rate", "customers_at_risk", "value_at_risk"}
OF_CONTRACTS = CHURN | {"auc", "brier", "calibration_slope", "median_lifetime_months"}
NAMES = {
    ("cdnow", "churn_modelling"): CHURN,
    ("telco", "churn_modelling"): OF_CONTRACTS,
    ("xinglin", "churn_modelling"): OF_CONTRACTS,
    ("xinglin", "nps_analysis"): {
        *("nps", "responses", "promoter_share", "passive_share", "detractor_share", "csat", "response_rate"),
        *("reopen_rate", "response_within", "resolution_median_hours"),
    },
    ("xinglin", "roi_evaluation"): {
        *("roi", "npv", "irr", "payback_months", "benefits_pv", "costs_pv", "revenue_uplift"),
    },
    ("cdnow", "crm_diagnosis"): {"overall_score", "rating", "revenue_growth", "repurchase_rate", "debt_capacity"},
    ("telco", "crm_diagnosis"): {"overall_score", "retention_rate", "debt_capacity", "score_auc_left"},
    ("xinglin", "crm_diagnosis"): {
        *("overall_score", "rating", "score_understanding", "score_value", "score_experience", "score_retention"),
        *("score_risk", "csat", "nps", "retention_rate", "churn_rate", "cac", "clv_mean", "clv_to_cac"),
        *("new_customers_per_month", "conversion_rate", "project_success_rate", "response_median_hours"),
        *("response_within", "resolution_median_hours", "resolution_within", "reopen_rate", "renewal_rate"),
        *("revenue_growth", "top_10_share", "overdue_share", "default_rate", "expected_credit_loss_rate", "roi"),
        *("data_completeness", "debt_service_cover", "score_auc_left", "score_auc_paid_late", "score_auc_shrank"),
    },
}


@pytest.mark.parametrize("of", NAMES, ids="-".join)
def test_reports_publish_their_metrics_with_intervals(records, of):
    record = records[of]
    assert record["status"] == "ok"
    assert NAMES[of] <= set(record["metrics"])
    for name, metric in record["metrics"].items():
        assert metric["label"] and metric["n"] >= 0, name
        if name == "rating":
            assert metric["value"] in "ABCDE" and sum(metric["probabilities"].values()) == pytest.approx(1)
        elif metric["low"] is None:
            assert metric["no_interval"], name
        else:
            assert metric["low"] <= metric["value"] <= metric["high"], name


def test_a_report_is_skipped_where_its_tables_are_missing(records):
    skipped = {of: record["reason"] for of, record in records.items() if record["status"] == "skipped"}
    assert skipped == {
        ("cdnow", "nps_analysis"): "the client supplies no table surveys",
        ("cdnow", "roi_evaluation"): "the client supplies no table crm_cashflows",
        ("telco", "value_analysis"): "the client supplies no table transactions",
        ("telco", "nps_analysis"): "the client supplies no table surveys",
        ("telco", "roi_evaluation"): "the client supplies no table crm_cashflows",
    }


def test_telco_is_foretold_out_of_sample(records):
    metrics = records["telco", "churn_modelling"]["metrics"]
    assert metrics["auc"]["value"] >= 0.84
    assert 0.9 <= metrics["calibration_slope"]["value"] <= 1.1


def test_xinglins_programme_is_found_as_it_is(records, truth):
    metrics = records["xinglin", "roi_evaluation"]["metrics"]
    effect = metrics["margin_effect"]
    assert effect["low"] <= truth["programme"]["realised"]["margin_caused_per_customer_month"] <= effect["high"]
    caused = metrics["margin_caused"]
    assert caused["low"] <= truth["programme"]["realised"]["margin_caused"] <= caused["high"]
    assert effect["low"] > 0
    assert metrics["revenue_uplift"]["low"] <= 0 <= metrics["revenue_uplift"]["high"]


def test_xinglins_answers_and_their_drivers_are_found_as_they_are(records, truth):
    record = records["xinglin", "nps_analysis"]
    # but for the few answers that break the contract, or repeat one of the same day
    assert record["metrics"]["nps"]["value"] == pytest.approx(truth["nps"]["realised"]["answered"], abs=0.5)
    assert record["metrics"]["response_rate"]["value"] == pytest.approx(
        truth["nps"]["realised"]["response_rate"], abs=0.005
    )
    fitted = record["models"]["nps_drivers"]
    for name, value in truth["nps"]["drivers"].items():
        assert abs(fitted["params"][name] - value) < 4 * fitted["standard_errors"][name], name


def test_xinglins_hazard_is_found_as_it_is(records, truth):
    fitted = records["xinglin", "churn_modelling"]["models"]["hazard"]
    known = ("response_hours", "complaints_per_year", "days_past_due")
    for name in known:
        assert abs(fitted["params"][name] - truth["churn"][name]) < 4 * fitted["standard_errors"][name], name


def test_alerts_name_customers_for_the_client_alone(project, records):
    path = project / "reports/xinglin/2026-09-30/confidential/alerts.csv"
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    at_risk = records["xinglin", "churn_modelling"]["metrics"]
    for kind, name in (("churn", "customers_at_risk"), ("silence", "silent_customers_at_risk")):
        assert sum(row["kind"] == kind for row in rows) == at_risk[name]["value"]
    assert all(row["reason"] and row["action"] and row["severity"] in ("high", "medium", "low") for row in rows)
    ids = {row["customer_id"] for row in rows}
    for page in (project / "reports/xinglin").rglob("*.html"):
        named = set(re.findall(r"C\d{5}", page.read_text(encoding="utf-8")))
        assert not named & ids, page.name


def test_an_alert_leads_back_to_its_rows(project):
    listed = project / "reports/xinglin/2026-09-30/confidential/alerts.csv"
    with listed.open(encoding="utf-8-sig", newline="") as stream:
        alerts = [row for row in csv.DictReader(stream) if row["kind"] == "payment_overdue"]
    payments = pd.read_csv(project / "data/xinglin/payments.csv", dtype=str).drop_duplicates()
    assert len(alerts) > 100
    for alert in alerts[:40]:
        table, _colon, keys = alert["source"].partition(": ")
        wanted = dict(part.split("=") for part in keys.split("; "))
        assert table == "payments" and wanted["customer_id"] == alert["customer_id"]
        rows = payments[payments["customer_id"] == wanted["customer_id"]]
        rows = rows[rows["due_on"].isin(wanted["due_on"].split(","))]
        open_amount = rows["amount"].astype(float) - rows["paid_amount"].astype(float).fillna(0)
        assert open_amount.sum() == pytest.approx(float(alert["amount"]), abs=0.01)
        assert alert["date"] == rows["due_on"].min()


def test_the_diagnosis_says_what_it_lacks(records, project):
    page = (project / "reports/cdnow/1998-06-30/crm_diagnosis.html").read_text(encoding="utf-8")
    text = BeautifulSoup(page, "html.parser").get_text(" ")
    assert "Provisionally rated" in text and "Not known: Satisfaction, Payment discipline, Data" in text
    assert "the client supplies no table surveys" in text
    score = records["xinglin", "crm_diagnosis"]["models"]["score"]
    assert score["coverage"] == pytest.approx(1) and sum(
        each["weight"] for each in score["indicators"].values()
    ) == pytest.approx(1)


def test_cdnow_has_the_published_totals(published):
    record, _ = published["cdnow"]
    metrics = record["metrics"]
    assert record["as_of"] == "1998-06-30"
    assert metrics["customers"]["value"] == 23_570
    assert metrics["transactions"]["value"] == 69_659
    assert metrics["revenue"]["value"] == pytest.approx(2_500_315.63, abs=0.005)
    assert metrics["revenue"]["unit"] == "USD"
    assert record["data"]["transactions"] == {"rows": 69_659, "rejected": 0, "reasons": {}}


def test_cdnow_forecast_is_said_to_be_low(published):
    """BG/NBD forecasts the holdout of the master file about 14% too low; the bottom line has to say so."""
    record, page = published["cdnow"]
    bias = record["metrics"]["holdout_bias"]
    assert bias["high"] < -0.10
    assert bias["value"] == pytest.approx(-0.14, abs=0.01)
    lead = BeautifulSoup(page, "html.parser").select_one("#bottom-line").get_text(" ")
    assert "Read the total as cautious" in lead
    assert re.search(r"14\.\d% fewer purchases than came", lead)


@pytest.mark.parametrize("client", ["cdnow", "xinglin"])
def test_every_estimate_has_an_interval_or_says_why_it_has_none(published, client):
    record, _ = published[client]
    of_tables = {
        *("net_profit_share_top_20_percent", "cac", "clv_to_cac", "expected_credit_loss", "default_rate"),
        *("on_time_share", "days_past_due", "payment_cycle_days", "overdue_share", "overdue_amount", "to_come_amount"),
        *("expected_credit_loss_rate", "conversion_rate", "project_success_rate"),
    }
    assert set(record["metrics"]) == {
        *("customers", "transactions", "revenue", "top_20_percent_share", "gini", "repeat_share"),
        *("clv_total", "clv_mean", "holdout_bias", "holdout_mae"),
        *("revenue_growth", "new_customers_per_month", "top_10_share"),
        *(of_tables if client == "xinglin" else ()),
    }
    for name, metric in record["metrics"].items():
        if metric["low"] is None:
            assert metric["no_interval"], name
        else:
            assert metric["low"] <= metric["value"] <= metric["high"], name
        assert metric["label"], name
        # nobody was won in the last months of either
        assert metric["n"] > 0 or name == "new_customers_per_month", name


def test_xinglin_recovers_its_truth(published, truth):
    """Parameters within four standard errors of those that the data were drawn from."""
    record, _ = published["xinglin"]
    for model, section in (("bg_nbd", "purchases"), ("gamma_gamma", "spend")):
        fitted = record["models"][model]
        assert set(fitted["params"]) <= set(truth[section])
        for name, value in fitted["params"].items():
            assert abs(value - truth[section][name]) < 4 * fitted["standard_errors"][name], (model, name)
    assert record["metrics"]["holdout_bias"]["low"] <= 0 <= record["metrics"]["holdout_bias"]["high"]


def test_xinglins_dirty_rows_are_counted_and_shown(published, truth):
    record, page = published["xinglin"]
    dirty = [row for row in truth["dirty_rows"] if row["table"] == "transactions"]
    assert record["data"]["transactions"]["rejected"] == len(dirty) > 0
    text = BeautifulSoup(page, "html.parser").get_text(" ")
    for row in dirty:
        assert re.search(rf"\b{row['row']}\b", text), row


@pytest.mark.parametrize("client", ["cdnow", "xinglin"])
def test_a_page_is_one_small_file_that_asks_for_nothing(published, client):
    _, page = published[client]
    assert len(page.encode()) < 1_000_000
    soup = BeautifulSoup(page, "html.parser")
    assert not soup.select("script[src], link[rel=stylesheet], iframe, object, embed")
    for element in soup.select("[src]"):
        assert element["src"].startswith("data:")
    assert not re.search(r"url\((?!#|['\"]?data:|['\"]?#)", page)
    assert "@import" not in page
    assert "default-src 'none'" in soup.select_one("meta[http-equiv=Content-Security-Policy]")["content"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_open_to_every_reader(project, browser, scheme):
    """All reports of the examples, wide and narrow: axe, overflow, the console, and what the pages ask for."""
    from axe_playwright_python.sync_playwright import Axe

    # both schemes of one page are tried in test_pages_in_browser; here each page once
    found = (path for path in (project / "reports").glob("*/*/*.html") if ".failed" not in path.name)
    pages = sorted(path for path in found if (path.parts[-3] == "xinglin") == (scheme == "dark"))
    assert len(pages) >= 5
    for place, path in enumerate(pages):
        width = (1280, 390)[(place + (scheme == "dark")) % 2]
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page, heard, asked = context.new_page(), [], []
        page.on("console", lambda message, heard=heard: heard.append(message.text))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(path.as_uri())
        faults = [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in Axe().run(page).response["violations"]]
        assert not faults, (path.name, faults)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert not heard, path.name
        assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()], path.name
        context.close()


def outputs(notebook):
    """What the cells show, without the code's own numbering, and without the sliders that no run shows."""
    found = [cell["outputs"] for cell in notebook.cells if cell.cell_type == "code" for _ in cell["outputs"][:1]]
    for output in (each for cell in found for each in cell):
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return found


def test_stock_papermill_gives_the_same_numbers(project):
    flat = subprocess.run(
        [sys.executable, "-m", "crmlab.cli", "params", "cdnow", "value_analysis"],
        check=True, capture_output=True, text=True, cwd=project,
    ).stdout  # fmt: skip
    (project / "flat.yaml").write_text(flat, encoding="utf-8")
    # in the folder where JupyterLab starts a kernel
    command = ["papermill", "value_analysis.ipynb", "../out.ipynb", "-f", "../flat.yaml", "--no-progress-bar"]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, cwd=project / "notebooks")
    stock = nbformat.read(project / "out.ipynb", as_version=4)
    ours = nbformat.read(project / "reports/cdnow/1998-06-30/value_analysis.ipynb", as_version=4)
    assert len(outputs(ours)) > 15
    assert outputs(stock) == outputs(ours)
