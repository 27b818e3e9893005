"""Which report is made when: after those it needs, a few at a time, as memory allows; and what becomes of each.

As many notebooks compute as there are workers. One more kernel is started meanwhile, so that no worker waits for it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from crmlab.report import build, inputs, memory, processes, workspace
from crmlab.report.plan import Job, Plan
from crmlab.report.published import Published

# how often a run looks at its kernels' memory and refreshes what it shows
_TICK_SECONDS = 0.5


@dataclass(frozen=True)
class Outcome:
    """What became of a report.

    Attributes
    ----------
    status
        `built`, `reused`, `skipped` or `failed`.
    reason
        Why it was built anew, skipped, or failed.
    seconds, peak_memory_mb
        What it took, the wait for its turn left out; None where it was not measured.
    file
        What to look at.
    """

    client: str
    notebook: str
    as_of: str
    status: str
    reason: str | None
    seconds: float
    file: Path
    peak_memory_mb: int | None = None


@dataclass
class Running:
    """A report in the making.

    Attributes
    ----------
    why
        Why it is made.
    expected, peak
        Bytes that its kernel is expected to take, and the most that it was seen to take.
    started, waiting
        Since when it is made, and since when its kernel waits for its turn, if it does; seconds of a monotonic clock.
    """

    job: Job
    why: str
    expected: int
    started: float = field(default_factory=time.monotonic)
    pid: int | None = None
    peak: int = 0
    waiting: float | None = None

    @property
    def seconds(self) -> float:
        """How long it has been made, the wait for its turn left out."""
        return (self.waiting or time.monotonic()) - self.started

    @contextmanager
    def turn(self, turns: threading.Semaphore) -> Iterator[None]:
        """What it does when its turn has come; that it waited is no time of its own."""
        self.waiting = time.monotonic()
        with turns:
            self.started += time.monotonic() - self.waiting
            self.waiting = None
            yield

    def spent(self) -> dict:
        """What it took so far, for its record: `seconds`, and `peak_memory_mb` in units of 2^20 bytes."""
        return {"seconds": round(self.seconds, 1), "peak_memory_mb": self.peak >> 20}


class Watch(Protocol):
    """What shows a run to whoever waits for it."""

    def planned(self, jobs: int) -> None:
        """So many reports are to be looked at."""

    def started(self, job: Job) -> None:
        """A report is begun."""

    def finished(self, outcome: Outcome) -> None:
        """A report is done, or needs not be made."""

    def tick(self, running: list[Running], left: int) -> None:
        """What is being made now, and how many reports are left; called twice a second."""

    def say(self, line: str) -> None:
        """Something to tell at once."""


class Schedule:
    """Starts each report when those it needs are done, a worker is free and memory suffices.

    Parameters
    ----------
    before
        What stands in the folder of reports.
    workers
        How many notebooks compute at a time.
    check
        Called now and then; what it raises ends all kernels and the run.
    """

    def __init__(
        self,
        plan: Plan,
        before: Mapping[str, Published],
        site: build.Site,
        workers: int,
        watch: Watch,
        check: Callable[[], None],
    ):
        self.waiting = {job.key: job for job in plan.jobs}
        self.states: dict[tuple[str, str], str] = {}
        self.running: dict[Future, Running] = {}
        self.outcomes: list[Outcome] = []
        self.site, self.workers, self.watch, self.check = site, workers, watch, check
        self.turns = threading.Semaphore(workers)
        self.stopping = False
        entries = [entry for client in before.values() for entry in client.entries]
        self.records = {(entry["client"], entry["as_of"], entry["notebook"]): entry for entry in entries}
        # of several dates the last
        self.latest = {(entry["client"], entry["notebook"]): entry for entry in entries}

    def run(self) -> list[Outcome]:
        """Make all reports of the plan that are not current; what became of each.

        A report that fails is an outcome; what `check` raises, and an `OSError` of a full disk, ends all.
        """
        with ThreadPoolExecutor(self.workers + 1) as pool:
            try:
                while self.waiting or self.running:
                    self.check()
                    self._start_what_can(pool)
                    done, _ = wait(self.running, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._finish(self.running.pop(future), future)
                    self._measure()
                    at_work = [each for each in self.running.values() if not each.waiting]
                    self.watch.tick(at_work, len(self.waiting) + len(self.running) - len(at_work))
            except BaseException:
                self._stop()
                raise
        return self.outcomes

    def _start_what_can(self, pool: ThreadPoolExecutor) -> None:
        for job in list(self.waiting.values()):
            needed = [(job.client, name) for name in job.notebook.needs]
            if any(key in self.waiting or key not in self.states for key in needed):
                continue
            if needed:
                job = job.after({name: self.states[job.client, name] for _, name in needed})
            if self._settled(job):
                continue
            if len(self.running) > self.workers:
                return
            measured = self.latest.get(job.key, {}).get("provenance", {}).get("peak_memory_mb")
            expected = measured << 20 if measured else memory.TYPICAL
            claims = [(each.expected, memory.used(each.pid) if each.pid else 0) for each in self.running.values()]
            if not memory.enough(expected, memory.available(), claims):
                return
            del self.waiting[job.key]
            running = Running(job, self._why(job), expected)
            self.watch.started(job)
            self.running[pool.submit(self._make, running)] = running

    def _settled(self, job: Job) -> bool:
        """Whether a report needs no kernel: it is skipped, or current."""
        record = self._record(job)
        if job.reason:
            if record is None or (record["status"], record.get("fingerprint")) != ("skipped", job.fingerprint):
                fault = fault_of(build.skip, job, self.site)
            else:
                fault = None
            self._done(job, "failed" if fault else "skipped", fault or job.reason, 0.0, f"{job.notebook.name}.json")
        elif not self.site.force and build.is_current(job, record, self.site):
            self._done(job, "reused", None, 0.0, f"{job.notebook.name}.html")
        else:
            return False
        del self.waiting[job.key]
        return True

    def _make(self, running: Running) -> str | None:
        """Build a report; if it fails, publish that, and return the reason."""

        def started(pid: int) -> None:
            running.pid = pid
            if self.stopping:
                processes.end_group(pid)

        try:
            build.build(running.job, self.site, started, running.spent, running.turn(self.turns))
        except Exception as error:  # whatever goes wrong in one report is that report's result, and is shown
            if self.stopping or workspace.is_full(error):
                raise
            reason = build.reason(error)
            fault = fault_of(build.fail, running.job, self.site, error, running.spent())
            return f"{reason}; {fault}" if fault and fault not in reason else reason
        return None

    def _finish(self, running: Running, future: Future) -> None:
        job, reason = running.job, future.result()
        spent = (running.seconds, f"{job.notebook.name}.failed.html" if reason else f"{job.notebook.name}.html")
        self._done(job, "failed" if reason else "built", reason or running.why, *spent, running.peak >> 20)

    def _done(self, job: Job, status: str, reason: str | None, seconds: float, file: str, peak: int | None = None):
        self.states[job.key] = status if status in ("failed", "skipped") else job.fingerprint
        path = self.site.reports / job.folder / file
        outcome = Outcome(job.client, job.notebook.name, job.as_of.isoformat(), status, reason, seconds, path, peak)
        self.outcomes.append(outcome)
        self.watch.finished(outcome)

    def _measure(self) -> None:
        for running in self.running.values():
            if running.pid:
                running.peak = max(running.peak, memory.used(running.pid))

    def _stop(self) -> None:
        """End all kernels; what they would have given is not published."""
        self.stopping = True
        for future, running in self.running.items():
            future.cancel()
            if running.pid:
                processes.end_group(running.pid)

    def _record(self, job: Job) -> dict | None:
        return self.records.get((job.client, job.as_of.isoformat(), job.notebook.name))

    def _why(self, job: Job) -> str:
        record = self._record(job)
        if record is None or not record.get("inputs"):
            return "new date" if job.key in self.latest else "new"
        if record["status"] == "failed":
            return "it failed before"
        changes = inputs.changed(record["inputs"], job.inputs)
        return f"changed: {changes}" if changes else "asked for" if self.site.force else "its files were not whole"


def fault_of(write: Callable, *arguments: Any) -> str | None:
    """Write into one client's folder; why that cannot be done, if the fault is that folder's alone.

    An `OSError` of a full disk is raised, for it ends the run.
    """
    try:
        write(*arguments)
    except OSError as error:
        if workspace.is_full(error):
            raise
        return f"{error.filename}: cannot be written: {error.strerror}"
    return None
