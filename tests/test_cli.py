"""The command as a user types it, with real kernels where a report is made."""

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from crmlab.cli import main
from tests.conftest import BASE, ROWS

ANALYSIS = (
    "import crmlab\nfrom crmlab import intervals\nclient = crmlab.open(client, as_of)",
    "rows = len(client.table('transactions').collect())\nhorizon_months",
    "client.publish(metrics={'rows': intervals.count(rows, 'rows', 'Rows')})",
)


def crmlab(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def files(folder):
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


@pytest.fixture
def reporting(small):
    """The small project with a notebook that publishes, and a second client."""
    small.notebook("analysis", *ANALYSIS)
    small.write("params/beta.yaml", BASE.replace("Acme Pumps", "贝塔 <script>alert(1)</script>"))
    return small


def test_report_publishes_html_json_notebook_and_index(reporting):
    result = crmlab("report")
    assert result.exit_code == 0, result.output
    reports = reporting.root / "reports"
    below = ["analysis.html", "analysis.ipynb", "analysis.json"]
    each = [*(f"2024-03-31/{file}" for file in below), "index.html"]
    top = ["audit.head.json", "audit.jsonl", "index.html"]
    assert files(reports) == sorted([*(f"{client}/{file}" for client in ("acme", "beta") for file in each), *top])
    record = json.loads((reports / "acme/2024-03-31/analysis.json").read_text())
    assert record["status"] == "ok"
    assert record["metrics"]["rows"]["value"] == 4
    assert record["data"] == {"transactions": {"rows": 4, "rejected": 0, "reasons": {}}}
    assert record["parameters"]["horizon_months"] == 12
    assert record["parameters"]["as_of"] == "2024-03-31"
    assert re.fullmatch("[0-9a-f]{64}", record["fingerprint"])
    assert re.search(r"built +acme +analysis +2024-03-31 +\d+\.\d s +new", result.stdout)
    assert "2 built, in " in result.stdout
    for page in ("acme/2024-03-31/analysis.html", "beta/2024-03-31/analysis.html", "index.html"):
        html = (reports / page).read_text()
        assert html.count("<script") == 1
        assert str(reporting.root) not in html
    assert "贝塔" in (reports / "index.html").read_text()
    executed = (reports / "acme/2024-03-31/analysis.ipynb").read_text()
    assert "papermill" not in executed
    assert str(reporting.root) not in executed


def test_the_same_inputs_give_the_same_bytes_but_for_provenance(reporting):
    pages = []
    for _ in range(2):
        assert crmlab("report", "acme", "--quiet").output == ""
        folder = reporting.root / "reports/acme/2024-03-31"
        record = json.loads((folder / "analysis.json").read_text())
        del record["provenance"]
        html = re.sub(r"<h2[^>]*>Provenance.*?</section>", "", (folder / "analysis.html").read_text(), flags=re.S)
        pages.append((json.dumps(record), html))
    assert pages[0] == pages[1]


def test_a_failing_notebook_keeps_the_earlier_report_and_spoils_no_other(reporting):
    assert crmlab("report").exit_code == 0
    folder = reporting.root / "reports/acme/2024-03-31"
    good = {name: (folder / name).read_bytes() for name in ("analysis.html", "analysis.json", "analysis.ipynb")}
    reporting.notebook("broken", "1 / 0", tables=["transactions"])
    reporting.notebook("analysis", *ANALYSIS[:1], "raise ValueError(f'{client.id} cannot')", *ANALYSIS[2:])
    reporting.notebook("third", *ANALYSIS)
    result = crmlab("report", "acme")
    assert result.exit_code == 1
    assert {name: (folder / name).read_bytes() for name in good} == good
    assert files(folder) == [
        *sorted([*good, "analysis.failed.html", "analysis.failed.json"]),
        *["broken.failed.html", "broken.failed.json", "broken.json"],
        *["third.html", "third.ipynb", "third.json"],
    ]
    failed = json.loads((folder / "analysis.failed.json").read_text())
    assert (failed["status"], failed["reason"]) == ("failed", "ValueError: acme cannot")
    assert json.loads((folder / "broken.json").read_text())["status"] == "failed"
    page = (folder / "analysis.failed.html").read_text()
    assert "acme cannot" in page
    assert 'href="analysis.html"' in page
    assert str(reporting.root) not in page
    index = (reporting.root / "reports/index.html").read_text()
    assert "acme/2024-03-31/analysis.failed.html" in index
    assert "ValueError: acme cannot" in result.output
    assert "see reports/acme/2024-03-31/analysis.failed.html" in result.output

    reporting.notebook("analysis", *ANALYSIS)
    crmlab("report", "acme", "--notebook", "analysis")
    assert "analysis.failed.html" not in files(folder)
    assert json.loads((folder / "analysis.json").read_text())["status"] == "ok"


def test_a_notebook_that_publishes_nothing_has_failed(reporting):
    reporting.notebook("analysis", "1 + 1")
    result = crmlab("report", "acme")
    assert result.exit_code == 1
    assert "ended without client.publish" in result.output


def test_a_kernel_that_dies_fails_its_own_report(reporting):
    reporting.notebook("dies", "import os\nos._exit(3)")
    result = crmlab("report", "acme")
    assert result.exit_code == 1
    assert re.search("failed +acme +dies .*KernelDied: the kernel ended by itself with code 3", result.output)
    assert re.search("built +acme +analysis", result.output)


def test_a_notebook_whose_table_is_missing_is_skipped_with_the_reason(reporting):
    reporting.notebook("pays", *ANALYSIS, tables=["transactions", "payments"])
    result = crmlab("report", "acme")
    assert result.exit_code == 0
    record = json.loads((reporting.root / "reports/acme/2024-03-31/pays.json").read_text())
    assert (record["status"], record["reason"]) == ("skipped", "the client supplies no table payments")
    assert "no table payments" in result.output
    assert "payments" in (reporting.root / "reports/index.html").read_text()


def test_earlier_dates_keep_their_folders(reporting):
    assert crmlab("report", "acme", "--as-of", "2024-01-31").exit_code == 0
    assert crmlab("report", "acme").exit_code == 0
    assert sorted(path.name for path in (reporting.root / "reports/acme").iterdir() if path.is_dir()) == [
        "2024-01-31", "2024-03-31",
    ]  # fmt: skip
    january = json.loads((reporting.root / "reports/acme/2024-01-31/analysis.json").read_text())
    assert january["metrics"]["rows"]["value"] == 2


@pytest.mark.parametrize(
    ("path", "text", "arguments", "line"),
    [
        ("params/acme.yaml", BASE + "analysis: {horizon_month: 1}\n", [], "did you mean horizon_months?"),
        ("params/acme.yaml", BASE + "client: x\n", [], "client is given twice"),
        ("params/acme.yaml", BASE + "analysis: {margin: x}\n", [], "analysis.margin must be a valid number, got 'x'"),
        ("params/acme.yaml", BASE + "as_of: 2024-02-30\n", [], "as_of must be a date"),
        ("params/acme.yaml", BASE.replace("transactions.csv", "t.csv"), [], "no such file: data/acme/t.csv"),
        ("data/acme/transactions.csv", ROWS.replace("amount", "value"), [], "has no column amount"),
        ("data/acme/transactions.csv", "customer_id,date,amount\n", [], "holds no rows"),
        ("data/acme/transactions.csv", ROWS.replace("-", "/13/"), [], "break the contract"),
        (".", None, ["acmee"], "no such client: acmee; did you mean acme?"),
        (".", None, ["--notebook", "analyses"], "no such notebook: analyses; did you mean analysis?"),
        (".", None, ["--as-of", "2024-02-30"], "--as-of must be a date (YYYY-MM-DD) or latest, got '2024-02-30'"),
        (".", None, ["--log", "none/log.jsonl"], "--log none/log.jsonl: cannot be written: No such file"),
        (".", None, ["--as-of", "2023-01-01"], "no row of transactions is dated up to 2023-01-01"),
        (".", None, ["--reports", "params/acme.yaml"], "acme.yaml: cannot hold reports: File exists"),
        (".", None, ["--params", "elsewhere"], "elsewhere: is not a folder of clients' files"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_two_before_anything_runs(small, path, text, arguments, line):
    if text is not None:
        small.write(path, text)
    result = crmlab("report", *arguments)
    assert result.exit_code == 2
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert not (small.root / "reports").exists()


def test_a_client_whose_input_is_wrong_fails_alone(reporting):
    reporting.write("params/beta.yaml", BASE + "engin: x\n")
    result = crmlab("report")
    assert result.exit_code == 1
    assert "params/beta.yaml: engin is not a parameter; did you mean engine?" in result.stderr
    assert re.search("built +acme", result.stdout)
    failure = json.loads((reporting.root / "reports/beta/failed.json").read_text())
    assert failure["reason"] == "params/beta.yaml: engin is not a parameter; did you mean engine?"
    assert "engin is not a parameter" in (reporting.root / "reports/index.html").read_text()

    reporting.write("params/beta.yaml", BASE)
    assert crmlab("report").exit_code == 0
    assert not (reporting.root / "reports/beta/failed.json").exists()
    assert "engin is not a parameter" not in (reporting.root / "reports/index.html").read_text()


def test_faults_of_all_clients_are_named_and_nothing_runs(reporting):
    for name in ("acme", "beta"):
        reporting.write(f"params/{name}.yaml", BASE + "engin: x\n")
    result = crmlab("report")
    assert result.exit_code == 2
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["params/acme.yaml", "params/beta.yaml"]
    assert not (reporting.root / "reports").exists()


def test_stock_papermill_gives_the_same_result_from_the_printed_parameters(reporting):
    reporting.write("params/acme.yaml", BASE + "analysis: {horizon_months: 7, since: 2024-01-01}\n")
    printed = crmlab("params", "acme", "analysis")
    assert printed.output.splitlines() == [
        "client: acme", "as_of: latest", "horizon_months: 7", "since: '2024-01-01'",
    ]  # fmt: skip
    flat = reporting.write("flat.yaml", printed.output)
    command = [sys.executable, "-m", "papermill", "notebooks/analysis.ipynb", "out.ipynb", "-f", str(flat)]
    subprocess.run(command, check=True, capture_output=True, cwd=reporting.root)
    crmlab("report", "acme")
    published = json.loads((reporting.root / "reports/acme/2024-03-31/analysis.ipynb").read_text())
    stock = json.loads((reporting.root / "out.ipynb").read_text())
    shown = [[c["outputs"] for c in n["cells"] if c["cell_type"] == "code"] for n in (stock, published)]
    assert shown[0] == shown[1]
    assert any("7" in str(output) for output in shown[0])


def test_another_folder_of_params_reaches_the_kernel(reporting):
    reporting.write("elsewhere/gamma.yaml", BASE)
    result = crmlab("report", "--params", "elsewhere", "--reports", "out", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert files(reporting.root / "out")[2:3] == ["gamma/2024-03-31/analysis.html"]


def test_files_of_others_among_the_reports_are_left_out_of_the_index_and_named(reporting):
    reporting.write("reports/foreign/notadate/x.json", "{")
    reporting.write("reports/foreign/2024-01-01/x.json", "{")
    reporting.write("reports/foreign/2024-01-01/y.json", '{"a": 1}')
    result = crmlab("report", "acme", "--quiet")
    assert result.exit_code == 0
    named = re.findall(r"(\w+\.json): left out of the index: ", result.stderr)
    assert (named, len(result.stderr.splitlines())) == (["x.json", "y.json"], 2)
    assert "Acme Pumps" in (reporting.root / "reports/index.html").read_text()


def test_a_client_whose_folder_of_reports_is_a_file_is_one_line(reporting):
    reporting.write("reports/acme", "not a folder")
    result = crmlab("report", "acme")
    assert result.exit_code == 1
    assert "reports/acme" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_shows_rows_and_rejections_without_a_kernel(small):
    small.write("params/acme.yaml", BASE + "max_rejected: 0.5\n")
    small.write("data/acme/transactions.csv", ROWS + "4,2024-02-30,1\n")
    result = crmlab("check")
    assert result.exit_code == 0
    assert "acme: Acme Pumps, as of 2024-03-31" in result.output
    assert re.search(r"transactions +5 rows +1 rejected", result.output)
    assert "row 6: date: must be a date (YYYY-MM-DD), got '2024-02-30'" in result.output
    assert crmlab("check", "nobody").exit_code == 2


def test_data_writes_an_example_once(small):
    result = crmlab("data", "cdnow")
    assert result.output == "wrote data/cdnow\n"
    assert files(small.root / "data/cdnow") == ["transactions.parquet"]
    assert crmlab("data", "cdnow").output == ""
    unknown = crmlab("data", "cdnov")
    assert (unknown.exit_code, unknown.stderr) == (2, "no such example: cdnov; did you mean cdnow?\n")


PROGRAM = """
import atexit, sys, threading, time
from crmlab.cli import main

class Kept:
    def __del__(self):
        print("taken apart")

kept = Kept()
atexit.register(print, "at exit")
threading.Thread(target=time.sleep, args=(2,), daemon={daemon}).start()
sys.argv = ["crmlab", *{arguments}]
main()
"""


@pytest.mark.parametrize("daemon", [True, False])
def test_a_program_ends_at_once_when_all_that_ends_with_it_has_ended(small, daemon):
    def ended(*arguments):
        code = PROGRAM.format(daemon=daemon, arguments=arguments)
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    good, wrong = ended("params", "acme", "analysis"), ended("params", "nobody", "analysis")
    assert (good.returncode, wrong.returncode) == (0, 2)
    assert wrong.stderr == "no such client: nobody; known: acme\n"
    last = "" if daemon else "taken apart\n"  # a thread that must be waited for leaves it to Python
    assert (good.stdout, wrong.stdout) == (f"client: acme\nas_of: latest\nat exit\n{last}", f"at exit\n{last}")
