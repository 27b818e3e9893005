"""The machine under real faults: the command as a process of its own, killed, stopped, starved and misled.

After each fault the earlier reports are whole, no process is left over, and the next run completes and leaves nothing
but reports behind. Tests wait for facts, such as a file that a cell has written, never for a guessed time.
"""

import hashlib
import html
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.conftest import BASE, ROWS, SmallProject

resource = pytest.importorskip("resource", reason="signals, sessions and limits are those of Unix")
# a loaded machine takes several times as long
pytestmark = pytest.mark.timeout(900)

OPEN = """\
import os, re, resource, signal, subprocess, time
from pathlib import Path
import crmlab
from crmlab import intervals
client = crmlab.open(client, as_of)"""
GATE = """\
Path(f"at-{client.id}-{os.getpid()}").touch()
while Path(f"hold-{client.id}").exists():
    time.sleep(0.05)"""
LEAVE = "subprocess.Popen(['sleep', '1000'])\n"
PUBLISH = "client.publish(metrics={'rows': intervals.count(4, 'rows', 'Rows')})"
# The command, which kills itself before it moves a file of a given name to its place.
KILLED_BEFORE = """
import os, runpy, signal, sys
name, move = sys.argv.pop(1), os.replace
def replace(source, target):
    if os.path.basename(target) == name:
        os.kill(os.getpid(), signal.SIGKILL)
    move(source, target)
os.replace = replace
runpy.run_module("crmlab.cli", run_name="__main__")
"""


def until(condition, what, seconds=120):
    """Wait for a fact and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Work(SmallProject):
    """A project whose runs, and whatever they start, carry a mark in their environment."""

    runs: list = field(default_factory=list)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def tmp(self) -> Path:
        """The system's folder for temporary files, as the runs see it; its path is short enough for a socket's."""
        return Path(tempfile.gettempdir(), f"t-{self.mark[:12]}")

    def start(self, *arguments, before=None, **options) -> subprocess.Popen:
        """Start a run; `before` is the name of the file before whose move it kills itself."""
        head = ["-m", "crmlab.cli"] if before is None else ["-c", KILLED_BEFORE, before]
        command = [sys.executable, *head, "report", "--reports", str(self.reports), "--jobs", "2", *arguments]
        about = {"CRMLAB_TEST": self.mark, "TMPDIR": str(self.tmp), "JUPYTER_RUNTIME_DIR": str(self.tmp / "runtime")}
        with (self.tmp / f"said-{len(self.runs)}").open("w") as said:
            options |= {"stdout": said, "stderr": subprocess.STDOUT, "start_new_session": True}
            run = subprocess.Popen(command, cwd=self.root, env=os.environ | about, **options)
        self.runs.append(run)
        return run

    def said(self, run) -> str:
        """What a run said so far."""
        return (self.tmp / f"said-{self.runs.index(run)}").read_text()

    def end(self, run) -> tuple[int, str]:
        """The exit code of a run and what it said; nothing that it started is left over."""
        run.wait(timeout=300)
        until(lambda: not self.processes(), "the end of every process", 30)
        return run.returncode, self.said(run)

    def run(self, *arguments, **options) -> tuple[int, str]:
        return self.end(self.start(*arguments, **options))

    def processes(self) -> list[psutil.Process]:
        """All processes of all runs."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                marked = process.environ().get("CRMLAB_TEST") == self.mark
                found += [process] * (marked and process.status() != psutil.STATUS_ZOMBIE)
        return found

    def forked(self, run) -> list[int]:
        """What a run has forked to read data or run a notebook: each leads a session; the first is the fork server."""
        found = []
        with suppress(psutil.Error, ProcessLookupError):
            for child in sorted(psutil.Process(run.pid).children(recursive=True), key=psutil.Process.create_time):
                found += [child.pid] * (os.getsid(child.pid) == child.pid)
        return found[1:]

    def at_gate(self, client: str) -> list[Path]:
        return list(self.root.glob(f"at-{client}-*"))

    def hold(self, *clients: str) -> None:
        """Let the gates of these clients' notebooks be closed, and of no other's."""
        for path in self.root.glob("hold-*"):
            path.unlink()
        for client in clients:
            (self.root / f"hold-{client}").touch()

    def files(self) -> dict[str, bytes]:
        """All published files but the pages over the reports."""
        # what a run has in the making lies in a hidden folder, and may be gone at any moment
        paths = [path for path in self.reports.glob("[!.]*/*/*") if path.is_file()]
        return {str(path.relative_to(self.reports)): path.read_bytes() for path in paths}

    def check_whole(self) -> None:
        """Every report that stands is there with all its files, as its JSON says."""
        files = self.files()
        for name, content in files.items():
            if not name.endswith(".json") or (record := json.loads(content))["status"] != "ok":
                continue
            known = record["provenance"]["files"]
            found = {other: files[str(Path(name).with_name(other))] for other in known}
            assert sorted(known) == [Path(name).with_suffix(ending).name for ending in (".html", ".ipynb")]
            assert {other: hashlib.sha256(text).hexdigest() for other, text in found.items()} == known, name

    def check_clean(self) -> None:
        left = [*self.reports.glob(".staging-*"), *self.tmp.glob("crmlab-run-*")]
        left += [*self.tmp.rglob("kernel-*.json"), *self.tmp.glob("pymp-*")]
        assert left == []

    def check_recovery(self) -> str:
        """The next run completes and leaves nothing else behind, and the one after it has nothing to do."""
        code, said = self.run()
        assert code == 0, said
        self.check_clean()
        self.check_whole()
        assert {json.loads(text)["status"] for name, text in self.files().items() if name.endswith(".json")} == {"ok"}
        pages = [self.reports / "index.html", *self.reports.glob("*/index.html")]
        assert [page for page in pages if re.search(r"\.failed\.|failed\.json", page.read_text())] == []
        code, again = self.run()
        assert (code, re.findall("built|failed|skipped", again)) == (0, []), again
        return said


