import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from crmlab.report import run
from crmlab.report.published import published


def record(client, as_of, notebook, **more):
    found = {"client": client, "client_name": client.title(), "notebook": notebook, "as_of": as_of, "status": "ok"}
    return found | {"reason": None, "metrics": {}} | more


@pytest.fixture
def put(tmp_path):
    """Writes a record, and the pages named by their endings, where a run would."""

    def written(client, as_of, notebook="value_analysis", *endings, failed=None, **more):
        folder = tmp_path / client / as_of
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{notebook}.json").write_text(json.dumps(record(client, as_of, notebook, **more)))
        if failed:
            more |= {"status": "failed", "reason": failed}
            (folder / f"{notebook}.failed.json").write_text(json.dumps(record(client, as_of, notebook, **more)))
        for ending in endings:
            (folder / f"{notebook}{ending}").write_text("page")
        return folder / f"{notebook}.json"

    return written


def test_all_dates_of_all_clients_oldest_first(tmp_path, put):
    put("halden", "2026-06-30")
    put("cdnow", "1998-06-30", "value_analysis", ".html", ".ipynb")
    put("cdnow", "1998-03-31", "value_analysis")
    put("cdnow", "1998-06-30", "nps_analysis", status="skipped", reason="no table surveys")
    found = published(tmp_path)
    assert list(found) == ["cdnow", "halden"]
    assert [(entry["as_of"], entry["notebook"], entry["href"]) for entry in found["cdnow"].entries] == [
        ("1998-03-31", "value_analysis", None),
        ("1998-06-30", "nps_analysis", None),
        ("1998-06-30", "value_analysis", "cdnow/1998-06-30/value_analysis.html"),
    ]
    assert found["cdnow"].dates == ["1998-03-31", "1998-06-30"]
    assert [entry["notebook"] for entry in found["cdnow"].at("1998-06-30")] == ["nps_analysis", "value_analysis"]
    assert (found["cdnow"].name, found["cdnow"].failure) == ("Cdnow", None)


def test_a_failure_hides_the_state_but_not_the_figures_of_the_last_good_report(tmp_path, put):
    metrics = {"customers": {"value": 5, "low": None, "high": None, "unit": "customers"}}
    endings = (".html", ".failed.html")
    put("cdnow", "1998-06-30", "value_analysis", *endings, failed="FitError: no maximum", metrics=metrics)
    client = published(tmp_path)["cdnow"]
    (entry,) = client.entries
    assert (entry["status"], entry["reason"]) == ("failed", "FitError: no maximum")
    assert entry["metrics"] == metrics
    assert entry["href"] == "cdnow/1998-06-30/value_analysis.html"
    assert entry["failed_href"] == "cdnow/1998-06-30/value_analysis.failed.html"
    assert client.metrics("1998-06-30")["customers"]["old"]
    assert client.last_good(entry) == entry


def test_the_last_good_report_of_a_notebook_may_be_of_an_earlier_date_but_not_of_a_later(tmp_path, put):
    for as_of in ("1998-01-31", "1998-03-31", "1998-09-30"):
        put("cdnow", as_of, "value_analysis", ".html")
    put("cdnow", "1998-03-31", "nps_analysis", ".html")
    put("cdnow", "1998-06-30", status="failed", reason="x")
    client = published(tmp_path)["cdnow"]
    (failed,) = client.at("1998-06-30")
    assert client.last_good(failed)["href"] == "cdnow/1998-03-31/value_analysis.html"
    assert client.last_good(failed | {"notebook": "other"}) is None


def test_a_client_that_could_not_be_started_is_there_with_or_without_reports(tmp_path, put):
    put("cdnow", "1998-06-30", client_name="CDNOW")
    for client in ("cdnow", "adler"):
        (tmp_path / client).mkdir(exist_ok=True)
        failure = {"client": client, "client_name": f"New {client}", "status": "failed", "reason": "one\ntwo"}
        (tmp_path / client / "failed.json").write_text(json.dumps(failure))
    found = published(tmp_path)
    assert [(each.id, each.name, len(each.entries)) for each in found.values()] == [
        ("adler", "New adler", 0),
        ("cdnow", "New cdnow", 1),
    ]
    assert found["adler"].failure["reason"] == "one\ntwo"
    assert found["adler"].dates == []


