"""How a run shows itself: a live line on a terminal, plain lines elsewhere, a table at the end, a log as JSON lines."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from crmlab.contract import InputError
from crmlab.report.plan import Job
from crmlab.report.schedule import Outcome, Running

_COLOURS = {"built": "green", "reused": "cyan", "skipped": "yellow", "failed": "red"}
# reports that were current already are counted, not listed, where there are more of them
_MOST_REUSED = 12


class Progress:
    """Shows a run to whoever waits for it; `quiet` shows failures alone.

    Parameters
    ----------
    log
        File that takes what happens as JSON lines; None for none.

    Raises
    ------
    InputError
        If the log cannot be written.
    """

    def __init__(self, log: Path | None, *, quiet: bool = False):
        self.quiet, self.log = quiet, log
        if log:
            try:
                log.open("a").close()
            except OSError as error:
                raise InputError(f"--log {log}: cannot be written: {error.strerror}") from error
        self.live = not quiet and sys.stderr.isatty()
        self.begun = time.monotonic()
        self.jobs = self.done = 0

    def doing(self, text: str) -> None:
        """Say what goes on before there is a plan; on a terminal alone."""
        if self.live:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def planned(self, jobs: int) -> None:
        """Note how many reports are to be looked at."""
        self.jobs = jobs
        self._log("started", reports=jobs)

    def started(self, job: Job) -> None:
        """Log that a report is begun."""
        self._log("report_started", client=job.client, notebook=job.notebook.name, as_of=job.as_of.isoformat())

    def finished(self, outcome: Outcome) -> None:
        """Count and log a report that is done; say so of one that failed, or was built where there is no live line."""
        self.done += bool(outcome.notebook)
        if outcome.status != "reused":
            self._log("report", **_logged(outcome))
        if outcome.status == "failed":
            self.say(f"{_line(outcome)}\n          see {shown(outcome.file)}" if outcome.notebook else outcome.reason)
        elif outcome.status == "built" and not self.quiet and not self.live:  # a terminal has the table in the end
            self.say(_line(outcome))

    def tick(self, running: list[Running], left: int) -> None:
        """Show what is being made, and how many reports are left, on a live line."""
        if not self.live:
            return
        now = ", ".join(f"{each.job.client} {each.job.notebook.name} {each.seconds:.0f} s" for each in running)
        line = f"{self.done} of {self.jobs} done, {left} waiting, {_clock(time.monotonic() - self.begun)}  {now}"
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{line[:width]}", nl=False, err=True)

    def say(self, line: str) -> None:
        """Show a line of its own, above the live one."""
        if self.live:
            click.echo("\r\x1b[K", nl=False, err=True)
        click.echo(line if self.live or self.quiet else f"{datetime.now():%H:%M:%S}  {line}", err=True)

    def stopped(self, signal: str) -> None:
        """Say by which signal the run was ended."""
        self._log("stopped", signal=signal)
        self.say(f"stopped by {signal}; what was published stays, the next run makes the rest")

    def ended(self, outcomes: Sequence[Outcome], index: Path) -> None:
        """Show the table of all reports, and the page to open."""
        seconds = time.monotonic() - self.begun
        counts = {status: sum(outcome.status == status for outcome in outcomes) for status in _COLOURS}
        self._log("ended", seconds=round(seconds, 1), **counts)
        if self.live:
            click.echo("\r\x1b[K", nl=False, err=True)
        if self.quiet:
            return
        for line in _table(outcomes):
            click.echo(line)
        summed = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        click.echo(f"{summed or 'nothing to do'}, in {_clock(seconds)}. Open {shown(index)}")

    def _log(self, event: str, **about) -> None:
        if self.log:
            line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event} | about
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def shown(path: Path) -> str:
    """A path relative to the working folder where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _line(outcome: Outcome) -> str:
    status = click.style(f"{outcome.status:8}", fg=_COLOURS[outcome.status])
    where = f"{outcome.client:16} {outcome.notebook:20} {outcome.as_of:10}"
    reason = "; ".join((outcome.reason or "").splitlines())
    return f"{status}{where} {_seconds(outcome)}  {reason}".rstrip()


def _table(outcomes: Sequence[Outcome]) -> list[str]:
    """One line per report, those that were made last; those that stand as they were are summed up if they are many."""
    order = list(_COLOURS)
    rows = sorted(outcomes, key=lambda outcome: order.index(outcome.status))
    reused = [outcome for outcome in rows if outcome.status == "reused"]
    lines = [_line(outcome) for outcome in rows if outcome not in reused or len(reused) <= _MOST_REUSED]
    if len(reused) > _MOST_REUSED:
        lines.append(f"{click.style('reused  ', fg=_COLOURS['reused'])}{len(reused)} reports, as they were")
    return lines


def _logged(outcome: Outcome) -> dict:
    about = {name: getattr(outcome, name) for name in ("client", "notebook", "as_of", "status", "reason")}
    return about | {"seconds": round(outcome.seconds, 1), "peak_memory_mb": outcome.peak_memory_mb}


def _seconds(outcome: Outcome) -> str:
    return f"{outcome.seconds:7.1f} s"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