@pytest.fixture(scope="module")
def standing(tmp_path_factory) -> Path:
    """A project of two clients whose reports stand."""
    work = Work(tmp_path_factory.mktemp("standing") / "project")
    work.tmp.mkdir()
    work.notebook("analysis", OPEN, PUBLISH)
    work.write("data/acme/transactions.csv", ROWS)
    for client in ("acme", "beta"):
        work.write(f"params/{client}.yaml", BASE)
    code, said = work.run()
    assert code == 0, said
    shutil.rmtree(work.tmp)
    return work.root


@pytest.fixture
def work(standing, tmp_path):
    """A copy of the standing project, all of whose processes end with the test."""
    work = Work(tmp_path / "project")
    shutil.copytree(standing, work.root)
    work.tmp.mkdir()
    yield work
    for process in work.processes():
        process.kill()
    for run in work.runs:
        run.wait()
    shutil.rmtree(work.tmp)


def test_a_run_may_end_at_any_moment(work):
    work.notebook("analysis", OPEN, LEAVE + GATE, PUBLISH.replace("4", "5"))
    work.write("data/acme/transactions.csv", ROWS + "4,2024-03-31,2\n")
    before = work.files()

    def end(number, when, held=(), group=False, halt=False, **options):
        """End a run, or its process group, by a signal at a moment; `halt` stops a process that it has forked first."""
        for path in work.root.glob("at-*"):
            path.unlink()
        work.hold(*held)
        run = work.start(**options)
        if when:
            until(lambda: when(run) or run.poll() is not None, f"the moment for {number.name}")
            assert run.poll() is None, work.said(run)
            if halt:
                os.kill(work.forked(run)[0], signal.SIGSTOP)
            (os.killpg if group else os.kill)(run.pid, number)
        ended, said = work.end(run)
        assert ended == (-number if number == signal.SIGKILL else 128 + number), said
        if number != signal.SIGKILL:
            assert f"stopped by {number.name}; what was published stays" in said
            assert "Traceback" not in said
            work.check_clean()

    def both_run(run):
        return work.at_gate("acme") and work.at_gate("beta")

    beta = "beta/2024-03-31/analysis.json"
    both = ("acme", "beta")
    end(signal.SIGKILL, lambda run: list(work.tmp.glob("crmlab-run-*")))
    end(signal.SIGKILL, work.forked)  # it reads the data
    end(signal.SIGTERM, work.forked, halt=True)  # the same where reading takes long
    end(signal.SIGINT, both_run, both, group=True)
    end(signal.SIGKILL, both_run, both, halt=True)
    assert work.files() == before
    end(signal.SIGKILL, lambda run: work.at_gate("acme") and work.files()[beta] != before[beta], ("acme",))
    work.check_whole()
    assert {name for name, content in work.files().items() if before[name] != content} == {
        f"beta/2024-03-31/analysis.{ending}" for ending in ("html", "ipynb", "json")
    }
    # the one moment when files of two runs stand side by side; each is whole
    end(signal.SIGKILL, None, before="analysis.json")
    acme = "acme/2024-03-31/analysis.json"
    assert work.files()[acme] == before[acme]
    work.notebook("second", OPEN, PUBLISH)  # the pages over the reports must change
    end(signal.SIGKILL, None, before="index.html")
    work.check_whole()
    assert work.files()[acme] != before[acme]
    assert "4 reused, in " in work.check_recovery()


