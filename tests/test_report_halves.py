"""Clients spread over two working copies, each with its own params/ and data/, which publish into one folder."""

import html
import json
import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from crmlab.report.verification import verify
from tests.conftest import BASE, ROOT, ROWS, SmallProject

OPEN = "import crmlab\nfrom crmlab import intervals\nclient = crmlab.open(client, as_of)"
PUBLISH = "client.publish(metrics={'rows': intervals.count(client.rows('transactions').value, 'rows', 'Rows')})"
# says that it is at work, and goes on once the other half is
MEET = """\
import os, pathlib, time
own, other = (pathlib.Path(os.environ[name]) for name in ("OWN", "OTHER"))
own.touch()
begun = time.monotonic()
while not other.exists() and time.monotonic() - begun < 60: time.sleep(0.05)
assert other.exists(), 'the other half was not at work'
"""


@pytest.fixture
def halves(tmp_path, monkeypatch) -> dict[str, SmallProject]:
    """Two folders with the same notebook, and two clients each; one key signs what both publish."""
    monkeypatch.setenv("CRMLAB_SIGNING_KEY", secrets.token_hex(32))
    monkeypatch.delenv("CRMLAB_PARAMS", raising=False)
    monkeypatch.delenv("CRMLAB_PUBLISH", raising=False)
    found = {}
    for half, clients in (("first", ("acme", "beta")), ("second", ("gamma", "delta"))):
        found[half] = small = SmallProject(tmp_path / half)
        small.notebook("analysis", OPEN, PUBLISH)
        for client in clients:
            small.write(
                f"params/{client}.yaml", BASE.replace("Acme", client.capitalize()).replace("acme/", f"{client}/")
            )
            small.write(f"data/{client}/transactions.csv", ROWS)
    return found


def start(small: SmallProject, reports: Path, *arguments: str, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "crmlab.cli", "report", *arguments, "--reports", str(reports)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=small.root, env=os.environ | environment, **pipes)


def ended(run: subprocess.Popen, code: int = 0) -> str:
    said, _ = run.communicate(timeout=200)
    assert run.returncode == code, said
    return said


def assert_whole(reports: Path, root: Path) -> None:
    index = (reports / "index.html").read_text()
    clients = ("acme", "beta", "delta", "gamma")
    assert re.findall(r'href="(\w+)/index\.html"', index) == list(clients)
    for client in clients:
        assert f'href="{client}/2024-03-31/analysis.html"' in index
        assert (reports / client / "2024-03-31/analysis.html").exists()
    verdict = verify(reports, root)
    assert verdict.faults == () and verdict.entries >= 5
    assert not list(reports.glob(".staging-*"))


def test_two_halves_one_after_the_other_make_one_index(halves, tmp_path):
    reports = tmp_path / "shared"
    for small in halves.values():
        assert len(re.findall("^built ", ended(start(small, reports)), flags=re.M)) == 2
    assert_whole(reports, halves["first"].root)
    stood = (reports / "index.html").read_bytes()
    for small in halves.values():
        assert len(re.findall("^reused ", ended(start(small, reports)), flags=re.M)) == 2
    assert (reports / "index.html").read_bytes() == stood


def test_two_halves_at_once_wait_for_nothing_and_make_one_index(halves, tmp_path):
    reports, runs = tmp_path / "shared", []
    for half, other in (("first", "second"), ("second", "first")):
        halves[half].notebook("analysis", OPEN, MEET, PUBLISH)
        at_work = {"OWN": str(tmp_path / half / "at_work"), "OTHER": str(tmp_path / other / "at_work")}
        runs.append(start(halves[half], reports, **at_work))
    for said in map(ended, runs):
        assert len(re.findall("^built ", said, flags=re.M)) == 2 and "waiting" not in said
    assert_whole(reports, halves["first"].root)


def test_the_failure_of_one_half_stays_when_the_other_runs(halves, tmp_path):
    reports, (first, second) = tmp_path / "shared", halves.values()
    second.write("params/delta.yaml", "client: [")
    ended(start(second, reports), code=1)
    ended(start(first, reports))
    reason = json.loads((reports / "delta/failed.json").read_text())["reason"]
    assert reason in html.unescape((reports / "index.html").read_text())
    # it goes with its client, when the half runs that had it
    (second.root / "params/delta.yaml").unlink()
    ended(start(second, reports))
    assert not (reports / "delta").exists() and "delta" not in (reports / "index.html").read_text()


@dataclass
class TaskFlow:
    """As much of Airflow as the documented DAG asks for: a task, and its mapping over what another returns."""

    commands: list[str] = field(default_factory=list)

    def __call__(self, function):
        return function

    def bash(self, **options):
        return lambda function: SimpleNamespace(expand=lambda client: self.commands.extend(map(function, client)))


def test_the_documented_dag_makes_all_clients_at_once_into_one_folder(halves, tmp_path, monkeypatch):
    (block,) = re.findall(r"```python\n(from pathlib.*?)```", (ROOT / "docs/scheduling.md").read_text(), flags=re.S)
    task = TaskFlow()
    sdk = SimpleNamespace(dag=lambda **options: lambda function: function, task=task)
    for name in ("airflow", "airflow.sdk"):
        monkeypatch.setitem(sys.modules, name, sdk)
    first, reports = halves["first"], tmp_path / "shared"
    exec(block.replace("/srv/crmlab", str(first.root)).replace("/mnt/reports", str(reports)), {})
    first.write(".venv/bin/crmlab", f'#!/bin/sh\nexec {sys.executable} -m crmlab.cli "$@"\n').chmod(0o755)
    for run in [subprocess.Popen(["bash", "-c", command]) for command in task.commands]:
        assert run.wait(200) == 0
    index = (reports / "index.html").read_text()
    assert len(task.commands) == 2 and re.findall(r'href="(\w+)/index\.html"', index) == ["acme", "beta"]


def test_another_key_is_refused_with_the_remedy(halves, tmp_path):
    reports, (first, second) = tmp_path / "shared", halves.values()
    ended(start(first, reports, "acme"))
    said = ended(start(second, reports, CRMLAB_SIGNING_KEY=secrets.token_hex(32)), code=2)
    assert re.search("is signed with another key, .*; set CRMLAB_SIGNING_KEY to it", said)
