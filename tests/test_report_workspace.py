import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from crmlab.contract import InputError
from crmlab.report import workspace

HOLD = """
import sys, time
from pathlib import Path
from crmlab.report import workspace
reports = Path(sys.argv[1])
with workspace.scratch() as folder, workspace.only_run(reports, ['a', 'b'], print), workspace.staging(reports):
    print(folder, flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def holder(tmp_path, monkeypatch):
    """Another process at work in `tmp_path / reports`, and its folder for temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    workspace.own_folder.cache_clear()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "reports")], stdout=subprocess.PIPE, text=True
    )
    yield process, Path(process.stdout.readline().strip()).parent
    process.kill()
    process.wait()
    process.stdout.close()
    workspace.own_folder.cache_clear()


def test_a_second_run_waits_and_says_for_whom_and_takes_over_when_the_holder_is_killed(holder, tmp_path):
    process, _ = holder
    reports, said, entered = tmp_path / "reports", [], threading.Event()

    def second():
        with workspace.only_run(reports, ["c", "b"], said.append), workspace.staging(reports):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not entered.wait(1)
    assert f"another run (process {process.pid} on " in said[0]
    assert "is at work on b; waiting for it to end" in said[0]
    (theirs,) = reports.glob(".staging-*")
    # who works on other clients waits for nobody, and leaves alone what is in use
    with workspace.only_run(reports, ["d"], said.append) as waited, workspace.staging(reports) as ours:
        assert not waited and set(reports.glob(".staging-*")) == {theirs, ours}
    process.kill()
    assert entered.wait(30)
    thread.join()
    assert len(said) == 1
    assert sorted(path.name for path in reports.iterdir()) == [".lock", ".locks"]
    assert json.loads((reports / ".locks/b").read_text())["pid"] == os.getpid()


def test_temporary_files_of_killed_runs_are_removed_and_of_running_ones_are_not(holder):
    process, theirs = holder
    (theirs / "large").write_bytes(b"0" * 1000)
    with workspace.scratch() as ours:
        assert ours.parent.parent == theirs.parent
        assert (theirs / "large").exists()
    assert not ours.exists()
    process.kill()
    process.wait()
    workspace.own_folder.cache_clear()
    with workspace.scratch():
        assert not theirs.exists()


def test_nothing_is_left_of_a_run_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), workspace.staging(tmp_path) as staging:
        (staging / "half").write_text("a report")
        1 / 0  # noqa: B018
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_place_that_cannot_hold_reports_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="file: cannot hold reports: File exists; name another folder"),
        workspace.only_run(tmp_path / "file", ["a"], print),
    ):
        pass


def test_a_full_disk_is_told_from_other_faults():
    assert workspace.is_full(OSError(errno.ENOSPC, "No space left on device"))
    assert workspace.is_full(OSError(errno.EROFS, "Read-only file system"))
    assert not workspace.is_full(PermissionError(errno.EACCES, "Permission denied"))
    assert not workspace.is_full(ValueError("No space left on device"))