def test_a_whole_group_may_be_killed(work):
    work.notebook("analysis", OPEN, LEAVE + GATE, PUBLISH)
    work.hold("acme")
    run = work.start("acme")
    until(lambda: work.at_gate("acme"), "the kernel")
    os.killpg(run.pid, signal.SIGKILL)
    assert work.end(run)[0] == -signal.SIGKILL


def test_a_run_may_be_killed_at_random(work):
    begun = time.monotonic()
    assert work.run("acme", "--force")[0] == 0
    seconds, delays = time.monotonic() - begun, random.Random(2024)
    for _ in range(2):
        run = work.start("acme", "--force")
        time.sleep(seconds * delays.random())
        run.kill()
        work.end(run)
        code, said = work.run()
        assert code == 0, said
        work.check_whole()
        work.check_clean()


def test_whatever_a_notebook_does_fails_that_report_alone(work):
    dies = "os.kill(os.getpid(), signal.SIGKILL)"
    faults = {
        "dies": (dies, "KernelDied: the kernel was killed by SIGKILL, as a system does when memory runs out"),
        "starts": (LEAVE + dies, "KernelDied: the kernel was killed by SIGKILL"),
        "eats": (
            "limit = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize() + 2**28\n"
            "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\nx = bytearray(2**40)",
            "MemoryError:",
        ),
        "analysis": (LEAVE + "1 / 0", "ZeroDivisionError: division by zero"),
    }
    before = work.files()
    for name, (cell, _) in faults.items():
        work.notebook(name, OPEN, cell, PUBLISH)
    work.notebook("leaves", OPEN, LEAVE, PUBLISH)
    code, said = work.run("acme")
    assert code == 1, said
    for name, (_, reason) in faults.items():
        assert re.search(rf"failed +acme +{name} .* {re.escape(reason)}", said), said
        record = json.loads((work.reports / f"acme/2024-03-31/{name}.failed.json").read_text())
        assert record["reason"].startswith(reason)
    assert re.search("built +acme +leaves", said)
    assert {name: work.files()[name] for name in before} == before
    work.check_whole()
    work.check_clean()
    assert "acme/2024-03-31/analysis.failed.html" in (work.reports / "index.html").read_text()

    limited = {"stops": "os.kill(os.getpid(), signal.SIGSTOP)", "hangs": "re.match('(a+)+$', 'a' * 99 + 'b')"}
    for name, cell in limited.items():  # the second lets no other thread run
        work.notebook(name, OPEN, LEAVE + cell, PUBLISH)
    code, said = work.run("acme", "--notebook", "stops", "--notebook", "hangs", "--time-limit", "0.02")
    assert code == 1, said
    for name in limited:
        assert re.search(rf"failed +acme +{name} .* TimeLimit: took longer than the 0.02 minutes", said), said
    work.check_clean()

    work.notebook("leaves", OPEN, LEAVE + GATE, PUBLISH)
    work.hold("acme")
    run = work.start("acme", "--notebook", "leaves", "--force")
    until(lambda: work.at_gate("acme"), "the kernel")
    for pid in work.forked(run):
        os.kill(pid, signal.SIGKILL)
    work.hold()
    code, said = work.end(run)
    assert code == 1, said
    assert re.search("failed +acme +leaves .* KernelDied: the kernel was killed by SIGKILL", said), said
    work.check_whole()
    work.check_clean()

    for name in [*faults, *limited]:
        (work.root / f"notebooks/{name}.ipynb").unlink()
    for path in work.reports.glob("acme/2024-03-31/*"):
        if not path.name.startswith(("analysis", "leaves")):
            path.unlink()
    work.notebook("analysis", OPEN, PUBLISH)
    assert re.search("built +acme +analysis .* it failed before", work.check_recovery())


def test_runs_at_once_wait_for_each_other_and_build_nothing_twice(work):
    work.notebook("analysis", OPEN, GATE, PUBLISH)
    work.hold("acme", "beta")
    first = work.start()
    until(lambda: work.at_gate("acme") and work.at_gate("beta"), "both kernels of the first run")
    others = [work.start(), work.start()]
    holder = f"another run (process {first.pid} on "
    until(lambda: all(holder in work.said(run) for run in others), "the others wait")
    first.kill()
    until(lambda: len(work.at_gate("acme")) == len(work.at_gate("beta")) == 2, "one takes over")
    work.hold()
    assert [run.wait(timeout=300) for run in others] == [0, 0]
    until(lambda: not work.processes(), "the end of every process", 60)
    summaries = sorted(re.search(r"\d (built|reused), in", work.said(run))[0] for run in others)
    assert summaries == ["2 built, in", "2 reused, in"]
    assert len([*work.at_gate("acme"), *work.at_gate("beta")]) == 4
    assert "2 reused, in " in work.check_recovery()


