"""One report: its notebook run, its page written, its files moved into place when they are whole.

An earlier good report stays until its successor is whole, and beside a failure.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from crmlab.params import Project, load_params
from crmlab.report import alerts, audit, customers, inputs, joining, seal, signing
from crmlab.report.html import render, render_failed, without_places
from crmlab.report.plan import Job

# what no notebook may see, lest it shows it
_SECRETS = (seal.VARIABLE, signing.VARIABLE)
# nbconvert's exporter keeps state while it renders
_RENDERING = Lock()


@dataclass(frozen=True)
class Site:
    """Where reports are made.

    Attributes
    ----------
    reports
        The folder that they are published in.
    staging
        A folder on the same disk.
    scratch
        A folder for files that nobody keeps.
    seconds
        How long a notebook may take.
    engine_memory_mb
        What the engine of one kernel may hold before it spills to the disk.
    force
        Whether reports are made again that are current.
    git
        The commit that the project stands at.
    log
        Where every file is entered before it is published.
    """

    project: Project
    reports: Path
    staging: Path
    scratch: Path
    seconds: float
    engine_memory_mb: int
    force: bool
    git: str
    log: audit.Log


def is_current(job: Job, record: dict | None, site: Site) -> bool:
    """Whether the report that stands was made from the same inputs, and is whole and as the audit log says."""
    if record is None or record.get("fingerprint") != job.fingerprint or record["status"] != "ok":
        return False
    files, folder = record["provenance"].get("files", {}), site.reports / job.folder
    whole = bool(files) and all(audit.digest(folder / name) == known for name, known in files.items())
    return whole and all(site.log.agrees(folder / name) for name in (*files, f"{job.notebook.name}.json"))


def skip(job: Job, site: Site) -> None:
    """Publish that a report is not made, and why."""
    record = job.record("skipped", job.reason, {}, {"git": site.git})
    with tempfile.TemporaryDirectory(dir=site.staging) as folder:
        _write(Path(folder, f"{job.notebook.name}.json"), record)
        _publish(Path(folder), job, site, "skipped", _failure(job))


def build(
    job: Job, site: Site, started: Callable[[int], None], spent: Callable[[], dict], turn: AbstractContextManager
) -> None:
    """Run the notebook and publish its report.

    Parameters
    ----------
    started
        Called with the process id of the kernel.
    spent
        Gives what the run took so far, for the record.
    turn
        Entered while the cells run; the kernel starts before, and the page is written after.

    Raises
    ------
    Exception
        Whatever went wrong; nothing is published then.
    """
    name = job.notebook.name
    with tempfile.TemporaryDirectory(dir=site.staging) as folder:
        work = Path(folder)
        executed, results = _execute(job, site, started, turn, work)
        _check_unchanged(job, site.project)
        record = job.record("ok", None, results, spent() | {"git": site.git})
        _render(executed, record, work)
        record["provenance"]["files"] = {name: audit.digest(work / name) for name in _files(work)}
        _write(work / f"{name}.json", record)
        clear = [f"{name}.ipynb", f"{name}.pdf"] if job.protect else []
        parts = [f"{parts}/{name}.csv" for parts in (customers.PARTS, alerts.PARTS)]
        unsaid = [part for part in parts if not (work / part).exists()]
        _publish(work, job, site, "published", [*_failure(job), *clear, *unsaid])


def fail(job: Job, site: Site, error: Exception, spent: dict) -> None:
    """Publish that a report could not be made, beside the last good one."""
    name, target = job.notebook.name, site.reports / job.folder
    # what an error says may come from the data
    why = type(error).__name__ if job.protect else without_places(reason(error))
    record = job.record("failed", why, {}, spent | {"git": site.git})
    with tempfile.TemporaryDirectory(dir=site.staging) as folder:
        work = Path(folder)
        _render_failure(error, record, work, (target / f"{name}.html").exists())
        _write(work / f"{name}.failed.json", record)
        if not (target / f"{name}.json").exists():
            _write(work / f"{name}.json", record)
        _publish(work, job, site, "failed")


def reason(error: Exception) -> str:
    """One line: the notebook's own error where there is one."""
    name, text = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
    return f"{name}: {text}".strip().splitlines()[0]


def replace_if_changed(path: Path, text: str, staging: Path) -> None:
    """Write a page in one step, and only if it says something new."""
    content = text.encode()
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(exist_ok=True)
        new = staging / path.name
        new.write_bytes(content)
        os.replace(new, path)


