"""Clients whose tables hold next to nothing, or nothing that varies: each gets a report, or one clear sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from crmlab.cli import main

ROOT = Path(__file__).parents[1]
AS_OF = "2025-12-31"


def purchases(customers: int, each: int, amount=10.0) -> pd.DataFrame:
    """So many purchases of each customer, spread over two years."""
    rng = np.random.default_rng(customers + each)
    days = rng.integers(0, 730, customers * each)
    return pd.DataFrame(
        {
            "customer_id": [f"K{number:03d}" for number in np.repeat(np.arange(customers), each)],
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"),
            "amount": amount if np.isscalar(amount) else amount(rng, len(days)),
        }
    )


def contracts(starts, ends) -> pd.DataFrame:
    ids = [f"K{number:03d}" for number in range(len(starts))]
    return pd.DataFrame({"customer_id": ids, "start": starts, "end": ends, "value": 100.0})


def months(first: str, count: int) -> list[str]:
    return [str(day.date()) for day in pd.date_range(first, periods=count, freq="MS")]


def answers(scores) -> pd.DataFrame:
    ids = [f"K{number:03d}" for number in range(len(scores))]
    return pd.DataFrame({"date": "2025-06-15", "customer_id": ids, "nps": scores, "csat": 5})


def required_alone() -> dict[str, pd.DataFrame]:
    """Contracts, cases and answers with no column more than the contract of tables asks for."""
    rng = np.random.default_rng(7)
    starts = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, 200), unit="D")
    ends = starts + pd.to_timedelta(rng.integers(40, 1500, 200), unit="D")
    ran = contracts(starts, ends.where(ends <= AS_OF)).drop(columns="value")
    cases = ran[["customer_id"]].assign(opened_at=starts + pd.Timedelta(days=30))
    return {"contracts": ran, "interactions": cases, "surveys": answers([9, 4] * 50)[["date", "nps"]]}


def flows(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["date", "kind", "category", "amount"]).assign(scenario="actual")


def reached(treated: int, others: int) -> pd.DataFrame:
    ids = [f"K{number:03d}" for number in range(treated + others)]
    flags = ["true"] * treated + ["false"] * others
    return pd.DataFrame({"customer_id": ids, "treated": flags, "from_date": ["2025-01-01"] * treated + [""] * others})


def varied(rng, n):
    return rng.gamma(5.0, 4.0, n).round(2)


BUYERS = purchases(40, 20, varied)
COST = ("2025-01-15", "cost", "licence", 1000)
CLIENTS = {
    "one_customer": {"transactions": purchases(1, 6)},
    "one_row": {"transactions": purchases(1, 1)},
    "refunds_only": {"transactions": purchases(3, 2, -5.0)},
    "nobody_returns": {"transactions": purchases(40, 1, varied)},
    "all_for_free": {"transactions": purchases(20, 4, 0.0)},
    "all_alike": {"transactions": purchases(30, 5)},
    "nobody_left": {"contracts": contracts(months("2024-01-01", 20), [""] * 20)},
    "everybody_left": {"contracts": contracts(months("2023-01-01", 20), ["2025-06-30"] * 20)},
    "required_columns_alone": required_alone(),
    "one_cohort": {"contracts": contracts(["2024-01-01"] * 30, ["2024-06-30"] * 10 + [""] * 20)},
    "one_contract": {"contracts": contracts(["2025-12-01"], [""])},
    "ten_promoters": {"surveys": answers([10] * 10)},
    "three_answers": {"surveys": answers([0, 7, 10])},
    "no_answer": {"surveys": answers([""] * 12).assign(csat="")},
    "satisfaction_alone": {"surveys": answers([9] * 40).drop(columns="nps").assign(csat=[2, 4, 5, 5] * 10)},
    "nobody_named": {"surveys": answers([9, 3] * 20).drop(columns="customer_id"), "transactions": purchases(40, 1)},
    "other_scale": {"surveys": answers([1, 2, 3, 4, 5] * 20)},
    "one_treated": {
        "transactions": purchases(40, 20, varied),
        "exposure": reached(1, 39),
        "crm_cashflows": flows(COST),
    },
    "no_control": {"transactions": BUYERS, "exposure": reached(40, 0), "crm_cashflows": flows(COST)},
    "no_cost": {"crm_cashflows": flows(("2025-02-01", "benefit", "hours saved", 500))},
    "costs_alone": {"crm_cashflows": flows(COST, ("2026-06-30", "cost", "licence", 1000))},
}
# it is not asked how wide intervals are
FEW_DRAWS = """
value_analysis: {draws: 40}
churn_modelling: {draws: 40}
nps_analysis: {draws: 40}
roi_evaluation: {simulations: 1000}
crm_diagnosis: {draws: 400, back_test_dates: 1}
"""
# what no report can be made of, and why
FAILS = {
    "all_for_free": "`revenue` must be above zero for at least one customer, got none among 20",
    "refunds_only": "holds refunds only up to 2025-12-31, no purchase",
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """By client and notebook, what became of it."""
    root = tmp_path_factory.mktemp("degenerate")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    for client, tables in CLIENTS.items():
        (root / "data" / client).mkdir(parents=True)
        lines = [f"client: {client}", "currency: EUR", f"as_of: {AS_OF}", "data:"]
        for name, table in tables.items():
            table.to_csv(root / f"data/{client}/{name}.csv", index=False)
            lines += [f"  {name}:", f"    source: data/{client}/{name}.csv"]
        (root / "params").mkdir(exist_ok=True)
        (root / f"params/{client}.yaml").write_text("\n".join(lines) + FEW_DRAWS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        result = CliRunner().invoke(main, ["report", "--quiet"], catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output
    found = {}
    for path in (root / "reports").glob("*/*/*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        found[record["client"], record["notebook"]] = record
    return found


@pytest.mark.parametrize("client", CLIENTS)
def test_each_gets_a_report_or_one_sentence(records, client):
    statuses = {notebook: record for (name, notebook), record in records.items() if name == client}
    assert statuses
    for notebook, record in statuses.items():
        if record["status"] == "failed":
            assert client in FAILS and FAILS[client] in record["reason"], (notebook, record["reason"])
            assert "\n" not in record["reason"].strip() and "Traceback" not in record["reason"]
            continue
        for name, metric in record["metrics"].items():
            if name == "rating":
                assert metric["value"] in "ABCDE"
                continue
            assert np.isfinite(metric["value"]), (notebook, name)
            assert metric["low"] is None or metric["low"] <= metric["value"] <= metric["high"], (notebook, name)
    assert client in FAILS or any(record["status"] == "ok" for record in statuses.values())


def metric(records, client: str, notebook: str, name: str) -> dict:
    return records[client, notebook]["metrics"][name]


def test_what_can_be_said_is_said(records):
    assert metric(records, "one_customer", "value_analysis", "customers")["value"] == 1
    assert metric(records, "nobody_returns", "value_analysis", "repeat_share")["value"] == 0
    assert metric(records, "nobody_left", "churn_modelling", "churn_rate")["value"] == 0
    assert metric(records, "everybody_left", "churn_modelling", "retention_rate")["value"] == 0
    promoters = metric(records, "ten_promoters", "nps_analysis", "nps")
    assert promoters["value"] == promoters["high"] == 100 and promoters["low"] < 60
    assert metric(records, "costs_alone", "roi_evaluation", "npv")["value"] < 0
    assert "roi" not in records["no_cost", "roi_evaluation"]["metrics"]
