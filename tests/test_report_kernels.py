"""The kernels of a run: each a process of its own, warm where it can be."""

import json
import logging
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from crmlab.cli import main
from crmlab.report import forked, kernels, processes

OPEN = "import crmlab\nfrom crmlab import intervals\nclient = crmlab.open(client, as_of)"


def about(**expressions):
    """Cells that publish what expressions give, as metrics."""
    metrics = ", ".join(f"'{name}': intervals.count({text}, 'x', 'X')" for name, text in expressions.items())
    return f"{OPEN}\nimport os, random, sys, tempfile\nimport numpy as np", f"client.publish(metrics={{{metrics}}})"


def report(*arguments):
    return CliRunner().invoke(main, ["report", "--force", *arguments], catch_exceptions=False)


def found(small, notebook="analysis"):
    """The values that a notebook published."""
    record = json.loads((small.root / f"reports/acme/2024-03-31/{notebook}.json").read_text())
    assert record["status"] == "ok", record["reason"]
    return {name: metric["value"] for name, metric in record["metrics"].items()}


@pytest.fixture
def ordinary(monkeypatch):
    """A system on which nothing can be forked."""
    monkeypatch.setattr(processes, "CAN_FORK", False)


def test_kernels_are_forked_each_with_random_state_folder_and_environment_of_its_own(small, monkeypatch):
    monkeypatch.setenv("CRMLAB_TEST_MARK", "7")
    for name in ("analysis", "another"):
        cells = about(
            numpy="np.random.randint(2**31)",
            random="random.randrange(2**31)",
            process="os.getpid()",
            server="os.getppid()",
            folder=f"int(os.getcwd() == {str(small.root)!r})",
            mark="int(os.environ['CRMLAB_TEST_MARK'])",
            loaded="int({'seaborn', 'great_tables'} <= set(sys.modules))",
            scratch="int('crmlab-run-' in tempfile.mkdtemp())",
        )
        small.notebook(name, *cells)
    result = report()
    assert result.exit_code == 0, result.output
    one, two = found(small), found(small, "another")
    assert {name for name in one if one[name] != two[name]} == {"numpy", "random", "process"}
    assert one["server"] not in (one["process"], os.getpid())
    assert (one["folder"], one["mark"], one["loaded"], one["scratch"]) == (1, 7, 1, 1)


def test_where_nothing_can_be_forked_ordinary_kernels_give_the_same(small, ordinary):
    rows = "len(client.table('transactions').collect())"
    small.notebook("analysis", *about(rows=rows, loaded="int('seaborn' in sys.modules)"))
    assert report().exit_code == 0
    assert found(small) == {"rows": 4, "loaded": 0}


def test_where_forking_fails_ordinary_kernels_take_over_and_say_so_once(small, monkeypatch, caplog):
    def refuse(function, *arguments):
        if function is forked.serve:
            raise OSError("no more processes")
        return start(function, *arguments)

    start = processes.start
    monkeypatch.setattr(processes, "start", refuse)
    kernels._said.clear()
    small.notebook("analysis", *about(rows="len(client.table('transactions').collect())"))
    small.notebook("another", *about(one="1"))
    with caplog.at_level(logging.WARNING, logger="crmlab"):
        assert report().exit_code == 0
    assert found(small) == {"rows": 4}
    assert [record.message for record in caplog.records if record.name == "crmlab"] == [
        "kernels cannot be forked (no more processes); each starts by itself, slower"
    ]


@pytest.mark.parametrize("can_fork", [True, False])
def test_an_ended_kernel_says_how_and_what_it_said_last(small, monkeypatch, can_fork):
    monkeypatch.setattr(processes, "CAN_FORK", can_fork and processes.CAN_FORK)
    small.notebook("analysis", "import os\nos.write(2, b'a library gave up\\n')\nos.kill(os.getpid(), 9)")
    result = report()
    assert result.exit_code == 1
    assert "KernelDied: the kernel was killed by SIGKILL, as a system does when memory runs out: a library gave up" in (
        result.stdout
    )


def test_an_ended_kernel_that_said_nothing_names_no_folder(small):
    small.notebook("analysis", "import os\nos.kill(os.getpid(), 9)")
    assert report().exit_code == 1
    record = json.loads((small.root / "reports/acme/2024-03-31/analysis.failed.json").read_text())
    assert record["reason"] == "KernelDied: the kernel was killed by SIGKILL, as a system does when memory runs out"


def test_a_notebook_over_its_time_is_stopped_and_the_cell_shown(small):
    small.notebook("analysis", "import time", "time.sleep(1000)")
    small.notebook("quick", *about(one="1"))
    result = report("--time-limit", "0.1")
    assert result.exit_code == 1
    assert "TimeLimit: took longer than the 0.1 minutes that a report may take (--time-limit)" in result.stdout
    page = (small.root / "reports/acme/2024-03-31/analysis.failed.html").read_text()
    assert "time.sleep(1000)" in page
    assert found(small, "quick") == {"one": 1}


def test_kernels_of_the_user_are_not_used(small, monkeypatch, tmp_path):
    spec = {"argv": ["/bin/false"], "display_name": "Python 3", "language": "python"}
    small.write("jupyter/kernels/python3/kernel.json", json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    small.notebook("analysis", *about(one="1"))
    assert report().exit_code == 0
    assert found(small) == {"one": 1}


def test_the_next_kernel_starts_while_one_notebook_computes_and_waits_for_its_turn(small):
    for name in ("analysis", "another"):
        imports, publish = about(
            kernel="int(1000 * psutil.Process().create_time())", begun="begun", ended="int(1000 * time.time())"
        )
        begin = "import psutil, time\nbegun = int(1000 * time.time())\ntime.sleep(2)"
        small.notebook(name, begin, imports, publish)
    result = report("--jobs", "1")
    assert result.exit_code == 0, result.output
    first, second = sorted((found(small), found(small, "another")), key=lambda one: one["begun"])
    assert second["kernel"] < first["ended"] <= second["begun"]
    seconds = [float(line.split()[4]) for line in result.stdout.splitlines() if line.startswith("built")]
    assert max(seconds) < (second["ended"] - first["kernel"]) / 1000 - 1.5  # neither is told to have taken both's time


def test_what_runs_notebooks_is_loaded_without_a_grammar_of_addresses():
    code = "import sys, crmlab.report.kernels; print('jsonschema' in sys.modules, sys.modules['rfc3987_syntax'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "True None\n"
