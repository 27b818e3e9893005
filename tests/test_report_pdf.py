"""Printing, by the browser that is installed and by programs that stand in for one."""

import os
import shutil
import stat
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from crmlab.cli import main
from crmlab.report import pdf
from crmlab.report.schedule import Outcome

PAGE = "<!DOCTYPE html><html lang='en'><title>Acme</title><h1>Acme 兴林</h1>"
# what a browser does as far as printing needs it: writes a PDF, and says where it is asked to what it was given
PRINTS = 'for a in "$@"; do case $a in --print-to-pdf=*) out=${a#*=};; esac; done\nprintf "%s\\n" "$@" >> "$0.log"\n'
WRITES = 'printf "%%PDF-1.4\\n1 0 obj\\nstartxref\\n9\\n%%%%EOF\\n" > "$out"\n'

needs_browser = pytest.mark.skipif(pdf.browser() is None, reason="no Chromium on this machine: nothing is printed")
needs_shell = pytest.mark.skipif(os.name == "nt", reason="programs that stand in for a browser are shell scripts")


@pytest.fixture
def site(tmp_path):
    """Two reports of a client that stand, one that failed, and a folder for temporary files."""
    for name in ("reports/acme/2024-03-31", "scratch"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("one.html", "two.html", "three.failed.html"):
        (tmp_path / "reports/acme/2024-03-31" / name).write_text(PAGE, encoding="utf-8")
    return tmp_path


def page(site: Path, name="one.html") -> Path:
    return site / "reports/acme/2024-03-31" / name


def outcomes(site: Path, **by_name) -> list[Outcome]:
    by_name = by_name or {"one.html": "built"}
    return [
        Outcome("acme", name.split(".")[0], "2024-03-31", status, None, 1.0, page(site, name))
        for name, status in by_name.items()
    ]


def update(site, made=None, **options):
    """Whether all was printed, and what was said."""
    said = []
    options = {"wanted": True, "say": said.append, "root": site} | options
    return pdf.update(made or outcomes(site), site / "reports", site / "scratch", **options), said


@pytest.fixture
def stand_in(site, monkeypatch):
    """A program in the browser's place; gives the arguments of its last call."""

    def made(script):
        program = site / "browser"
        program.write_text(f"#!/bin/sh\n{PRINTS}{script}", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv(pdf.VARIABLE, str(program))
        return lambda: (site / "browser.log").read_text().split("\n")

    return made


def clean(site) -> bool:
    """Whether nothing is left but pages, PDFs, the audit log and the lock."""
    left = {path.suffix for path in (site / "reports").rglob("*") if path.is_file()}
    return left <= {".html", ".pdf", ".json", ".jsonl", ""} and not list((site / "reports").glob(".staging*")) + list(
        (site / "scratch").iterdir()
    )


@needs_browser
def test_a_browser_prints_a_report_beside_its_page(site):
    assert update(site) == (True, [])
    content = pdf.beside(page(site)).read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    assert b"/Lang (en)" in content and b"/StructTreeRoot" in content  # read aloud as the page is
    assert pdf.is_current(page(site)) and clean(site)


@needs_browser
def test_the_command_prints_what_it_made_and_once(small):
    small.notebook("analysis", "import crmlab\nclient = crmlab.open(client, as_of)", "client.publish(metrics={})")
    command = ["report", "--format", "pdf"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    printed = small.root / "reports/acme/2024-03-31/analysis.pdf"
    before = printed.stat().st_mtime_ns
    assert CliRunner().invoke(main, command, catch_exceptions=False).exit_code == 0
    assert printed.stat().st_mtime_ns == before
    # a run that prints nothing leaves no PDF of an earlier page
    assert CliRunner().invoke(main, ["report"], catch_exceptions=False).exit_code == 0
    assert printed.exists()
    small.write("params/acme.yaml", (small.root / "params/acme.yaml").read_text().replace("Acme Pumps", "Acme Valves"))
    assert CliRunner().invoke(main, ["report"], catch_exceptions=False).exit_code == 0
    assert not printed.exists()


def test_without_a_browser_reports_are_made_and_the_command_says_so(small, monkeypatch):
    monkeypatch.setattr(pdf, "browser", lambda: None)
    monkeypatch.delenv(pdf.VARIABLE, raising=False)
    small.notebook("analysis", "import crmlab\nclient = crmlab.open(client, as_of)", "client.publish(metrics={})")
    result = CliRunner().invoke(main, ["report", "--format", "pdf", "--quiet"], catch_exceptions=False)
    assert result.exit_code == 1
    assert result.stderr == (
        "crmlab report: no Chromium, Chrome or Edge was found, so no PDF was printed; "
        "install chromium or set CRMLAB_CHROMIUM\n"
    )
    assert (small.root / "reports/acme/2024-03-31/analysis.html").exists()
    assert CliRunner().invoke(main, ["report"], catch_exceptions=False).exit_code == 0


def test_a_program_that_is_none_is_named(site, monkeypatch):
    monkeypatch.setenv(pdf.VARIABLE, "no-such-browser")
    assert pdf.browser() is None
    printed, (said,) = update(site)
    assert not printed and "CRMLAB_CHROMIUM=no-such-browser is no program" in said


@needs_shell
def test_the_first_of_its_kind_on_the_path_prints(site, monkeypatch):
    monkeypatch.delenv(pdf.VARIABLE, raising=False)
    for name in ("google-chrome", "chromium"):
        (site / name).write_text("#!/bin/sh\n")
        (site / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(site))
    assert pdf.browser() == str(site / "chromium")
    (site / "chromium").unlink()
    assert pdf.browser() == str(site / "google-chrome")


@needs_shell
def test_only_what_stands_is_printed_and_only_once(site, stand_in):
    calls = stand_in(WRITES)
    made = outcomes(site, **{"one.html": "built", "two.html": "reused", "three.failed.html": "failed"})
    assert update(site, made, workers=2) == (True, [])
    assert sorted(path.name for path in page(site).parent.glob("*.pdf")) == ["one.pdf", "two.pdf"]
    assert sum(line.startswith("file:") for line in calls()) == 2
    update(site, made)
    assert sum(line.startswith("file:") for line in calls()) == 2
    page(site).write_text(PAGE + "changed", encoding="utf-8")
    assert not pdf.is_current(page(site)) and pdf.is_current(page(site, "two.html"))
    update(site, made)
    assert sum(line.startswith("file:") for line in calls()) == 3
    assert pdf.is_current(page(site)) and clean(site)


@needs_shell
def test_the_browser_is_told_to_keep_to_itself(site, stand_in):
    calls = stand_in(WRITES)
    update(site)
    given = calls()
    assert {"--headless", "--no-pdf-header-footer", "--disable-background-networking"} <= set(given)
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in given
    (profile,) = [line.partition("=")[2] for line in given if line.startswith("--user-data-dir=")]
    assert Path(profile).parent == site / "scratch" and not Path(profile).exists()
    assert ("--no-sandbox" in given) == (os.geteuid() == 0)
    assert page(site).as_uri() in given


@needs_shell
@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("echo '[1:2:ERROR:dbus/bus.cc(4)] no bus' >&2\n", "the browser wrote none"),
        ("echo '[1:2:FATAL:x.cc(4)] No usable sandbox!' >&2\necho '[1:ERROR:dbus/b.cc] x' >&2\n", "No usable sandbox!"),
        ('printf "%%PDF-1.4 half" > "$out"\n', "the browser wrote none"),
        ("echo text > $out; exit 3\n", "the browser wrote none"),
    ],
    ids=["silent", "sandbox", "half a file", "no PDF"],
)
def test_a_report_that_cannot_be_printed_is_one_line_and_no_file(site, stand_in, script, fault):
    stand_in(WRITES)
    update(site)
    page(site).write_text(PAGE + "changed", encoding="utf-8")
    stand_in(script)
    printed, said = update(site, outcomes(site, **{"one.html": "built", "two.html": "built"}))
    assert not printed and len(said) == 2
    assert said[0] == f"{page(site)}: no PDF was printed: {fault}"
    assert not pdf.beside(page(site)).exists(), "the PDF of an earlier page is not kept beside another"
    assert page(site).read_text(encoding="utf-8") == PAGE + "changed" and clean(site)


@needs_shell
def test_a_program_that_cannot_be_run_is_one_line(site, stand_in):
    stand_in("")
    (site / "browser").write_bytes(b"\x7fELF")
    printed, (said,) = update(site)
    assert not printed and said.startswith(f"{page(site)}: no PDF was printed: ") and "xec format" in said


def children_that_sleep():
    return [each for each in psutil.Process().children(recursive=True) if each.name() == "sleep"]


@needs_shell
def test_a_browser_that_hangs_is_ended_with_all_it_started(site, stand_in):
    stand_in("sleep 50 &\nsleep 50\n")
    printed, (said,) = update(site, seconds=0.5)
    assert not printed and said.endswith("the browser took longer than 0.5 s")
    assert not children_that_sleep() and clean(site)


@needs_shell
def test_a_run_that_is_ended_ends_its_browsers(site, stand_in):
    stand_in("sleep 50\n")
    made = outcomes(site, **{"one.html": "built", "two.html": "built"})
    ended = threading.Timer(0.6, lambda: None)
    ended.start()

    def check():
        if not ended.is_alive():
            raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        update(site, made, check=check)
    assert time.monotonic() - begun < 10
    assert not children_that_sleep() and clean(site)


def test_nothing_asked_for_and_nothing_there_takes_no_lock(site):
    assert update(site, wanted=False) == (True, [])
    assert not (site / "reports/.lock").exists()


@needs_browser
def test_a_reader_of_pdf_takes_the_mark_for_a_comment(site):
    """What Chromium wrote opens in a program that knows PDF, with the mark in it."""
    if (reader := shutil.which("pdfinfo")) is None:
        pytest.skip("needs pdfinfo")
    update(site)
    result = subprocess.run([reader, pdf.beside(page(site))], capture_output=True, text=True, check=True)
    assert "Acme" in result.stdout and not result.stderr
