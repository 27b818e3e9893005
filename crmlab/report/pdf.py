"""Prints reports by a browser that is installed: each as a PDF beside its page.

A PDF holds the fingerprint of the page that it was printed from, and is not kept beside another.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from crmlab.report import audit, memory, processes, seal, workspace
from crmlab.report.progress import shown
from crmlab.report.schedule import Outcome

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
VARIABLE = "CRMLAB_CHROMIUM"
# no window, no profile that is anyone's, no word to anyone: names lead nowhere, and no proxy may look them up
_FLAGS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync"),
    *("--disable-domain-reliability", "--disable-client-side-phishing-detection", "--disable-breakpad", "--no-pings"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--no-proxy-server", "--password-store=basic", "--use-mock-keychain"),
    "--no-pdf-header-footer",
)
_MEMORY = 512 << 20
_TICK_SECONDS = 0.2
# the end of a PDF, with the mark before it
_TAIL = 1024


@dataclass(frozen=True)
class _Press:
    """What prints, where, and how long it may take; `ending` is set where the run is told to end."""

    program: str
    staging: Path
    scratch: Path
    seconds: float
    ending: threading.Event = field(default_factory=threading.Event)


def browser() -> str | None:
    """The browser that prints: what CRMLAB_CHROMIUM names, or else the first of its kind that is installed."""
    named = os.environ.get(VARIABLE)
    return next(filter(None, map(shutil.which, (named,) if named else PROGRAMS)), None)


def update(
    outcomes: Iterable[Outcome],
    reports: Path,
    scratch: Path,
    *,
    wanted: bool,
    say: Callable[[str], None],
    root: Path,
    check: Callable[[], None] = lambda: None,
    workers: int = 1,
    seconds: float = 120.0,
) -> bool:
    """Print the reports whose PDF is missing or of an earlier page; where none are wanted, remove the latter.

    Parameters
    ----------
    outcomes
        Of the run; those that failed or were skipped get no PDF.
    scratch
        Folder for what browsers write in passing.
    say
        Called with a line for each report that could not be printed, and why.
    root
        The project's folder, whose key signs the audit log.
    check
        Called now and then; what it raises ends the printing.
    workers, seconds
        How many are printed at a time, fewer where memory is short, and how long one may take.

    Returns
    -------
    bool
        Whether nothing is left to print, or none was wanted.
    """
    pages = [outcome.file for outcome in outcomes if outcome.status in ("built", "reused")]
    pages = [page for page in pages if not seal.is_sealed(page)]
    if not any(wanted or beside(page).exists() for page in pages):
        return True
    clients = {outcome.client for outcome in outcomes if outcome.file in pages}
    with workspace.only_run(reports, clients, say, check), workspace.staging(reports) as staging:
        log = audit.Log(reports, root)
        outdated = [page for page in pages if not (is_current(page) and log.agrees(beside(page)))]
        prints = [beside(page) for page in outdated]
        for path in prints:
            path.unlink(missing_ok=True)
        log.note("removed", prints)
        if not wanted or not outdated:
            return True
        if (program := browser()) is None:
            named = os.environ.get(VARIABLE)
            lack = f"{VARIABLE}={named} is no program" if named else "no Chromium, Chrome or Edge was found"
            say(f"crmlab report: {lack}, so no PDF was printed; install chromium or set {VARIABLE}")
            return False
        faults = _print_all(outdated, _Press(program, staging, scratch, seconds), workers, check)
        log.note("printed", prints)
    for page, fault in faults.items():
        say(f"{shown(page)}: no PDF was printed: {fault}")
    return not faults


def beside(page: Path) -> Path:
    """The PDF of a page."""
    return page.with_suffix(".pdf")


def is_current(page: Path) -> bool:
    """Whether the PDF beside a page was printed from it as it stands."""
    pdf = beside(page)
    return pdf.is_file() and _mark(page.read_bytes()) in pdf.read_bytes()[-_TAIL:]


def _mark(page: bytes) -> bytes:
    return b"%% printed from %s\n" % hashlib.sha256(page).hexdigest().encode()


def _print_all(pages: list[Path], press: _Press, workers: int, check: Callable[[], None]) -> dict[Path, str]:
    """Print pages, several at a time; why that failed, by page."""
    with ThreadPoolExecutor(max(1, min(workers, memory.available() // _MEMORY))) as pool:
        futures = {page: pool.submit(_print, page, press) for page in pages}
        try:
            while wait(futures.values(), timeout=_TICK_SECONDS).not_done:
                check()
        except BaseException:
            press.ending.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {page: fault for page, future in futures.items() if (fault := future.result())}


def _print(page: Path, press: _Press) -> str | None:
    """Print a page and put the PDF beside it when it is whole; why that failed, if it did."""
    try:
        with (
            tempfile.TemporaryDirectory(dir=press.staging) as work,
            tempfile.TemporaryDirectory(dir=press.scratch, ignore_cleanup_errors=True) as profile,
        ):
            new, log = Path(work, "new.pdf"), Path(profile, "log")
            mark, ended = _mark(page.read_bytes()), _run(page, new, log, press)
            if not ended:
                return f"the browser took longer than {press.seconds:g} s"
            content = new.read_bytes() if new.exists() else b""
            place = content.rfind(b"startxref")
            if not content.startswith(b"%PDF-") or b"%%EOF" not in content[max(place, 0) :]:
                return _last_words(log) or "the browser wrote none"
            with new.open("wb") as stream:  # a comment there is part of no object and moves none
                stream.write(content[:place] + mark + content[place:])
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(new, beside(page))
    except OSError as error:
        if workspace.is_full(error):
            raise
        return f"{error.filename or press.program}: {error.strerror}"
    return None


def _run(page: Path, new: Path, log: Path, press: _Press) -> bool:
    """Have the browser write a page to a file; whether it ended in time."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # whom its sandbox does not serve
    own = [f"--user-data-dir={log.parent}", f"--print-to-pdf={new}", *(["--no-sandbox"] if root else [])]
    command, deadline = [press.program, *_FLAGS, *own, page.absolute().as_uri()], time.monotonic() + press.seconds
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    while time.monotonic() < deadline and not press.ending.is_set():
        try:
            process.wait(_TICK_SECONDS)
            return True
        except subprocess.TimeoutExpired:
            continue
    processes.end_group(process.pid)
    process.wait()
    return False


def _last_words(log: Path) -> str:
    """What a browser said last, without its talk of desktop services that a server does not have."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [re.sub(r"^\[[^\]]*\]\s*", "", line).strip() for line in lines if "dbus" not in line and line.strip()]
    return said[-1] if said else ""
