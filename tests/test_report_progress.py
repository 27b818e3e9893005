import json
import sys

import pytest

from crmlab.report.progress import Progress
from crmlab.report.schedule import Outcome, Running


class Job:
    client = "acme"

    class notebook:
        name = "analysis"


@pytest.fixture
def outcome(tmp_path):
    def made(status, notebook="analysis", reason=None, seconds=1.25, client="acme"):
        return Outcome(client, notebook, "2024-03-31", status, reason, seconds, tmp_path / "page.html", 120)

    return made


def test_a_terminal_shows_one_line_that_is_written_over(monkeypatch, capsys, outcome):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")

    def terminal():
        return capsys.readouterr().err

    watch = Progress(None)
    watch.planned(3)
    watch.tick([Running(Job, "new", 0)], 1)
    assert terminal() == "\r\x1b[K0 of 3 done, 1 waiting, 0.0 s  acme analysis 0 s"
    watch.finished(outcome("built", reason="new"))
    assert terminal() == ""
    watch.finished(outcome("failed", reason="FitError: no"))
    line, see, after = terminal().split("\n")
    assert line.startswith("\r\x1b[K") and "failed" in line and line.endswith("1.2 s  FitError: no")
    assert see.strip().startswith("see ") and after == ""
    watch.tick([Running(Job, "new", 0)] * 9, 0)
    assert len(terminal()) == len("\r\x1b[K") + 59


def test_elsewhere_lines_have_the_time_and_nothing_is_written_over(outcome, capsys):
    watch = Progress(None)
    watch.doing("Looking ...")
    watch.tick([Running(Job, "new", 0)], 1)
    watch.finished(outcome("built", reason="new"))
    watch.finished(outcome("reused"))
    shown = capsys.readouterr().err
    assert "\r" not in shown and "\x1b" not in shown
    (line,) = shown.splitlines()
    assert line[8:].startswith("  built   acme ")


def test_the_table_sums_up_what_stands_as_it_was_where_that_is_much(outcome, capsys, tmp_path):
    watch = Progress(None)
    some = [
        outcome("failed", notebook="", reason="one line\nand another"),
        outcome("reused"),
        outcome("built", reason="new"),
    ]
    watch.ended(some, tmp_path / "index.html")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["built", "reused", "failed", "1"]
    assert lines[2].endswith("one line; and another")
    watch.ended([*some, *[outcome("reused", client=f"c{i}") for i in range(20)]], tmp_path / "index.html")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["built", "failed", "reused", "1"]
    assert lines[2] == "reused  21 reports, as they were"
    assert lines[3].startswith("1 built, 21 reused, 1 failed, in 0.0 s. Open ")


def test_quiet_shows_what_failed(outcome, capsys, tmp_path):
    watch = Progress(None, quiet=True)
    watch.finished(outcome("built"))
    watch.finished(outcome("failed", reason="FitError: no"))
    watch.finished(outcome("failed", notebook="", reason="params/acme.yaml: engin is not a parameter"))
    watch.ended([], tmp_path / "index.html")
    shown = capsys.readouterr()
    assert shown.out == ""
    first, where, last = shown.err.splitlines()
    assert first.endswith("FitError: no") and where.strip().startswith("see ")
    assert last == "params/acme.yaml: engin is not a parameter"


def test_the_log_is_one_object_a_line(outcome, tmp_path):
    watch = Progress(tmp_path / "log.jsonl", quiet=True)
    watch.planned(2)
    watch.finished(outcome("built", reason="其 new"))
    watch.finished(outcome("reused"))
    watch.ended([outcome("built"), outcome("reused")], tmp_path / "index.html")
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [event["event"] for event in events] == ["started", "report", "ended"]
    assert events[1].items() >= {"status": "built", "reason": "其 new", "seconds": 1.2, "peak_memory_mb": 120}.items()
    assert events[2].items() >= {"built": 1, "reused": 1, "skipped": 0, "failed": 0}.items()