def test_what_is_none_of_ours_is_no_client(tmp_path, put):
    put(".staging-x", "1998-06-30")
    put("cdnow", "latest")
    put("cdnow", "2025-W10-1")
    put("cdnow", "1998-06-30", ".hidden")
    for name in ("index.html", "log.jsonl", "cdnow/index.html", "cdnow/1998-01-01"):
        (tmp_path / name).write_text("")
    (tmp_path / "assets").mkdir()
    said = []
    assert published(tmp_path, said.append) == {}
    assert said == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "Expecting property name"),
        ("[]", "lacks what a report's record holds"),
        ('"client notebook as_of status metrics"', "lacks what a report's record holds"),
        (json.dumps({"client": "cdnow"}), "lacks what a report's record holds"),
        (json.dumps(record("other", "1998-06-30", "value_analysis")), "holds the client 'other' where 'cdnow' belongs"),
        (json.dumps(record("cdnow", "1998-03-31", "value_analysis")), "holds the as_of '1998-03-31'"),
        (json.dumps(record("cdnow", "1998-06-30", "x")), "holds the notebook 'x'"),
        (json.dumps(record("cdnow", "1998-06-30", "value_analysis", status="odd")), "unknown status: 'odd'"),
        (json.dumps(record("cdnow", "1998-06-30", "value_analysis", status=["ok"])), "unknown status"),
        (json.dumps(record("cdnow", "1998-06-30", "value_analysis", title=3)), "holds no text as title: 3"),
        (json.dumps(record("cdnow", "1998-06-30", "value_analysis", inputs=1)), "holds no values by name as inputs: 1"),
        (json.dumps(record("cdnow", "1998-06-30", "value_analysis", metrics=[])), "holds no metrics by name: []"),
        (json.dumps(record("cdnow", "1998-06-30", "value_analysis", language="xx")), "unknown language: 'xx'"),
        (json.dumps(record("cdnow", "1998-06-30", "value_analysis", stale_after_days=0)), "no number of days as stale"),
        (
            json.dumps(record("cdnow", "1998-06-30", "value_analysis", stale_after_days="9")),
            "no number of days as stale",
        ),
    ],
)
def test_a_file_that_is_none_of_ours_is_left_out_and_named(tmp_path, put, content, fault):
    put("cdnow", "1998-06-30").write_text(content)
    put("halden", "1998-06-30")
    said = []
    assert list(published(tmp_path, said.append)) == ["halden"]
    assert "value_analysis.json: left out of the index: " in said[0] and fault in said[0]
    assert len(said) == 1


@pytest.mark.parametrize(
    "metric",
    [
        3,
        {"value": 1},
        {"value": 1, "unit": "share", "no_interval": 5},
        {"value": "1", "unit": "share"},
        {"value": float("nan"), "unit": "share"},
        {"value": 0.5, "low": 0.6, "high": 0.7, "unit": "share"},
    ],
)
def test_a_metric_that_no_page_can_show_keeps_its_record_out(tmp_path, put, metric):
    put("cdnow", "1998-06-30", metrics={"repeat_share": metric})
    said = []
    assert published(tmp_path, said.append) == {}
    assert "holds a metric that is none: repeat_share" in said[0]


def test_a_rating_alone_may_be_a_grade(tmp_path, put):
    put("cdnow", "1998-06-30", metrics={"rating": {"value": "B+"}})
    assert published(tmp_path)["cdnow"].metrics("1998-06-30")["rating"]["value"] == "B+"
    for name, value in (("rating", "excellent"), ("rating", ""), ("score", "B")):
        put("cdnow", "1998-06-30", metrics={name: {"value": value}})
        assert published(tmp_path) == {}


def test_language_and_schedule_are_those_of_the_latest_report(tmp_path, put):
    put("cdnow", "1998-03-31", language="zh", stale_after_days=30)
    put("cdnow", "1998-06-30")
    found = published(tmp_path)["cdnow"]
    assert (found.language, found.stale_after_days) == ("en", None)
    put("cdnow", "1998-09-30", language="zh", stale_after_days=90, metrics={"rating": {"value": "B"}})
    found = published(tmp_path)["cdnow"]
    assert (found.language, found.stale_after_days) == ("zh", 90)
    assert found.metrics("1998-09-30") == {"rating": {"value": "B", "old": False, "language": "zh"}}


def test_an_unreadable_failure_is_left_out_too(tmp_path, put):
    put("cdnow", "1998-06-30")
    (tmp_path / "cdnow/failed.json").write_text("")
    said = []
    assert published(tmp_path, said.append)["cdnow"].failure is None
    assert "failed.json: left out of the index" in said[0]


PAGES = """
import sys
from pathlib import Path
from crmlab.report.history import render_history
from crmlab.report.index import render_index
from crmlab.report.published import published
found = published(Path(sys.argv[1]))
print(render_index(found), *[render_history(client) for client in found.values()])
heavy = {"nbconvert", "nbformat", "pandas", "bs4", "mistune", "matplotlib", "pydantic", "IPython", "numpy", "scipy"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


def test_pages_are_the_same_in_every_process_and_need_nothing_that_notebooks_need(tmp_path, put):
    metrics = {"revenue": {"value": 5, "unit": "USD"}, "repeat_share": {"value": 0.5, "unit": "share"}}
    for as_of in ("1998-03-31", "1998-06-30"):
        put("cdnow", as_of, metrics=metrics)
        put("cdnow", as_of, "nps_analysis", status="skipped", reason="no table")
    ran = [
        subprocess.run(
            [sys.executable, "-c", PAGES, str(tmp_path)],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert ran[0].stdout == ran[1].stdout and b"</html>" in ran[0].stdout
    assert [each.stderr.strip() for each in ran] == [b"[]"] * 2


def test_portfolios_come_and_go_with_the_languages_of_the_clients(tmp_path, put):
    staging = tmp_path / ".staging"
    staging.mkdir()
    watch = SimpleNamespace(say=lambda line: pytest.fail(line))

    def files():
        run._write_pages(tmp_path, staging, watch)
        return sorted(path.name for path in tmp_path.glob("*.html"))

    put("cdnow", "1998-06-30", language="en")
    assert files() == ["index.html"]
    put("xinglin", "1998-06-30", language="zh")
    assert files() == ["index.html", "index.zh.html"]
    assert 'href="../index.zh.html"' in (tmp_path / "xinglin/index.html").read_text()
    assert 'href="../index.html"' in (tmp_path / "cdnow/index.html").read_text()
    put("cdnow", "1998-06-30", language="zh")
    assert files() == ["index.html"]
    assert '<html lang="zh-CN"' in (tmp_path / "index.html").read_text()
