"""What runs again and what does not, with real kernels."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from crmlab.cli import main
from crmlab.report import audit, processes
from crmlab.report.plan import plan
from crmlab.report.workspace import only_run
from tests.conftest import BASE, ROWS

PUBLISH = "client.publish(metrics={'rows': intervals.count(client.rows('transactions').value, 'rows', 'Rows')})"
ANALYSIS = ("import crmlab\nfrom crmlab import intervals\nclient = crmlab.open(client, as_of)", PUBLISH)
READER = (*ANALYSIS[:1], "found = client.results('analysis')", "found and found['metrics']['rows']['value']", PUBLISH)


def report(*arguments):
    """Run `crmlab report`; what became of each report by client and notebook, with the reason, and the exit code."""
    result = CliRunner().invoke(main, ["report", "--log", "log.jsonl", *arguments], catch_exceptions=False)
    line = re.compile(r"(built|reused|skipped|failed) +([\w-]+) +([\w-]+) +[\d-]{10} +[\d.]+ s *(.*)")
    found = [line.fullmatch(each) for each in result.stdout.splitlines()]
    return {(match[2], match[3]): (match[1], match[4]) for match in found if match}, result.exit_code


@pytest.fixture
def two(small):
    """Two clients, a notebook, and one that needs it."""
    small.notebook("analysis", *ANALYSIS)
    small.notebook("summary", *READER, needs=["analysis"])
    small.write("data/beta/transactions.csv", ROWS)
    small.write("params/beta.yaml", BASE.replace("acme/", "beta/"))
    return small


def built(words):
    return {key: reason for key, (status, reason) in words.items() if status == "built"}


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file() and path.name != ".lock"}


def test_only_what_changed_runs_again(two, monkeypatch):
    words, code = report()
    assert (len(built(words)), set(built(words).values()), code) == (4, {"new"}, 0)
    before = contents(two.root / "reports")

    # nothing changed: no kernel, no data read, no file touched
    with monkeypatch.context() as patch:
        patch.setattr(processes, "start", lambda *_: pytest.fail("a process was started"))
        words, code = report()
    assert ({status for status, _ in words.values()}, code) == ({"reused"}, 0)
    assert contents(two.root / "reports") == before

    # data of one client
    two.write("data/beta/transactions.csv", ROWS.replace("2024-02-01,7", "2024-02-01,8"))
    words, _ = report()
    assert built(words) == {
        ("beta", "analysis"): "changed: its data",
        ("beta", "summary"): "changed: its data, a report it needs",
    }

    # a notebook, and with it the one that needs it
    two.notebook("analysis", *ANALYSIS, "'another cell'")
    words, _ = report()
    assert set(built(words)) == {(c, n) for c in ("acme", "beta") for n in ("analysis", "summary")}
    assert words["acme", "summary"][1] == "changed: a report it needs"

    two.notebook("summary", *READER, "'another cell'", needs=["analysis"])
    words, _ = report()
    assert set(built(words).values()) == {"changed: the notebook"}
    assert set(built(words)) == {("acme", "summary"), ("beta", "summary")}

    # a parameter of one client's notebook
    two.write("params/acme.yaml", BASE + "summary: {horizon_months: 3}\n")
    words, _ = report()
    assert built(words) == {("acme", "summary"): "changed: its parameters"}

    # a file of a report that is gone or was touched up
    (two.root / "reports/acme/2024-03-31/analysis.html").unlink()
    page = two.root / "reports/beta/2024-03-31/summary.html"
    page.write_text(page.read_text() + " ")
    words, _ = report()
    assert built(words) == dict.fromkeys([("acme", "analysis"), ("beta", "summary")], "its files were not whole")

    # asked for
    words, _ = report("beta", "--notebook", "analysis", "--force")
    assert built(words) == {("beta", "analysis"): "asked for"}


def test_a_new_month_gets_its_folder_and_touches_no_older_one(two):
    report("acme")
    march = two.root / "reports/acme/2024-03-31"
    before = contents(march)
    two.write("data/acme/transactions.csv", ROWS + "7,2024-04-30,3\n")
    words, _ = report()
    assert built(words)["acme", "analysis"] == "new date"
    assert contents(march) == before
    assert (two.root / "reports/acme/2024-04-30/analysis.html").exists()
    history = (two.root / "reports/acme/index.html").read_text()
    assert history.index('href="2024-04-30/') < history.index('href="2024-03-31/')
    # the older date can be asked for; nothing of it has changed but the data
    words, _ = report("acme", "--as-of", "2024-03-31", "--notebook", "analysis")
    assert built(words) == {("acme", "analysis"): "changed: its data"}


def test_a_needed_report_that_fails_leaves_the_other_without_it_until_it_is_mended(two):
    def seen():
        executed = json.loads((two.root / "reports/acme/2024-03-31/summary.ipynb").read_text())
        (cell,) = [cell for cell in executed["cells"] if "'rows'" in "".join(cell["source"]) and cell["outputs"]]
        return "".join(cell["outputs"][0]["data"]["text/plain"])

    report("acme")
    assert seen() == "4"
    two.notebook("analysis", *ANALYSIS[:1], "1 / 0")
    words, code = report("acme")
    assert (words["acme", "analysis"][0], words["acme", "summary"][0], code) == ("failed", "built", 1)
    two.notebook("analysis", *ANALYSIS)
    words, code = report("acme")
    assert words["acme", "analysis"] == ("built", "it failed before")
    assert words["acme", "summary"] == ("built", "changed: a report it needs")
    assert (seen(), code) == ("4", 0)


def test_the_same_reports_elsewhere_are_current(two):
    report("acme")
    shutil.copytree(two.root / "reports", two.root / "copied")
    words, _ = report("acme", "--reports", "copied")
    assert {status for status, _ in words.values()} == {"reused"}


def test_data_that_change_while_a_report_is_made_fail_it(two):
    change = "open('data/acme/transactions.csv', 'a').write('9,2024-03-30,1\\n')"
    two.notebook("analysis", *ANALYSIS, change)
    words, code = report("acme", "--notebook", "analysis")
    assert code == 1
    assert words["acme", "analysis"][0] == "failed"
    assert "its data changed while the report was made; run again" in words["acme", "analysis"][1]


def test_a_hundred_current_reports_are_told_to_be_so_in_seconds_without_a_kernel(two):
    """They are written as a run would write them, by no kernel."""
    report("acme", "--notebook", "analysis")
    made = (two.root / "reports/acme/2024-03-31/analysis.html").read_text()
    for name in (audit.NAME, audit.HEAD):  # which know nothing of files that no run wrote
        (two.root / "reports" / name).unlink()
    for number in range(49):
        two.write(f"data/c{number}/transactions.csv", ROWS + f"{number + 10},2024-01-01,1\n")
        two.write(f"params/c{number}.yaml", BASE.replace("acme/", f"c{number}/"))
    jobs = plan(two.project, {}, workers=2).jobs
    states = {}
    for job in jobs:
        needed = {name: states[job.client, name] for name in job.notebook.needs}
        job = job.after(needed) if needed else job
        states[job.key] = job.fingerprint
        page = two.write(f"reports/{job.folder}/{job.notebook.name}.html", made)
        files = {page.name: hashlib.sha256(page.read_bytes()).hexdigest()}
        record = job.record("ok", None, {}, {"seconds": 1.0, "files": files})
        two.write(f"reports/{job.folder}/{job.notebook.name}.json", json.dumps(record))
    begun = time.monotonic()
    words, code = report()
    took = time.monotonic() - begun
    assert (len(jobs), code) == (102, 0)
    assert words == {}, "102 reports are summed up, not listed"
    events = [json.loads(line)["event"] for line in (two.root / "log.jsonl").read_text().splitlines()]
    assert events[-2:] == ["started", "ended"]
    assert took < 10, "3 s on a machine with nothing else to do: tests/bench/report_machine.py"


def test_a_notebook_that_changes_while_it_runs_fails_its_report(two):
    change = (
        "path = 'notebooks/analysis.ipynb'\ntext = open(path).read()\nopen(path, 'w').write(text.replace('1 +', '2 +'))"
    )
    two.notebook("analysis", *ANALYSIS, "1 + 1", change)
    words, code = report("acme", "--notebook", "analysis")
    assert (words["acme", "analysis"][0], code) == ("failed", 1)
    assert "the notebook changed while the report was made" in words["acme", "analysis"][1]


def test_a_failure_is_over_when_the_report_is_skipped(two):
    folder = two.root / "reports/acme/2024-03-31"
    two.notebook("analysis", "1 / 0")
    assert report("acme", "--notebook", "analysis")[1] == 1
    assert (folder / "analysis.failed.json").exists()
    two.notebook("analysis", *ANALYSIS, tables=["payments"])
    assert report("acme", "--notebook", "analysis")[1] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["analysis.json"]
    assert "analysis.failed.html" not in (two.root / "reports/acme/index.html").read_text()


def test_a_date_that_is_the_latest_makes_nothing_anew(two):
    report("acme")
    for arguments in (["--as-of", "2024-03-31"], ["--as-of", "latest"]):
        words, _ = report("acme", *arguments)
        assert {status for status, _ in words.values()} == {"reused"}


def test_a_date_without_data_is_no_fault_of_the_client(two):
    two.write("data/beta/transactions.csv", ROWS.replace("2024", "2025"))
    report()
    before = contents(two.root / "reports")
    result = CliRunner().invoke(main, ["report", "--as-of", "2024-03-31"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "no row of transactions is dated up to 2024-03-31" in result.stderr
    assert contents(two.root / "reports") == before


def test_a_client_that_is_gone_leaves_no_failure(two):
    two.write("params/gamma.yaml", "client: [")
    two.write("params/o'b.yaml", BASE)
    assert report("acme", "gamma", "o'b", "--notebook", "analysis")[1] == 1
    assert [path.parent.name for path in (two.root / "reports").glob("*/failed.json")] == ["gamma"]
    for name in ("gamma", "o'b"):
        (two.root / f"params/{name}.yaml").unlink()
    assert report("acme", "--notebook", "analysis")[1] == 0
    names = sorted(path.name for path in (two.root / "reports").iterdir())
    assert names == [".lock", ".locks", "acme", audit.HEAD, audit.NAME, "index.html"]


def test_a_run_that_had_to_wait_looks_again(two):
    report("acme", "--notebook", "analysis")
    command = [sys.executable, "-m", "crmlab.cli", "report", "acme", "--notebook", "analysis"]
    with only_run(two.root / "reports", ["acme"], print):
        run = subprocess.Popen(command, cwd=two.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "is at work on acme; waiting for it to end" in run.stderr.readline()
        two.write("data/acme/transactions.csv", ROWS + "8,2024-03-31,1\n")
    said, _ = run.communicate(timeout=120)
    assert "changed: its data" in said


def test_the_log_has_a_line_for_each_event(two):
    report("acme", "--jobs", "1")
    report("acme", "--jobs", "1")
    events = [json.loads(line) for line in (two.root / "log.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == [
        *["started", "report_started", "report", "report_started", "report", "ended"],
        *["started", "ended"],
    ]
    made = events[2]
    assert (made["client"], made["notebook"], made["as_of"], made["status"], made["reason"]) == (
        *("acme", "analysis", "2024-03-31"),
        *("built", "new"),
    )
    assert made["seconds"] > 0
    assert {key: events[5][key] for key in ("built", "reused", "skipped", "failed")} == {
        "built": 2, "reused": 0, "skipped": 0, "failed": 0,
    }  # fmt: skip
    assert events[7]["reused"] == 2


def test_quiet_shows_failures_alone(two):
    def output(*arguments):
        result = CliRunner().invoke(main, ["report", "--quiet", *arguments], catch_exceptions=False)
        return result.stdout, result.stderr.splitlines(), result.exit_code

    assert output() == ("", [], 0)
    two.notebook("summary", "1 / 0")
    stdout, lines, code = output("acme")
    assert (stdout, len(lines), code) == ("", 2, 1)
    assert lines[0].startswith("failed  acme             summary              2024-03-31")
    assert lines[0].endswith("ZeroDivisionError: division by zero")
    assert lines[1].strip() == "see reports/acme/2024-03-31/summary.failed.html"


def test_memory_is_respected(two, monkeypatch):
    """Where there is none, reports are made one after the other, and all the same."""
    from crmlab.report import memory

    monkeypatch.setattr(memory, "available", lambda: 0)
    words, code = report("--jobs", "2")
    assert (len(built(words)), code) == (4, 0)
    events = [json.loads(line)["event"] for line in (two.root / "log.jsonl").read_text().splitlines()]
    assert events == ["started", *["report_started", "report"] * 4, "ended"]