@pytest.fixture
def disk(work):
    """A small disk of its own for the reports."""
    aside = work.root / "aside"
    work.reports.rename(aside)
    work.reports.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "crmlab-test", str(work.reports)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk can be mounted here by nobody, or not by this user")
    try:
        shutil.copytree(aside, work.reports, dirs_exist_ok=True)
        yield work.reports
    finally:
        subprocess.run(["umount", "--lazy", str(work.reports)], check=True)


def check_target_refuses(work, before, fault, **options):
    """A run whose reports cannot be written says so in a line, and spoils nothing."""
    code, said = work.run(**options)
    assert (code, "Traceback" in said) == (1, False), said
    assert f"cannot be written: {fault}" in said
    assert work.files() == before


def test_a_disk_that_is_full_or_cannot_be_written_ends_the_run_and_spoils_nothing(work, disk):
    before, ballast = work.files(), disk / "ballast"
    work.notebook("analysis", OPEN, GATE, PUBLISH)
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass
    check_target_refuses(work, before, "No space left on device")
    work.check_clean()
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    check_target_refuses(work, before, "Read-only file system")
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert "2 built, in " in work.check_recovery()


def test_a_file_that_may_not_grow_ends_the_run_and_spoils_nothing(work):
    before = work.files()
    work.notebook("analysis", OPEN, GATE, PUBLISH)
    limit = len(before["acme/2024-03-31/analysis.html"]) // 2
    quota = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))}
    check_target_refuses(work, before, "File too large", **quota)
    work.check_clean()
    assert "2 built, in " in work.check_recovery()


def test_clients_that_cannot_be_read_fail_alone(work):
    before = work.files()
    rubbish = bytes(range(256)) * 40
    faults = {
        "missing": ("none.csv", None, "no such file: data/none.csv"),
        "folder": ("folder.csv", None, "folder.csv is not a file"),
        "rubbish": ("rubbish.csv", rubbish, "rubbish.csv"),
        "parquet": ("rubbish.parquet", rubbish, "rubbish.parquet: cannot be read"),
        "unread": ("unread.csv", ROWS, "unread.csv"),
    }
    unread = work.root / "data/unread.csv"
    for client, (file, content, _) in faults.items():
        work.write(f"params/{client}.yaml", BASE.replace("acme/transactions.csv", file))
        if content:
            work.write(f"data/{file}", content)
    work.write("params/beta.yaml", "client: [")
    faults["beta"] = (None, None, "params/beta.yaml: line 1: is not valid YAML")
    (work.root / "data/folder.csv").mkdir()
    unread.chmod(0)
    if not os.geteuid():  # permissions do not bind this user; memory read from its start fails like a broken disk
        unread.unlink()
        unread.symlink_to("/proc/self/mem")
    work.notebook("analysis", OPEN, PUBLISH)
    work.notebook("second", OPEN, PUBLISH)
    code, said = work.run()
    assert code == 1, said
    assert "Traceback" not in said
    assert re.search("built +acme +second", said)
    index = html.unescape((work.reports / "index.html").read_text())
    for client, (*_, reason) in faults.items():
        failure = json.loads((work.reports / client / "failed.json").read_text())
        assert reason in failure["reason"]
        assert reason in index
        assert reason in said
    beta = {name: content for name, content in before.items() if name.startswith("beta")}
    assert {name: work.files()[name] for name in beta} == beta
    work.check_whole()
    work.check_clean()

    stood = {path: path.stat().st_mtime_ns for path in work.reports.rglob("*")}
    code, said = work.run("beta", "missing", "folder")
    assert code == 2, said
    assert len(said.splitlines()) == 3
    assert {path: path.stat().st_mtime_ns for path in work.reports.rglob("*")} == stood

    for client in faults:
        if client != "beta":
            (work.root / f"params/{client}.yaml").unlink()
            shutil.rmtree(work.reports / client)
    work.write("params/beta.yaml", BASE)
    assert re.search("built +beta +second", work.check_recovery())
    assert not (work.reports / "beta/failed.json").exists()
