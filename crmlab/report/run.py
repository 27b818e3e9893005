"""Runs planned reports and publishes them: HTML, JSON and executed notebook for each, and the index over all.

A report is built in a folder of its own and moved into place when it is whole, so that a failure leaves the earlier
report where it was.
"""

import json
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from crmlab.contract import InputError
from crmlab.notebook import parse_day
from crmlab.params import Project
from crmlab.report.plan import Job

# nbconvert's exporter keeps state while it renders
_RENDERING = Lock()


@dataclass(frozen=True)
class Outcome:
    """What became of a job: `ok`, `failed` or `skipped`, and the file to look at."""

    job: Job
    status: str
    reason: str | None
    seconds: float
    file: Path


def run(
    project: Project, jobs: list[Job], reports: Path, *, workers: int, finished: Callable[[Outcome], None]
) -> list[Outcome]:
    """Make the reports, `workers` at a time, then the index over all that there are.

    Parameters
    ----------
    finished
        Called with each outcome as it is known.
    """
    from crmlab.report.index import render_index

    try:
        reports.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{reports.name}: cannot hold reports: {error.strerror}; name another folder") from error
    git = _git(project.root)
    with (
        tempfile.TemporaryDirectory(prefix=".staging-", dir=reports) as staging,
        ThreadPoolExecutor(max_workers=workers) as pool,
    ):

        def make(job: Job) -> Outcome:
            outcome = _make(job, project, reports, Path(staging), git)
            finished(outcome)
            return outcome

        outcomes = list(pool.map(make, jobs))
        index = Path(staging, "index.html")
        index.write_text(render_index(published(reports)), encoding="utf-8")
        os.replace(index, reports / "index.html")
    return outcomes


def published(reports: Path) -> list[dict]:
    """What stands in a folder of reports: the JSON of each client's reports at its latest date, with links to them.

    A report that failed at that date is listed as failed, with a link to the last good one where there is one.
    """
    entries = []
    for client in sorted(path for path in reports.iterdir() if path.is_dir() and not path.name.startswith(".")):
        dates = sorted(path for path in client.iterdir() if _is_day(path.name) and any(path.glob("*.json")))
        for path in sorted(dates[-1].glob("*.json")) if dates else ():
            if not path.name.endswith(".failed.json") and (entry := _read(path)):
                entries.append(entry | _failure(path) | _links(path, reports))
    return entries


def _read(path: Path) -> dict | None:
    """A record, or None with a warning if the file is none of ours."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if {"client", "notebook", "as_of", "status", "metrics"} <= set(record):
            return record
        raise ValueError("lacks what a report's record holds")
    except (OSError, ValueError, TypeError) as error:
        logging.getLogger("crmlab").warning("%s: left out of the index: %s", path, error)
        return None


def _failure(path: Path) -> dict:
    """That the last run failed, if it did; the figures of the last good report stay."""
    failed = path.with_name(f"{path.stem}.failed.json")
    record = _read(failed) if failed.exists() else None
    return {"status": "failed", "reason": record["reason"]} if record else {}


def _links(path: Path, reports: Path) -> dict[str, str | None]:
    pages = {"href": path.with_suffix(".html"), "failed_href": path.with_name(f"{path.stem}.failed.html")}
    return {key: page.relative_to(reports).as_posix() if page.exists() else None for key, page in pages.items()}


def _is_day(name: str) -> bool:
    try:
        parse_day(name)
    except ValueError:
        return False
    return True


def _make(job: Job, project: Project, reports: Path, staging: Path, git: str) -> Outcome:
    started = time.monotonic()
    target = reports / job.folder
    work = Path(tempfile.mkdtemp(dir=staging))
    name = job.notebook.name
    if job.reason:
        _write(work / f"{name}.json", job.record("skipped", job.reason, {}, 0.0, git))
        _publish(work, target)
        return Outcome(job, "skipped", job.reason, 0.0, target / f"{name}.json")
    try:
        executed = _execute(job, project, work / "published")
        results = json.loads((work / "published").read_text(encoding="utf-8"))
        (work / "published").unlink()
        record = job.record("ok", None, results, time.monotonic() - started, git)
        _render(executed, record, work)
    except Exception as error:  # whatever goes wrong in one report is that report's result, and is shown
        reason = _reason(error)
        for left_over in work.iterdir():
            left_over.unlink()
        record = job.record("failed", reason, {}, time.monotonic() - started, git)
        _render_failure(error, record, work, (target / f"{name}.html").exists())
        _write(work / f"{name}.failed.json", record)
        if not (target / f"{name}.json").exists():
            _write(work / f"{name}.json", record)
        _publish(work, target)
        return Outcome(job, "failed", reason, time.monotonic() - started, target / f"{name}.failed.html")
    _publish(work, target)
    for stale in (f"{name}.failed.html", f"{name}.failed.json"):
        (target / stale).unlink(missing_ok=True)
    return Outcome(job, "ok", None, time.monotonic() - started, target / f"{name}.html")


def _execute(job: Job, project: Project, publish_to: Path):
    """The executed notebook, without papermill's marks: they name this machine's folders."""
    import nbformat
    import papermill

    import crmlab.report.kernels  # noqa: F401  (registers the engine)

    executed = papermill.execute_notebook(
        nbformat.read(job.notebook.path, as_version=4),
        None,
        job.injected,
        engine_name="crmlab",
        kernel_name="python3",
        language="python",
        progress_bar=False,
        folder=project.root,
        environment={"CRMLAB_PUBLISH": str(publish_to), "CRMLAB_PARAMS": str(project.params)},
    )
    if not publish_to.exists():
        raise RuntimeError(
            f"{job.notebook.name} ended without client.publish(...): its last cell must hand over results"
        )
    for holder in (executed, *executed.cells):
        holder.metadata.pop("papermill", None)
        holder.metadata.pop("execution", None)
    return executed


def _render(executed, record: dict, work: Path) -> None:
    import nbformat

    from crmlab.report.html import render

    name = record["notebook"]
    with _RENDERING:
        page = render(executed, _meta(record))
    (work / f"{name}.html").write_text(page, encoding="utf-8")
    nbformat.write(executed, work / f"{name}.ipynb")
    _write(work / f"{name}.json", record)


def _render_failure(error: Exception, record: dict, work: Path, has_earlier: bool) -> None:
    from crmlab.report.html import render_failed

    shown = {
        "ename": getattr(error, "ename", type(error).__name__),
        "evalue": getattr(error, "evalue", str(error)),
        "traceback": "\n".join(getattr(error, "traceback", None) or [str(error)]),
        "cell": getattr(error, "source", ""),
    }
    name = record["notebook"]
    page = render_failed(_meta(record), shown, last_good=f"{name}.html" if has_earlier else None)
    (work / f"{name}.failed.html").write_text(page, encoding="utf-8")


def _reason(error: Exception) -> str:
    """One line: the notebook's own error where there is one."""
    name, text = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
    return f"{name}: {text}".strip().splitlines()[0]


def _meta(record: dict) -> dict:
    """A report's JSON as the page wants it: `client` is there the name on the page."""
    return record | {"client_id": record["client"], "client": record["client_name"]}


def _write(path: Path, record: dict) -> None:
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _publish(work: Path, target: Path) -> None:
    """Move finished files into place, each at once; the JSON last, since it says that the rest is there."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(work.iterdir(), key=lambda path: path.suffix == ".json"):
        os.replace(path, target / path.name)


def _git(root: Path) -> str:
    """The commit the project stands at, `-dirty` if files differ from it; empty where there is no git."""
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return described.stdout.strip()