def _execute(job: Job, site: Site, started: Callable[[int], None], turn: AbstractContextManager, work: Path):
    """The executed notebook, without papermill's marks: they name this machine's folders; and what it handed over.

    Its parts of `customers.csv` and `alerts.csv` go into `work`.
    """
    from crmlab.report import kernels

    # isort: split
    import nbformat
    import papermill

    kernels.register()
    with tempfile.TemporaryDirectory(dir=site.scratch, ignore_cleanup_errors=True) as folder:
        handed_over = Path(folder, "published")
        executed = papermill.execute_notebook(
            nbformat.read(job.notebook.path, as_version=4),
            None,
            job.injected,
            engine_name="crmlab",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            folder=site.project.root,
            scratch=Path(folder),
            seconds=site.seconds,
            started=started,
            turn=turn,
            environment={name: value for name, value in os.environ.items() if name not in _SECRETS}
            | {
                "CRMLAB_PUBLISH": str(handed_over),
                "CRMLAB_PARAMS": str(site.project.params),
                "CRMLAB_REPORTS": str(site.reports),
                "CRMLAB_PREVIOUS": str(_previous(job, site)),
                "CRMLAB_MEMORY_MB": str(site.engine_memory_mb),
                "TMPDIR": folder,
            },
        )
        if not handed_over.exists():
            raise RuntimeError(
                f"{job.notebook.name} ended without client.publish(...): its last cell must hand over results"
            )
        results = json.loads(handed_over.read_text(encoding="utf-8"))
        for parts, ending in ((customers.PARTS, ".csv"), (alerts.PARTS, ".alerts.csv")):
            rows = Path(f"{handed_over}{ending}")
            if rows.exists():
                part = work / parts / f"{job.notebook.name}.csv"
                joining.make_private(part.parent)
                part.touch(mode=0o600)
                part.write_bytes(rows.read_bytes())
    for holder in (executed, *executed.cells):
        holder.metadata.pop("papermill", None)
        holder.metadata.pop("execution", None)
        if "outputs" in holder:  # messages to the analyst, which name places on this machine; no page shows them
            holder.outputs = [output for output in holder.outputs if output.get("name") != "stderr"]
    return executed, results


def _previous(job: Job, site: Site) -> Path | str:
    """The record of the last report before this one, if there is any."""
    return site.reports / job.client / job.previous / f"{job.notebook.name}.json" if job.previous else ""


def _check_unchanged(job: Job, project: Project) -> None:
    """Notebook, client's file and data were read again after they were fingerprinted: they must be the same still."""
    now = inputs.client_inputs(load_params(project, job.client, as_of=job.asked), project)
    now["notebook"] = inputs.notebook_inputs(job.notebook)
    if changes := inputs.changed(job.inputs, now, ("client", "data", "notebook")):
        raise RuntimeError(f"{changes} changed while the report was made; run again")


def _render(executed, record: dict, work: Path) -> None:
    import nbformat

    name = record["notebook"]
    with _RENDERING:
        page = render(executed, _meta(record))
    if record["protected"]:  # the notebook as it ran shows all that the page does
        _write_text(work / f"{name}.html", seal.seal(page, seal.run_password(record["client"])))
        return
    _write_text(work / f"{name}.html", page)
    _write_text(work / f"{name}.ipynb", nbformat.writes(executed) + "\n")


def _render_failure(error: Exception, record: dict, work: Path, has_earlier: bool) -> None:
    shown = {
        "ename": getattr(error, "ename", type(error).__name__),
        "evalue": getattr(error, "evalue", str(error)),
        "traceback": "\n".join(getattr(error, "traceback", None) or [str(error)]),
        "cell": getattr(error, "source", ""),
    }
    name = record["notebook"]
    page = render_failed(_meta(record), shown, last_good=f"{name}.html" if has_earlier else None)
    if record["protected"]:
        page = seal.seal(page, seal.run_password(record["client"]))
    _write_text(work / f"{name}.failed.html", page)


def _meta(record: dict) -> dict:
    """A report's JSON as the page wants it: `client` is there the name on the page."""
    return record | {"client_id": record["client"], "client": record["client_name"]}


def _write(path: Path, record: dict) -> None:
    """A record; that of a protected client, which other reports and runs build on, is for the owner's eyes alone."""
    _write_text(path, json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    if record["protected"]:
        path.chmod(0o600)


def _write_text(path: Path, text: str) -> None:
    """Write a file so that it is on the disk when this returns: a renamed file must not be empty after a power cut."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _publish(work: Path, job: Job, site: Site, event: str, over: Iterable[str] = ()) -> None:
    """Enter finished files into the audit log, then move them into place, each at once; the JSON last, since it says
    that the rest is there. Then remove what is `over`.
    """
    target = site.reports / job.folder
    gone = [target / name for name in over if (target / name).exists()]
    site.log.append(
        event,
        {target / name: audit.digest(work / name) for name in _files(work)} | dict.fromkeys(gone),
        client=job.client,
        notebook=job.notebook.name,
        as_of=job.as_of.isoformat(),
        fingerprint=job.fingerprint,
        data=job.inputs["data"],
        git=site.git,
    )
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(_files(work), key=lambda name: name.endswith(".json")):
        if "/" in name:
            joining.make_private((target / name).parent)
        os.replace(work / name, target / name)
    for path in gone:
        path.unlink()


def _files(work: Path) -> list[str]:
    """Finished files, named from the report's folder on."""
    return sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())


def _failure(job: Job) -> list[str]:
    """What tells of a failure."""
    return [f"{job.notebook.name}.{ending}" for ending in ("failed.html", "failed.json")]
