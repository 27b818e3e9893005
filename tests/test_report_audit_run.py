"""What runs enter into the audit log, and what they publish of a client whose reports are sealed; with real kernels."""

import json
import re
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner

from crmlab.cli import main
from crmlab.report import audit, seal
from crmlab.report.signing import VARIABLE as SIGNING
from tests.conftest import BASE, ROWS
from tests.test_report_faults import KILLED_BEFORE
from tests.test_report_seal import opened, parts

ANALYSIS = (
    "import crmlab, os, pandas as pd\nfrom crmlab import intervals\nclient = crmlab.open(client, as_of)",
    "'a finding ' + 'on Krasnodar'",
    "sorted(name for name in os.environ if name in ('CRMLAB_SEAL_PASSWORD', 'CRMLAB_SIGNING_KEY'))",
    "client.publish(metrics={'revenue': intervals.count(918273645, 'rows', 'Rows')},"
    " customers=[pd.DataFrame({'customer_id': ['1', '2'], 'clv': [1.0, 2.0]})])",
)
PASSWORD = "correct horse battery"
REPORT = "acme/2024-03-31/analysis"


@pytest.fixture
def acme(small, monkeypatch):
    monkeypatch.delenv(seal.VARIABLE, raising=False)
    monkeypatch.delenv(SIGNING, raising=False)
    small.notebook("analysis", *ANALYSIS)
    return small


@pytest.fixture
def protected(acme, monkeypatch):
    monkeypatch.setenv(seal.VARIABLE, PASSWORD)
    monkeypatch.setattr(seal, "ITERATIONS", 1)
    acme.write("params/acme.yaml", BASE + "protect: true\n")
    return acme


