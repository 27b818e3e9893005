"""Where a run works: alone on its clients in a folder of reports, with temporary files; and what killed runs left.

Runs of other clients, from this working copy or another, may be at work in the same folder. What all share there, the
audit log and the portfolio, each writes while it holds the whole folder, which is for moments.
"""

import errno
import json
import multiprocessing.util
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from crmlab.contract import InputError

LOCK, _LOCKS = ".lock", ".locks"
_WAIT_SECONDS = 0.5
_STAGING = ".staging-"
_SCRATCH, _NEW_SCRATCH, _NEW_SECONDS = "crmlab-run-", "crmlab-new-", 60
# locks that are let go of with the process
_held: list[FileLock] = []
# the disk can take nothing more; any other fault of a file is that of one report
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class TargetError(Exception):
    """The folder of reports takes no more files; one line says why and what to do."""


def is_full(error: BaseException) -> bool:
    """Whether an error shows that a disk takes nothing more, which ends a run; other faults of files do not."""
    return isinstance(error, OSError) and error.errno in _FULL


@contextmanager
def only_run(
    reports: Path,
    clients: Iterable[str],
    waiting: Callable[[str], None],
    check: Callable[[], None] = lambda: None,
) -> Iterator[bool]:
    """Hold what a folder of reports has of some clients; another run of theirs waits until this one has ended.

    Parameters
    ----------
    waiting
        Called with a line on who holds a client, for each that is held.
    check
        Called now and then while it is; what it raises ends the waiting.

    Yields
    ------
    bool
        Whether there was another run to wait for.

    Raises
    ------
    InputError
        If the folder cannot hold reports; an `OSError` where its disk is full.
    """
    waited = False
    about = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat()}
    with ExitStack() as held:
        try:
            reports.mkdir(parents=True, exist_ok=True)
            (reports / _LOCKS).mkdir(exist_ok=True)
            # in one order everywhere: no two runs wait for each other
            for client in sorted(set(clients)):
                path = reports / _LOCKS / client
                lock = FileLock(path)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    waited = True
                    waiting(f"{reports}: {_holder(path)} is at work on {client}; waiting for it to end")
                    while not lock.is_locked:
                        check()
                        with suppress(Timeout):
                            lock.acquire(timeout=_WAIT_SECONDS)
                held.callback(lock.release)
                path.write_text(json.dumps(about), encoding="utf-8")
        except OSError as error:
            if is_full(error):
                raise
            raise InputError(f"{reports}: cannot hold reports: {error.strerror}; name another folder") from error
        yield waited


def _holder(path: Path) -> str:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return f"another run (process {about['pid']} on {about['host']}, since {about['since'][:16]} UTC)"
    except (OSError, ValueError, KeyError, TypeError):  # it has only just begun
        return "another run"


def whole_folder(reports: Path) -> FileLock:
    """The lock on what runs of all clients write; who holds it may enter again, others wait for the moment it takes."""
    return FileLock(reports / LOCK, is_singleton=True)


@contextmanager
def staging(reports: Path) -> Iterator[Path]:
    """A folder on the disk of the reports, in which files are made whole before they are moved to their place."""
    # its lock is taken before anybody else may look for what killed runs left behind
    with whole_folder(reports):
        for left_over in reports.glob(f"{_STAGING}*"):
            with suppress(Timeout), FileLock(left_over / LOCK, timeout=0):
                shutil.rmtree(left_over)
        folder = Path(tempfile.mkdtemp(prefix=_STAGING, dir=reports))
        lock = FileLock(folder / LOCK)
        lock.acquire()
    try:
        yield folder
    finally:
        with whole_folder(reports):
            lock.release()
            shutil.rmtree(folder)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what a run and its kernels write in passing."""
    with tempfile.TemporaryDirectory(dir=own_folder(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@cache
def own_folder() -> Path:
    """The folder for temporary files of this process; those of processes that were killed are removed."""
    temporary = Path(tempfile.gettempdir())
    for left_over in temporary.glob(f"{_SCRATCH}*"):
        # the system lets go of a lock when its process ends; others' folders cannot be opened
        with suppress(Timeout, OSError), FileLock(left_over / LOCK, timeout=0):
            shutil.rmtree(left_over)
    for left_over in temporary.glob(f"{_NEW_SCRATCH}*"):
        with suppress(OSError):
            if time.time() - left_over.stat().st_mtime > _NEW_SECONDS:
                shutil.rmtree(left_over)
    new = Path(tempfile.mkdtemp(prefix=_NEW_SCRATCH))
    folder = new.with_name(new.name.replace(_NEW_SCRATCH, _SCRATCH))
    lock = FileLock(new / LOCK)
    lock.acquire()
    # locked before it bears the name by which others look for what was left behind
    new.rename(folder)
    # after multiprocessing's own files in it, which go at priority -100
    multiprocessing.util.Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=-200)
    _held.append(lock)
    return folder