def crmlab(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def entries(small):
    return [json.loads(line) for line in (small.root / "reports" / audit.NAME).read_text().splitlines()]


def test_every_published_file_is_entered_and_verified(acme):
    assert crmlab("report").exit_code == 0
    report, pages = entries(acme)
    record = json.loads((acme.root / f"reports/{REPORT}.json").read_text())
    assert (report["event"], report["client"], report["notebook"]) == ("published", "acme", "analysis")
    assert report["data"] == record["inputs"]["data"] and report["fingerprint"] == record["fingerprint"]
    assert set(report["files"]) == {f"{REPORT}.{kind}" for kind in ("html", "json", "ipynb")} | {
        "acme/2024-03-31/confidential/customers/analysis.csv"
    }
    assert set(pages["files"]) == {"index.html", "acme/index.html", "acme/2024-03-31/confidential/customers.csv"}
    result = crmlab("verify")
    assert result.exit_code == 0, result.output
    assert "7 files, 2 entries of the audit log: all as they were published" in result.output
    # a run that makes nothing enters nothing
    assert crmlab("report").exit_code == 0 and len(entries(acme)) == 2


@pytest.mark.parametrize(
    "name", [f"{REPORT}.html", f"{REPORT}.json", "acme/2024-03-31/confidential/customers.csv", "index.html"]
)
def test_what_was_altered_is_named_and_made_again(acme, name):
    crmlab("report")
    path = acme.root / "reports" / name
    good = path.read_bytes()
    path.write_bytes(good.replace(b"918", b"919").replace(b"1", b"2", 1))
    result = crmlab("verify", "acme")
    assert result.exit_code == (name != "index.html")
    assert crmlab("verify").exit_code == 1
    assert f"{name}: was altered" in crmlab("verify").output
    assert crmlab("report").exit_code == 0
    assert crmlab("verify").exit_code == 0
    if name.endswith((".csv", "index.html")):
        assert path.read_bytes() == good


def test_failures_are_entered_and_their_end_is(acme):
    crmlab("report")
    acme.notebook("analysis", "1 / 0")
    assert crmlab("report").exit_code == 1
    assert crmlab("verify").exit_code == 0
    acme.notebook("analysis", *ANALYSIS)
    assert crmlab("report").exit_code == 0
    assert crmlab("verify").exit_code == 0
    assert [entry["event"] for entry in entries(acme)] == [
        "published",
        "pages",
        "failed",
        "pages",
        "published",
        "pages",
    ]
    assert entries(acme)[4]["files"][f"{REPORT}.failed.html"] is None


@pytest.mark.parametrize("name", ["analysis.html", "analysis.json", "customers.csv", audit.HEAD])
def test_a_run_killed_before_a_file_is_moved_is_mended_by_the_next(acme, name):
    command = [sys.executable, "-c", KILLED_BEFORE, name, "report"]
    assert subprocess.run(command, cwd=acme.root, capture_output=True).returncode == -9
    assert crmlab("report").exit_code == 0
    result = crmlab("verify")
    assert result.exit_code == 0, result.output


def test_no_notebook_sees_the_keys(protected, monkeypatch):
    monkeypatch.setenv(SIGNING, "ab" * 32)
    protected.write("params/acme.yaml", BASE)
    assert crmlab("report").exit_code == 0
    executed = json.loads((protected.root / f"reports/{REPORT}.ipynb").read_text())
    shown = ["".join(cell["outputs"][0]["data"]["text/plain"]) for cell in executed["cells"] if cell.get("outputs")]
    assert shown == ["'a finding on Krasnodar'", "[]"]


def test_a_protected_client_gets_sealed_pages_alone(protected):
    assert crmlab("report").exit_code == 0
    folder = protected.root / "reports"
    assert sorted(path.name for path in (folder / REPORT).parent.iterdir()) == [
        "analysis.html", "analysis.json", "confidential"
    ]  # fmt: skip
    page = opened(*parts((folder / f"{REPORT}.html").read_text(encoding="utf-8")), PASSWORD)
    assert "a finding on Krasnodar" in page and "<title>Acme Pumps: Analysis" in page
    for path in folder.rglob("*"):
        if path.is_file() and re.search(rb"Krasnodar|918[.,]?273", path.read_bytes()):
            assert path.name == "analysis.json", path
    for name in ("analysis.json", "confidential/customers.csv", "confidential/customers/analysis.csv"):
        assert stat.S_IMODE((folder / REPORT).with_name("x").parent.joinpath(name).stat().st_mode) == 0o600
    assert crmlab("verify").exit_code == 0
    assert re.search(r"reused +acme", crmlab("report").output)


def test_a_failure_of_a_protected_client_shows_nothing_either(protected):
    protected.notebook("analysis", *ANALYSIS[:2], "raise ValueError('Krasnodar owes 918273')")
    assert crmlab("report").exit_code == 1
    folder = protected.root / "reports"
    found = [path.name for path in folder.rglob("*") if path.is_file() and b"Krasnodar" in path.read_bytes()]
    assert found == []
    assert "Krasnodar owes" in opened(*parts((folder / f"{REPORT}.failed.html").read_text(encoding="utf-8")), PASSWORD)


def test_what_stood_in_the_clear_goes_when_a_client_is_protected(protected):
    protected.write("params/acme.yaml", BASE)
    crmlab("report")
    protected.write(f"reports/{REPORT}.pdf", "%PDF")
    protected.write("params/acme.yaml", BASE + "protect: true\n")
    result = crmlab("report", "--format", "pdf")
    assert re.search("built +acme .*changed: its client's settings", result.output)
    names = {path.name for path in (protected.root / "reports/acme/2024-03-31").iterdir()}
    assert names == {"analysis.html", "analysis.json", "confidential"}
    assert seal.is_sealed(protected.root / f"reports/{REPORT}.html")


def test_without_a_password_no_kernel_starts_for_a_protected_client(protected, monkeypatch):
    monkeypatch.delenv(seal.VARIABLE)
    result = crmlab("report")
    assert result.exit_code == 2
    assert result.stderr == "params/acme.yaml: protect: no password to seal reports with: set CRMLAB_SEAL_PASSWORD\n"
    assert not (protected.root / "reports/acme").exists()


def test_without_a_password_nobody_is_erased_from_a_protected_client(protected, monkeypatch):
    assert crmlab("report").exit_code == 0
    monkeypatch.delenv(seal.VARIABLE)
    result = crmlab("erase", "acme", "1")
    assert (result.exit_code, "protect: no password" in result.stderr) == (2, True)
    assert (protected.root / "data/acme/transactions.csv").read_text() == ROWS
    monkeypatch.setenv(seal.VARIABLE, PASSWORD)
    result = crmlab("erase", "acme", "1")
    assert result.exit_code == 0, result.output
    assert (protected.root / "data/acme/transactions.csv").read_text() == "".join(
        line for line in ROWS.splitlines(keepends=True) if not line.startswith("1,")
    )
    assert seal.is_sealed(protected.root / f"reports/{REPORT}.html")
    assert crmlab("verify").exit_code == 0
